package workbook

import (
	"fmt"
	"strings"

	"selfaudit/reports"
	"selfaudit/sampler"
)

// listedItems and listedOthers are how many items of a serious list, and of any other, the
// sheet shows; the documents have them all.
const (
	listedItems  = 500
	listedOthers = 50
)

// listTitles say what a list of the reconciliation means, in the order of the sheet: the
// serious ones first.
var listTitles = []struct {
	list, title string
	serious     bool
}{
	{sampler.ListNotInRecords, "In logs or files, but not in the CA's records", true},
	{sampler.ListOtherBytes, "The record names another certificate than was seen", true},
	{sampler.ListDuplicates, "Several rows under one issuer and serial number", true},
	{sampler.ListDisagreeing, "Rows that put the item into different strata", false},
	{sampler.ListNotInCT, "In the CA's records, in no log that was read", false},
	{sampler.ListPrecertOnly, "Precertificate without a certificate", false},
	{sampler.ListCertificateOnly, "Certificate with SCTs, but no precertificate was seen", false},
}

// reconciliation writes how the population compares with the CA's own records.
func (b *book) reconciliation() error {
	r := b.summary.Records
	if r == nil {
		return nil
	}
	s, err := b.addSheet(page{name: sheetRecords, widths: []float64{46, 16, 26, 22, 62}, breaks: true}, nil)
	if err != nil {
		return err
	}
	s.title("Reconciliation", "The population compared with the CA's own issuance records, item by item. The export is the CA's word: compare its hash, and the rows of the sampled items, with the system it came from.")
	b.recordsExports(s, r)
	s.skip(1)
	b.recordsNumbers(s, r)
	s.skip(1)
	b.recordsIssuers(s, r)
	if len(r.Exclusions) > 0 {
		s.skip(1)
		b.recordsExclusions(s, r)
	}
	if len(r.Labels) > 0 {
		s.skip(1)
		b.recordsLabels(s, r)
	}
	for _, t := range listTitles {
		if err := b.recordsList(s, r, t.list, t.title, t.serious); err != nil {
			return err
		}
	}
	return s.close()
}

const recordsWhole = "draw/snapshot.json"

// texts writes a row of the sheet whose last cells are text of the CA.
func (b *book) texts(s *sheet, first look, cells ...string) {
	out := make([]cell, len(cells))
	wide := map[int]string{}
	for i, c := range cells {
		l := lookWrap
		if i == 0 {
			l = first
		}
		out[i] = cell{v: c, l: l}
		wide[i] = c
	}
	s.write(b.rowHeight(s, wide), out...)
}

func (b *book) head(s *sheet, titles ...string) {
	out := make([]cell, len(titles))
	for i, t := range titles {
		out[i] = cell{v: strings.TrimPrefix(t, "#"), l: lookHead}
		if strings.HasPrefix(t, "#") { // a column of numbers
			out[i].l = lookHeadNum
		}
	}
	s.write(24, out...)
}

func (b *book) recordsExports(s *sheet, r *reports.RecordsSummary) {
	s.block(blockHead)
	s.wide(1, 5, "Where the records came from", lookBlock, 24)
	b.head(s, "Export and SHA-256", "Rows", "Extracted", "System, operator", "Query, and what was read")
	for _, e := range r.Exports {
		who := brief(e.System, briefName, recordsWhole)
		if e.Operator != "" {
			who += ", " + brief(e.Operator, briefName, recordsWhole)
		}
		query := "Query not recorded"
		if e.Query != "" {
			query = brief(e.Query, briefDetail, recordsWhole)
		}
		read := fmt.Sprintf("%s of audited issuers, %s of others, %s unreadable", sampler.Counted(e.Kept, "row", "rows"), number(e.OtherIssuers), number(e.Unreadable))
		b.texts(s, lookWrap, brief(e.Path, briefName, recordsWhole)+"\n"+e.SHA256, number(e.Rows), e.ExtractedAt, who, query+"\n"+read)
	}
	for _, m := range r.Mismatches {
		s.wide(1, 5, "Does not agree: "+brief(m, briefDetail, sampler.ReconciliationFile), lookWrap.as(statusFail), rowData)
	}
}

