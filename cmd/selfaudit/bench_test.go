package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/testneed"
)

// childVariable makes the test binary be the program, for tests that kill it.
const childVariable = "SELFAUDIT_TEST_CHILD"

const digits = "58201734659120384756"

// bench is a workspace for a test.
type bench struct {
	t   *testing.T
	dir string
}

func undisturbedClock() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) }

// run runs the program in this process and demands an exit code.
func (b *bench) run(code int, args ...string) (stdout, stderr string) {
	b.t.Helper()
	e := &env{SystemTime: undisturbedClock}
	got, stdout, stderr := call(context.Background(), e, append([]string{"-C", b.dir}, args...)...)
	if got != code {
		b.t.Fatalf("selfaudit %s: exit %d, want %d\n%s\n%s", strings.Join(args, " "), got, code, stdout, stderr)
	}
	return stdout, stderr
}

// must demands that text contains every word.
func (b *bench) must(text string, words ...string) {
	b.t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			b.t.Errorf("%q is missing in:\n%s", w, text)
		}
	}
}

func (b *bench) write(name, text string) {
	b.t.Helper()
	path := filepath.Join(b.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) read(name string) []byte {
	b.t.Helper()
	raw, err := os.ReadFile(filepath.Join(b.dir, filepath.FromSlash(name)))
	if err != nil {
		b.t.Fatal(err)
	}
	return raw
}

// reference runs draw_reference.py over draw folders, newest first.
func (b *bench) reference(audits ...string) string {
	b.t.Helper()
	python := testneed.Tool(b.t, "python3", "Debian package python3")
	args := []string{"../../reports/evidence/draw_reference.py", "verify"}
	for _, a := range audits {
		args = append(args, filepath.Join(b.dir, "audits", a, "draw"))
	}
	out, err := exec.Command(python, args...).CombinedOutput()
	if err != nil {
		b.t.Fatalf("draw_reference.py: %v\n%s", err, out)
	}
	return string(out)
}

// alphaWorkspace is a workspace over the bundled logs, and log a where its folder is.
func alphaWorkspace(t *testing.T, audit string) (*bench, string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	alpha := filepath.ToSlash(filepath.Join(root, "testdata/ctlogs/alpha"))
	b := &bench{t, t.TempDir()}
	text := "[ca]\nname = \"Fixture Trust Alpha\"\n[audit]\nissuance_time = \"not_before\"\nev_ra = \"none\"\n" + audit
	for i := 1; i <= 4; i++ {
		text += fmt.Sprintf("[[issuer]]\ncertificate = \"%s/issuer-%d.pem\"\n", alpha, i)
	}
	text += fmt.Sprintf("[[log]]\ntype = \"rfc6962\"\nurl = \"%s/b\"\npublic_key_file = \"%s/b/key.pub.pem\"\n", alpha, alpha)
	text += fmt.Sprintf("[[log]]\ntype = \"static-ct\"\nurl = \"%s/c\"\npublic_key_file = \"%s/c/key.pub.pem\"\norigin = \"alpha-c.ct.example/2026h2\"\n", alpha, alpha)
	logs := "bc"
	if a := filepath.ToSlash(filepath.Join(root, "../shared/data/ctlogs/alpha/a")); isFolder(a) {
		logs += "a"
		text += fmt.Sprintf("[[log]]\ntype = \"static-ct\"\nurl = \"%s\"\npublic_key_file = \"%s/key.pub.pem\"\norigin = \"alpha-a.ct.example/2026h2\"\n", a, a)
	}
	b.write("selfaudit.toml", text)
	return b, logs
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func rehearsal(audit string, more ...string) []string {
	return append([]string{"run", "--rehearsal", "--dice", digits, "--audit", audit, "--from", "2026-08-01T00:00:00Z", "--until", "2026-11-01T00:00:00Z",
		"--now", "2026-11-22T09:00:00Z", "--yes", "-q"}, more...)
}

const rehearsalZip = "audits/r1/sealed/REHEARSAL-NOT-EVIDENCE_r1.zip"
