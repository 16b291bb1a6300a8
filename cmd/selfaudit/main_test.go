package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/config"
)

// call runs the program in this process.
func call(ctx context.Context, e *env, args ...string) (code int, stdout, stderr string) {
	var out, err strings.Builder
	e.Stdout, e.Stderr = &out, &err
	code = Main(ctx, args, e)
	return code, out.String(), err.String()
}

func TestClassify(t *testing.T) {
	base := errors.New("log a: entry 17: bad leaf")
	tests := []struct {
		name    string
		err     error
		code    int
		id      string
		message string
	}{
		{"plain", base, exitFailed, "failed", base.Error()},
		{"typed", &exitError{code: exitVerify, err: base}, exitVerify, "verification_failed", base.Error()},
		{"typed and wrapped", fmt.Errorf("collecting: %w", &exitError{code: exitNotYet, err: base, id: "beacon_not_ready"}), exitNotYet, "beacon_not_ready", "collecting: " + base.Error()},
		{"configuration", fmt.Errorf("x: %w", config.Errors{{File: "f", Line: 1, Column: 2, Message: "m"}}), exitUsage, "configuration", "x: f:1:2: m"},
		{"canceled without a signal", context.Canceled, exitFailed, "failed", "context canceled"},
	}
	for _, tt := range tests {
		got := classify(t.Context(), &env{globals: globals{started: true}}, tt.err)
		if got.code != tt.code || got.id != tt.id || got.Error() != tt.message {
			t.Errorf("%s: %d %q %q", tt.name, got.code, got.id, got.Error())
		}
	}
	if got := classify(t.Context(), &env{}, base); got.code != exitUsage {
		t.Errorf("before the command began: exit %d, want 2", got.code)
	}
}

func TestWithHintKeepsTheRest(t *testing.T) {
	err := withHint(&exitError{code: exitVerify, err: errors.New("e"), id: "bad"}, "do this")
	got := classify(t.Context(), &env{}, err)
	if got.code != exitVerify || got.id != "bad" || got.hint != "do this" {
		t.Errorf("%+v", got)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	typing := make(chan struct{})
	defer close(typing)
	e := &env{Stdin: readerFunc(func([]byte) (int, error) {
		cancel()
		<-typing // somebody who never types
		return 0, io.EOF
	})}
	code, stdout, stderr := call(ctx, e, "lint", "-")
	if code != exitInterrupted || stdout != "" || !strings.Contains(stderr, "interrupted") {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestFullDiskFails(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"version", "--json"}, {"lint", "testdata/lint/error.pem"}, {"help"}} {
		var stderr strings.Builder
		e := &env{Stdout: failingWriter{}, Stderr: &stderr}
		if code := Main(t.Context(), args, e); code != exitFailed {
			t.Errorf("%v: exit %d, want 1; %s", args, code, stderr.String())
		}
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestClock(t *testing.T) {
	system := time.Date(2026, 10, 5, 9, 0, 0, 123456789, time.FixedZone("", 7200))
	e := &env{SystemTime: func() time.Time { return system }}
	if got := e.Now().Format(time.RFC3339Nano); got != "2026-10-05T07:00:00Z" || e.Clock() != "system" {
		t.Errorf("Now = %s by %s", got, e.Clock())
	}
	if code, _, stderr := call(t.Context(), e, "version", "--now", "2026-10-01T02:00:00.5+02:00"); code != 0 {
		t.Fatal(stderr)
	}
	if got := e.Now().Format(time.RFC3339Nano); got != "2026-10-01T00:00:00Z" || e.Clock() != "given" {
		t.Errorf("Now = %s by %s", got, e.Clock())
	}
}

func TestConfirm(t *testing.T) {
	var asked strings.Builder
	e := &env{Stdin: strings.NewReader("y\n"), Stderr: &asked, StdinTTY: true, StderrTTY: true}
	if err := e.confirm(t.Context(), "Freeze?"); err != nil || asked.String() != "Freeze? [y/N] " {
		t.Errorf("yes: %v, asked %q", err, asked.String())
	}
	e.Stdin = strings.NewReader("\n")
	if err := e.confirm(t.Context(), "Freeze?"); classify(t.Context(), e, err).id != "declined" {
		t.Errorf("no: %v", err)
	}
	e.StdinTTY = false
	err := e.confirm(t.Context(), "Freeze?")
	if got := classify(t.Context(), e, err); got.code != exitUsage || !strings.Contains(got.hint, "--yes") {
		t.Errorf("no terminal: %v", err)
	}
	e.Yes = true
	if err := e.confirm(t.Context(), "Freeze?"); err != nil {
		t.Errorf("--yes: %v", err)
	}
}

func TestReportEscapesAndSplits(t *testing.T) {
	e := &env{}
	e.fill()
	var out strings.Builder
	e.Stderr = &out
	e.report(&exitError{err: errors.New("a\x1b[2J\nb"), hint: "c\u202e"})
	want := "selfaudit: error: a\\x1b[2J\nselfaudit: error: b\nhint: c\\u202e\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestLoadConfigWithoutWorkspace(t *testing.T) {
	e := &env{globals: globals{Workspace: t.TempDir()}}
	_, err := e.loadConfig()
	if got := classify(t.Context(), e, err); got.code != exitUsage || got.id != "no_workspace" || !strings.Contains(got.hint, "selfaudit init") {
		t.Errorf("%+v", got)
	}
}

// TestLintKeepsOrder lints many files with several workers; the output must be
// in the order of the arguments.
func TestLintKeepsOrder(t *testing.T) {
	var args, want []string
	dir := t.TempDir()
	for i, name := range []string{"error.pem", "clean.pem", "error.crl", "warn.pem", "good.ocsp", "notice.pem"} {
		data, err := os.ReadFile(filepath.Join("testdata", "lint", name))
		if err != nil {
			t.Fatal(err)
		}
		for j := range 10 {
			path := filepath.Join(dir, fmt.Sprintf("%d-%d-%d-%s", (i*7+j*3)%10, i, j, name))
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			args = append(args, path)
			want = append(want, fmt.Sprintf("{\"file\":%q,", path))
		}
	}
	code, stdout, stderr := call(t.Context(), &env{}, append([]string{"lint", "--jsonl"}, args...)...)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d", len(lines), len(want))
	}
	for i, prefix := range want {
		if !strings.HasPrefix(lines[i], prefix) {
			t.Errorf("line %d is %.80s, want %s", i, lines[i], prefix)
		}
	}
}
