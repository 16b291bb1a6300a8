package auditdir

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// lockEnv makes the test binary a process that wants the workspace it names.
const lockEnv = "SELFAUDIT_TEST_LOCK"

func TestMain(m *testing.M) {
	if workspace := os.Getenv(lockEnv); workspace != "" {
		os.Exit(wantLock(workspace))
	}
	os.Exit(m.Run())
}

// wantLock says whether it has got the lock and holds it until its input ends.
func wantLock(workspace string) int {
	_, err := Lock(workspace, Holder{PID: os.Getpid(), Host: "there", Command: "draw", Since: "later"})
	if err != nil {
		fmt.Println("refused:", err)
		return 1
	}
	fmt.Println("locked")
	_, _ = os.Stdin.Read(make([]byte, 1)) // its end is what is waited for
	return 0
}

// otherProcess starts one and returns what it says first.
func otherProcess(t *testing.T, workspace string) (cmd *exec.Cmd, said string) {
	t.Helper()
	exe, err := os.Executable()
	must(t, err)
	cmd = exec.Command(exe)
	cmd.Env = append(os.Environ(), lockEnv+"="+workspace)
	_, err = cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	said, err = bufio.NewReader(out).ReadString('\n')
	must(t, err)
	return cmd, strings.TrimSpace(said)
}

func TestLock(t *testing.T) {
	workspace := t.TempDir()
	release, err := Lock(workspace, Holder{PID: 4711, Host: "here", Command: "collect", Since: "2026-11-21T10:00:00Z"})
	must(t, err)
	_, said := otherProcess(t, workspace)
	want := "refused: workspace " + workspace + " is in use: selfaudit collect, process 4711 on here, since 2026-11-21T10:00:00Z"
	if said != want {
		t.Errorf("the other process says %q, want %q", said, want)
	}
	var locked *LockedError
	if _, err := Lock(workspace, Holder{}); !errors.As(err, &locked) || locked.Holder.PID != 4711 {
		t.Errorf("the same process, again: %v", err)
	}
	release()

	cmd, said := otherProcess(t, workspace)
	if said != "locked" {
		t.Fatalf("after release the other process says %q", said)
	}
	if _, err = Lock(workspace, Holder{}); !errors.As(err, &locked) || locked.Holder.PID != cmd.Process.Pid || locked.Holder.Command != "draw" {
		t.Errorf("while the other process holds it: %v", err)
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	release, err = Lock(workspace, Holder{PID: 1})
	if err != nil {
		t.Fatalf("after the other process was killed: %v", err)
	}
	release()
}

// TestLockFileDamaged is about a lock file that says nothing: the lock counts, not the text.
func TestLockFileDamaged(t *testing.T) {
	workspace := t.TempDir()
	must(t, os.WriteFile(workspace+"/"+LockFile, []byte(strings.Repeat("x", 10000)), 0o666))
	release, err := Lock(workspace, Holder{PID: 5, Command: "lint"})
	must(t, err)
	must(t, os.WriteFile(workspace+"/"+LockFile, []byte("{"), 0o666))
	var locked *LockedError
	if _, err := Lock(workspace, Holder{}); !errors.As(err, &locked) || err.Error() != "workspace "+workspace+" is in use by another selfaudit process" {
		t.Errorf("%v", err)
	}
	release()
	if _, err := Lock(workspace+"/missing", Holder{}); err == nil || errors.As(err, &locked) {
		t.Errorf("a workspace that is not there: %v", err)
	}
}
