package reports_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/fstest"

	"selfaudit/internal/testaudit"
	"selfaudit/lint"
	"selfaudit/reports"
	"selfaudit/sampler"
)

// few is an audit small enough for tests that build many.
var few = []testaudit.Issuer{
	{Label: "Alpha DV CA 1", Class: sampler.ClassDV, Count: 40},
	{Label: "Alpha OV CA 2", Class: sampler.ClassOV, Count: 12},
}

func load(t testing.TB, o testaudit.Options) *reports.Audit {
	t.Helper()
	a, err := reports.Load(testaudit.Build(t, o))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestLoadAtEveryStage(t *testing.T) {
	for name, test := range map[string]struct {
		options testaudit.Options
		open    string // codes of the open points, in order
	}{
		"frozen":   {testaudit.Options{Stage: testaudit.Frozen}, "records draw lint review signatures time-stamps"},
		"drawn":    {testaudit.Options{Stage: testaudit.Drawn}, "records lint review signatures time-stamps"},
		"linted":   {testaudit.Options{}, "records review signatures time-stamps"},
		"drand":    {testaudit.Options{Drand: true}, "records review signatures time-stamps"},
		"excluded": {testaudit.Options{Excluded: true}, "log-excluded records review signatures time-stamps"},
		"empty":    {testaudit.Options{Empty: true}, "records signatures time-stamps"},
	} {
		t.Run(name, func(t *testing.T) {
			test.options.Issuers = few
			a := load(t, test.options)
			var codes []string
			for _, o := range a.OpenPoints() {
				codes = append(codes, o.Code)
			}
			if got := strings.Join(codes, " "); got != test.open {
				t.Errorf("open points %q, want %q", got, test.open)
			}
			if a.CA != "Fixture Trust Alpha" || a.Drawn != (test.options.Stage != testaudit.Frozen) || a.Linted != (test.options.Stage == testaudit.Linted) {
				t.Errorf("CA %q, drawn %v, linted %v", a.CA, a.Drawn, a.Linted)
			}
			s := a.Summary(test.options.ReportedAt(), sampler.ClockGiven)
			if known := s.Overall.Problems != nil; known != (a.Linted && !test.options.Empty) {
				t.Errorf("the number of problems is known: %v", known)
			}
			if (s.Sampled != nil) != a.Drawn {
				t.Errorf("the number of sampled certificates is known: %v", s.Sampled != nil)
			}
		})
	}
}

func TestLoadVoided(t *testing.T) {
	a := load(t, testaudit.Options{Issuers: few, Audit: true, Voided: true})
	if len(a.Voided) != 1 || a.Voided[0].Reason == "" || a.Voided[0].Commitment != a.Commitment.Replaces {
		t.Errorf("voided draws %+v, commitment replaces %s", a.Voided, a.Commitment.Replaces)
	}
}

func TestLoadRefuses(t *testing.T) {
	whole := testaudit.Build(t, testaudit.Options{Issuers: few})
	var certificate string
	for name := range whole {
		if strings.HasPrefix(name, "certificates/") && (certificate == "" || name < certificate) {
			certificate = name
		}
	}
	edit := func(name, old, new string) func(fstest.MapFS) string {
		return func(files fstest.MapFS) string {
			data := files[name].Data
			changed := bytes.Replace(data, []byte(old), []byte(new), 1)
			if bytes.Equal(data, changed) {
				t.Fatalf("%s has no %q to change", name, old)
			}
			files[name] = &fstest.MapFile{Data: changed}
			return name
		}
	}
	remove := func(name string) func(fstest.MapFS) string {
		return func(files fstest.MapFS) string { delete(files, name); return name }
	}
	for name, change := range map[string]func(fstest.MapFS) string{
		"no commitment":          remove("draw/commitment.txt"),
		"no population":          remove("draw/population.tsv"),
		"no seed":                remove("draw/seed.txt"),
		"no certificate":         remove(certificate),
		"population edited":      edit("draw/population.tsv", "\tfinal\t", "\tprecert\t"),
		"population cut":         edit("draw/population.tsv", "final", ""),
		"strata edited":          edit("draw/strata.tsv", "Alpha", "Omega"),
		"snapshot edited":        edit("draw/snapshot.json", "alpha.test", "omega.test"),
		"commitment edited":      edit("draw/commitment.txt", "mode: rehearsal", "mode: practice"),
		"opening edited":         edit("audit.json", `"mode"`, `"node"`),
		"sample role":            edit("draw/sample.tsv", "sample\t", "chosen\t"),
		"sighting edited":        edit("ct/sightings.jsonl", `"form":"final"`, `"form":"other"`),
		"sighting cut short":     edit("ct/sightings.jsonl", "]}\n", "]}"),
		"finding severity":       edit("findings/items.jsonl", `"severity":"error"`, `"severity":"bad"`),
		"lint severity":          edit("lint/results.jsonl", `"severity":"`, `"severity":"un`),
		"lint key":               edit("lint/results.jsonl", `"kind"`, `"sort"`),
		"result without item":    edit("lint/results.jsonl", `"sha256":"`+hashIn(whole), `"sha256":"`+strings.Repeat("0", 64)),
		"linter key":             edit("lint/linter.json", `"modules"`, `"parts"`),
		"configuration":          edit("config/selfaudit.toml", "[ca]", "[ca"),
		"something after a line": edit("lint/results.jsonl", "]}\n", "]} {}\n"),
		"certificate edited": func(files fstest.MapFS) string {
			data := bytes.Clone(files[certificate].Data)
			data[len(data)-1] ^= 1
			files[certificate] = &fstest.MapFile{Data: data}
			return certificate
		},
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{}
			for n, f := range whole {
				files[n] = f
			}
			document := change(files)
			a, err := reports.Load(files)
			if err == nil {
				t.Fatalf("loaded %d items with %s changed", a.Population.Count, document)
			}
			if !strings.Contains(err.Error(), document) {
				t.Errorf("error %q does not name %s", err, document)
			}
		})
	}
}

