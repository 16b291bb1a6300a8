package sampler

import (
	"strconv"
	"strings"
	"unicode/utf16"
)

// maxLabelWords is how many characters of the CA's text stand in a stratum's label; the
// whole of it is in snapshot.json.
const maxLabelWords = 100

// LabelWords returns the words that people read for each stratum label: the CA's own text
// in the columns by, as labels of a snapshot give it, with " / " between several columns.
// A label whose text is not that of LabelText stands for itself and is not in the map.
func LabelWords(by []string, labels []SnapshotLabel) map[string]string {
	out := map[string]string{}
	for _, l := range labels {
		values, ok := labelValues(by, l.Text)
		if !ok || l.Label == LabelUnassigned {
			continue
		}
		for i, v := range values {
			if v == "" {
				values[i] = LabelUnassigned
			}
		}
		words := []rune(strings.Join(values, " / "))
		if len(words) > maxLabelWords {
			words = append(words[:maxLabelWords-3], '.', '.', '.')
		}
		out[l.Label] = string(words)
	}
	return out
}

// Words are LabelWords of the snapshot.
func (s *Snapshot) Words() map[string]string { return LabelWords(s.StrataBy, s.Labels) }

// labelValues takes apart what LabelText has put together.
func labelValues(by []string, text string) ([]string, bool) {
	var values []string
	for i, column := range by {
		if i > 0 {
			rest, ok := strings.CutPrefix(text, "; ")
			if !ok {
				return nil, false
			}
			text = rest
		}
		rest, ok := strings.CutPrefix(text, column+"=")
		if !ok {
			return nil, false
		}
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return nil, false
		}
		value, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, false
		}
		values, text = append(values, value), rest[len(quoted):]
	}
	return values, len(by) > 0 && text == ""
}

// Text is the label as people read it, without the escapes that keep strata.tsv in ASCII.
// It may hold anything: it has to be escaped for where it is shown.
func (s *Stratum) Text() string { return unescapeLabel(s.Label) }

// unescapeLabel undoes EscapeLabel. A backslash that the text had of itself is not told
// apart, which only people see.
func unescapeLabel(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		unit, ok := escapedUnit(s[i:])
		switch low, pair := escapedUnit(s[min(i+6, len(s)):]); {
		case !ok:
			b.WriteByte(s[i])
			i++
		case pair && utf16.IsSurrogate(unit) && utf16.DecodeRune(unit, low) != '\ufffd':
			b.WriteRune(utf16.DecodeRune(unit, low))
			i += 12
		default:
			b.WriteRune(unit)
			i += 6
		}
	}
	return b.String()
}

// escapedUnit reads \uXXXX at the beginning of s.
func escapedUnit(s string) (rune, bool) {
	if len(s) < 6 || s[:2] != `\u` {
		return 0, false
	}
	n, err := strconv.ParseUint(s[2:6], 16, 16)
	return rune(n), err == nil
}