// recordsNumbers is the comparison in numbers, with what each number means.
func (b *book) recordsNumbers(s *sheet, r *reports.RecordsSummary) {
	c := r.Counts
	s.block(blockHead)
	s.wide(1, 5, "The comparison", lookBlock, 24)
	b.head(s, "Items of the population", "#Items", "", "", "What it means")
	for _, n := range []struct {
		what string
		n    int64
		bad  bool
		why  string
	}{
		{"All", c.Population, false, "every certificate of the period, by issuer key and serial number"},
		{"In the records and proven in a log", c.InBoth, false, "both sides agree"},
		{"In the records, in no log that was read", c.NotProven, false, "not logged, or in a log that was not read: proven by the certificate alone"},
		{"In CT, not in the records", c.OnlyInCT, true, "serious: the CA's records lack a certificate that exists; a finding each"},
		{"In a file, not in the records", c.OnlyInFiles, true, "serious: the same; a finding each"},
		{"The record names another certificate", c.OtherBytes, true, "the fingerprint in the records is of none of the certificates seen; a finding each"},
		{"Several rows in the records", c.Duplicates, false, fmt.Sprintf("of these, %s name different certificates: a finding each", number(c.Contradicting))},
		{"Precertificate only", c.PrecertOnly, false, "no certificate was seen; it counts as issued (BR 7.1.2.9)"},
		{"Certificate only", c.CertificateOnly, false, "with embedded SCTs, so a precertificate was made, but none was seen"},
		{"Of issuers that no export covers", c.NotCovered, c.NotCovered > 0, "compared with nothing"},
	} {
		l := lookInt
		if n.bad && n.n > 0 {
			l = l.as(statusFail)
		}
		s.write(b.rowHeight(s, map[int]string{4: n.why}), cell{v: n.what, l: lookWrap}, cell{v: n.n, l: l}, cell{l: lookCell}, cell{l: lookCell}, cell{v: n.why, l: lookWrap})
	}
	s.wide(1, 5, fmt.Sprintf("The records have %s in all: %s issued after the period, %s older than the chain, %s of earlier audits.", sampler.Counted(c.ItemsInRecords, "item", "items"),
		number(c.RecordsWaiting), number(c.RecordsTooOld), number(c.RecordsEarlier)), lookNote, rowData)
}

func (b *book) recordsIssuers(s *sheet, r *reports.RecordsSummary) {
	s.block(blockHead)
	s.wide(1, 5, "By issuing CA", lookBlock, 24)
	b.head(s, "Issuing CA", "#Items", "#In the records", "#Not in the records", "Covered by an export")
	for _, i := range r.Issuers {
		name := brief(i.Issuer, briefName, recordsWhole)
		covered, missing := "Yes", lookInt
		if !i.Covered {
			covered = "No: compared with nothing unless a row names the item"
		}
		if i.NotInRecords > 0 {
			missing = missing.as(statusFail)
		}
		s.write(b.rowHeight(s, map[int]string{0: name, 4: covered}), cell{v: name, l: lookWrap}, cell{v: i.Population, l: lookInt}, cell{v: i.InRecords, l: lookInt},
			cell{v: i.NotInRecords, l: missing}, cell{v: covered, l: lookWrap})
	}
}

func (b *book) recordsExclusions(s *sheet, r *reports.RecordsSummary) {
	s.block(blockHead)
	s.wide(1, 5, "Rows of the records that were excluded by hand", lookBlock, 24)
	b.head(s, "Serial number", "Rows", "Issuing CA", "Approved by", "Reason, and what it did")
	for _, x := range r.Exclusions {
		effect := map[string]string{sampler.ExclusionApplied: "left out: no certificate of it exists", sampler.ExclusionNoEffect: "no effect: a certificate of it exists", sampler.ExclusionUnused: "no row has it"}[x.Effect]
		b.texts(s, lookMono, x.Serial, number(x.Rows), brief(x.Issuer, briefName, recordsWhole), brief(x.ApprovedBy, briefName, recordsWhole), brief(x.Reason, briefDetail, recordsWhole)+"\n"+effect)
	}
}

func (b *book) recordsLabels(s *sheet, r *reports.RecordsSummary) {
	s.block(blockHead)
	s.wide(1, 5, "Divisions of the strata, from the CA's columns", lookBlock, 24)
	b.head(s, "Label in the stratum", "", "", "", "Text of the records")
	for _, l := range r.Labels {
		text := brief(l.Text, briefDetail, recordsWhole)
		s.write(b.rowHeight(s, map[int]string{4: text}), cell{v: l.Label, l: lookMono}, cell{l: lookCell}, cell{l: lookCell}, cell{l: lookCell}, cell{v: text, l: lookWrap})
	}
}

// recordsList shows the beginning of one list; an empty one is left out.
func (b *book) recordsList(s *sheet, r *reports.RecordsSummary, name, title string, serious bool) error {
	var total int64
	for _, l := range r.Lists {
		if l.Name == name {
			total = l.Rows
		}
	}
	if total == 0 {
		return nil
	}
	file := sampler.ReconciliationListFile(name)
	s.skip(1)
	s.block(blockHead)
	s.wide(1, 5, fmt.Sprintf("%s: %s", title, counted(int(total), "item", "items")), lookBlock, 24)
	b.head(s, "Serial number", "Form", "Issuing CA", "Issued", "Detail")
	first := lookMono
	if serious {
		first = first.ink(statusFail)
	}
	first.wrap = true
	shown, most := 0, min(listedItems, b.limits.rows)
	if !serious {
		most = min(listedOthers, most)
	}
	for i, err := range b.audit.ListItems(name) {
		if err != nil {
			return err
		}
		if shown++; shown > most {
			shown--
			break
		}
		b.texts(s, first, string(i.Item.Serial), string(i.Form), brief(b.audit.IssuerLabel(i.Item.Issuer), briefName, recordsWhole), timeText(i.Issued), brief(strings.TrimSpace(i.Detail), briefDetail, file))
	}
	b.cutNote(s, int(total), shown, file)
	return nil
}
