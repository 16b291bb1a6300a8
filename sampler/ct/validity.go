package ct

import "time"

// parseValidity reads a Validity element; a time that cannot be read is zero.
func parseValidity(validity element) (notBefore, notAfter time.Time) {
	if validity.tag != tagSequence {
		return time.Time{}, time.Time{}
	}
	before, rest, err := readElement(validity.content)
	if err != nil {
		return time.Time{}, time.Time{}
	}
	notBefore = parseTime(before)
	if after, _, err := readElement(rest); err == nil {
		notAfter = parseTime(after)
	}
	return notBefore, notAfter
}

// parseTime reads a UTCTime or GeneralizedTime. RFC 5280 section 4.1.2.5 demands
// seconds and "Z"; what X.680 allows besides (no seconds, a zone offset, a
// fraction of a second, which is cut off) still says when, so it is taken. The
// result is zero when the element says no time.
func parseTime(e element) time.Time {
	layouts := []string{"20060102150405Z0700", "200601021504Z0700"}
	s := string(e.content)
	switch e.tag {
	case tagUTCTime:
		// Two-digit years are 1950 to 2049 (RFC 5280 section 4.1.2.5.1).
		if len(s) < 2 || !isDigit(s[0]) || !isDigit(s[1]) {
			return time.Time{}
		}
		century := "20"
		if s[0] >= '5' {
			century = "19"
		}
		s = century + s
	case tagGeneralizedTime:
	default:
		return time.Time{}
	}
	if len(s) > 40 {
		return time.Time{}
	}
	if t, ok := parseZulu(s); ok {
		return t
	}
	for _, layout := range layouts {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		t = t.UTC().Truncate(time.Second)
		if t.Year() >= 1 && t.Year() <= 9999 {
			return t
		}
	}
	return time.Time{}
}

// parseZulu reads YYYYMMDDHHMMSSZ, the one form RFC 5280 allows, without the cost
// of time.Parse: it runs for every entry of a log.
func parseZulu(s string) (time.Time, bool) {
	if len(s) != 15 || s[14] != 'Z' {
		return time.Time{}, false
	}
	for i := range 14 {
		if !isDigit(s[i]) {
			return time.Time{}, false
		}
	}
	two := func(i int) int { return int(s[i]-'0')*10 + int(s[i+1]-'0') }
	year, month, day := two(0)*100+two(2), two(4), two(6)
	hour, minute, second := two(8), two(10), two(12)
	if year < 1 || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	return t, t.Day() == day
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }
