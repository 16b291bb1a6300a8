package loglist

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
)

// MaxSignature bounds a detached signature; an RSA key of 16,384 bits gives 2,048 bytes.
const MaxSignature = 4096

// ErrSignature says that a list is not what the key's holder signed.
var ErrSignature = errors.New("the signature of the log list is wrong")

// VerifySignature checks the detached signature over the exact bytes of a list: RSA
// PKCS #1 v1.5 or ECDSA, with SHA-256, as `openssl dgst -sha256 -verify` does. spki is the
// publisher's SubjectPublicKeyInfo. A wrong signature is ErrSignature (errors.Is).
func VerifySignature(raw, signature, spki []byte) error {
	pub, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return fmt.Errorf("key of the log list: %w", err)
	}
	if len(signature) > MaxSignature {
		return fmt.Errorf("%w: %d bytes long", ErrSignature, len(signature))
	}
	digest := sha256.Sum256(raw)
	switch key := pub.(type) {
	case *rsa.PublicKey:
		if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature); err != nil {
			return fmt.Errorf("%w (RSA key with SHA-256 %x)", ErrSignature, sha256.Sum256(spki))
		}
		return nil
	case *ecdsa.PublicKey:
		if !ecdsa.VerifyASN1(key, digest[:], signature) {
			return fmt.Errorf("%w (ECDSA key with SHA-256 %x)", ErrSignature, sha256.Sum256(spki))
		}
		return nil
	}
	return fmt.Errorf("key of the log list: a key of type %T; only RSA and ECDSA are known", pub)
}
