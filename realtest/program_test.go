package realtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The exit codes of the program (docs/cli.md).
const (
	exitOK         = 0
	exitFailed     = 1
	exitIncomplete = 3
	exitVerify     = 4
	exitNotYet     = 5
	killed         = -1 // by us
)

// hung is how long one run of the program may take before it counts as hanging. The
// longest waits that faults can cause here add up to much less.
const hung = 4 * time.Minute

// programVariable names a binary to be tested instead of those built from this tree.
const programVariable = "SELFAUDIT_PROGRAM"

// The program, and the same with its waits shortened (cmd/selfaudit/hurry.go): a test of
// hundreds of failures would wait for hours.
var program, hurried string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

// testMain builds the program as `make build` does.
func testMain(m *testing.M) int {
	if program = os.Getenv(programVariable); program != "" {
		hurried = program
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "selfaudit-realtest-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program, hurried = filepath.Join(dir, "selfaudit"), filepath.Join(dir, "selfaudit-hurried")
	for _, flags := range [][]string{{"-o", program}, {"-o", hurried, "-tags", "selfaudit_hurry"}} {
		args := append(append([]string{"build", "-C", "..", "-trimpath"}, flags...), "./cmd/selfaudit")
		build := exec.Command("go", args...)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, out)
			return 1
		}
	}
	return m.Run()
}

// workspace is a folder in which the program runs.
type workspace struct {
	t       *testing.T
	dir     string
	program string
	env     []string // beside the usual
}

func newWorkspace(t *testing.T, configuration string) *workspace {
	t.Helper()
	w := &workspace{t: t, dir: t.TempDir(), program: program}
	w.write("selfaudit.toml", configuration)
	return w
}

func (w *workspace) path(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }

func (w *workspace) write(name, text string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.path(name)), 0o777); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.path(name), []byte(text), 0o666); err != nil {
		w.t.Fatal(err)
	}
}

func (w *workspace) read(name string) []byte {
	w.t.Helper()
	raw, err := os.ReadFile(w.path(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return raw
}

// process is one run of the program.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
	mu             sync.Mutex
	done           bool
}

// prepare makes a run of the program in the workspace ready. The environment has nothing
// that could change what it does.
func (w *workspace) prepare(ctx context.Context, args ...string) *process {
	p := &process{cmd: exec.CommandContext(ctx, w.program, append([]string{"-C", w.dir}, args...)...)}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "TMPDIR=" + w.dir}, w.env...)
	// A run that hangs shows where.
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGQUIT) }
	p.cmd.WaitDelay = 10 * time.Second
	return p
}

// begin starts the process, so that a kill that comes meanwhile is not lost.
func (p *process) begin() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd.Start()
}

// kill ends the process as `kill -9` does; nothing happens if it has ended.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd.Process != nil && !p.done {
		_ = p.cmd.Process.Kill() // it may have ended this moment
	}
}

// wait returns the exit code; killed if a signal ended it.
func (p *process) wait() (int, error) {
	err := p.cmd.Wait()
	p.mu.Lock()
	p.done = true
	p.mu.Unlock()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return exitOK, nil
	case errors.As(err, &exit):
		return exit.ExitCode(), nil
	}
	return 0, err
}

// try runs the program to its end. A run that hangs is an error that shows its goroutines.
func (w *workspace) try(args ...string) (code int, stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), hung)
	defer cancel()
	p := w.prepare(ctx, args...)
	if err := p.begin(); err != nil {
		return 0, "", "", err
	}
	code, err = p.wait()
	if ctx.Err() != nil {
		err = fmt.Errorf("hangs for %s: %s\n%s", hung, strings.Join(args, " "), p.stderr.String())
	}
	return code, p.stdout.String(), p.stderr.String(), err
}

// run demands an exit code.
func (w *workspace) run(code int, args ...string) (stdout, stderr string) {
	w.t.Helper()
	got, stdout, stderr, err := w.try(args...)
	if err != nil {
		w.t.Fatal(err)
	}
	if got != code {
		w.t.Fatalf("selfaudit %s: exit %d, want %d\n%s\n%s", strings.Join(args, " "), got, code, stdout, stderr)
	}
	return stdout, stderr
}

// must demands that text contains every word.
func (w *workspace) must(text string, words ...string) {
	w.t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			w.t.Errorf("%q is missing in:\n%s", word, text)
		}
	}
}

// reference runs draw_reference.py, the second implementation of the draw, over draw
// folders, newest first; without python3 it returns false.
func (w *workspace) reference(audits ...string) (string, bool) {
	w.t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("SELFAUDIT_NO_SKIP") != "" {
			w.t.Fatal("python3 is missing: Debian package python3")
		}
		w.t.Log("python3 is missing (Debian package python3): the chain is not checked by draw_reference.py")
		return "", false
	}
	args := []string{"../reports/evidence/draw_reference.py", "verify"}
	for _, a := range audits {
		args = append(args, w.path("audits/"+a+"/draw"))
	}
	out, err := exec.Command(python, args...).CombinedOutput()
	if err != nil {
		w.t.Fatalf("draw_reference.py: %v\n%s", err, out)
	}
	return string(out), true
}

// memoryDir is a temporary folder that is in memory where the system has one: tessera
// waits for the disk after every file.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "selfaudit-realtest-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
