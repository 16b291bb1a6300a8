// Package testneed lets tests ask for components that a machine may lack. A test without
// its component is skipped, and `make test` closes with a list of what was skipped and how
// to get it; with SELFAUDIT_NO_SKIP set a missing component is a failure.
package testneed

import (
	"os"
	"os/exec"
	"testing"
)

// Mark begins the message of every such skip; the test summary looks for it.
const Mark = "needs "

// Tool returns the path of a program, or skips the test. how says where it comes from, for
// example "Debian package libreoffice-calc".
func Tool(t testing.TB, program, how string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		Missing(t, program, how)
	}
	return path
}

// Missing skips the test for want of a component.
func Missing(t testing.TB, component, how string) {
	t.Helper()
	if os.Getenv("SELFAUDIT_NO_SKIP") != "" {
		t.Fatalf("%s%s (%s), and skipping is forbidden", Mark, component, how)
	}
	t.Skipf("%s%s (%s)", Mark, component, how)
}
