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
	p.Printf("a line that %s", "stays\x07")
	if !strings.Contains(out.String(), "\r\x1b[Ja line that stays\\x07\n") {
		t.Errorf("message not above the lines: %q", out)
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
		p.Printf("text")
		p.Close()
		if out.Len() > 0 {
			t.Errorf("terminal %v: quiet progress wrote %q", tty, out)
		}
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
