package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"selfaudit/internal/config"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/ct"
)

// planOptions are the flags of `selfaudit plan`.
type planOptions struct {
	From, Until string
	RateLimit   float64
	Minutes     float64
	Offline     bool
	NoSample    bool
	Mode        string
	Line        float64 // megabits a second
}

func newPlanCommand(e *env) *cobra.Command {
	o := planOptions{}
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "What an audit will cost: logs, gigabytes, hours, reviews",
		Long: `Say what an audit of a period will cost, before anything is opened: the logs and why they
are chosen, their entries, gigabytes and hours, the items to expect and the sample to
review. Tree heads are fetched and verified, and a few tiles of each log are read to
measure its speed; nothing is pinned or written. Items are expected as in the audit before,
for the length of the period; without one they are unknown.

Where the CA's certificates are looked up in the logs (mode records), it says how many SCTs
they have of which log, what asking for them takes, which logs are not configured, and which
certificates have no SCT.`,
		Example: `  selfaudit plan
  selfaudit plan --from 2026-07-01T00:00:00Z --until 2026-10-01T00:00:00Z
  selfaudit plan --mode logs --line 50               what reading the logs would take at 50 Mbit/s
  selfaudit plan --rate-limit 2000 --minutes 30 --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !(o.RateLimit >= 0 && o.Minutes > 0 && o.Line > 0) || math.IsInf(o.RateLimit+o.Minutes+o.Line, 0) {
				return usageErrorf("", "--rate-limit must not be negative, --minutes and --line must be positive")
			}
			doc, err := e.plan(cmd.Context(), o)
			return show(e, doc, err)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.From, "from", "", "first `time` of the period (default: the open audit's, else the last full quarter)")
	f.StringVar(&o.Until, "until", "", "first `time` after the period")
	f.Float64Var(&o.RateLimit, "rate-limit", 0, "reckon with so many `entries` per second and log instead of measuring")
	f.Float64Var(&o.Line, "line", 100, "reckon with a line of so many `megabits` per second")
	f.StringVar(&o.Mode, "mode", "", "`what` is done with logs, as with collect: records, logs or both (default: as configured)")
	f.Float64Var(&o.Minutes, "minutes", 20, "a reviewer's `minutes` per sampled certificate")
	f.BoolVar(&o.NoSample, "no-sample", false, "fetch tree heads only; speeds stay unknown without --rate-limit")
	f.BoolVar(&o.Offline, "offline", false, "ask nobody; sizes are those of the audit before, where it read the log")
	return cmd
}

// planDocument is what `plan --json` writes. Unknown numbers are null.
type planDocument struct {
	Schema       string         `json:"schema"`
	Period       [2]string      `json:"period"`
	PeriodOrigin string         `json:"period_origin"`
	Mode         string         `json:"mode"`            // records, logs or both
	LookUp       *planLookUp    `json:"look_up"`         // null in mode logs
	List         *logListInfo   `json:"list"`            // null when no list is in use
	Lists        []logListInfo  `json:"lists,omitempty"` // all of them, where there are several
	Logs         []planLog      `json:"logs"`
	NotRead      []planNotRead  `json:"not_read"`
	Total        planTotal      `json:"total"`
	Before       string         `json:"previous_audit,omitempty"`
	Strata       []planStratum  `json:"strata"`
	Expected     *int64         `json:"expected_items"`
	Sample       *int64         `json:"sample"`
	Reviewer     planReviewTime `json:"reviewer"`
	Notes        []string       `json:"notes"`

	broken []string // exports and files that cannot be read
}

type planLog struct {
	Name      string   `json:"name"`
	Type      string   `json:"type"`
	URL       string   `json:"url"`
	Source    string   `json:"source"` // "from the list" or "by hand"
	Why       string   `json:"why"`
	Entries   *uint64  `json:"entries"`
	New       *uint64  `json:"new_since_previous"` // entries that the audit before did not read
	First     *uint64  `json:"first_entry"`        // with which reading would begin
	Read      *uint64  `json:"entries_to_read"`
	BytesLow  *uint64  `json:"bytes_low"`
	BytesHigh *uint64  `json:"bytes_high"`
	BytesFrom string   `json:"bytes_basis"`
	Rate      *float64 `json:"entries_per_second"`
	RateFrom  string   `json:"rate_basis"`
	Hours     *float64 `json:"hours"`
	Error     string   `json:"error,omitempty"`

	PerRequest *float64    `json:"entries_per_request"`
	Limits     []planLimit `json:"limits"` // entries per second; the least counts
	LimitedBy  string      `json:"limited_by,omitempty"`
	AtLeast    bool        `json:"hours_at_least"` // the speed was not measured

	FirstReason string `json:"first_reason,omitempty"`
}

type planNotRead struct {
	Reason string   `json:"reason"`
	Logs   []string `json:"logs"`
}

type planTotal struct {
	Logs      int      `json:"logs"`
	Entries   uint64   `json:"entries"` // to be read
	BytesLow  uint64   `json:"bytes_low"`
	BytesHigh uint64   `json:"bytes_high"`
	Hours     *float64 `json:"hours"`
	LimitedBy string   `json:"limited_by,omitempty"`
	AtLeast   bool     `json:"hours_at_least"`
	AtOnce    int      `json:"logs_at_once"`
	Disk      uint64   `json:"disk_bytes"`
	Complete  bool     `json:"complete"` // every log's size is known
}

type planStratum struct {
	ID       string `json:"stratum_id"`
	Label    string `json:"label"`
	Before   int64  `json:"population_before"`
	Expected int64  `json:"expected"`
	RateBP   int    `json:"rate_bp"`
	Sample   int64  `json:"sample"`
}

type planReviewTime struct {
	Minutes float64  `json:"minutes_per_certificate"`
	Hours   *float64 `json:"hours"`
}

// Bytes of an entry on the wire, where they are not measured: a static-ct log's tiles
// compressed and plain, measured on a real log, and the JSON of RFC 6962, measured on a
// generated one (docs/cli.md gives the measurements).
const (
	staticBytesLow  = 372
	staticBytesHigh = 1586
	jsonBytes       = 3420
)

// What collect needs of the disk: for every entry its leaf hash, until the log is proven, and
// for a certificate that is kept about what was measured (docs/performance.md: 565 to 821 bytes).
const (
	diskPerEntry = 32
	diskPerKept  = 900
)

// planPatience is how long a log may take to answer a plan.
const planPatience = 30 * time.Second

// sampleEntries is how many entries are read of each log to measure its speed: four tiles.
const sampleEntries = 4 * ct.TileWidth

func (e *env) plan(ctx context.Context, o planOptions) (*planDocument, error) {
	cfg, err := e.loadConfig()
	if err != nil {
		return nil, err
	}
	p, err := e.lookAhead(o.From, o.Until)
	if err != nil {
		return nil, err
	}
	d := &planDocument{Schema: "selfaudit.plan/v1", Period: p.texts(), PeriodOrigin: p.origin, Logs: []planLog{}, NotRead: []planNotRead{}, Strata: []planStratum{},
		Notes: []string{}, Reviewer: planReviewTime{Minutes: o.Minutes}}
	prev, err := e.lastFrozen()
	if err != nil {
		return nil, err
	}
	var before map[string]uint64
	if prev != nil {
		d.Before = prev.id
		if before, err = prev.treeSizes(); err != nil {
			return nil, err
		}
	}
	logs, why, c, err := e.planLogs(ctx, cfg, d, p)
	if err != nil {
		return nil, err
	}
	rules, err := e.planRules(cfg, p, c)
	if err != nil {
		return nil, err
	}
	sources, err := e.planMode(ctx, cfg, d, o)
	if err != nil {
		return nil, err
	}
	if cfg.CrtSh.Use {
		d.Notes = append(d.Notes, crtShPlan(cfg, p))
	}
	var f *collect.SCTForecast
	if d.Mode != sampler.CollectLogs {
		d.LookUp = &planLookUp{Without: []string{}, Logs: []planLookUpLog{}, NotConfigured: []planOtherLog{}, Excluded: []planOtherLog{}}
		if f, err = sources.forecast(ctx, cfg, d, p); err != nil {
			return nil, err
		}
	}
	probes := make([]*probed, len(logs))
	var ask []*probed
	for i, l := range logs {
		probes[i] = e.probe(cfg, l, e.Transport, planPatience)
		if d.Mode != sampler.CollectRecords || f.Logs[ct.LogIDOf(l.PublicKey)] != nil {
			ask = append(ask, probes[i])
		}
	}
	if !o.Offline {
		e.notef("asking %s for size and speed", sampler.Counted(len(ask), "log", "logs"))
		e.heads(ctx, ask, planPatience)
	}
	if d.Mode != sampler.CollectRecords {
		if err := e.planReading(ctx, d, o, probes, why, before, rules); err != nil {
			return nil, err
		}
	}
	d.total(o)
	if d.LookUp != nil {
		if err := e.lookUpLogs(ctx, cfg, d, o, f, probes, c, before); err != nil {
			return nil, err
		}
	}
	if err := d.expect(cfg, prev, p, f); err != nil {
		return nil, err
	}
	if d.Expected != nil {
		d.Total.Disk += uint64(*d.Expected) * diskPerKept
	}
	return d, d.unknown(o)
}

// planReading says of each log what reading it takes.
func (e *env) planReading(ctx context.Context, d *planDocument, o planOptions, probes []*probed, why []string, before map[string]uint64, rules *startRules) error {
	for i, pr := range probes {
		row := planLog{Name: (&logSource{cfg: pr.cfg}).name(), Type: pr.cfg.Type, URL: pr.cfg.URL, Source: "from the list", Why: why[i], BytesFrom: "unknown", RateFrom: "unknown", Limits: []planLimit{}}
		if row.Why == whyByHand {
			row.Source = "by hand"
		}
		e.planSize(&row, pr, o, before)
		e.planRange(ctx, &row, pr, o, rules)
		row.planBytes(pr.cfg.Type)
		if err := ctx.Err(); err != nil {
			return err
		}
		e.planSpeed(ctx, &row, pr, o)
		d.Logs = append(d.Logs, row)
	}
	return nil
}

const whyByHand = "it is configured by hand"

// planLogs returns the logs that would be read, with the reason for each, and what was
// chosen from a log list, if there is one.
func (e *env) planLogs(ctx context.Context, cfg *config.Config, d *planDocument, p period) (logs []config.Log, why []string, c *chosen, err error) {
	for _, l := range cfg.Logs {
		if l.Exclude != "" {
			d.NotRead = append(d.NotRead, planNotRead{"excluded: " + l.Exclude, []string{(&logSource{cfg: l}).name()}})
			continue
		}
		logs, why = append(logs, l), append(why, whyByHand)
	}
	if cfg.LogList.Select != config.SelectAuto {
		return logs, why, nil, nil
	}
	list, err := e.readLogLists(ctx, cfg)
	if err != nil {
		return nil, nil, nil, err
	}
	c, err = choose(cfg, list, p.from, p.until, nil)
	if err != nil {
		return nil, nil, nil, err
	}
	d.List = list.info(e)
	d.Lists = list.infos(e)
	d.Notes = append(d.Notes, list.warnings(e.Now())...)
	if cfg.LogList.SkipWithoutRoot {
		d.Notes = append(d.Notes, "collect asks the logs of the list which roots they accept, and skips those that have none of the CA's (skip_without_root); this plan counts them")
	}
	for _, g := range c.omitted() {
		d.NotRead = append(d.NotRead, planNotRead{g.reason, g.names})
	}
	reasons := map[string]string{}
	for _, ch := range c.choices {
		reasons[string(ch.Log.Key)] = ch.Reason
	}
	for _, l := range c.logs {
		if l.Exclude == "" {
			logs, why = append(logs, l), append(why, reasons[string(l.PublicKey)])
		}
	}
	return logs, why, c, nil
}

// planSize fills in how many entries a log has, and what of them is new.
func (e *env) planSize(row *planLog, pr *probed, o planOptions, before map[string]uint64) {
	size := pr.head.Size
	id := ct.LogIDOf(pr.cfg.PublicKey).String()
	old, known := before[id]
	switch {
	case pr.err != nil:
		row.Error = pr.err.Error()
		return
	case o.Offline && !known:
		return
	case o.Offline:
		size = old
	}
	row.Entries = &size
	if known && old <= size {
		fresh := size - old
		row.New = &fresh
	}
}

// total adds up. Several logs are read at once, so the time is that of the longest, the sum
// shared out, or what the line takes for all of it, whichever is more.
func (d *planDocument) total(o planOptions) {
	t := &d.Total
	t.Logs, t.AtOnce, t.Complete = len(d.Logs), max(2, runtime.NumCPU()), true
	var time planTime
	var overLine uint64
	timed := true
	for _, l := range d.Logs {
		if l.Read == nil {
			t.Complete, timed = false, false
			continue
		}
		t.Entries += *l.Read
		t.BytesLow += *l.BytesLow
		t.BytesHigh += *l.BytesHigh
		if strings.Contains(l.URL, "://") && !strings.HasPrefix(l.URL, "file:") {
			overLine += *l.BytesHigh
		}
		if l.Hours == nil {
			timed = false
			continue
		}
		t.AtLeast = t.AtLeast || l.AtLeast
		time.add(l.Name, l.LimitedBy, *l.Hours)
	}
	t.Disk = t.Entries * diskPerEntry
	time.line = float64(overLine) / o.lineBytes() / 3600
	if timed && len(d.Logs) > 0 {
		hours, by := time.total(t.AtOnce)
		t.Hours, t.LimitedBy = &hours, by
	}
}

// unknown is the error of a plan in which a log did not answer, or an export cannot be read.
func (d *planDocument) unknown(o planOptions) error {
	if len(d.broken) > 0 {
		return &exitError{code: exitIncomplete, id: "records_unusable", quiet: true, err: errors.New(strings.Join(d.broken, "\n")),
			hint: "the totals are without it; `selfaudit records` shows what is made of an export"}
	}
	if o.Offline {
		return nil
	}
	silent := func(name, reason string) error {
		return &exitError{code: exitIncomplete, id: "log_unreachable", quiet: true, err: fmt.Errorf("log %s did not answer: %s", name, reason),
			hint: "the totals are without it"}
	}
	for _, l := range d.Logs {
		if l.Error != "" {
			return silent(l.Name, l.Error)
		}
	}
	if d.LookUp != nil {
		for _, l := range d.LookUp.Logs {
			if l.Error != "" {
				return silent(l.Name, l.Error)
			}
		}
	}
	return nil
}
