package evidence

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"selfaudit/internal/auditdir"
	"selfaudit/internal/testaudit"
	"selfaudit/lint"
	"selfaudit/lint/pkimetal"
	"selfaudit/lint/requirements"
	"selfaudit/reports"
	"selfaudit/reports/corpus"
	"selfaudit/sampler"
)

// withMore makes an audit with everything that may stand beside its other documents: kept
// tables, a register of reviews, the results of the population, and a second opinion.
func withMore(t *testing.T) (string, testaudit.Options) {
	t.Helper()
	o := testaudit.Options{Issuers: smallIssuers}
	dir := makeAudit(t, o)
	d := auditdir.At(dir)
	files, err := requirements.Embedded().Files()
	must(t, err)
	for name, data := range files {
		must(t, d.Replace("config/requirements/"+name, data))
	}
	register := requirements.NewRegister()
	v, known := requirements.Embedded().Find(requirements.SMIMEBR, "1.0.16") // came into force in the period
	if !known {
		t.Fatal("the table has no SMIME-BR 1.0.16")
	}
	must(t, register.Add(requirements.Review{Document: v.Document, Version: v.Number, Effective: v.Effective.Format("2006-01-02"), ReviewedBy: "A", ReviewedOn: "2026-06-01", Impact: "none"}, requirements.Embedded()))
	raw, err := register.Bytes()
	must(t, err)
	must(t, d.Replace("config/requirements-review.csv", raw))
	a, err := reports.Load(d.FS())
	must(t, err)
	must(t, d.Replace(corpus.Name, populationDocument(t, a)))
	must(t, d.Replace(pkimetal.Name, opinionDocument(t, a)))
	writeReports(t, dir, o)
	return dir, o
}

// populationDocument says of the sample what the sample's results say, and nothing of the
// rest of the population.
func populationDocument(t *testing.T, a *reports.Audit) []byte {
	t.Helper()
	h := corpus.Header{Schema: corpus.Schema, AuditID: a.Commitment.AuditID, Mode: a.Commitment.Mode, Only: []string{}, Least: lint.Error, Linter: *a.Linter,
		Covers:  []corpus.Covered{{AuditID: a.Commitment.AuditID, Population: a.Commitment.PopulationHash, Items: a.Commitment.PopulationCount, Certificates: 99}},
		Missing: []corpus.Missing{}}
	if a.Rehearsal() {
		h.Notice = reports.RehearsalNotice
	}
	h.Linter.AuditInfo = nil
	var found []corpus.Affected
	for _, it := range a.SampleItems() {
		for _, c := range it.Certificates {
			for _, r := range a.Results {
				for _, f := range r.Findings {
					if r.SHA256 == c.SHA256.String() && h.Speaks(f.Lint, f.Severity) {
						found = append(found, corpus.Affected{Lint: f.Lint, Severity: f.Severity, AuditID: h.AuditID, Item: it.ID, Stratum: it.Row.Stratum.String(),
							SHA256: r.SHA256, Form: c.Form, Issued: sampler.FormatTime(it.Row.Issued), From: "-", Until: "-", RuleSet: r.RuleSet})
					}
				}
			}
		}
	}
	if len(found) == 0 {
		t.Fatal("the sample has no error: the test shows nothing")
	}
	slices.SortFunc(found, func(x, y corpus.Affected) int {
		return cmp.Or(x.Item.Compare(y.Item), cmp.Compare(x.Form, y.Form), cmp.Compare(x.SHA256, y.SHA256), cmp.Compare(x.Lint, y.Lint))
	})
	count := corpus.NewCounter(corpus.AboutRule)
	for _, x := range found {
		count.Add(x)
	}
	h.Problems = count.Problems()
	out, err := corpus.Line(&h)
	must(t, err)
	for _, x := range found {
		line, err := corpus.Line(&x)
		must(t, err)
		out = append(out, line...)
	}
	return out
}

// opinionDocument has an answer for every certificate but the first.
func opinionDocument(t *testing.T, a *reports.Audit) []byte {
	t.Helper()
	out, err := pkimetal.Line(pkimetal.Header{Schema: pkimetal.Schema, AuditID: a.Commitment.AuditID, URL: "http://127.0.0.1:8080"})
	must(t, err)
	for i, r := range a.Results {
		answer, failure := &pkimetal.Answer{Version: "v1.20.0", Profile: "tbr_leaf_tlsserver_dv", Linters: []string{"zlint v3.7.3"},
			Findings: []pkimetal.Finding{{Linter: "zlint", Severity: "notice", Code: "n_x", Finding: "x"}}}, error(nil)
		if i == 0 {
			answer, failure = nil, errors.New("connection refused")
		}
		line, err := pkimetal.Line(pkimetal.NewOpinion(r, answer, failure))
		must(t, err)
		out = append(out, line...)
	}
	return out
}

