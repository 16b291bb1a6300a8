package evidence

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"

	"selfaudit/lint"
	"selfaudit/reports"
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
