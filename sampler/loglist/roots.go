package loglist

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"selfaudit/sampler/ct"
)

// Bounds of an answer to get-roots. Chrome's largest logs answer with 1.5 MB.
const (
	MaxRootsBytes  = 16 << 20
	maxRoots       = 20_000
	maxCertificate = 1 << 20
)

// ParseRoots reads a log's answer to get-roots (RFC 6962 section 4.7; static logs answer the
// same below their submission prefix) and returns the certificates, DER as given: nothing of
// them is parsed. An answer without any certificate is an error: no log takes nothing, so it
// says that something is broken.
func ParseRoots(raw []byte) ([][]byte, error) {
	switch {
	case len(raw) > MaxRootsBytes:
		return nil, fmt.Errorf("get-roots: larger than %d bytes", MaxRootsBytes)
	case !utf8.Valid(raw):
		return nil, errors.New("get-roots: not UTF-8")
	}
	var in struct {
		Certificates [][]byte `json:"certificates"`
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, fmt.Errorf("get-roots: %w", err)
	}
	switch {
	case len(in.Certificates) == 0:
		return nil, errors.New("get-roots: no certificate in the answer")
	case len(in.Certificates) > maxRoots:
		return nil, fmt.Errorf("get-roots: more than %d certificates", maxRoots)
	}
	for i, der := range in.Certificates {
		if len(der) == 0 || len(der) > maxCertificate {
			return nil, fmt.Errorf("get-roots: certificate number %d has %d bytes", i+1, len(der))
		}
	}
	return in.Certificates, nil
}

// Where a CACertificate is known from.
const (
	FromIssuer = "issuer"        // a certificate of an audited issuer
	FromConfig = "configuration" // [log_list] roots
	FromCCADB  = "ccadb"         // the CCADB's report lists it for the owner, or above one of these
)

// CACertificate is one certificate of the CA, or one above it, by which a log would take the
// CA's certificates.
type CACertificate struct {
	SHA256 string `json:"sha256"` // of the DER, 64 lower-case hex digits
	Source string `json:"source"` // one of the From constants
	Root   bool   `json:"root,omitempty"`
	Parent string `json:"parent,omitempty"` // by the CCADB: the SHA-256 of the certificate above
	DER    []byte `json:"certificate,omitempty"`
}

// CASet is what is known of the certificates to which the CA's own chain. The zero value is
// empty.
type CASet struct {
	list  []CACertificate // ascending by hash
	certs map[string]*ct.Certificate
	bits  [][]byte // names and keys of them, DER
}

// NewCASet makes a set. Certificates with a DER must have its hash and must be readable; one
// certificate known from several places is one, and what each place says of it is kept.
func NewCASet(given []CACertificate) (*CASet, error) {
	s := &CASet{certs: map[string]*ct.Certificate{}}
	for _, c := range given {
		if raw, err := hex.DecodeString(c.SHA256); err != nil || len(raw) != sha256.Size || c.SHA256 != strings.ToLower(c.SHA256) {
			return nil, fmt.Errorf("certificate of the CA: %.80q is not a SHA-256", c.SHA256)
		}
		if c.Source != FromIssuer && c.Source != FromConfig && c.Source != FromCCADB {
			return nil, fmt.Errorf("certificate %s of the CA: unknown source %.40q", c.SHA256, c.Source)
		}
		if len(c.DER) > 0 {
			cert, err := ct.ParseCertificate(c.DER)
			if sum := sha256.Sum256(c.DER); err == nil && hex.EncodeToString(sum[:]) != c.SHA256 {
				err = fmt.Errorf("its SHA-256 is %x", sum)
			}
			if err != nil {
				return nil, fmt.Errorf("certificate %s of the CA: %w", c.SHA256, err)
			}
			s.certs[c.SHA256] = cert
		}
		s.put(c)
	}
	slices.SortFunc(s.list, func(a, b CACertificate) int { return strings.Compare(a.SHA256, b.SHA256) })
	for _, c := range s.list {
		if cert := s.certs[c.SHA256]; cert != nil {
			s.bit(cert.RawSPKI)
			s.bit(cert.RawSubject)
			s.bit(cert.RawIssuer)
		}
	}
	return s, nil
}

// put adds a certificate, or what another place says of it.
func (s *CASet) put(c CACertificate) {
	i := slices.IndexFunc(s.list, func(x CACertificate) bool { return x.SHA256 == c.SHA256 })
	if i < 0 {
		s.list = append(s.list, c)
		return
	}
	known := &s.list[i]
	known.Root = known.Root || c.Root
	if known.Parent == "" {
		known.Parent = c.Parent
	}
	if known.DER == nil {
		known.DER = c.DER
	}
}

// bit keeps a name or key to look for. A name without any attribute says nothing.
func (s *CASet) bit(der []byte) {
	if len(der) > 4 && !slices.ContainsFunc(s.bits, func(b []byte) bool { return bytes.Equal(b, der) }) {
		s.bits = append(s.bits, der)
	}
}

// List returns the certificates, ascending by hash.
func (s *CASet) List() []CACertificate { return s.list }

// Rooted says whether the certificate with this hash leads to a root that the set has: by
// signatures, or by what the CCADB says is above it.
func (s *CASet) Rooted(hash string) bool { return s.rooted(hash, map[string]bool{}) }

func (s *CASet) rooted(hash string, seen map[string]bool) bool {
	i := slices.IndexFunc(s.list, func(c CACertificate) bool { return c.SHA256 == hash })
	if i < 0 || seen[hash] {
		return false
	}
	seen[hash] = true
	if s.list[i].Root && s.list[i].Source == FromCCADB || s.list[i].Parent != "" && s.rooted(s.list[i].Parent, seen) {
		return true
	}
	cert := s.certs[hash]
	if cert == nil {
		return false
	}
	for _, above := range s.list {
		p := s.certs[above.SHA256]
		if p == nil || !bytes.Equal(p.RawSubject, cert.RawIssuer) || ct.VerifySignature(p.RawSPKI, cert) != nil {
			continue
		}
		if above.SHA256 == hash || s.rooted(above.SHA256, seen) { // itself: a self-signed root
			return true
		}
	}
	return false
}

// Match says by which certificate of an answer to get-roots the log may take the CA's
// certificates, or -1 if by none: one that the set has, or one that contains a key or a name
// of any of them. So a root that was issued again, a cross-certificate, and a CA certificate
// that the log takes as a root all count. What is found by mistake is only read needlessly.
func (s *CASet) Match(roots [][]byte) int {
	return slices.IndexFunc(roots, func(der []byte) bool {
		sum := sha256.Sum256(der)
		hash := hex.EncodeToString(sum[:])
		return slices.ContainsFunc(s.list, func(c CACertificate) bool { return c.SHA256 == hash }) ||
			slices.ContainsFunc(s.bits, func(b []byte) bool { return bytes.Contains(der, b) })
	})
}
