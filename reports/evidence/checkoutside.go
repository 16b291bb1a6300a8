package evidence

import (
	"errors"
	"io/fs"
	"strings"
	"time"

	"selfaudit/internal/auditdir"
	"selfaudit/sampler"
)

// outsideCheck holds ct/outside.tsv and ct/pairings.tsv against the population and against
// the audits before, item by item, in one pass over all of them.
type outsideCheck struct {
	v          *verifier
	o          *outsideStreams
	bad        failures
	s          *sampler.Snapshot
	start, end time.Time // of the chain, of the period
	first      bool      // nothing was audited before
	whole      bool      // all audits of the chain before were given, with their documents

	issuers map[sampler.KeyHash]bool
	logs    map[string]*sampler.SnapshotLog
	left    map[sampler.ItemID]bool // rows left out by hand
	lost    map[sampler.ItemID]bool // findings of items that were not found, as long as none belongs to them

	counts      map[sampler.Verdict]int64 // items
	recordsOnly map[sampler.Verdict]int64 // of these, items of which there is only a row
	inRecords   int64                     // waiting items with a row
	cursors     map[string]uint64         // lowest waiting entry of each log
	judged      int64                     // items
	unknown     int64                     // of these: those that only an audit before that was not given can explain
}

// checkOutside checks ct/outside.tsv: it is the one that the snapshot names, its items are in
// no population, stand where their times and entries put them, and give the counts and
// cursors of the snapshot; ct/pairings.tsv has lines about what it may be about alone; and
// what waited in the audit before is here.
func (v *verifier) checkOutside() {
	const name, file = "outside", sampler.OutsideFile
	s := v.docs.snapshot
	switch {
	case s == nil || v.docs.commitment == nil:
		v.refused(name, "the snapshot")
		return
	case s.Outside == nil && v.data.has(file):
		v.fail(name, "%s: snapshot.json does not name it", file)
		return
	case s.Outside == nil:
		v.withoutOutside(name)
		return
	case s.Pairings == nil:
		v.fail(name, "snapshot.json names %s and no ct/pairings.tsv, which the program that made it always writes too", file)
		return
	case !v.data.has(file) || !v.data.has("ct/pairings.tsv") || !v.data.has("draw/population.tsv"):
		if !v.data.has(file) {
			v.missing(name, file)
		} else {
			v.refused(name, "ct/pairings.tsv or draw/population.tsv")
		}
		return
	}
	o, err := v.openOutsideStreams()
	defer o.close()
	c := v.newOutsideCheck(o)
	if err == nil {
		err = o.each(c.item, func(err error) { c.bad.add("%v", err) })
	}
	if cause := cancelled(v.ctx); cause != nil {
		v.fatal = cause
		return
	}
	var unreadable *fs.PathError
	if errors.As(err, &unreadable) {
		v.fatal = err
		return
	}
	if err != nil {
		v.fail(name, "%v", err)
		return
	}
	c.sums()
	n := c.counts
	if c.bad.close(v, name, "is the one that snapshot.json names; items that wait: %d, older than the chain: %d, predated: %d, carried on: %d; none is in a population, the counts and the cursors follow from them, and ct/pairings.tsv is about nothing else",
		n[sampler.Waiting], n[sampler.TooOld], n[sampler.Predated], n[sampler.Carried]) {
		c.remarks(name)
	}
}

// withoutOutside is about an audit that has no document of what it left outside.
func (v *verifier) withoutOutside(name string) {
	s := v.docs.snapshot
	own := v.docs.opening != nil && v.docs.opening.Program == v.options.Program
	if own || v.newestOutside() != nil {
		v.fail(name, "snapshot.json names no %s, which the program that made it or the audits before it always writes", sampler.OutsideFile)
		return
	}
	if n := s.Counts; s.Pairings != nil && n.Waiting+n.TooOld+n.Predated > 0 {
		v.note(name, "frozen by a program that wrote no %s: no document names the items that wait (%d), are older than the chain (%d) or predated (%d), and the cursors cannot be derived again",
			sampler.OutsideFile, n.Waiting, n.TooOld, n.Predated)
	}
}

