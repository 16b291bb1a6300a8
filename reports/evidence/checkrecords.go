package evidence

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"selfaudit/sampler"
)

// Findings that the reconciliation with the CA's records makes.
const (
	lintNotInRecords = "e_certificate_not_in_ca_records"
	lintOtherBytes   = "e_ca_record_names_other_certificate"
	lintSeveralRows  = "e_ca_records_name_several_certificates"
)

// checkRecords derives again what the package shows of the CA's own records: that the
// lists are those that the commitment covers, that they add up, that the findings are those
// of the lists, and that what is said of the drawn items follows from their rows. Whether
// the export is the CA's, and complete, only the auditor can find out.
func (v *verifier) checkRecords() {
	const name = "records"
	s := v.docs.snapshot
	if s == nil {
		v.refused(name, "the snapshot")
		return
	}
	if len(s.Records) == 0 {
		v.noRecords(name)
		return
	}
	r := &recordsCheck{v: v, s: s, name: name, covered: map[sampler.KeyHash]bool{}, divided: map[sampler.KeyHash]bool{}, seenIn: map[sampler.ItemID]string{}, details: map[string]int64{}}
	for _, e := range s.Records {
		for _, key := range e.Covers {
			r.covered[key], r.divided[key] = true, true
		}
		for _, i := range e.Issuers {
			r.divided[i.Issuer] = r.divided[i.Issuer] || i.Rows > 0
		}
	}
	r.document()
	r.exports()
	r.walk()
	r.rows()
	r.bad.close(v, name, "%s of %d exports; the reconciliation and its %d lists are those that the commitment covers, fit the population, and the findings and drawn items follow from them",
		sampler.Counted(s.Reconciliation.Counts.Rows, "row", "rows"), len(s.Records), len(s.Reconciliation.Lists))
	r.compare()
}

// noRecords checks that nothing claims to come from records that were not given.
func (v *verifier) noRecords(name string) {
	s := v.docs.snapshot
	var bad failures
	for _, file := range append(recordsFiles(), sampler.RecordRowsFile) {
		if v.data.has(file) {
			bad.add("%s is here, but snapshot.json knows no records", file)
		}
	}
	if len(s.StrataBy) > 0 || len(s.Labels) > 0 || len(s.Exclusions) > 0 {
		bad.add("strata_by, labels or exclusions without records")
	}
	if s.Counts.IssuedByRecord > 0 {
		bad.add("%d items are dated by records that are not here", s.Counts.IssuedByRecord)
	}
	if bad.total > 0 {
		bad.close(v, name, "")
		return
	}
	v.note(name, "the CA's own issuance records were not compared")
}

// recordsFiles are the documents that freeze writes about the records.
func recordsFiles() []string {
	out := []string{sampler.ReconciliationFile}
	for _, name := range sampler.ReconciliationLists() {
		out = append(out, sampler.ReconciliationListFile(name))
	}
	return out
}

// recordsCheck collects what is wrong with the reconciliation.
type recordsCheck struct {
	v       *verifier
	s       *sampler.Snapshot
	name    string
	bad     failures
	covered map[sampler.KeyHash]bool
	divided map[sampler.KeyHash]bool // issuers whose items have labels
	doc     *sampler.Reconciliation
	listed  map[string]map[sampler.ItemID]bool // of the drawn and finding-named items
	seenIn  map[sampler.ItemID]string          // of these: what not-in-records says
	details map[string]int64                   // what it says, with the number of items
}

