package loglist

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"selfaudit/sampler/ct"
)

// The protocols of a log, in the words of the configuration and of ctlog.
const (
	StaticCT = "static-ct" // an entry of tiled_logs
	RFC6962  = "rfc6962"   // an entry of logs
)

// State is a log's standing with the publisher of the list.
type State string

// The states of the schema. A log that never was included may have none.
const (
	Pending   State = "pending"
	Qualified State = "qualified"
	Usable    State = "usable"
	ReadOnly  State = "readonly"
	Retired   State = "retired"
	Rejected  State = "rejected"
	NoState   State = ""
)

// List is a checked log list.
type List struct {
	Version   string    // as published, "80.14"; may be empty
	Timestamp time.Time // log_list_timestamp; with Undated, when the list was taken; of a union, of the newest list
	Undated   bool      // the list itself has no date, as Apple's
	AllLogs   bool      // is_all_logs: pending, rejected and never included logs are listed too
	Operators []string  // names, in the order of the list
	Logs      []Log     // in the order of the list: by operator, logs before tiled_logs
	United    int       // how many lists Union made it of; 0 for a list as published
}

// Log is one log of a list.
type Log struct {
	Operator    string
	Description string
	Type        string   // StaticCT or RFC6962
	ID          ct.LogID // SHA-256 of Key; Parse has compared it with log_id
	Key         []byte   // SubjectPublicKeyInfo, DER
	URL         string   // where it is read: url, or monitoring_url; without a slash at the end
	Submission  string   // submission_url of a static-ct log, without a slash at the end
	MMD         time.Duration
	State       State
	StateSince  time.Time // zero without a state
	// Start and End bound notAfter of the certificates that the log takes, [Start, End);
	// both zero means that it takes all (temporal_interval).
	Start, End time.Time
	LogType    string // log_type: "prod", "test"; empty counts as prod
	// FinalSize and FinalRoot are the final tree head of a read-only log; FinalRoot is nil
	// without one.
	FinalSize uint64
	FinalRoot []byte
	// PreviousOperators ran the log before, in the order of the list.
	PreviousOperators []PreviousOperator
	// Lists are the numbers, from 1, of the lists of a union that have the log; nil in a list
	// as published. Others is the log as those of them say whose names or address are not used.
	Lists  []int
	Others []Log
}

// PreviousOperator is one entry of previous_operators.
type PreviousOperator struct {
	Name string
	End  time.Time // until then
}

// Origin is the first line of a static-ct log's checkpoint: its submission prefix without
// scheme and without a slash at the end (static-ct-api, "Parameters"). Empty for others.
func (l *Log) Origin() string {
	if l.Type != StaticCT {
		return ""
	}
	_, rest, _ := strings.Cut(l.Submission, "://")
	return rest
}

// Prefix is the address below which the log takes certificates, and so answers get-roots:
// the submission prefix of a static-ct log, else where it is read.
func (l *Log) Prefix() string {
	if l.Submission != "" {
		return l.Submission
	}
	return l.URL
}

// Named says whether a user means this log by name: its description in any case, its
// address, its origin, or at least eight digits of its log id in hex. In a union what any
// of the lists calls it counts.
func (l *Log) Named(name string) bool {
	for i := range l.Others {
		if l.Others[i].Named(name) {
			return true
		}
	}
	name = strings.TrimRight(strings.TrimSpace(name), "/")
	return name != "" && (strings.EqualFold(name, l.Description) || name == l.URL || name == l.Submission || name == l.Origin() ||
		len(name) >= 8 && strings.HasPrefix(hex.EncodeToString(l.ID[:]), name))
}

// Interval describes the notAfter that the log takes, for people.
func (l *Log) Interval() string {
	if l.Start.IsZero() {
		return "any"
	}
	return day(l.Start) + " to " + day(l.End)
}

func day(t time.Time) string { return t.Format("2006-01-02") }

// StaleAfter is the age at which a list is no longer good enough to be used without a
// warning: Chrome stops enforcing CT when its own list is this old.
const StaleAfter = 70 * 24 * time.Hour

// Age is how old the list is at a time, never negative.
func (l *List) Age(now time.Time) time.Duration { return max(0, now.Sub(l.Timestamp)) }

// lateAfter is how long after a period's end a list may be of without a warning: logs are
// rejected, and vanish from the lists, as a rule some months after their certificates ended.
const lateAfter = 180 * 24 * time.Hour

// LateFor says that the list is of so long after a period's end that logs of that time may
// have vanished from it, or nothing.
func (l *List) LateFor(until time.Time) string {
	late := l.Timestamp.Sub(until)
	if late <= lateAfter {
		return ""
	}
	return fmt.Sprintf("the CT log list is of %s, %d days after the end of the period: logs that were rejected since then may be missing in it; a list of that time has them", day(l.Timestamp), int(late.Hours()/24))
}

// Warning says that the list is too old at a time, or of later than that, or nothing.
func (l *List) Warning(now time.Time) string {
	if l.Timestamp.Sub(now) > 24*time.Hour {
		return fmt.Sprintf("the CT log list is of %s, in the future on %s: the list's date or this machine's clock is wrong", day(l.Timestamp), day(now))
	}
	age := l.Age(now)
	if age <= StaleAfter {
		return ""
	}
	of := "is of"
	if l.Undated {
		of = "was taken on"
	}
	return fmt.Sprintf("the CT log list %s %s, %d days old: logs that were added since are missing in it", of, day(l.Timestamp), int(age.Hours()/24))
}

// ByID returns the log with an id, or nil.
func (l *List) ByID(id ct.LogID) *Log {
	for i := range l.Logs {
		if l.Logs[i].ID == id {
			return &l.Logs[i]
		}
	}
	return nil
}

// File is where the nth log list of an audit is archived, from 1; its signature, if it has
// one, is beside it with .sig for .json.
func File(n int) string {
	if n == 1 {
		return "ct/log_list.json"
	}
	return fmt.Sprintf("ct/log_list-%d.json", n)
}
