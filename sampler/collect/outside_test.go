package collect_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/auditdir"
	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/ct"
)

// outsideText is ct/outside.tsv of an audit, with that of the audit before.
type outsideText struct {
	earlier, audit string
	excluded       []ct.LogID
	lines          []sampler.Outside
}

// use has Population fill it.
func (o *outsideText) use(c *collect.Collected) {
	in := collect.OutsideInput{Excluded: o.excluded, Write: func(l sampler.Outside) error { o.lines = append(o.lines, l); return nil }}
	if o.earlier != "" {
		in.Earlier, in.Audit = strings.NewReader(o.earlier), o.audit
	}
	c.Outside(in)
}

// text is the document, which the writer must take.
func (o *outsideText) text(t testing.TB) string {
	t.Helper()
	var b bytes.Buffer
	w := sampler.NewOutsideWriter(&b)
	for _, l := range o.lines {
		must(t, w.Write(l))
	}
	must(t, w.Flush())
	return b.String()
}

// byItem are the verdicts of the items.
func byItem(lines []sampler.Outside) map[sampler.ItemID]sampler.Verdict {
	out := map[sampler.ItemID]sampler.Verdict{}
	for _, l := range lines {
		out[l.Item] = l.Verdict
	}
	return out
}

// checkOutside holds what an audit left outside against its counts, its population and
// cursors, and what the audit before left waiting.
func checkOutside(rt fataler, k int, m sampler.Membership, logs []*memoryLog, before, got auditRun) {
	rt.Helper()
	verdicts := byItem(got.outside)
	count := map[sampler.Verdict]int64{}
	for _, v := range verdicts {
		count[v]++
	}
	n := got.res.Counts
	if count[sampler.Waiting] != n.Waiting || count[sampler.TooOld] != n.TooOld || count[sampler.Predated] != n.Predated || count[sampler.Carried] != 0 {
		rt.Fatalf("audit %d: outside are %v, counted %+v", k, count, n)
	}
	for id, v := range verdicts {
		if got.row(id) != nil {
			rt.Fatalf("audit %d: item %s is in the population and %s", k, id, v)
		}
	}
	for _, l := range before.outside {
		if _, here := verdicts[l.Item]; l.Verdict == sampler.Waiting && !here && got.row(l.Item) == nil {
			rt.Fatalf("audit %d: item %s waited and is neither in the population nor outside", k, l.Item)
		}
	}
	for _, log := range logs {
		lowest := uint64(len(log.entries))
		for _, l := range got.outside {
			id, _ := l.Source.Log()
			if id != log.id.String() {
				continue
			}
			e := log.entries[l.Entry]
			if l.Verdict == sampler.Waiting {
				lowest = min(lowest, l.Entry)
			} else if l.Verdict == sampler.TooOld && e.Timestamp >= uint64(m.ChainStart.UnixMilli()) {
				rt.Fatalf("audit %d: entry %d is said to be older than the chain: %+v", k, l.Entry, l)
			}
		}
		if cursor := got.res.CursorOf(log.id, uint64(len(log.entries))); cursor != lowest {
			rt.Fatalf("audit %d: the cursor is %d, the lowest waiting entry %d", k, cursor, lowest)
		}
	}
	if !slices.IsSortedFunc(got.outside, sampler.Outside.Compare) {
		rt.Fatalf("audit %d: not in order", k)
	}
}

// outsideMembership is a chain and a period in which what the usual log's clock says is current.
func outsideMembership(setting sampler.IssuanceTime) sampler.Membership {
	return sampler.Membership{ChainStart: day("2026-07-01"), PeriodStart: day("2026-07-01"), PeriodEnd: day("2026-09-01"), Setting: setting}
}

