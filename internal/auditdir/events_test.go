package auditdir

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"selfaudit/internal/jsonlines"
)

// event is an event of the given stage.
func event(d Dir, t *testing.T, stage string, documents ...string) Event {
	t.Helper()
	sums, err := d.HashDocuments(documents...)
	must(t, err)
	return Event{At: "2026-11-21T10:00:00Z", Clock: "system", Stage: stage, Documents: sums}
}

// recorded makes a record of three stages.
func recorded(t *testing.T) (Dir, []byte) {
	t.Helper()
	d := At(t.TempDir())
	for _, stage := range []string{"collect", "freeze", "draw"} {
		must(t, d.WriteOnce(stage+".txt", []byte("<"+stage+" & more>")))
		must(t, d.Record(event(d, t, stage, stage+".txt")))
	}
	raw, err := d.Read(EventsFile)
	must(t, err)
	return d, raw
}

func TestEvents(t *testing.T) {
	if events, err := At(t.TempDir()).Events(); err != nil || events != nil {
		t.Error("no record is an empty one", events, err)
	}
	d, raw := recorded(t)
	events, err := d.Events()
	must(t, err)
	if len(events) != 3 || events[0].Previous != strings.Repeat("0", 64) || events[2].Seq != 3 || events[2].Stage != "draw" {
		t.Fatalf("%+v", events)
	}
	lines := bytes.SplitAfter(raw, []byte("\n"))
	for i := 1; i < 3; i++ {
		if want := hashHex(lines[i-1]); events[i].Previous != want {
			t.Errorf("event %d follows %s, want %s", i+1, events[i].Previous, want)
		}
	}
}

// TestEventsTampering changes every byte, and drops and reorders lines. What comes after
// the change shows it; the last line has nothing after it and is covered by the package's
// manifest only.
func TestEventsTampering(t *testing.T) {
	d, raw := recorded(t)
	last := bytes.LastIndexByte(raw[:len(raw)-1], '\n') + 1
	for i := range last {
		for _, x := range []byte{1, 0x20, 0x80} {
			bad := bytes.Clone(raw)
			bad[i] ^= x
			if _, err := ParseEvents(bad); err == nil {
				t.Fatalf("byte %d changed from %q to %q is not noticed", i, raw[i], bad[i])
			}
		}
	}
	lines := bytes.SplitAfter(raw, []byte("\n"))[:3]
	join := func(order ...int) []byte {
		var out []byte
		for _, i := range order {
			out = append(out, lines[i]...)
		}
		return out
	}
	for name, bad := range map[string][]byte{
		"first line dropped":  join(1, 2),
		"middle line dropped": join(0, 2),
		"lines swapped":       join(1, 0, 2),
		"line repeated":       join(0, 0, 1, 2),
		"end cut":             raw[:len(raw)-1],
		"line cut":            raw[:len(raw)-20],
		"blank line":          append(bytes.Clone(raw), '\n'),
		"text after it":       append(bytes.Clone(raw), "x\n"...),
		"spaces":              bytes.Replace(raw, []byte(`,"at"`), []byte(`, "at"`), 1),
		"another key":         bytes.Replace(raw, []byte(`,"at"`), []byte(`,"more":1,"at"`), 1),
		"carriage returns":    bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n")),
	} {
		_, err := ParseEvents(bad)
		if err == nil || !strings.HasPrefix(err.Error(), EventsFile+":") {
			t.Errorf("%s: %v", name, err)
		}
		must(t, os.WriteFile(d.Path(EventsFile), bad, 0o666))
		if err := d.Record(Event{Stage: "report"}); err == nil {
			t.Errorf("%s: an event was recorded behind a broken chain", name)
		}
		if now, err := d.Read(EventsFile); err != nil || !bytes.Equal(now, bad) {
			t.Errorf("%s: the broken record was changed", name)
		}
	}
}

// TestRecordAfterCrash kills the process between its last document and the record, and
// while the record is written.
func TestRecordAfterCrash(t *testing.T) {
	d, raw := recorded(t)
	must(t, d.WriteOnce("lint.txt", []byte("results")))
	// killed here: the stage runs again, finds its documents, and completes the record
	must(t, os.WriteFile(d.Path(EventsFile)+tempSuffix, raw[:40], 0o666))
	must(t, d.WriteOnce("lint.txt", []byte("results")))
	e := event(d, t, "lint", "lint.txt")
	must(t, d.Record(e))
	once, err := d.Read(EventsFile)
	must(t, err)
	if !bytes.HasPrefix(once, raw) {
		t.Error("earlier lines have changed")
	}
	e.At = "2026-11-22T10:00:00Z" // run again, a day later
	for range 2 {
		must(t, d.Record(e))
	}
	if twice, err := d.Read(EventsFile); err != nil || !bytes.Equal(once, twice) {
		t.Errorf("a stage that is run again is recorded again:\n%s", twice)
	}
	for i := range 3 { // a stage that left something else behind is recorded
		e := event(d, t, "lint", "collect.txt")
		e.Note = fmt.Sprint("void ", i)
		must(t, d.Record(e))
	}
	events, err := d.Events()
	if err != nil || len(events) != 7 || events[6].Note != "void 2" {
		t.Errorf("%+v %v", events, err)
	}
}

// TestRecordHostileText keeps control characters and markup in one line.
func TestRecordHostileText(t *testing.T) {
	d := At(t.TempDir())
	note := "a\nb\r\x1b[31m<b>&\u2028\xff\"\\"
	must(t, d.Record(Event{Stage: "freeze", Note: note, Documents: map[string]string{}}))
	must(t, d.Record(Event{Stage: "draw", Documents: map[string]string{}}))
	events, err := d.Events()
	must(t, err)
	if len(events) != 2 || events[0].Note != strings.ToValidUTF8(note, "\ufffd") {
		t.Errorf("%+v", events)
	}
	raw, err := d.Read(EventsFile)
	must(t, err)
	if bytes.Count(raw, []byte("\n")) != 2 || bytes.ContainsAny(raw, "\r\x1b") {
		t.Errorf("%q", raw)
	}
}

func FuzzParseEvents(f *testing.F) {
	f.Add([]byte(`{"seq":1,"at":"","clock":"","stage":"s","documents":{},"previous":"0000000000000000000000000000000000000000000000000000000000000000"}` + "\n"))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		events, err := ParseEvents(raw)
		if err != nil {
			return
		}
		var again []byte
		for _, e := range events {
			line, err := jsonlines.Line(e)
			if err != nil {
				t.Fatal(err)
			}
			again = append(again, line...)
		}
		if !bytes.Equal(raw, again) {
			t.Errorf("%q is taken and written as %q", raw, again)
		}
	})
}
