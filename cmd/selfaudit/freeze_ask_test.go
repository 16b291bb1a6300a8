package main

import (
	"slices"
	"strings"
	"testing"
)

// Whoever is asked whether to freeze has seen what will be frozen: strata, completeness and
// notes come before the question, and are not repeated on the same screen.
func TestFreezeShowsBeforeItAsks(t *testing.T) {
	b, _ := alphaWorkspace(t, "")
	args := rehearsal("r1")
	args = slices.DeleteFunc(args, func(s string) bool { return s == "--yes" || s == "-q" })
	ask := func(answer string, screen bool, args ...string) (int, string, string) {
		e := &env{SystemTime: undisturbedClock, Stdin: strings.NewReader(answer), StdinTTY: true, StderrTTY: true, StdoutTTY: screen}
		return call(t.Context(), e, append([]string{"-C", b.dir, "--color", "never"}, args...)...)
	}
	const question = "Freeze audit r1? Nothing of it can be changed afterwards [y/N] "
	words := []string{"stratum", "reserve", "in the population", "note: ", "contradictions inside items"}
	code, stdout, stderr := ask("n\n", true, args...)
	if code != exitFailed {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	before, _, asked := strings.Cut(stderr, question)
	if !asked {
		t.Fatalf("no question:\n%s", stderr)
	}
	b.must(before, words...)
	if strings.Contains(stdout, "reserve") {
		t.Errorf("shown although nothing is frozen:\n%s", stdout)
	}
	freeze := []string{"freeze", "--audit", "r1", "--now", "2026-12-01T00:00:00Z"}
	code, stdout, stderr = ask("y\n", true, freeze...)
	if code != exitOK {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	before, _, _ = strings.Cut(stderr, question)
	b.must(before, words...)
	b.must(stdout, "commitment: ", "next: ")
	if strings.Contains(stdout, "reserve") || strings.Contains(stdout, "in the population") {
		t.Errorf("shown twice on one screen:\n%s", stdout)
	}
	// Nothing is asked now, so it is shown; and without a terminal it is shown once.
	for _, screen := range []bool{true, false} {
		_, stdout, stderr = ask("", screen, freeze...)
		b.must(stdout, words...)
		if strings.Contains(stderr, "reserve") {
			t.Errorf("shown twice:\n%s", stderr)
		}
	}
}
