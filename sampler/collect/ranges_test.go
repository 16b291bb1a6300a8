package collect_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"selfaudit/internal/auditdir"
	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/ct"
)

// rangedChain is a chain of audits that read only the new part of each log.
type rangedChain struct {
	setting                         sampler.IssuanceTime
	populations, findings, pairings []string
	outside                         string                  // of the audit before
	read                            map[ct.LogID][]pastRead // newest first
}

type pastRead struct {
	known  collect.Known
	cursor uint64
}

// auditRun is what one audit read and made of it.
type auditRun struct {
	documents
	starts  map[ct.LogID]collect.Start
	outside []sampler.Outside
}

func (c *rangedChain) rule(id ct.LogID, m sampler.Membership, searched bool) (collect.StartRule, []collect.Known) {
	rule := collect.StartRule{Whole: "asked for"}
	if searched {
		rule = collect.StartRule{Since: m.ChainStart, NoCursor: "the first audit"}
	}
	var known []collect.Known
	for i, p := range c.read[id] {
		if i == 0 {
			rule = collect.StartRule{Cursor: &collect.Cursor{AuditID: p.known.AuditID, Next: p.cursor}}
		}
		known = append(known, p.known)
	}
	return rule, known
}

// run is one audit: collect, freeze, and what the next one needs.
func (c *rangedChain) run(t testing.TB, k int, m sampler.Membership, logs []*memoryLog, searched bool) auditRun {
	t.Helper()
	dir, err := os.MkdirTemp("", "audit")
	must(t, err)
	defer os.RemoveAll(dir)
	m.Setting = c.setting
	h := &collect.Harvest{Dir: auditdir.At(dir), Issuers: newIssuers(t, ourCA), Observer: quiet{}}
	var sources []collect.Source
	for _, l := range logs {
		rule, known := c.rule(l.id, m, searched)
		sources = append(sources, collect.Source{Log: l, HeadFile: "ct/heads/" + l.id.String(), Start: rule, Known: known})
	}
	results, err := h.Logs(context.Background(), sources)
	must(t, err)
	saved := h.Save(results, nil)
	out := auditRun{starts: map[ct.LogID]collect.Start{}}
	for i, r := range results {
		must(t, r.Err)
		out.starts[r.Log.ID()] = r.Start
		l := sampler.SnapshotLog{LogID: r.Log.ID().String()}
		r.Describe(&l)
		saved.Logs = append(saved.Logs, l)
		checkPrevious(t, sources[i], r)
	}
	got, err := collect.Reopen(h.Dir, h.Issuers, &saved)
	must(t, err)
	for _, f := range c.findings {
		must(t, got.Reported(strings.NewReader(f)))
	}
	var pairings bytes.Buffer
	w := sampler.NewPairingWriter(&pairings)
	var earlier []io.Reader
	for _, p := range c.pairings {
		earlier = append(earlier, strings.NewReader(p))
	}
	got.Pairings(earlier, w.Write)
	left := &outsideText{earlier: c.outside, audit: fmt.Sprintf("a%d", k-1)}
	left.use(got)
	out.documents = freeze(t, got, m, c.populations...)
	must(t, w.Flush())
	c.outside, out.outside = left.text(t), left.lines
	out.draw(t, got, h.Dir)
	c.populations, c.findings, c.pairings = append(c.populations, out.population), append(c.findings, out.items), append(c.pairings, pairings.String())
	if c.read == nil {
		c.read = map[ct.LogID][]pastRead{}
	}
	for _, r := range results {
		id := r.Log.ID()
		p := pastRead{collect.Known{AuditID: fmt.Sprintf("a%d", k), Head: r.Head}, out.res.CursorOf(id, r.Head.Size)}
		c.read[id] = append([]pastRead{p}, c.read[id]...)
	}
	return out
}

// checkPrevious verifies the proof that ties an audit to the one before.
func checkPrevious(t testing.TB, src collect.Source, r collect.LogResult) {
	t.Helper()
	if (r.Previous != nil) != (len(src.Known) > 0) {
		t.Fatalf("previous %v with %d earlier audits", r.Previous, len(src.Known))
	}
	if r.Previous == nil {
		return
	}
	var proof []ct.Hash
	for _, h := range r.Previous.Consistency {
		proof = append(proof, ct.Hash(h))
	}
	root, ok := r.Previous.Root()
	if !ok || r.Previous.AuditID != src.Known[0].AuditID || ct.Hash(root) != src.Known[0].Head.Root {
		t.Fatalf("previous %+v, want %+v", r.Previous, src.Known[0])
	}
	must(t, ct.VerifyConsistency(r.Previous.TreeSize, r.Head.Size, ct.Hash(root), r.Head.Root, proof))
}

