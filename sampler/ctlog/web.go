package ctlog

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// minProgress is how many bytes must arrive within a stall timeout, so that a server cannot hold a request for ever byte by byte.
const minProgress = 1024

// maxErrorText is how much of an error answer is quoted, in bytes.
const maxErrorText = 300

var errStalled = errors.New("no progress")

// web is a log behind HTTP or HTTPS.
type web struct {
	base   url.URL     // its path ends in "/"
	header http.Header // of every request; never changed
	// client follows redirects. Where there are none, its work on every request is saved.
	client    *http.Client
	redirects atomic.Bool
	stall     time.Duration
	after     func(time.Duration, func()) Timer
	retries   *retries
}

func newWeb(cfg Config) (*web, error) {
	u, err := url.Parse(cfg.URL)
	switch {
	case err != nil:
		return nil, err
	case u.Host == "":
		return nil, errors.New("no host")
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return nil, errors.New("a log's prefix has no user, query or fragment")
	case cfg.Transport == nil || cfg.Sleep == nil || cfg.Now == nil:
		return nil, errors.New("reading over HTTP needs Transport, Sleep and Now")
	}
	w := &web{
		base:    *u,
		stall:   cfg.StallTimeout,
		after:   cfg.AfterFunc,
		client:  &http.Client{Transport: cfg.Transport, CheckRedirect: checkRedirect},
		retries: newRetries(cfg),
	}
	w.base.Path = strings.TrimRight(u.Path, "/") + "/"
	if u.RawPath != "" {
		w.base.RawPath = strings.TrimRight(u.RawPath, "/") + "/"
	}
	// Gzip is asked for here, so that inflating is ours to bound: the transport would do it without a limit.
	w.header = http.Header{"User-Agent": {cmp.Or(cfg.UserAgent, "selfaudit")}, "Accept-Encoding": {"gzip"}}
	if w.stall <= 0 {
		w.stall = 90 * time.Second
	}
	if w.after == nil {
		w.after = func(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }
	}
	return w, nil
}

func (w *web) get(ctx context.Context, r request, b *buffer) ([]byte, error) {
	var body []byte
	err := w.retries.do(ctx, r, func() (err error) {
		body, err = w.once(ctx, r, b)
		return err
	})
	if err != nil {
		return nil, err
	}
	return body, nil
}

// redirectError is a redirect that is not followed: the evidence would name one server while the data came from another.
type redirectError struct{ err error }

func (e redirectError) Error() string { return e.err.Error() }

func checkRedirect(next *http.Request, via []*http.Request) error {
	from := via[len(via)-1].URL
	switch {
	case next.URL.Host != from.Host:
		return redirectError{fmt.Errorf("redirect to another host (%q) refused: if the log has moved, configure its new url", next.URL.Host)}
	case next.URL.Scheme != from.Scheme && next.URL.Scheme != "https":
		return redirectError{fmt.Errorf("redirect from https to %s refused", next.URL.Scheme)}
	case len(via) > 3:
		return redirectError{errors.New("more than three redirects")}
	}
	return nil
}

