package loglist

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// RootsSchema is the schema of ct/log_roots.json.
const RootsSchema = "selfaudit.log-roots/v1"

// maxRootsDocument bounds ct/log_roots.json.
const maxRootsDocument = 64 << 20

// What came of asking a log for its roots.
const (
	RootsSkipped  = "skipped"   // the answer has nothing of the CA: the log is not read
	RootsFound    = "found"     // the log may take the CA's certificates: it is read
	RootsNoAnswer = "no_answer" // there was no usable answer: the log is read
)

// RootsDocument is ct/log_roots.json: which logs of the list were asked for their roots, what
// they answered, and with which certificates of the CA the answers were compared.
type RootsDocument struct {
	Schema string          `json:"schema"`
	CA     []CACertificate `json:"ca"`   // ascending by hash
	Logs   []RootsAnswer   `json:"logs"` // ascending by log id
}

// RootsAnswer is what one log answered.
type RootsAnswer struct {
	LogID   string `json:"log_id"` // 64 hex
	URL     string `json:"url"`    // prefix below which ct/v1/get-roots was asked for
	AskedAt string `json:"asked_at"`
	Outcome string `json:"outcome"` // one of the Roots constants
	// SHA256 and Certificates are of the answer, with outcome RootsSkipped and RootsFound.
	SHA256       string `json:"sha256,omitempty"`
	Certificates int    `json:"certificates,omitempty"`
	Match        string `json:"match,omitempty"` // with RootsFound: SHA-256 of the first certificate that decided
	Error        string `json:"error,omitempty"` // with RootsNoAnswer
}

// Bytes writes the document: two spaces of indentation, LF at the end.
func (d *RootsDocument) Bytes() ([]byte, error) {
	doc := *d
	doc.Schema = RootsSchema
	doc.CA, doc.Logs = append([]CACertificate{}, d.CA...), append([]RootsAnswer{}, d.Logs...)
	if err := doc.check(); err != nil {
		return nil, fmt.Errorf("writing log_roots.json: %w", err)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(doc); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// ParseRootsDocument reads ct/log_roots.json as Bytes writes it; any other spelling is refused.
func ParseRootsDocument(raw []byte) (*RootsDocument, error) {
	var d RootsDocument
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	err := error(nil)
	switch {
	case len(raw) > maxRootsDocument:
		err = fmt.Errorf("larger than %d bytes", maxRootsDocument)
	default:
		if err = dec.Decode(&d); err == nil {
			err = d.check()
		}
	}
	if err == nil {
		var again []byte
		if again, err = d.Bytes(); err == nil && !bytes.Equal(raw, again) {
			err = errors.New("not written the way this program writes it")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("log_roots.json: %w", err)
	}
	return &d, nil
}

func (d *RootsDocument) check() error {
	if d.Schema != RootsSchema {
		return fmt.Errorf("schema is %.80q, want %s", d.Schema, RootsSchema)
	}
	if !slices.IsSortedFunc(d.CA, func(a, b CACertificate) int { return strings.Compare(a.SHA256, b.SHA256) }) {
		return errors.New("ca: not ascending by hash")
	}
	for i, l := range d.Logs {
		if err := l.check(); err != nil {
			return fmt.Errorf("log %.80q: %w", l.LogID, err)
		}
		if i > 0 && d.Logs[i-1].LogID >= l.LogID {
			return errors.New("logs: not ascending by log id")
		}
	}
	return nil
}

func (l *RootsAnswer) check() error {
	if _, err := time.Parse(time.RFC3339, l.AskedAt); err != nil {
		return fmt.Errorf("asked_at %.40q is not a time", l.AskedAt)
	}
	answered := isHash(l.SHA256) && l.Certificates > 0 && l.Error == ""
	ok := false
	switch l.Outcome {
	case RootsSkipped:
		ok = answered && l.Match == ""
	case RootsFound:
		ok = answered && isHash(l.Match)
	case RootsNoAnswer:
		ok = l.SHA256 == "" && l.Certificates == 0 && l.Match == "" && l.Error != ""
	}
	if !ok || !isHash(l.LogID) {
		return fmt.Errorf("log id, hash, number of certificates and reason do not fit outcome %.40q", l.Outcome)
	}
	return nil
}

func isHash(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == 32 && s == strings.ToLower(s)
}

// Of returns what a log answered, by its log id in hex; nil if it was not asked, or with a
// nil document.
func (d *RootsDocument) Of(logID string) *RootsAnswer {
	if d == nil {
		return nil
	}
	if i := slices.IndexFunc(d.Logs, func(l RootsAnswer) bool { return l.LogID == logID }); i >= 0 {
		return &d.Logs[i]
	}
	return nil
}