// foreignEntries fill the logs up, one every two hours from a month before the chain on.
var foreignEntries = func() []made {
	template := testpki.Template{Seed: "filler", Unsigned: true}
	der, tbs := foreignCA.Precertificate(template), foreignCA.TBS(template)
	var out []made
	for at := chainStart.AddDate(0, -1, -5); at.Before(chainStart.AddDate(0, audits+2, 0)); at = at.Add(2 * time.Hour) {
		for log := range 2 {
			out = append(out, made{der: der, tbs: tbs, log: log, at: at, merged: at, foreign: true})
		}
	}
	return out
}()

// logsAt returns the logs as they are some days after the end of period k. Entries are in
// the order in which they were merged; a log only grows.
func logsAt(list []made, m sampler.Membership) []*memoryLog {
	logs := []*memoryLog{{id: ct.LogID{1}}, {id: ct.LogID{2}}}
	for _, x := range list {
		if x.merged.Before(m.PeriodEnd.AddDate(0, 0, 3)) {
			logs[x.log].entries = append(logs[x.log].entries, x.entry())
		}
	}
	return logs
}

// drawVariants adds what the logs see of some items besides their ordinary certificates:
// another certificate of the same content, and one that contradicts the first.
func drawVariants(tb testing.TB, t *rapid.T, c *chainOfAudits) {
	strange := testlog.SignSCT(logKey, ourCA.IssuerKeyHash(), []byte("x"), firstMS, nil)
	for i := range rapid.IntRange(0, 3).Draw(t, "variants") {
		of := c.made[rapid.IntRange(0, len(c.made)-1).Draw(t, "of")]
		template := of.template
		tbs, err := ct.ParseTBS(ourCA.TBS(template))
		must(tb, err)
		template.Serial = bytes.Clone(tbs.SerialContent) // whatever else differs
		x := made{item: of.item, template: template, log: i % 2, at: of.at.Add(time.Hour * time.Duration(rapid.SampledFrom([]int{1, 24 * 33, 24 * 66}).Draw(t, "variant later")))}
		x.merged = x.at
		switch rapid.IntRange(0, 2).Draw(t, "variant") {
		case 0:
			x.der = ourCA.Certificate(template, strange)
		case 1:
			template.DNSNames = []string{"other.example.com"}
			x.der = ourCA.Certificate(template)
		default:
			template.DNSNames = []string{"other.example.com"}
			x.der, x.tbs = ourCA.Precertificate(template), ourCA.TBS(template)
		}
		c.made = append(c.made, x)
	}
	slices.SortStableFunc(c.made, func(a, b made) int { return a.merged.Compare(b.merged) })
}

// fataler is a test or a property's run.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// rangesRun is what a comparison of four audits went through.
type rangesRun struct{ cursors, findings, waited int }

// compareChains runs four audits over growing logs twice: once reading everything, once from
// cursors, the first one from its start or, if searched, from a start found by time stamp.
func compareChains(t testing.TB, rt fataler, c *chainOfAudits, searched bool) (n rangesRun) {
	list := slices.Concat(foreignEntries, c.made)
	slices.SortStableFunc(list, func(a, b made) int { return a.merged.Compare(b.merged) })
	whole, ranged := &rangedChain{setting: c.setting}, &rangedChain{setting: c.setting}
	skipped := map[sampler.ItemID]bool{} // some entry of the item is never read
	var before auditRun
	for k := range audits {
		m := periodOf(k)
		logs := logsAt(list, m)
		whole.read = nil
		want, got := whole.run(t, k, m, logs, false), ranged.run(t, k, m, logs, searched)
		for i, l := range logs {
			first := got.starts[l.id].First
			if k == 0 {
				skip(list, i, int(first), skipped)
			} else if first > 0 {
				n.cursors++
			}
			if (first > 0) != (k > 0 || searched) {
				rt.Fatalf("audit %d of %d entries begins at %d", k, len(l.entries), first)
			}
		}
		compareRuns(rt, k, want, got, skipped)
		checkOutside(rt, k, m, logs, before, got)
		before = got
		n.findings += len(got.findings)
		n.waited += int(got.res.Counts.Waiting)
		older := int64(0)
		for _, r := range got.rows {
			if r.NotBefore.Before(chainStart.Add(-48 * time.Hour)) {
				older++
			}
		}
		if got.res.Older != older {
			rt.Fatalf("audit %d: %d items with an old notBefore, counted %d", k, older, got.res.Older)
		}
	}
	return n
}