func (v *verifier) newOutsideCheck(o *outsideStreams) *outsideCheck {
	s := v.docs.snapshot
	c := &outsideCheck{v: v, o: o, s: s, start: v.docs.commitment.ChainStart, end: v.docs.commitment.PeriodEnd,
		first: v.docs.commitment.PreviousCommitment.IsZero(), whole: v.wholeChain() && len(o.lacking) == 0,
		issuers: map[sampler.KeyHash]bool{}, logs: map[string]*sampler.SnapshotLog{}, left: map[sampler.ItemID]bool{}, lost: map[sampler.ItemID]bool{},
		counts: map[sampler.Verdict]int64{}, recordsOnly: map[sampler.Verdict]int64{}, cursors: map[string]uint64{}}
	for _, i := range s.Issuers {
		c.issuers[i.KeySHA256] = true
	}
	for i := range s.Logs {
		c.logs[s.Logs[i].LogID] = &s.Logs[i]
	}
	for _, x := range s.Exclusions {
		if x.Effect == sampler.ExclusionApplied {
			c.left[sampler.ItemID{Issuer: x.Issuer, Serial: x.Serial}] = true
		}
	}
	for _, f := range v.docs.findings {
		if f.Lint == sampler.LintWaitingNotFound {
			c.lost[f.ItemID] = true
		}
	}
	return c
}

// sums compares what all items together give with the snapshot.
func (c *outsideCheck) sums() {
	n, s := c.s.Counts, c.s.Outside
	for _, x := range []struct {
		verdict sampler.Verdict
		want    int64
	}{{sampler.Waiting, n.Waiting}, {sampler.TooOld, n.TooOld}, {sampler.Predated, n.Predated}, {sampler.Carried, s.Carried}} {
		if got := c.counts[x.verdict] - c.recordsOnly[x.verdict]; got != x.want {
			c.bad.add("%s %s without those that only the CA's records have, snapshot.json counts %d", sampler.Counted(got, "item is", "items are"), x.verdict, x.want)
		}
	}
	var rows int64
	if r := c.s.Reconciliation; r != nil {
		rows = r.Counts.RecordsWaiting
	}
	if c.inRecords != rows {
		c.bad.add("%s in the CA's records, snapshot.json counts %d", sampler.Counted(c.inRecords, "item that waits is", "items that wait are"), rows)
	}
	for i := range c.s.Logs {
		l := &c.s.Logs[i]
		if _, read := l.First(); !read {
			continue
		}
		want, waits := c.cursors[l.LogID]
		if !waits {
			want = l.TreeSize
		}
		if l.Cursor == nil || l.Cursor.NextFirstEntry != want {
			c.bad.add("log %s (%s): its cursor must be %d, the lowest entry of an item that waits, or else the size of the tree; snapshot.json says %s", l.LogID, l.URL, want, cursorText(l.Cursor))
		}
	}
	for _, id := range sortedItems(c.lost) {
		c.bad.add("item %s: the finding %s is about nothing that is carried on", id, sampler.LintWaitingNotFound)
	}
	newest, said := c.v.newestOutside(), s.Previous
	switch {
	case newest != nil && said != newest.commitment.AuditID:
		c.bad.add("snapshot.json says that what waited in audit %q was looked for, the newest audit before with such a document is %s", said, newest.commitment.AuditID)
	case newest == nil && said != "" && (c.first || c.whole):
		c.bad.add("snapshot.json says that what waited in audit %s was looked for, which is none of the audits before that left such a document", said)
	}
}

// remarks says what is carried on, and what could not be held against the audits before.
func (c *outsideCheck) remarks(name string) {
	said := c.s.Outside.Previous
	if n := c.counts[sampler.Carried]; n > 0 {
		c.v.note(name, "%s in audit %s and not shown by anything that this audit read, so waiting on; with a finding %s: %d", sampler.Counted(n, "item was waiting", "items were waiting"), said, sampler.LintWaitingNotFound, c.s.Findings[sampler.LintWaitingNotFound])
	}
	if said != "" && c.o.before == nil {
		c.v.skip(name, "that all that waited in audit %s is in this population or waits on: its %s was not given", said, sampler.OutsideFile)
	}
	if said == "" && !c.first {
		c.v.note(name, "no audit before left a document of what waited in it: nobody can say whether all of that is here")
	}
	if c.unknown > 0 {
		why := "not all earlier audits of the chain were given"
		if len(c.o.lacking) > 0 {
			why = "missing: " + strings.Join(c.o.lacking[:min(len(c.o.lacking), maxNamed)], ", ")
		}
		c.v.skip(name, "%s of ct/pairings.tsv or of %s that only the audits before can explain (%s)", sampler.Counted(c.unknown, "item", "items"), sampler.OutsideFile, why)
	}
}

// outside adds ct/outside.tsv to what a freeze leaves behind.
func (r *eventRecord) outside(e auditdir.Event, c *frozenCommitment, due map[string]string) {
	_, named := e.Documents[sampler.OutsideFile]
	s := r.v.docs.snapshot
	if named || c.void == nil && s != nil && s.Outside != nil {
		due[sampler.OutsideFile] = sampler.OutsideFile
	}
}
