package evidence

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"selfaudit/internal/auditdir"
	"selfaudit/internal/testaudit"
)

// rerecord changes the events and writes the record anew, with a right chain of hashes.
func (a *attacked) rerecord(change func(events []auditdir.Event) []auditdir.Event) {
	events, err := auditdir.ParseEvents(a.read(auditdir.EventsFile))
	must(a, err)
	d := auditdir.At(filepath.Join(a.dir, payloadFolder))
	must(a, os.Remove(a.path(auditdir.EventsFile)))
	for _, e := range change(events) {
		must(a, d.Record(e))
	}
	rebag(a, a.dir)
}

// stageOf returns the index of a stage's event.
func stageOf(events []auditdir.Event, stage string) int {
	return slices.IndexFunc(events, func(e auditdir.Event) bool { return e.Stage == stage })
}

// TestFalseRecords alters the record of operations, with a right chain of hashes.
func TestFalseRecords(t *testing.T) {
	o := small()
	o.Audit = true
	res := sealed(t, o)
	change := func(stage string, fn func(e *auditdir.Event)) func([]auditdir.Event) []auditdir.Event {
		return func(events []auditdir.Event) []auditdir.Event {
			fn(&events[stageOf(events, stage)])
			return events
		}
	}
	dated := func(stage, at string) func([]auditdir.Event) []auditdir.Event {
		return change(stage, func(e *auditdir.Event) { e.At = at })
	}
	type test struct {
		name   string
		change func(events []auditdir.Event) []auditdir.Event
		want   string // "" if it must be accepted
	}
	tests := []test{
		{"nothing", func(e []auditdir.Event) []auditdir.Event { return e }, ""},
		{"unknown stage", change("lint", func(e *auditdir.Event) { e.Stage = "linted" }), "no such stage"},
		{"another stage", change("lint", func(e *auditdir.Event) { e.Stage = "collect" }), "which the stage does not write"},
		{"void out of nowhere", change("lint", func(e *auditdir.Event) { e.Stage = "void" }), "no voided draw that belongs to it"},
		{"frozen twice", change("lint", func(e *auditdir.Event) { e.Stage = "freeze" }), "no commitment that belongs to it"},
		{"drawn twice", change("lint", func(e *auditdir.Event) { e.Stage = "draw" }), "recorded already"},
		{"collected before the audit was opened", dated("collect", "2026-11-02T00:59:59Z"), "audit.json's opened_at"},
		{"frozen before the commitment", dated("freeze", "2026-11-02T01:59:59Z"), "committed-at"},
		{"drawn before the randomness", dated("draw", "2026-11-03T01:59:59Z"), "beacon-time"},
		{"linted before the draw", dated("lint", "2026-11-02T05:00:00Z"), "the record before is of"},
		{"reported a day early", dated("report", "2026-11-02T05:00:00Z"), "reported_at"},
		{"reported in 2030", dated("report", "2030-01-01T00:00:00Z"), "after the package was sealed"},
		{"no time", dated("report", "yesterday"), "at: "},
		{"no clock", change("report", func(e *auditdir.Event) { e.Clock = "mine" }), "neither system nor given"},
		{"a note", change("report", func(e *auditdir.Event) { e.Note = "all is well" }), "it has a note"},
		{"one more document", change("lint", func(e *auditdir.Event) { e.Documents["draw/seed.txt"] = strings.Repeat("ab", 32) }), "which the stage does not write"},
		{"another hash", change("freeze", func(e *auditdir.Event) { e.Documents["draw/strata.tsv"] = strings.Repeat("ab", 32) }), "the record says"},
		{"recorded late", func(e []auditdir.Event) []auditdir.Event {
			i := stageOf(e, "freeze")
			late := e[i]
			late.At = e[len(e)-1].At
			return append(slices.Delete(e, i, i+1), late)
		}, ""},
		{"collected twice", func(e []auditdir.Event) []auditdir.Event {
			first := e[0]
			first.Documents = map[string]string{"audit.json": first.Documents["audit.json"]}
			return append([]auditdir.Event{first}, e...)
		}, ""},
	}
	for _, stage := range []string{"collect", "freeze", "draw", "lint", "report"} {
		tests = append(tests, test{"no " + stage, func(e []auditdir.Event) []auditdir.Event {
			i := stageOf(e, stage)
			return slices.Delete(e, i, i+1)
		}, "no record of stage " + stage})
		tests = append(tests, test{"no document of " + stage, change(stage, func(e *auditdir.Event) {
			for name := range e.Documents {
				delete(e.Documents, name)
				return
			}
		}), "does not name"})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := &attacked{T: t, dir: copyDir(t, res.Dir)}
			a.rerecord(tt.change)
			r := verify(t, a.dir, Options{})
			got := strings.Join(lines(r, "events"), "\n")
			switch {
			case tt.want == "" && r.Failed():
				t.Errorf("%s", text(t, r))
			case tt.want != "" && (!slices.Equal(failed(r), []string{"events"}) || !strings.Contains(got, tt.want)):
				t.Errorf("want a failure with %q, got\n%s", tt.want, got)
			}
		})
	}
}

