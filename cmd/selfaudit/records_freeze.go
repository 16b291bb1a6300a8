package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"selfaudit/internal/auditdir"
	"selfaudit/internal/terminal"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
)

// docMissing lists the rows of the CA's records of which no certificate is known.
const docMissing = "work/records-without-certificate.tsv"

// docUnreadable lists the rows that could not be read.
const docUnreadable = "work/records-unreadable.tsv"

// maxNamedRows is how many rows an error names; the file beside it has more.
const maxNamedRows = 20

// recordsFreeze is the part of a freeze that is about the CA's records; without [[records]]
// its methods do nothing.
type recordsFreeze struct {
	f          *freezing
	exclusions []exclusion
	lists      map[string]*listWriter
	missing    *auditdir.Pending
	named      []string
	document   []byte // records/reconciliation.json
	snapshot   sampler.SnapshotReconciliation
}

type listWriter struct {
	out *auditdir.Pending
	w   *sampler.ReconciliationWriter
}

// useRecords prepares the collection for the CA's records and opens the lists. It refuses
// rows that could not be read: each may be a certificate that nobody else knows.
func (f *freezing) useRecords(ctx context.Context) (*recordsFreeze, error) {
	r := &recordsFreeze{f: f, lists: map[string]*listWriter{}}
	if len(f.saved.Records) == 0 {
		return r, f.a.removeRecords()
	}
	for i := range f.saved.Records {
		f.saved.Records[i].Provenance = provenance(f.w.cfg.Records[i])
		f.saved.Records[i].Accepted = f.w.cfg.Records[i].AcceptUnreadable
	}
	if err := r.unreadable(); err != nil {
		return r, err
	}
	var err error
	if r.exclusions, err = exclusions(f.w.cfg, f.issuers, f.saved.Records); err != nil {
		return r, err
	}
	rules := collect.RecordsRules{Exports: f.saved.Records, StrataBy: f.w.cfg.StrataBy}
	for _, x := range r.exclusions {
		rules.Exclusions = append(rules.Exclusions, x.item)
	}
	if err := f.collected.UseRecords(ctx, rules); err != nil {
		return r, usageErrorf("", "dividing strata by the CA's columns: %w", err)
	}
	for _, name := range sampler.ReconciliationLists() {
		out, err := f.a.dir.Create(sampler.ReconciliationListFile(name))
		if err != nil {
			return r, err
		}
		r.lists[name] = &listWriter{out, sampler.NewReconciliationWriter(out)}
	}
	if r.missing, err = f.a.dir.Create(docMissing); err != nil {
		return r, err
	}
	if _, err := fmt.Fprint(r.missing, "#serial\tissuer\texport\tfile\trow\tissued_at\n"); err != nil {
		return r, err
	}
	f.collected.Reconciled = collect.RecordsOutput{
		List:    func(name string, i sampler.ReconciliationItem) error { return r.lists[name].w.Write(i) },
		Missing: r.withoutCertificate,
	}
	return r, nil
}

