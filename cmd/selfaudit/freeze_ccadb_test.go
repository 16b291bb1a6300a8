package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestMissingIssuers freezes an audit whose CA has, by the CCADB, another CA certificate
// than the audited ones: it is named in the snapshot and by verify; what is audited, what
// expired before the period and what is another owner's is not.
func TestMissingIssuers(t *testing.T) {
	g := newGrownLog(t, `beacon = "dice"`)
	issuers, err := loadIssuers(g.config(t))
	if err != nil {
		t.Fatal(err)
	}
	audited := issuers.List()[0].Certificates[0]
	g.write("ccadb.csv", csvText(t, ccadbColumns,
		ccadbRow(audited, "Audited CA", "Intermediate Certificate", "2020-01-01", "2040-01-01"),
		ccadbRow([]byte("another"), "=HYPERLINK(\"http://x\")\x1b[2J", "Intermediate Certificate", "2020-01-01", "2040-01-01"),
		ccadbRow([]byte("old"), "Expired CA", "Intermediate Certificate", "2010-01-01", "2025-06-30"),
		ccadbRow([]byte("foreign"), "Foreign CA", "Intermediate Certificate", "2020-01-01", "2040-01-01", "CA Owner", "Foreign, Inc.")))
	plain := string(g.read("selfaudit.toml"))
	g.write("selfaudit.toml", plain+"[ccadb]\nfile = \"ccadb.csv\"\nowner = \"example, inc.\"\n")
	g.add(20, at("2026-01-05T00:00:00Z"))
	g.diceAudit("m01", at("2026-02-01T00:00:00Z"), "--from", "2026-01-01T00:00:00Z")
	notes := strings.Join(g.snapshot("m01").Notes, "\n")
	g.must(notes, "2 CA certificates of \"example, inc.\" were valid in the period, 1 of them with keys that are not audited", "not among the issuers: intermediate \"=HYPERLINK")
	for _, other := range []string{"Audited CA", "Expired CA", "Foreign CA"} {
		if strings.Contains(notes, other) {
			t.Errorf("%s is named:\n%s", other, notes)
		}
	}
	stdout, _ := g.run(exitOK, "verify", filepath.Join(g.dir, "audits/m01/sealed/m01.zip"))
	g.must(stdout, "not among the issuers")
	if strings.Contains(stdout, "\x1b") {
		t.Error("a control character reached the terminal")
	}
	g.write("selfaudit.toml", plain+"[ccadb]\nfile = \"gone.csv\"\nowner = \"Example, Inc.\"\n")
	g.add(5, at("2026-02-05T00:00:00Z"))
	g.publish(at("2026-03-02T01:00:00Z"))
	_, stderr := g.run(exitUsage, "run", "--audit", "m02", "--until", "2026-03-01T00:00:00Z", "--now", "2026-03-02T02:00:00Z", "--yes", "--beacon-time", "2026-03-02T03:00:00Z")
	g.must(stderr, "[ccadb] file", "gone.csv")
}
