package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestStrataBelowTheRule: strata below what their class requires are a mistake in the
// configuration, named with its line, all of them, by whatever command reads it; and doctor
// says so where it belongs.
func TestStrataBelowTheRule(t *testing.T) {
	g := newGrownLog(t, "")
	config := string(g.read("selfaudit.toml"))
	line := strings.Count(config, "\n")
	g.write("selfaudit.toml", config+"[[stratum]]\nclass = \"ev\"\nrate = \"3%\"\n[[stratum]]\nclass = \"cs\"\nrate = \"4%\"\n")
	at := func(n int) string { return ":" + string(rune('0'+n/10)) + string(rune('0'+n%10)) + ":1: rate " }
	first, second := at(line+3), at(line+6)
	for _, command := range []string{"status", "collect"} {
		_, stderr := g.run(exitUsage, command)
		g.must(stderr, first, second, "EVG 8.1.1", "CSBR 8.7", `declare ev_ra = "none" in [audit]`)
	}
	stdout, _ := g.run(exitFailed, "doctor", "--offline")
	g.must(stdout, "FAIL     configuration: ", first, "\n         ", second, "skipped  issuers: ")
	if strings.Contains(stdout, `\x0a`) || strings.Contains(stdout, "correct [[issuer]]") {
		t.Errorf("doctor:\n%s", stdout)
	}

	g.write("selfaudit.toml", config+"[[stratum]]\nissuer = \"nobody\"\nrate = \"5%\"\n")
	stdout, _ = g.run(exitFailed, "doctor", "--offline")
	g.must(stdout, "ok       configuration: ", "FAIL     sampling rules: ", `[[stratum]] number 1: issuer "nobody"`, "remedy: name it by its label, file or key hash")
}

// TestRecordsEscapedOnce: a line break in the CA's text is shown as one escape.
func TestRecordsEscapedOnce(t *testing.T) {
	var out bytes.Buffer
	x := recordsExport{Kind: "csv", Issuers: []recordsIssuer{{Text: "Fixture\nAlpha", Rows: 2}}}
	x.render(&env{Stdout: &out})
	if text := out.String(); !strings.Contains(text, `2 rows of "Fixture\x0aAlpha": not an audited issuer`) {
		t.Errorf("%s", text)
	}
}