// TestOutsideSources has every kind of place in which an item outside is seen.
func TestOutsideSources(t *testing.T) {
	old, now, later := day("2026-06-01"), day("2026-08-01"), day("2026-09-02")
	ms := func(at time.Time) uint64 { return uint64(at.UnixMilli()) }
	tmpl := func(seed string, nb time.Time) testpki.Template { return testpki.Template{Seed: seed, NotBefore: nb} }
	waits, inLog, bySCT, inFile, inIndex, known := tmpl("waits", later), tmpl("log", now), tmpl("sct", now), tmpl("file", old), tmpl("index", old), tmpl("known", now)
	predated := tmpl("predated", old)
	sct := testlog.SignSCT(logKey, ourCA.IssuerKeyHash(), ourCA.TBS(bySCT), ms(old), nil)
	c := newCollection(t, newIssuers(t, ourCA), openLog(t, static, writeLog(t, static, []testlog.Entry{
		testlog.PrecertEntry(ourCA, waits, ms(later)),
		testlog.PrecertEntry(ourCA, inLog, ms(old)),
		testlog.PrecertEntry(ourCA, inLog, ms(now)),
		testlog.FinalEntry(ourCA, ourCA.Certificate(waits), ms(later)+5),
		testlog.PrecertEntry(ourCA, bySCT, ms(now)),
		testlog.PrecertEntry(ourCA, known, ms(now)),
		testlog.PrecertEntry(ourCA, predated, ms(now)),
	}), access{}))
	c.files = append(c.files, derFiles{ourCA.Certificate(waits), ourCA.Certificate(bySCT, sct), ourCA.Certificate(inFile)},
		&growingIndex{ders: [][]byte{ourCA.Certificate(waits), ourCA.Certificate(inIndex)}})
	log := sampler.OutsideLog(c.logs[0].ID().String())
	items := map[string]sampler.ItemID{}
	for _, x := range []testpki.Template{waits, inLog, bySCT, inFile, inIndex, known, predated} {
		items[x.Seed] = itemOf(ourCA, x)
	}
	got := c.collect(t)
	var pairings bytes.Buffer
	w := sampler.NewPairingWriter(&pairings)
	must(t, w.Write(sampler.Pairing{Item: itemOf(ourCA, known), Form: sampler.FormFinal, Cert: sampler.CertHash{1}}))
	must(t, w.Flush())
	type place struct {
		verdict sampler.Verdict
		issued  time.Time
		source  sampler.OutsideSource
		entry   uint64
	}
	for setting, want := range map[sampler.IssuanceTime]map[string][]place{
		sampler.IssuedByCT: {
			"waits": {{sampler.Waiting, later, log, 0}, {sampler.Waiting, later, log, 3}, {sampler.Waiting, later, sampler.OutsideIndex, 0}, {sampler.Waiting, later, sampler.OutsideFiles, 0}},
			"log":   {{sampler.TooOld, old, log, 1}},
			"sct":   {{sampler.TooOld, old, sampler.OutsideSCT, 0}},
			"file":  {{sampler.TooOld, old, sampler.OutsideFiles, 0}},
			"index": {{sampler.TooOld, old, sampler.OutsideIndex, 0}},
			"known": {{sampler.TooOld, day("2026-07-01").Add(-time.Second), sampler.OutsideEarlier, 0}},
		},
		sampler.IssuedByNotBefore: {
			"waits":    {{sampler.Waiting, later, log, 0}, {sampler.Waiting, later, log, 3}, {sampler.Waiting, later, sampler.OutsideIndex, 0}, {sampler.Waiting, later, sampler.OutsideFiles, 0}},
			"file":     {{sampler.TooOld, old, sampler.OutsideFiles, 0}},
			"index":    {{sampler.TooOld, old, sampler.OutsideIndex, 0}},
			"predated": {{sampler.Predated, old, log, 6}},
		},
	} {
		left := &outsideText{}
		left.use(got)
		var kept []sampler.Pairing
		got.Pairings(readers(pairings.String()), func(p sampler.Pairing) error { kept = append(kept, p); return nil })
		d := freeze(t, got, outsideMembership(setting))
		left.text(t)
		count := 0
		for seed, places := range want {
			id := items[seed]
			var here []place
			for _, l := range left.lines {
				if l.Item == id {
					here = append(here, place{l.Verdict, l.Issued, l.Source, l.Entry})
				}
			}
			slices.SortFunc(places, func(a, b place) int {
				return sampler.Outside{Source: a.source, Entry: a.entry}.Compare(sampler.Outside{Source: b.source, Entry: b.entry})
			})
			if !slices.Equal(here, places) {
				t.Errorf("%s: %s is outside by %+v, want %+v", setting, seed, here, places)
			}
			count += len(places)
		}
		if len(left.lines) != count || d.res.Outside.Carried != 0 {
			t.Errorf("%s: %d lines, want %d: %+v", setting, len(left.lines), count, left.lines)
		}
		// What CT showed to be older than the chain is remembered, once.
		var remembered []string
		for _, l := range left.lines {
			if l.Verdict == sampler.TooOld && l.Source.CT() {
				remembered = append(remembered, l.Item.String())
			}
		}
		var lines []string
		for _, p := range kept {
			if d.row(p.Item) == nil {
				lines = append(lines, p.Item.String())
			}
		}
		if !slices.Equal(lines, remembered) {
			t.Errorf("%s: pairings of %q, want %q", setting, lines, remembered)
		}
	}
}

