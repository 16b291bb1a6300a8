package main

import (
	"sync"

	"selfaudit/internal/terminal"
)

// observer turns what harvesting reports into progress lines.
type observer struct {
	mu       sync.Mutex
	progress *terminal.Progress
	lines    map[string]*sourceLine
}

type sourceLine struct {
	line        *terminal.Line
	done, total uint64
	kept        uint64
}

func (o *observer) Begin(source string, total uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines[source] = &sourceLine{line: o.progress.Line(source, "entries"), total: total}
}

func (o *observer) Advance(source string, entries, kept uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.lines[source]
	l.done += entries
	l.kept += kept
	l.line.Set(int64(l.done), int64(l.total))
	l.line.SetKept(int64(l.kept))
}

func (o *observer) End(source, outcome string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if l := o.lines[source]; l != nil {
		l.line.Done(outcome)
	}
}
