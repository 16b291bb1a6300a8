package sampler

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseTimeRefuses(t *testing.T) {
	for _, bad := range []string{
		"", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00z", "2026-01-01 00:00:00Z",
		"2026-01-01T00:00:00.0Z", "2026-01-01T00:00:00+00:00", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
		"2026-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z",
		"2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "0000-01-01T00:00:00Z", "+026-01-01T00:00:00Z",
		"2026-1 -01T00:00:00Z", "2026-01-01T00:00:-1Z", "2026-01-01T00:00:00Z\n",
	} {
		if got, err := ParseTime(bad); err == nil {
			t.Errorf("%q accepted as %s", bad, got)
		}
	}
}

func TestTimeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := time.Unix(rapid.Int64Range(-62135596800, 253402300799).Draw(t, "second"), rapid.Int64Range(0, 999999999).Draw(t, "ns"))
		got, err := ParseTime(FormatTime(want))
		if err != nil || got.Unix() != want.Unix() || got.Nanosecond() != 0 || got.Location() != time.UTC {
			t.Fatalf("%s became %s, %v", want, got, err)
		}
	})
}

func FuzzParseTime(f *testing.F) {
	f.Add("2024-02-29T23:59:59Z")
	f.Add("2023-02-29T23:59:60Z")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseTime(s)
		want, wantErr := time.Parse(timeLayout, s)
		// time.Parse also takes fractions of a second and the year 0.
		if wantErr == nil && (len(s) != len(timeLayout) || want.Year() == 0) {
			if err == nil {
				t.Fatalf("%q accepted", s)
			}
			return
		}
		if (err == nil) != (wantErr == nil) || err == nil && (!got.Equal(want) || FormatTime(got) != s) {
			t.Fatalf("%q: %s, %v; want %s, %v", s, got, err, want, wantErr)
		}
	})
}

func TestTextLines(t *testing.T) {
	for name, bad := range map[string]string{
		"empty":             "",
		"no last LF":        "a",
		"CR":                "a\r\nb\n",
		"CR at the end":     "a\r\n",
		"blank line":        "a\n\nb\n",
		"only a line break": "\n",
		"blank last line":   "a\n\n",
		"BOM":               "\xef\xbb\xbfa\n",
		"not ASCII":         "\xc3\xa4\n",
		"NUL":               "a\x00\n",
		"DEL":               "a\x7f\n",
		"escape":            "a\x1b[31m\n",
	} {
		if lines, err := textLines([]byte(bad), "test"); err == nil {
			t.Errorf("%s: accepted as %q", name, lines)
		}
	}
	lines, err := textLines([]byte("a\tb\n~ !\n"), "test")
	if err != nil || len(lines) != 2 || lines[0] != "a\tb" || lines[1] != "~ !" {
		t.Errorf("%q, %v", lines, err)
	}
}
