package ct

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
)

// PublicKey is a SubjectPublicKeyInfo, read once for verifying many signatures: reading it
// costs about as much as a tenth of a verification. It is safe for use by several
// goroutines.
type PublicKey struct {
	spki []byte
	id   LogID
	key  any   // of crypto/x509
	err  error // why there is no key
}

// NewPublicKey reads a DER SubjectPublicKeyInfo, which it keeps. It does not fail: with a
// key that cannot be read, every verification fails and says why, because an issuer with
// such a key is still an issuer.
func NewPublicKey(spki []byte) *PublicKey {
	k := &PublicKey{spki: spki, id: LogIDOf(spki)}
	k.key, k.err = x509.ParsePKIXPublicKey(spki)
	return k
}

// SPKI returns the DER SubjectPublicKeyInfo.
func (k *PublicKey) SPKI() []byte { return k.spki }

// LogID returns the ID of the log that signs with this key: the SHA-256 of the
// SubjectPublicKeyInfo, which for an issuer's key is the issuer_key_hash.
func (k *PublicKey) LogID() LogID { return k.id }

// VerifySignature checks the signature of c with its issuer's key. The error is
// ErrBadSignature or, when nothing could be checked, ErrUnsupportedAlgorithm (errors.Is).
func (k *PublicKey) VerifySignature(c *Certificate) error {
	oid, params, err := parseAlgorithm(c.SigAlg)
	if err != nil {
		return fmt.Errorf("%w: signatureAlgorithm: %w", ErrUnsupportedAlgorithm, err)
	}
	scheme, ok := signatureSchemes[oid]
	if !ok {
		return fmt.Errorf("%w: %s", ErrUnsupportedAlgorithm, oid)
	}
	if k.err != nil {
		return fmt.Errorf("%w: issuer key: %w", ErrUnsupportedAlgorithm, k.err)
	}
	switch key := k.key.(type) {
	case *rsa.PublicKey:
		return verifyRSA(key, scheme, params, c)
	case *ecdsa.PublicKey:
		if scheme.family == "ecdsa" {
			if !ecdsa.VerifyASN1(key, digest(scheme.hash, c.RawTBS), c.Signature) {
				return ErrBadSignature
			}
			return nil
		}
	case ed25519.PublicKey:
		if scheme.family == "ed25519" {
			if !ed25519.Verify(key, c.RawTBS, c.Signature) {
				return ErrBadSignature
			}
			return nil
		}
	default:
		return fmt.Errorf("%w: issuer key of type %T", ErrUnsupportedAlgorithm, key)
	}
	return fmt.Errorf("%w: algorithm %s is not one of the issuer's key, a %T", ErrBadSignature, oid, k.key)
}

// Algorithm numbers of RFC 5246 section 7.4.1.4.1 that RFC 6962 allows logs.
const (
	tlsSHA256 = 4
	tlsRSA    = 1
	tlsECDSA  = 3
)

// verifyDigitallySigned checks a log's signature over msg. RFC 6962 section 2.1.4
// allows logs ECDSA on P-256 and RSA of at least 2048 bits, both with SHA-256.
func (k *PublicKey) verifyDigitallySigned(msg, signed []byte) error {
	in := input(signed)
	hashAlg, ok1 := in.uint8()
	sigAlg, ok2 := in.uint8()
	sig, ok3 := in.vector16()
	if !ok1 || !ok2 || !ok3 || len(in) != 0 {
		return errors.New("signature is not a DigitallySigned structure")
	}
	if k.err != nil {
		return fmt.Errorf("log key is not a SubjectPublicKeyInfo: %w", k.err)
	}
	digest := sha256.Sum256(msg)
	switch key := k.key.(type) {
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return errors.New("log key is ECDSA on another curve than P-256")
		}
		if hashAlg != tlsSHA256 || sigAlg != tlsECDSA {
			return fmt.Errorf("signature algorithms %d/%d, want 4/3 for an ECDSA log key", hashAlg, sigAlg)
		}
		if !ecdsa.VerifyASN1(key, digest[:], sig) {
			return fmt.Errorf("%w: it does not verify with the log key %s", ErrBadSignature, k.id)
		}
	case *rsa.PublicKey:
		if key.Size() < 256 {
			return fmt.Errorf("log key is RSA of %d bits, want 2048 or more", key.N.BitLen())
		}
		if hashAlg != tlsSHA256 || sigAlg != tlsRSA {
			return fmt.Errorf("signature algorithms %d/%d, want 4/1 for an RSA log key", hashAlg, sigAlg)
		}
		if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], sig); err != nil {
			return fmt.Errorf("%w: it does not verify with the log key %s", ErrBadSignature, k.id)
		}
	default:
		return fmt.Errorf("log key is neither ECDSA nor RSA but %T", key)
	}
	return nil
}

// CanonicalKey makes several encodings of one key equal, where Go can read the key in a DER
// SubjectPublicKeyInfo (draw protocol section 3: one key counts under its lowest hash).
func CanonicalKey(spki []byte) string {
	if pub, err := x509.ParsePKIXPublicKey(spki); err == nil {
		if der, err := x509.MarshalPKIXPublicKey(pub); err == nil {
			return string(der)
		}
	}
	return string(spki)
}
