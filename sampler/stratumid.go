package sampler

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
)

// Class is the kind of certificate, decided from policy OIDs before the draw
// (protocol section 3).
type Class string

// The classes of protocol section 3. ClassOther means undecided.
const (
	ClassDV    Class = "dv"
	ClassOV    Class = "ov"
	ClassIV    Class = "iv"
	ClassEV    Class = "ev"
	ClassSMIME Class = "smime"
	ClassCS    Class = "cs"    // code signing, Non-EV
	ClassCSEV  Class = "csev"  // code signing, EV
	ClassCA    Class = "ca"    // subordinate CA certificates
	ClassOCSP  Class = "ocsp"  // OCSP responder certificates
	ClassOther Class = "other" // undecided: reviewed in full by default
)

var classes = []Class{ClassDV, ClassOV, ClassIV, ClassEV, ClassSMIME, ClassCS, ClassCSEV, ClassCA, ClassOCSP, ClassOther}

// ParseClass reads one of the ten class names.
func ParseClass(s string) (Class, error) {
	if c, ok := classOf(s); ok {
		return c, nil
	}
	return "", fmt.Errorf("unknown certificate class %.40q; want one of dv ov iv ev smime cs csev ca ocsp other", s)
}

func classOf[T string | []byte](s T) (Class, bool) {
	for _, c := range classes {
		if string(s) == string(c) {
			return c, true
		}
	}
	return "", false
}

// maxLabel is the longest stratum label, [a-z0-9][a-z0-9-]{0,31}.
const maxLabel = 32

// StratumID names one stratum: issuer key, class and an optional division of
// the CA's own, such as a registration authority (protocol section 3).
type StratumID struct {
	Issuer KeyHash
	Class  Class
	Label  string // "" for none
}

// ParseStratumID reads "<64 hex>/<class>" or "<64 hex>/<class>/<label>".
func ParseStratumID(s string) (StratumID, error) {
	id, err := parseStratumID([]byte(s))
	if err != nil {
		return StratumID{}, fmt.Errorf("parsing stratum id %.120q: %w", s, err)
	}
	return id, nil
}

func parseStratumID(b []byte) (StratumID, error) {
	if len(b) < 66 || b[64] != '/' {
		return StratumID{}, fmt.Errorf("want issuer key hash, slash, class")
	}
	issuer, err := parseHex32(b[:64])
	if err != nil {
		return StratumID{}, fmt.Errorf("issuer key hash: %w", err)
	}
	name, label, labelled := bytes.Cut(b[65:], []byte{'/'})
	class, ok := classOf(name)
	if !ok {
		return StratumID{}, fmt.Errorf("unknown class %.40q", name)
	}
	id := StratumID{Issuer: issuer, Class: class}
	if labelled {
		if !validLabel(label) {
			return StratumID{}, fmt.Errorf("label %.40q is not [a-z0-9][a-z0-9-]{0,31}", label)
		}
		id.Label = string(label)
	}
	return id, nil
}

func validLabel[T string | []byte](s T) bool {
	if len(s) == 0 || len(s) > maxLabel || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// check refuses an id whose text ParseStratumID would refuse.
func (id StratumID) check() error {
	if _, ok := classOf(string(id.Class)); !ok {
		return fmt.Errorf("unknown class %.40q", id.Class)
	}
	if id.Label != "" && !validLabel(id.Label) {
		return fmt.Errorf("label %.40q is not [a-z0-9][a-z0-9-]{0,31}", id.Label)
	}
	return nil
}

// String returns the stratum_id column.
func (id StratumID) String() string { return string(id.Append(nil)) }

// Append appends the stratum_id text to b.
func (id StratumID) Append(b []byte) []byte {
	b = hex.AppendEncode(b, id.Issuer[:])
	b = append(b, '/')
	b = append(b, id.Class...)
	if id.Label != "" {
		b = append(b, '/')
		b = append(b, id.Label...)
	}
	return b
}

// Compare orders stratum ids as their strings, byte by byte.
func (id StratumID) Compare(other StratumID) int {
	if c := bytes.Compare(id.Issuer[:], other.Issuer[:]); c != 0 {
		return c
	}
	// Comparing class before label equals comparing the strings: where one
	// class is the beginning of another (cs, csev), "/" sorts before letters.
	if c := strings.Compare(string(id.Class), string(other.Class)); c != 0 {
		return c
	}
	return strings.Compare(id.Label, other.Label)
}

// MarshalText writes the stratum_id text.
func (id StratumID) MarshalText() ([]byte, error) { return id.Append(nil), nil }

// UnmarshalText reads the stratum_id text, as strict as ParseStratumID.
func (id *StratumID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseStratumID(string(b))
	return err
}
