package workbook

import (
	"strconv"
	"strings"
	"time"

	"selfaudit/sampler"
)

// number prints a count with thousands separators, as cells do.
func number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// counted prints a count with the right form of its noun.
func counted(n int, one, many string) string { return sampler.Counted(n, one, many) }

// utc prints a document's time (YYYY-MM-DDThh:mm:ssZ) for people: without the time of
// day where it is midnight.
func utc(t string) string {
	if day, ok := strings.CutSuffix(t, "T00:00:00Z"); ok {
		return day
	}
	return strings.TrimSuffix(strings.Replace(t, "T", " ", 1), "Z") + " UTC"
}

// dateCell is a date as spreadsheets count it, in days since 1899-12-30; "-" for no
// date and for one that the count cannot hold.
func dateCell(t time.Time) any {
	if t.IsZero() {
		return "-"
	}
	if t.Year() < 1901 || t.Year() > 9999 { // 1900 has a day too many there
		return t.UTC().Format("2006-01-02")
	}
	const epoch = 25569                     // 1970-01-01 in that count
	day := t.UTC().Truncate(24 * time.Hour) // also right before 1970
	return day.Unix()/86400 + epoch
}

// yearMonthDay is the date of a document's time, "-" where there is none.
func yearMonthDay(t string) string {
	day, _, _ := strings.Cut(t, "T")
	return day
}
