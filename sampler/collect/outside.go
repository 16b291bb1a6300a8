package collect

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// citeMembership is the rule that no certificate may fall between two audits.
const citeMembership = "draw protocol 3.1; BR 8.7"

// maxLostNamed is how many of the items that were not found a Result names.
const maxLostNamed = 5

// OutsideInput is what Population needs for ct/outside.tsv.
type OutsideInput struct {
	Earlier  io.Reader                   // of the newest earlier audit that has one; nil without
	Audit    string                      // that audit
	Excluded []ct.LogID                  // logs that this audit does not use
	Write    func(sampler.Outside) error // takes this audit's lines
}

// OutsideResult counts what waited in the audit before and is shown by no source now.
type OutsideResult struct {
	Carried     int64            // = Lost + LogExcluded + IssuerGone
	Lost        int64            // a finding each
	LogExcluded int64            // seen only in logs that this audit excludes
	IssuerGone  int64            // of issuers that are not audited any more
	Named       []sampler.ItemID // the first that are lost
}

// Outside gives Population what the audit before left waiting, and says where it writes the
// items that this audit leaves outside. Without it nothing is remembered or looked for.
func (c *Collected) Outside(in OutsideInput) { c.outside = &in }

// outside walks through ct/outside.tsv of the audit before in step with the merge.
type outside struct {
	in   *OutsideInput
	r    *sampler.OutsideReader // nil: nothing waited
	cur  sampler.Outside
	done bool
	res  OutsideResult
}

func newOutside(in *OutsideInput) (*outside, error) {
	if in == nil {
		return nil, nil
	}
	o := &outside{in: in, done: in.Earlier == nil}
	if o.done {
		return o, nil
	}
	o.r = sampler.NewOutsideReader(in.Earlier)
	return o, o.next()
}

func (o *outside) next() error {
	cur, err := o.r.Next()
	if errors.Is(err, io.EOF) {
		o.done = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("what audit %s left waiting: %w", o.in.Audit, err)
	}
	o.cur = cur
	return nil
}

// take returns all lines of the item at hand.
func (o *outside) take() (lines []sampler.Outside, err error) {
	for id := o.cur.Item; err == nil && !o.done && o.cur.Item == id; err = o.next() {
		lines = append(lines, o.cur)
	}
	return lines, err
}

