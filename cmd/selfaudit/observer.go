package main

import (
	"regexp"
	"sync"
	"time"

	"selfaudit/internal/terminal"
)

// observer turns what harvesting reports into progress lines, one for each source.
type observer struct {
	mu       sync.Mutex
	progress *terminal.Progress
	now      func() time.Time
	lines    map[string]*sourceLine
	outcomes map[string]string // of sources of which more is known than how reading ended
}

type sourceLine struct {
	line        *terminal.Line
	done, total uint64
	kept        uint64
	ended       bool
}

func newObserver(e *env, progress *terminal.Progress) *observer {
	return &observer{progress: progress, now: e.SystemTime, lines: map[string]*sourceLine{}, outcomes: map[string]string{}}
}

// of returns the line of a source, a new one if it has none.
func (o *observer) of(source string) *sourceLine {
	l := o.lines[source]
	if l == nil {
		l = &sourceLine{line: o.progress.Line(source, "entries")}
		o.lines[source] = l
	}
	return l
}

// waits announces a source whose turn has not come.
func (o *observer) waits(source string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.of(source).line.Wait("waits")
}

func (o *observer) Begin(source string, total uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.of(source)
	l.done, l.kept, l.total, l.ended = 0, 0, total, false
	l.line.Begin(int64(total))
}

func (o *observer) Advance(source string, entries, kept uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.of(source)
	l.done += entries
	l.kept += kept
	l.line.Set(int64(l.done), int64(l.total))
	l.line.SetKept(int64(l.kept))
}

func (o *observer) State(source, state string, wait time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if state == "waits" {
		o.of(source).line.Wait(state)
		return
	}
	o.of(source).line.State(state, o.after(wait))
}

// after is when a wait is over; the zero time for none.
func (o *observer) after(wait time.Duration) time.Time {
	if wait <= 0 {
		return time.Time{}
	}
	return o.now().Add(wait)
}

func (o *observer) End(source, outcome string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.lines[source]
	if l == nil {
		return
	}
	if better, ok := o.outcomes[source]; ok {
		outcome = better
	}
	l.ended = true
	l.line.Done(outcome)
}

// ends says how a source really ended, whatever End is told of reading it.
func (o *observer) ends(source, outcome string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.outcomes[source] = outcome
}

// retry shows that a log is asked again after wait. The log has a line for its entries, or
// one for the SCTs that are looked up in it.
func (o *observer) retry(log string, err error, wait time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, source := range []string{log + ", SCTs", log} {
		if l := o.lines[source]; l != nil && !l.ended {
			l.line.State(briefly(err), o.after(wait))
			return
		}
	}
}

var statusText = regexp.MustCompile(`^status (\d{3})\b`)

// maxBrief is how much of an error fits into a progress line, in columns.
const maxBrief = 48

// briefly is the part of an error that says what is waited for: the status, or its beginning.
func briefly(err error) string {
	if m := statusText.FindStringSubmatch(err.Error()); m != nil {
		return m[1]
	}
	return terminal.Shorten(terminal.Escape(err.Error()), maxBrief)
}
