package crtsh

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	firstWait   = time.Second
	longestWait = time.Minute
	// connectAttempts is for a server that has never answered: then it is rather the address
	// that is wrong, or a firewall.
	connectAttempts = 3

	fullPage       = 1000 // rows in one answer
	leastPage      = 10
	narrowestWidth = time.Minute // of a window
	calmBefore     = 8           // answers before more is asked for again: a timeout costs more than they do
)

// session repeats questions until they are answered, or there is no hope or time left.
type session struct {
	cfg      Config
	conn     *pgconn.PgConn
	answered bool // the server has said something, in whatever way

	window time.Duration // of the next question
	limit  int
	calm   int // answers since the last failure or widening

	Interruptions int // failures that were followed by another attempt
}

// stoppedError says why no more is asked.
type stoppedError struct{ reason string }

func (e *stoppedError) Error() string { return e.reason }

func newSession(c Config) *session { return &session{cfg: c, window: c.Window, limit: fullPage} }

func (s *session) close() { drop(s.conn); s.conn = nil }

// do makes an attempt until one succeeds. A *stoppedError means that it cannot; any other
// error is this machine's.
func (s *session) do(ctx context.Context, what string, attempt func(context.Context, *pgconn.PgConn) error) error {
	var since time.Time
	for n := 1; ; n++ {
		err := s.once(ctx, attempt)
		if err == nil {
			s.widen()
			return nil
		}
		s.close()
		s.calm = 0
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if n == 1 {
			since = s.cfg.Now()
		}
		switch remedyFor(err) {
		case unrelated:
			return err
		case hopeless:
			return &stoppedError{reasonFor(err)}
		case narrower:
			s.narrow()
		}
		if s.cfg.Patience < 0 {
			return &stoppedError{reasonFor(err)}
		}
		if !s.answered && n >= connectAttempts {
			return &stoppedError{fmt.Sprintf("%s:%d does not answer: %s", s.cfg.Host, s.cfg.Port, reasonFor(err))}
		}
		wait := s.backoff(n)
		if spent := s.cfg.Now().Sub(since); spent+wait > s.cfg.Patience {
			return &stoppedError{fmt.Sprintf("no answer within %s: %s", s.cfg.Patience, reasonFor(err))}
		}
		s.Interruptions++
		s.cfg.OnRetry(what, err, wait)
		if err := s.cfg.Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// once makes one attempt, on a new connection if there is none.
func (s *session) once(ctx context.Context, attempt func(context.Context, *pgconn.PgConn) error) error {
	if s.conn == nil {
		conn, err := connect(ctx, s.cfg)
		var pg *pgconn.PgError
		s.answered = s.answered || err == nil || errors.As(err, &pg)
		if err != nil {
			return err
		}
		s.conn = conn
	}
	return attempt(ctx, s.conn)
}

// narrow asks for less after a statement that took too long.
func (s *session) narrow() {
	s.window = max(s.window/2, min(narrowestWidth, s.cfg.Window))
	s.limit = max(s.limit/2, leastPage)
}

// widen asks for more after some that did not.
func (s *session) widen() {
	if s.calm++; s.calm < calmBefore {
		return
	}
	s.calm = 0
	s.window = min(s.window*2, s.cfg.Window)
	s.limit = min(s.limit*2, fullPage)
}

// backoff doubles from firstWait to longestWait, less up to a half of it.
func (s *session) backoff(n int) time.Duration {
	wait := longestWait
	if n < 7 {
		wait = min(firstWait<<(n-1), longestWait)
	}
	return wait - time.Duration(s.cfg.Jitter()*float64(wait)/2)
}
