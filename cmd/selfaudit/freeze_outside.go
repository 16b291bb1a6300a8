package main

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"

	"selfaudit/internal/auditdir"
	"selfaudit/internal/terminal"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/ct"
)

// outsideFreeze reads what the audit before left waiting and writes what this one leaves
// outside.
type outsideFreeze struct {
	before *pastAudit // the newest with the document; nil without
	in     *os.File
	sum    hash.Hash // of what was read of it
	out    *auditdir.Pending
	w      *sampler.OutsideWriter
	said   *sampler.SnapshotOutside // once it is written
}

// useOutside prepares ct/outside.tsv, which Population fills.
func (f *freezing) useOutside(before []pastAudit) (*outsideFreeze, error) {
	o := &outsideFreeze{}
	in := collect.OutsideInput{}
	for i := range before {
		if before[i].snapshot.Outside == nil {
			continue // frozen before there was any
		}
		o.before = &before[i]
		var err error
		if o.in, err = os.Open(o.before.dir.Path(docOutside)); err != nil {
			return o, fmt.Errorf("reading what audit %s left waiting: %w", o.before.id, err)
		}
		o.sum = sha256.New()
		in.Earlier, in.Audit = io.TeeReader(o.in, o.sum), o.before.id
		break
	}
	for _, l := range f.saved.Logs {
		if l.Status != sampler.LogExcluded {
			continue
		}
		h, err := sampler.ParseDocHash(l.LogID)
		if err != nil {
			return o, err
		}
		in.Excluded = append(in.Excluded, ct.LogID(h))
	}
	var err error
	if o.out, err = f.a.dir.Create(docOutside); err != nil {
		return o, err
	}
	o.w = sampler.NewOutsideWriter(o.out)
	in.Write = o.w.Write
	f.collected.Outside(in)
	return o, nil
}

// abort drops what was not committed.
func (o *outsideFreeze) abort() {
	if o == nil {
		return
	}
	if o.in != nil {
		o.in.Close() // only read from: nothing is lost if closing fails
	}
	if o.out != nil {
		o.out.Abort()
	}
}

// finish makes the document visible, after that of the audit before proved to be its own.
func (o *outsideFreeze) finish(found collect.OutsideResult) error {
	if o.before != nil && sampler.DocHash(o.sum.Sum(nil)) != o.before.snapshot.Outside.SHA256 {
		return o.before.changed(docOutside, "that audit %s committed to")
	}
	if err := o.w.Flush(); err != nil {
		return err
	}
	o.said = o.w.Describe()
	o.said.Carried = found.Carried
	if o.before != nil {
		o.said.Previous = o.before.id
	}
	return o.out.Commit()
}

// lostHint is what to do about items that waited and were not found.
const lostHint = "give the files, the CA's records or crt.sh's answers again in which they were seen, or have their logs read, and collect again"

// outsideNotes says what became of items that waited in the audit before and that nothing
// shows now.
func (f *freezing) outsideNotes() []string {
	n := f.result.Outside
	if f.outside.before == nil {
		if f.start.PreviousAudit == "" {
			return nil
		}
		return []string{fmt.Sprintf("audit %s and those before it were frozen by a program that wrote no %s: nothing says which certificates waited in them", f.start.PreviousAudit, docOutside)}
	}
	id := f.outside.before.id
	var notes []string
	if n.Lost > 0 {
		notes = append(notes, fmt.Sprintf("%s, and not shown by anything that was read now: %s (%s; findings %s); waiting on in %s until an audit sees it", waitedWords(n.Lost, id),
			namedItems(n), lostHint, sampler.LintWaitingNotFound, docOutside))
	}
	if n.LogExcluded > 0 {
		notes = append(notes, fmt.Sprintf("%s, seen then only in logs that this audit excludes: waiting on in %s", waitedWords(n.LogExcluded, id), docOutside))
	}
	if n.IssuerGone > 0 {
		notes = append(notes, fmt.Sprintf("%s, of issuers that are not audited any more: waiting on in %s", waitedWords(n.IssuerGone, id), docOutside))
	}
	return notes
}

func waitedWords(n int64, audit string) string {
	return sampler.Counted(n, "item waited", "items waited") + " in audit " + audit
}

// namedItems names the first items that were not found.
func namedItems(n collect.OutsideResult) string {
	var list []string
	for _, id := range n.Named {
		list = append(list, id.String())
	}
	if more := n.Lost - int64(len(n.Named)); more > 0 {
		list = append(list, fmt.Sprintf("and %s more", terminal.Count(more)))
	}
	return strings.Join(list, ", ")
}

// previewOutside warns, before anything is final, of items that waited and were not found.
func (f *freezing) previewOutside() {
	if n := f.result.Outside; n.Lost > 0 {
		f.w.e.notef("%s", f.w.e.errOut().Warn(fmt.Sprintf("%s, and not shown by anything that was read now: %s", waitedWords(n.Lost, f.outside.before.id), namedItems(n))))
		f.w.e.notef("%s; frozen as it is, the audit has a finding for each", lostHint)
	}
}
