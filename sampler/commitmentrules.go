package sampler

import (
	"errors"
	"fmt"
	"time"
)

// Margins between the commitment and its random value (protocol section 5):
// clocks differ, and a drand round must not be known yet.
const (
	drandMargin = 300 * time.Second
	diceMargin  = time.Second
)

// CommitMargin returns how long before the beacon's time a commitment must be
// made: 300 s with drand, 1 s with dice.
func CommitMargin(beacon string) time.Duration {
	if beacon == BeaconDice {
		return diceMargin
	}
	return drandMargin
}

const (
	maxLeadDays     = 120
	maxAuditIDBytes = 64
)

// DefaultLeadDays is draw-lead-days where the CA chooses nothing else.
const DefaultLeadDays = 3

// RoundByRule returns the round that a commitment must name (protocol section
// 5, beacon-round): the first at or after periodEnd + m * leadDays days, with m
// = 1, or when the commitment replaces another the least m >= 1 whose moment is
// not before committedAt + 300 s. It returns 0, which is no round, for a lead
// outside 1 to 120 days.
func RoundByRule(chain Chain, periodEnd time.Time, leadDays int, replaces bool, committedAt time.Time) uint64 {
	if leadDays < 1 || leadDays > maxLeadDays {
		return 0
	}
	lead := int64(leadDays) * 86400
	end, steps := periodEnd.Unix(), int64(1)
	if replaces {
		wait := committedAt.Unix() + int64(drandMargin/time.Second) - end
		if wait > 0 {
			steps = max(1, (wait+lead-1)/lead)
		}
	}
	return chain.RoundAt(time.Unix(end+steps*lead, 0))
}

// ValidAuditID reports whether s is an audit id: [A-Za-z0-9][A-Za-z0-9._-]{0,63}.
// Such a name is safe as a folder's name.
func ValidAuditID(s string) bool {
	if s == "" || len(s) > maxAuditIDBytes {
		return false
	}
	for i := range len(s) {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return true
}

// check applies the rules that relate fields, in the order of draw_reference.py.
func (c *Commitment) check() error {
	switch {
	case c.DrawMethod != DrawMethod:
		return fmt.Errorf("unknown draw method %.40q", c.DrawMethod)
	case c.Beacon != BeaconDrand && c.Beacon != BeaconDice:
		return fmt.Errorf("unknown beacon %.40q", c.Beacon)
	case !ValidAuditID(c.AuditID):
		return fmt.Errorf("bad audit-id %.80q; want [A-Za-z0-9][A-Za-z0-9._-]{0,63}", c.AuditID)
	case c.Mode != ModeAudit && c.Mode != ModeRehearsal:
		return fmt.Errorf("unknown mode %.40q", c.Mode)
	}
	if err := c.checkChain(); err != nil {
		return err
	}
	if c.Beacon == BeaconDrand {
		if err := c.checkRound(); err != nil {
			return err
		}
	}
	if margin := CommitMargin(c.Beacon); c.CommittedAt.Add(margin).After(c.BeaconTime) {
		return fmt.Errorf("committed at %s, less than %d s before the beacon at %s",
			FormatTime(c.CommittedAt), int64(margin/time.Second), FormatTime(c.BeaconTime))
	}
	return nil
}

// checkChain applies the rules on periods and on the links between audits.
func (c *Commitment) checkChain() error {
	first := c.PreviousCommitment.IsZero()
	switch {
	case c.ChainStart.After(c.PeriodStart):
		return errors.New("period starts before its chain")
	case !c.PeriodStart.Before(c.PeriodEnd):
		return errors.New("period-end is not after period-start")
	case c.PeriodEnd.After(c.CommittedAt):
		return errors.New("committed before the period ended")
	case !c.Replaces.IsZero() && c.Replaces == c.PreviousCommitment:
		return errors.New("replaces its predecessor")
	case first && !c.ChainStart.Equal(c.PeriodStart):
		return errors.New("a first audit starts its chain: chain-start must be period-start")
	case c.Mode == ModeRehearsal && (!first || !c.Replaces.IsZero()):
		return errors.New("a rehearsal is in no chain: previous-commitment and replaces must be none")
	}
	return nil
}

// checkRound recomputes round and time, so that neither is the CA's choice.
func (c *Commitment) checkRound() error {
	chain, ok := ChainByHash(c.BeaconChain)
	if !ok {
		return fmt.Errorf("unknown beacon chain %.80q", c.BeaconChain)
	}
	want := RoundByRule(chain, c.PeriodEnd, c.DrawLeadDays, !c.Replaces.IsZero(), c.CommittedAt)
	if c.BeaconRound != want {
		return fmt.Errorf("beacon-round is %d, the rule gives %d", c.BeaconRound, want)
	}
	if t := chain.RoundTime(want); !c.BeaconTime.Equal(t) {
		return fmt.Errorf("beacon-time is %s, the time of round %d is %s", FormatTime(c.BeaconTime), want, FormatTime(t))
	}
	return nil
}
