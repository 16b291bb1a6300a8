package loglist

import "time"

// limit is the longest validity that a TLS subscriber certificate may have when it is
// issued at or after from, in days of 86,400 seconds.
type limit struct {
	from   time.Time
	days   int
	source string
}

// limits are the maximum validity periods of TLS subscriber certificates, oldest first.
// The first row stands for everything before the second; no log takes certificates that
// are older.
var limits = []limit{
	{time.Time{}, 825, "BR 1.4.4 section 6.3.2"},
	{date(2020, 9), 398, "BR 1.7.1 section 6.3.2"},
	{time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC), 200, "BR 6.3.2 (SC-081v3)"},
	{time.Date(2027, 3, 15, 0, 0, 0, 0, time.UTC), 100, "BR 6.3.2 (SC-081v3)"},
	{time.Date(2029, 3, 15, 0, 0, 0, 0, time.UTC), 47, "BR 6.3.2 (SC-081v3)"},
}

func date(year int, month time.Month) time.Time {
	return time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
}

// Backdating is how far notBefore may lie from the time of signing (BR 7.1.2.7): a
// certificate signed just before the period's end may end this much later.
const Backdating = 48 * time.Hour

// MaxValidity is the longest validity that the Baseline Requirements allow a TLS
// subscriber certificate issued at a time, and the rule that says so.
func MaxValidity(issued time.Time) (validity time.Duration, source string) {
	l := limits[0]
	for _, next := range limits[1:] {
		if !issued.Before(next.from) {
			l = next
		}
	}
	return time.Duration(l.days) * 24 * time.Hour, l.source
}

// LatestNotAfter is the latest notAfter that a certificate issued in [from, until) may
// have by the rules in force when it was issued. A period that spans a change of the rules
// may reach its maximum just before the change.
func LatestNotAfter(from, until time.Time) (latest time.Time, source string) {
	for i, l := range limits {
		end := until
		if i+1 < len(limits) && limits[i+1].from.Before(until) {
			end = limits[i+1].from
		}
		if !end.After(from) || !l.from.Before(until) {
			continue // not in force in the period
		}
		if t := end.Add(time.Duration(l.days) * 24 * time.Hour); t.After(latest) {
			latest, source = t, l.source
		}
	}
	if latest.IsZero() { // an empty period
		v, s := MaxValidity(until)
		return until.Add(v), s
	}
	return latest, source
}
