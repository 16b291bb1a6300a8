package main

import (
	"context"
	"fmt"
	"maps"

	"selfaudit/internal/config"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/ct"
)

// planRules are the rules by which the audit that is planned would begin to read its logs.
func (e *env) planRules(cfg *config.Config, p period, c *chosen) (*startRules, error) {
	chain, err := e.chain(&audit{opening: &sampler.Opening{Mode: sampler.ModeAudit, PeriodStart: sampler.FormatTime(p.from)}})
	if err != nil {
		return nil, err
	}
	r := &startRules{since: p.from, whole: wholeReason(cfg, false), chosen: c, own: operatedByCA(cfg.Logs)}
	if c != nil {
		maps.Copy(r.own, operatedByCA(c.logs))
	}
	if r.past, err = past(chain); err != nil || len(chain) == 0 {
		return r, err
	}
	if r.since, err = sampler.ParseTime(chain[0].opening.ChainStart); err != nil {
		return nil, err
	}
	r.issuers, err = loadIssuers(cfg)
	return r, err
}

// planRange fills in where reading of a log would begin, and why. A start that has to be
// searched is only known after reading some blocks of entries, so without that all of the
// log counts.
func (e *env) planRange(ctx context.Context, row *planLog, pr *probed, o planOptions, rules *startRules) {
	if row.Entries == nil {
		return
	}
	size, first := *row.Entries, uint64(0)
	row.Read, row.First = &size, &first
	rule := rules.rule(ct.LogIDOf(pr.cfg.PublicKey))
	searched := rule.Whole == "" && !rule.Own && (rule.Cursor == nil || rule.NoCursor != "")
	if searched && (o.Offline || o.NoSample) {
		row.FirstReason = rule.NoCursor + "; the start is searched by time stamp, which has not been done here: all of the log is counted"
		return
	}
	head := pr.head
	head.Size = size
	ctx, cancel := context.WithTimeout(ctx, 2*planPatience)
	defer cancel()
	start, err := collect.FindStart(ctx, pr.log, head, rule)
	if err != nil {
		row.FirstReason = fmt.Sprintf("where reading would begin could not be found out (%v): all of the log is counted", err)
		return
	}
	rest := size - min(start.First, size)
	row.First, row.Read, row.FirstReason = &start.First, &rest, start.Reason
}

// planBytes reckons what the entries to be read have on the wire.
func (row *planLog) planBytes(kind string) {
	if row.Read == nil {
		return
	}
	low, high := uint64(staticBytesLow), uint64(staticBytesHigh)
	row.BytesFrom = "usual sizes, compressed and plain"
	if kind == config.TypeRFC6962 {
		low, high, row.BytesFrom = jsonBytes, jsonBytes, "usual size"
	}
	low, high = low**row.Read, high**row.Read
	row.BytesLow, row.BytesHigh = &low, &high
}
