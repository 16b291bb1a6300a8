// Package corpus holds the results of linting whole populations: the forms in which they are
// kept while being made, the document that an audit can keep of them, and how both are read.
//
// A sample says how likely a problem is; who reports a problem has to name every certificate
// that has it (CCADB Incident Reporting Guidelines, Appendix; BR 8.7 alone asks for less).
package corpus

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"selfaudit/internal/jsonlines"
	"selfaudit/lint"
	"selfaudit/sampler"
)

// Schema names the form of lint/population.jsonl and of `lint --population`.
const Schema = "selfaudit.lint-population/v1"

// Name is the document's place in an audit's folder.
const Name = "lint/population.jsonl"

// Header is the first line: what was linted, by what, and the counts.
type Header struct {
	Schema  string `json:"schema"`
	AuditID string `json:"audit_id"` // whose population the run began with
	Mode    string `json:"mode"`
	Notice  string `json:"notice,omitempty"` // the mark of a rehearsal
	// Only are the rules that were asked for, sorted; empty for all rules of at least the
	// severity Least.
	Only  []string      `json:"only"`
	Least lint.Severity `json:"least"`
	// Linter is what gave the results.
	Linter lint.Info `json:"linter"`
	// Covers are the populations that were linted, newest first; Missing those that the
	// chain has and that could not be opened.
	Covers  []Covered `json:"covers"`
	Missing []Missing `json:"missing"`
	// Problems has one line for each rule that found something, severest first.
	Problems []Problem `json:"problems"`
}

// Covered is one population that was linted whole.
type Covered struct {
	AuditID    string          `json:"audit_id"`
	Population sampler.DocHash `json:"population_sha256"`
	Items      int64           `json:"items"`
	// Certificates counts the distinct certificates and precertificates of the items.
	Certificates int64 `json:"certificates"`
}

// Missing is a population that was not linted.
type Missing struct {
	AuditID string `json:"audit_id"`
	Items   int64  `json:"items"`
	Reason  string `json:"reason"`
}

// Problem counts what one rule found.
type Problem struct {
	Lint         string        `json:"lint"`
	Severity     lint.Severity `json:"severity"` // the severest it was found with
	Source       string        `json:"source"`
	Citation     string        `json:"citation"`
	Items        int64         `json:"items"`
	Certificates int64         `json:"certificates"`
	FirstIssued  string        `json:"first_issued"` // UTC time
	LastIssued   string        `json:"last_issued"`
}

// Affected is one certificate that a rule found something on.
type Affected struct {
	Lint     string         `json:"lint"`
	Severity lint.Severity  `json:"severity"`
	AuditID  string         `json:"audit_id"` // in whose population it is
	Item     sampler.ItemID `json:"item_id"`
	Stratum  string         `json:"stratum_id"`
	SHA256   string         `json:"sha256"` // lower hex
	Form     sampler.Form   `json:"form"`
	Issued   string         `json:"issued"`     // of the item, UTC
	From     string         `json:"not_before"` // of the population's row; "-" if unreadable
	Until    string         `json:"not_after"`
	RuleSet  string         `json:"rule_set,omitempty"`
	Details  string         `json:"details,omitempty"`
}

// Speaks says whether the run looked for what a rule finds with a severity.
func (h *Header) Speaks(rule string, severity lint.Severity) bool {
	if len(h.Only) > 0 {
		return slices.Contains(h.Only, rule)
	}
	return severity >= h.Least
}

// Find returns the header's line about a rule.
func (h *Header) Find(rule string) (Problem, bool) {
	i := slices.IndexFunc(h.Problems, func(p Problem) bool { return p.Lint == rule })
	if i < 0 {
		return Problem{}, false
	}
	return h.Problems[i], true
}

// Items and Certificates sum the covered populations up.
func (h *Header) Items() (n int64) {
	for _, c := range h.Covers {
		n += c.Items
	}
	return n
}

// Certificates sums up the distinct certificates and precertificates.
func (h *Header) Certificates() (n int64) {
	for _, c := range h.Covers {
		n += c.Certificates
	}
	return n
}

// maxLine bounds a line of the document.
const maxLine = 16 << 20

// Read reads the document strictly, line by line: the header, then every affected
// certificate in the order of item, certificate (final ones first, then by hash) and rule.
// What the header counts must be what stands there. fn may be nil.
func Read(r io.Reader, fn func(Affected) error) (*Header, error) {
	h := new(Header)
	count := NewCounter(nil)
	var last Affected
	err := jsonlines.Each(r, maxLine, func(n int, line []byte) error {
		if n == 1 {
			err := jsonlines.Exact(line, h)
			if err == nil && h.Schema != Schema {
				err = fmt.Errorf("schema %.60q, this program reads %s", h.Schema, Schema)
			}
			return err
		}
		var a Affected
		if err := jsonlines.Exact(line, &a); err != nil {
			return err
		}
		switch {
		case n > 2 && compare(last, a) >= 0:
			return errors.New("not in order")
		case !h.Speaks(a.Lint, a.Severity):
			return fmt.Errorf("%s is not what was asked for", a.Lint)
		case !slices.ContainsFunc(h.Covers, func(c Covered) bool { return c.AuditID == a.AuditID }):
			return fmt.Errorf("audit %.70q is not covered", a.AuditID)
		}
		count.Add(a)
		last = a
		if fn == nil {
			return nil
		}
		return fn(a)
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", Name, err)
	case h.Schema == "":
		return nil, fmt.Errorf("%s: empty", Name)
	}
	if got := count.Problems(); !slices.EqualFunc(got, h.Problems, func(a, b Problem) bool {
		a.Source, a.Citation = b.Source, b.Citation // of the linter that was used
		return a == b
	}) {
		return nil, fmt.Errorf("%s: the counts in line 1 are not those of the lines below", Name)
	}
	return h, nil
}

// compare orders lines of the document.
func compare(a, b Affected) int {
	return cmp.Or(a.Item.Compare(b.Item), cmp.Compare(a.AuditID, b.AuditID), cmp.Compare(a.Form, b.Form), cmp.Compare(a.SHA256, b.SHA256), cmp.Compare(a.Lint, b.Lint))
}

// Line writes a value as one line.
func Line(v any) ([]byte, error) {
	line, err := jsonlines.Line(v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Name, err)
	}
	return line, nil
}
