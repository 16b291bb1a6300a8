package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"selfaudit/internal/config"
	"selfaudit/internal/terminal"
)

// Exit codes. They are part of the interface: scripts decide by them.
const (
	exitOK          = 0   // done, nothing to report
	exitFailed      = 1   // the command failed (I/O, network, defect)
	exitUsage       = 2   // usage or configuration error
	exitIncomplete  = 3   // done, but incomplete: a log was excluded
	exitVerify      = 4   // a log, package or beacon does not check out
	exitNotYet      = 5   // beacon round still to come; safe to retry
	exitFindings    = 10  // findings at or above --fail-on
	exitInterrupted = 130 // interrupted; state is consistent, run again
)

// exitIDs are the machine-readable names that an error of each code has when
// it brings none of its own.
var exitIDs = map[int]string{
	exitFailed:      "failed",
	exitUsage:       "usage",
	exitIncomplete:  "incomplete",
	exitVerify:      "verification_failed",
	exitNotYet:      "not_yet",
	exitFindings:    "findings",
	exitInterrupted: "interrupted",
}

// exitError is an error that decides the exit code. Every other error exits 1.
type exitError struct {
	code int
	err  error  // what failed, for which object; never nil
	hint string // what to do now; "" when there is nothing to say
	id   string // machine-readable name for --json; "" = the code's own
	// quiet: the command has already shown all there is to say (findings,
	// FAIL lines); only the code counts, unless --json wants the object.
	quiet bool
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usageErrorf is a mistake on the command line or in the configuration: exit 2.
func usageErrorf(hint, format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...), hint: hint}
}

// withHint gives err a hint and keeps everything else it says.
func withHint(err error, hint string) error {
	var known *exitError
	if errors.As(err, &known) {
		return &exitError{code: known.code, err: err, hint: hint, id: known.id, quiet: known.quiet}
	}
	return &exitError{code: exitFailed, err: err, hint: hint}
}

// classify turns any error of a command into an exitError.
func classify(ctx context.Context, e *env, err error) *exitError {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return &exitError{
			code: exitInterrupted, err: errors.New("interrupted"), id: exitIDs[exitInterrupted],
			hint: "nothing is lost; run the same command again to go on",
		}
	}
	out := &exitError{code: exitFailed, err: err}
	var known *exitError
	var broken config.Errors
	switch {
	case errors.As(err, &known):
		*out = *known
		out.err = err
	case errors.As(err, &broken):
		out.code, out.id = exitUsage, "configuration"
	case !e.started:
		// cobra found it before the command's own code ran: required flags,
		// flags that exclude each other, argument counts.
		out.code = exitUsage
	}
	if out.code == exitFailed && diskFull(err) {
		out.id = "disk_full"
		out.hint = "make room there, or raise the quota, and run the same command again: what was written whole is kept, the rest is made again"
	}
	if out.id == "" {
		out.id = exitIDs[out.code]
	}
	return out
}

// diskFull says whether a file could not be written for want of space.
func diskFull(err error) bool {
	for _, full := range noSpace {
		if errors.Is(err, full) {
			return true
		}
	}
	return false
}

// errorDocument is an error as --json writes it to standard error.
type errorDocument struct {
	Error errorBody `json:"error"`
}

type errorBody struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// report shows err on standard error: one line plus `hint:`, or the JSON
// object. Errors carry file names and bytes of certificates, so every line is
// escaped; line ends (several configuration errors) stay.
func (e *env) report(err *exitError) {
	if e.JSON {
		body := errorBody{Code: err.id, Message: err.Error(), Hint: err.hint}
		// Nobody is left to tell if standard error itself cannot be written.
		_ = encodeJSON(e.Stderr, errorDocument{body}, "")
		return
	}
	if err.quiet {
		return
	}
	p := e.errOut()
	for _, line := range strings.Split(err.Error(), "\n") {
		fmt.Fprintf(e.Stderr, "selfaudit: %s %s\n", p.Bad("error:"), terminal.Escape(line))
	}
	if err.hint != "" {
		fmt.Fprintf(e.Stderr, "%s %s\n", p.Dim("hint:"), terminal.Escape(err.hint))
	}
}