// TestCarried takes what waited in the audit before: what is seen now is not carried, and
// what is not seen now waits on, with a finding unless the reason is known.
func TestCarried(t *testing.T) {
	m := outsideMembership(sampler.IssuedByCT)
	at := day("2026-08-02")
	seen := testpki.Template{Seed: "seen"}
	c := newCollection(t, newIssuers(t, ourCA), openLog(t, static, writeLog(t, static, []testlog.Entry{testlog.PrecertEntry(ourCA, seen, uint64(at.UnixMilli()))}), access{}))
	got := c.collect(t)
	gone := ct.LogID{9}
	type item struct {
		seed    string
		verdict sampler.Verdict
		sources []sampler.OutsideSource
		foreign bool // of an issuer that is not audited
		member  bool // of an earlier population
		want    string
	}
	list := []item{
		{seed: "seen", verdict: sampler.Waiting, sources: []sampler.OutsideSource{sampler.OutsideFiles}, want: "member"},
		{seed: "file", verdict: sampler.Waiting, sources: []sampler.OutsideSource{sampler.OutsideFiles}, want: "lost"},
		{seed: "again", verdict: sampler.Carried, sources: []sampler.OutsideSource{sampler.OutsideIndex, sampler.OutsideFiles}, want: "lost"},
		{seed: "excluded", verdict: sampler.Waiting, sources: []sampler.OutsideSource{sampler.OutsideLog(gone.String())}, want: "carried"},
		{seed: "log gone", verdict: sampler.Waiting, sources: []sampler.OutsideSource{sampler.OutsideLog(ct.LogID{8}.String())}, want: "lost"},
		{seed: "issuer", verdict: sampler.Waiting, sources: []sampler.OutsideSource{sampler.OutsideFiles}, foreign: true, want: "carried"},
		{seed: "old", verdict: sampler.TooOld, sources: []sampler.OutsideSource{sampler.OutsideFiles}},
		{seed: "predated", verdict: sampler.Predated, sources: []sampler.OutsideSource{sampler.OutsideLog(gone.String())}},
		{seed: "in between", verdict: sampler.Waiting, sources: []sampler.OutsideSource{sampler.OutsideFiles}, member: true},
	}
	var before []sampler.Outside
	var rows []sampler.Row
	want := map[sampler.ItemID]string{}
	for _, x := range list {
		id := itemOf(ourCA, testpki.Template{Seed: x.seed})
		if x.foreign {
			id = itemOf(foreignCA, testpki.Template{Seed: x.seed})
		}
		want[id] = x.want
		for _, s := range x.sources {
			before = append(before, sampler.Outside{Item: id, Verdict: x.verdict, Issued: at, Source: s})
		}
		if x.member {
			rows = append(rows, sampler.Row{Item: id, Stratum: sampler.StratumID{Issuer: id.Issuer, Class: sampler.ClassDV}, Form: sampler.FormFinal, Issued: at})
		}
	}
	slices.SortFunc(before, sampler.Outside.Compare)
	left := &outsideText{earlier: (&outsideText{lines: before}).text(t), audit: "before", excluded: []ct.LogID{gone}}
	left.use(got)
	var earlier bytes.Buffer
	w := sampler.NewPopulationWriter(&earlier)
	for _, r := range rows {
		must(t, w.Write(r))
	}
	must(t, w.Flush())
	d := freeze(t, got, m, earlier.String())
	left.text(t)

	var carried []sampler.Outside
	for _, l := range before {
		if w := want[l.Item]; w == "lost" || w == "carried" {
			l.Verdict = sampler.Carried
			carried = append(carried, l)
		}
	}
	if !slices.Equal(left.lines, carried) {
		t.Errorf("outside are\n%+v\nwant\n%+v", left.lines, carried)
	}
	for _, x := range list {
		id := itemOf(ourCA, testpki.Template{Seed: x.seed})
		lints := fmt.Sprint(d.lints(id))
		if found := lints == "["+sampler.LintWaitingNotFound+"]"; found != (x.want == "lost") {
			t.Errorf("%s: findings %s", x.seed, lints)
		}
		if member := d.row(id) != nil; member != (x.want == "member") {
			t.Errorf("%s: member %v", x.seed, member)
		}
	}
	for _, f := range d.findings {
		if f.InPopulation || len(f.Certificates) > 0 || !strings.Contains(f.Details, "it waited in audit before, where it was seen in ") {
			t.Errorf("finding %+v", f)
		}
	}
	n := d.res.Outside
	if n.Carried != 5 || n.Lost != 3 || n.LogExcluded != 1 || n.IssuerGone != 1 || len(n.Named) != 3 {
		t.Errorf("counted %+v", n)
	}
	for _, bad := range []string{"", "else", left.earlier[:len(left.earlier)-2]} {
		got.Outside(collect.OutsideInput{Earlier: strings.NewReader(bad), Audit: "before", Write: func(sampler.Outside) error { return nil }})
		if _, err := got.Population(t.Context(), m, nil, func(sampler.Row) error { return nil }, func(sampler.ItemFinding) error { return nil }); err == nil {
			t.Errorf("the document %.30q of the audit before is taken", bad)
		}
	}
}

