package loglist

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"selfaudit/sampler/ct"
)

// told is a list of a day with logs whose keys are their numbers.
func told(day string, logs ...Log) *List {
	return &List{Timestamp: on(day), Operators: []string{"Op " + day}, Logs: logs}
}

func aLog(key byte, s State) Log {
	return Log{ID: ct.LogID{key}, Key: []byte{key}, Description: "log " + string('a'+rune(key)), Type: RFC6962, URL: "https://log.example/" + string('a'+rune(key)),
		MMD: 24 * time.Hour, State: s, StateSince: on("2025-01-01")}
}

func with(l Log, change func(*Log)) Log { change(&l); return l }

func TestUnion(t *testing.T) {
	year := func(from, until string) func(*Log) { return func(l *Log) { l.Start, l.End = on(from), on(until) } }
	final := func(size uint64, b byte) func(*Log) {
		return func(l *Log) { l.State, l.FinalSize, l.FinalRoot = ReadOnly, size, []byte{31: b} }
	}
	for _, tt := range []struct {
		name        string
		older       Log // in a list of 2026-01-01, named first
		newer       Log // in a list of 2026-02-01
		check       func(l *Log) bool
		differences string
	}{
		{"the same", aLog(1, Usable), aLog(1, Usable), func(l *Log) bool { return l.State == Usable }, ""},
		{"newer state", aLog(1, Usable), aLog(1, ReadOnly), func(l *Log) bool { return l.State == ReadOnly }, "state usable in list 1, readonly in list 2; readonly counts"},
		{"rejected by the newer", aLog(1, Usable), aLog(1, Rejected), func(l *Log) bool { return l.State == Usable }, "state usable in list 1, rejected in list 2; usable counts"},
		{"pending with the older", aLog(1, Pending), aLog(1, Qualified), func(l *Log) bool { return l.State == Qualified }, "state pending in list 1, qualified in list 2; qualified counts"},
		{"no state with the newer", aLog(1, Retired), aLog(1, NoState), func(l *Log) bool { return l.State == Retired }, "state retired in list 1, none in list 2; retired counts"},
		{"read by neither", aLog(1, Pending), aLog(1, Rejected), func(l *Log) bool { return l.State == Rejected }, "state pending in list 1, rejected in list 2; rejected counts"},
		{"moved", aLog(1, Usable), with(aLog(1, Usable), func(l *Log) { l.URL = "https://new.example" }), func(l *Log) bool { return l.URL == "https://new.example" },
			"address https://log.example/b in list 1, https://new.example in list 2; https://new.example counts"},
		{"submission elsewhere", with(aLog(1, Usable), func(l *Log) { l.Type, l.Submission = StaticCT, "https://a.example" }),
			with(aLog(1, Usable), func(l *Log) { l.Type, l.Submission = StaticCT, "https://b.example" }), func(l *Log) bool { return l.Origin() == "b.example" },
			"address https://log.example/b (submission https://a.example) in list 1, https://log.example/b (submission https://b.example) in list 2; https://log.example/b (submission https://b.example) counts"},
		{"another type", aLog(1, Usable), with(aLog(1, Usable), func(l *Log) { l.Type, l.Submission = StaticCT, l.URL }), func(l *Log) bool { return l.Type == StaticCT },
			"type rfc6962 in list 1, static-ct in list 2; static-ct counts"},
		{"wider interval", with(aLog(1, Usable), year("2026-01-01", "2026-07-01")), with(aLog(1, Usable), year("2026-03-01", "2027-01-01")),
			func(l *Log) bool { return l.Start.Equal(on("2026-01-01")) && l.End.Equal(on("2027-01-01")) },
			"interval 2026-01-01 to 2026-07-01 in list 1, 2026-03-01 to 2027-01-01 in list 2; 2026-01-01 to 2027-01-01 counts"},
		{"interval of one only", aLog(1, Usable), with(aLog(1, Usable), year("2026-01-01", "2026-07-01")), func(l *Log) bool { return l.Start.IsZero() && l.End.IsZero() },
			"interval any in list 1, 2026-01-01 to 2026-07-01 in list 2; any counts"},
		{"longer merge delay", aLog(1, Usable), with(aLog(1, Usable), func(l *Log) { l.MMD = time.Minute }), func(l *Log) bool { return l.MMD == 24*time.Hour },
			"mmd 24h0m0s in list 1, 1m0s in list 2; 24h0m0s counts"},
		{"a test log with one", aLog(1, Usable), with(aLog(1, Usable), func(l *Log) { l.LogType = "test" }), func(l *Log) bool { return l.production() },
			"log_type prod in list 1, test in list 2; prod counts"},
		{"prod and nothing", aLog(1, Usable), with(aLog(1, Usable), func(l *Log) { l.LogType = "prod" }), func(l *Log) bool { return l.production() }, ""},
		{"final tree with one", with(aLog(1, Usable), final(7, 1)), aLog(1, Retired), func(l *Log) bool { return l.FinalSize == 7 && l.FinalRoot[31] == 1 && l.State == Retired },
			"state readonly in list 1, retired in list 2; retired counts"},
		{"final tree with both", with(aLog(1, Usable), final(7, 1)), with(aLog(1, Usable), final(7, 1)), func(l *Log) bool { return l.FinalSize == 7 }, ""},
		{"another name", aLog(1, Usable), with(aLog(1, Usable), func(l *Log) { l.Description, l.Operator = "Log B", "B" }),
			func(l *Log) bool {
				return l.Description == "log b" && l.Named("log b") && l.Named("Log B") && !l.Named("Log C")
			}, ""},
	} {
		only := aLog(9, Usable)
		u, differences, err := Union([]*List{told("2026-01-01", tt.older), told("2026-02-01", only, tt.newer)})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if len(u.Logs) != 2 || u.Logs[1].ID != only.ID || !reflect.DeepEqual(u.Logs[0].Lists, []int{1, 2}) || !reflect.DeepEqual(u.Logs[1].Lists, []int{2}) || u.United != 2 || !u.Timestamp.Equal(on("2026-02-01")) {
			t.Errorf("%s: %+v", tt.name, u)
		}
		if !tt.check(&u.Logs[0]) {
			t.Errorf("%s: %+v", tt.name, u.Logs[0])
		}
		var got []string
		for _, d := range differences {
			got = append(got, d.String())
		}
		if strings.Join(got, "\n") != tt.differences {
			t.Errorf("%s: differences %q, want %q", tt.name, got, tt.differences)
		}
	}
}

