package loglist

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"selfaudit/sampler/ct"
)

// ErrFinalTrees says that two lists state different final trees of one log. One of them is
// wrong, and nothing in the lists says which.
var ErrFinalTrees = errors.New("the log lists state different final trees")

// Facts about a log of which lists may say different things (Difference.Fact).
const (
	FactType     = "type"
	FactAddress  = "address"
	FactState    = "state"
	FactInterval = "interval"
	FactMMD      = "mmd"
	FactLogType  = "log_type"
)

// Difference is one fact about one log of which the lists of a union say different things.
type Difference struct {
	ID     ct.LogID
	Log    string // its description in the union
	Fact   string // one of the Fact constants
	Values []Value
	Used   string // what the union says
}

// Value is what one list says.
type Value struct {
	List int // from 1
	Text string
}

// Union makes one list of several, by log id: a log that several lists have is one log. The
// logs stand in the order of the lists, those of a list that an earlier one has too left out.
// One list is returned as it is.
//
// Of what the lists say differently, the careful reading counts: a log is pending, rejected
// or without a state only if all lists say so, it takes the certificates that any list says
// it takes, and its maximum merge delay is the longest. Addresses, type and the state among
// those that count are of the newest list that has the log, by its date; of two with one
// date, of the one that comes first. Its names are those of the first list that has it. A
// final tree counts whichever list states it; two different ones are ErrFinalTrees. Keys
// cannot differ: the log id is the key's hash.
func Union(lists []*List) (*List, []Difference, error) {
	if len(lists) == 1 {
		return lists[0], nil, nil
	}
	out := &List{United: len(lists)}
	at := map[ct.LogID]int{}
	var given [][]listed // by log of the union
	for i, l := range lists {
		if l.Timestamp.After(out.Timestamp) {
			out.Timestamp = l.Timestamp
		}
		out.AllLogs = out.AllLogs || l.AllLogs
		for _, name := range l.Operators {
			if !slices.Contains(out.Operators, name) {
				out.Operators = append(out.Operators, name)
			}
		}
		for _, log := range l.Logs {
			n, there := at[log.ID]
			if !there {
				n = len(given)
				at[log.ID] = n
				given = append(given, nil)
			}
			given[n] = append(given[n], listed{log, i + 1, l.Timestamp})
		}
	}
	var differences []Difference
	for _, g := range given {
		log, more, err := unite(g)
		if err != nil {
			return nil, nil, err
		}
		out.Logs = append(out.Logs, log)
		differences = append(differences, more...)
	}
	return out, differences, nil
}

// listed is a log as one list has it.
type listed struct {
	Log
	list int
	date time.Time
}

// unite makes one log of what the lists that have it say, and names what they say differently.
func unite(given []listed) (Log, []Difference, error) {
	newest := func(counts func(*Log) bool) *listed {
		var best *listed
		for i := range given {
			g := &given[i]
			if counts(&g.Log) && (best == nil || g.date.After(best.date)) {
				best = g
			}
		}
		return best
	}
	base := newest(func(*Log) bool { return true })
	log := base.Log
	log.Description, log.Operator = given[0].Description, given[0].Operator
	if s := newest(func(l *Log) bool { return l.State.holds() }); s != nil {
		log.State, log.StateSince = s.State, s.StateSince
	}
	if p := newest((*Log).production); p != nil {
		log.LogType = p.LogType
	}
	for i := range given {
		g := &given[i]
		log.Lists = append(log.Lists, g.list)
		log.MMD = max(log.MMD, g.MMD)
		if g != base || i > 0 {
			log.Others = append(log.Others, g.Log)
		}
	}
	log.Start, log.End = widest(given)
	if err := log.final(given); err != nil {
		return log, nil, err
	}
	return log, differ(&log, given), nil
}

// holds says whether a log in this state holds what was logged and counted: it is neither
// pending nor rejected nor without a state.
func (s State) holds() bool { return s != Pending && s != Rejected && s != NoState }

// production says whether a log is no test log.
func (l *Log) production() bool { return l.LogType == "" || l.LogType == "prod" }

// widest is the interval that covers those of all lists; none if one list has none.
func widest(given []listed) (start, end time.Time) {
	start, end = given[0].Start, given[0].End
	for _, g := range given {
		if g.Start.IsZero() {
			return time.Time{}, time.Time{}
		}
		if g.Start.Before(start) {
			start = g.Start
		}
		if g.End.After(end) {
			end = g.End
		}
	}
	return start, end
}

// final takes the final tree from whichever list states one.
func (l *Log) final(given []listed) error {
	var by *listed
	for i := range given {
		g := &given[i]
		switch {
		case g.FinalRoot == nil:
		case by == nil:
			by, l.FinalSize, l.FinalRoot = g, g.FinalSize, g.FinalRoot
		case g.FinalSize != l.FinalSize || !bytes.Equal(g.FinalRoot, l.FinalRoot):
			return fmt.Errorf("%w of %q (%s): list %d says %d entries with root %x, list %d says %d entries with root %x", ErrFinalTrees,
				l.Description, l.ID, by.list, l.FinalSize, l.FinalRoot, g.list, g.FinalSize, g.FinalRoot)
		}
	}
	return nil
}

// differ names the facts of which the lists say different things.
func differ(log *Log, given []listed) []Difference {
	var out []Difference
	for _, f := range []struct {
		name string
		text func(*Log) string
	}{
		{FactType, func(l *Log) string { return l.Type }},
		{FactAddress, (*Log).addressText},
		{FactState, func(l *Log) string { return orNone(string(l.State)) }},
		{FactInterval, (*Log).Interval},
		{FactMMD, func(l *Log) string { return l.MMD.String() }},
		{FactLogType, func(l *Log) string {
			if l.production() { // "prod" is what nothing means
				return "prod"
			}
			return l.LogType
		}},
	} {
		d := Difference{ID: log.ID, Log: log.Description, Fact: f.name, Used: f.text(log)}
		same := true
		for i := range given {
			text := f.text(&given[i].Log)
			d.Values = append(d.Values, Value{given[i].list, text})
			same = same && text == d.Values[0].Text
		}
		if !same {
			out = append(out, d)
		}
	}
	return out
}

// addressText is where a log is read, and where certificates go if that is elsewhere.
func (l *Log) addressText() string {
	if l.Submission == "" || l.Submission == l.URL {
		return l.URL
	}
	return l.URL + " (submission " + l.Submission + ")"
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// String says it in one sentence, without the log's name.
func (d *Difference) String() string {
	text := d.Fact
	for i, v := range d.Values {
		sep := ", "
		if i == 0 {
			sep = " "
		}
		text += fmt.Sprintf("%s%s in list %d", sep, v.Text, v.List)
	}
	return text + "; " + d.Used + " counts"
}
