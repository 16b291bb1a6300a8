package lint

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/zmap/zcrypto/x509"
	zlint "github.com/zmap/zlint/v3/lint"
)

// lintJSON lints a corpus and returns one JSON text for all results.
func lintJSON(t *testing.T, l *Linter, certs []corpusCert, workers int) string {
	t.Helper()
	artifacts := func(yield func(Artifact) bool) {
		for _, c := range certs {
			if !yield(Artifact{File: c.file, Kind: KindCert, DER: c.der}) {
				return
			}
		}
	}
	var all []Result
	err := l.LintAll(context.Background(), artifacts, workers, func(r Result) error {
		all = append(all, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(certs) {
		t.Fatalf("%d results for %d certificates", len(all), len(certs))
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDocumentModeIsDeterministic(t *testing.T) {
	certs := zlintCorpus(t)
	first := lintJSON(t, mustNew(t, Options{Document: true}), certs, 1)
	again := lintJSON(t, mustNew(t, Options{Document: true}), certs, 7)
	if first != again {
		t.Error("results differ between two runs (1 and 7 workers)")
	}
}

// TestSettledLintsStaySettled runs the lints that are not deterministic many
// times over the certificates where they find something.
func TestSettledLintsStaySettled(t *testing.T) {
	registry := zlint.GlobalRegistry().CertificateLints()
	found := map[string]int{}
	for _, cert := range zlintCorpus(t) {
		c, err := x509.ParseCertificate(cert.der)
		if err != nil {
			t.Fatal(err)
		}
		for name := range settlers {
			rule := registry.ByName(name)
			var first verdict
			for run := range 20 {
				r := rule.Execute(c, zlint.NewEmptyConfig())
				if r.Status <= zlint.Pass {
					break
				}
				status, details := settle(name, c, r.Status, r.Details)
				if run == 0 {
					first = verdict{status, details}
					found[name]++
				} else if (verdict{status, details}) != first {
					t.Fatalf("%s: %s: %v %q, before %v", cert.file, name, status, details, first)
				}
			}
		}
	}
	for name := range settlers {
		if found[name] == 0 {
			t.Errorf("no certificate of the corpus has a finding of %s", name)
		}
	}
}

// TestCombinedUsagesAreWhatZlintMeans checks our copy of zlint's table: what
// zlint passes in some order, the combination passes; what it refuses with one
// purpose is not in the table.
func TestCombinedUsagesAreWhatZlintMeans(t *testing.T) {
	rule := zlint.GlobalRegistry().CertificateLints().ByName("e_key_usage_and_extended_key_usage_inconsistent")
	purposes := []x509.ExtKeyUsage{}
	for purpose := range usagesFor {
		purposes = append(purposes, purpose)
	}
	slices.Sort(purposes)
	status := func(usage x509.KeyUsage, purposes ...x509.ExtKeyUsage) zlint.LintStatus {
		return rule.Lint().Execute(&x509.Certificate{KeyUsage: usage, ExtKeyUsage: purposes}).Status
	}
	unsettled := 0
	for usage := x509.KeyUsage(0); usage < 1<<9; usage++ {
		for i, a := range purposes {
			if single := status(usage, a) == zlint.Pass; single != slices.Contains(usagesFor[a], usage) {
				t.Errorf("usage %b with purpose %d: zlint passes %v, our table says otherwise", usage, a, single)
			}
			for _, b := range purposes[i:] {
				combined := combinedUsages([]x509.ExtKeyUsage{a, b})[usage]
				passed, refused := false, false
				for range 6 {
					if status(usage, a, b) == zlint.Pass {
						passed = true
					} else {
						refused = true
					}
				}
				if passed && !combined {
					t.Errorf("usage %b with purposes %d, %d: zlint passes it, the combination does not", usage, a, b)
				}
				if passed && refused {
					unsettled++
				}
			}
		}
	}
	t.Logf("%d combinations were seen to change between runs of zlint", unsettled)
}

func TestDocumentModeLeavesOutWhatReadsTheClock(t *testing.T) {
	a := pemArtifact(t, "smime/aiaWithInternalNamesCaIssuersStrict.pem")
	has := func(r Result) bool {
		return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Lint == "w_smime_aia_contains_internal_names" })
	}
	if !has(mustNew(t, Options{}).Lint(a)) {
		t.Error("the ad-hoc mode does not show the lint")
	}
	l := mustNew(t, Options{Document: true})
	if has(l.Lint(a)) {
		t.Error("the document mode shows the lint")
	}
	var left []string
	for _, r := range l.Info().LeftOut {
		left = append(left, r.Lint)
		if r.Reason == "" || metadata()[r.Lint] == nil {
			t.Errorf("left out: %+v is no lint of zlint or has no reason", r)
		}
	}
	if !slices.Equal(left, []string{"w_smime_aia_contains_internal_names", "w_sub_cert_aia_contains_internal_names"}) {
		t.Errorf("Info().LeftOut = %v", left)
	}
}
