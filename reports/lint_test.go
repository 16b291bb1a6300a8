package reports_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/config"
	"selfaudit/internal/testaudit"
	"selfaudit/lint"
	"selfaudit/lint/waivers"
	"selfaudit/reports"
	"selfaudit/sampler"
)

var later = time.Date(2027, 3, 31, 0, 0, 0, 0, time.UTC)

// flawed is an audit with findings, doubled serial numbers among them.
func flawed(w ...config.Waiver) testaudit.Options {
	return testaudit.Options{Issuers: few, RateBP: 10000, OneIn: 6, SCTs: true, Waivers: w}
}

// TestSameFactIsReportedOnce: what collecting has found and linting finds again is one
// finding, under the name of collecting, with what linting adds.
func TestSameFactIsReportedOnce(t *testing.T) {
	a := load(t, flawed())
	joined := 0
	for _, it := range a.FindingItems() {
		for _, f := range it.Findings {
			if f.Lint == lint.CheckSerialReused || f.Lint == lint.CheckPrecertificate {
				t.Errorf("item %s: %s stands beside what collecting says", it.ID, f.Lint)
			}
			if f.AlsoFoundBy != "" {
				joined++
				if !f.FromItem || !strings.Contains(f.Details, "; ") {
					t.Errorf("%s found again by %s: %+v", f.Lint, f.AlsoFoundBy, f)
				}
			}
		}
	}
	if joined < 4 {
		t.Errorf("%d findings were found again, want two for each issuer", joined)
	}
	for _, p := range a.Problems() {
		if p.Lint == "e_several_certificates_with_one_serial" && (p.AlsoFoundBy != lint.CheckSerialReused || len(p.Revocation) != 1 || !strings.Contains(p.Revocation[0], "item 12")) {
			t.Errorf("%+v", p)
		}
	}
}

func TestEveryFindingSaysVersionsAndReason(t *testing.T) {
	a := load(t, flawed())
	day, then := a.AuditDay()
	if day != "2026-11-03" || len(then) != 4 {
		t.Fatalf("audit day %q, versions %q", day, then)
	}
	errors := 0
	for _, p := range a.Problems() {
		if len(p.InForce) == 0 || len(p.InForceAtAudit) == 0 {
			t.Errorf("%s: in force %q, at the audit %q", p.Lint, p.InForce, p.InForceAtAudit)
		}
		for _, c := range p.Affected {
			if len(c.InForce) == 0 || !strings.HasPrefix(c.InForce[0], "TLS-BR ") {
				t.Errorf("%s, %s: in force %q", p.Lint, c.SHA256, c.InForce)
			}
			if p.Severity == lint.Error {
				errors++
				if c.Revocation == "" {
					t.Errorf("%s, %s: no reason for revocation", p.Lint, c.SHA256)
				}
			}
		}
	}
	if errors == 0 {
		t.Error("no error at all: the test shows nothing")
	}
}