// unreadable refuses rows that could not be read, unless the CA has said why they may stay
// out.
func (r *recordsFreeze) unreadable() error {
	var named, lines []string
	for _, e := range r.f.saved.Records {
		if e.Unreadable == 0 {
			continue
		}
		for _, p := range e.Problems {
			lines = append(lines, fmt.Sprintf("%s\t%s\t%s", sampler.EscapeLabel(e.Path), sampler.EscapeLabel(p.Where), sampler.EscapeLabel(p.Reason)))
			if e.Accepted == "" && len(named) < maxNamedRows {
				named = append(named, fmt.Sprintf("%s: %s: %s", e.Path, p.Where, p.Reason))
			}
		}
		if more := e.Unreadable - int64(len(e.Problems)); more > 0 {
			lines = append(lines, fmt.Sprintf("%s\tand %d more\t-", sampler.EscapeLabel(e.Path), more))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	text := "#export\twhere\treason\n" + strings.Join(lines, "\n") + "\n"
	if err := r.f.a.dir.Replace(docUnreadable, []byte(text)); err != nil {
		return err
	}
	if len(named) == 0 {
		return nil
	}
	return &exitError{code: exitFailed, id: "records_unreadable",
		err:  fmt.Errorf("rows of the CA's records cannot be read, and each may be a certificate that only they know:\n%s\n(%s has the first thousand of each export)", strings.Join(named, "\n"), r.f.a.dir.Path(docUnreadable)),
		hint: "mend the export, or the mapping in selfaudit.toml, remove the audit's " + docCollected + " and the export's folder in work/records, and collect again; if these rows are no certificates, set accept_unreadable = \"why\" in [[records]], which the evidence shows"}
}

// withoutCertificate takes a row of an item of which no certificate is known.
func (r *recordsFreeze) withoutCertificate(row sampler.RecordRow) error {
	path := r.f.saved.Records[row.Export].Path
	if len(r.named) < maxNamedRows {
		r.named = append(r.named, fmt.Sprintf("serial %s of issuer %s (%s, row %d)", row.ItemID.Serial, row.Issuer, path, row.Row))
	}
	_, err := fmt.Fprintf(r.missing, "%s\t%s\t%s\t%s\t%d\t%s\n", row.ItemID.Serial, row.ItemID.Issuer, sampler.EscapeLabel(path), sampler.EscapeLabel(row.File), row.Row,
		sampler.EscapeLabel(row.IssuedAt))
	return err
}

// abort drops what was not committed.
func (r *recordsFreeze) abort() {
	for _, l := range r.lists {
		l.out.Abort()
	}
	if r.missing != nil {
		r.missing.Abort()
	}
}

// finish refuses rows without certificate, writes the lists and makes the document.
func (r *recordsFreeze) finish() error {
	found := r.f.result.Records
	if found == nil {
		return nil
	}
	if found.Missing > 0 {
		if err := r.missing.Commit(); err != nil {
			return err
		}
		named := strings.Join(r.named, "\n")
		if more := found.Missing - int64(len(r.named)); more > 0 {
			named += fmt.Sprintf("\nand %s more", terminal.Count(more))
		}
		unread := ""
		if r.f.saved.SCTMode == sampler.CollectRecords {
			unread = fmt.Sprintf("No log was read (mode records). If the logs have these certificates, remove %s and run `selfaudit collect --audit %s --mode both`. Otherwise: ",
				r.f.a.dir.Path(docCollected), r.f.a.id)
		}
		return &exitError{code: exitFailed, id: "records_without_certificate",
			err: fmt.Errorf("%s in no log, no file and no column of certificates:\n%s\n(the whole list is in %s)",
				sampler.Counted(found.Missing, "certificate is in the CA's records, belongs to this audit, and was found", "certificates are in the CA's records, belong to this audit, and were found"),
				named, r.f.a.dir.Path(docMissing)),
			hint: unread + "a population names each certificate by its hash: add a column with the certificates to the export (certificate = \"…\" in [records.columns]), or give them as [[files]], and collect again. " +
				"A row that is older than the chain needs not_before in the export to be known as such. A row that never became a certificate is left out with [[records.exclude]], which the evidence shows"}
	}
	doc := &sampler.Reconciliation{AuditID: r.f.a.id, Mode: r.f.a.opening.Mode, Period: sampler.SnapshotPeriod{Start: r.f.a.opening.PeriodStart, End: r.f.a.opening.PeriodEnd},
		Counts: found.Counts, Issuers: found.Issuers, Mismatches: sampler.CountMismatches(r.f.saved.Records)}
	for _, name := range sampler.ReconciliationLists() {
		l := r.lists[name]
		if err := errors.Join(l.w.Flush(), l.out.Commit()); err != nil {
			return err
		}
		doc.Lists = append(doc.Lists, sampler.ReconciliationList{Name: name, SHA256: l.w.Hash(), Rows: l.w.Count()})
	}
	var err error
	if r.document, err = doc.Bytes(); err != nil {
		return err
	}
	r.snapshot = sampler.SnapshotReconciliation{Document: sampler.HashDoc(r.document), Counts: doc.Counts, Lists: doc.Lists}
	return r.f.a.dir.Replace(sampler.ReconciliationFile, r.document)
}

// describe puts what the records gave into the snapshot.
func (r *recordsFreeze) describe(s *sampler.Snapshot) {
	found := r.f.result.Records
	if found == nil {
		return
	}
	s.Records, s.StrataBy, s.Labels = r.f.saved.Records, r.f.w.cfg.StrataBy, found.Labels
	s.Reconciliation = &r.snapshot
	for _, x := range r.exclusions {
		result := found.Exclusions[x.item]
		x.Rows, x.Effect = result.Rows, result.Effect
		s.Exclusions = append(s.Exclusions, x.SnapshotExclusion)
	}
	s.Notes = append(s.Notes, recordsNotes(s)...)
}

// recordsNotes says what an auditor has to know about the CA's records.
func recordsNotes(s *sampler.Snapshot) []string {
	var notes []string
	for _, e := range s.Records {
		p := e.Provenance
		for _, gap := range []struct{ what, text string }{{"query", p.Query}, {"operator", p.Operator}} {
			if gap.text == "" {
				notes = append(notes, fmt.Sprintf("records %s: the %s that gave the list is not recorded", e.Path, gap.what))
			}
		}
		if p.Rows == nil && p.CounterLast == nil {
			notes = append(notes, fmt.Sprintf("records %s: neither a number of rows nor an issuance counter is given, so nothing ties the list to the CA's system", e.Path))
		}
		if e.Others > 0 {
			notes = append(notes, fmt.Sprintf("records %s: %s of issuers that are not audited: %s", e.Path, sampler.Counted(e.Others, "row is", "rows are"), foreignWords(e.Foreign)))
		}
		if e.Unreadable > 0 {
			notes = append(notes, fmt.Sprintf("records %s: %s accepted although unreadable: %s", e.Path, sampler.Counted(e.Unreadable, "row was", "rows were"), e.Accepted))
		}
		for _, n := range e.Notes {
			notes = append(notes, "records "+e.Path+": "+strings.TrimPrefix(n, path.Base(e.Path)+": "))
		}
	}
	for _, m := range sampler.CountMismatches(s.Records) {
		notes = append(notes, "records "+m)
	}
	for _, x := range s.Exclusions {
		notes = append(notes, fmt.Sprintf("record of serial %s, issuer %s: excluded by %s (%s): %s", x.Serial, x.Issuer, x.ApprovedBy, x.Reason, exclusionWords(x)))
	}
	c := s.Reconciliation.Counts
	if c.NotInRecords > 0 {
		notes = append(notes, fmt.Sprintf("%s in logs or files but not in the CA's records: a finding each", sampler.Counted(c.NotInRecords, "item is", "items are")))
	}
	if c.NotCovered > 0 {
		notes = append(notes, fmt.Sprintf("%s of issuers that no export covers: compared with nothing", sampler.Counted(c.NotCovered, "item is", "items are")))
	}
	return notes
}

func foreignWords(list []sampler.RecordsForeignRows) string {
	var parts []string
	for _, f := range list[:min(len(list), maxNamedRows)] {
		parts = append(parts, fmt.Sprintf("%q (%d)", f.Text, f.Rows))
	}
	if len(list) > maxNamedRows {
		parts = append(parts, fmt.Sprintf("and %d more texts", len(list)-maxNamedRows))
	}
	return strings.Join(parts, ", ")
}

func exclusionWords(x sampler.SnapshotExclusion) string {
	switch x.Effect {
	case sampler.ExclusionApplied:
		return fmt.Sprintf("%s left out", sampler.Counted(x.Rows, "row", "rows"))
	case sampler.ExclusionNoEffect:
		return "no effect, because a certificate of the item exists"
	}
	return "no row has this serial and issuer"
}

// removeRecords removes what a freeze with other settings has left.
func (a *audit) removeRecords() error {
	for _, name := range append(reconciliationDocuments(), sampler.RecordRowsFile) {
		if a.dir.Has(name) {
			if err := a.dir.Remove(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// reconciliationDocuments are the documents that freeze writes about the CA's records.
func reconciliationDocuments() []string {
	out := []string{sampler.ReconciliationFile}
	for _, name := range sampler.ReconciliationLists() {
		out = append(out, sampler.ReconciliationListFile(name))
	}
	return out
}

// recordsDocuments are those of them that the audit has.
func (a *audit) recordsDocuments() []string {
	var out []string
	for _, name := range append(reconciliationDocuments(), sampler.NotProvenFile) {
		if a.dir.Has(name) {
			out = append(out, name)
		}
	}
	return out
}

// writeRecordRows brings what the CA's records say of the wanted items into the evidence.
func (a *audit) writeRecordRows(ctx context.Context, collected *collect.Collected, want map[sampler.ItemID]bool) error {
	if !a.dir.Has(sampler.ReconciliationFile) {
		return nil
	}
	out, err := a.dir.Create(sampler.RecordRowsFile)
	if err != nil {
		return err
	}
	defer out.Abort()
	lines := bufio.NewWriter(out)
	err = collected.RecordRows(ctx, want, func(row sampler.RecordRow) error {
		line, err := row.JSON()
		if err == nil {
			_, err = lines.Write(line)
		}
		return err
	})
	if err == nil {
		err = lines.Flush()
	}
	if err != nil {
		return err
	}
	return out.Commit()
}
