// Package terminal is everything that knows it talks to a person: escaping of
// hostile text, colour, tables, progress, questions. It has no clock and no
// environment of its own; both are passed in.
package terminal

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many combining marks may follow one base character. Living
// languages need two or three; text that stacks dozens overdraws the lines
// above and below.
const maxMarks = 4

// Escape makes text from outside (certificates, logs, file names) safe and
// visible on one line of a terminal. Control characters become \x1b, other
// characters that do not print as themselves (bidirectional controls,
// zero-width and invisible characters, exotic spaces, private use) become
// \u202e or \U000e0041, bytes that are not UTF-8 become \xff. Everything that
// prints stays as it is, the backslash too, so Escape(Escape(s)) == Escape(s).
func Escape(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	marks := maxMarks // a mark at the very start has no base
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
			marks = 0
		case unicode.Is(unicode.M, r) && !invisible(r):
			if marks >= maxMarks {
				b.WriteString(escapeRune(r))
			} else {
				b.WriteRune(r)
				marks++
			}
		case invisible(r):
			b.WriteString(escapeRune(r))
			marks = 0
		default:
			b.WriteRune(r)
			marks = 0
		}
		i += size
	}
	return b.String()
}

// plain reports whether s is printable ASCII, the usual case.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// invisible reports whether r shows as nothing, as blank space other than the
// ASCII space, or changes how its neighbours are shown.
func invisible(r rune) bool {
	if !unicode.IsPrint(r) {
		return true
	}
	if r < 0x80 {
		return false
	}
	switch r {
	case '\u2800', '\ufffc': // blank Braille pattern, object replacement
		return true
	}
	// Default-ignorable characters print as nothing although some of them are
	// letters (Hangul fillers) or marks (variation selectors).
	return unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) ||
		unicode.Is(unicode.Variation_Selector, r)
}

func escapeRune(r rune) string {
	switch {
	case r < 0x80:
		return fmt.Sprintf(`\x%02x`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	default:
		return fmt.Sprintf(`\U%08x`, r)
	}
}

// ShortHash shortens a hexadecimal hash to its first 8 and last 6 digits for
// terminals, like "44b75e38..968535". Shorter text is returned unchanged.
func ShortHash(hex string) string {
	if len(hex) <= 8+2+6 {
		return hex
	}
	return hex[:8] + ".." + hex[len(hex)-6:]
}
