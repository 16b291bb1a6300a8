package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// fill adds n entries of a CA that nobody audits.
func (g *grownLog) fill(n int, at time.Time) {
	g.t.Helper()
	foreign := testpki.NewRoot("Foreign Root", testpki.CAOptions{}).NewCA("Foreign CA", testpki.CAOptions{})
	e := testlog.PrecertEntry(foreign, testpki.Template{Seed: "filler", Unsigned: true}, 0)
	for i := range n {
		e.TimestampMS = uint64(at.Add(time.Duration(i) * time.Second).UnixMilli())
		if _, err := g.log.Add(e); err != nil {
			g.t.Fatal(err)
		}
	}
}

// issue logs a precertificate of the seed, or its certificate.
func (g *grownLog) issue(seed string, final bool, issued, logged time.Time, names ...string) {
	g.t.Helper()
	tmpl := testpki.Template{Seed: seed, NotBefore: issued, NotAfter: issued.Add(90 * 24 * time.Hour)}
	tbs, err := ct.ParseTBS(g.ca.TBS(tmpl))
	if err != nil {
		g.t.Fatal(err)
	}
	tmpl.Serial, tmpl.DNSNames = bytes.Clone(tbs.SerialContent), names
	e := testlog.PrecertEntry(g.ca, tmpl, uint64(logged.UnixMilli()))
	if final {
		e = testlog.FinalEntry(g.ca, g.ca.Certificate(tmpl), uint64(logged.UnixMilli()))
	}
	if _, err := g.log.Add(e); err != nil {
		g.t.Fatal(err)
	}
}

var rangeMonths = []string{"2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01"}

// grow adds what is logged up to the head that audit i reads the log at.
func (g *grownLog) grow(i int) {
	g.t.Helper()
	start, end := at(rangeMonths[i]+"T00:00:00Z"), at(rangeMonths[i+1]+"T00:00:00Z")
	if i == 0 {
		g.issue("old", false, start.AddDate(0, 0, -20), start.AddDate(0, 0, -20))
		g.fill(17000, start.AddDate(0, 0, -20))
		g.issue("just before", false, start.Add(-50*time.Hour), start.Add(-50*time.Hour))
	}
	g.add(30+i, start.Add(5*time.Hour))
	g.issue(fmt.Sprint("pair ", i), false, start.Add(90*time.Hour), start.Add(90*time.Hour))
	g.fill(17000, start.Add(100*time.Hour))
	switch i {
	case 1: // the certificate comes a month later, and another one that contradicts its precertificate
		g.issue("pair 0", true, at(rangeMonths[0]+"T00:00:00Z").Add(90*time.Hour), start.Add(200*time.Hour))
		g.issue("1", true, at(rangeMonths[0]+"T05:00:00Z"), start.Add(200*time.Hour), "other.example.com")
		g.issue("just before", false, at(rangeMonths[0]+"T00:00:00Z").Add(-50*time.Hour), start.Add(200*time.Hour)) // logged again
	case 2: // a second certificate of an item whose first one was seen an audit ago
		g.issue("pair 0", true, at(rangeMonths[0]+"T00:00:00Z").Add(90*time.Hour), start.Add(200*time.Hour), "other.example.com")
	}
	g.issue(fmt.Sprint("waits ", i), false, end.Add(time.Hour), end.Add(time.Hour))
	g.publish(end.Add(25 * time.Hour))
}

func (g *grownLog) audit(i int, code int, args ...string) (stdout, stderr string) {
	g.t.Helper()
	end := at(rangeMonths[i+1] + "T00:00:00Z")
	args = append(args, "--audit", "m"+rangeMonths[i][5:7], "--until", end.Format(time.RFC3339), "--now", end.Add(26*time.Hour).Format(time.RFC3339), "--yes")
	if i == 0 {
		args = append(args, "--from", rangeMonths[0]+"T00:00:00Z")
	}
	return g.run(code, args...)
}

func (g *grownLog) frozenLog(i int) sampler.SnapshotLog {
	g.t.Helper()
	s, err := sampler.ParseSnapshot(g.read("audits/m" + rangeMonths[i][5:7] + "/draw/snapshot.json"))
	if err != nil {
		g.t.Fatal(err)
	}
	return s.Logs[0]
}

