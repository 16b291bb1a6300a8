package testpki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

// Key is a signing key whose signatures are deterministic: ECDSA by RFC 6979,
// RSA by PKCS #1 v1.5.
type Key struct {
	SPKI []byte // DER SubjectPublicKeyInfo

	signer crypto.Signer
	id     [20]byte // key identifier, RFC 5280 section 4.2.1.2 (1)
	alg    []byte   // AlgorithmIdentifier of its signatures, with SHA-256
}

// ECKey returns the ECDSA P-256 key that follows from seed.
func ECKey(seed string) *Key {
	for i := 0; ; i++ {
		scalar := sha256.Sum256(fmt.Appendf(nil, "selfaudit test key %d %s", i, seed))
		// Fails for a scalar outside the group order, about once in 2^32 seeds.
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:]); err == nil {
			return newKey(key, Sequence(OID("1.2.840.10045.4.3.2")))
		}
	}
}

// RSAKey returns RSA test key number i of RSAKeys; they are 2048 bits long.
func RSAKey(i int) *Key {
	block, _ := pem.Decode([]byte(rsaKeys[i]))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		panic("testpki: " + err.Error())
	}
	return newKey(key.(*rsa.PrivateKey), Sequence(OID("1.2.840.113549.1.1.11"), []byte{0x05, 0x00}))
}

// RSAKeys is the number of RSA test keys.
const RSAKeys = len(rsaKeys)

func newKey(signer crypto.Signer, alg []byte) *Key {
	spki, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		panic("testpki: " + err.Error())
	}
	k := &Key{SPKI: spki, signer: signer, alg: alg}
	switch pub := signer.Public().(type) {
	case *ecdsa.PublicKey:
		point, err := pub.Bytes()
		if err != nil {
			panic("testpki: " + err.Error())
		}
		k.id = sha1.Sum(point)
	case *rsa.PublicKey:
		k.id = sha1.Sum(x509.MarshalPKCS1PublicKey(pub))
	}
	return k
}

// Hash returns the SHA-256 of the SubjectPublicKeyInfo: the issuer key hash of a
// CA, the log ID of a log.
func (k *Key) Hash() [32]byte { return sha256.Sum256(k.SPKI) }

// IsRSA reports whether the key is an RSA key.
func (k *Key) IsRSA() bool { _, ok := k.signer.(*rsa.PrivateKey); return ok }

// Sign returns the signature over msg with SHA-256.
func (k *Key) Sign(msg []byte) []byte {
	digest := sha256.Sum256(msg)
	// Without a source of randomness both kinds of keys sign deterministically.
	sig, err := k.signer.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		panic("testpki: " + err.Error())
	}
	return sig
}

// PublicPEM returns the public key as PEM "PUBLIC KEY".
func (k *Key) PublicPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.SPKI})
}

// Signer is the private key, for what signs itself, such as TLS.
func (k *Key) Signer() crypto.Signer { return k.signer }
