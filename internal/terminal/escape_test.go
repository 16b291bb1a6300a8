package terminal

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestEscape(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "CN=example.com, O=Example", "CN=example.com, O=Example"},
		{"empty", "", ""},
		{"escape sequence", "a\x1b[31mb", `a\x1b[31mb`},
		{"line ends and tab", "a\r\n\tb", `a\x0d\x0a\x09b`},
		{"nul and del", "\x00\x7f", `\x00\x7f`},
		{"C1 control", "\u009b", `\u009b`},
		{"right-to-left override", "abc\u202etxt.exe", `abc\u202etxt.exe`},
		{"isolates", "\u2066x\u2069", `\u2066x\u2069`},
		{"zero width space and joiner", "a\u200bb\u200dc", `a\u200bb\u200dc`},
		{"byte order mark", "\ufeffa", `\ufeffa`},
		{"soft hyphen", "a\u00adb", `a\u00adb`},
		{"no-break space", "a\u00a0b", `a\u00a0b`},
		{"line separator", "a\u2028b", `a\u2028b`},
		{"tag characters", "a\U000e0041b", `a\U000e0041b`},
		{"Hangul filler, a letter that shows nothing", "a\u3164b", `a\u3164b`},
		{"variation selector", "a\ufe0fb", `a\ufe0fb`},
		{"private use", "\ue000", `\ue000`},
		{"not UTF-8", "a\xff\xfeb", `a\xff\xfeb`},
		{"surrogate in UTF-8", "\xed\xa0\x80", `\xed\xa0\x80`},
		{"umlaut, Greek, Japanese stay", "Müller Αθήνα 東京", "Müller Αθήνα 東京"},
		{"decomposed umlaut stays", "u\u0308", "u\u0308"},
		{"mark without base", "\u0308u", `\u0308u`},
		{"stacked marks", "a" + strings.Repeat("\u0308", 6), "a" + strings.Repeat("\u0308", 4) + `\u0308\u0308`},
		{"replacement character itself stays", "\ufffd", "\ufffd"},
		{"formula stays text", `=HYPERLINK("x")`, `=HYPERLINK("x")`},
		{"backslash stays", `C:\certs\x1b`, `C:\certs\x1b`},
	}
	for _, tt := range tests {
		if got := Escape(tt.in); got != tt.want {
			t.Errorf("%s: Escape(%q) = %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

// checkEscaped states what every caller relies on.
func checkEscaped(t interface{ Fatalf(string, ...any) }, in string) {
	out := Escape(in)
	if !utf8.ValidString(out) {
		t.Fatalf("Escape(%q) is not UTF-8", in)
	}
	for _, r := range out {
		if !unicode.IsPrint(r) || r != ' ' && unicode.IsSpace(r) {
			t.Fatalf("Escape(%q) lets %U through", in, r)
		}
	}
	if again := Escape(out); again != out {
		t.Fatalf("Escape is not idempotent: %q, then %q", out, again)
	}
}

func TestEscapeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkEscaped(t, string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")))
		checkEscaped(t, rapid.String().Draw(t, "text"))
	})
}

func FuzzEscape(f *testing.F) {
	f.Add("a\x1b[0m\u202e\xff\u0308")
	f.Fuzz(func(t *testing.T, in string) { checkEscaped(t, in) })
}

func TestShortHash(t *testing.T) {
	hash := "44b75e38e1b978f6244d135bb8fc446501fa4d574054c9fbe7ccfc0e66968535"
	if got, want := ShortHash(hash), "44b75e38..968535"; got != want {
		t.Errorf("ShortHash = %q, want %q", got, want)
	}
	if got := ShortHash("0123456789abcdef"); got != "0123456789abcdef" {
		t.Errorf("ShortHash shortened 16 digits to %q", got)
	}
}