// TestChainOfRanges takes four audits in a row over a growing log. The first begins where
// time stamps say that the chain does, each other where the one before left off; their
// populations and findings are those of audits that read everything.
func TestChainOfRanges(t *testing.T) {
	g, whole := newGrownLog(t, `beacon = "dice"`), newGrownLog(t, `beacon = "dice"`)
	whole.write("selfaudit.toml", string(whole.read("selfaudit.toml"))+"[collect]\nstart = \"beginning\"\n")
	dice := func(i int) string {
		return at(rangeMonths[i+1] + "T03:00:00Z").Add(24 * time.Hour).Format(time.RFC3339)
	}
	var done []string
	for i := range 4 {
		g.grow(i)
		whole.grow(i)
		stdout, _ := g.audit(i, exitNotYet, "run", "--beacon-time", dice(i))
		g.must(stdout, map[bool]string{true: "searched by time stamp", false: "has decided all entries before"}[i == 0])
		_, _ = g.run(exitOK, "run", "--audit", "m"+rangeMonths[i][5:7], "--now", at(dice(i)).Add(time.Hour).Format(time.RFC3339), "--yes", "--dice", digits)
		stdout, _ = whole.audit(i, exitOK, "collect")
		whole.must(stdout, `start = "beginning" in [collect]`)
		_, _ = whole.run(exitOK, "freeze", "--audit", "m"+rangeMonths[i][5:7], "--now", at(rangeMonths[i+1]+"T02:00:00Z").Add(24*time.Hour).Format(time.RFC3339), "--yes", "--beacon-time", dice(i))
		done = append([]string{"m" + rangeMonths[i][5:7]}, done...)

		l := g.frozenLog(i)
		if l.Coverage != sampler.CoverageRange || l.FirstEntry == 0 || l.Entries != int64(l.TreeSize-l.FirstEntry) || (l.Previous != nil) != (i > 0) {
			t.Errorf("audit %d: %+v", i, l)
		}
		if i > 0 && l.FirstEntry != g.frozenLog(i-1).Cursor.NextFirstEntry/16384*16384 {
			t.Errorf("audit %d begins at %d, the one before left off at %d", i, l.FirstEntry, g.frozenLog(i-1).Cursor.NextFirstEntry)
		}
		if w := whole.frozenLog(i); w.Coverage != sampler.CoverageWhole || w.Entries != int64(w.TreeSize) {
			t.Errorf("audit %d reads everything: %+v", i, w)
		}
		for _, name := range []string{"draw/population.tsv", "findings/items.jsonl"} {
			name = "audits/" + done[0] + "/" + name
			if !bytes.Equal(g.read(name), whole.read(name)) {
				t.Errorf("%s differs:\n%s\nwant\n%s", name, g.read(name), whole.read(name))
			}
		}
	}
	if n := bytes.Count(g.read("audits/m02/findings/items.jsonl"), []byte("differs_from_earlier")); n != 1 {
		t.Errorf("%d contradicting certificates found in m02, want 1", n)
	}
	if out := g.reference(done...); strings.Contains(out, "chain not checked") {
		t.Errorf("the chain is not complete:\n%s", out)
	}
	args := []string{"verify", filepath.Join(g.dir, "audits/m04/sealed/m04.zip")}
	for _, id := range []string{"m03", "m02", "m01"} {
		args = append(args, "--earlier", filepath.Join(g.dir, "audits", id, "sealed", id+".zip"))
	}
	stdout, _ := g.run(exitOK, args...)
	g.must(stdout, "log chain", "1 log contains the trees that earlier audits had", "pairings: is the one that snapshot.json names")
	stdout, _ = g.run(exitOK, slices.Delete(args, len(args)-2, len(args))...)
	g.must(stdout, "log chain")
	g.run(exitUsage, "collect", "--audit", "m04", "--from-start")
	stdout, _ = g.run(exitOK, "plan", "--until", "2026-06-01T00:00:00Z", "--now", "2026-06-02T00:00:00Z")
	g.must(stdout, "audit m04 read the log and has decided all entries before")
	stdout, _ = whole.run(exitOK, "plan", "--offline", "--until", "2026-06-01T00:00:00Z", "--now", "2026-06-02T00:00:00Z")
	g.must(stdout, `start = "beginning"`)
}

// TestForkedLog is a second audit over a log that signs another history: it is refused,
// the evidence is kept and goes into the package, and verify checks it.
func TestForkedLog(t *testing.T) {
	g := newGrownLog(t, `beacon = "dice"`)
	g.add(40, at("2026-01-02T05:00:00Z"))
	g.publish(at("2026-02-02T01:00:00Z"))
	g.audit(0, exitOK, "collect")
	dice := "2026-02-02T03:00:00Z"
	g.run(exitOK, "freeze", "--audit", "m01", "--now", "2026-02-02T02:00:00Z", "--yes", "--beacon-time", dice)

	forked := newGrownLog(t, "") // same key, other entries
	forked.n = 1000
	forked.add(70, at("2026-01-02T05:00:00Z"))
	forked.publish(at("2026-03-02T01:00:00Z"))
	for _, name := range []string{"log"} {
		if err := os.RemoveAll(filepath.Join(g.dir, name)); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(filepath.Join(g.dir, name), os.DirFS(filepath.Join(forked.dir, name))); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		_, stderr := g.audit(1, exitVerify, "collect")
		g.must(stderr, "fork", "both tree heads are kept as evidence", "audit m01")
	}
	g.write("records/more.pem", "") // something must remain that is read
	text := strings.Replace(string(g.read("selfaudit.toml")), "[[log]]", "[[files]]\npath = \"ca.der\"\n[[log]]", 1)
	g.write("selfaudit.toml", text)
	dice = "2026-03-02T03:00:00Z"
	g.audit(1, exitNotYet, "run", "--exclude-log", "grown.example/log=it has forked", "--beacon-time", dice)
	g.run(exitIncomplete, "run", "--audit", "m02", "--now", "2026-03-02T04:00:00Z", "--yes", "--dice", digits)
	zip := filepath.Join(g.dir, "audits/m02/sealed/m02.zip")
	stdout, _ := g.run(exitOK, "verify", zip)
	g.must(stdout, "1 pairs of signed tree heads that contradict each other", "fork: the log signed a tree of 40 entries for audit m01")
}
