package main

import (
	"fmt"

	"selfaudit/internal/auditdir"
	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// pairingsFreeze reads the pairings of the audits before and writes this audit's.
type pairingsFreeze struct {
	past     []pastAudit
	out      *auditdir.Pending
	w        *sampler.PairingWriter
	compared func() error
	said     *sampler.SnapshotPairings // once it is written
}

// usePairings prepares ct/pairings.tsv, which Population fills.
func (f *freezing) usePairings() (*pairingsFreeze, error) {
	p := &pairingsFreeze{}
	var err error
	if p.past, err = past(f.chain); err != nil {
		return nil, err
	}
	rules := &startRules{past: p.past, issuers: f.issuers, chosen: f.w.chosen, own: operatedByCA(f.w.cfg.Logs), setting: sampler.IssuanceTime(f.w.cfg.Audit.IssuanceTime)}
	if rules.since, err = sampler.ParseTime(f.a.opening.ChainStart); err != nil {
		return nil, err
	}
	for i := range f.saved.Logs {
		why, err := rules.outdated(&f.saved.Logs[i])
		if err != nil {
			return nil, err
		}
		if why != "" {
			return nil, &exitError{code: exitUsage, id: sourcesChangedID, err: fmt.Errorf("audit %s has to be collected anew: log %s: %s", f.a.id, logName(f.saved.Logs[i]), why),
				hint: fmt.Sprintf("remove %s and collect again (what was read of the same logs is kept)", f.a.dir.Path(docCollected))}
		}
	}
	readers, compared, err := pairingsBefore(p.past)
	if err != nil {
		return nil, err
	}
	p.compared = compared
	if p.out, err = f.a.dir.Create(docPairings); err != nil {
		return nil, err
	}
	p.w = sampler.NewPairingWriter(p.out)
	f.collected.Pairings(readers, p.w.Write)
	return p, nil
}

func (p *pairingsFreeze) abort() { p.out.Abort() }

// finish makes the document visible, after those of earlier audits proved to be theirs.
func (p *pairingsFreeze) finish() error {
	if err := p.compared(); err != nil {
		return err
	}
	if err := p.w.Flush(); err != nil {
		return err
	}
	p.said = p.w.Describe()
	return p.out.Commit()
}

// ranges adds to the snapshot where the next audit goes on in each log, and what ties this
// one to the chain.
func (f *freezing) ranges(s *sampler.Snapshot) error {
	s.Pairings, s.Outside = f.pairings.said, f.outside.said
	s.Logs = append([]sampler.SnapshotLog{}, s.Logs...)
	searched := false
	for i := range s.Logs {
		l := &s.Logs[i]
		if _, read := l.First(); !read {
			continue
		}
		h, err := sampler.ParseDocHash(l.LogID)
		if err != nil {
			return err
		}
		l.Cursor = &sampler.SnapshotCursor{NextFirstEntry: f.result.CursorOf(ct.LogID(h), l.TreeSize)}
		searched = searched || startSearched(*l, f.pairings.past)
	}
	if n := f.result.Older; n > 0 && searched {
		s.Notes = append(s.Notes, fmt.Sprintf("%d items have a notBefore more than 48 hours before the chain's start, though the earliest log entry that was read is later: "+
			"older log entries of them, if there are any, were not read, because logs were read from a point found by time stamp; collect --from-start decides them", n))
	}
	return nil
}
