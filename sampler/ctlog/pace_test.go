package ctlog

import (
	"context"
	"errors"
	"math"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"selfaudit/sampler/ct"
)

// paced makes n requests one after the other and returns how long they took.
func paced(t testing.TB, p *pace, n int) time.Duration {
	t.Helper()
	from := p.now()
	for range n {
		if _, err := p.begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.end()
	}
	return p.now().Sub(from)
}

func newTestPace(c *clock, rate float64) *pace {
	return newPace(Config{Now: c.now, Sleep: c.sleep, RateLimit: rate})
}

func TestRateLimit(t *testing.T) {
	if got := paced(t, newTestPace(newClock(), 5), 11); got != 2*time.Second {
		t.Errorf("11 requests at 5 a second took %s", got)
	}
	if got := paced(t, newTestPace(newClock(), 0.5), 4); got != 6*time.Second {
		t.Errorf("4 requests at one in two seconds took %s", got)
	}
	if got := paced(t, newTestPace(newClock(), 0), 1000); got != 0 {
		t.Errorf("1000 requests without a limit took %s", got)
	}
}

// What a log bears is learnt: halved when it complains, raised by a tenth every ten seconds.
func TestRateIsLearnt(t *testing.T) {
	c := newClock()
	p := newTestPace(c, 10)
	paced(t, p, 50)
	began := c.now()
	if got := p.throttled(began); math.Abs(got-5) > 0.5 {
		t.Errorf("the rate after 10 a second is %v, want about 5", got)
	}
	rate := p.rate
	if p.throttled(began.Add(-time.Millisecond)); p.rate != rate {
		t.Errorf("a request that was under way lowered the rate again, to %v", p.rate)
	}
	p.borne()
	if p.rate != rate {
		t.Errorf("the rate was raised at once, to %v", p.rate)
	}
	for n := range 10 {
		c.sleep(t.Context(), creepEvery)
		before := p.rate
		if p.borne(); p.rate <= before && p.rate != 10 {
			t.Errorf("after %s the rate is still %v", time.Duration(n+1)*creepEvery, p.rate)
		}
	}
	if p.rate != 10 {
		t.Errorf("after a while the rate is %v, want the configured 10", p.rate)
	}
}

func TestUnlimitedRateIsLearnt(t *testing.T) {
	c := newClock()
	p := newTestPace(c, 0)
	if got := p.throttled(c.now()); got != firstGuess/2 {
		t.Errorf("a 503 to the first request gives %v a second", got)
	}
	paced(t, p, 8)
	for range 20 {
		if got := p.throttled(c.now()); got < slowest {
			t.Fatalf("rate %v", got)
		}
	}
	if p.rate != slowest {
		t.Errorf("the rate ends at %v, want %v", p.rate, slowest)
	}
	for range 1000 {
		c.sleep(t.Context(), creepEvery)
		p.borne()
	}
	if p.rate != 0 {
		t.Errorf("after three hours without a complaint the rate is %v, want no limit", p.rate)
	}
}

// Whatever the log answers, the rate stays within its bounds and the wait is finite.
func TestRateBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		most := rapid.SampledFrom([]float64{0, 0.2, 3, 50}).Draw(t, "most")
		p := newPace(Config{Now: c.now, Sleep: c.sleep, RateLimit: most})
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			began, err := p.begin(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			p.end()
			c.sleep(context.Background(), time.Duration(rapid.IntRange(0, 30_000).Draw(t, "ms"))*time.Millisecond)
			switch rapid.IntRange(0, 2).Draw(t, "answer") {
			case 0:
				p.throttled(began)
			case 1:
				p.borne()
			}
			if most > 0 && (p.rate > most || p.rate < min(slowest, most)) || most == 0 && p.rate != 0 && (p.rate < slowest || p.rate > fastest) {
				t.Fatalf("rate %v, at most %v", p.rate, most)
			}
			if wait := p.next.Sub(c.now()); wait > time.Duration(float64(time.Second)/min(slowest, max(most, slowest))) {
				t.Fatalf("waits %s", wait)
			}
		}
	})
}

// A log that bears 4 requests a second of a client that would like 50: the tree is read, and few requests are refused.
func TestLogThatLimits(t *testing.T) {
	c := newClock()
	var refused, served atomic.Int32
	var mu sync.Mutex
	var window time.Time
	count := 0
	s := newRFCServer(t, 4)
	s.fault = func(n int, w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if now := c.now(); now.Sub(window) >= time.Second {
			window, count = now, 0
		}
		if count++; count > 4 {
			refused.Add(1)
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}
		served.Add(1)
		return false
	}
	cfg := webConfig(t, RFC6962, alphaB, serve(t, s.ServeHTTP)+"/log", c)
	cfg.RateLimit, cfg.Concurrency = 50, 1
	if err := readAllEntries(t, open(t, cfg)); err != nil {
		t.Fatal(err)
	}
	if served.Load() != 245 || refused.Load() > 25 || refused.Load() == 0 {
		t.Errorf("%d requests served, %d refused", served.Load(), refused.Load())
	}
	if spent := c.now().Sub(newClock().t); spent > 3*time.Minute {
		t.Errorf("it took %s", spent)
	}
}

// crowd counts the requests under way, and lets others run in between.
type crowd struct {
	next      http.RoundTripper
	now, peak atomic.Int32
}

func (c *crowd) RoundTrip(r *http.Request) (*http.Response, error) {
	n := c.now.Add(1)
	defer c.now.Add(-1)
	for peak := c.peak.Load(); n > peak && !c.peak.CompareAndSwap(peak, n); peak = c.peak.Load() {
	}
	for range 20 {
		runtime.Gosched()
	}
	return c.next.RoundTrip(r)
}

// No more requests than configured are under way, whoever makes them.
func TestConcurrency(t *testing.T) {
	cfg := webConfig(t, StaticCT, alphaC, serve(t, static(alphaC, nil)), newClock())
	counted := &crowd{next: cfg.Transport}
	cfg.Transport, cfg.Concurrency, cfg.HashTiles = counted, 2, true
	l := open(t, cfg)
	_, head, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := l.Read(t.Context(), head, 0, head.Size, func(*ct.Entry) error { return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := counted.peak.Load(); got != 2 {
		t.Errorf("%d requests at the same time, want 2", got)
	}
}

// Waiting for a turn ends with the context and gives the slot back.
func TestPaceCancelled(t *testing.T) {
	c := newClock()
	p := newPace(Config{Now: c.now, Sleep: func(ctx context.Context, _ time.Duration) error { <-ctx.Done(); return ctx.Err() }, Concurrency: 1})
	p.holdBack(time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 3 {
		if _, err := p.begin(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v", err)
		}
	}
	p.until = time.Time{}
	if _, err := p.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.begin(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("with no slot free: %v", err)
	}
}

// Clients that were told to wait equally long do not come back together.
func TestRetryAfterIsSpread(t *testing.T) {
	waits := map[time.Duration]bool{}
	for _, jitter := range []float64{0, 0.3, 0.9} {
		r := newRetries(Config{Jitter: func() float64 { return jitter }})
		waits[r.spread(30*time.Second)] = true
		if got := r.spread(time.Hour); got > 10*time.Second {
			t.Errorf("an hour becomes %s longer", got)
		}
	}
	if len(waits) != 3 || !waits[0] || !waits[2700*time.Millisecond] {
		t.Errorf("spread by %v", waits)
	}
}
