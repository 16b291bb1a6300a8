package reports

import (
	"fmt"

	"selfaudit/internal/jsonlines"
	"selfaudit/lint"
	"selfaudit/lint/waivers"
)

// FindingsSchema names the form of findings/findings.json.
const FindingsSchema = "selfaudit.findings/v1"

// findings is the document findings/findings.json.
type findings struct {
	Schema     string     `json:"schema"`
	AuditID    string     `json:"audit_id"`
	Mode       string     `json:"mode"`
	Notice     string     `json:"notice,omitempty"` // RehearsalNotice for a rehearsal
	Commitment string     `json:"commitment_sha256"`
	Linter     *lint.Info `json:"linter"` // null before lint has run
	Population int64      `json:"population"`
	Sampled    int64      `json:"sampled"` // 0 before the draw
	Problems   []Problem  `json:"problems"`
	// NotApplied are the lints whose findings are none about compliance, and Waivers what was
	// waived.
	NotApplied []NotApplied  `json:"not_applied,omitempty"`
	Waivers    []waivers.Use `json:"waivers,omitempty"`
}

// FindingsDocument returns findings/findings.json: one problem list for each
// distinct lint. Lists of lints cover the sample, contradictions found while
// collecting cover the population; each list says which.
func FindingsDocument(a *Audit) ([]byte, error) {
	doc := findings{Schema: FindingsSchema, AuditID: a.Commitment.AuditID, Mode: a.Commitment.Mode,
		Commitment: a.CommitHash.String(), Linter: a.Linter, Population: a.Population.Count,
		Sampled: int64(len(a.SampleItems())), Problems: a.Problems(), NotApplied: a.NotApplied(), Waivers: a.Waivers.Uses()}
	if a.Rehearsal() {
		doc.Notice = RehearsalNotice
	}
	if doc.Problems == nil {
		doc.Problems = []Problem{}
	}
	return jsonlines.Document(doc)
}

// SummaryDocument returns report/summary.json.
func SummaryDocument(s Summary) ([]byte, error) { return jsonlines.Document(s) }

// ParseSummary reads report/summary.json strictly.
func ParseSummary(data []byte) (*Summary, error) {
	s := new(Summary)
	if err := jsonlines.Decode(data, s); err != nil {
		return nil, fmt.Errorf("reading a summary: %w", err)
	}
	if s.Schema != SummarySchema {
		return nil, fmt.Errorf("reading a summary: its schema is %q, this program reads %q", s.Schema, SummarySchema)
	}
	return s, nil
}
