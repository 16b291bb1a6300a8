package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"selfaudit/internal/config"
	"selfaudit/sampler"
	"selfaudit/sampler/ct"
	"selfaudit/sampler/ctlog"
)

// planLimit is one of the things that may limit how fast a log is read, in entries or requests a second.
type planLimit struct {
	By   string  `json:"by"`
	Rate float64 `json:"per_second"`
}

// What may limit the speed.
const (
	limitGiven       = "--rate-limit"
	limitMeasured    = "the log's answers, as measured"
	limitRate        = "rate_limit"
	limitConcurrency = "concurrency"
	limitLine        = "the line"
)

// defaultConcurrency is how many requests go to a log at the same time without a setting (docs/configuration.md).
const defaultConcurrency = 3

// usualPage is how many entries an RFC 6962 log is taken to serve in one answer where it was not asked.
const usualPage = 256

// tightest is the place of the limit that counts; -1 if nothing is known.
func tightest(limits []planLimit) int {
	at := -1
	for i, l := range limits {
		if at < 0 || l.Rate < limits[at].Rate {
			at = i
		}
	}
	return at
}

// lineBytes is what the line carries in a second.
func (o *planOptions) lineBytes() float64 { return o.Line * 1e6 / 8 }

func isNoSuchLeaf(err error) bool { return errors.Is(err, ctlog.ErrNoSuchLeaf) }

// planSpeed fills in how fast a log can be read, and what limits it: what was told or measured by reading a few tiles near
// its end, the settings of the log, and the line.
func (e *env) planSpeed(ctx context.Context, row *planLog, pr *probed, o planOptions) {
	if row.Read == nil {
		return
	}
	if *row.Read == 0 && o.RateLimit == 0 {
		row.Hours = new(float64)
		return
	}
	perRequest, mean := float64(usualPage), 0.0
	if pr.cfg.Type == config.TypeStaticCT {
		perRequest = ct.TileWidth / 2 // with the tile of hashes that it is compared with
	}
	switch {
	case o.RateLimit > 0:
		row.RateFrom = "as given"
		row.Limits = append(row.Limits, planLimit{limitGiven, o.RateLimit})
	case !o.Offline && !o.NoSample:
		s, err := e.readSample(ctx, pr, *row.Entries)
		if err != nil {
			row.Error = err.Error()
			return
		}
		row.RateFrom = fmt.Sprintf("%s in %s", sampler.Counted(s.entries, "entry", "entries"), s.took.Round(time.Millisecond))
		row.Limits = append(row.Limits, planLimit{limitMeasured, float64(s.entries) / s.took.Seconds()})
		if s.requests > 0 {
			perRequest, mean = float64(s.entries)/float64(s.requests), s.busy.Seconds()/float64(s.requests)
			row.RateFrom += fmt.Sprintf(", %d requests of %s", s.requests, (s.busy / time.Duration(s.requests)).Round(time.Millisecond))
		}
		if s.bytes > 0 {
			total := uint64(float64(s.bytes) / float64(s.entries) * float64(*row.Read))
			row.BytesLow, row.BytesHigh, row.BytesFrom = &total, &total, fmt.Sprintf("%d bytes per entry, measured", s.bytes/s.entries)
		}
	}
	known := len(row.Limits) > 0
	if remote(pr.cfg) {
		row.PerRequest = &perRequest
		if pr.cfg.RateLimit > 0 {
			row.Limits = append(row.Limits, planLimit{limitRate, pr.cfg.RateLimit * perRequest})
		}
		if mean > 0 {
			at := pr.cfg.Concurrency
			if at == 0 {
				at = defaultConcurrency
			}
			row.Limits = append(row.Limits, planLimit{limitConcurrency, float64(at) * perRequest / mean})
		}
		if *row.Read > 0 {
			row.Limits = append(row.Limits, planLimit{limitLine, o.lineBytes() * float64(*row.Read) / float64(max(*row.BytesHigh, 1))})
		}
	}
	if !known && pr.cfg.RateLimit == 0 {
		return // the line alone says too little
	}
	i := tightest(row.Limits)
	hours := float64(*row.Read) / row.Limits[i].Rate / 3600
	row.Rate, row.LimitedBy, row.Hours, row.AtLeast = &row.Limits[i].Rate, row.Limits[i].By, &hours, !known
	if !known {
		row.RateFrom = "not measured: at most this, by the log's settings"
	}
}

// readTrial is what reading a few entries took.
type readTrial struct {
	entries, bytes, requests int64
	took, busy               time.Duration // of it all; of all requests together
}

// readSample reads a few tiles near the end of a log.
func (e *env) readSample(ctx context.Context, pr *probed, size uint64) (s readTrial, err error) {
	end := size
	if size > ct.TileWidth {
		end = size / ct.TileWidth * ct.TileWidth
	}
	start := end - min(end, sampleEntries)
	bytes, requests, busy, began := pr.bytes.Load(), pr.requests.Load(), pr.busy.Load(), e.SystemTime()
	ctx, cancel := context.WithTimeout(ctx, 2*planPatience)
	defer cancel()
	if err := pr.log.Read(ctx, pr.head, start, end, func(*ct.Entry) error { return nil }); err != nil {
		return s, err
	}
	return readTrial{entries: int64(end - start), bytes: pr.bytes.Load() - bytes, requests: pr.requests.Load() - requests,
		took: max(e.SystemTime().Sub(began), time.Millisecond), busy: time.Duration(pr.busy.Load() - busy)}, nil
}

// planTime adds up times of logs, several of which are read at once over one line.
type planTime struct {
	any          bool
	sum, longest float64
	name, by     string  // of the log that takes longest
	line         float64 // what the line needs for all
}

func (t *planTime) add(name, by string, x float64) {
	t.sum += x
	if !t.any || x > t.longest {
		t.longest, t.name, t.by = x, name, by
	}
	t.any = true
}

// total is the time of the longest, the sum shared out, or that of the line, whichever is more, and why.
func (t *planTime) total(atOnce int) (float64, string) {
	shared := t.sum / float64(atOnce)
	switch {
	case t.line >= t.longest && t.line >= shared && t.line > 0:
		return t.line, limitLine
	case t.longest >= shared:
		by := "log " + t.name
		if t.by != "" {
			by += " (" + t.by + ")"
		}
		return t.longest, by
	}
	return shared, fmt.Sprintf("the number of logs read at once, %d", atOnce)
}
