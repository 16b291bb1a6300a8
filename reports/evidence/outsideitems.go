package evidence

import (
	"fmt"
	"maps"
	"slices"

	"selfaudit/sampler"
)

func cursorText(c *sampler.SnapshotCursor) string {
	if c == nil {
		return "nothing"
	}
	return fmt.Sprint(c.NextFirstEntry)
}

// sortedItems are the items of a set, ascending.
func sortedItems(set map[sampler.ItemID]bool) []sampler.ItemID {
	return slices.SortedFunc(maps.Keys(set), sampler.ItemID.Compare)
}

// facts are what the documents say of the item at hand.
type facts struct {
	id      sampler.ItemID
	row     *sampler.Row // of this population; nil for no member
	earlier *sampler.Row // of an earlier one that was given; nil for none
	pairs   []sampler.Pairing
	outside []sampler.Outside
	before  []sampler.Outside // of the newest audit before that has the document
	known   []sampler.Pairing // of all audits before that were given
}

// item judges one item.
func (c *outsideCheck) item(id sampler.ItemID) error {
	if c.judged++; c.judged%65536 == 0 {
		if err := cancelled(c.v.ctx); err != nil {
			return err
		}
		c.v.progress("outside")(c.judged, max(c.judged, c.v.docs.commitment.PopulationCount+c.s.Outside.Lines))
	}
	f := &facts{id: id, pairs: c.o.pairs.lines, outside: c.o.here.lines}
	if len(c.o.rows.lines) > 0 {
		f.row = &c.o.rows.lines[0]
	}
	for _, s := range c.o.earlierRows {
		if len(s.lines) > 0 && f.earlier == nil {
			f.earlier = &s.lines[0]
		}
	}
	for _, s := range c.o.earlierPairs {
		f.known = append(f.known, s.lines...)
	}
	if c.o.before != nil {
		f.before = c.o.before.lines
	}
	for _, check := range []func(*facts) error{c.outside, c.pairings, c.waited, c.entered} {
		if err := check(f); err != nil {
			c.bad.add("item %s: %v", id, err)
		}
	}
	return nil
}

// outside judges the lines of ct/outside.tsv.
func (c *outsideCheck) outside(f *facts) error {
	if len(f.outside) == 0 {
		return nil
	}
	l := f.outside[0]
	c.counts[l.Verdict]++
	if len(f.outside) == 1 && l.Source == sampler.OutsideRecords && l.Verdict != sampler.Carried {
		c.recordsOnly[l.Verdict]++
	}
	switch {
	case f.row != nil:
		return fmt.Errorf("is %s and in this population", l.Verdict)
	case f.earlier != nil:
		return fmt.Errorf("is %s and in the population of an audit before", l.Verdict)
	case l.Verdict == sampler.Carried:
		return c.carried(f)
	case !c.issuers[f.id.Issuer]:
		return fmt.Errorf("is %s, and snapshot.json lists no issuer with its key", l.Verdict)
	}
	when := "no time"
	if !l.Issued.IsZero() {
		when = sampler.FormatTime(l.Issued)
	}
	switch before := l.Issued.IsZero() || l.Issued.Before(c.start); {
	case l.Verdict == sampler.Waiting && l.Issued.Before(c.end):
		return fmt.Errorf("waits with the time %s, which is before the period's end", when)
	case l.Verdict != sampler.Waiting && !before:
		return fmt.Errorf("is %s with the time %s, which is not before the chain's start", l.Verdict, when)
	case l.Verdict == sampler.Predated && c.s.IssuanceTime != sampler.IssuedByNotBefore:
		return fmt.Errorf("is predated, with issuance_time = %q", c.s.IssuanceTime)
	case l.Verdict == sampler.Predated && !l.Source.CT() && l.Source != sampler.OutsideOwn:
		return fmt.Errorf("is predated by %s, which is no time in CT", l.Source)
	}
	inRecords := false
	for _, l := range f.outside {
		inRecords = inRecords || l.Source == sampler.OutsideRecords
		if err := c.place(l); err != nil {
			return err
		}
	}
	if inRecords && l.Verdict == sampler.Waiting {
		c.inRecords++
	}
	if l.Verdict == sampler.TooOld {
		return c.remembered(f)
	}
	return nil
}

