package evidence

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"selfaudit/internal/jsonlines"
	"selfaudit/internal/testaudit"
	"selfaudit/lint"
	"selfaudit/sampler"
)

// flawed is an audit with findings, SCTs and a waiver.
func flawed() testaudit.Options {
	return testaudit.Options{Issuers: []testaudit.Issuer{{Label: "Alpha DV CA 1", Class: sampler.ClassDV, Count: 40}}, RateBP: 2000, OneIn: 4, SCTs: true}
}

// results changes a document of lint results line by line; nil drops a line.
func (a *attacked) results(name string, change func(n int, r *lint.Result) bool) {
	a.Helper()
	var out bytes.Buffer
	n := 0
	for line := range bytes.Lines(a.read(name)) {
		var r lint.Result
		must(a, json.Unmarshal(line, &r))
		if keep := change(n, &r); keep {
			line, err := jsonlines.Line(r)
			must(a, err)
			out.Write(line)
		}
		n++
	}
	a.write(name, out.Bytes())
}

// linter changes lint/linter.json.
func (a *attacked) linter(change func(*lint.Info)) {
	a.Helper()
	info, err := parseLinter(a.read("lint/linter.json"))
	must(a, err)
	change(info)
	raw, err := jsonlines.Document(info)
	must(a, err)
	a.write("lint/linter.json", raw)
}