func TestWaiversInReports(t *testing.T) {
	plain := load(t, flawed())
	before := plain.Summary(flawed().ReportedAt(), sampler.ClockGiven)
	lints := map[string]int{}
	for _, it := range plain.SampleItems() {
		for _, f := range it.Findings {
			if f.Counts() {
				lints[f.Lint]++
			}
		}
	}
	var all []config.Waiver
	for name := range lints {
		all = append(all, config.Waiver{Lint: name, All: true, Expires: later, Reason: "r", Approver: "a", Link: "l"})
	}
	slices.SortFunc(all, func(x, y config.Waiver) int { return strings.Compare(x.Lint, y.Lint) })
	expired := config.Waiver{Lint: all[0].Lint, All: true, Expires: later.AddDate(-1, 0, 0), Reason: "r", Approver: "a", Link: "l"}
	unused := config.Waiver{Lint: "e_rsa_no_public_key", Profile: "DV", Expires: later, Reason: "r", Approver: "a", Link: "l"}
	o := flawed(append([]config.Waiver{expired, unused}, all...)...)
	a := load(t, o)
	s := a.Summary(o.ReportedAt(), sampler.ClockGiven)
	if *s.Overall.Problems != *before.Overall.Problems || *s.Overall.Upper != *before.Overall.Upper || *s.Overall.Problems == 0 {
		t.Errorf("waivers change the problems or the bound: %d and %d, before %d and %d", *s.Overall.Problems, *s.Overall.Upper, *before.Overall.Problems, *before.Overall.Upper)
	}
	if *s.Overall.Unwaived != 0 {
		t.Errorf("%d problems are left although every error is waived", *s.Overall.Unwaived)
	}
	if s.Lint.Error != before.Lint.Error || s.Lint.Waived.Error != s.Lint.Error || s.Lint.Unwaived.Error != 0 {
		t.Errorf("errors %d, waived %+v, rest %+v", s.Lint.Error, s.Lint.Waived, s.Lint.Unwaived)
	}
	if u := s.Waivers; u[3].State != waivers.StateExpired || u[3].Findings == 0 || u[4].State != waivers.StateUnused || u[5].State != waivers.StateUsed {
		t.Errorf("waivers %+v", u)
	}
	var open []string
	for _, p := range s.Open {
		if p.Code == "waivers" {
			open = append(open, p.Text)
		}
	}
	if len(open) != 2 || !strings.Contains(open[0], "W-01") || !strings.Contains(open[1], "W-02") {
		t.Errorf("open points %q", open)
	}
	for _, p := range a.Problems() {
		if p.Counts() && p.Covers == reports.CoversSample && p.WaivedItems != p.Items {
			t.Errorf("%s: %d of %d items are waived", p.Lint, p.WaivedItems, p.Items)
		}
	}
}

// TestAside: a finding of a source that does not apply is counted apart and nowhere else.
func TestAside(t *testing.T) {
	files := testaudit.Build(t, flawed())
	whole, err := reports.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.ReplaceAll(string(files["lint/linter.json"].Data), `        "CABF_BR",`+"\n", "")
	files["lint/linter.json"].Data = []byte(changed)
	a, err := reports.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	at := flawed().ReportedAt()
	s, before := a.Summary(at, sampler.ClockGiven), whole.Summary(at, sampler.ClockGiven)
	if s.Lint.NotApplied == 0 || before.Lint.NotApplied != 0 || s.Lint.Findings()+s.Lint.NotApplied != before.Lint.Findings() {
		t.Errorf("%d findings and %d aside; before %d and %d", s.Lint.Findings(), s.Lint.NotApplied, before.Lint.Findings(), before.Lint.NotApplied)
	}
	for _, n := range a.NotApplied() {
		if n.Source != "CABF_BR" || n.Items == 0 {
			t.Errorf("%+v", n)
		}
	}
	for _, p := range a.Problems() {
		if p.Source == "CABF_BR" {
			t.Errorf("%s is a problem although its source does not apply", p.Lint)
		}
	}
}

func TestAsIfIsApart(t *testing.T) {
	files := testaudit.Build(t, flawed())
	whole, err := reports.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	s := whole.Summary(flawed().ReportedAt(), sampler.ClockGiven)
	if s.AsIf == nil || s.AsIf.Day != "2026-11-03" || s.AsIf.Items == 0 || s.AsIf.Certificates != s.Lint.Certificates {
		t.Fatalf("as if: %+v", s.AsIf)
	}
	for _, x := range whole.AsIfItems() {
		if !x.Item.Sampled() || len(x.Findings) == 0 {
			t.Errorf("%+v", x)
		}
	}
	line, _, _ := strings.Cut(string(files["lint/as-if.jsonl"].Data), "\n")
	files["lint/results.jsonl"].Data = []byte(line + "\n" + string(files["lint/results.jsonl"].Data))
	if _, err := reports.Load(files); err == nil || !strings.Contains(err.Error(), "as if issued on") {
		t.Errorf("a judgement as if among the results: %v", err)
	}
}
