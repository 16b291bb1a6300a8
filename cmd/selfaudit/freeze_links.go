package main

import (
	"fmt"

	"selfaudit/sampler"
)

// links sets the commitments that this one follows or repeats.
func (f *freezing) links(c *sampler.Commitment) error {
	if err := f.overlap(); err != nil {
		return err
	}
	if len(f.chain) > 0 {
		raw, err := f.chain[0].dir.Read(docCommitment)
		if err != nil {
			return err
		}
		c.PreviousCommitment = sampler.HashDoc(raw)
	}
	voided, err := f.a.voided()
	if err != nil {
		return err
	}
	if len(voided) > 0 && !f.a.rehearsal() {
		last := voided[len(voided)-1]
		c.Replaces, c.PreviousCommitment = last.hash, last.commitment.PreviousCommitment
	}
	return nil
}

// overlap refuses an audit whose place in the chain was taken by another one that was
// frozen while this one was open: no item may be in two populations.
func (f *freezing) overlap() error {
	if f.a.rehearsal() {
		return nil
	}
	all, err := f.w.e.audits()
	if err != nil {
		return err
	}
	for _, b := range all {
		if b.id != f.a.id && b.opening.Mode == sampler.ModeAudit && b.commitment != nil && b.opening.PeriodEnd > f.a.opening.PeriodStart {
			return usageErrorf(fmt.Sprintf("begin another audit: it starts at %s", b.opening.PeriodEnd),
				"audit %s of %s to %s was frozen meanwhile and overlaps audit %s", b.id, b.opening.PeriodStart, b.opening.PeriodEnd, f.a.id)
		}
	}
	if len(f.chain) > 0 && f.chain[0].opening.PeriodEnd != f.a.opening.PeriodStart {
		return usageErrorf("begin another audit; the chain knows no gaps", "audit %s ends at %s, audit %s begins at %s",
			f.chain[0].id, f.chain[0].opening.PeriodEnd, f.a.id, f.a.opening.PeriodStart)
	}
	return nil
}
