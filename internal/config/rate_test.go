package config

import (
	"testing"

	"pgregory.net/rapid"
)

func TestParseRate(t *testing.T) {
	good := map[string]int{"3%": 300, "3.5%": 350, "3.25%": 325, "3.250%": 325, "100%": 10000, "0.01%": 1, "03%": 300}
	for in, want := range good {
		if got, err := ParseRate(in); err != nil || got != want {
			t.Errorf("ParseRate(%q) = %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "3", "%", "3.%", ".5%", "3,5%", "-3%", "+3%", "3 %", "3e1%", "3.255%", "9999%", "0x3%", "3%%", "٣%"} {
		if got, err := ParseRate(in); err == nil {
			t.Errorf("ParseRate(%q) = %d, want an error", in, got)
		}
	}
}

func TestRateRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bp := rapid.IntRange(0, 10000).Draw(t, "bp")
		if got, err := ParseRate(FormatRate(bp)); err != nil || got != bp {
			t.Fatalf("%d is %q is %d, %v", bp, FormatRate(bp), got, err)
		}
	})
}