func TestDocumentsBesideTheResults(t *testing.T) {
	dir, o := withMore(t)
	res, err := Seal(context.Background(), dir, filepath.Join(t.TempDir(), "out"), infoOf(t, dir, o))
	must(t, err)
	r := verify(t, res.Dir, Options{})
	if !r.Verified {
		t.Fatalf("the package as made fails:\n%s", text(t, r))
	}
	for _, want := range []string{"table of 2026-11-21", "1 reviews are recorded", "population.tsv, and for the certificates of the sample", "the CA's word", "1 certificates have none"} {
		if !strings.Contains(text(t, r), want) {
			t.Errorf("%q is missing in:\n%s", want, text(t, r))
		}
	}
	raw, err := os.ReadFile(filepath.Join(res.Dir, "data/report/summary.json"))
	must(t, err)
	for _, want := range []string{`"staleness"`, `"requirement_reviews"`, `"coverage"`, `"population_lint"`, `"second_opinion"`, `"covers": "population"`} {
		if !bytes.Contains(raw, []byte(want)) {
			t.Errorf("summary.json does not have %s", want)
		}
	}
	replace := func(name, old, new string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, "data", filepath.FromSlash(name))
			raw, err := os.ReadFile(path)
			must(t, err)
			changed := bytes.Replace(raw, []byte(old), []byte(new), 1)
			if bytes.Equal(raw, changed) {
				t.Fatalf("%s has no %q", name, old)
			}
			must(t, os.WriteFile(path, changed, 0o644))
		}
	}
	remove := func(name string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			must(t, os.Remove(filepath.Join(dir, "data", filepath.FromSlash(name))))
		}
	}
	line := func(name string, n int) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, "data", filepath.FromSlash(name))
			raw, err := os.ReadFile(path)
			must(t, err)
			lines := bytes.SplitAfter(raw, []byte("\n"))
			must(t, os.WriteFile(path, bytes.Join(slices.Delete(lines, n, n+1), nil), 0o644))
		}
	}
	for name, tamper := range map[string]func(t *testing.T, dir string){
		"a version is taken out of the table":   replace("config/requirements/requirement-versions.csv", "TLS-BR,2.2.6,", "TLS-BR,2.0.99,"),
		"the table is made newer":               replace("config/requirements/edition.txt", "2026-11-21\nCA/Browser Forum document versions, table of 2026-11-21", "2027-11-21\nCA/Browser Forum document versions, table of 2027-11-21"),
		"a table is missing":                    remove("config/requirements/relevant-dates.csv"),
		"all tables are missing":                func(t *testing.T, dir string) { must(t, os.RemoveAll(filepath.Join(dir, "data/config/requirements"))) },
		"the tables are said to be another's":   replace("config/requirements/edition.txt", "table of 2026-11-21\n", "table of 2026-11-21 (from newer: versions; x)\n"),
		"a reviewer is exchanged":               replace("config/requirements-review.csv", ",A,", ",B,"),
		"the register is missing":               remove("config/requirements-review.csv"),
		"the register cannot be read":           replace("config/requirements-review.csv", "2026-06-01", "1.6.2026"),
		"a finding of the sample is taken out":  line("lint/population.jsonl", 1),
		"the population is said to be larger":   replace("lint/population.jsonl", `"certificates":99`, `"certificates":98`),
		"a rule was not looked for":             replace("lint/population.jsonl", `"least":"error"`, `"least":"fatal"`),
		"the results of the population missing": remove("lint/population.jsonl"),
		"a disagreement is talked away":         replace("lint/second-opinion.jsonl", `"severity":"notice"`, `"severity":"info"`),
		"an opinion is taken out":               line("lint/second-opinion.jsonl", 2),
		"a failure is taken for agreement":      replace("lint/second-opinion.jsonl", `"error":"connection refused"`, `"by":"pkimetal v1"`),
		"the second opinion is missing":         remove("lint/second-opinion.jsonl"),
	} {
		t.Run(name, func(t *testing.T) {
			dir := copyDir(t, res.Dir)
			tamper(t, dir)
			recordStages(t, filepath.Join(dir, "data"), o) // as whoever alters a package can
			rebag(t, dir)
			if r := verify(t, dir, Options{}); r.Verified {
				t.Errorf("it is not noticed:\n%s", text(t, r))
			} else if slices.Contains(failed(r), "events") {
				t.Errorf("the record of events is what fails, which can be written anew: %v", failed(r))
			}
		})
	}
}
