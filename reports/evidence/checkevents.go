package evidence

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"selfaudit/internal/auditdir"
	"selfaudit/sampler"
)

// Stages in log/events.jsonl, in the order in which they are done. A void is followed by
// another freeze, and possibly by another collect before it.
var eventStages = []string{"collect", "freeze", "draw", "lint", "report"}

const eventVoid = "void"

// stageMarks are the documents whose existence completes a stage. Collect's own mark is
// not packaged; it was done if anything was frozen.
var stageMarks = map[string]string{"collect": "draw/commitment.txt", "freeze": "draw/commitment.txt", "draw": "ct/sightings.jsonl",
	"lint": "lint/results.jsonl", "report": "report/summary.json"}

// frozenCommitment is a commitment that a freeze left behind: a voided one or the last.
type frozenCommitment struct {
	folder string // draw, or draw/void-<n>
	hash   string
	doc    *sampler.Commitment
	void   *voidRecord // nil for the last
	frozen bool        // its freeze was seen in the record
}

// place is where a document lies that its freeze wrote outside draw/.
func (c *frozenCommitment) place(name string) string {
	if c.void == nil {
		return name
	}
	return c.folder + "/" + name
}

// eventRecord is log/events.jsonl under examination.
type eventRecord struct {
	v           *verifier
	bad         failures
	notes       []string
	commitments []*frozenCommitment // voided ones first, then the last if there is one
	current     int                 // index in commitments of the one that events are about
	voided      int                 // how many of them are voided
	last        map[string]auditdir.Event
	at          time.Time // of the event before
	rank        int       // the latest stage that was recorded for the last commitment
	compared    int
}

// checkEvents checks the record of operations: an unbroken chain of hashes, one event for
// each stage that was done and each draw that was voided, in an order and at times that
// are possible, each with exactly the documents that the stage writes, as they are here.
func (v *verifier) checkEvents() {
	const name = "events"
	raw := v.read(name, auditdir.EventsFile)
	if raw == nil {
		return
	}
	events, err := auditdir.ParseEvents(raw)
	if err != nil {
		v.fail(name, "%v", err)
		return
	}
	r := &eventRecord{v: v, last: map[string]auditdir.Event{}}
	if !r.findCommitments() {
		v.refused(name, "a commitment")
		return
	}
	for _, e := range events {
		r.event(e)
	}
	r.end()
	if r.bad.close(v, name, "%s, each with the hash of the one before: every stage that was done and every voided draw, with their %s, in a possible order and at possible times; the certificates are recorded by their hashes in ct/sightings.jsonl",
		sampler.Counted(len(events), "record", "records"), sampler.Counted(r.compared, "document", "documents")) {
		for _, n := range r.notes {
			v.note(name, "%s", n)
		}
	}
}

func (r *eventRecord) notef(format string, args ...any) {
	if len(r.notes) < maxNamed {
		r.notes = append(r.notes, fmt.Sprintf(format, args...))
	}
}

// findCommitments reads what freezes and voids left behind. Whether it is right the
// checks of commitment and voided draws have said.
func (r *eventRecord) findCommitments() bool {
	folders := r.v.voidFolders()
	r.voided = len(folders)
	if r.v.data.has("draw/commitment.txt") {
		folders = append(folders, "draw")
	}
	for i, folder := range folders {
		raw, err := r.v.data.ReadFile(folder + "/commitment.txt")
		if err != nil {
			return false
		}
		c := &frozenCommitment{folder: folder, hash: sampler.HashDoc(raw).String()}
		if c.doc, err = sampler.ParseCommitment(raw); err != nil {
			return false
		}
		if i < r.voided {
			if c.void, err = r.v.voidReason(folder, raw, c.doc); err != nil {
				return false
			}
		}
		r.commitments = append(r.commitments, c)
	}
	return true
}

// event takes the next event.
func (r *eventRecord) event(e auditdir.Event) {
	what := fmt.Sprintf("record %d (%s)", e.Seq, e.Stage)
	at, err := sampler.ParseTime(e.At)
	switch {
	case err != nil:
		r.bad.add("%s: at: %v", what, err)
		return
	case e.Clock != sampler.ClockSystem && e.Clock != sampler.ClockGiven:
		r.bad.add("%s: clock %q is neither system nor given", what, e.Clock)
	case at.Before(r.at):
		r.bad.add("%s: at %s, the record before is of %s", what, e.At, sampler.FormatTime(r.at))
	}
	r.at = at
	rank := slices.Index(eventStages, e.Stage)
	if rank < 0 && e.Stage != eventVoid {
		r.bad.add("%s: no such stage", what)
		return
	}
	if e.Note != "" && e.Stage != eventVoid {
		r.bad.add("%s: it has a note, which only voiding has", what)
	}
	switch e.Stage {
	case eventVoid:
		r.void(what, e, at)
	case "freeze":
		r.freeze(what, e, at)
	case "collect":
		r.collect(what, e, at)
	default:
		r.later(what, e, at)
	}
	if r.current == r.voided && rank >= 0 {
		if rank < r.rank {
			r.notef("%s was made after that of %s: a process that is killed at the wrong moment leaves it to the next one", what, eventStages[r.rank])
		}
		r.rank = max(r.rank, rank)
	}
	r.last[e.Stage] = e
}