// document compares records/reconciliation.json with the snapshot.
func (r *recordsCheck) document() {
	raw := r.v.read(r.name, sampler.ReconciliationFile)
	if raw == nil {
		return
	}
	if got := sampler.HashDoc(raw); got != r.s.Reconciliation.Document {
		r.bad.add("%s is not the committed one: its SHA-256 is %s, snapshot.json says %s", sampler.ReconciliationFile, got, r.s.Reconciliation.Document)
		return
	}
	doc, err := sampler.ParseReconciliation(raw)
	if err == nil {
		err = sameBytes(raw, doc.Bytes)
	}
	if err != nil {
		r.bad.add("%v", err)
		return
	}
	r.doc = doc
	if doc.AuditID != r.s.AuditID || doc.Mode != r.s.Mode || doc.Period != r.s.Period {
		r.bad.add("reconciliation.json is of audit %s in mode %s, %v", doc.AuditID, doc.Mode, doc.Period)
	}
	if doc.Counts != r.s.Reconciliation.Counts || !slices.Equal(doc.Lists, r.s.Reconciliation.Lists) {
		r.bad.add("reconciliation.json has other counts or lists than snapshot.json")
	}
	if want := sampler.CountMismatches(r.s.Records); !slices.Equal(doc.Mismatches, append([]string{}, want...)) {
		r.bad.add("row_count_mismatches are not what the numbers of rows give")
	}
	if doc.Counts.Population != r.s.Counts.Population {
		r.bad.add("%s in the population, snapshot.json counts %d", sampler.Counted(doc.Counts.Population, "item", "items"), r.s.Counts.Population)
	}
	if doc.Counts.PrecertOnly != r.s.Counts.PrecertOnly {
		r.bad.add("%s without a final certificate, snapshot.json counts %d", sampler.Counted(doc.Counts.PrecertOnly, "item", "items"), r.s.Counts.PrecertOnly)
	}
	var kept int64
	for _, e := range r.s.Records {
		kept += e.Kept
	}
	if doc.Counts.Rows != kept {
		r.bad.add("%d rows were compared, the exports have %d of audited issuers", doc.Counts.Rows, kept)
	}
	for i, iss := range doc.Issuers {
		if i > 0 && bytes.Compare(iss.Issuer[:], doc.Issuers[i-1].Issuer[:]) <= 0 {
			r.bad.add("the issuers are not in order")
		}
		if iss.Covered != r.covered[iss.Issuer] {
			r.bad.add("issuer %s: covered is %v, the exports say otherwise", iss.Issuer, iss.Covered)
		}
	}
}

// rows checks records/rows.jsonl and what follows from it for the drawn items.
func (r *recordsCheck) rows() {
	const file = sampler.RecordRowsFile
	if !r.v.data.has(file) {
		if r.v.data.has("ct/sightings.jsonl") {
			r.bad.add("%s is missing, though the sample is drawn", file)
		}
		return
	}
	raw := r.v.read(r.name, file)
	if raw == nil {
		return
	}
	list, err := parseLines(raw, sampler.ParseRecordRows, sampler.RecordRow.JSON)
	if err != nil {
		r.bad.add("%v", err)
		return
	}
	named := r.v.namedItems()
	r.v.docs.rows = map[sampler.ItemID][]sampler.RecordRow{}
	for _, row := range list {
		switch {
		case !named[row.ItemID]:
			r.bad.add("%s: item %s is neither drawn nor named by a finding", file, row.ItemID)
		case row.Export >= len(r.s.Records) || row.Row > r.s.Records[row.Export].Rows:
			r.bad.add("%s: item %s: there is no row %d of export %d", file, row.ItemID, row.Row, row.Export+1)
		}
		r.v.docs.rows[row.ItemID] = append(r.v.docs.rows[row.ItemID], row)
	}
	r.items()
}

// items checks what the lists say of the items whose certificates are here.
func (r *recordsCheck) items() {
	if r.v.docs.items == nil || r.v.docs.population == nil || r.listed == nil {
		return
	}
	ids := make([]sampler.ItemID, 0, len(r.v.docs.items))
	for id := range r.v.docs.items {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, sampler.ItemID.Compare)
	for _, id := range ids {
		row, member := r.v.docs.population.rows[id]
		if !member {
			continue
		}
		it, rows := r.v.docs.items[id], r.v.docs.rows[id]
		r.listedAs(id, sampler.ListNotInRecords, len(rows) == 0 && r.covered[id.Issuer], "its rows say otherwise")
		r.listedAs(id, sampler.ListNotInCT, len(rows) > 0 && it.earliest.IsZero(), "its rows and sightings say otherwise")
		r.listedAs(id, sampler.ListDuplicates, len(rows) > 1, fmt.Sprintf("it has %s", sampler.Counted(len(rows), "row", "rows")))
		r.listedAs(id, sampler.ListOtherBytes, r.otherBytes(it, rows), "the fingerprints of its rows say otherwise")
		r.listedAs(id, sampler.ListCertificateOnly, r.certificateOnly(it), "its sightings and SCTs say otherwise")
		r.listedAs(id, sampler.ListDisagreeing, r.disagreeing(rows), "its rows say otherwise")
		if want := seenIn(it); r.seenIn[id] != "" && r.seenIn[id] != want {
			r.bad.add("item %s: %s says %q, its sightings say %q", id, sampler.ReconciliationListFile(sampler.ListNotInRecords), r.seenIn[id], want)
		}
		if want := r.label(id, rows); row.Stratum.Label != want {
			r.bad.add("item %s is in stratum %s, its rows give the label %q", id, row.Stratum, want)
		}
	}
}

