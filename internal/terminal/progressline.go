package terminal

import (
	"fmt"
	"strings"
	"time"
)

// Line is the progress of one thing. All fields belong to its Progress's lock.
type Line struct {
	p           *Progress
	name        string
	unit        string
	begun       time.Time
	moved       time.Time // when done was reported last
	first       int64     // done at the first report: not this run's work
	reported    bool
	done, total int64
	kept        int64 // below 0: not counted
	idle        bool  // it waits for its turn
	state       string
	until       time.Time // when what state says is over; zero: not known
	end         string
	ended       time.Time
}

// Begin announces that counting starts, at 0 of total (0 = not known yet). The rate counts
// from here. It may be called again when all has to be done again.
func (l *Line) Begin(total int64) {
	p := l.p
	p.mu.Lock()
	defer p.mu.Unlock()
	l.begun, l.moved = p.o.Now(), time.Time{}
	l.first, l.done, l.total, l.reported = 0, 0, total, false
	l.settle()
	p.show()
}

// Wait says that the line's turn has not come, in a word ("waits").
func (l *Line) Wait(state string) {
	l.say(state, time.Time{}, true)
}

// State says what is done, or waited for, while nothing is counted. until is when that ends,
// zero if nobody knows. The next count takes the word away.
func (l *Line) State(state string, until time.Time) {
	l.say(state, until, false)
}

func (l *Line) say(state string, until time.Time, idle bool) {
	p := l.p
	p.mu.Lock()
	defer p.mu.Unlock()
	l.settle()
	l.state, l.until, l.idle = Escape(state), until, idle
	p.show()
}

// settle forgets a state and an end.
func (l *Line) settle() {
	l.idle, l.state, l.until, l.end, l.ended = false, "", time.Time{}, "", time.Time{}
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

func (l *Line) update(change func()) {
	p := l.p
	p.mu.Lock()
	defer p.mu.Unlock()
	before := l.done
	change()
	if !l.reported {
		l.reported = true
		l.first = l.done
	}
	if l.done != before {
		l.moved = p.o.Now()
	}
	l.idle, l.state, l.until = false, "", time.Time{}
	p.show()
}

// Done closes the line with a word on how it ended ("proven").
func (l *Line) Done(end string) {
	p := l.p
	p.mu.Lock()
	defer p.mu.Unlock()
	l.settle()
	l.end, l.ended = Escape(end), p.o.Now()
	if p.o.Quiet {
		return
	}
	if p.o.Terminal {
		p.redraw()
		return
	}
	fmt.Fprintln(p.w, l.text(l.ended, 0))
}

// waits says whether the line's turn has not come yet.
func (l *Line) waits() bool { return l.idle && l.end == "" }

// rank orders lines by how much they matter on a small screen.
func (l *Line) rank() int {
	switch {
	case l.end != "":
		return 1
	case l.idle:
		return 2
	}
	return 0
}

// text is one line: "name: 1,200 of 3,000 entries (40%), 400/s, 57 kept, 5s left". width is
// the room, 0 for any. Where there is too little, the rate goes first, then the share, then
// the end of the name: the remaining time and the state are what people look for.
func (l *Line) text(now time.Time, width int) string {
	share, rate := l.share(), l.rateText(now)
	tail := l.tail(now)
	for _, middle := range []string{share + rate, share, ""} {
		text := l.name + ": " + l.count() + middle + tail
		if width <= 0 || Columns(text) <= width {
			return text
		}
	}
	rest := ": " + l.count() + tail
	return Shorten(Shorten(l.name, max(width-Columns(rest), 12))+rest, width)
}

// count is what was done of what; nothing before the first count of a line that has a state.
func (l *Line) count() string {
	if !l.reported && l.total == 0 && (l.state != "" || l.end != "") {
		return ""
	}
	text := Count(l.done)
	if l.total > 0 {
		text += " of " + Count(l.total)
	}
	return text + " " + l.unit
}

func (l *Line) share() string {
	if l.total <= 0 || l.end != "" {
		return ""
	}
	return fmt.Sprintf(" (%d%%)", percent(l.done, l.total))
}

func (l *Line) rateText(now time.Time) string {
	if rate := l.rate(now); rate > 0 {
		return ", " + Count(int64(rate+0.5)) + "/s"
	}
	return ""
}

// tail is what was kept, the remaining time, and the state or the end.
func (l *Line) tail(now time.Time) string {
	var parts []string
	if l.kept >= 0 && (l.reported || l.total > 0) {
		parts = append(parts, Count(l.kept)+" kept")
	}
	if rate := l.rate(now); l.end == "" && rate > 0 && l.total > l.done {
		parts = append(parts, Duration(time.Duration(float64(l.total-l.done)/rate*float64(time.Second)))+" left")
	}
	switch {
	case l.end != "":
		parts = append(parts, l.end)
	case l.state != "" && l.until.After(now):
		parts = append(parts, l.state+", again in "+Duration(l.until.Sub(now)))
	case l.state != "" && !l.until.IsZero():
		parts = append(parts, l.state+", asked again")
	case l.state != "":
		parts = append(parts, l.state)
	}
	if len(parts) == 0 {
		return ""
	}
	if l.count() == "" {
		return strings.Join(parts, ", ")
	}
	return ", " + strings.Join(parts, ", ")
}

// rate is the number done per second since this run began, 0 while unknown. It stands still
// once everything is done, or the line has ended.
func (l *Line) rate(now time.Time) float64 {
	switch {
	case l.total > 0 && l.done >= l.total && !l.moved.IsZero():
		now = l.moved
	case !l.ended.IsZero():
		now = l.ended
	}
	elapsed := now.Sub(l.begun).Seconds()
	if elapsed < 0.5 || l.done <= l.first {
		return 0
	}
	return float64(l.done-l.first) / elapsed
}
