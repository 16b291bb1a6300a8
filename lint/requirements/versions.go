package requirements

import (
	"fmt"
	"slices"
	"time"
)

// Find returns one version of a document; false for one that the table does not know.
func (t *Tables) Find(document, number string) (Version, bool) {
	return t.highest(document, func(v Version) bool { return v.Number == number })
}

// Unknown says why a review cannot be of a version in the table; "" if it is of one.
func (t *Tables) Unknown(v Review) string {
	known, ok := t.Find(v.Document, v.Version)
	switch {
	case !ok:
		return fmt.Sprintf("the table does not know %s %s (%s)", v.Document, v.Version, t.Edition())
	case known.Effective.Format(time.DateOnly) != v.Effective:
		return fmt.Sprintf("%s %s is effective %s by the table, not %s (%s)", v.Document, v.Version, known.Effective.Format(time.DateOnly), v.Effective, t.Edition())
	}
	return ""
}

// Between returns the versions of a document that became effective in the half-open time
// from start to end, in the order of their effective dates, then of their numbers.
func (t *Tables) Between(document string, start, end time.Time) []Version {
	var out []Version
	// A version becomes effective at the beginning of its day.
	for _, v := range t.Upcoming(document, start.Add(-time.Second)) {
		if v.Effective.Before(end) {
			out = append(out, v)
		}
	}
	return out
}

// After returns the versions of a document with a higher number than the given one, lowest
// first; all of them for "".
func (t *Tables) After(document, number string) []Version {
	versions, err := t.versions()
	if err != nil {
		return nil
	}
	parts, _ := parseNumber(number)
	var out []Version
	for _, v := range versions {
		if v.Document == document && (number == "" || slices.Compare(v.parts, parts) > 0) {
			out = append(out, v.clone())
		}
	}
	slices.SortFunc(out, func(a, b Version) int { return slices.Compare(a.parts, b.parts) })
	return out
}

// Higher says whether version number a is higher than b, compared part by part as numbers.
func Higher(a, b string) bool {
	x, _ := parseNumber(a)
	y, _ := parseNumber(b)
	return slices.Compare(x, y) > 0
}
