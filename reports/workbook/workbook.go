// Package workbook writes the audit's workbook, report/workbook.xlsx, for people.
// The documents are the evidence; every number in the workbook is derived from
// them, and the same documents give the same bytes.
//
// The look, the sheets and the traps of the file format are described in the
// repository's docs; where this package does something roundabout (streams for every
// sheet, a zip written twice), it is one of those traps.
package workbook

import (
	"errors"
	"fmt"
	"strings"

	"github.com/xuri/excelize/v2"

	"selfaudit/reports"
)

// SchemaVersion is the custom property selfaudit.schema of every workbook.
const SchemaVersion = "workbook-v1"

// The sheets, in order.
const (
	sheetCover        = "Cover"
	sheetSummary      = "Summary"
	sheetFindings     = "Findings"
	sheetSample       = "Sample"
	sheetReview       = "Review"
	sheetDraw         = "Draw record"
	sheetPopulation   = "Population"
	sheetRecords      = "Reconciliation"
	sheetLint         = "Lint results"
	sheetToday        = "If issued today"
	sheetWaivers      = "Waivers"
	sheetOpinion      = "Second opinion"
	sheetRequirements = "Requirements"
	sheetCoverage     = "Coverage"
	sheetMethodology  = "Methodology"
	sheetSignOff      = "Sign-off"
)

// limits caps the tables. A capped table says so and names the document with all rows.
type limits struct {
	population int // rows of the Population sheet
	rows       int // rows of any other table; the format ends at 1,048,576
	links      int // links to crt.sh; the format ends at 65,530 per sheet
}

var standardLimits = limits{population: 50_000, rows: 1_000_000, links: 2_000}

// book is one workbook being written.
type book struct {
	file      *excelize.File
	styles    *styles
	audit     *reports.Audit
	summary   reports.Summary
	program   string
	rehearsal string // the mark of a rehearsal, "" for an audit
	header    string
	footer    string
	limits    limits
}

// Write returns the workbook of an audit. s is the audit's summary (its report
// time is the document's time), program names the program and its version. It
// works at every stage of completeness: what does not exist yet is said in place of
// the table. The bytes depend on the arguments only.
func Write(a *reports.Audit, s reports.Summary, program string) ([]byte, error) {
	return write(a, s, program, standardLimits)
}

func write(a *reports.Audit, s reports.Summary, program string, lim limits) (data []byte, err error) {
	b := &book{file: excelize.NewFile(), audit: a, summary: s, program: plain(program, "the program"), limits: lim}
	defer func() { err = errors.Join(err, b.file.Close()) }()
	b.styles = &styles{file: b.file, ids: map[look]int{}}
	if a.Rehearsal() {
		b.rehearsal = reports.RehearsalNotice
	}
	b.header, b.footer = b.marginText()
	if err := b.file.SetSheetName("Sheet1", sheetCover); err != nil {
		return nil, fmt.Errorf("writing the workbook: %w", err)
	}
	for _, sheet := range []func() error{
		b.cover, b.summarySheet, b.findings, b.sample, b.review,
		b.drawRecord, b.population, b.reconciliation, b.lintResults, b.today, b.waiverSheet, b.secondOpinion, b.requirementsSheet, b.coverage, b.methodology, b.signOff,
	} {
		if err := sheet(); err != nil {
			return nil, fmt.Errorf("writing the workbook: %w", err)
		}
	}
	if err := b.properties(); err != nil {
		return nil, fmt.Errorf("writing the workbook's properties: %w", err)
	}
	raw, err := b.file.WriteToBuffer()
	if err != nil {
		return nil, fmt.Errorf("writing the workbook: %w", err)
	}
	return canonical(raw.Bytes())
}

// properties sets the document properties. Times are those of the report record,
// never the clock's. Nothing here may touch a sheet: the library would read every
// streamed sheet back into memory.
func (b *book) properties() error {
	err := b.file.SetDocProps(&excelize.DocProperties{
		Title:   b.auditName(),
		Subject: "Self-audit of issued certificates, " + b.summary.Period.Start + " to " + b.summary.Period.End,
		Creator: b.program, LastModifiedBy: b.program, Description: b.rehearsal, Language: "en",
		Created: b.summary.ReportedAt, Modified: b.summary.ReportedAt,
	})
	if err != nil {
		return err
	}
	for _, p := range []struct{ name, value string }{
		{"selfaudit.audit-id", b.summary.AuditID},
		{"selfaudit.commitment", b.summary.Commitment},
		{"selfaudit.schema", SchemaVersion},
	} {
		if err := b.file.SetCustomProps(excelize.CustomProperty{Name: p.name, Value: p.value}); err != nil {
			return err
		}
	}
	return nil
}

// auditName is how the audit is called: the CA and the audit's own name.
func (b *book) auditName() string {
	ca := "Self-audit"
	if b.audit.CA != "" {
		ca = brief(b.audit.CA, briefName, "config/selfaudit.toml") + ": self-audit"
	}
	return ca + " " + b.summary.AuditID
}

// marginText is the header and footer of every printed page: 8 pt, muted; at most
// 255 UTF-16 units each, so a long name of a CA is cut.
func (b *book) marginText() (header, footer string) {
	const small = `&"Calibri,Regular"&8&K` + muted
	name := []rune(b.auditName())
	if len(name) > 90 {
		name = append(name[:87], '…')
	}
	header = "&L" + small + escapeMargin(string(name))
	if b.rehearsal != "" {
		header += `&C&"Calibri,Bold"&9&K` + red + escapeMargin(b.rehearsal)
	}
	header += "&R" + small + "Confidential"
	footer = "&L" + small + escapeMargin(b.summary.AuditID+" · commitment "+short(b.summary.Commitment)) +
		"&C" + small + "&A&R" + small + "Page &P of &N"
	return header, footer
}

// escapeMargin keeps text from being read as a code of the header's little language.
func escapeMargin(s string) string { return strings.ReplaceAll(s, "&", "&&") }

// short is a hash for the eye: first 8 and last 6 digits.
func short(hash string) string {
	if len(hash) < 20 {
		return hash
	}
	return hash[:8] + "…" + hash[len(hash)-6:]
}
