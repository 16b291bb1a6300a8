package loglist

import (
	"strings"
	"testing"
	"time"
)

func on(s string) time.Time {
	t, err := time.Parse("2006-01-02", s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestMaxValidity(t *testing.T) {
	for day, want := range map[string]int{"2019-05-01": 825, "2020-08-31": 825, "2020-09-01": 398, "2026-03-14": 398, "2026-03-15": 200,
		"2027-03-14": 200, "2027-03-15": 100, "2029-03-14": 100, "2029-03-15": 47, "2040-01-01": 47} {
		got, source := MaxValidity(on(day))
		if got != time.Duration(want)*24*time.Hour || !strings.Contains(source, "6.3.2") {
			t.Errorf("%s: %s by %s, want %d days", day, got, source, want)
		}
	}
}

func TestLatestNotAfter(t *testing.T) {
	for _, tt := range []struct {
		from, until, want, source string
	}{
		{"2025-07-01", "2025-10-01", "2026-11-03", "1.7.1"},
		{"2026-01-01", "2026-04-01", "2027-04-17", "1.7.1"}, // 2026-03-15 + 398 days, later than 2026-04-01 + 200 days
		{"2026-07-01", "2026-10-01", "2027-04-19", "SC-081v3"},
		{"2026-03-15", "2026-04-01", "2026-10-18", "SC-081v3"},
		{"2027-01-01", "2027-04-01", "2027-10-01", "SC-081v3"}, // 2027-03-15 + 200 days
		{"2029-01-01", "2029-12-01", "2030-01-17", "SC-081v3"},
		{"2026-10-01", "2026-10-01", "2027-04-19", "SC-081v3"}, // empty
	} {
		got, source := LatestNotAfter(on(tt.from), on(tt.until))
		if !got.Equal(on(tt.want)) || !strings.Contains(source, tt.source) {
			t.Errorf("%s to %s: %s by %s, want %s", tt.from, tt.until, got, source, tt.want)
		}
	}
}

func TestSelect(t *testing.T) {
	log := func(name, start, end string, s State) Log {
		l := Log{Description: name, URL: "https://" + name, State: s, StateSince: on("2025-01-01")}
		if start != "" {
			l.Start, l.End = on(start), on(end)
		}
		return l
	}
	l := &List{Timestamp: on("2026-09-01"), Logs: []Log{
		log("h1", "2026-01-01", "2026-07-01", Usable),      // ends when the period begins
		log("h1b", "2026-01-01", "2026-07-02", Usable),     // one day later
		log("h2", "2026-07-01", "2027-01-01", Usable),      //
		log("next", "2027-04-21", "2027-07-01", Qualified), // begins at 2026-10-01 + 200 days + 48 h
		log("later", "2027-04-22", "2027-07-01", Usable),   //
		log("any", "", "", Usable),
		log("old", "2026-07-01", "2027-01-01", Retired),
		log("frozen", "2026-07-01", "2027-01-01", ReadOnly),
		log("pending", "2026-07-01", "2027-01-01", Pending),
		log("rejected", "2026-07-01", "2027-01-01", Rejected),
		log("nameless", "2026-07-01", "2027-01-01", NoState),
		{Description: "mimic", State: Usable, LogType: "test"},
	}}
	o := Options{From: on("2026-07-01"), Until: on("2026-10-01")}
	want := map[string]string{"h1": "-ended", "h1b": "+interval", "h2": "+interval", "next": "+interval", "later": "-later", "any": "+any", "old": "+interval",
		"frozen": "+interval", "pending": "-state", "rejected": "-state", "nameless": "-state", "mimic": "-log_type"}
	check := func(o Options) {
		t.Helper()
		choices, err := Select(l, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range choices {
			got := "-" + c.Code
			if c.Chosen {
				got = "+" + c.Code
			}
			if got != want[c.Log.Description] || c.Reason == "" {
				t.Errorf("%s: %s (%s), want %s", c.Log.Description, got, c.Reason, want[c.Log.Description])
			}
		}
	}
	check(o)
	o.Margin, want["later"] = 24*time.Hour, "+interval"
	check(o)
	o.Include, want["rejected"], want["any"] = []string{"REJECTED", "any"}, "+included", "+any"
	check(o)
	o.Include = []string{"nosuch"}
	if _, err := Select(l, o); err == nil || !strings.Contains(err.Error(), `no log "nosuch"`) {
		t.Errorf("unknown name: %v", err)
	}
}

// TestSelectBundled reads the choice for a real quarter from the bundled list.
func TestSelectBundled(t *testing.T) {
	raw, _ := Bundled()
	l, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	choices, err := Select(l, Options{From: on("2026-04-01"), Until: on("2026-07-01")})
	if err != nil {
		t.Fatal(err)
	}
	chosen := map[string]bool{}
	for _, c := range choices {
		chosen[c.Log.Description] = c.Chosen
	}
	for name, want := range map[string]bool{"Google 'Argon2026h1' log": true, "Google 'Argon2026h2' log": true, "Google 'Argon2027h1'": true, "Google 'Argon2025h2' log": false, "Let's Encrypt 'Oak2026h1'": true,
		"Let's Encrypt 'Sycamore2026h1'": true, "Let's Encrypt 'Sycamore2027h1'": true, "Let's Encrypt 'Sycamore2027h2'": false, "TrustAsia Luoshu2027": true,
		"Bogus placeholder log to unbreak misbehaving CT libraries": false} {
		if got, there := chosen[name]; !there || got != want {
			t.Errorf("%s: chosen %t, there %t, want %t", name, got, there, want)
		}
	}
}
