package collect_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/ct"
)

// TestOwnLogs: what a log that the CA operates says of the time before the chain takes no
// item out whose other times are later, be it an entry or an SCT (draw protocol 3.1). With
// the CA's word all of one kind, the item is too old; that is no CT time, so later audits are
// told nothing.
func TestOwnLogs(t *testing.T) {
	ownKey := testpki.ECKey("own log")
	old, now, then := day("2026-06-01"), day("2026-08-01"), day("2026-08-02")
	ms := func(at time.Time) uint64 { return uint64(at.UnixMilli()) }
	tmpl := func(seed string, nb time.Time) testpki.Template { return testpki.Template{Seed: seed, NotBefore: nb} }
	backdated, twice, allOld, bySCT, current, other := tmpl("backdated", now), tmpl("twice", old), tmpl("all old", old), tmpl("sct", now), tmpl("current", then), tmpl("other", now)
	dir := t.TempDir()
	w, err := testlog.NewStatic(dir, testlog.StaticOptions{Key: ownKey, Origin: "own.example/log"})
	must(t, err)
	addEntries(t, w, []testlog.Entry{
		testlog.PrecertEntry(ourCA, backdated, ms(old)),
		testlog.PrecertEntry(ourCA, twice, ms(old)),
		testlog.PrecertEntry(ourCA, allOld, ms(old)),
		testlog.PrecertEntry(ourCA, current, ms(now)),
	})
	must(t, w.Publish(headMS))
	sct := testlog.SignSCT(ownKey, ourCA.IssuerKeyHash(), ourCA.TBS(bySCT), ms(old), nil)
	c := newCollection(t, newIssuers(t, ourCA),
		openLog(t, static, writeLog(t, static, []testlog.Entry{
			testlog.PrecertEntry(ourCA, twice, ms(then)),
			testlog.PrecertEntry(ourCA, other, ms(old)),
		}), access{}),
		openLog(t, static, dir, access{key: ownKey, origin: "own.example/log"}))
	c.files = append(c.files, derFiles{ourCA.Certificate(bySCT, sct)})
	own := c.logs[1].ID()
	seeds := map[sampler.ItemID]string{}
	for _, x := range []testpki.Template{backdated, twice, allOld, bySCT, current, other} {
		seeds[itemOf(ourCA, x)] = x.Seed
	}
	type outcome struct {
		members map[string]time.Time
		outside map[string]sampler.OutsideSource
		known   []string // remembered as older than the chain by CT
	}
	look := func() outcome {
		got := c.collect(t)
		left := &outsideText{}
		left.use(got)
		out := outcome{map[string]time.Time{}, map[string]sampler.OutsideSource{}, nil}
		var kept []sampler.Pairing
		got.Pairings(nil, func(p sampler.Pairing) error { kept = append(kept, p); return nil })
		d := freeze(t, got, outsideMembership(sampler.IssuedByCT))
		left.text(t)
		for _, r := range d.rows {
			out.members[seeds[r.Item]] = r.Issued
		}
		for _, l := range left.lines {
			out.outside[seeds[l.Item]] = l.Source
		}
		for _, p := range kept {
			if _, member := out.members[seeds[p.Item]]; !member {
				out.known = append(out.known, seeds[p.Item])
			}
		}
		slices.Sort(out.known)
		// The query says the same of every item.
		must(t, got.Query(context.Background(), outsideMembership(sampler.IssuedByCT), nil, func(f *collect.Found) error {
			issued, member := out.members[seeds[f.Row.Item]]
			if in := f.Verdict == sampler.Current || f.Verdict == sampler.Late; in != member || in && !f.Row.Issued.Equal(issued) {
				t.Errorf("the query says %s, %s of %s", f.Verdict, f.Row.Issued, seeds[f.Row.Item])
			}
			return nil
		}))
		return out
	}
	hidden := look() // nobody says that the CA operates the log
	if len(hidden.members) != 1 || len(hidden.known) != 5 {
		t.Errorf("as if the log were another's: %+v", hidden)
	}
	c.own = map[ct.LogID]bool{own: true}
	got := look()
	if want := map[string]time.Time{"backdated": now, "twice": then, "sct": now, "current": now}; !maps.Equal(got.members, want) {
		t.Errorf("members %v, want %v", got.members, want)
	}
	if want := map[string]sampler.OutsideSource{"all old": sampler.OutsideOwn, "other": sampler.OutsideLog(c.logs[0].ID().String())}; !maps.Equal(got.outside, want) {
		t.Errorf("outside %v, want %v", got.outside, want)
	}
	if !slices.Equal(got.known, []string{"other"}) {
		t.Errorf("remembered as older than the chain: %q", got.known)
	}
}

// TestOwnLogIsReadFromItsStart: a search would believe the log's clock, which is the CA's.
func TestOwnLogIsReadFromItsStart(t *testing.T) {
	log := openLog(t, static, writeLog(t, static, mixedEntries(40)), access{})
	_, head, err := log.Head(context.Background())
	must(t, err)
	for _, own := range []bool{true, false} {
		start, err := collect.FindStart(context.Background(), log, head, collect.StartRule{Own: own, Since: day("2026-10-01")})
		if err != nil || (start.Reason == sampler.ReadAllOwn) != own || start.First != 0 {
			t.Errorf("own %v: %+v, %v", own, start, err)
		}
	}
}