// once makes one attempt. Its errors are of type *failure.
func (w *web) once(ctx context.Context, r request, b *buffer) ([]byte, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := w.watch(cancel)
	defer watch.stop()
	resp, err := w.send(w.request(ctx, r.path))
	if err != nil {
		return nil, requestFailure(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, w.retries.statusFailure(r, resp)
	}
	if resp.ContentLength > r.limit {
		return nil, fail(permanent, Invalid, "%w: %d bytes announced, limit %d", errTooLarge, resp.ContentLength, r.limit)
	}
	watch.r = resp.Body
	raw, err := b.fill(watch, resp.ContentLength, r.limit)
	watch.stop()
	if err != nil {
		return nil, bodyFailure(ctx, raw, err)
	}
	return decode(r, resp.Header, raw, b)
}

// decode unpacks and checks a complete body.
func decode(r request, h http.Header, raw []byte, b *buffer) ([]byte, error) {
	encoded := false
	switch e := strings.ToLower(strings.TrimSpace(h.Get("Content-Encoding"))); e {
	case "", "identity":
	case "gzip", "x-gzip":
		encoded = true
	default:
		return nil, fail(content, Unreachable, "Content-Encoding %q, which was not asked for", e)
	}
	body, err := b.unpack(raw, encoded, r.exact, r.limit)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, fail(permanent, Invalid, "unpacking the answer: %w", err)
	case err != nil:
		return nil, fail(content, Invalid, "unpacking the answer: %w", truncatedGzip(err))
	}
	// CDNs answer 200 with a page for people when the server behind them is ill. No object of a log begins with "<" by design;
	// a hash tile may by chance.
	if start := bytes.TrimLeft(body[:min(len(body), 64)], " \t\r\n\xef\xbb\xbf"); len(start) > 0 && start[0] == '<' && (r.exact == 0 || int64(len(body)) != r.exact) {
		return nil, fail(transient, Unreachable, "a web page instead of the log's answer: %q", clipText(start))
	}
	if r.check != nil {
		if err := r.check(body); err != nil {
			return nil, fail(content, Invalid, "%w", err)
		}
	}
	return body, nil
}

func requestFailure(ctx context.Context, err error) error {
	var redirect redirectError
	if errors.As(err, &redirect) {
		return fail(permanent, Unreachable, "%w", redirect.err)
	}
	if cause := context.Cause(ctx); cause != nil && errors.Is(cause, errStalled) {
		return fail(transient, Unreachable, "%w", cause)
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return fail(permanent, Unreachable, "%w", err)
	}
	var wrapped *url.Error // its text repeats method and URL
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return fail(connect, Unreachable, "%w", err)
}

func bodyFailure(ctx context.Context, raw []byte, err error) error {
	if errors.Is(err, errTooLarge) {
		return fail(permanent, Invalid, "%w", err)
	}
	if cause := context.Cause(ctx); cause != nil && errors.Is(cause, errStalled) {
		err = cause
	}
	return fail(transient, Unreachable, "answer broke off after %d bytes: %w", len(raw), err)
}

// send sends a request and follows redirects, as far as checkRedirect allows.
func (w *web) send(r *http.Request) (*http.Response, error) {
	if w.redirects.Load() {
		return w.client.Do(r)
	}
	resp, err := w.client.Transport.RoundTrip(r)
	if err != nil || resp.StatusCode/100 != 3 {
		return resp, err
	}
	resp.Body.Close()
	w.redirects.Store(true)
	return w.client.Do(r)
}

// request makes a GET of a path below the prefix, with its query.
func (w *web) request(ctx context.Context, path string) *http.Request {
	at := w.base
	path, at.RawQuery, _ = strings.Cut(path, "?")
	at.Path += path
	if at.RawPath != "" {
		at.RawPath += path // which has nothing to escape
	}
	r := &http.Request{Method: http.MethodGet, URL: &at, Host: at.Host, Header: w.header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	return r.WithContext(ctx)
}

// watchdog ends a request of which fewer than minProgress bytes came in one stall timeout.
type watchdog struct {
	r    io.Reader
	came atomic.Int64 // bytes since the timer was set

	mu    sync.Mutex
	timer Timer // nil once the request is over
}

func (w *web) watch(cancel context.CancelCauseFunc) *watchdog {
	d := &watchdog{}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.timer = w.after(w.stall, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		switch {
		case d.timer == nil:
		case d.came.Swap(0) >= minProgress:
			d.timer.Reset(w.stall)
		default:
			cancel(fmt.Errorf("%w for %s", errStalled, w.stall))
		}
	})
	return d
}

func (d *watchdog) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

func (d *watchdog) Read(b []byte) (int, error) {
	n, err := d.r.Read(b)
	d.came.Add(int64(n))
	return n, err
}

func clipText(b []byte) []byte { return bytes.TrimSpace(b[:min(len(b), maxErrorText)]) }
