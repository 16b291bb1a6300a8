package sampler

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// day returns a moment on a day since the chain's start at day 0.
func day(n float64) time.Time {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n * 24 * float64(time.Hour)))
}

func TestDecide(t *testing.T) {
	var never time.Time
	ct := Membership{ChainStart: day(0), PeriodStart: day(90), PeriodEnd: day(180)}
	nb := ct
	nb.Setting = IssuedByNotBefore
	for _, tc := range []struct {
		name   string
		m      Membership
		t      Times
		issued time.Time
		source string
		want   Verdict
	}{
		{"CT in the period", ct, Times{CT: day(100), NotBefore: day(99)}, day(100), SourceCT, Current},
		{"CT counts, not notBefore", ct, Times{CT: day(100), NotBefore: day(-5)}, day(100), SourceCT, Current},
		{"first moment", ct, Times{CT: day(90)}, day(90), SourceCT, Current},
		{"last second", ct, Times{CT: day(180).Add(-time.Nanosecond)}, day(180).Add(-time.Second), SourceCT, Current},
		{"at the end", ct, Times{CT: day(180)}, day(180), SourceCT, Waiting},
		{"earlier period", ct, Times{CT: day(89)}, day(89), SourceCT, Late},
		{"before the period, rounded", ct, Times{CT: day(90).Add(-time.Nanosecond)}, day(90).Add(-time.Second), SourceCT, Late},
		{"chain start itself", ct, Times{CT: day(0)}, day(0), SourceCT, Late},
		{"older than the chain", ct, Times{CT: day(-1), NotBefore: day(100)}, day(-1), SourceCT, TooOld},
		{"record earlier than CT", ct, Times{CT: day(100), Record: day(95)}, day(95), SourceRecord, Current},
		{"record later than CT", ct, Times{CT: day(100), Record: day(120)}, day(100), SourceCT, Current},
		{"record brings it into an earlier period", ct, Times{CT: day(100), Record: day(80)}, day(80), SourceRecord, Late},
		{"a notBefore in the year 0", nb, Times{CT: day(100), NotBefore: time.Date(0, 5, 1, 0, 0, 0, 0, time.UTC)}, time.Date(0, 5, 1, 0, 0, 0, 0, time.UTC), SourceNotBefore, Predated},
		{"record before the chain, CT not", ct, Times{CT: day(100), Record: day(-10)}, day(100), SourceCT, Current},
		{"own log before the chain, CT not", ct, Times{CT: day(100), OwnCT: day(-10), NotBefore: day(-20)}, day(100), SourceCT, Current},
		{"own log earlier", ct, Times{CT: day(100), OwnCT: day(95)}, day(95), SourceCT, Current},
		{"CT before the chain, record not", ct, Times{CT: day(-1), Record: day(100)}, day(-1), SourceCT, TooOld},
		{"record alone", ct, Times{Record: day(100), NotBefore: day(-3)}, day(100), SourceRecord, Current},
		{"record and notBefore before the chain", ct, Times{Record: day(-2), NotBefore: day(-3)}, day(-2), SourceRecord, TooOld},
		{"record before the chain, notBefore not", ct, Times{Record: day(-2), NotBefore: day(100)}, day(100), SourceNotBefore, Current},
		{"record before the chain, notBefore unreadable", ct, Times{Record: day(-2)}, day(90), SourceUnknown, Current},
		{"own log alone, before the chain", ct, Times{OwnCT: day(-2), NotBefore: day(100)}, day(100), SourceNotBefore, Current},
		{"own log and notBefore before the chain", ct, Times{OwnCT: day(-2), NotBefore: day(-3)}, day(-2), SourceCT, TooOld},
		{"notBefore alone", ct, Times{NotBefore: day(100)}, day(100), SourceNotBefore, Current},
		{"notBefore alone, waiting", ct, Times{NotBefore: day(200)}, day(200), SourceNotBefore, Waiting},
		{"notBefore alone, before the chain", ct, Times{NotBefore: day(-1)}, day(-1), SourceNotBefore, TooOld},
		{"nothing readable", ct, Times{}, day(90), SourceUnknown, Current},

		{"notBefore earlier than CT", nb, Times{CT: day(100), NotBefore: day(99)}, day(99), SourceNotBefore, Current},
		{"CT earlier than notBefore", nb, Times{CT: day(100), NotBefore: day(300)}, day(100), SourceCT, Current},
		{"notBefore in an earlier period", nb, Times{CT: day(100), NotBefore: day(89)}, day(89), SourceNotBefore, Late},
		{"notBefore before the chain, CT not", nb, Times{CT: day(100), NotBefore: day(-1)}, day(-1), SourceNotBefore, Predated},
		{"both before the chain", nb, Times{CT: day(-1), NotBefore: day(-2)}, day(-2), SourceNotBefore, TooOld},
		{"CT before the chain, notBefore not", nb, Times{CT: day(-1), NotBefore: day(100)}, day(100), SourceNotBefore, Current},
		{"no CT", nb, Times{NotBefore: day(100)}, day(100), SourceNotBefore, Current},
		{"no CT, before the chain", nb, Times{NotBefore: day(-1)}, day(-1), SourceNotBefore, TooOld},
		{"own log not before the chain", nb, Times{OwnCT: day(5), NotBefore: day(-1)}, day(-1), SourceNotBefore, Predated},
		{"record does not count", nb, Times{CT: day(100), Record: day(50), NotBefore: day(99)}, day(99), SourceNotBefore, Current},
		{"waiting by both", nb, Times{CT: day(181), NotBefore: day(180)}, day(180), SourceNotBefore, Waiting},
		{"notBefore unreadable", nb, Times{CT: day(100)}, day(100), SourceCT, Current},
		{"notBefore unreadable, old", nb, Times{CT: day(-1)}, day(-1), SourceCT, TooOld},
	} {
		issued, source, got := tc.m.Decide(tc.t)
		if got != tc.want || source != tc.source || !issued.Equal(tc.issued) {
			t.Errorf("%s (%s): %s by %s, %s; want %s by %s, %s", tc.name, tc.m.Setting, issued, source, got, tc.issued, tc.source, tc.want)
		}
	}
	if issued, _, _ := ct.Decide(Times{}); issued == never {
		t.Error("an item without times has no issuance time")
	}
}

