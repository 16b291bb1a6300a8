package ct

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	_ "crypto/sha1" // SHA-1 signatures are a finding, not a reason to disown a certificate
	_ "crypto/sha256"
	_ "crypto/sha512"
	"errors"
	"fmt"
)

// ErrUnsupportedAlgorithm says that a signature was not checked because its
// algorithm or the issuer's key is not one this package can use.
var ErrUnsupportedAlgorithm = errors.New("unsupported signature algorithm or key")

// ErrBadSignature says that a signature was checked and is wrong.
var ErrBadSignature = errors.New("signature is wrong")

type signatureScheme struct {
	family string // "rsa", "ecdsa", "ed25519" or "pss"
	hash   crypto.Hash
}

// signatureSchemes are the algorithms by OID (RFC 4055, RFC 5758, RFC 8410).
var signatureSchemes = map[string]signatureScheme{
	"1.2.840.113549.1.1.5":  {"rsa", crypto.SHA1},
	"1.3.14.3.2.29":         {"rsa", crypto.SHA1}, // the older OIW identifier
	"1.2.840.113549.1.1.11": {"rsa", crypto.SHA256},
	"1.2.840.113549.1.1.12": {"rsa", crypto.SHA384},
	"1.2.840.113549.1.1.13": {"rsa", crypto.SHA512},
	"1.2.840.113549.1.1.10": {"pss", 0},
	"1.2.840.10045.4.1":     {"ecdsa", crypto.SHA1},
	"1.2.840.10045.4.3.1":   {"ecdsa", crypto.SHA224},
	"1.2.840.10045.4.3.2":   {"ecdsa", crypto.SHA256},
	"1.2.840.10045.4.3.3":   {"ecdsa", crypto.SHA384},
	"1.2.840.10045.4.3.4":   {"ecdsa", crypto.SHA512},
	"1.3.101.112":           {"ed25519", 0},
}

// VerifySignature checks the signature of c with the SubjectPublicKeyInfo of its
// issuer, as PublicKey.VerifySignature does.
func VerifySignature(issuerSPKI []byte, c *Certificate) error {
	return NewPublicKey(issuerSPKI).VerifySignature(c)
}

func digest(h crypto.Hash, msg []byte) []byte {
	d := h.New()
	d.Write(msg)
	return d.Sum(nil)
}

// minRSABits is the smallest RSA key crypto/rsa agrees to use.
const minRSABits = 1024

func verifyRSA(key *rsa.PublicKey, scheme signatureScheme, params []byte, c *Certificate) error {
	if key.N.BitLen() < minRSABits {
		return fmt.Errorf("%w: RSA key of %d bits", ErrUnsupportedAlgorithm, key.N.BitLen())
	}
	switch scheme.family {
	case "rsa":
		if err := rsa.VerifyPKCS1v15(key, scheme.hash, digest(scheme.hash, c.RawTBS), c.Signature); err != nil {
			return ErrBadSignature
		}
		return nil
	case "pss":
		hash, salt, err := parsePSS(params)
		if err != nil {
			return fmt.Errorf("%w: RSASSA-PSS parameters: %w", ErrUnsupportedAlgorithm, err)
		}
		opts := &rsa.PSSOptions{SaltLength: salt, Hash: hash}
		if err := rsa.VerifyPSS(key, hash, digest(hash, c.RawTBS), c.Signature, opts); err != nil {
			return ErrBadSignature
		}
		return nil
	}
	return fmt.Errorf("%w: algorithm is not one of the issuer's RSA key", ErrBadSignature)
}

// parseAlgorithm reads an AlgorithmIdentifier: the dotted OID and the parameters as they are.
func parseAlgorithm(alg []byte) (oid string, params []byte, err error) {
	seq, _, err := readTagged(alg, tagSequence)
	if err != nil {
		return "", nil, err
	}
	id, params, err := readTagged(seq.content, tagOID)
	if err != nil {
		return "", nil, err
	}
	if oid = oidString(id.content); oid == "" {
		return "", nil, errors.New("not an object identifier")
	}
	return oid, params, nil
}

// hashesByOID are the hash functions that RSASSA-PSS parameters may name (RFC 4055 section 2.1).
var hashesByOID = map[string]crypto.Hash{
	"1.3.14.3.2.26":          crypto.SHA1,
	"2.16.840.1.101.3.4.2.1": crypto.SHA256,
	"2.16.840.1.101.3.4.2.2": crypto.SHA384,
	"2.16.840.1.101.3.4.2.3": crypto.SHA512,
}

const oidMGF1 = "1.2.840.113549.1.1.8"

// parsePSS reads RSASSA-PSS-params (RFC 4055 section 3.1). Defaults are SHA-1,
// MGF1 with SHA-1, salt of 20 octets, trailer 1.
func parsePSS(params []byte) (hash crypto.Hash, saltLength int, err error) {
	seq, _, err := readTagged(params, tagSequence)
	if err != nil {
		return 0, 0, err
	}
	hash, mgfHash, saltLength := crypto.SHA1, crypto.SHA1, 20
	for rest := seq.content; len(rest) > 0; {
		var e element
		if e, rest, err = readElement(rest); err != nil {
			return 0, 0, err
		}
		switch e.tag {
		case 0xa0:
			hash, err = hashOf(e.content)
		case 0xa1:
			mgfHash, err = mgf1HashOf(e.content)
		case 0xa2:
			saltLength, err = smallInteger(e.content)
		case 0xa3:
			if !bytes.Equal(e.content, []byte{tagInteger, 1, 1}) {
				err = errors.New("trailer field is not 1")
			}
		default:
			err = fmt.Errorf("unknown field %#02x", e.tag)
		}
		if err != nil {
			return 0, 0, err
		}
	}
	if hash != mgfHash {
		return 0, 0, errors.New("the mask generation function uses another hash than the message")
	}
	return hash, saltLength, nil
}

func hashOf(alg []byte) (crypto.Hash, error) {
	oid, _, err := parseAlgorithm(alg)
	if err != nil {
		return 0, err
	}
	h, ok := hashesByOID[oid]
	if !ok {
		return 0, fmt.Errorf("unknown hash %s", oid)
	}
	return h, nil
}

func mgf1HashOf(alg []byte) (crypto.Hash, error) {
	oid, params, err := parseAlgorithm(alg)
	if err != nil {
		return 0, err
	}
	if oid != oidMGF1 {
		return 0, fmt.Errorf("unknown mask generation function %s", oid)
	}
	return hashOf(params)
}

// smallInteger reads a non-negative INTEGER below 2^15, enough for any salt length.
func smallInteger(der []byte) (int, error) {
	e, _, err := readTagged(der, tagInteger)
	if err != nil {
		return 0, err
	}
	switch c := e.content; {
	case len(c) == 1 && c[0] < 0x80:
		return int(c[0]), nil
	case len(c) == 2 && c[0] < 0x80:
		return int(c[0])<<8 | int(c[1]), nil
	}
	return 0, errors.New("integer is out of range")
}
