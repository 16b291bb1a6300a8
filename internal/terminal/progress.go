package terminal

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// ProgressOptions says where and how often progress is shown.
type ProgressOptions struct {
	Terminal bool             // redraw in place; else one line per Line now and then
	Quiet    bool             // show nothing at all
	Width    func() int       // columns of the terminal; needed with Terminal
	Now      func() time.Time // the clock for rates; required
}

const (
	redrawEvery = 100 * time.Millisecond // on a terminal
	speakEvery  = 30 * time.Second       // elsewhere
)

// Progress shows how far a long stage is, one line for each thing that is
// worked on (a log, a file). It draws when it is told something new, never by
// itself, so it needs no goroutine. Its methods and those of its lines may be
// called from several goroutines.
type Progress struct {
	mu    sync.Mutex
	w     io.Writer
	o     ProgressOptions
	lines []*Line
	drawn int // lines on the screen below which the cursor stands
	last  time.Time
}

// Line is the progress of one thing. All fields belong to its Progress's lock.
type Line struct {
	p           *Progress
	name        string
	unit        string
	begun       time.Time
	first       int64 // done at the first report: not this run's work
	reported    bool
	done, total int64
	kept        int64 // below 0: not counted
	end         string
}

// NewProgress starts a display on w, normally standard error.
func NewProgress(w io.Writer, o ProgressOptions) *Progress {
	return &Progress{w: w, o: o, last: o.Now()}
}

// Line adds a line for name; unit is what is counted ("entries").
func (p *Progress) Line(name, unit string) *Line {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &Line{p: p, name: Escape(name), unit: unit, begun: p.o.Now(), kept: -1}
	p.lines = append(p.lines, l)
	return l
}

// Set reports done of total (0 = not known yet). The first report of a resumed
// piece of work says where it starts; the rate counts from there.
func (l *Line) Set(done, total int64) {
	l.update(func() { l.done, l.total = done, total })
}

// Add reports n more done.
func (l *Line) Add(n int64) {
	l.update(func() { l.done += n })
}

// SetKept reports how many certificates were kept so far.
func (l *Line) SetKept(kept int64) {
	l.update(func() { l.kept = kept })
}

// Done closes the line with a word on how it ended ("proven").
func (l *Line) Done(end string) {
	p := l.p
	p.mu.Lock()
	defer p.mu.Unlock()
	l.end = Escape(end)
	if p.o.Quiet {
		return
	}
	if p.o.Terminal {
		p.redraw()
		return
	}
	fmt.Fprintln(p.w, l.text(p.o.Now()))
}

func (l *Line) update(change func()) {
	p := l.p
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	if !l.reported {
		l.reported = true
		l.first = l.done
	}
	p.show()
}

// show draws if it is time to.
func (p *Progress) show() {
	if p.o.Quiet {
		return
	}
	now := p.o.Now()
	every := speakEvery
	if p.o.Terminal {
		every = redrawEvery
	}
	if now.Sub(p.last) < every {
		return
	}
	if p.o.Terminal {
		p.redraw()
		return
	}
	p.last = now
	for _, l := range p.lines {
		if l.end == "" && l.reported {
			fmt.Fprintln(p.w, l.text(now))
		}
	}
}

// redraw paints all lines over the ones on the screen.
func (p *Progress) redraw() {
	now := p.o.Now()
	p.last = now
	var b strings.Builder
	if p.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", p.drawn)
	}
	// One column is left free: a full line would wrap on some terminals.
	width := max(p.o.Width()-1, 20)
	for _, l := range p.lines {
		b.WriteString("\r" + Shorten(l.text(now), width) + "\x1b[K\n")
	}
	p.drawn = len(p.lines)
	io.WriteString(p.w, b.String())
}

// Printf writes a line of text that stays, above the redrawn lines.
func (p *Progress) Printf(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.o.Quiet {
		return
	}
	p.erase()
	fmt.Fprintln(p.w, Escape(fmt.Sprintf(format, args...)))
	if p.o.Terminal && len(p.lines) > 0 {
		p.redraw()
	}
}

// Close draws the last state; what comes after starts on a fresh line.
func (p *Progress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.o.Terminal && !p.o.Quiet && len(p.lines) > 0 {
		p.redraw()
	}
	p.lines, p.drawn = nil, 0
}

func (p *Progress) erase() {
	if p.drawn > 0 {
		fmt.Fprintf(p.w, "\x1b[%dA\r\x1b[J", p.drawn)
		p.drawn = 0
	}
}

// text is one line: "name: 1,200 of 3,000 entries (40%), 400/s, 57 kept, 5s left".
func (l *Line) text(now time.Time) string {
	var b strings.Builder
	b.WriteString(l.name + ": " + Count(l.done))
	if l.total > 0 {
		b.WriteString(" of " + Count(l.total))
	}
	b.WriteString(" " + l.unit)
	if l.total > 0 && l.end == "" {
		fmt.Fprintf(&b, " (%d%%)", percent(l.done, l.total))
	}
	rate := l.rate(now)
	if rate > 0 {
		fmt.Fprintf(&b, ", %s/s", Count(int64(rate+0.5)))
	}
	if l.kept >= 0 {
		fmt.Fprintf(&b, ", %s kept", Count(l.kept))
	}
	switch {
	case l.end != "":
		b.WriteString(", " + l.end)
	case rate > 0 && l.total > l.done:
		b.WriteString(", " + Duration(time.Duration(float64(l.total-l.done)/rate*float64(time.Second))) + " left")
	}
	return b.String()
}

// rate is the number done per second since this run began, 0 while unknown.
func (l *Line) rate(now time.Time) float64 {
	elapsed := now.Sub(l.begun).Seconds()
	if elapsed < 0.5 || l.done <= l.first {
		return 0
	}
	return float64(l.done-l.first) / elapsed
}

func percent(done, total int64) int64 {
	return int64(float64(done) / float64(total) * 100)
}

// Count writes a number with a comma between thousands.
func Count(n int64) string {
	s := fmt.Sprint(n)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Duration writes a time span in its two largest units: "2h05m", "3m20s", "9s".
func Duration(d time.Duration) string {
	const day = 24 * time.Hour
	d = max(d, 0).Round(time.Second)
	switch {
	case d >= 1000*day:
		return "over 1000 days"
	case d >= day:
		return fmt.Sprintf("%dd%02dh", d/day, d%day/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}