func (r *recordsCheck) listedAs(id sampler.ItemID, list string, want bool, why string) {
	if r.listed[list][id] != want {
		r.bad.add("item %s: that it is in %s is %v, %s", id, sampler.ReconciliationListFile(list), !want, why)
	}
}

// otherBytes says whether a row states a fingerprint that is of none of the certificates
// here, though there is a final one.
func (r *recordsCheck) otherBytes(it *itemSightings, rows []sampler.RecordRow) bool {
	finals, _ := r.v.split(it)
	if len(finals) == 0 {
		return false
	}
	return slices.ContainsFunc(rows, func(row sampler.RecordRow) bool {
		return !row.Fingerprint.IsZero() && !slices.Contains(it.certs, row.Fingerprint)
	})
}

// label is the stratum label that an item's rows give it: one of the two forms of the first
// row's texts, the one that the snapshot's table of labels has.
func (r *recordsCheck) label(id sampler.ItemID, rows []sampler.RecordRow) string {
	by := r.s.StrataBy
	if len(by) == 0 || !r.divided[id.Issuer] {
		return ""
	}
	if len(rows) == 0 {
		return sampler.LabelUnassigned
	}
	values := rows[0].Values(by)
	plain, hashed := sampler.LabelForms(by, values)
	if plain == sampler.LabelUnassigned {
		return plain
	}
	text := sampler.LabelText(by, values)
	for _, l := range r.s.Labels {
		if l.Text == text && (l.Label == plain || l.Label == hashed) {
			return l.Label
		}
	}
	return "(none of snapshot.json's labels has its text)"
}

// compare names what only the auditor can find out.
func (r *recordsCheck) compare() {
	for i, e := range r.s.Records {
		p := e.Provenance
		parts := []string{fmt.Sprintf("%s has SHA-256 %s and %s, extracted %s from %s", e.Path, e.SHA256, sampler.Counted(e.Rows, "row", "rows"), p.ExtractedAt, p.System)}
		if p.Operator != "" {
			parts = append(parts, "by "+p.Operator)
		}
		if p.Rows != nil {
			parts = append(parts, fmt.Sprintf("where the system said %d", *p.Rows))
		}
		if p.CounterFirst != nil && p.CounterLast != nil {
			parts = append(parts, fmt.Sprintf("issuance counter %d to %d", *p.CounterFirst, *p.CounterLast))
		}
		r.v.report.add("records export", Compare, "export %d: %s: with the CA's system; and the rows of the drawn items with the file", i+1, strings.Join(parts, ", "))
	}
	if r.doc == nil {
		return
	}
	for _, m := range r.doc.Mismatches {
		r.v.note(r.name, "%s", m)
	}
	c := r.doc.Counts
	if c.NotInRecords > 0 {
		r.v.note(r.name, "%s in logs or files but not in the CA's records", sampler.Counted(c.NotInRecords, "item is", "items are"))
	}
	if c.NotCovered > 0 {
		r.v.note(r.name, "%s of issuers that no export covers", sampler.Counted(c.NotCovered, "item is", "items are"))
	}
	for _, x := range r.s.Exclusions {
		r.v.note(r.name, "record of serial %s, issuer %s was excluded by %s: %s (%s)", x.Serial, x.Issuer, x.ApprovedBy, x.Reason, x.Effect)
	}
	for _, e := range r.s.Records {
		if e.Unreadable > 0 {
			r.v.note(r.name, "%s: %s could not be read and were accepted: %s", e.Path, sampler.Counted(e.Unreadable, "row", "rows"), e.Accepted)
		}
	}
}
