package ccadb

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Record is one line of a report of certificate records: one CA certificate. Texts are as
// the report has them and may hold any character.
type Record struct {
	Line         int    // where the record begins in the file, from 1
	Owner        string // CA Owner: who answers for the certificate to the root programmes
	SubOwner     string // Subordinate CA Owner: who runs the CA, if that is somebody else
	Name         string // Certificate Name
	Root         bool   // Certificate Record Type is "Root Certificate"
	Revocation   string // Revocation Status: "", "Not Revoked", "Revoked", "Parent Cert Revoked"
	Constrained  bool   // Technically Constrained
	SHA256       [32]byte
	ParentSHA256 string // as written; "" for roots
	ValidFrom    time.Time
	ValidTo      time.Time // end of the day: the report has days
	PEM          string    // X.509 Certificate (PEM), "" if the report has no such column
	TLSCapable   string    // "True", "False" or "" where the column is missing
	DerivedTrust string    // Derived Trust Bits
}

// Revoked says whether the certificate or one above it was revoked. The report does not
// say when.
func (r *Record) Revoked() bool {
	s := strings.ToLower(strings.TrimSpace(r.Revocation))
	return s != "" && s != "not revoked"
}

// ValidIn says whether the certificate was within its validity at any moment of
// [from, until). A revoked one counts: when it was revoked is not in the report, and until
// then it could issue.
func (r *Record) ValidIn(from, until time.Time) bool {
	return r.ValidFrom.Before(until) && !r.ValidTo.Before(from)
}

// Of says whether the certificate is one of an owner: as CA Owner, or as the one who runs
// a CA under somebody else's root. Case and surrounding spaces do not matter.
func (r *Record) Of(owner string) bool {
	return sameName(r.Owner, owner) || sameName(r.SubOwner, owner)
}

func sameName(a, b string) bool {
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	return a != "" && strings.EqualFold(a, b)
}

// The columns, by the names that the versions of the reports use.
var (
	colOwner       = []string{"CA Owner"}
	colSubOwner    = []string{"Subordinate CA Owner"}
	colName        = []string{"Certificate Name"}
	colType        = []string{"Certificate Record Type"}
	colRevocation  = []string{"Revocation Status"}
	colSHA256      = []string{"SHA-256 Fingerprint"}
	colParent      = []string{"Parent SHA-256 Fingerprint"}
	colFrom        = []string{"Valid From (GMT)", "Valid From [GMT]"}
	colTo          = []string{"Valid To (GMT)", "Valid To [GMT]"}
	colConstrained = []string{"Technically Constrained"}
	colTLS         = []string{"TLS Capable"}
	colTrust       = []string{"Derived Trust Bits"}
	colPEM         = []string{"X.509 Certificate (PEM)", "PEM Info", "PEM"}
)

// header finds columns by name.
type header map[string]int

func readHeader(c *csvReader) (header, int, error) {
	names, err := c.record()
	if err == io.EOF {
		return nil, 0, errors.New("the file is empty")
	}
	if err != nil {
		return nil, 0, err
	}
	h := header{}
	for i, n := range names {
		n = strings.TrimSpace(n)
		if _, twice := h[n]; twice && n != "" {
			return nil, 0, fmt.Errorf("line 1: two columns are called %.80q", n)
		}
		h[n] = i
	}
	return h, len(names), nil
}

// find returns the index of the first name that the header has, or -1.
func (h header) find(names []string) int {
	for _, n := range names {
		if i, ok := h[n]; ok {
			return i
		}
	}
	return -1
}

// value returns a column's value in a record, "" for a column that the report lacks.
func (h header) value(record []string, names []string) string {
	if i := h.find(names); i >= 0 {
		return record[i]
	}
	return ""
}

// Read passes every record of a report to fn, in order, as it is read. It needs the
// columns CA Owner, Certificate Name, Certificate Record Type, SHA-256 Fingerprint, Valid
// From and Valid To; all others may be missing. A record that contradicts the form of the
// report is an error with its line: a list of issuers with a hole is not noticed later.
func Read(r io.Reader, fn func(*Record) error) error {
	c := newCSV(r)
	h, columns, err := readHeader(c)
	if err != nil {
		return err
	}
	for _, need := range [][]string{colOwner, colName, colType, colSHA256, colFrom, colTo} {
		if h.find(need) < 0 {
			return fmt.Errorf("line 1: no column %q: this is not the report AllCertificateRecordsCSVFormat of the CCADB", need[0])
		}
	}
	for {
		fields, err := c.row(columns)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		rec, err := h.record(fields)
		if err != nil {
			return fmt.Errorf("line %d (%.80q): %w", c.start, h.value(fields, colName), err)
		}
		rec.Line = c.start
		if err := fn(rec); err != nil {
			return err
		}
	}
}

func (h header) record(f []string) (*Record, error) {
	r := &Record{Owner: h.value(f, colOwner), SubOwner: h.value(f, colSubOwner), Name: h.value(f, colName), Revocation: h.value(f, colRevocation),
		ParentSHA256: h.value(f, colParent), PEM: h.value(f, colPEM), TLSCapable: h.value(f, colTLS), DerivedTrust: h.value(f, colTrust)}
	switch kind := strings.TrimSpace(h.value(f, colType)); kind {
	case "Root Certificate":
		r.Root = true
	case "Intermediate Certificate":
	default:
		return nil, fmt.Errorf("unknown Certificate Record Type %.80q", kind)
	}
	switch v := strings.ToLower(strings.TrimSpace(h.value(f, colConstrained))); v {
	case "true", "yes":
		r.Constrained = true
	case "false", "no", "":
	default:
		return nil, fmt.Errorf("unknown value %.40q of Technically Constrained", v)
	}
	var err error
	if r.SHA256, err = fingerprint(h.value(f, colSHA256)); err != nil {
		return nil, err
	}
	if r.ValidFrom, err = parseDay(h.value(f, colFrom)); err != nil {
		return nil, fmt.Errorf("column Valid From: %w", err)
	}
	if r.ValidTo, err = parseDay(h.value(f, colTo)); err != nil {
		return nil, fmt.Errorf("column Valid To: %w", err)
	}
	r.ValidTo = r.ValidTo.Add(24*time.Hour - time.Second)
	return r, nil
}

// fingerprint reads a SHA-256 in hex, in either case, with or without colons.
func fingerprint(s string) (out [32]byte, err error) {
	s = strings.ReplaceAll(strings.TrimSpace(s), ":", "")
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != len(out) {
		return out, fmt.Errorf("%.100q is not a SHA-256 fingerprint", s)
	}
	copy(out[:], raw)
	return out, nil
}

// parseDay reads a day; the reports have written 2026-01-31 and 2026.01.31.
func parseDay(s string) (time.Time, error) {
	t, err := time.Parse("2006-01-02", strings.ReplaceAll(strings.TrimSpace(s), ".", "-"))
	if err != nil {
		return t, fmt.Errorf("%.40q is not a day like 2026-01-31", s)
	}
	return t, nil
}
