package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"selfaudit/internal/config"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/ct"
	"selfaudit/sampler/loglist"
)

// lookUpLogs says what looking the SCTs up asks of each log, and of which logs it cannot be asked.
func (e *env) lookUpLogs(ctx context.Context, cfg *config.Config, d *planDocument, o planOptions, f *collect.SCTForecast, probes []*probed, c *chosen, before map[string]uint64) error {
	p, asked := d.LookUp, map[ct.LogID]bool{}
	for _, pr := range probes {
		id := ct.LogIDOf(pr.cfg.PublicKey)
		asked[id] = true
		row := planLookUpLog{Name: (&logSource{cfg: pr.cfg}).name(), LogID: id.String(), Type: pr.cfg.Type, URL: pr.cfg.URL, Limits: []planLimit{}}
		if l := f.Logs[id]; l != nil {
			row.SCTs = l.SCTs
			e.lookUpLog(ctx, &row, pr, l, o, before)
			if err := ctx.Err(); err != nil {
				return err
			}
		} else {
			row.Requests, row.Bytes, row.Seconds = new(uint64), new(uint64), new(float64)
		}
		p.Logs = append(p.Logs, row)
	}
	p.others(cfg, f, c, asked)
	for _, l := range f.Logs {
		p.SCTs += l.SCTs
	}
	p.total(d.Total.AtOnce, o, probes)
	return nil
}

// lookUpLog fills in what one log is asked for, and how long that takes.
func (e *env) lookUpLog(ctx context.Context, row *planLookUpLog, pr *probed, l *collect.LogForecast, o planOptions, before map[string]uint64) {
	size := pr.head.Size
	switch old, known := before[row.LogID]; {
	case pr.err != nil:
		row.Error = pr.err.Error()
		return
	case o.Offline && known:
		size = old
	case o.Offline:
		// Nobody was asked: what the certificates say of the tree is that it has their entries.
		size = 1 << 30
		if len(l.Indexes) > 0 {
			size = slices.Max(l.Indexes) + 1
		}
	}
	if !o.Offline {
		row.Entries = &size
	}
	requests, size64 := l.SCTs, l.SCTs*collect.ProofBytes(size)
	if pr.cfg.Type == config.TypeStaticCT {
		requests, size64 = l.Tiles(size)
	}
	requests++ // the tree head
	row.Requests, row.Bytes = &requests, &size64
	if !remote(pr.cfg) { // files are read in no time
		row.Seconds = new(float64)
		return
	}
	if !o.Offline && !o.NoSample {
		perSecond, err := e.tryLookUps(ctx, pr, l)
		if err != nil {
			row.Error = err.Error()
			return
		}
		if perSecond > 0 {
			row.Limits = append(row.Limits, planLimit{limitMeasured, perSecond})
		}
	}
	if pr.cfg.RateLimit > 0 {
		row.Limits = append(row.Limits, planLimit{limitRate, pr.cfg.RateLimit})
	}
	row.Limits = append(row.Limits, planLimit{limitLine, o.lineBytes() / (float64(size64)/float64(requests) + 1)})
	if i := tightest(row.Limits); i >= 0 && (len(row.Limits) > 1 || row.Limits[i].By != limitLine) {
		seconds := float64(requests) / row.Limits[i].Rate
		row.Seconds, row.LimitedBy = &seconds, row.Limits[i].By
	}
}

// tryLookUps looks up a few SCTs one after the other, and returns how many requests a second that makes when as
// many are looked up at once as collect does; 0 if nothing had to be asked.
func (e *env) tryLookUps(ctx context.Context, pr *probed, l *collect.LogForecast) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*planPatience)
	defer cancel()
	requests, began := pr.requests.Load(), e.SystemTime()
	for i, leaf := range l.Leaves {
		var err error
		switch {
		case pr.head.Size == 0:
		case pr.cfg.Type != config.TypeStaticCT:
			// That a log does not know a leaf is for collect to judge; its answer took its time too.
			_, _, err = pr.log.FindLeaf(ctx, pr.head, leaf)
			if isNoSuchLeaf(err) {
				err = nil
			}
		case i < len(l.Indexes) && l.Indexes[i*(len(l.Indexes)-1)/max(1, len(l.Leaves)-1)] < pr.head.Size:
			_, _, err = pr.log.InclusionProof(ctx, pr.head, l.Indexes[i*(len(l.Indexes)-1)/max(1, len(l.Leaves)-1)])
		}
		if err != nil {
			return 0, err
		}
	}
	requests = pr.requests.Load() - requests
	took := max(e.SystemTime().Sub(began), time.Millisecond)
	atOnce := min(collect.LookupsAtOnce, cmp.Or(pr.cfg.Concurrency, defaultConcurrency))
	return float64(requests) / took.Seconds() * float64(atOnce), nil
}

// others are the logs that SCTs name and that will not be asked.
func (p *planLookUp) others(cfg *config.Config, f *collect.SCTForecast, c *chosen, asked map[ct.LogID]bool) {
	excluded := map[ct.LogID]config.Log{}
	for _, l := range cfg.Logs {
		if l.Exclude != "" {
			excluded[ct.LogIDOf(l.PublicKey)] = l
		}
	}
	choices := map[ct.LogID]loglist.Choice{}
	if c != nil {
		for _, ch := range c.choices {
			choices[ch.Log.ID] = ch
		}
		for _, l := range c.logs {
			if l.Exclude != "" {
				excluded[ct.LogIDOf(l.PublicKey)] = l
			}
		}
	}
	for id, l := range f.Logs {
		out := planOtherLog{LogID: id.String(), SCTs: l.SCTs, Reason: "no log with this id is configured, and the log list in use has none"}
		x, isExcluded := excluded[id]
		ch, listed := choices[id]
		switch {
		case asked[id]:
			continue
		case isExcluded:
			out.Name, out.Reason = (&logSource{cfg: x}).name(), "excluded: "+x.Exclude
			p.Excluded = append(p.Excluded, out)
			continue
		case listed:
			out.Name, out.Reason = ch.Log.Description, fmt.Sprintf("it is in the log list, but not chosen: %s; take it with include in [log_list]", ch.Reason)
		case c == nil:
			out.Reason = "no log with this id is configured; add a [[log]], or [log_list]"
		}
		p.NotConfigured = append(p.NotConfigured, out)
	}
	for _, list := range [][]planOtherLog{p.Excluded, p.NotConfigured} {
		slices.SortFunc(list, func(a, b planOtherLog) int { return bytes.Compare([]byte(a.LogID), []byte(b.LogID)) })
	}
}

// total adds up, like the total of a plan that reads logs.
func (p *planLookUp) total(atOnce int, o planOptions, probes []*probed) {
	var t planTime
	var overLine uint64
	for i, l := range p.Logs {
		if l.Requests == nil || l.Seconds == nil {
			p.AtLeast = true
		}
		if l.Requests != nil {
			p.Requests += *l.Requests
			p.Bytes += *l.Bytes
			if remote(probes[i].cfg) {
				overLine += *l.Bytes
			}
		}
		if l.Seconds != nil {
			t.add(l.Name, l.LimitedBy, *l.Seconds)
		}
	}
	t.line = float64(overLine) / o.lineBytes()
	if seconds, by := t.total(atOnce); t.any {
		p.Seconds, p.LimitedBy = &seconds, by
	}
}
