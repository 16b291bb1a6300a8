package requirements

import (
	"slices"
	"time"
)

// Newest is Tables.Newest of the embedded tables.
func Newest(document string) (Version, bool) { return Embedded().Newest(document) }

// Edition is Tables.Edition of the embedded tables.
func Edition() string { return Embedded().Edition() }

// InForce returns the version of a document in force on a day: the highest
// version number among those effective on or before it. The latest effective
// date would be the wrong choice, because the tables are not in date order (BR
// 2.0.1 is effective 2024-03-15, BR 2.0.2 already 2024-01-08). The day is taken
// in UTC; its time of day does not matter. It is false for a document that is
// not in the table and for a day before its first version.
//
// From 2024-05-06 to 2024-05-14 the table of the EVG contradicts itself (2.0.1
// is effective before 2.0.0); the answer for these days is 2.0.1.
func (t *Tables) InForce(document string, day time.Time) (Version, bool) {
	day = time.Date(day.UTC().Year(), day.UTC().Month(), day.UTC().Day(), 0, 0, 0, 0, time.UTC)
	return t.highest(document, func(v Version) bool { return !v.Effective.After(day) })
}

// Newest returns the highest version of a document in the table, whether
// effective already or not.
func (t *Tables) Newest(document string) (Version, bool) {
	return t.highest(document, func(Version) bool { return true })
}

// Upcoming returns the versions of a document that become effective after a
// day, in the order of their effective dates, then of their numbers.
func (t *Tables) Upcoming(document string, day time.Time) []Version {
	versions, err := t.versions()
	if err != nil {
		return nil
	}
	var upcoming []Version
	for _, v := range versions {
		if v.Document == document && v.Effective.After(day) {
			upcoming = append(upcoming, v.clone())
		}
	}
	slices.SortStableFunc(upcoming, func(a, b Version) int {
		if c := a.Effective.Compare(b.Effective); c != 0 {
			return c
		}
		return slices.Compare(a.parts, b.parts)
	})
	return upcoming
}

// Remark says what is odd about the answer of InForce for a day; "" when nothing is.
func Remark(document string, day time.Time) string {
	from, until := time.Date(2024, 5, 6, 0, 0, 0, 0, time.UTC), time.Date(2024, 5, 15, 0, 0, 0, 0, time.UTC)
	if document == EVG && !day.Before(from) && day.Before(until) {
		return "the document's own table contradicts itself for this day: 2.0.1 is effective on 2024-05-06, 2.0.0 on 2024-05-15"
	}
	return ""
}

// highest returns the highest version number of a document among those chosen.
func (t *Tables) highest(document string, chosen func(Version) bool) (Version, bool) {
	versions, err := t.versions()
	if err != nil {
		return Version{}, false
	}
	var best *Version
	for i := range versions {
		v := &versions[i]
		if v.Document == document && chosen(*v) && (best == nil || slices.Compare(v.parts, best.parts) > 0) {
			best = v
		}
	}
	if best == nil {
		return Version{}, false
	}
	return best.clone(), true
}

// clone keeps callers from reaching into the table.
func (v Version) clone() Version {
	v.Ballots = slices.Clone(v.Ballots)
	v.parts = slices.Clone(v.parts)
	return v
}
