package sampler

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The text rules of protocol section 2: ASCII, LF, last line ends in LF, no
// CR, no blank line; decimal integers without sign or leading zero; times as
// YYYY-MM-DDThh:mm:ssZ.

// maxCount bounds every count read from a document, so that sizes computed
// from it (count times 10000 basis points) cannot overflow.
const maxCount = 1_000_000_000_000

const timeLayout = "2006-01-02T15:04:05Z"

// FormatTime writes t in UTC as YYYY-MM-DDThh:mm:ssZ, rounded down to whole
// seconds. Years outside 1 to 9999 give text that ParseTime refuses.
func FormatTime(t time.Time) string { return t.UTC().Format(timeLayout) }

// ParseTime reads exactly YYYY-MM-DDThh:mm:ssZ; the result is in UTC. The year
// must be 1 or later, and seconds end at 59.
func ParseTime(s string) (time.Time, error) {
	t, ok := parseTime(s)
	if !ok {
		return time.Time{}, fmt.Errorf("bad time %.40q; want UTC as YYYY-MM-DDThh:mm:ssZ", s)
	}
	return t, nil
}

// parseTime is ParseTime for text and bytes. A population has three times per
// line, and time.Parse would take fractions of a second and cost more than
// the rest of the line.
func parseTime[T string | []byte](s T) (time.Time, bool) {
	if len(s) != len(timeLayout) || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[19] != 'Z' {
		return time.Time{}, false
	}
	number := func(start, end int) int {
		n := 0
		for i := start; i < end; i++ {
			if s[i] < '0' || s[i] > '9' {
				return -1
			}
			n = 10*n + int(s[i]-'0')
		}
		return n
	}
	year, month, day := number(0, 4), number(5, 7), number(8, 10)
	hour, minute, second := number(11, 13), number(14, 16), number(17, 19)
	if year < 1 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	if t.Day() != day { // time.Date turns 31 April into 1 May
		return time.Time{}, false
	}
	return t, true
}

// expressible reports whether the protocol's time format can hold t.
func expressible(t time.Time) bool {
	year := t.UTC().Year()
	return year >= 1 && year <= 9999
}

// parseCount reads a decimal integer from 0 to maxCount.
func parseCount(s string) (int64, error) {
	if s == "" || len(s) > 1 && s[0] == '0' {
		return 0, fmt.Errorf("bad number %.40q", s)
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, fmt.Errorf("bad number %.40q", s)
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > maxCount {
		return 0, fmt.Errorf("number %.40q is above %d", s, int64(maxCount))
	}
	return n, nil
}

// textLines splits a document into its lines after checking the text rules;
// name begins every error.
func textLines(b []byte, name string) ([]string, error) {
	if len(b) == 0 || b[len(b)-1] != '\n' {
		return nil, fmt.Errorf("%s: last line does not end in LF", name)
	}
	line := 1
	for i, c := range b {
		switch {
		case c == '\n':
			if i == 0 || b[i-1] == '\n' {
				return nil, fmt.Errorf("%s: line %d: blank line", name, line)
			}
			line++
		case c == '\r':
			return nil, fmt.Errorf("%s: line %d: CR found", name, line)
		case c >= 0x80:
			return nil, fmt.Errorf("%s: line %d: not ASCII", name, line)
		case c != '\t' && (c < ' ' || c > '~'):
			return nil, fmt.Errorf("%s: line %d: control character 0x%02x", name, line, c)
		}
	}
	return strings.Split(string(b[:len(b)-1]), "\n"), nil
}
