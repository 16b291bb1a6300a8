package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"selfaudit/internal/auditdir"
)

// stopVariable names a file with the renames before which a child was stopped already. It makes the child end, as if it had been killed,
// at the first rename that is not in it, and add that.
const stopVariable = "SELFAUDIT_TEST_STOP"

// stopped is the exit code of a child that was stopped: that of a process killed by SIGKILL.
const stopped = 137

// stopAsAsked is called by the child before main.
func stopAsAsked() {
	file := os.Getenv(stopVariable)
	if file == "" {
		return
	}
	seen, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	auditdir.Intercept(func(op, path string) error {
		if op != auditdir.OpRename {
			return nil
		}
		content, err := os.ReadFile(path + ".partial")
		if err != nil { // a folder, or not a document
			content = nil
		}
		line := fmt.Sprintf("%s %x\n", path, sha256.Sum256(content))
		if bytes.Contains(seen, []byte(line)) {
			return nil
		}
		if err := os.WriteFile(file, append(seen, line...), 0o666); err != nil {
			panic(err)
		}
		os.Exit(stopped) // no deferred call runs, no temporary file is removed
		return nil
	})
}

// child runs the program in a process of its own, which is stopped before the first rename that none was stopped at before, and
// returns its exit code.
func (b *bench) child(args ...string) int {
	b.t.Helper()
	self, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	seen := filepath.Join(b.dir, "stopped.txt")
	f, err := os.OpenFile(seen, os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		b.t.Fatal(err)
	}
	f.Close()
	cmd := exec.Command(self, append([]string{"-C", b.dir}, args...)...)
	cmd.Env = append(os.Environ(), childVariable+"=1", stopVariable+"="+seen)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &exit):
		if exit.ExitCode() != stopped {
			b.t.Logf("%s: %s", strings.Join(args, " "), out)
		}
		return exit.ExitCode()
	}
	b.t.Fatal(err)
	return 0
}

// creep runs a command again and again. Each run is stopped before another rename, so between them the runs stop in every state that a
// killed process can leave behind, each with the next document complete under its temporary name. It returns how many were stopped.
func (b *bench) creep(args ...string) int {
	b.t.Helper()
	for stops := 0; stops < 200; stops++ {
		switch code := b.child(args...); code {
		case exitOK:
			return stops
		case stopped:
		default:
			b.t.Fatalf("after %d stops: exit %d", stops, code)
		}
	}
	b.t.Fatalf("never got past\n%s", b.read("stopped.txt"))
	return 0
}

// smallAudit is a workspace with 40 certificates, and the arguments of a rehearsal over them.
func smallAudit(t *testing.T) (g *grownLog, common, collect []string) {
	g = newGrownLog(t, "")
	g.add(40, at("2026-01-05T00:00:00Z"))
	g.publish(at("2026-03-03T00:00:00Z"))
	common = []string{"--audit", "r1", "--now", "2026-03-03T00:00:00Z", "--yes"}
	return g, common, append([]string{"--rehearsal", "--from", "2026-01-01T00:00:00Z", "--until", "2026-03-01T00:00:00Z"}, common...)
}

// TestStoppedAtEveryRename stops a whole audit at each rename in turn. The package is that of an undisturbed run.
func TestStoppedAtEveryRename(t *testing.T) {
	undisturbed, _, period := smallAudit(t)
	run := append([]string{"run", "--dice", digits}, period...)
	undisturbed.run(exitOK, run...)
	g, _, _ := smallAudit(t)
	if stops := g.creep(run...); stops < 15 {
		t.Errorf("stopped only %d times", stops)
	}
	if !bytes.Equal(undisturbed.read(rehearsalZip), g.read(rehearsalZip)) {
		t.Error("the package differs")
	}
	left, err := filepath.Glob(filepath.Join(g.dir, "audits/r1/*/*.partial"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestVoidStoppedAtEveryRename does the same to a void and all that comes after it.
func TestVoidStoppedAtEveryRename(t *testing.T) {
	undisturbed, common, period := smallAudit(t)
	collect, freeze := append([]string{"collect"}, period...), append([]string{"freeze"}, common...)
	void := append([]string{"freeze", "--void", "once more"}, common...)
	run := append([]string{"run", "--dice", digits}, common...)
	for _, args := range [][]string{collect, freeze, void, run} {
		undisturbed.run(exitOK, args...)
	}
	g, _, _ := smallAudit(t)
	g.run(exitOK, collect...)
	g.creep(freeze...)
	// Stopped before its mark is written, a void has not begun; after that the next command completes it.
	if code := g.child(void...); code != stopped {
		t.Fatalf("exit %d", code)
	}
	stdout, _ := g.run(exitOK, "status")
	g.must(stdout, "[x] freeze")
	if code := g.child(void...); code != stopped {
		t.Fatalf("exit %d", code)
	}
	stdout, _ = g.run(exitOK, "status")
	g.must(stdout, "[ ] freeze")
	if stops := g.creep(run...); stops < 15 {
		t.Errorf("stopped only %d times", stops)
	}
	if !bytes.Equal(undisturbed.read(rehearsalZip), g.read(rehearsalZip)) {
		t.Error("the package differs")
	}
}

// TestDiskFull fills the disk at ever later writes. Each time the error names the file and what to do, and the next run goes on; in the
// end the package is that of an undisturbed run.
func TestDiskFull(t *testing.T) {
	undisturbed, _, period := smallAudit(t)
	run := append([]string{"run", "--dice", digits}, period...)
	undisturbed.run(exitOK, run...)
	t.Cleanup(func() { auditdir.Intercept(nil) })
	for _, kind := range []struct {
		op  string
		err error
		id  string
	}{{auditdir.OpWrite, syscall.ENOSPC, "disk_full"}, {auditdir.OpSync, syscall.EIO, "failed"}} {
		g, _, _ := smallAudit(t)
		full := 0
		for n := 1; ; n += 1 + n/3 {
			left, name := n, ""
			auditdir.Intercept(func(op, path string) error {
				if op != kind.op {
					return nil
				}
				if left--; left <= 0 { // it stays full
					name = path
					return kind.err
				}
				return nil
			})
			e := &env{SystemTime: undisturbedClock}
			code, _, stderr := call(t.Context(), e, append([]string{"-C", g.dir, "--json"}, run...)...)
			auditdir.Intercept(nil)
			if code == exitOK {
				break
			}
			full++
			if code != exitFailed || !strings.Contains(stderr, filepath.Base(name)) || !strings.Contains(stderr, `"code":"`+kind.id+`"`) {
				t.Errorf("%s number %d: exit %d: %s", kind.op, n, code, stderr)
			}
			if kind.id == "disk_full" && !strings.Contains(stderr, "make room") {
				t.Errorf("no remedy: %s", stderr)
			}
		}
		if full < 5 {
			t.Errorf("%s failed only %d times", kind.op, full)
		}
		if !bytes.Equal(undisturbed.read(rehearsalZip), g.read(rehearsalZip)) {
			t.Errorf("after %s errors the package differs", kind.op)
		}
	}
}