// place checks that the audit used the source of a line, and notes the entries that wait.
func (c *outsideCheck) place(l sampler.Outside) error {
	id, read := l.Source.Log()
	log := c.logs[id]
	waits := l.Verdict == sampler.Waiting
	given := slices.ContainsFunc(c.s.Files, func(f sampler.SnapshotFile) bool { return f.Kind != sampler.FileIndex })
	switch {
	case l.Source == sampler.OutsideOwn && (waits || !c.ownLogs()):
		return fmt.Errorf("%s by %s, and snapshot.json lists none whose times could decide that", l.Verdict, l.Where())
	case id != "" && log != nil && log.OperatedByCA && !waits:
		return fmt.Errorf("%s: the CA operates the log, whose times alone take no item out", l.Where())
	case id != "" && (log == nil || !log.HasHead()):
		return fmt.Errorf("%s: snapshot.json has no tree head of the log", l.Where())
	case id != "" && l.Entry >= log.TreeSize:
		return fmt.Errorf("%s: the tree has %d entries", l.Where(), log.TreeSize)
	case read:
		first, all := log.First()
		if !all || l.Entry < first {
			return fmt.Errorf("%s: the entry was not read", l.Where())
		}
		if low, known := c.cursors[id]; waits && (!known || l.Entry < low) {
			c.cursors[id] = l.Entry
		}
	case l.Source == sampler.OutsideIndex && c.s.Index == nil,
		l.Source == sampler.OutsideRecords && len(c.s.Records) == 0,
		l.Source == sampler.OutsideFiles && !given && len(c.s.Records) == 0:
		return fmt.Errorf("seen in %s, which the audit did not have", l.Where())
	case waits && (l.Source == sampler.OutsideSCT || l.Source == sampler.OutsideEarlier):
		return fmt.Errorf("waits by %s, where no item is seen", l.Where())
	}
	return nil
}

// ownLogs says whether the CA operates one of the logs.
func (c *outsideCheck) ownLogs() bool {
	return slices.ContainsFunc(c.s.Logs, func(l sampler.SnapshotLog) bool { return l.OperatedByCA })
}

// remembered checks that what CT saw before the chain began stays outside in later audits.
func (c *outsideCheck) remembered(f *facts) error {
	l := f.outside[0]
	switch {
	case l.Source.CT() && len(f.pairs)+len(f.known) > 0, !l.Source.CT() && l.Source != sampler.OutsideEarlier:
		return nil
	case l.Source == sampler.OutsideEarlier && len(f.known) > 0:
		return nil
	case l.Source == sampler.OutsideEarlier && c.first:
		return fmt.Errorf("an audit before is said to have found it older than the chain, and there is none")
	case !c.whole:
		c.unknown++
		return nil
	case l.Source == sampler.OutsideEarlier:
		return fmt.Errorf("an audit before is said to have found it older than the chain, and none has it in ct/pairings.tsv")
	}
	return fmt.Errorf("CT saw it before the chain began (%s), and no ct/pairings.tsv remembers that", l.Where())
}

// pairings judges the lines of ct/pairings.tsv: what they may be about.
func (c *outsideCheck) pairings(f *facts) error {
	if f.row != nil {
		return memberPairings(*f.row, f.pairs)
	}
	if len(f.pairs) == 0 {
		return nil
	}
	finals := !slices.ContainsFunc(f.pairs, func(p sampler.Pairing) bool { return p.Form != sampler.FormFinal })
	switch {
	case f.earlier != nil:
		return c.laterPairings(f)
	case len(f.outside) > 0 && f.outside[0].Verdict == sampler.TooOld && f.outside[0].Source.CT():
		if len(f.pairs) > 1 || len(f.known) > 0 {
			return fmt.Errorf("lines of ct/pairings.tsv that say that it is older than the chain: %d, and %d of audits before; one is due", len(f.pairs), len(f.known))
		}
		return nil
	case finals && len(f.outside) == 0 && !c.first && !c.whole:
		c.unknown++
		return nil
	}
	return fmt.Errorf("ct/pairings.tsv has %s about it, and it is neither in a population nor older than the chain by CT", sampler.Counted(len(f.pairs), "line", "lines"))
}

// memberPairings are the lines about an item of this population: its precertificates, if no
// certificate was seen. The lowest of them stands for the item.
func memberPairings(row sampler.Row, pairs []sampler.Pairing) error {
	switch {
	case row.Form == sampler.FormFinal && len(pairs) > 0:
		return fmt.Errorf("its certificate was seen, and ct/pairings.tsv has %s about it", sampler.Counted(len(pairs), "line", "lines"))
	case row.Form == sampler.FormFinal:
		return nil
	case len(pairs) == 0 || pairs[0].Form != sampler.FormPrecert || pairs[0].Cert != row.Cert:
		return fmt.Errorf("its precertificate %s is not the first one that ct/pairings.tsv has of it", row.Cert)
	}
	return nil
}

// laterPairings are the lines about an item of an earlier population: certificates that came
// to light since.
func (c *outsideCheck) laterPairings(f *facts) error {
	for _, p := range f.pairs {
		switch {
		case p.Form != sampler.FormFinal:
			return fmt.Errorf("it is in an earlier population, and ct/pairings.tsv has its precertificate %s", p.Cert)
		case p.Cert == f.earlier.Cert, slices.ContainsFunc(f.known, func(k sampler.Pairing) bool { return k.Form == p.Form && k.Cert == p.Cert }):
			return fmt.Errorf("ct/pairings.tsv has its certificate %s, which an audit before had already", p.Cert)
		}
	}
	return nil
}
