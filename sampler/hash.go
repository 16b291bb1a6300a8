package sampler

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// KeyHash is the SHA-256 of an issuer's SubjectPublicKeyInfo DER (protocol
// section 3). It equals issuer_key_hash of a CT precertificate entry.
type KeyHash [32]byte

// CertHash is the SHA-256 of the DER of a certificate or precertificate.
type CertHash [32]byte

// DocHash is the SHA-256 of a document's raw bytes (protocol section 2). In a
// commitment the zero value stands for "none".
type DocHash [32]byte

// HashCert returns the fingerprint of a DER certificate or precertificate.
func HashCert(der []byte) CertHash { return sha256.Sum256(der) }

// HashDoc returns the hash of a document's bytes, as sha256sum prints it.
func HashDoc(b []byte) DocHash { return sha256.Sum256(b) }

// ParseKeyHash reads exactly 64 lowercase hex digits.
func ParseKeyHash(s string) (KeyHash, error) {
	h, err := parseHex32(s)
	if err != nil {
		return KeyHash{}, fmt.Errorf("parsing issuer key hash %.80q: %w", s, err)
	}
	return h, nil
}

// ParseCertHash reads exactly 64 lowercase hex digits.
func ParseCertHash(s string) (CertHash, error) {
	h, err := parseHex32(s)
	if err != nil {
		return CertHash{}, fmt.Errorf("parsing certificate hash %.80q: %w", s, err)
	}
	return h, nil
}

// ParseDocHash reads exactly 64 lowercase hex digits.
func ParseDocHash(s string) (DocHash, error) {
	h, err := parseHex32(s)
	if err != nil {
		return DocHash{}, fmt.Errorf("parsing document hash %.80q: %w", s, err)
	}
	return h, nil
}

// String returns the hash as 64 lowercase hex digits.
func (h KeyHash) String() string { return hex.EncodeToString(h[:]) }

// String returns the hash as 64 lowercase hex digits.
func (h CertHash) String() string { return hex.EncodeToString(h[:]) }

// String returns the hash as 64 lowercase hex digits.
func (h DocHash) String() string { return hex.EncodeToString(h[:]) }

// IsZero reports whether the hash was never set.
func (h KeyHash) IsZero() bool { return h == KeyHash{} }

// IsZero reports whether the hash was never set.
func (h CertHash) IsZero() bool { return h == CertHash{} }

// IsZero reports whether the hash was never set; a commitment writes "none".
func (h DocHash) IsZero() bool { return h == DocHash{} }

// OrNone returns 64 lowercase hex digits, or "none" for a hash that was never set.
func (h DocHash) OrNone() string {
	if h.IsZero() {
		return "none"
	}
	return h.String()
}

// MarshalText writes 64 lowercase hex digits.
func (h KeyHash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// MarshalText writes 64 lowercase hex digits.
func (h CertHash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// MarshalText writes 64 lowercase hex digits.
func (h DocHash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads exactly 64 lowercase hex digits.
func (h *KeyHash) UnmarshalText(b []byte) (err error) {
	*h, err = ParseKeyHash(string(b))
	return err
}

// UnmarshalText reads exactly 64 lowercase hex digits.
func (h *CertHash) UnmarshalText(b []byte) (err error) {
	*h, err = ParseCertHash(string(b))
	return err
}

// UnmarshalText reads exactly 64 lowercase hex digits.
func (h *DocHash) UnmarshalText(b []byte) (err error) {
	*h, err = ParseDocHash(string(b))
	return err
}

// parseHex32 decodes 64 lowercase hex digits. encoding/hex would also take
// upper case, which the protocol's text rules refuse.
func parseHex32[T string | []byte](s T) ([32]byte, error) {
	var out [32]byte
	if len(s) != 64 {
		return out, fmt.Errorf("have %d characters, want 64 lowercase hex digits", len(s))
	}
	for i := range out {
		hi, lo := hexValue[s[2*i]], hexValue[s[2*i+1]]
		if hi|lo > 15 {
			return [32]byte{}, fmt.Errorf("not lowercase hex at character %d", 2*i+1)
		}
		out[i] = hi<<4 | lo
	}
	return out, nil
}

// hexValue maps an ASCII character to its value as a lowercase hex digit, 255
// for every other byte.
var hexValue = func() (t [256]byte) {
	for i := range t {
		t[i] = 255
	}
	for i, c := range []byte("0123456789abcdef") {
		t[c] = byte(i)
	}
	return t
}()

func isLowerHex[T string | []byte](s T) bool {
	for i := range len(s) {
		if hexValue[s[i]] > 15 {
			return false
		}
	}
	return true
}
