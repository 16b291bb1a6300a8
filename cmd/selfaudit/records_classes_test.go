package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/testpki"
	"selfaudit/sampler"
)

// TestRecordsClasses takes certificates of all kinds, which CT does not have, from the CA's
// records through the whole audit: strata by class and by the CA's columns, at least 30
// S/MIME items over all labels, EV and Non-EV code signing apart, OCSP responders and
// subordinate CAs, and nothing left out for what a certificate looks like.
func TestRecordsClasses(t *testing.T) {
	g := newGrownLog(t, "ev_ra = \"none\"\n")
	g.publish(at("2023-08-21T17:00:00Z"))
	from := at("2023-07-10T00:00:00Z")
	var b strings.Builder
	b.WriteString("cert,issued,ra,profile\n")
	add := func(n int, ra string, tmpl testpki.Template) {
		for i := range n {
			tmpl.Seed = fmt.Sprint(ra, tmpl.Policies, tmpl.EKUs, tmpl.IsCA, i, tmpl.NotAfter)
			if tmpl.NotBefore.IsZero() {
				tmpl.NotBefore, tmpl.NotAfter = from, from.Add(300*24*time.Hour)
			}
			fmt.Fprintf(&b, "%x,2023-07-11 00:00:00,%s,\n", g.ca.Certificate(tmpl), ra)
		}
	}
	email := []string{"1.3.6.1.5.5.7.3.4"}
	signing := []string{"1.3.6.1.5.5.7.3.3"}
	add(30, "North RA", testpki.Template{Policies: []string{"2.23.140.1.5.1.2"}, EKUs: email})
	add(10, "Zürich Süd", testpki.Template{Policies: []string{"2.23.140.1.5.1.2"}, EKUs: email})
	add(2, "", testpki.Template{Policies: []string{"2.23.140.1.4.1"}, EKUs: signing})
	add(2, "", testpki.Template{Policies: []string{"2.23.140.1.3"}, EKUs: signing})
	add(1, "", testpki.Template{EKUs: []string{"1.3.6.1.5.5.7.3.9"}, Policies: []string{}})
	add(1, "", testpki.Template{IsCA: true})
	add(1, "", testpki.Template{NotBefore: from, NotAfter: from.Add(-time.Hour)}) // reversed
	add(1, "", testpki.Template{NotBefore: from, NotAfter: from.Add(time.Hour)})  // expired long ago
	g.write("export.csv", b.String())
	g.write("selfaudit.toml", string(g.read("selfaudit.toml"))+`
[[records]]
path = "export.csv"
system = "database"
extracted_at = "2023-08-20T00:00:00Z"
[records.columns]
certificate = "cert"
issued_at = "issued"
registration_authority = "ra"
profile = "profile"
[strata]
by = ["registration_authority", "profile"]
`)
	g.run(exitOK, "run", "--rehearsal", "--dice", digits, "--audit", "r1", "--from", "2023-07-01T00:00:00Z", "--until", "2023-08-20T15:59:24Z", "--now", "2023-11-22T09:00:00Z", "--yes", "-q")
	strata, err := sampler.ParseStrata(g.read("audits/r1/draw/strata.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	got, smime := map[string]int64{}, int64(0)
	for _, s := range strata {
		// The id has the slug, the label the CA's own text.
		if want := `Grown DV CA SMIME Z\u00fcrich S\u00fcd / unassigned`; s.ID.Label == "zuerich-sued-unassigned" && s.Label != want {
			t.Errorf("label %q, want %q", s.Label, want)
		}
		got[string(s.ID.Class)+"/"+s.ID.Label] = s.Population
		if s.ID.Class == sampler.ClassSMIME {
			smime += s.Sample
		}
	}
	want := map[string]int64{"smime/north-ra-unassigned": 30, "smime/zuerich-sued-unassigned": 10, "cs/unassigned": 2, "csev/unassigned": 2, "ocsp/unassigned": 1, "ca/unassigned": 1, "dv/unassigned": 2}
	for stratum, n := range want {
		if got[stratum] != n {
			t.Errorf("stratum %s has %d items, want %d; strata: %v", stratum, got[stratum], n, got)
		}
	}
	if len(got) != len(want) || smime != 31 {
		t.Errorf("strata %v; %d S/MIME items drawn, want 31", got, smime)
	}
	stdout, _ := g.run(exitOK, "verify", filepath.Join(g.dir, rehearsalZip))
	g.must(stdout, "ok       records: ", "ok       items: ", "ok       strata: ")
	summary := string(g.read("audits/r1/report/summary.json"))
	g.must(summary, `"label": "Grown DV CA SMIME Zürich Süd / unassigned"`)
	stdout, _ = g.run(exitOK, "report", "--audit", "r1", "--now", "2023-11-22T09:00:00Z")
	g.must(stdout, "Grown DV CA SMIME Zürich Süd / unassigned")
}
