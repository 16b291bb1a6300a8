package config

import (
	"strings"
	"testing"
	"time"
)

func parsed(t *testing.T, text string) (*Config, error) {
	t.Helper()
	return parse("selfaudit.toml", []byte("[ca]\nname = \"A\"\n"+text), noFiles)
}

func TestChain(t *testing.T) {
	at := time.Date(2026, 6, 30, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		text    string
		want    Chain
		problem string
	}{
		{"", Chain{}, ""},
		{"[chain]", Chain{}, ""},
		{"[chain]\nreason = \"new\"", Chain{Reason: "new"}, ""},
		{"[chain]\nstart_evidence = \"docs/q2.pdf\"\nlast_sample = \"2026-06-30T12:00:00Z\"", Chain{StartEvidence: "docs/q2.pdf", LastSample: at}, ""},
		{"[chain]\nlast_sample = 2026-06-30T14:00:00+02:00", Chain{LastSample: at}, ""},
		{"[chain]\nlast_sample = 2026-06-30T14:00:00", Chain{}, "with its offset from UTC"},
		{"[chain]\nlast_sample = 2026-06-30", Chain{}, "with its offset from UTC"},
		{"[chain]\nlast_sample = 20260630", Chain{}, "not the number"},
		{"[chain]\nlast_sample = \"last summer\"", Chain{}, "RFC 3339"},
		{"[chain]\nlast_sample = \"2026-06-30T12:00:00.5Z\"", Chain{}, "whole seconds"},
		{"[chain]\nreason = \" \"", Chain{}, "reason is empty"},
		{"[chain]\nstart_evidence = \"\"", Chain{}, "start_evidence is empty"},
		{"[chain]\nevidence = \"x\"", Chain{}, `known are "start_evidence"`},
		{"[audit]\nlast_sample = \"2026-06-30T12:00:00Z\"", Chain{}, "it belongs in [chain]"},
		{"[[chain]]\nreason = \"x\"", Chain{}, "write [chain]"},
	} {
		c, err := parsed(t, tc.text)
		switch {
		case tc.problem == "" && err != nil:
			t.Errorf("%q: %v", tc.text, err)
		case tc.problem == "" && c.Chain != tc.want:
			t.Errorf("%q: %+v, want %+v", tc.text, c.Chain, tc.want)
		case tc.problem != "" && (err == nil || !strings.Contains(err.Error(), tc.problem)):
			t.Errorf("%q: %v, want %q", tc.text, err, tc.problem)
		}
	}
}

func TestMinimum(t *testing.T) {
	for _, tc := range []struct {
		text, problem string
		want          int64
	}{
		{"[audit]", "", 0},
		{"[audit]\nminimum = 0", "", 0},
		{"[audit]\nminimum = 5", "", 5},
		{"[audit]\nminimum = 4", "mozilla/pkipolicy issue 83", 0},
		{"[audit]\nminimum = -1", "out of range", 0},
		{"minimum = 5", "it belongs in [audit]", 0},
	} {
		c, err := parse("selfaudit.toml", []byte(tc.text+"\n[ca]\nname = \"A\"\n"), noFiles)
		if tc.problem != "" {
			if err == nil || !strings.Contains(err.Error(), tc.problem) {
				t.Errorf("%q: %v, want %q", tc.text, err, tc.problem)
			}
			continue
		}
		if err != nil || c.Audit.Minimum != tc.want {
			t.Errorf("%q: minimum %d, %v", tc.text, c.Audit.Minimum, err)
		}
	}
}

func TestRaise(t *testing.T) {
	const text = "[audit]\nrate = \"5%\"\nfloor = 10\n[[issuer]]\ncertificate = \"a\"\n[[issuer]]\ncertificate = \"b\"\nrate = \"3%\"\nfloor = 2\n[[issuer]]\ncertificate = \"c\"\nrate = \"20%\"\nfloor = 100\n"
	for _, tc := range []struct {
		rate    int
		floor   int64
		problem string
		rates   [4]int // of [audit] and the three issuers
		floors  [4]int64
	}{
		{0, 0, "", [4]int{500, 0, 300, 2000}, [4]int64{10, 0, 2, 100}},
		{500, 10, "", [4]int{500, 0, 500, 2000}, [4]int64{10, 0, 10, 100}},
		{1000, 59, "", [4]int{1000, 0, 1000, 2000}, [4]int64{59, 0, 59, 100}},
		{10000, 0, "", [4]int{10000, 0, 10000, 10000}, [4]int64{10, 0, 2, 100}},
		{299, 0, "TLS BR 8.7", [4]int{}, [4]int64{}},
		{400, 0, "can only be raised", [4]int{}, [4]int64{}},
		{10001, 0, "above 100%", [4]int{}, [4]int64{}},
		{0, -1, "TLS BR 8.7", [4]int{}, [4]int64{}},
		{0, 9, "can only be raised", [4]int{}, [4]int64{}},
		{0, MaxFloor + 1, "is above", [4]int{}, [4]int64{}},
	} {
		c, err := parsed(t, text)
		if err != nil {
			t.Fatal(err)
		}
		before := string(c.Effective())
		err = c.Raise(tc.rate, tc.floor)
		if tc.problem != "" {
			if err == nil || !strings.Contains(err.Error(), tc.problem) {
				t.Errorf("Raise(%d, %d) = %v, want %q", tc.rate, tc.floor, err, tc.problem)
			}
			if string(c.Effective()) != before {
				t.Errorf("Raise(%d, %d) failed and changed the configuration", tc.rate, tc.floor)
			}
			continue
		}
		rates, floors := [4]int{c.Audit.RateBP}, [4]int64{c.Audit.Floor}
		for i, iss := range c.Issuers {
			rates[i+1], floors[i+1] = iss.RateBP, iss.Floor
		}
		if err != nil || rates != tc.rates || floors != tc.floors {
			t.Errorf("Raise(%d, %d): rates %v, floors %v, %v", tc.rate, tc.floor, rates, floors, err)
		}
	}
}
