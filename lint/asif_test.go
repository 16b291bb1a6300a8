package lint

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zmap/zcrypto/x509"
)

func day(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return t
}

// found says whether a result has a finding of a lint.
func found(r Result, name string) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Lint == name })
}

// zlintArtifact is a certificate of zlint's own test data.
func zlintArtifact(t *testing.T, name string) Artifact {
	t.Helper()
	for _, c := range zlintCorpus(t) {
		if c.file == name {
			return Artifact{File: name, Kind: KindCert, DER: c.der}
		}
	}
	t.Fatalf("zlint has no test certificate %s", name)
	return Artifact{}
}

// TestAsIf asks about a certificate that was issued before 2020-09-01 for more than 398
// days: good then, too long from that day on.
func TestAsIf(t *testing.T) {
	a := zlintArtifact(t, "eeServerCertValidOver398OldNotBefore.pem")
	const tooLong = "e_tls_server_cert_valid_time_longer_than_398_days"
	if r := mustNew(t, Options{}).Lint(a); found(r, tooLong) || r.AsIf != "" {
		t.Errorf("as of issuance: %+v", r)
	}
	if r := mustNew(t, Options{AsIf: day("2020-08-31")}).Lint(a); found(r, tooLong) || r.AsIf != "2020-08-31" {
		t.Errorf("as if issued before the limit: %s, %v", r.AsIf, found(r, tooLong))
	}
	for _, reference := range []bool{false, true} {
		r := mustNew(t, Options{AsIf: day("2021-01-01"), Reference: reference}).Lint(a)
		if !found(r, tooLong) || r.AsIf != "2021-01-01" {
			t.Errorf("as if issued under the limit (reference %v): %s, %v", reference, r.AsIf, found(r, tooLong))
		}
	}
}

func TestAsIfIsAboutCertificates(t *testing.T) {
	l := mustNew(t, Options{AsIf: day("2026-01-01")})
	for _, name := range []string{"crl_with_duplicate_ext.pem", "ocspRsaSHA256"} {
		r := l.Lint(pemArtifact(t, name))
		if len(r.Findings) != 1 || r.Findings[0].Lint != LintNotLinted || r.AsIf == "" {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestAsIfMovesTheValidity(t *testing.T) {
	a := zlintArtifact(t, "eeServerCertValidOver398OldNotBefore.pem")
	var seen *x509.Certificate
	l := mustNew(t, Options{AsIf: day("2026-01-01"), Describe: true, Checks: func(_ Artifact, c *x509.Certificate) []Finding { seen = c; return nil }})
	r := l.Lint(a)
	if !seen.NotBefore.Equal(day("2026-01-01")) || seen.NotAfter.Sub(seen.NotBefore) != r.Description.NotAfter.Sub(r.Description.NotBefore) {
		t.Errorf("moved to %v - %v", seen.NotBefore, seen.NotAfter)
	}
	if r.Description.NotBefore.Equal(seen.NotBefore) {
		t.Error("the description tells the moved validity, not the certificate's own")
	}
	info := l.Info()
	if info.AsIf != "2026-01-01" || len(info.Masked) != len(asIfMasked) || len(info.OwnChecks) == 0 {
		t.Errorf("info: %+v", info)
	}
}

// TestAsIfMasksAllThatReadsRawTimes looks in zlint's sources for lints that decode the
// validity from the bytes of the certificate or compare it with the time of SCTs.
func TestAsIfMasksAllThatReadsRawTimes(t *testing.T) {
	module, err := zlintModule()
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`Name:\s*"([^"]+)"`)
	masked := map[string]bool{}
	err = filepath.WalkDir(filepath.Join(module, "lints"), func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		raw, err := os.ReadFile(path)
		text := string(raw)
		if strings.Contains(text, "util.GetTimes(") || strings.Contains(text, "sct.Timestamp") {
			for _, m := range name.FindAllStringSubmatch(text, -1) {
				masked[m[1]] = true
				if asIfMasked[m[1]] == "" {
					t.Errorf("%s reads raw times (%s) and is not masked", m[1], filepath.Base(path))
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for lint := range asIfMasked {
		if !masked[lint] {
			t.Errorf("%s is masked without need", lint)
		}
	}
}

func TestPanickingCheckIsAFinding(t *testing.T) {
	l := mustNew(t, Options{Checks: func(Artifact, *x509.Certificate) []Finding { panic("hostile") }})
	r := l.Lint(pemArtifact(t, "subCAWBothURL.pem"))
	if len(r.Findings) == 0 || r.Findings[0].Lint != LintCheckPanicked || r.Findings[0].Severity != Fatal || r.Findings[0].Details != "hostile" {
		t.Errorf("%+v", r.Findings)
	}
}
