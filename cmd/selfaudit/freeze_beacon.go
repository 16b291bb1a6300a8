package main

import (
	"fmt"
	"time"

	"selfaudit/internal/config"
	"selfaudit/sampler"
)

// beacon fills in the round by rule, or the dice's appointed time.
func (f *freezing) beacon(c *sampler.Commitment, o freezeOptions) error {
	name := o.Beacon
	switch {
	case name == "" && f.a.rehearsal():
		name = config.BeaconDice // it may be given its digits in advance and needs no waiting
	case name == "":
		name = f.w.cfg.Audit.Beacon
	}
	chain := sampler.Quicknet
	switch name {
	case config.BeaconDice:
		c.Beacon = sampler.BeaconDice
		return f.diceTime(c, o)
	case config.BeaconDefaultChain:
		chain = sampler.DefaultChain
	case config.BeaconQuicknet, "drand":
	default:
		return usageErrorf("use --beacon quicknet, default-chain or dice", "unknown beacon %q", name)
	}
	c.Beacon, c.BeaconChain, c.DrawLeadDays = sampler.BeaconDrand, chain.Hash, f.w.cfg.Audit.DrawLeadDays
	c.BeaconRound = sampler.RoundByRule(chain, c.PeriodEnd, c.DrawLeadDays, !c.Replaces.IsZero(), c.CommittedAt)
	c.BeaconTime = chain.RoundTime(c.BeaconRound)
	return roundPassed(c.PeriodEnd, c.CommittedAt, c.BeaconRound, c.BeaconTime)
}

func (f *freezing) diceTime(c *sampler.Commitment, o freezeOptions) error {
	switch {
	case f.a.rehearsal():
		// A rehearsal may be given its digits in advance and does everything at once.
		c.BeaconTime = c.CommittedAt.Add(sampler.CommitMargin(c.Beacon))
	case o.BeaconTime == "":
		c.BeaconTime = c.CommittedAt.Truncate(time.Hour).Add(time.Hour)
	default:
		t, err := time.Parse(time.RFC3339, o.BeaconTime)
		if err != nil {
			return usageErrorf("write it like 2026-10-05T09:00:00Z", "--beacon-time %q is not an RFC 3339 time", o.BeaconTime)
		}
		c.BeaconTime = t.UTC().Truncate(time.Second)
	}
	if c.CommittedAt.Add(sampler.CommitMargin(c.Beacon)).After(c.BeaconTime) {
		return usageErrorf("appoint a later --beacon-time", "the dice would be rolled at %s, before the commitment of %s", sampler.FormatTime(c.BeaconTime), sampler.FormatTime(c.CommittedAt))
	}
	return nil
}

func beaconWords(c *sampler.Commitment) string {
	if c.Beacon == sampler.BeaconDice {
		return "dice at " + sampler.FormatTime(c.BeaconTime)
	}
	return fmt.Sprintf("drand round %d at %s", c.BeaconRound, sampler.FormatTime(c.BeaconTime))
}