// hashIn is the hash of the first lint result.
func hashIn(files fstest.MapFS) string {
	_, rest, _ := strings.Cut(string(files["lint/results.jsonl"].Data), `"sha256":"`)
	return rest[:64]
}

func TestProblems(t *testing.T) {
	a := load(t, testaudit.Options{Issuers: few, RateBP: 10000})
	byName := map[string]reports.Problem{}
	last := lint.Fatal
	for _, p := range a.Problems() {
		byName[p.Lint] = p
		if p.Severity > last {
			t.Errorf("%s (%s) comes after a milder one", p.Lint, p.Severity)
		}
		last = p.Severity
		if len(p.Affected) != p.Certificates || p.FirstIssued > p.LastIssued {
			t.Errorf("%s: %d certificates listed of %d, issued %s to %s", p.Lint, len(p.Affected), p.Certificates, p.FirstIssued, p.LastIssued)
		}
		for _, c := range p.Affected {
			if c.SHA256 != strings.ToUpper(c.SHA256) || len(c.SHA256) != 64 || c.CrtSh != "https://crt.sh/?sha256="+c.SHA256 {
				t.Errorf("%s: fingerprint %s, link %s", p.Lint, c.SHA256, c.CrtSh)
			}
			if c.Issued < p.FirstIssued || c.Issued > p.LastIssued || !c.InPopulation || !c.InSample {
				t.Errorf("%s: %+v", p.Lint, c)
			}
		}
	}
	// The planted defects, each wherever it was planted.
	for name, want := range planted(a) {
		if p := byName[name]; p.Items != want || want == 0 {
			t.Errorf("%s: %d items, planted in %d", name, p.Items, want)
		}
	}
	double := byName["e_several_certificates_with_one_serial"]
	if double.Covers != reports.CoversPopulation || double.Items != len(few) || double.Certificates != 2*len(few) || double.Meaning != "several certificates with one serial" {
		t.Errorf("%+v", double)
	}
	if p := byName["e_organizational_unit_name_prohibited"]; p.Covers != reports.CoversSample || !strings.Contains(p.Coverage, "which is the whole population") {
		t.Errorf("coverage of a lint at a rate of 100 %%: %q, %q", p.Covers, p.Coverage)
	}
}

