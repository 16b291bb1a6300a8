package reports

import (
	"fmt"
	"iter"

	"selfaudit/internal/terminal"
	"selfaudit/sampler"
)

// RecordsSummary is what report/summary.json says of the CA's own issuance records and of
// the comparison with what was seen. Hostile text is made safe to show.
type RecordsSummary struct {
	Exports    []RecordsExport              `json:"exports"`
	Counts     sampler.ReconciliationCounts `json:"counts"`
	Issuers    []RecordsIssuer              `json:"issuers"`
	Lists      []RecordsList                `json:"lists"`
	Exclusions []RecordsExclusion           `json:"exclusions"`
	Labels     []sampler.SnapshotLabel      `json:"labels"` // stratum labels and what they stand for
	Mismatches []string                     `json:"row_count_mismatches"`
}

// RecordsExport is one export.
type RecordsExport struct {
	Path         string `json:"path"`
	Kind         string `json:"kind"`
	SHA256       string `json:"sha256"`
	System       string `json:"system"`
	Query        string `json:"query"`
	Operator     string `json:"operator"`
	ExtractedAt  string `json:"extracted_at"`
	Rows         int64  `json:"rows"`
	Kept         int64  `json:"kept"`
	OtherIssuers int64  `json:"other_issuers"`
	Unreadable   int64  `json:"unreadable"`
}

// RecordsIssuer is the comparison for one issuer.
type RecordsIssuer struct {
	Issuer string `json:"issuer"` // label
	sampler.ReconciliationIssuer
}

// RecordsList is one list of items, records/<name>.tsv.
type RecordsList struct {
	Name string `json:"name"`
	File string `json:"file"`
	Rows int64  `json:"rows"`
}

// RecordsExclusion is one row of the records that was left out by hand.
type RecordsExclusion struct {
	Serial     string `json:"serial"`
	Issuer     string `json:"issuer"` // label
	Reason     string `json:"reason"`
	ApprovedBy string `json:"approved_by"`
	Rows       int64  `json:"rows"`
	Effect     string `json:"effect"`
}

// Records sums the CA's records up; nil if none were given.
func (a *Audit) Records() *RecordsSummary {
	s := a.Snapshot
	if s.Reconciliation == nil {
		return nil
	}
	out := &RecordsSummary{Counts: s.Reconciliation.Counts, Exports: []RecordsExport{}, Issuers: []RecordsIssuer{}, Lists: []RecordsList{}, Exclusions: []RecordsExclusion{},
		Labels: []sampler.SnapshotLabel{}, Mismatches: []string{}}
	for _, e := range s.Records {
		p := e.Provenance
		out.Exports = append(out.Exports, RecordsExport{Path: terminal.Escape(e.Path), Kind: e.Kind, SHA256: e.SHA256.String(), System: terminal.Escape(p.System),
			Query: terminal.Escape(p.Query), Operator: terminal.Escape(p.Operator), ExtractedAt: p.ExtractedAt, Rows: e.Rows, Kept: e.Kept, OtherIssuers: e.Others, Unreadable: e.Unreadable})
	}
	if a.Reconciliation != nil {
		for _, i := range a.Reconciliation.Issuers {
			out.Issuers = append(out.Issuers, RecordsIssuer{a.IssuerLabel(i.Issuer), i})
		}
		for _, m := range a.Reconciliation.Mismatches {
			out.Mismatches = append(out.Mismatches, terminal.Escape(m))
		}
	}
	for _, l := range s.Reconciliation.Lists {
		out.Lists = append(out.Lists, RecordsList{l.Name, sampler.ReconciliationListFile(l.Name), l.Rows})
	}
	for _, x := range s.Exclusions {
		out.Exclusions = append(out.Exclusions, RecordsExclusion{Serial: string(x.Serial), Issuer: a.IssuerLabel(x.Issuer), Reason: terminal.Escape(x.Reason),
			ApprovedBy: terminal.Escape(x.ApprovedBy), Rows: x.Rows, Effect: x.Effect})
	}
	for _, l := range s.Labels {
		out.Labels = append(out.Labels, sampler.SnapshotLabel{Label: l.Label, Text: terminal.Escape(l.Text)})
	}
	return out
}

// loadReconciliation reads the comparison with the CA's records; an audit without them has
// none.
func (a *Audit) loadReconciliation() error {
	r := a.Snapshot.Reconciliation
	if r == nil {
		return nil
	}
	data, err := a.need(sampler.ReconciliationFile)
	if err != nil {
		return err
	}
	if h := sampler.HashDoc(data); h != r.Document {
		return fmt.Errorf("reading %s: its SHA-256 is %s, but draw/snapshot.json says %s; the document was changed after it was frozen", sampler.ReconciliationFile, h, r.Document)
	}
	if a.Reconciliation, err = sampler.ParseReconciliation(data); err != nil {
		return fmt.Errorf("reading records/%w", err)
	}
	return nil
}

// ListItems streams a list of the reconciliation. It stops at the first error, which it
// yields with a zero item.
func (a *Audit) ListItems(name string) iter.Seq2[sampler.ReconciliationItem, error] {
	return stream(a.fsys, sampler.ReconciliationListFile(name), sampler.NewReconciliationReader)
}

// recordsOpen are the open points about the CA's records.
func (a *Audit) recordsOpen(add func(code, format string, args ...any)) {
	s := a.Snapshot
	if s.Reconciliation == nil {
		add("records", "The CA's own issuance records were not compared with what was seen in logs and files.")
		return
	}
	for _, m := range sampler.CountMismatches(s.Records) {
		add("records", "Records: %s.", terminal.Escape(m))
	}
	c := s.Reconciliation.Counts
	if c.NotInRecords > 0 {
		add("records", "%s %s in logs or files but not in the CA's records.", count(int(c.NotInRecords), "item"), isAre(int(c.NotInRecords)))
	}
	if c.NotCovered > 0 {
		add("records", "%s %s of issuers that no export of the CA's records covers.", count(int(c.NotCovered), "item"), isAre(int(c.NotCovered)))
	}
	for _, e := range s.Records {
		if e.Unreadable > 0 {
			add("records", "%s of %s could not be read and were accepted as such: %s", count(int(e.Unreadable), "row"), terminal.Escape(e.Path), terminal.Escape(e.Accepted))
		}
	}
}

// Constrained says by what an issuer is technically constrained; "" if it is not.
func (a *Audit) Constrained(key sampler.KeyHash) string {
	for _, i := range a.Snapshot.Issuers {
		if i.KeySHA256 == key {
			return terminal.Escape(i.Constrained)
		}
	}
	return ""
}
