package ctlog

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Kind tells a log that could not be read from one that is wrong.
type Kind int

const (
	// Unreachable is a failure of network, server or disk. It proves nothing about the log; trying again later may help.
	Unreachable Kind = iota
	// Invalid means that the log's answer breaks its protocol: a bad signature, a malformed, truncated or oversized tile, a wrong
	// leaf_index, an issuer file that does not match its name, an object missing that the tree head commits the log to.
	Invalid
)

// String returns "unreachable" or "invalid".
func (k Kind) String() string {
	if k == Invalid {
		return "invalid"
	}
	return "unreachable"
}

// Error is a failure of one log at one place. A context that ends and errors of callbacks are never wrapped in it.
type Error struct {
	Log   string // Log.Name
	Kind  Kind
	Where string // the object asked for ("checkpoint", "tile/data/003.p/218", "ct/v1/get-entries?start=0&end=255") or "entry 17"
	Err   error  // the reason
}

// Error gives log, place and reason.
func (e *Error) Error() string { return fmt.Sprintf("log %s: %s: %v", e.Log, e.Where, e.Err) }

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// failure is how one attempt at one object went wrong, before it is known for which log.
type failure struct {
	kind      Kind
	cause     cause
	wait      time.Duration // what the server asked for in Retry-After
	throttled bool          // the server asked all of us to slow down (429, 503)
	page      bool          // the answer was a web page, so from something before the log
	err       error
}

// cause decides whether and how long the attempt is repeated.
type cause int

const (
	permanent cause = iota // asking again cannot help
	missing                // 404, or no such file
	transient              // the server or the way to it: repeated until MaxElapsed
	connect                // no answer at all: as transient, but given up early as long as the log has never answered
	content                // an answer of the wrong shape: repeated a few times, because caches and proxies mangle bodies too
)

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func fail(c cause, k Kind, format string, args ...any) *failure {
	return &failure{cause: c, kind: k, err: fmt.Errorf(format, args...)}
}

func isMissing(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.cause == missing
}

// failed makes an *Error of what a source or parser returned. A context that ended stays visible as such.
func (l *Log) failed(ctx context.Context, where string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("reading log %s: %w", l.name, context.Cause(ctx))
	}
	var f *failure
	if errors.As(err, &f) {
		return &Error{Log: l.name, Kind: f.kind, Where: where, Err: f.err}
	}
	return &Error{Log: l.name, Kind: Invalid, Where: where, Err: err}
}