// upTo carries on what waited before the item and is not shown now, and returns what the
// audit before said of the item itself, if it waited. nil stands for the end.
func (p *populating) upTo(id *sampler.ItemID) (waited []sampler.Outside, err error) {
	o := p.out
	for o != nil && !o.done {
		if id != nil && o.cur.Item.Compare(*id) > 0 {
			break
		}
		lines, err := o.take()
		if err != nil {
			return nil, err
		}
		switch {
		case lines[0].Verdict != sampler.Waiting && lines[0].Verdict != sampler.Carried:
		case id != nil && lines[0].Item == *id:
			return lines, nil
		default:
			if err := p.carry(lines); err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}

// leftOut deals with an item of which there are only rows, all left out by hand. What was
// never more than a row is settled by that, with reason and name in the snapshot.
func (p *populating) leftOut(waited []sampler.Outside) error {
	if !slices.ContainsFunc(waited, func(l sampler.Outside) bool { return l.Source != sampler.OutsideRecords }) {
		return nil
	}
	return p.carry(waited)
}

// carry writes the lines of an item again that waited and that nothing shows now.
func (p *populating) carry(lines []sampler.Outside) error {
	id := lines[0].Item
	for _, e := range p.earlier {
		// An audit between that one and this, which wrote no document, may have it.
		if _, found, err := e.find(id); err != nil || found {
			return err
		}
	}
	o := p.out
	for _, l := range lines {
		l.Verdict = sampler.Carried
		if err := o.in.Write(l); err != nil {
			return err
		}
	}
	o.res.Carried++
	audited := p.c.issuers.audits(id.Issuer)
	excluded := func(log string) bool {
		return slices.ContainsFunc(o.in.Excluded, func(id ct.LogID) bool { return id.String() == log })
	}
	switch {
	case !audited:
		o.res.IssuerGone++
		return nil
	case !sampler.OutsideLost(lines, audited, excluded):
		o.res.LogExcluded++
		return nil
	}
	if o.res.Lost++; len(o.res.Named) < maxLostNamed {
		o.res.Named = append(o.res.Named, id)
	}
	f := findingList{item: id}
	f.add(sampler.LintWaitingNotFound, "error", citeMembership, nil, fmt.Sprintf(
		"issued %s, it waited in audit %s, where it was seen in %s; nothing that this audit read shows it", sampler.FormatTime(lines[0].Issued), o.in.Audit, seenIn(lines)))
	return p.report(f.list, false)
}

// maxSeenIn is how many places a finding names.
const maxSeenIn = 3

// seenIn words where an item was seen.
func seenIn(lines []sampler.Outside) string {
	var parts []string
	for _, l := range lines[:min(len(lines), maxSeenIn)] {
		parts = append(parts, l.Where())
	}
	if more := len(lines) - maxSeenIn; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more places", more))
	}
	return strings.Join(parts, ", ")
}

// audits says whether the key is an audited issuer's, as items name it.
func (s *Issuers) audits(key sampler.KeyHash) bool {
	return s == nil || slices.ContainsFunc(s.list, func(i *Issuer) bool { return i.Key == key })
}

// stays notes what later audits need of an item that was seen and is not a member: where it
// was seen if it waits, with the cursors of the logs that have it; and what decided that it
// never enters, with a line of pairings if CT did and no audit has noted it yet.
func (p *populating) stays(it item, verdict sampler.Verdict, issued time.Time) error {
	line := sampler.Outside{Item: it.id(), Verdict: verdict, Issued: issued}
	if verdict == sampler.Waiting {
		p.wait(it)
		return p.places(it, line)
	}
	line.Source, line.Entry = p.decider(it, verdict)
	if err := p.writeOutside(line); err != nil {
		return err
	}
	if verdict != sampler.TooOld || !line.Source.CT() || len(p.known) > 0 {
		return nil
	}
	return p.remember([]*record{it.chosen()}, nil)
}

func (p *populating) writeOutside(l sampler.Outside) error {
	if p.out == nil {
		return nil
	}
	return p.out.in.Write(l)
}

// places writes a line for each place where an item was seen.
func (p *populating) places(it item, line sampler.Outside) error {
	if p.out == nil {
		return nil
	}
	var lines []sampler.Outside
	add := func(source sampler.OutsideSource, entry uint64) {
		line.Source, line.Entry = source, entry
		lines = append(lines, line)
	}
	for i := range it.sightings {
		r := &it.sightings[i]
		src := p.c.units[r.unit].src
		switch _, read := p.c.logs[src.log]; {
		case !src.isSCT:
			add(src.outside(r))
		case r.outcome() == sampler.SCTProven && !read: // else the entry itself is here
			add(sampler.OutsideProvenSCT(src.log.String()), r.index)
		}
	}
	if len(it.rows) > 0 {
		add(sampler.OutsideRecords, 0)
	}
	slices.SortFunc(lines, sampler.Outside.Compare)
	for i, l := range lines {
		if i > 0 && l.Compare(lines[i-1]) == 0 {
			continue
		}
		if err := p.out.in.Write(l); err != nil {
			return err
		}
	}
	return nil
}

// outside names a source that has certificates.
func (s *source) outside(r *record) (sampler.OutsideSource, uint64) {
	switch {
	case s.isLog:
		return sampler.OutsideLog(s.log.String()), r.index
	case s.kind == sampler.FileIndex:
		return sampler.OutsideIndex, 0
	}
	return sampler.OutsideFiles, 0
}

// decider is what decided that an item never enters: its earliest time in CT, an audit
// before, or, where CT does not know it, what stands for the item.
func (p *populating) decider(it item, verdict sampler.Verdict) (sampler.OutsideSource, uint64) {
	if len(it.sightings) == 0 {
		return sampler.OutsideRecords, 0
	}
	first, own := p.c.ctTimes(it)
	old := !first.IsZero() && first.Before(p.m.ChainStart)
	switch {
	case verdict == sampler.TooOld && !old && len(p.known) > 0:
		return sampler.OutsideEarlier, 0
	case first.IsZero() && !own.IsZero():
		return sampler.OutsideOwn, 0
	}
	byCT := old || verdict == sampler.Predated
	for i := range it.sightings {
		r := &it.sightings[i]
		src := p.c.units[r.unit].src
		switch entry := r.entryMS != 0 && !p.c.own[src.log] && timeOfMS(r.entryMS).Equal(first); {
		case byCT && !entry, !byCT && src.isSCT:
		case src.isSCT:
			return sampler.OutsideProvenSCT(src.log.String()), r.index
		default:
			return src.outside(r)
		}
	}
	return sampler.OutsideSCT, 0
}

// wait sets the cursors of the logs that have the item back to its entries.
func (p *populating) wait(it item) {
	for i := range it.sightings {
		r := &it.sightings[i]
		src := p.c.units[r.unit].src
		if !src.isLog {
			continue
		}
		if first, ok := p.res.Cursors[src.log]; !ok || r.index < first {
			p.res.Cursors[src.log] = r.index
		}
	}
}
