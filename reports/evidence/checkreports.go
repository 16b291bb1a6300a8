package evidence

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"

	"selfaudit/internal/auditdir"
	"selfaudit/lint"
	"selfaudit/reports"
	"selfaudit/reports/workbook"
	"selfaudit/sampler"
)

// loadAudit reads the picture of the audit that all reports are made from; nil after
// saying why there is none.
func (v *verifier) loadAudit(check string) *reports.Audit {
	if v.docs.audit != nil {
		return v.docs.audit
	}
	a, err := reports.Load(v.data)
	if err != nil {
		v.fail(check, "%v", err)
		return nil
	}
	v.docs.audit = a
	return a
}

// checkFindings makes findings/findings.json again and compares every byte. What a lint
// means is its linter's sentence: with another linter those sentences are left out.
func (v *verifier) checkFindings() {
	const name = "findings/findings.json"
	raw := v.read(name, name)
	if raw == nil {
		return
	}
	a := v.loadAudit(name)
	if a == nil {
		return
	}
	want, err := reports.FindingsDocument(a)
	if err != nil {
		v.fail(name, "%v", err)
		return
	}
	switch {
	case bytes.Equal(raw, want):
		v.ok(name, "made again with the same result")
	case !v.ownLinter(a) && sameBut(raw, want, "meaning"):
		v.ok(name, "made again with the same result, but for the wording of lints: another linter was recorded")
	default:
		v.fail(name, "made again it differs, first in line %d", firstDifference(raw, want))
	}
}

// ownLinter says whether the audit was linted with the modules in this program.
func (v *verifier) ownLinter(a *reports.Audit) bool {
	if a.Linter == nil {
		return true
	}
	return slices.EqualFunc(a.Linter.Modules, lint.Modules(), func(x, y lint.Module) bool { return x.Path == y.Path && x.Version == y.Version })
}

// sameBut compares two JSON documents, leaving out the values of some keys wherever they
// stand.
func sameBut(a, b []byte, keys ...string) bool {
	x, err1 := withoutKeys(a, keys)
	y, err2 := withoutKeys(b, keys)
	return err1 == nil && err2 == nil && reflect.DeepEqual(x, y)
}

func withoutKeys(raw []byte, keys []string) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		return nil, err
	}
	var strip func(v any)
	strip = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, k := range keys {
				delete(v, k)
			}
			for _, child := range v {
				strip(child)
			}
		case []any:
			for _, child := range v {
				strip(child)
			}
		}
	}
	strip(doc)
	return doc, nil
}

// checkSummary computes report/summary.json again from the other documents, at the time
// that it says it was made.
func (v *verifier) checkSummary() {
	const name = "report/summary.json"
	raw := v.read(name, name)
	if raw == nil {
		return
	}
	summary, err := reports.ParseSummary(raw)
	if err != nil {
		v.fail(name, "%v", err)
		return
	}
	at, err := sampler.ParseTime(summary.ReportedAt)
	if err != nil {
		v.fail(name, "reported_at: %v", err)
		return
	}
	a := v.loadAudit(name)
	if a == nil {
		return
	}
	again := a.Summary(at, summary.Clock)
	want, err := reports.SummaryDocument(again)
	switch {
	case err != nil:
		v.fail(name, "%v", err)
		return
	case bytes.Equal(raw, want):
		v.ok(name, "all numbers computed again with the same result; reported %s", summary.ReportedAt)
	case summary.TableEdition != again.TableEdition && sameBut(raw, want, "requirements", "requirements_edition"):
		v.ok(name, "all numbers computed again with the same result; reported %s", summary.ReportedAt)
		v.note(name, "made with edition %s of the table of document versions, this program has %s", summary.TableEdition, again.TableEdition)
	default:
		v.fail(name, "computed again it differs, first in line %d", firstDifference(raw, want))
		return
	}
	v.docs.summary = summary
	if !v.report.Incomplete && v.bag.SealedAt.Before(at) {
		v.note(name, "reported %s, after bag-info.txt's sealing time", summary.ReportedAt)
	}
}