// TestRangesAreAsGoodAsEverything compares audits that read on from where the one before left
// off with audits that read everything. The populations and findings are the same, but for
// items of which an entry from before the first start is not read: they are counted where
// their notBefore tells.
func TestRangesAreAsGoodAsEverything(t *testing.T) {
	collect.SetLogUnit(t, 8)
	checks := flag.Lookup("rapid.checks").Value
	if before := checks.String(); before == "100" { // each check is eight audits
		must(t, checks.Set("10"))
		defer func() { must(t, checks.Set(before)) }()
	}
	rapid.Check(t, func(rt *rapid.T) {
		c := drawChain(rt)
		drawVariants(t, rt, c)
		compareChains(t, rt, c, rapid.Bool().Draw(rt, "searched"))
	})
}

// TestRangesOfFixedChain is the comparison over a chain in which it is known that cursors,
// findings and waiting items are met: what chance draws may have none.
func TestRangesOfFixedChain(t *testing.T) {
	collect.SetLogUnit(t, 8)
	for _, setting := range []sampler.IssuanceTime{sampler.IssuedByCT, sampler.IssuedByNotBefore} {
		for _, searched := range []bool{false, true} {
			got := compareChains(t, t, fixedChain(t, setting), searched)
			// Two logs are read from cursors in three audits. One certificate contradicts its
			// precertificate; one item waits in audit 0, another in audits 0 and 1.
			if want := (rangesRun{cursors: 6, findings: 1, waited: 3}); got != want {
				t.Errorf("%s, searched %v: went through %+v, want %+v", setting, searched, got, want)
			}
		}
	}
}

// fixedChain has one item of each kind that ranges must not lose.
func fixedChain(t testing.TB, setting sampler.IssuanceTime) *chainOfAudits {
	t.Helper()
	c := &chainOfAudits{setting: setting}
	days := func(n int) time.Time { return chainStart.AddDate(0, 0, n) }
	add := func(seed string, issued time.Time, log int, at, merged time.Time, other bool) {
		template := testpki.Template{Seed: "fixed " + seed, NotBefore: issued}
		x := made{item: itemOf(ourCA, template), log: log, at: at, merged: merged}
		if other { // a certificate of other content
			tbs, err := ct.ParseTBS(ourCA.TBS(template))
			must(t, err)
			template.Serial, template.DNSNames = bytes.Clone(tbs.SerialContent), []string{"other.example.com"}
			x.der = ourCA.Certificate(template)
		} else {
			x.der, x.tbs = ourCA.Precertificate(template), ourCA.TBS(template)
		}
		x.template = template
		c.made = append(c.made, x)
	}
	add("contradicted", days(10), 0, days(10), days(10), false)
	add("contradicted", days(10), 1, days(40), days(40), true)
	add("waits", days(31), 0, days(31).Add(time.Hour), days(31).Add(time.Hour), false)
	add("waits", days(31), 1, days(31).Add(2*time.Hour), days(31).Add(2*time.Hour), false)
	add("waits twice", days(70), 1, days(70), days(31), false) // the log's clock is ahead
	add("old", days(-20), 0, days(-20), days(-20), false)
	add("old", days(-20), 1, days(40), days(40), false) // logged again
	slices.SortStableFunc(c.made, func(a, b made) int { return a.merged.Compare(b.merged) })
	return c
}

// skip notes the items with entries before first in a log.
func skip(list []made, log, first int, skipped map[sampler.ItemID]bool) {
	for _, x := range list {
		if x.log != log {
			continue
		}
		if first--; first < 0 {
			return
		}
		if !x.foreign {
			skipped[x.item] = true
		}
	}
}

// compareRuns demands the same rows and findings, but for the items that were skipped.
func compareRuns(rt fataler, k int, want, got auditRun, skipped map[sampler.ItemID]bool) {
	rows := func(d auditRun) []string {
		var out []string
		for _, r := range d.rows {
			if !skipped[r.Item] {
				out = append(out, fmt.Sprintf("%+v", r))
			}
		}
		return out
	}
	if w, g := rows(want), rows(got); !slices.Equal(w, g) {
		rt.Fatalf("audit %d: rows\n%s\nwant\n%s", k, strings.Join(g, "\n"), strings.Join(w, "\n"))
	}
	findings := func(d auditRun) []string {
		var out []string
		for _, f := range d.findings {
			if !skipped[f.ItemID] {
				line, _ := f.Line()
				out = append(out, string(line))
			}
		}
		return out
	}
	if w, g := findings(want), findings(got); !slices.Equal(w, g) {
		rt.Fatalf("audit %d: findings\n%s\nwant\n%s", k, strings.Join(g, ""), strings.Join(w, ""))
	}
	waiting := func(r auditRun) []sampler.Outside {
		return slices.DeleteFunc(slices.Clone(r.outside), func(l sampler.Outside) bool { return l.Verdict != sampler.Waiting || skipped[l.Item] })
	}
	if w, g := waiting(want), waiting(got); !slices.Equal(w, g) {
		rt.Fatalf("audit %d: waiting\n%+v\nwant\n%+v", k, g, w)
	}
}
