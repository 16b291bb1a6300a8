package sampler

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// fieldParser reads commitment values and keeps the first error, so that the
// list of fields reads like the document.
type fieldParser struct {
	values map[string]string
	err    error
}

func (p *fieldParser) commitment() *Commitment {
	c := &Commitment{
		AuditID:            p.values["audit-id"],
		Mode:               p.values["mode"],
		ChainStart:         p.time("chain-start"),
		PeriodStart:        p.time("period-start"),
		PeriodEnd:          p.time("period-end"),
		PreviousCommitment: p.hashOrNone("previous-commitment"),
		Replaces:           p.hashOrNone("replaces"),
		PopulationHash:     p.hash("population-sha256"),
		PopulationCount:    p.count("population-count"),
		StrataHash:         p.hash("strata-sha256"),
		StrataCount:        p.count("strata-count"),
		SnapshotHash:       p.hash("snapshot-sha256"),
		DrawMethod:         p.values["draw-method"],
		Beacon:             p.values["beacon"],
		BeaconChain:        p.values["beacon-chain"],
		BeaconTime:         p.time("beacon-time"),
		CommittedAt:        p.time("committed-at"),
	}
	lead, round := p.values["draw-lead-days"], p.values["beacon-round"]
	if c.Beacon == BeaconDice {
		if c.BeaconChain != NoChain || lead != "none" || round != "none" {
			p.fail(errors.New("dice has no beacon-chain, draw-lead-days or beacon-round: each must be none"))
		}
		return c
	}
	// Numbers in the protocol's spelling only: 1 to 120, no sign, no leading zero.
	c.DrawLeadDays, p.err = firstError(p.err, lead, parseLeadDays)
	c.BeaconRound, p.err = firstError(p.err, round, parseRound)
	return c
}

func firstError[T any](prior error, s string, parse func(string) (T, error)) (T, error) {
	v, err := parse(s)
	if prior != nil {
		err = prior
	}
	return v, err
}

func parseLeadDays(s string) (int, error) {
	n, err := parseCount(s)
	if err != nil || n < 1 || n > maxLeadDays {
		return 0, fmt.Errorf("bad draw-lead-days %.40q; want 1 to %d", s, maxLeadDays)
	}
	return int(n), nil
}

func parseRound(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != s {
		return 0, fmt.Errorf("bad beacon-round %.40q", s)
	}
	return n, nil
}

func (p *fieldParser) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

func (p *fieldParser) time(key string) time.Time {
	t, err := ParseTime(p.values[key])
	if err != nil {
		p.fail(fmt.Errorf("%s: %w", key, err))
	}
	return t
}

func (p *fieldParser) hash(key string) DocHash {
	h, err := ParseDocHash(p.values[key])
	if err != nil {
		p.fail(fmt.Errorf("%s: %w", key, err))
	}
	return h
}

func (p *fieldParser) hashOrNone(key string) DocHash {
	if p.values[key] == "none" {
		return DocHash{}
	}
	h := p.hash(key)
	if p.err == nil && h.IsZero() {
		// No document has this hash; taken as "none" it would be a
		// second spelling of it.
		p.fail(fmt.Errorf("%s: all zeros; write none", key))
	}
	return h
}

func (p *fieldParser) count(key string) int64 {
	n, err := parseCount(p.values[key])
	if err != nil {
		p.fail(fmt.Errorf("%s: %w", key, err))
	}
	return n
}
