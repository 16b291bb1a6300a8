package reports

import (
	"bytes"
	"errors"
	"fmt"

	"selfaudit/internal/terminal"
	"selfaudit/lint/pkimetal"
)

// loadOpinion reads the second opinion, if there is one: one line for each result of the
// sample, in the same order, whose own side is that result.
func (a *Audit) loadOpinion() error {
	data, ok, err := a.read(pkimetal.Name)
	if err != nil || !ok {
		return err
	}
	n := 0
	head, totals, err := pkimetal.Read(bytes.NewReader(data), func(o pkimetal.Opinion) error {
		if n == len(a.Results) {
			return errors.New("more lines than lint/results.jsonl has")
		}
		r := a.Results[n]
		n++
		if o.File != r.File || o.SHA256 != r.SHA256 {
			return fmt.Errorf("about %s, due is %s", terminal.Escape(o.File), r.File)
		}
		if o.Error != "" || o.Disagree != "" {
			a.Opinions = append(a.Opinions, o)
		}
		return o.Follows(r)
	})
	if err == nil && n < len(a.Results) {
		err = fmt.Errorf("%s: %d of %d results have no line", pkimetal.Name, len(a.Results)-n, len(a.Results))
	}
	if err == nil && head.AuditID != a.Commitment.AuditID {
		err = fmt.Errorf("%s: it is of audit %q", pkimetal.Name, head.AuditID)
	}
	if err != nil {
		return fmt.Errorf("reading %w", err)
	}
	a.Opinion = totals
	return nil
}

// opinionPoint is the open point about certificates without a second opinion.
func (a *Audit) opinionPoint() (p OpenPoint, ok bool) {
	if a.Opinion == nil || a.Opinion.Failed == 0 {
		return OpenPoint{}, false
	}
	return OpenPoint{"second-opinion", fmt.Sprintf("Second opinion: %s of %d of the sample %s none, because the server did not answer.",
		count(a.Opinion.Failed, "certificate"), a.Opinion.Certificates, hasHave(a.Opinion.Failed))}, true
}

// PopulationLint says in the summary which populations were linted whole.
type PopulationLint struct {
	Only    []string       `json:"only"` // rules; empty = all of at least the severity Least
	Least   string         `json:"least"`
	Covers  []CoveredAudit `json:"covers"`
	Missing []CoveredAudit `json:"missing"`
}

// CoveredAudit is one population.
type CoveredAudit struct {
	AuditID      string `json:"audit_id"`
	Items        int64  `json:"items"`
	Certificates int64  `json:"certificates,omitempty"`
	Reason       string `json:"reason,omitempty"` // why it was not linted
}

// populationLint is nil without lint/population.jsonl.
func (a *Audit) populationLint() *PopulationLint {
	if a.Corpus == nil {
		return nil
	}
	p := &PopulationLint{Only: a.Corpus.Only, Least: a.Corpus.Least.String(), Covers: []CoveredAudit{}, Missing: []CoveredAudit{}}
	for _, c := range a.Corpus.Covers {
		p.Covers = append(p.Covers, CoveredAudit{AuditID: c.AuditID, Items: c.Items, Certificates: c.Certificates})
	}
	for _, m := range a.Corpus.Missing {
		p.Missing = append(p.Missing, CoveredAudit{AuditID: terminal.Escape(m.AuditID), Items: m.Items, Reason: terminal.Escape(m.Reason)})
	}
	return p
}
