package ctlog

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// timers is a clock whose timers fire when it is moved.
type timers struct {
	clock
	mu   sync.Mutex
	list []*fakeTimer
}

type fakeTimer struct {
	owner *timers
	f     func()
	at    time.Time // zero when stopped
}

func (c *timers) afterFunc(d time.Duration, f func()) Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &fakeTimer{owner: c, f: f, at: c.now().Add(d)}
	c.list = append(c.list, t)
	return t
}

func (t *fakeTimer) Reset(d time.Duration) bool {
	t.owner.mu.Lock()
	defer t.owner.mu.Unlock()
	t.at = t.owner.now().Add(d)
	return true
}

func (t *fakeTimer) Stop() bool {
	t.owner.mu.Lock()
	defer t.owner.mu.Unlock()
	t.at = time.Time{}
	return true
}

// pass moves the clock and fires what is due.
func (c *timers) pass(d time.Duration) {
	c.clock.mu.Lock()
	c.t = c.t.Add(d)
	c.clock.mu.Unlock()
	var due []func()
	c.mu.Lock()
	for _, t := range c.list {
		if !t.at.IsZero() && !t.at.After(c.now()) {
			t.at = time.Time{}
			due = append(due, t.f)
		}
	}
	c.mu.Unlock()
	for _, f := range due {
		f()
	}
}

// tricklingBody gives one byte a minute, or none at all.
type tricklingBody struct {
	ctx   context.Context
	clock *timers
	bytes []byte // nil: none
}

func (b *tricklingBody) Read(p []byte) (int, error) {
	for {
		if err := b.ctx.Err(); err != nil {
			return 0, err
		}
		b.clock.pass(time.Minute)
		if len(b.bytes) > 0 && b.ctx.Err() == nil {
			p[0], b.bytes = b.bytes[0], b.bytes[1:]
			return 1, nil
		}
	}
}

func (b *tricklingBody) Close() error { return nil }

// stallingTransport serves a folder, but one path stalls until the clock has reached a time.
type stallingTransport struct {
	clock *timers
	until time.Time
	how   string // "no byte", "a byte a minute", "no header"
}

func (s *stallingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	body := io.NopCloser(strings.NewReader(string(fixture(alphaC + r.URL.Path))))
	if r.URL.Path == tile1 && s.clock.now().Before(s.until) {
		slow := &tricklingBody{ctx: r.Context(), clock: s.clock}
		if s.how == "a byte a minute" {
			slow.bytes = fixture(alphaC + tile1)
		}
		if s.how == "no header" {
			_, err := slow.Read(nil)
			return nil, err
		}
		body = slow
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: body, ContentLength: -1, Request: r}, nil
}

// fixture is the content of a file of the fixture logs, nil if there is none.
func fixture(path string) []byte {
	b, _ := os.ReadFile(path)
	return b
}

// A log that stalls for an hour ends as unreachable, after MaxElapsed and not before, however it stalls; afterwards it can be read.
func TestStallsForAnHour(t *testing.T) {
	for _, how := range []string{"no byte", "a byte a minute", "no header"} {
		t.Run(how, func(t *testing.T) {
			c := &timers{clock: clock{t: newClock().t}}
			s := &stallingTransport{clock: c, until: newClock().t.Add(time.Hour), how: how}
			cfg := webConfig(t, StaticCT, alphaC, "http://log.example", &c.clock)
			cfg.Transport, cfg.AfterFunc, cfg.Concurrency = s, c.afterFunc, 1
			l := open(t, cfg)
			wantError(t, readAllEntries(t, l), Unreachable, "tile/data/001", "gave up after", "no progress for 1m30s")
			if spent := c.now().Sub(newClock().t); spent < 10*time.Minute || spent > 15*time.Minute {
				t.Errorf("it took %s to give up", spent)
			}
			c.pass(time.Hour)
			if err := readAllEntries(t, l); err != nil {
				t.Errorf("once the log answers again: %v", err)
			}
		})
	}
}

// A log that stalls for less than MaxElapsed is waited for.
func TestStallsForAWhile(t *testing.T) {
	c := &timers{clock: clock{t: newClock().t}}
	s := &stallingTransport{clock: c, until: newClock().t.Add(8 * time.Minute), how: "a byte a minute"}
	cfg := webConfig(t, StaticCT, alphaC, "http://log.example", &c.clock)
	cfg.Transport, cfg.AfterFunc, cfg.Concurrency = s, c.afterFunc, 1
	if err := readAllEntries(t, open(t, cfg)); err != nil {
		t.Error(err)
	}
}
