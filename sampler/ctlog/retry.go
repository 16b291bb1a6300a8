package ctlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	firstWait       = 500 * time.Millisecond
	longestWait     = time.Minute
	contentAttempts = 5 // for an answer of the wrong shape
	connectAttempts = 3 // while the log has never answered: then it is rather the url that is wrong
	missingAttempts = 3 // for a 404 of something that must be there
)

// retries repeats attempts with exponential backoff and jitter. When a server asks to slow down, all requests to the log do.
type retries struct {
	pace     *pace
	sleep    func(context.Context, time.Duration) error
	jitter   func() float64
	now      func() time.Time
	elapsed  time.Duration
	onRetry  func(where string, err error, wait time.Duration)
	answered atomic.Bool // the log has answered, in whatever way
}

func newRetries(cfg Config) *retries {
	r := &retries{pace: newPace(cfg), sleep: cfg.Sleep, jitter: cfg.Jitter, now: cfg.Now, elapsed: cfg.MaxElapsed, onRetry: cfg.OnRetry}
	if r.jitter == nil {
		r.jitter = func() float64 { return 0 }
	}
	if r.elapsed <= 0 {
		r.elapsed = 10 * time.Minute
	}
	return r
}

// do calls attempt until it succeeds, cannot succeed, or time is up. The time counts from the first failure: a long and healthy
// download that breaks off at its end deserves another attempt.
func (r *retries) do(ctx context.Context, req request, attempt func() error) error {
	var since time.Time
	var count [content + 1]int
	for n := 1; ; n++ {
		began, err := r.pace.begin(ctx)
		if err != nil {
			return err
		}
		err = attempt()
		r.pace.end()
		var f *failure
		if !errors.As(err, &f) || f.cause != connect {
			r.answered.Store(true)
		}
		if err == nil {
			r.pace.borne()
		}
		if err == nil || f == nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if n == 1 {
			since = r.now()
		}
		count[f.cause]++
		if r.hopeless(req, f.cause, count[f.cause]) {
			return f
		}
		wait := max(r.backoff(n), f.wait+r.spread(f.wait))
		if spent := r.now().Sub(since); spent+wait > r.elapsed {
			return fail(f.cause, f.kind, "gave up after %d attempts in %s (the next would be in %s): %w", n, spent.Round(time.Millisecond), wait.Round(time.Millisecond), f)
		}
		if f.throttled {
			f.err = fmt.Errorf("%w; from now on %.3g requests a second", f.err, r.pace.throttled(began))
			r.pace.holdBack(wait)
		}
		if r.onRetry != nil {
			r.onRetry(req.path, f, wait)
		}
		if err := r.sleep(ctx, wait); err != nil {
			return fail(permanent, Unreachable, "waiting to ask again: %w", err)
		}
	}
}

func (r *retries) hopeless(req request, c cause, count int) bool {
	switch c {
	case permanent:
		return true
	case missing:
		return !req.retryMissing || count >= missingAttempts
	case connect:
		return !r.answered.Load() && count >= connectAttempts
	case content:
		return count >= contentAttempts
	}
	return false
}

// backoff returns the wait after the n-th failure: doubling, and between a half and the whole of it, so that clients that failed
// together do not come back together.
func (r *retries) backoff(n int) time.Duration {
	wait := longestWait
	if n < 8 {
		wait = min(firstWait<<(n-1), longestWait)
	}
	return wait - time.Duration(r.jitter()*float64(wait)/2)
}

// spread makes clients that were told to wait equally long come back one after the other: up to a tenth of the wait later, or 10 s.
func (r *retries) spread(wait time.Duration) time.Duration {
	return time.Duration(r.jitter() * float64(min(wait/10, 10*time.Second)))
}

// statusFailure judges an answer other than 200.
func (r *retries) statusFailure(req request, resp *http.Response) *failure {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorText)) // only for the message; what cannot be read is left out
	f := fail(permanent, Unreachable, "status %d: %q", resp.StatusCode, clipText(text))
	if page := bytes.TrimSpace(text); len(page) > 0 && page[0] == '<' {
		f = fail(permanent, Unreachable, "status %d with an HTML page", resp.StatusCode)
		f.page = true
	}
	switch code := resp.StatusCode; {
	case code == http.StatusNotFound, code == http.StatusGone:
		f.cause = missing
	case code == http.StatusBadRequest && req.retry400:
		f.cause = transient
	case code == http.StatusNotImplemented: // an endpoint that this server does not have
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code >= 500:
		f.cause = transient
	case code == http.StatusTooManyRequests:
		f.cause = transient
	}
	f.throttled = resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable
	if f.cause == transient {
		f.wait = retryAfter(resp.Header.Get("Retry-After"), r.now())
		if f.wait > 0 {
			f.err = fmt.Errorf("%w, Retry-After %s", f.err, f.wait.Round(time.Second))
		}
	}
	return f
}

// retryAfter reads a Retry-After header in either of its forms (RFC 9110, 10.2.3); 0 when there is none or it makes no sense.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 63); err == nil {
		return time.Duration(min(seconds, 1<<31)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
