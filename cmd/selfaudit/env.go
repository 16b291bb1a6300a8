package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"selfaudit/internal/terminal"
)

// env is everything a command may touch besides its flags. Commands get it
// from their constructor, so tests run them without a process, a clock or a
// network.
type env struct {
	Stdin  io.Reader
	Stdout io.Writer // the result only; a failed write fails the command
	Stderr io.Writer // progress, questions, warnings, errors

	StdinTTY, StdoutTTY, StderrTTY bool
	// Width gives the columns of the terminal. Never nil after Main began.
	Width func() int
	// Height gives the rows of the terminal; nil: not known.
	Height func() int

	// SystemTime is the machine's clock. Commands use Now, which --now sets.
	SystemTime func() time.Time
	// Getenv reads the process environment; nil means an empty one.
	Getenv func(string) string
	// Transport carries every HTTP request of the program.
	Transport http.RoundTripper
	// Sleep waits for d or until ctx ends.
	Sleep func(ctx context.Context, d time.Duration) error
	// Every calls f each d until stop is called; nil: progress shows no passing of time.
	Every func(d time.Duration, f func()) (stop func())

	shown   *terminal.Progress // the display that standard error has, or had last
	contact string             // [ca] contact, for those whose servers are asked

	globals
}

// globals are the values of the flags that every command has.
type globals struct {
	Workspace string // -C: the folder with selfaudit.toml and audits/
	AuditID   string // --audit: empty means the command chooses
	JSON      bool   // --json: one JSON document on standard output, errors as JSON
	Quiet     bool   // -q: nothing on standard error but errors
	Verbose   bool   // -v: more on standard error
	Yes       bool   // --yes: answer every question with yes
	// CABundle and Timeout are --ca-bundle and --timeout; Transport has them built in.
	CABundle string
	Timeout  time.Duration
	Color    string // --color: auto, always or never

	nowText string     // --now as given
	given   *time.Time // --now parsed; nil = system clock
	started bool       // the command's own code has begun
}

// Now is the time to record: that of --now if given (the same at every call),
// else the machine's clock. Always UTC and whole seconds, the resolution of
// every document.
func (e *env) Now() time.Time {
	if e.given != nil {
		return *e.given
	}
	return e.SystemTime().UTC().Truncate(time.Second)
}

// Clock says where Now comes from, in the words of the documents: "given" or
// "system".
func (e *env) Clock() string {
	if e.given != nil {
		return "given"
	}
	return "system"
}

// notef writes one line for people to standard error; silent with --quiet.
// Text that came from outside must have gone through terminal.Escape.
func (e *env) notef(format string, args ...any) {
	if e.Quiet {
		return
	}
	text := fmt.Sprintf(format, args...)
	if e.shown == nil || !e.shown.Print(text) {
		fmt.Fprintln(e.Stderr, text)
	}
}

// debugf is notef that speaks only with -v.
func (e *env) debugf(format string, args ...any) {
	if e.Verbose {
		e.notef(format, args...)
	}
}

// printf writes to standard output.
func (e *env) printf(format string, args ...any) {
	fmt.Fprintf(e.Stdout, format, args...)
}

// writeJSON writes v as the one JSON document of a command with --json.
func (e *env) writeJSON(v any) error {
	return encodeJSON(e.Stdout, v, "  ")
}

// writeJSONLine writes v as one line, for --jsonl.
func (e *env) writeJSONLine(v any) error {
	return encodeJSON(e.Stdout, v, "")
}

func encodeJSON(w io.Writer, v any, indent string) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	return enc.Encode(v)
}

// out gives the colours of standard output, errOut those of standard error.
func (e *env) out() terminal.Palette    { return e.palette(e.StdoutTTY) }
func (e *env) errOut() terminal.Palette { return e.palette(e.StderrTTY) }

func (e *env) palette(tty bool) terminal.Palette {
	return terminal.NewPalette(terminal.UseColor(e.Color, tty, e.Getenv))
}

// hash writes a hash for standard output: short on a terminal, in full elsewhere, where
// nothing may have to be asked for again.
func (e *env) hash(hex string) string {
	if e.StdoutTTY {
		return terminal.ShortHash(hex)
	}
	return hex
}

// table starts a table on standard output: shrunk to the terminal, TAB
// separated when piped.
func (e *env) table() *terminal.Table {
	width := 0
	if e.StdoutTTY {
		width = e.Width()
	}
	return terminal.NewTable(e.Stdout, width, e.out())
}

// progress starts the progress display of a long stage on standard error. It
// shows elapsed time by the machine's clock, which --now does not change.
func (e *env) progress() *terminal.Progress {
	e.shown = terminal.NewProgress(e.Stderr, terminal.ProgressOptions{
		Terminal: e.StderrTTY && e.Getenv("TERM") != "dumb",
		Quiet:    e.Quiet,
		Width:    e.Width,
		Height:   e.Height,
		Now:      e.SystemTime,
		Every:    e.Every,
	})
	return e.shown
}

// asks says whether confirm will put its question to somebody.
func (e *env) asks() bool { return !e.Yes && e.StdinTTY && e.StderrTTY }

// confirm asks before something final. It returns nil only for a yes. Not a
// terminal and no --yes is a usage error, never a hang.
func (e *env) confirm(ctx context.Context, question string) error {
	ok, err := terminal.Confirm(ctx, e.Stdin, e.Stderr, terminal.ConfirmOptions{
		Yes:      e.Yes,
		Terminal: e.StdinTTY && e.StderrTTY,
	}, question)
	switch {
	case err == terminal.ErrNotTerminal:
		return &exitError{
			code: exitUsage, id: "confirmation_required", err: fmt.Errorf("%s: this needs an answer, and standard input is not a terminal", question),
			hint: "add --yes to go ahead without being asked",
		}
	case err != nil:
		return fmt.Errorf("asking %q: %w", question, err)
	case !ok:
		return &exitError{code: exitFailed, id: "declined", err: fmt.Errorf("not done: the answer was no")}
	}
	return nil
}

// fill gives the parts a caller left out a harmless value.
func (e *env) fill() {
	if e.Stdin == nil {
		e.Stdin = strings.NewReader("")
	}
	if e.Stdout == nil {
		e.Stdout = io.Discard
	}
	if e.Stderr == nil {
		e.Stderr = io.Discard
	}
	if e.Width == nil {
		e.Width = func() int { return 80 }
	}
	if e.Getenv == nil {
		e.Getenv = func(string) string { return "" }
	}
	if e.SystemTime == nil {
		e.SystemTime = time.Now
	}
	if e.Sleep == nil {
		e.Sleep = sleep
	}
}

// sleep waits for d or until ctx ends, and says which by its error.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// every calls f each d, until stop is called.
func every(d time.Duration, f func()) (stop func()) {
	ticks, end := time.NewTicker(d), make(chan struct{})
	go func() {
		for {
			select {
			case <-ticks.C:
				f()
			case <-end:
				return
			}
		}
	}()
	return func() {
		ticks.Stop()
		close(end)
	}
}

// stickyWriter remembers the first failed write, so that a full disk under
// `selfaudit ... > file` fails the command although no caller looks at every
// single write.
type stickyWriter struct {
	w   io.Writer
	err error
}

func (s *stickyWriter) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.w.Write(p)
	s.err = err
	return n, err
}
