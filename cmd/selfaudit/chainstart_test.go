package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"selfaudit/sampler"
)

// diceAudit takes one audit of a month from collect to seal; more are further flags.
func (g *grownLog) diceAudit(id string, end time.Time, more ...string) {
	g.t.Helper()
	g.publish(end.Add(25 * time.Hour))
	args := []string{"run", "--audit", id, "--until", end.Format(time.RFC3339), "--now", end.Add(26 * time.Hour).Format(time.RFC3339), "--yes",
		"--beacon-time", end.Add(27 * time.Hour).Format(time.RFC3339)}
	g.run(exitNotYet, append(args, more...)...)
	g.run(exitOK, "run", "--audit", id, "--now", end.Add(28*time.Hour).Format(time.RFC3339), "--yes", "--dice", digits)
}

func (g *grownLog) snapshot(id string) *sampler.Snapshot {
	g.t.Helper()
	s, err := sampler.ParseSnapshot(g.read("audits/" + id + "/draw/snapshot.json"))
	if err != nil {
		g.t.Fatal(err)
	}
	return s
}

// TestChainStart takes a first audit with every kind of evidence and looks at what
// snapshot, report and verify make of it.
func TestChainStart(t *testing.T) {
	const document = "what the last self-audit said"
	hash := sampler.HashDoc([]byte(document)).String()
	for _, tc := range []struct {
		name, chain      string
		evidence, reason string
		open             bool
		want             []string // in verify's output
	}{
		{"nothing", "", "none", sampler.NoChainReason, true, []string{"WITHOUT EVIDENCE"}},
		{"reason", "[chain]\nreason = \"first self-audit of a new CA\"", "none", "first self-audit of a new CA", false, []string{"the CA's reason: first self-audit of a new CA"}},
		{"document", "[chain]\nstart_evidence = \"docs/q2.pdf\"\nlast_sample = \"2026-01-01T00:00:00Z\"", "q2.pdf sha256:" + hash, "first audit of the chain", false,
			[]string{hash, "no gap", "compare: chain start"}},
		{"gap", "[chain]\nstart_evidence = \"docs/q2.pdf\"\nlast_sample = \"2025-12-11T00:00:00Z\"", "q2.pdf sha256:" + hash, "first audit of the chain", true,
			[]string{"GAP of 21 days", "BR 8.7", "the CA gives no reason"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := newGrownLog(t, `beacon = "dice"`)
			g.write("selfaudit.toml", string(g.read("selfaudit.toml"))+tc.chain+"\n")
			g.write("docs/q2.pdf", document)
			g.add(20, at("2026-01-05T00:00:00Z"))
			g.diceAudit("m01", at("2026-02-01T00:00:00Z"), "--from", "2026-01-01T00:00:00Z")
			s := g.snapshot("m01")
			if s.Chain.Evidence != tc.evidence || s.Chain.Reason != tc.reason {
				t.Errorf("evidence %q, reason %q", s.Chain.Evidence, s.Chain.Reason)
			}
			if len(s.Notes) == 0 || !strings.Contains(s.Notes[0], "the chain starts at 2026-01-01T00:00:00Z") {
				t.Errorf("notes %q", s.Notes)
			}
			summary := string(g.read("audits/m01/report/summary.json"))
			if strings.Contains(summary, `"chain-start"`) != tc.open {
				t.Errorf("open point: want %v in\n%s", tc.open, summary)
			}
			stdout, _ := g.run(exitOK, "verify", filepath.Join(g.dir, "audits/m01/sealed/m01.zip"))
			g.must(stdout, tc.want...)
			if n := strings.Count(stdout, "the chain starts at"); tc.name != "gap" && tc.name != "document" && n != 1 {
				t.Errorf("verify says %d times where the chain starts:\n%s", n, stdout)
			}
			if strings.Contains(contents(t, filepath.Join(g.dir, "audits/m01")), "q2.pdf") {
				t.Error("the document was taken into the audit")
			}
			// A later audit ignores [chain], even if its document is gone.
			if err := os.RemoveAll(filepath.Join(g.dir, "docs")); err != nil {
				t.Fatal(err)
			}
			g.add(5, at("2026-02-05T00:00:00Z"))
			g.diceAudit("m02", at("2026-03-01T00:00:00Z"))
			s = g.snapshot("m02")
			if s.Chain.Evidence != "none" || s.Chain.Reason != "follows audit m01" || s.Chain.LastSample != "" {
				t.Errorf("the second audit's chain is %+v", s.Chain)
			}
			if strings.Contains(strings.Join(s.Notes, "\n"), "the chain starts") || strings.Contains(string(g.read("audits/m02/report/summary.json")), `"chain-start"`) {
				t.Error("the second audit speaks of the chain's start")
			}
		})
	}
}

// TestChainStartMissing refuses a document that is not there, before anything is written.
func TestChainStartMissing(t *testing.T) {
	g := newGrownLog(t, `beacon = "dice"`)
	right := string(g.read("selfaudit.toml"))
	g.add(5, at("2026-01-05T00:00:00Z"))
	g.publish(at("2026-02-02T01:00:00Z"))
	clock := []string{"--audit", "m01", "--now", "2026-02-02T02:00:00Z", "--yes"}
	g.run(exitOK, append([]string{"collect", "--from", "2026-01-01T00:00:00Z", "--until", "2026-02-01T00:00:00Z"}, clock...)...)
	for _, evidence := range []string{"docs/missing.pdf", ".", "empty.pdf"} {
		g.write("empty.pdf", "")
		g.write("selfaudit.toml", right+"[chain]\nstart_evidence = \""+evidence+"\"\n")
		_, stderr := g.run(exitUsage, append([]string{"freeze"}, clock...)...)
		g.must(stderr, "start_evidence", "hint: ")
	}
	if _, err := os.Stat(filepath.Join(g.dir, "audits/m01/draw")); err == nil {
		t.Error("a refused freeze wrote something")
	}
}
