package ctlog

import (
	"context"
	"sync"
	"time"
)

const (
	// defaultConcurrency is how many requests go to a server at the same time. More of them against a log that limits its clients only
	// make more 429.
	defaultConcurrency = 3
	// creepEvery is how long a rate must have been borne before it is raised.
	creepEvery = 10 * time.Second
	// slowest and fastest bound the learnt rate in requests a second: below the one a log is as good as down, above the other there is
	// nothing left to limit.
	slowest = 0.1
	fastest = 1000.0
	// firstGuess is the least present rate that a log without a limit is taken to have, so that a stray 503 among the first requests
	// does not cost minutes.
	firstGuess = 4.0
	// paceWindow is over what time the present rate is measured.
	paceWindow = 10 * time.Second
)

// pace decides when the next request may go to a log, for all workers together: at most so many at the same time, at most so many a
// second, and none before the time that the server asked to wait for.
//
// What a log bears is rarely published and changes, so it is learnt as TCP learns it: a 429 or 503 halves the rate, and what is borne
// for a while is raised by a tenth (additive increase, multiplicative decrease).
type pace struct {
	now   func() time.Time
	sleep func(context.Context, time.Duration) error
	most  float64       // requests a second that the configuration allows; 0: as many as the log bears
	slots chan struct{} // holds a token for each request under way

	mu      sync.Mutex
	rate    float64   // requests a second now; 0: no limit
	next    time.Time // at this rate, no request before
	until   time.Time // the server asked for none before
	cut     time.Time // the last time that the rate was lowered
	cutFrom float64   // from what
	raised  time.Time // the last time that it was lowered or raised
	since   time.Time // count are the requests since then
	count   float64
}

func newPace(cfg Config) *pace {
	concurrency := cfg.Concurrency
	if concurrency <= 0 {
		concurrency = defaultConcurrency
	}
	most := max(cfg.RateLimit, 0)
	return &pace{now: cfg.Now, sleep: cfg.Sleep, most: most, rate: most, slots: make(chan struct{}, concurrency)}
}

// begin waits until a request may go out, and returns when that was. end must follow.
func (p *pace) begin(ctx context.Context) (time.Time, error) {
	select {
	case p.slots <- struct{}{}:
	default:
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
	for {
		at, wait := p.turn()
		if err := ctx.Err(); err != nil {
			p.end()
			return at, err
		}
		if wait <= 0 {
			return at, nil
		}
		if err := p.sleep(ctx, wait); err != nil {
			p.end()
			return at, fail(permanent, Unreachable, "waiting for this log's turn: %w", err)
		}
	}
}

// end says that the request of a begin is over.
func (p *pace) end() { <-p.slots }

// turn takes the next turn if it is there, else it says how long to wait.
func (p *pace) turn() (now time.Time, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now = p.now()
	if wait = p.until.Sub(now); wait > 0 {
		return now, wait
	}
	if p.rate > 0 {
		if wait = p.next.Sub(now); wait > 0 {
			return now, wait
		}
		p.next = now.Add(time.Duration(float64(time.Second) / p.rate))
	}
	if spent := now.Sub(p.since); p.count == 0 {
		p.since = now
	} else if spent > paceWindow {
		p.since, p.count = now.Add(-spent/2), p.count/2
	}
	p.count++
	return now, 0
}

// holdBack keeps every request back for wait.
func (p *pace) holdBack(wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := p.now().Add(wait); t.After(p.until) {
		p.until = t
	}
}

// throttled lowers the rate, because a request that began at that time was answered with 429 or 503, and returns the new one. Requests
// that were under way when the rate was lowered last say nothing new.
func (p *pace) throttled(began time.Time) float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if began.Before(p.cut) {
		return p.rate
	}
	now := p.now()
	present := p.count / max(now.Sub(p.since), time.Second).Seconds()
	if p.rate == 0 {
		present = max(present, firstGuess)
	} else { // halving a limit that nothing came near would change nothing
		present = min(present, p.rate)
	}
	p.cut, p.raised, p.cutFrom, p.rate = now, now, present, max(present/2, slowest)
	p.since, p.count = now, 0
	p.next = now.Add(time.Duration(float64(time.Second) / p.rate))
	return p.rate
}

// borne raises a rate that was lowered, if it has been borne for long enough.
func (p *pace) borne() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rate == p.most || p.rate == 0 {
		return
	}
	now := p.now()
	if now.Sub(p.raised) < creepEvery {
		return
	}
	p.raised = now
	p.rate += max(p.rate, p.cutFrom) / 10
	switch {
	case p.most > 0:
		p.rate = min(p.rate, p.most)
	case p.rate > fastest:
		p.rate = 0
	}
}