// notBefore checks an event's time against one that a document gives.
func (r *eventRecord) notBefore(what string, at time.Time, limit, whose string) {
	if t, err := sampler.ParseTime(limit); err == nil && at.Before(t) {
		r.bad.add("%s: at %s, before %s %s", what, sampler.FormatTime(at), whose, limit)
	}
}

// documents checks that an event names exactly the given documents, with the hashes of
// the files at the given places.
func (r *eventRecord) documents(what string, e auditdir.Event, places map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(places)) {
		recorded, named := e.Documents[name]
		if !named {
			r.bad.add("%s does not name %s", what, name)
			continue
		}
		place := places[name]
		hash, there := r.v.hashes[payloadFolder+"/"+place]
		switch {
		case !there:
			r.bad.add("%s names %s, which is missing", what, place)
		case hash.String() != recorded:
			r.bad.add("%s: the SHA-256 of %s is %s, the record says %s", what, place, hash, recorded)
		default:
			r.compared++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Documents)) {
		if _, due := places[name]; !due {
			r.bad.add("%s names %s, which the stage does not write", what, name)
		}
	}
}

// places are documents that lie where they were written.
func places(names ...string) map[string]string {
	out := make(map[string]string, len(names))
	for _, n := range names {
		out[n] = n
	}
	return out
}

// collect takes the record of a collection. It may have been made again, with other
// sources, before the freeze: only the last one is compared with the files.
func (r *eventRecord) collect(what string, e auditdir.Event, at time.Time) {
	if o := r.v.docs.opening; o != nil {
		r.notBefore(what, at, o.OpenedAt, "audit.json's opened_at")
	}
	if _, again := r.last["collect"]; again {
		r.notef("the certificates were collected more than once")
	}
	for _, name := range slices.Sorted(maps.Keys(e.Documents)) {
		if d, known := findDocument(name); !known || d.stage != "collect" || name == auditdir.EventsFile {
			r.bad.add("%s names %s, which the stage does not write", what, name)
		}
	}
}

// freeze takes the record of a commitment, of which each has at most one.
func (r *eventRecord) freeze(what string, e auditdir.Event, at time.Time) {
	if r.current == len(r.commitments) || r.commitments[r.current].frozen {
		r.bad.add("%s: the package has no commitment that belongs to it", what)
		return
	}
	c := r.commitments[r.current]
	c.frozen = true
	due := places("config/selfaudit.toml", "findings/items.jsonl")
	r.tables(e, c, due)
	r.records(e, c, due)
	r.scts(e, c, due)
	r.pairings(e, c, due)
	r.outside(e, c, due)
	for name := range due {
		due[name] = c.place(name)
	}
	for _, name := range []string{"snapshot.json", "population.tsv", "strata.tsv", "commitment.txt"} {
		due["draw/"+name] = c.folder + "/" + name
	}
	r.documents(what, e, due)
	r.notBefore(what, at, sampler.FormatTime(c.doc.CommittedAt), "the commitment's committed-at")
	if c.doc.Mode == sampler.ModeAudit && !at.Before(c.doc.BeaconTime) {
		r.notef("the freeze was recorded at %s, not before its randomness: rely on the receipt alone", sampler.FormatTime(at))
	}
	if r.current > 0 {
		r.notBefore(what, at, r.commitments[r.current-1].void.VoidedAt, "the voiding of the commitment before it at")
	}
}

// void takes the record of a voided draw, after which the next commitment counts.
func (r *eventRecord) void(what string, e auditdir.Event, at time.Time) {
	if r.current >= r.voided {
		r.bad.add("%s: the package has no voided draw that belongs to it", what)
		return
	}
	c := r.commitments[r.current]
	r.current++
	r.documents(what, e, places(c.folder+"/void.json"))
	r.notBefore(what, at, c.void.VoidedAt, "void.json's voided_at")
	if validText(e.Note) != validText(c.void.Reason) {
		r.bad.add("%s: its reason is not that of %s/void.json", what, c.folder)
	}
	if !c.frozen {
		r.notef("no record of the freeze of %s: the process must have been killed before it could write one", c.folder)
	}
}

// validText makes one of the two ways in which writers replace bytes that are no UTF-8:
// one mark for each byte, or for each run of them.
func validText(s string) string {
	for strings.Contains(s, "\ufffd\ufffd") {
		s = strings.ReplaceAll(s, "\ufffd\ufffd", "\ufffd")
	}
	return s
}

