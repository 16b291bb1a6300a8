package main

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Every source has a line that says what it waits for, and the last word of it is how it
// really ended.
func TestObserverSaysWhatIsWaitedFor(t *testing.T) {
	now := time.Unix(1000, 0)
	var out strings.Builder
	var tick func()
	e := &env{Stderr: &out, SystemTime: func() time.Time { return now },
		Every: func(_ time.Duration, f func()) func() { tick = f; return func() {} }}
	e.fill()
	progress := e.progress()
	o := newObserver(e, progress)
	said := func(want string) {
		t.Helper()
		out.Reset()
		now = now.Add(30 * time.Second)
		if tick(); out.String() != want {
			t.Errorf("got  %q\nwant %q", out.String(), want)
		}
	}
	o.waits("a")
	o.waits("b")
	said("a: waits\nb: waits\n")
	o.State("a", "searching by time stamp", 0)
	o.State("b", "tree head smaller than before", time.Minute)
	said("a: searching by time stamp\nb: tree head smaller than before, again in 30s\n")
	o.retry("a", errors.New(`status 503: "busy", Retry-After 45s; from now on 1 requests a second`), 45*time.Second)
	said("a: 503, again in 15s\nb: tree head smaller than before, asked again\n")
	o.Begin("a", 10)
	o.Advance("a", 4, 1)
	o.End("b", "unreachable")
	o.retry("b", errors.New("it has ended"), time.Second)
	said("a: 4 of 10 entries (40%), 1 kept\n")
	e.notef("a note")
	if !strings.HasSuffix(out.String(), "a note\n") {
		t.Errorf("no note: %q", out.String())
	}
	o.ends("a", "incomplete")
	out.Reset()
	o.End("a", "read")
	if want := "a: 4 of 10 entries, 1 kept, incomplete\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	o.State("a, SCTs", "waits", 0)
	o.retry("a", errors.New("no such\x1b host"), 0)
	said("a, SCTs: no such\\x1b host\n")
	progress.Close()
	e.notef("after")
	if !strings.HasSuffix(out.String(), "after\n") {
		t.Errorf("notes end with the display: %q", out.String())
	}
}

// The progress lines of files and records say how many certificates were kept.
func TestProgressCountsWhatIsKept(t *testing.T) {
	b := recordsFirstWorkspace(t, certificateRecords+"[[files]]\npath = \"export/finals.pem\"\n")
	args := slices.DeleteFunc(rehearsal("r1"), func(s string) bool { return s == "-q" })
	_, stderr := b.run(exitOK, args...)
	for _, source := range []string{"records export", "export/finals.pem"} {
		line := regexp.MustCompile(`(?m)^` + source + `: ([0-9]+) of ([0-9]+) entries, (?:[0-9,]+/s, )?([0-9]+) kept, read$`).FindStringSubmatch(stderr)
		if line == nil || line[1] != line[2] || line[3] == "0" {
			t.Errorf("%s: %q in\n%s", source, line, stderr)
		}
	}
}