// checkWorkbook renders the workbook again and compares it, byte by byte where that
// succeeds and cell by cell where another build wrote it.
func (v *verifier) checkWorkbook() {
	const name = "workbook"
	raw := v.read(name, "report/workbook.xlsx")
	if raw == nil {
		return
	}
	if v.docs.summary == nil || v.docs.opening == nil {
		v.refused(name, "report/summary.json or audit.json")
		return
	}
	a := v.loadAudit(name)
	if a == nil {
		return
	}
	program := v.docs.opening.Program.Name + " " + v.docs.opening.Program.Version
	want, err := workbook.Write(a, *v.docs.summary, program)
	if err != nil {
		v.fail(name, "making it again: %v", err)
		return
	}
	if bytes.Equal(raw, want) {
		v.ok(name, "made again with the same bytes")
		return
	}
	if err := compareCells(raw, want); err != nil {
		v.fail(name, "%v", err)
		return
	}
	v.ok(name, "made again with the same value in every cell of every sheet")
	if !sameParts(raw, want) {
		v.note(name, "its bytes are not those that this program makes, so only cell values were compared: do not trust links, charts, comments or macros in it")
	}
}

// sameParts says whether two workbooks hold the same parts in the same order, however
// they are compressed.
func sameParts(raw, want []byte) bool {
	got, err1 := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	due, err2 := zip.NewReader(bytes.NewReader(want), int64(len(want)))
	if err1 != nil || err2 != nil {
		return false
	}
	return slices.EqualFunc(got.File, due.File, func(x, y *zip.File) bool {
		return x.Name == y.Name && x.UncompressedSize64 == y.UncompressedSize64 && samePart(x, y)
	})
}

// samePart compares two parts; want's size bounds how much is read.
func samePart(raw, want *zip.File) bool {
	a, err := raw.Open()
	if err != nil {
		return false
	}
	defer a.Close()
	b, err := want.Open()
	if err != nil {
		return false
	}
	defer b.Close()
	cmp := &comparer{src: a}
	n, err := io.Copy(onlyWriter{cmp}, b)
	if err != nil || n != int64(want.UncompressedSize64) {
		return false
	}
	_, err = io.ReadFull(a, make([]byte, 1))
	return err == io.EOF
}

// compareCells compares the values of all cells of two workbooks.
func compareCells(raw, want []byte) error {
	got, err := workbook.Values(raw)
	if err != nil {
		return err
	}
	due, err := workbook.Values(want)
	if err != nil {
		return err
	}
	for _, sheet := range sortedKeys(due) {
		rows, there := got[sheet]
		if !there {
			return fmt.Errorf("sheet %q is missing", sheet)
		}
		if row, column, differ := firstCell(rows, due[sheet]); differ {
			return fmt.Errorf("sheet %q, row %d, column %d: %.200q, made again it is %.200q", sheet, row+1, column+1,
				cell(rows, row, column), cell(due[sheet], row, column))
		}
	}
	for _, sheet := range sortedKeys(got) {
		if _, there := due[sheet]; !there {
			return fmt.Errorf("sheet %q does not belong to it", sheet)
		}
	}
	return nil
}

func firstCell(a, b [][]string) (row, column int, differ bool) {
	for row := range max(len(a), len(b)) {
		width := 0
		if row < len(a) {
			width = len(a[row])
		}
		if row < len(b) {
			width = max(width, len(b[row]))
		}
		for column := range width {
			if cell(a, row, column) != cell(b, row, column) {
				return row, column, true
			}
		}
	}
	return 0, 0, false
}

// cell returns a value; a missing cell is an empty one.
func cell(rows [][]string, row, column int) string {
	if row >= len(rows) || column >= len(rows[row]) {
		return ""
	}
	return rows[row][column]
}

// checkEvents checks the hash chain of log/events.jsonl, and that the documents of the
// last event of each stage are those in the package.
func (v *verifier) checkEvents() {
	const name = "events"
	raw := v.read(name, auditdir.EventsFile)
	if raw == nil {
		return
	}
	events, err := auditdir.ParseEvents(raw)
	if err != nil {
		v.fail(name, "%v", err)
		return
	}
	last := map[string]auditdir.Event{}
	for _, e := range events {
		last[e.Stage] = e
	}
	var bad failures
	compared := 0
	for _, stage := range sortedKeys(last) {
		for _, doc := range sortedKeys(last[stage].Documents) {
			hash, there := v.hashes[payloadFolder+"/"+doc]
			if !there {
				continue // work/ and sealed/ are not packaged; a missing document was named before
			}
			compared++
			if hash.String() != last[stage].Documents[doc] {
				bad.add("%s: its SHA-256 is %s, the record of stage %s says %s", doc, hash, stage, last[stage].Documents[doc])
			}
		}
	}
	bad.close(v, name, "%d records, each with the hash of the one before; %d documents are those recorded", len(events), compared)
}
