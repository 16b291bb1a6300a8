// Command selfaudit does a certification authority's quarterly self-audit
// (Baseline Requirements 8.7): it proves the population from Certificate
// Transparency logs, draws the sample by public randomness, lints it, and
// seals the evidence so that a stranger can derive every step again.
//
// This folder only wires: flags and configuration in, packages called, errors
// turned into exit codes. One command per file, named after the command.
package main

import (
	"context"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process the ordinary way, even if a stage
	// should not notice the cancelled context.
	context.AfterFunc(ctx, stop)
	os.Exit(Main(ctx, os.Args[1:], outside(systemEnv())))
}

// outside is what the program takes the outside world for: what it is, except in a binary
// that is built for tests (hurry.go).
var outside = func(e *env) *env { return e }

// systemEnv is the outside world as this process sees it.
func systemEnv() *env {
	return &env{
		Stdin:      os.Stdin,
		Stdout:     os.Stdout,
		Stderr:     os.Stderr,
		StdinTTY:   term.IsTerminal(int(os.Stdin.Fd())),
		StdoutTTY:  term.IsTerminal(int(os.Stdout.Fd())),
		StderrTTY:  term.IsTerminal(int(os.Stderr.Fd())),
		Width:      terminalWidth,
		Height:     terminalHeight,
		SystemTime: time.Now,
		Getenv:     os.Getenv,
		Transport:  transport(),
		Sleep:      sleep,
		Every:      every,
	}
}

// terminalWidth is the number of columns of the terminal on standard error or
// output, 80 where neither knows.
func terminalWidth() int {
	if w, _ := terminalSize(); w > 0 {
		return w
	}
	return 80
}

// terminalHeight is the number of rows, 24 where nobody knows.
func terminalHeight() int {
	if _, h := terminalSize(); h > 0 {
		return h
	}
	return 24
}

func terminalSize() (columns, rows int) {
	for _, f := range []*os.File{os.Stdout, os.Stderr} {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return w, h
		}
	}
	return 0, 0
}

// transport is Go's usual one, except that it keeps a connection for everyone who reads
// from one log. With the usual two, the third reader makes a new connection for every tile.
func transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 8
	return t
}
