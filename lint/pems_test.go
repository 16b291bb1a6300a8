package lint

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	zlint "github.com/zmap/zlint/v3/lint"
)

// pems is the folder of zlint's test artifacts with expectations (its README says where they come from).
const pems = "../testdata/zlint-pems"

func readCSV(t *testing.T, name string) [][]string {
	t.Helper()
	file, err := os.Open(filepath.Join(pems, name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

// pemArtifact reads the one artifact of a test file.
func pemArtifact(t testing.TB, name string) Artifact {
	t.Helper()
	file, err := os.Open(filepath.Join(pems, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	artifacts, err := ReadArtifacts(name, file)
	if err != nil {
		t.Fatal(err)
	}
	if len(artifacts) != 1 || artifacts[0].Err != nil {
		t.Fatalf("%s: %d artifacts, first error %v; want one readable", name, len(artifacts), artifacts[0].Err)
	}
	return artifacts[0]
}

// statuses runs all lints over an artifact, whatever its kind.
func (l *Linter) statuses(a Artifact) map[string]zlint.LintStatus {
	all := map[string]zlint.LintStatus{}
	add := func(meta *zlint.LintMetadata, status zlint.LintStatus, _ string) { all[meta.Name] = status }
	_, p, _ := parseArtifact(a)
	switch {
	case p.cert != nil:
		l.certificate(p.cert, add)
	case p.crl != nil:
		l.revocationList(p.crl, add)
	case p.ocsp != nil:
		l.ocspResponse(p.ocsp, add)
	}
	return all
}

// TestZlintAssertions holds the engine against what zlint's own tests assert.
func TestZlintAssertions(t *testing.T) {
	linters := map[string]*Linter{}
	configured := 0
	for _, row := range readCSV(t, "expected.csv") {
		file, kind, name, config, want := row[0], row[1], row[3], row[4], row[5]
		if linters[config] == nil {
			linters[config] = mustNew(t, Options{Config: config})
		}
		if config != "" {
			configured++
		}
		a := pemArtifact(t, file)
		if string(a.Kind) != kind {
			t.Errorf("%s: read as %s, want %s", file, a.Kind, kind)
		}
		got := linters[config].statuses(a)[name].String()
		if !strings.EqualFold(got, want) {
			t.Errorf("%s: %s: %s, want %s (configuration %q)", file, name, got, want, config)
		}
	}
	if configured == 0 {
		t.Error("no assertion with a configuration was checked")
	}
}

// TestReferenceFindings holds the findings against a full run of zlint 3.7.3.
func TestReferenceFindings(t *testing.T) {
	want := map[string]map[string]string{}
	counts := map[string]string{}
	for _, row := range readCSV(t, "reference-findings.csv") {
		file, name, status := row[0], row[2], row[3]
		if name == "#counts" {
			counts[file] = status
			continue
		}
		if want[file] == nil {
			want[file] = map[string]string{}
		}
		want[file][name] = status
	}
	if len(counts) < 150 {
		t.Fatalf("only %d files in the reference", len(counts))
	}
	l := mustNew(t, Options{})
	labels := map[string]string{"notice": "info"}
	for file, line := range counts {
		a := pemArtifact(t, file)
		got := l.Lint(a).Findings
		for _, f := range got {
			label := f.Severity.String()
			if other, ok := labels[label]; ok {
				label = other
			}
			if want[file][f.Lint] != label {
				t.Errorf("%s: %s %s, reference says %q", file, f.Lint, label, want[file][f.Lint])
			}
		}
		if len(got) != len(want[file]) {
			t.Errorf("%s: %d findings, reference has %d", file, len(got), len(want[file]))
		}
		if got := countsLine(l.statuses(a)); got != line {
			t.Errorf("%s: %s, reference says %s", file, got, line)
		}
	}
}

func countsLine(statuses map[string]zlint.LintStatus) string {
	n := map[zlint.LintStatus]int{}
	for _, status := range statuses {
		n[status]++
	}
	return fmt.Sprintf("total=%d NA=%d NE=%d pass=%d info=%d warn=%d error=%d fatal=%d", len(statuses),
		n[zlint.NA], n[zlint.NE], n[zlint.Pass], n[zlint.Notice], n[zlint.Warn], n[zlint.Error], n[zlint.Fatal])
}