// TestOutsideByProvenSCTs looks up the SCTs of certificates that wait, and of such that are
// older than the chain: what a log proved names its entry.
func TestOutsideByProvenSCTs(t *testing.T) {
	w := newSCTWorld(t, 2, nil)
	got, _, err := w.lookUp(t, t.Context(), auditdir.At(t.TempDir()))
	must(t, err)
	got.NotProven = func(sampler.NotProven) error { return nil }
	proven := []sampler.OutsideSource{sampler.OutsideProvenSCT(w.static.ID().String()), sampler.OutsideProvenSCT(w.rfc.ID().String())}
	slices.Sort(proven)
	first := time.UnixMilli(int64(firstMS)).UTC()
	waiting := sampler.Membership{ChainStart: first.AddDate(0, -2, 0), PeriodStart: first.AddDate(0, -2, 0), PeriodEnd: first.AddDate(0, -1, 0)}
	old := sampler.Membership{ChainStart: first.AddDate(0, 1, 0), PeriodStart: first.AddDate(0, 1, 0), PeriodEnd: first.AddDate(0, 2, 0)}
	for _, m := range []sampler.Membership{waiting, old} {
		left := &outsideText{}
		left.use(got)
		d := freeze(t, got, m)
		left.text(t)
		byItem := map[sampler.ItemID][]sampler.Outside{}
		for _, l := range left.lines {
			byItem[l.Item] = append(byItem[l.Item], l)
		}
		if len(byItem) != 2 || len(d.rows) != 0 || len(d.res.Cursors) != 0 {
			t.Errorf("outside are %+v, rows %v", left.lines, d.rows)
		}
		for i, der := range w.finals {
			cert, err := ct.ParseCertificate(der)
			must(t, err)
			lines := byItem[sampler.ItemID{Issuer: ourCA.IssuerKeyHash(), Serial: sampler.SerialFromInteger(cert.SerialContent)}]
			for _, l := range lines {
				if log, read := l.Source.Log(); log != "" && (read || l.Entry != uint64(i)) {
					t.Errorf("certificate %d: %+v", i, l)
				}
			}
			switch {
			case m == old && (len(lines) != 1 || lines[0].Verdict != sampler.TooOld || !slices.Contains(proven, lines[0].Source)),
				m == waiting && (len(lines) != 3 || lines[0].Source != sampler.OutsideFiles || lines[1].Source != proven[0] || lines[2].Source != proven[1]):
				t.Errorf("certificate %d: %+v", i, lines)
			}
		}
	}
}
