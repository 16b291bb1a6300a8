package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"selfaudit/sampler"
)

// backdated grows a log by one month: an item that its notBefore takes out of the chain, and
// one whose notBefore is in the month though it was logged after it.
func (g *grownLog) backdated() {
	g.t.Helper()
	start, end := at(rangeMonths[0]+"T00:00:00Z"), at(rangeMonths[1]+"T00:00:00Z")
	g.add(5, start.Add(5*time.Hour))
	g.issue("backdated", false, start.Add(-50*time.Hour), start.Add(20*time.Hour))
	g.issue("logged late", false, end.Add(-time.Hour), end.Add(time.Hour))
	g.fill(17000, end.Add(2*time.Hour))
	g.publish(end.Add(25 * time.Hour))
}

// setting changes issuance_time in the configuration.
func (g *grownLog) setting(from, to string) {
	g.t.Helper()
	raw := g.read("selfaudit.toml")
	if !bytes.Contains(raw, []byte(`issuance_time = "`+from+`"`)) {
		g.t.Fatalf("the configuration has not the setting %s:\n%s", from, raw)
	}
	g.write("selfaudit.toml", strings.Replace(string(raw), `issuance_time = "`+from+`"`, `issuance_time = "`+to+`"`, 1))
}

func diceAfter(i int) string {
	return at(rangeMonths[i+1] + "T03:00:00Z").Add(24 * time.Hour).Format(time.RFC3339)
}

// freeze freezes audit i, two hours after its tree head's day.
func (g *grownLog) freeze(i, code int, args ...string) string {
	g.t.Helper()
	now := at(rangeMonths[i+1] + "T02:00:00Z").Add(24 * time.Hour).Format(time.RFC3339)
	_, stderr := g.run(code, append([]string{"freeze", "--audit", "m" + rangeMonths[i][5:7], "--now", now, "--yes", "--beacon-time", diceAfter(i)}, args...)...)
	return stderr
}

// TestOtherSetting: what an audit left out by its notBefore is in the next one, if that goes
// by the time in CT, though the cursor is after it.
func TestOtherSetting(t *testing.T) {
	g := newGrownLog(t, "beacon = \"dice\"\nissuance_time = \"not_before\"")
	g.backdated()
	_, _ = g.audit(0, exitOK, "collect")
	g.freeze(0, exitOK)
	g.setting("not_before", "ct")
	end := at(rangeMonths[2] + "T00:00:00Z")
	g.add(5, end.Add(-time.Hour))
	g.publish(end.Add(25 * time.Hour))
	stdout, _ := g.audit(1, exitOK, "collect")
	g.must(stdout, "by their notBefore")
	g.freeze(1, exitOK)
	g.must(string(g.read("audits/m02/draw/snapshot.json")), `"late": 1`)
}

// TestVoidedBefore refuses to freeze what was collected from the cursors of a commitment
// that was voided since.
func TestVoidedBefore(t *testing.T) {
	g := newGrownLog(t, "beacon = \"dice\"\nissuance_time = \"not_before\"")
	g.backdated()
	_, _ = g.audit(0, exitOK, "collect")
	late := []string{"--now", at(rangeMonths[2] + "T02:00:00Z").Add(24 * time.Hour).Format(time.RFC3339), "--beacon-time", diceAfter(1), "--yes"}
	_, _ = g.run(exitOK, append([]string{"freeze", "--audit", "m01"}, late...)...)
	_, _ = g.audit(1, exitOK, "collect")
	g.setting("not_before", "ct")
	_, _ = g.run(exitOK, append([]string{"freeze", "--audit", "m01", "--void", "the wrong setting"}, late...)...)
	g.must(g.freeze(1, exitUsage), "m02/work/collected.json and collect again")
	if err := os.Remove(filepath.Join(g.dir, "audits/m02/work/collected.json")); err != nil {
		t.Fatal(err)
	}
	_, _ = g.audit(1, exitOK, "collect")
	g.freeze(1, exitOK)
	s, err := sampler.ParseSnapshot(g.read("audits/m02/draw/snapshot.json"))
	if err != nil || s.Counts.Population != 1 {
		t.Errorf("%d items, %v; want the one that was logged after the period of m01", s.Counts.Population, err)
	}
}
