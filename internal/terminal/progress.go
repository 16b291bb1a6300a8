package terminal

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// ProgressOptions says where and how often progress is shown.
type ProgressOptions struct {
	Terminal bool             // redraw in place; else one line per Line now and then
	Quiet    bool             // show nothing at all
	Width    func() int       // columns of the terminal; needed with Terminal
	Height   func() int       // rows of the terminal; nil: as many as there are lines
	Now      func() time.Time // the clock for rates; required
	// Every calls f each d, from any goroutine, until stop is called. Nil: progress is shown
	// only when something new is reported, so not while everything waits.
	Every func(d time.Duration, f func()) (stop func())
}

const (
	redrawEvery = 100 * time.Millisecond // on a terminal
	speakEvery  = 30 * time.Second       // elsewhere
	tickEvery   = time.Second            // how often it is looked whether to show something
	maxWaiting  = 4                      // lines that wait, shown one by one when piped
)

// Progress shows how far a long stage is, one line for each thing that is
// worked on (a log, a file). It draws when it is told something new and, with
// ProgressOptions.Every, when time passes. Its methods and those of its lines
// may be called from several goroutines.
type Progress struct {
	mu     sync.Mutex
	w      io.Writer
	o      ProgressOptions
	lines  []*Line
	drawn  int // lines on the screen below which the cursor stands
	last   time.Time
	stop   func()
	closed bool
}

// NewProgress starts a display on w, normally standard error.
func NewProgress(w io.Writer, o ProgressOptions) *Progress {
	p := &Progress{w: w, o: o, last: o.Now()}
	if o.Every != nil && !o.Quiet {
		p.stop = o.Every(tickEvery, p.tick)
	}
	return p
}

// Line adds a line for name; unit is what is counted ("entries").
func (p *Progress) Line(name, unit string) *Line {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &Line{p: p, name: Escape(name), unit: unit, begun: p.o.Now(), kept: -1}
	p.lines = append(p.lines, l)
	return l
}

// Print writes a line of escaped text that stays, above the redrawn lines. After Close
// it writes nothing and returns false.
func (p *Progress) Print(text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.erase()
	fmt.Fprintln(p.w, text)
	if p.o.Terminal && !p.o.Quiet && len(p.lines) > 0 {
		p.redraw()
	}
	return true
}

// Close draws the last state of all lines; what comes after starts on a fresh line.
func (p *Progress) Close() {
	p.mu.Lock()
	stop := p.stop
	p.stop = nil
	if p.o.Terminal && !p.o.Quiet && len(p.lines) > 0 {
		p.paint(p.all(p.o.Now()))
	}
	p.lines, p.drawn, p.closed = nil, 0, true
	p.mu.Unlock()
	if stop != nil {
		stop() // unlocked: a tick may be waiting
	}
}

func (p *Progress) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.show()
	}
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
	if now.Sub(p.last) < every || len(p.lines) == 0 {
		return
	}
	if p.o.Terminal {
		p.redraw()
		return
	}
	p.speak(now)
}

// speak writes a line for everything that is not done.
func (p *Progress) speak(now time.Time) {
	p.last = now
	waiting := 0
	for _, l := range p.lines {
		if l.waits() {
			waiting++
		}
	}
	for _, l := range p.lines {
		if l.end == "" && !(l.waits() && waiting > maxWaiting) {
			fmt.Fprintln(p.w, l.text(now, 0))
		}
	}
	if waiting > maxWaiting {
		fmt.Fprintf(p.w, "%s more wait for their turn\n", Count(int64(waiting)))
	}
}

// redraw paints the lines over those on the screen.
func (p *Progress) redraw() {
	now := p.o.Now()
	p.last = now
	rows := len(p.lines)
	if p.o.Height != nil {
		rows = max(p.o.Height()-1, 2) // the cursor stands below the last one
	}
	if len(p.lines) <= rows {
		p.paint(p.all(now))
		return
	}
	p.paint(p.some(now, rows-1))
}

// columns is the room for a line. One column is left free: a full line would wrap on some
// terminals.
func (p *Progress) columns() int { return max(p.o.Width()-1, 20) }

func (p *Progress) all(now time.Time) []string {
	texts := make([]string, len(p.lines))
	for i, l := range p.lines {
		texts[i] = l.text(now, p.columns())
	}
	return texts
}

// some is what fits into a screen of n lines and one for the rest: what is worked on before
// what is done, and that before what waits. What scrolls off the screen cannot be redrawn.
func (p *Progress) some(now time.Time, n int) []string {
	order := slices.Clone(p.lines)
	slices.SortStableFunc(order, func(a, b *Line) int { return a.rank() - b.rank() })
	shown := map[*Line]bool{}
	for _, l := range order[:n] {
		shown[l] = true
	}
	var texts []string
	done, waiting := 0, 0
	for _, l := range p.lines {
		switch {
		case shown[l]:
			texts = append(texts, l.text(now, p.columns()))
		case l.end != "":
			done++
		case l.waits():
			waiting++
		}
	}
	more := len(p.lines) - n
	return append(texts, Shorten(fmt.Sprintf("and %d more: %d done, %d waiting", more, done, waiting), p.columns()))
}

// paint writes texts over what was drawn before.
func (p *Progress) paint(texts []string) {
	var b strings.Builder
	if p.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", p.drawn)
	}
	for _, text := range texts {
		b.WriteString("\r" + text + "\x1b[K\n")
	}
	if p.drawn > len(texts) { // the window became smaller
		b.WriteString("\x1b[J")
	}
	p.drawn = len(texts)
	io.WriteString(p.w, b.String())
}

func (p *Progress) erase() {
	if p.drawn > 0 {
		fmt.Fprintf(p.w, "\x1b[%dA\r\x1b[J", p.drawn)
		p.drawn = 0
	}
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
