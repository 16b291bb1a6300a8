package terminal

import (
	"strings"
	"testing"
	"time"
)

// clock is a hand-wound clock.
type clock struct{ t time.Time }

func (c *clock) now() time.Time          { return c.t }
func (c *clock) advance(d time.Duration) { c.t = c.t.Add(d) }

func start(o ProgressOptions) (*Progress, *clock, *strings.Builder) {
	c := &clock{t: time.Unix(1000, 0)}
	o.Now = c.now
	o.Width = func() int { return 70 }
	var b strings.Builder
	return NewProgress(&b, o), c, &b
}

func TestProgressPipedSpeaksEveryThirtySeconds(t *testing.T) {
	p, c, out := start(ProgressOptions{})
	l := p.Line("log a\x1b", "entries")
	l.Set(1000, 13000) // resumed: 1,000 are not this run's work
	c.advance(29 * time.Second)
	l.Set(5000, 13000)
	if out.Len() > 0 {
		t.Fatalf("spoke too early: %q", out)
	}
	c.advance(time.Second)
	l.SetKept(7)
	want := "log a\\x1b: 5,000 of 13,000 entries (38%), 133/s, 7 kept, 1m00s left\n"
	if out.String() != want {
		t.Fatalf("got  %q\nwant %q", out, want)
	}
	l.Set(13000, 13000)
	l.Done("proven")
	p.Close()
	want += "log a\\x1b: 13,000 of 13,000 entries, 400/s, 7 kept, proven\n"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out, want)
	}
}

func TestProgressTerminalRedrawsInPlace(t *testing.T) {
	p, c, out := start(ProgressOptions{Terminal: true})
	a, b := p.Line("a", "entries"), p.Line("b", "entries")
	c.advance(time.Second)
	a.Set(10, 20)
	c.advance(10 * time.Millisecond)
	b.Set(1, 2) // too soon to redraw
	c.advance(time.Second)
	b.Set(2, 2)
	frames := strings.Split(out.String(), "\x1b[2A")
	if len(frames) != 2 {
		t.Fatalf("want two frames, the second over the first: %q", out)
	}
	if want := "\ra: 10 of 20 entries (50%)\x1b[K\n\rb: 2 of 2 entries (100%)"; !strings.HasPrefix(frames[1], want) {
		t.Errorf("second frame %q, want %q", frames[1], want)
	}
	p.Print("a line that stays")
	if !strings.Contains(out.String(), "\r\x1b[Ja line that stays\n") {
		t.Errorf("message not above the lines: %q", out)
	}
	if p.Close(); p.Print("too late") || strings.Contains(out.String(), "too late") {
		t.Error("a closed display wrote a line")
	}
}

func TestProgressNeverWraps(t *testing.T) {
	p, c, out := start(ProgressOptions{Terminal: true})
	l := p.Line(strings.Repeat("long name ", 20), "entries")
	c.advance(time.Second)
	l.Set(1, 2)
	for _, line := range strings.Split(strings.ReplaceAll(out.String(), "\x1b[K", ""), "\n") {
		if Columns(strings.TrimPrefix(line, "\r")) >= 70 {
			t.Errorf("line would wrap: %q", line)
		}
	}
}

func TestProgressQuiet(t *testing.T) {
	for _, tty := range []bool{false, true} {
		p, c, out := start(ProgressOptions{Quiet: true, Terminal: tty})
		l := p.Line("a", "entries")
		c.advance(time.Hour)
		l.Set(1, 2)
		l.Add(1)
		l.Done("proven")
		p.Close()
		if out.Len() > 0 {
			t.Errorf("terminal %v: quiet progress wrote %q", tty, out)
		}
	}
}

// What waits and what is asked again has a line every 30 seconds, though nothing is reported.
func TestProgressSpeaksWhileNothingMoves(t *testing.T) {
	var tick func()
	stopped := false
	p, c, out := start(ProgressOptions{Every: func(d time.Duration, f func()) func() {
		if d <= 0 || d > speakEvery {
			t.Errorf("a tick every %s", d)
		}
		tick = f
		return func() { stopped = true }
	}})
	a, b, d := p.Line("log a", "entries"), p.Line("log b", "entries"), p.Line("log c", "entries")
	a.Begin(1000)
	a.Set(250, 1000)
	b.Wait("waits")
	d.State("searching by time stamp", time.Time{})
	c.advance(10 * time.Second)
	a.Set(500, 1000)
	a.State("503", c.t.Add(45*time.Second))
	tick()
	if out.Len() > 0 {
		t.Fatalf("spoke too early: %q", out)
	}
	said := func(want string) {
		t.Helper()
		out.Reset()
		tick()
		if out.String() != want {
			t.Errorf("after %s:\ngot  %q\nwant %q", c.t.Sub(time.Unix(1000, 0)), out, want)
		}
	}
	c.advance(20 * time.Second)
	said("log a: 500 of 1,000 entries (50%), 8/s, 1m00s left, 503, again in 25s\nlog b: waits\nlog c: searching by time stamp\n")
	said("")
	c.advance(30 * time.Second)
	d.Done("unreachable")
	said("log a: 500 of 1,000 entries (50%), 4/s, 2m00s left, 503, asked again\nlog b: waits\n")
	a.Set(1000, 1000)
	c.advance(time.Hour)
	said("log a: 1,000 of 1,000 entries (100%), 13/s\nlog b: waits\n") // its rate stands still
	out.Reset()
	a.Done("proven")
	if want := "log a: 1,000 of 1,000 entries, 13/s, proven\n"; out.String() != want {
		t.Errorf("got %q, want %q", out, want)
	}
	p.Close()
	out.Reset()
	c.advance(time.Hour)
	if tick(); !stopped || out.Len() > 0 {
		t.Errorf("closed: stopped %v, wrote %q", stopped, out)
	}
}

