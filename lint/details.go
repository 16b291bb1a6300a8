package lint

import (
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// MaxDetails is the largest length of Finding.Details in bytes. Details quote
// the artifact, which may hold megabytes of text.
const MaxDetails = 2048

const truncationMark = " [cut]"

// boundDetails makes a text of a lint safe to store: valid UTF-8 and bounded.
func boundDetails(text string) string {
	long := len(text) > MaxDetails
	if long {
		text = text[:MaxDetails] // before the scan, so that its cost is bounded too
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	if !long && len(text) <= MaxDetails {
		return text
	}
	end := min(len(text), MaxDetails-len(truncationMark))
	for end > 0 && end < len(text) && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + truncationMark
}

// pointerField is a field of encoding/asn1's settings as an error text of that
// package shows it: a pointer, whose value is another in every run.
var pointerField = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\b(tag|defaultValue):0x[0-9a-f]+`)
})

// withoutPointers makes a text that quotes an ASN.1 error the same in every run.
func withoutPointers(text string) string {
	if !strings.Contains(text, ":0x") {
		return text
	}
	return pointerField().ReplaceAllString(text, "$1:set")
}