func TestUnionOfOne(t *testing.T) {
	one := told("2026-01-01", aLog(1, Usable))
	if u, differences, err := Union([]*List{one}); u != one || differences != nil || err != nil {
		t.Errorf("%+v, %v, %v", u, differences, err)
	}
}

func TestUnionFinalTrees(t *testing.T) {
	final := func(size uint64, b byte) Log {
		return with(aLog(1, ReadOnly), func(l *Log) { l.FinalSize, l.FinalRoot = size, []byte{31: b} })
	}
	for _, other := range []Log{final(8, 1), final(7, 2)} {
		_, _, err := Union([]*List{told("2026-01-01", final(7, 1)), told("2026-02-01", other)})
		if !errors.Is(err, ErrFinalTrees) || !strings.Contains(err.Error(), "list 1 says 7 entries with root 00") || !strings.Contains(err.Error(), "list 2 says") || !strings.Contains(err.Error(), `"log b"`) {
			t.Errorf("error %v", err)
		}
	}
}

// TestUnionReads: a log that one list alone would have been read from is read from the union,
// whatever the other lists say, and in whatever order.
func TestUnionReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		months := rapid.IntRange(0, 24)
		any := rapid.Custom(func(t *rapid.T) Log {
			l := aLog(byte(rapid.IntRange(0, 3).Draw(t, "key")), rapid.SampledFrom([]State{Pending, Qualified, Usable, ReadOnly, Retired, Rejected, NoState}).Draw(t, "state"))
			l.LogType = rapid.SampledFrom([]string{"", "prod", "test"}).Draw(t, "log type")
			if rapid.Bool().Draw(t, "interval") {
				l.Start = on("2026-01-01").AddDate(0, months.Draw(t, "start"), 0)
				l.End = l.Start.AddDate(0, 1+months.Draw(t, "length"), 0)
			}
			return l
		})
		list := rapid.Custom(func(t *rapid.T) *List {
			return told("2026-01-01", rapid.SliceOfNDistinct(any, 0, 4, func(l Log) ct.LogID { return l.ID }).Draw(t, "logs")...)
		})
		lists := rapid.SliceOfN(list, 1, 4).Draw(t, "lists")
		for _, l := range lists {
			l.Timestamp = l.Timestamp.AddDate(0, 0, rapid.IntRange(0, 2).Draw(t, "day"))
		}
		u, _, err := Union(lists)
		if err != nil {
			t.Fatal(err)
		}
		o := Options{From: on("2026-10-01"), Until: on("2027-01-01")}
		read := map[ct.LogID]bool{}
		chosen := func(l *List) []Choice {
			choices, err := Select(l, o)
			if err != nil {
				t.Fatal(err)
			}
			return choices
		}
		for _, c := range chosen(u) {
			read[c.Log.ID] = c.Chosen
		}
		logs := map[ct.LogID]bool{}
		for _, l := range lists {
			for _, c := range chosen(l) {
				logs[c.Log.ID] = true
				if c.Chosen && !read[c.Log.ID] {
					t.Fatalf("%+v is read from its list alone and not from the union", c.Log)
				}
			}
		}
		if len(logs) != len(u.Logs) || len(logs) != len(read) {
			t.Fatalf("%d logs, the union has %d", len(logs), len(u.Logs))
		}
	})
}

// TestParseTaken: Apple's list has the schema of Chrome's, but no date.
func TestParseTaken(t *testing.T) {
	undated := strings.Replace(one(t, usable), `"log_list_timestamp":"2026-10-01T00:00:00Z",`, `"assetVersion":32,"assetVersionV2":1013,`, 1)
	if _, err := Parse([]byte(undated)); !errors.Is(err, ErrUndated) {
		t.Errorf("error %v", err)
	}
	l, err := ParseTaken([]byte(undated), on("2026-11-01"))
	if err != nil || !l.Undated || !l.Timestamp.Equal(on("2026-11-01")) || !strings.Contains(l.Warning(on("2027-03-01")), "was taken on 2026-11-01") {
		t.Errorf("%+v, error %v", l, err)
	}
	l, err = ParseTaken([]byte(one(t, usable)), on("2026-11-01"))
	if err != nil || l.Undated || !l.Timestamp.Equal(on("2026-10-01")) {
		t.Errorf("%+v, error %v", l, err)
	}
}