// TestVoidRecords: each voided draw has its record, between the freezes.
func TestVoidRecords(t *testing.T) {
	o := small()
	o.Audit, o.Stage = true, testaudit.Frozen
	for name, tt := range map[string]struct {
		change func(events []auditdir.Event) []auditdir.Event
		want   string
	}{
		"as it was":              {func(e []auditdir.Event) []auditdir.Event { return e }, ""},
		"void not recorded":      {func(e []auditdir.Event) []auditdir.Event { return slices.Delete(e, 2, 3) }, "no record of stage void for draw/void-1"},
		"last freeze missing":    {func(e []auditdir.Event) []auditdir.Event { return e[:3] }, "no record of stage freeze"},
		"first freeze missing":   {func(e []auditdir.Event) []auditdir.Event { return slices.Delete(e, 1, 2) }, ""},
		"another reason":         {func(e []auditdir.Event) []auditdir.Event { e[2].Note = "x"; return e }, "its reason is not that of"},
		"voided before the void": {func(e []auditdir.Event) []auditdir.Event { e[2].At = "2026-11-01T20:59:59Z"; return e }, "voided_at"},
		"drawn before the void": {func(e []auditdir.Event) []auditdir.Event {
			return slices.Insert(e, 2, auditdir.Event{At: e[2].At, Clock: "given", Stage: "draw", Documents: map[string]string{}})
		}, "a draw that was made cannot be voided"},
	} {
		res := sealedVoid(t, o, nil, func(dir string) { recordVoid(t, dir, o, tt.change) })
		r := verify(t, res.Dir, Options{})
		got := strings.Join(lines(r, "events"), "\n")
		if tt.want == "" && r.Failed() || tt.want != "" && (!slices.Equal(failed(r), []string{"events"}) || !strings.Contains(got, tt.want)) {
			t.Errorf("%s: want %q\n%s", name, tt.want, text(t, r))
		}
	}
}

// recordVoid writes the record of a freeze, its void and the freeze after it.
func recordVoid(t *testing.T, dir string, o testaudit.Options, change func(events []auditdir.Event) []auditdir.Event) {
	t.Helper()
	recordStages(t, dir, o, "collect", "freeze")
	d := auditdir.At(dir)
	events, err := d.Events()
	must(t, err)
	first := events[1]
	hashes, err := d.HashDocuments("draw/void-1/commitment.txt", "draw/void-1/population.tsv", "draw/void-1/snapshot.json", "draw/void-1/strata.tsv")
	must(t, err)
	first.Documents = map[string]string{}
	for name, hash := range hashes {
		first.Documents["draw/"+filepath.Base(name)] = hash
	}
	for _, name := range []string{"config/selfaudit.toml", "findings/items.jsonl"} {
		moved, err := d.HashDocuments("draw/void-1/" + name)
		must(t, err)
		first.Documents[name] = moved["draw/void-1/"+name]
	}
	first.At = "2026-11-02T02:00:00Z"
	void := auditdir.Event{At: first.At, Clock: "given", Stage: "void", Note: "an issuing CA was missing"}
	void.Documents, err = d.HashDocuments("draw/void-1/void.json")
	must(t, err)
	must(t, os.Remove(filepath.Join(dir, auditdir.EventsFile)))
	for _, e := range change([]auditdir.Event{events[0], first, void, events[1]}) {
		must(t, d.Record(e))
	}
}
