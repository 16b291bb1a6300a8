package loglist

import (
	"fmt"
	"time"
)

// Options say what is chosen.
type Options struct {
	From, Until time.Time     // issuance period, [From, Until)
	Margin      time.Duration // beyond the longest validity that is allowed, to find certificates that are too long
	Include     []string      // names (Log.Named) of logs to choose in any case
}

// Codes of a Choice's reason.
const (
	ReasonInterval = "interval" // chosen: it takes certificates that may have been issued in the period
	ReasonAny      = "any"      // chosen: it takes certificates of any validity
	ReasonIncluded = "included" // chosen: named by the user
	ReasonEnded    = "ended"    // left out: it takes only certificates that had ended before the period began
	ReasonLater    = "later"    // left out: it takes only certificates that end later than a certificate of the period may
	ReasonState    = "state"    // left out: pending, rejected or without a state
	ReasonLogType  = "log_type" // left out: not a production log
)

// Choice is one log of the list with what was decided about it and why.
type Choice struct {
	Log    Log
	Chosen bool
	Code   string // one of the Reason constants
	Reason string // a sentence for people and evidence
}

// Window is the range of notAfter that decides, both ends inclusive, and where it is from.
type Window struct {
	From, Until time.Time
	Source      string
}

// NotAfter is the range of notAfter that certificates issued in the period can have: from
// the period's start to its end with the longest validity allowed (BR 6.3.2), plus the 48
// hours of BR 7.1.2.7 and the margin.
func (o Options) NotAfter() Window {
	latest, source := LatestNotAfter(o.From, o.Until)
	return Window{o.From, latest.Add(Backdating + o.Margin), source}
}

// Select decides about every log of the list, in the order of the list. A name in Include
// that no log of the list has is an error.
//
// temporal_interval is about notAfter, not about issuance: a log is chosen when its
// interval meets Options.NotAfter, or when it has none. Read-only and retired logs are
// chosen too, because they still hold what was logged; pending and rejected ones are not.
func Select(l *List, o Options) ([]Choice, error) {
	w := o.NotAfter()
	used := make([]bool, len(o.Include))
	var out []Choice
	for _, log := range l.Logs {
		c := choose(log, w)
		for i, name := range o.Include {
			if !log.Named(name) {
				continue
			}
			used[i] = true
			if !c.Chosen {
				c = Choice{Log: log, Chosen: true, Code: ReasonIncluded, Reason: "named in the configuration, although: " + c.Reason}
			}
		}
		out = append(out, c)
	}
	for i, name := range o.Include {
		if !used[i] {
			if l.United > 1 {
				return nil, fmt.Errorf("include: none of the %d log lists has a log %q", l.United, name)
			}
			return nil, fmt.Errorf("include: the log list of %s has no log %q", day(l.Timestamp), name)
		}
	}
	return out, nil
}

func choose(log Log, w Window) Choice {
	out := func(chosen bool, code, format string, args ...any) Choice {
		return Choice{Log: log, Chosen: chosen, Code: code, Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case log.State == Pending, log.State == Rejected:
		return out(false, ReasonState, "it is %s since %s", log.State, day(log.StateSince))
	case !log.State.holds():
		return out(false, ReasonState, "it has no state: it was never included")
	case !log.production():
		return out(false, ReasonLogType, "its log_type is %s", log.LogType)
	case log.Start.IsZero():
		return out(true, ReasonAny, "it takes certificates of any validity")
	case !log.End.After(w.From):
		return out(false, ReasonEnded, "it takes certificates that end before %s, and the period begins later", day(log.End))
	case log.Start.After(w.Until):
		return out(false, ReasonLater, "it takes certificates that end on %s or later; those of the period end by %s (%s)", day(log.Start), day(w.Until), w.Source)
	}
	return out(true, ReasonInterval, "it takes certificates that end from %s to %s; those of the period end from %s to %s (%s)",
		day(log.Start), day(log.End), day(w.From), day(w.Until), w.Source)
}