// planted counts the defects by what the certificates themselves say.
func planted(a *reports.Audit) map[string]int {
	n := map[string]int{}
	for _, it := range a.SampleItems() {
		f := it.Main().Facts
		if strings.Contains(f.Subject, "OU=Unit") {
			n["e_organizational_unit_name_prohibited"]++
		}
		if f.NotAfter.Sub(f.NotBefore).Hours() > 400*24 {
			n["e_tls_server_cert_valid_time_longer_than_398_days"]++
		}
		if strings.Contains(f.DNSName, "_") {
			n["e_underscore_not_permissible_in_dnsname"]++
		}
	}
	return n
}

func TestSampleOnlyIsSaid(t *testing.T) {
	a := load(t, testaudit.Options{Issuers: few})
	for _, p := range a.Problems() {
		sentence := "Covers the sample only: 3 of 52 items were linted"
		if p.Covers == reports.CoversPopulation {
			sentence = "Covers the whole population: all 52 items"
		}
		if !strings.HasPrefix(p.Coverage, sentence) {
			t.Errorf("%s: coverage %q, want %q", p.Lint, p.Coverage, sentence)
		}
	}
}

func TestSummary(t *testing.T) {
	o := testaudit.Options{RateBP: 2000}
	a := load(t, o)
	s := a.Summary(o.ReportedAt(), sampler.ClockGiven)
	bad := map[string]int64{}
	for _, it := range a.SampleItems() {
		for _, f := range it.Findings {
			if f.Severity >= lint.Error {
				bad[it.Row.Stratum.String()]++
				break
			}
		}
	}
	if len(bad) == 0 {
		t.Fatal("no problem in the sample: the test shows nothing")
	}
	var problems, upper int64
	for i, l := range s.Strata {
		st := a.Strata[i]
		x := bad[l.StratumID]
		if *l.Problems != x || *l.Upper != sampler.UpperBound(st.Population, st.Sample, x, 1, 20) || *l.Upper < x {
			t.Errorf("%s: %d problems, bound %d; counted %d", l.Label, *l.Problems, *l.Upper, x)
		}
		problems += x
		upper += sampler.UpperBound(st.Population, st.Sample, x, 1, 60)
	}
	if *s.Overall.Problems != problems || *s.Overall.Upper != upper || s.Overall.Population != 318 {
		t.Errorf("overall %+v, want %d problems and a bound of %d", s.Overall, problems, upper)
	}
	if s.Notice != reports.RehearsalNotice || s.Review.Of != *s.Sampled || s.ReportedAt != "2026-11-03T05:00:00Z" {
		t.Errorf("notice %q, review of %d, reported at %s", s.Notice, s.Review.Of, s.ReportedAt)
	}
	for _, r := range s.Requirements {
		if r.PeriodStart == "-" || r.PeriodEnd == "-" || r.AtReport == "-" {
			t.Errorf("no version in force: %+v", r)
		}
	}
}

func TestDocumentsAreReproducible(t *testing.T) {
	o := testaudit.Options{Issuers: few, RateBP: 5000, Hostile: true}
	var first [2][]byte
	for i := range 5 {
		a := load(t, o)
		s := a.Summary(o.ReportedAt(), sampler.ClockSystem)
		summary, err := reports.SummaryDocument(s)
		if err != nil {
			t.Fatal(err)
		}
		findings, err := reports.FindingsDocument(a)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = [2][]byte{summary, findings}
		} else if !bytes.Equal(first[0], summary) || !bytes.Equal(first[1], findings) {
			t.Fatalf("run %d gives other documents", i)
		}
		parsed, err := reports.ParseSummary(summary)
		if err != nil {
			t.Fatal(err)
		}
		again, err := reports.SummaryDocument(*parsed)
		if err != nil || !bytes.Equal(again, summary) {
			t.Errorf("the summary read and written again is another one (%v)", err)
		}
	}
}

func TestParseSummaryRefuses(t *testing.T) {
	good, err := reports.SummaryDocument(reports.Summary{Schema: reports.SummarySchema})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"nothing":        "",
		"another schema": strings.Replace(string(good), "summary/v1", "summary/v2", 1),
		"unknown key":    strings.Replace(string(good), `"audit_id"`, `"audit-id"`, 1),
		"two documents":  string(good) + string(good),
	} {
		if _, err := reports.ParseSummary([]byte(data)); err == nil {
			t.Errorf("%s: read", name)
		}
	}
}