// A line that ended keeps its rate, and begins anew when it is read again.
func TestProgressEndsAndBeginsAgain(t *testing.T) {
	p, c, _ := start(ProgressOptions{Quiet: true})
	l := p.Line("a", "entries")
	l.Begin(100)
	l.Set(0, 100)
	c.advance(10 * time.Second)
	l.Set(50, 100)
	l.Done("failed")
	c.advance(time.Hour)
	if got, want := l.text(c.t, 0), "a: 50 of 100 entries, 5/s, failed"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	l.Begin(100)
	if got, want := l.text(c.t, 0), "a: 0 of 100 entries (0%)"; got != want {
		t.Errorf("begun again: got %q, want %q", got, want)
	}
}

func TestProgressManyWaitInOneLine(t *testing.T) {
	p, c, out := start(ProgressOptions{})
	for range 40 {
		p.Line("a", "entries").Wait("waits")
	}
	c.advance(speakEvery)
	p.Line("b", "entries").Set(1, 2)
	if want := "b: 1 of 2 entries (50%)\n40 more wait for their turn\n"; out.String() != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

// A narrow line loses its rate before its remaining time and its state.
func TestProgressNarrow(t *testing.T) {
	p, c, _ := start(ProgressOptions{Quiet: true})
	l := p.Line("log.example/a-long-name/2026h2", "entries")
	l.Begin(3000)
	l.Set(0, 3000)
	l.SetKept(57)
	c.advance(3 * time.Second)
	l.Set(1200, 3000)
	for width, want := range map[int]string{
		0:  "log.example/a-long-name/2026h2: 1,200 of 3,000 entries (40%), 400/s, 57 kept, 5s left",
		84: "log.example/a-long-name/2026h2: 1,200 of 3,000 entries (40%), 57 kept, 5s left",
		75: "log.example/a-long-name/2026h2: 1,200 of 3,000 entries, 57 kept, 5s left",
		59: "log.example/a-l..: 1,200 of 3,000 entries, 57 kept, 5s left",
		30: "log.exampl..: 1,200 of 3,000..",
	} {
		got := l.text(c.t, width)
		if got != want {
			t.Errorf("width %d: got %q, want %q", width, got, want)
		}
		if width > 0 && Columns(got) > width {
			t.Errorf("width %d: %q has %d columns", width, got, Columns(got))
		}
	}
}

// More lines than rows: what cannot be redrawn must not be drawn, until the end.
func TestProgressFitsTheScreen(t *testing.T) {
	p, c, out := start(ProgressOptions{Terminal: true, Height: func() int { return 4 }})
	first, second := p.Line("done", "entries"), p.Line("waiting", "entries")
	second.Wait("waits")
	c.advance(time.Second)
	p.Line("third", "entries").Wait("waits")
	p.Line("works", "entries").Set(1, 2)
	out.Reset()
	first.Done("proven")
	want := "\rdone: proven\x1b[K\n\rworks: 1 of 2 entries (50%)\x1b[K\n\rand 2 more: 0 done, 2 waiting\x1b[K\n"
	if got := out.String(); got != "\x1b[3A"+want {
		t.Errorf("got %q, want %q after three lines up", got, want)
	}
	out.Reset()
	p.Close()
	if got := strings.Count(out.String(), "\n"); got != 4 {
		t.Errorf("the last state has %d lines: %q", got, out)
	}
}

func TestCountAndDuration(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234", -123: "-123"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 59 * time.Second: "59s", 200 * time.Second: "3m20s",
		2*time.Hour + 5*time.Minute: "2h05m", 50 * time.Hour: "2d02h", 1 << 62: "over 1000 days",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%v) = %q, want %q", d, got, want)
		}
	}
}