// TestLintDocumentsUnderAttack alters the documents of linting and of the waivers, and makes
// everything after them anew, so that nothing but deriving them again can tell.
func TestLintDocumentsUnderAttack(t *testing.T) {
	const results, asIf, waivers = "lint/results.jsonl", "lint/as-if.jsonl", "config/waivers.toml"
	res := sealed(t, flawed())
	if r := verify(t, res.Dir, Options{}); r.Failed() {
		t.Fatalf("the package that is not altered fails:\n%s", text(t, r))
	}
	worst := func(change func(*lint.Result)) func(int, *lint.Result) bool {
		done := false
		return func(_ int, r *lint.Result) bool {
			if !done && r.Worst() >= lint.Error {
				done = true
				change(r)
			}
			return true
		}
	}
	for _, x := range []struct {
		attack
		stale bool // the reports are not made anew: they could not be
	}{
		{attack: attack{"as if: a line is missing", func(a *attacked) {
			a.results(asIf, func(n int, _ *lint.Result) bool { return n != 1 })
		}, []string{"as if"}}},
		{attack: attack{"as if: an error is missing", func(a *attacked) {
			a.results(asIf, worst(func(r *lint.Result) { r.Findings = r.Findings[1:] }))
		}, []string{"lint again as if"}}},
		{attack: attack{"as if: the document is missing", func(a *attacked) { must(a, os.Remove(a.path(asIf))) }, []string{"documents"}}, stale: true},
		{attack: attack{"as if: an error becomes a warning", func(a *attacked) {
			a.results(asIf, worst(func(r *lint.Result) { r.Findings[0].Severity = lint.Warn }))
		}, []string{"lint again as if"}}},
		{attack: attack{"results hold a judgement as if", func(a *attacked) {
			line, _, _ := bytes.Cut(a.read(asIf), []byte("\n"))
			_, rest, _ := bytes.Cut(a.read(results), []byte("\n"))
			a.write(results, slices.Concat(line, []byte("\n"), rest))
		}, []string{"lint"}}, stale: true},
		{attack: attack{"as if holds a result", func(a *attacked) {
			line, _, _ := bytes.Cut(a.read(results), []byte("\n"))
			_, rest, _ := bytes.Cut(a.read(asIf), []byte("\n"))
			a.write(asIf, slices.Concat(line, []byte("\n"), rest))
		}, []string{"as if"}}, stale: true},
		{attack: attack{"another rule set puts an error aside", func(a *attacked) {
			a.results(results, worst(func(r *lint.Result) { r.RuleSet = "other" }))
			a.linter(func(i *lint.Info) {
				set, _ := lint.RuleSetNamed("other")
				set.Certificates = 1
				i.RuleSets[0].Certificates--
				i.RuleSets = append([]lint.RuleSet{set}, i.RuleSets...)
			})
		}, []string{"lint again", "rule sets"}}},
		{attack: attack{"a source is taken out of a rule set", func(a *attacked) {
			a.linter(func(i *lint.Info) {
				i.RuleSets[0].Sources = slices.DeleteFunc(i.RuleSets[0].Sources, func(s string) bool { return s == "CABF_BR" })
			})
		}, []string{"rule sets"}}},
		{attack: attack{"fewer results were compared", func(a *attacked) {
			a.linter(func(i *lint.Info) { i.Rechecked.Compared = 1 })
		}, []string{"rule sets"}}},
		{attack: attack{"an own check is left out", func(a *attacked) {
			a.linter(func(i *lint.Info) { i.OwnChecks = i.OwnChecks[1:] })
		}, []string{"lint"}}},
		{attack: attack{"another version in force", func(a *attacked) {
			a.results(results, worst(func(r *lint.Result) { r.InForce = []string{"TLS-BR 1.0.0"} }))
		}, []string{"lint again"}}},
		{attack: attack{"another reason for revocation", func(a *attacked) {
			a.results(results, worst(func(r *lint.Result) { r.Findings[0].Revocation = "" }))
		}, []string{"lint again"}}},
		{attack: attack{"SCTs that were not verified", func(a *attacked) {
			a.results(results, func(_ int, r *lint.Result) bool {
				if r.SCTs != nil {
					r.SCTs.Verified++
				}
				return true
			})
		}, []string{"lint again"}}},
		{attack: attack{"a later day of linting than its record", func(a *attacked) {
			a.linter(func(i *lint.Info) { i.AuditDay = "2026-11-04" })
		}, []string{"lint"}}, stale: true},
		{attack: attack{"a program's waiver that it does not have", func(a *attacked) {
			a.replace(waivers, "w_subject_common_name_included", "e_selfaudit_validity_too_long")
		}, []string{"waivers"}}},
		{attack: attack{"waivers of another day", func(a *attacked) {
			a.replace(waivers, `applied_on = "2026-11-03"`, `applied_on = "2026-01-03"`)
		}, []string{"waivers"}}},
		{attack: attack{"waivers with a remark", func(a *attacked) { a.write(waivers, append(a.read(waivers), "# x\n"...)) }, []string{"waivers"}}, stale: true},
		{attack: attack{"no waivers", func(a *attacked) { must(a, os.Remove(a.path(waivers))) }, []string{"documents"}}, stale: true},
	} {
		t.Run(x.name, func(t *testing.T) {
			a := &attacked{T: t, dir: copyDir(t, res.Dir)}
			x.make(a)
			if !x.stale {
				must(a, os.Remove(a.path("log/events.jsonl")))
				writeReports(a, filepath.Join(a.dir, payloadFolder), flawed())
			}
			rebag(t, a.dir)
			r := verify(t, a.dir, Options{})
			for _, want := range x.want {
				if !slices.Contains(failed(r), want) {
					t.Errorf("%q did not fail, but %q\n%s", want, failed(r), text(t, r))
				}
			}
			if !x.stale {
				for _, name := range failed(r) {
					if !slices.Contains(x.want, name) {
						t.Errorf("%q failed too: the attack was not consistent", name)
					}
				}
			}
		})
	}
}

// TestLintedBeforeTheDraw: results of a day before the randomness existed cannot be those of
// the sample.
func TestLintedBeforeTheDraw(t *testing.T) {
	o := flawed()
	o.Audit = true
	a := &attacked{T: t, dir: copyDir(t, sealed(t, o).Dir)}
	files := fstest.MapFS{}
	must(a, filepath.WalkDir(filepath.Join(a.dir, payloadFolder), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(filepath.Join(a.dir, payloadFolder), path)
		must(a, err)
		files[filepath.ToSlash(rel)] = &fstest.MapFile{Data: a.read(filepath.ToSlash(rel))}
		return nil
	}))
	early := o.ReportedAt().AddDate(0, 0, -20)
	lintOn(a, files, early, a.write)
	writeReports(a, filepath.Join(a.dir, payloadFolder), o)
	rebag(t, a.dir)
	r := verify(t, a.dir, Options{})
	if !slices.Equal(failed(r), []string{"lint"}) || !strings.Contains(text(t, r), "before the draw") {
		t.Errorf("failed %q\n%s", failed(r), text(t, r))
	}
}