// later takes the record of draw, lint or report, which come once, after the last freeze.
func (r *eventRecord) later(what string, e auditdir.Event, at time.Time) {
	if r.current < r.voided {
		r.bad.add("%s: before the draw %s was voided; a draw that was made cannot be voided", what, r.commitments[r.current].folder)
		return
	}
	if old, again := r.last[e.Stage]; again {
		if e.Stage == "draw" || maps.Equal(old.Documents, e.Documents) {
			r.bad.add("%s: the stage is recorded already", what)
		} else {
			r.notef("%s: the stage was done again and left other documents than before", what)
		}
	}
	switch c := r.v.docs.commitment; e.Stage {
	case "draw":
		if c != nil && c.Mode == sampler.ModeAudit {
			r.notBefore(what, at, sampler.FormatTime(c.BeaconTime), "the commitment's beacon-time")
		}
	case "lint":
		if day := r.v.docs.auditDay; !day.IsZero() {
			r.notBefore(what, at, sampler.FormatTime(day), "lint/linter.json's audit_day")
			if !at.Before(day.AddDate(0, 0, 1)) {
				r.notef("%s at %s; lint/linter.json's audit_day is %s", what, sampler.FormatTime(at), day.Format(time.DateOnly))
			}
		}
	case "report":
		if s := r.v.docs.summary; s != nil {
			r.notBefore(what, at, s.ReportedAt, "summary.json's reported_at")
		}
	}
}

// end looks for what is missing, compares the last records of the stages with the files,
// and the last time with the sealing.
func (r *eventRecord) end() {
	for _, c := range r.commitments[r.current:] {
		if c.void != nil {
			r.bad.add("no record of stage void for %s", c.folder)
		}
	}
	for _, stage := range eventStages {
		e, recorded := r.last[stage]
		done := r.v.data.has(stageMarks[stage]) || stage == "collect" && r.voided > 0
		if stage == "freeze" && len(r.commitments) > r.voided {
			recorded = r.commitments[r.voided].frozen
		}
		what := fmt.Sprintf("record %d (%s)", e.Seq, stage)
		switch {
		case done && !recorded:
			r.bad.add("no record of stage %s, which was done; `selfaudit %s` makes it before sealing", stage, stage)
		case !recorded || stage == "freeze":
		case stage == "collect":
			r.documents(what, e, r.collected())
		case !done:
			r.bad.add("%s: %s, which the stage writes last, is missing", what, stageMarks[stage])
		case stage == "draw":
			due := places("draw/seed.txt", "draw/sample.tsv", "ct/sightings.jsonl")
			if !r.v.peekDice() {
				due["draw/beacon.json"] = "draw/beacon.json"
			}
			if r.v.data.has(sampler.RecordRowsFile) {
				due[sampler.RecordRowsFile] = sampler.RecordRowsFile
			}
			r.documents(what, e, due)
		case stage == "lint":
			r.documents(what, e, places("lint/as-if.jsonl", "lint/linter.json", "lint/results.jsonl"))
		case stage == "report":
			r.documents(what, e, r.reported())
		}
	}
	if sealed := r.v.bag.SealedAt; sealed.Before(r.at) {
		r.bad.add("the last record is of %s, after the package was sealed at %s", sampler.FormatTime(r.at), sampler.FormatTime(sealed))
	}
}

// records adds the documents about the CA's records.
func (r *eventRecord) records(e auditdir.Event, c *frozenCommitment, due map[string]string) {
	for _, name := range append(recordsFiles(), sampler.NotProvenFile) {
		if _, named := e.Documents[name]; named || r.v.data.has(c.place(name)) {
			due[name] = name
		}
	}
}

// tables adds the kept tables of document versions.
func (r *eventRecord) tables(e auditdir.Event, c *frozenCommitment, due map[string]string) {
	const folder = "config/requirements/"
	for name := range e.Documents {
		if d, known := findDocument(name); known && d.stage == "freeze" && strings.HasPrefix(name, folder) {
			due[name] = name
		}
	}
	at := c.place(folder)
	for name := range r.v.data.files {
		if rest, found := strings.CutPrefix(name, at); found {
			due[folder+rest] = folder + rest
		}
	}
}

// reported are the documents of the report, and those beside it that the report used.
func (r *eventRecord) reported() map[string]string {
	due := places("config/waivers.toml", "findings/findings.json", "report/workbook.xlsx", "report/summary.json")
	for _, name := range []string{"config/requirements-review.csv", "lint/population.jsonl", "lint/second-opinion.jsonl"} {
		if r.v.data.has(name) {
			due[name] = name
		}
	}
	return due
}

// collected are the documents of the collect stage that are in the package.
func (r *eventRecord) collected() map[string]string {
	due := places("audit.json")
	for name := range r.v.data.files {
		if d, known := findDocument(name); known && d.stage == "collect" && name != auditdir.EventsFile {
			due[name] = name
		}
	}
	return due
}