// life is one certificate of the simulation: its true times and when each of
// them becomes visible to the audits.
type life struct {
	times             Times
	ctSeen, recordsAt time.Time
	fileSeen          time.Time
}

// at returns what is known of the item when an audit reads its sources.
func (l life) at(reading time.Time) (t Times, seen bool) {
	if !l.ctSeen.After(reading) {
		t.CT, t.OwnCT, seen = l.times.CT, l.times.OwnCT, true
	}
	if !l.fileSeen.After(reading) {
		seen = true
	}
	if seen {
		t.NotBefore = l.times.NotBefore
		if !l.recordsAt.After(reading) {
			t.Record = l.times.Record
		}
	}
	return t, seen
}

// belongs is the invariant's other side, written from the text of section 3.1
// alone: has the item been issued since chain-start and before end?
func belongs(setting IssuanceTime, t Times, chainStart, end time.Time) bool {
	old := func(x time.Time) bool { return x.Before(chainStart) }
	known := func(x time.Time) bool { return !x.IsZero() }
	if setting == IssuedByNotBefore && known(t.NotBefore) {
		return !old(t.NotBefore) && (t.NotBefore.Before(end) || known(t.CT) && !old(t.CT) && t.CT.Before(end))
	}
	if known(t.CT) {
		return !old(t.CT) && (t.CT.Before(end) || known(t.Record) && !old(t.Record) && t.Record.Before(end))
	}
	if known(t.Record) {
		if old(t.Record) {
			return known(t.NotBefore) && !old(t.NotBefore) && t.NotBefore.Before(end)
		}
		return t.Record.Before(end)
	}
	return !known(t.NotBefore) || !old(t.NotBefore) && t.NotBefore.Before(end)
}

// TestEveryItemInExactlyOnePopulation simulates a chain of audits with
// contiguous periods. Certificates become visible late, records come later
// still; at the end each item that belongs to the chain is in exactly one
// population, and none is in two.
func TestEveryItemInExactlyOnePopulation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		setting := rapid.SampledFrom([]IssuanceTime{IssuedByCT, IssuedByNotBefore, ""}).Draw(t, "setting")
		periods := rapid.SliceOfN(rapid.IntRange(1, 120), 1, 5).Draw(t, "periods in days")
		items := rapid.SliceOfN(genLife(), 1, 30).Draw(t, "items")
		where := make([]int, len(items)) // number of populations with the item
		start, reading := day(0), day(0)
		for _, days := range periods {
			end := start.Add(time.Duration(days) * 24 * time.Hour)
			reading = end.Add(24 * time.Hour) // the maximum merge delay
			m := Membership{ChainStart: day(0), PeriodStart: start, PeriodEnd: end, Setting: setting}
			for i, l := range items {
				known, seen := l.at(reading)
				if !seen {
					continue
				}
				issued, _, v := m.Decide(known)
				if v != Current && v != Late {
					continue
				}
				if issued.Before(m.ChainStart) || !issued.Before(end) || issued.Nanosecond() != 0 {
					t.Fatalf("item %d is %s with issuance time %s outside [%s, %s)", i, v, issued, m.ChainStart, end)
				}
				if (v == Late) != issued.Before(start) {
					t.Fatalf("item %d, issued %s, is %s in the period from %s", i, issued, v, start)
				}
				if where[i] == 0 { // else an earlier population has it
					where[i]++
				}
			}
			start = end
		}
		for i, l := range items {
			known, seen := l.at(reading)
			if seen && belongs(setting, known, day(0), start) && where[i] != 1 {
				t.Fatalf("item %d, %+v, belongs to the chain and is in %d populations", i, known, where[i])
			}
			if !seen && where[i] != 0 {
				t.Fatalf("item %d was never seen and is in a population", i)
			}
		}
	})
}

func genLife() *rapid.Generator[life] {
	return rapid.Custom(func(t *rapid.T) life {
		moment := func(name string, from, to int64) time.Time {
			return day(0).Add(time.Duration(rapid.Int64Range(from*86400000, to*86400000).Draw(t, name)) * time.Millisecond)
		}
		var l life
		l.times.NotBefore = moment("notBefore", -60, 400)
		if rapid.IntRange(0, 9).Draw(t, "unreadable") == 0 {
			l.times.NotBefore = time.Time{}
		}
		l.ctSeen = day(1e4)
		if rapid.Bool().Draw(t, "logged") {
			l.times.CT = moment("CT", -60, 400)
			l.ctSeen = l.times.CT.Add(time.Duration(rapid.Int64Range(0, 150*24).Draw(t, "delay in hours")) * time.Hour)
		}
		l.fileSeen = moment("file", 0, 500)
		l.recordsAt = day(1e4)
		if rapid.Bool().Draw(t, "recorded") {
			l.times.Record = moment("record", -60, 400)
			l.recordsAt = moment("record seen", 0, 500)
		}
		return l
	})
}
