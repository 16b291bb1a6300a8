package main

import (
	"cmp"
	"fmt"
	"strings"

	"selfaudit/internal/config"
	"selfaudit/internal/terminal"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
)

// lastFrozen returns the newest frozen audit, a rehearsal only when there is no other; nil
// without one.
func (e *env) lastFrozen() (*audit, error) {
	all, err := e.audits()
	if err != nil {
		return nil, err
	}
	var last *audit
	for _, a := range all {
		if a.commitment != nil && (last == nil || last.rehearsal() || !a.rehearsal()) {
			last = a
		}
	}
	return last, nil
}

// readSnapshot reads the snapshot of a frozen audit.
func (a *audit) readSnapshot() (*sampler.Snapshot, error) {
	raw, err := a.dir.Read(docSnapshot)
	if err != nil {
		return nil, err
	}
	snap, err := sampler.ParseSnapshot(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.dir.Path(docSnapshot), err)
	}
	return snap, nil
}

// treeSizes returns how far the audit read each log, by log id.
func (a *audit) treeSizes() (map[string]uint64, error) {
	snap, err := a.readSnapshot()
	if err != nil {
		return nil, err
	}
	sizes := map[string]uint64{}
	for _, l := range snap.Logs {
		if l.Status == sampler.LogProven {
			sizes[l.LogID] = l.TreeSize
		}
	}
	return sizes, nil
}

// expect fills in the strata, with the sample that today's rules give: scaled from the audit
// before to the length of the period, rounded up; without one, as the certificates that the CA
// gives are dated.
func (d *planDocument) expect(cfg *config.Config, prev *audit, p period, given *collect.SCTForecast) error {
	switch {
	case prev != nil:
		return d.expectAsBefore(cfg, prev, p)
	case given != nil && len(given.Items) > 0:
		d.Notes = append(d.Notes, "items are the certificates that the CA gives and whose notBefore lies in the period; strata by columns are not told apart")
		return d.expected(cfg, given.Items, nil, nil)
	}
	d.Notes = append(d.Notes, "there is no audit before: how many items to expect is unknown")
	return nil
}

func (d *planDocument) expectAsBefore(cfg *config.Config, prev *audit, p period) error {
	raw, err := prev.dir.Read(docStrata)
	if err != nil {
		return err
	}
	strata, err := sampler.ParseStrata(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", prev.dir.Path(docStrata), err)
	}
	start, end, err := prev.period()
	if err != nil {
		return err
	}
	counts := map[sampler.StratumID]int64{}
	was := map[sampler.StratumID]int64{}
	for _, s := range strata {
		was[s.ID] = s.Population
		ratio := p.until.Sub(p.from).Seconds() / end.Sub(start).Seconds()
		counts[s.ID] = max(1, int64(float64(s.Population)*ratio+0.999999))
	}
	snap, err := prev.readSnapshot()
	if err != nil {
		return err
	}
	d.Notes = append(d.Notes, fmt.Sprintf("items are expected as in audit %s (%s to %s), for the length of this period", prev.id, prev.opening.PeriodStart, prev.opening.PeriodEnd))
	return d.expected(cfg, counts, was, snap.Words())
}

func (d *planDocument) expected(cfg *config.Config, counts, was map[sampler.StratumID]int64, labels map[string]string) error {
	issuers, err := loadIssuers(cfg)
	if err != nil {
		return err
	}
	rules, err := issuerRules(cfg, issuers)
	if err != nil {
		return err
	}
	rules.Labels = labels
	planned, err := rules.Plan(counts)
	if err != nil {
		return err
	}
	var items, sample int64
	for _, s := range planned {
		items += s.Population
		sample += s.Sample
		d.Strata = append(d.Strata, planStratum{s.ID.String(), s.Text(), was[s.ID], s.Population, s.RateBP, s.Sample})
	}
	hours := float64(sample) * d.Reviewer.Minutes / 60
	d.Expected, d.Sample, d.Reviewer.Hours = &items, &sample, &hours
	return nil
}

// render writes the document for people.
func (d *planDocument) render(e *env) {
	e.printf("period %s to %s, %s\n", d.Period[0], d.Period[1], d.PeriodOrigin)
	if d.List != nil {
		lists, head := d.Lists, "log list"
		if len(lists) == 0 {
			lists = []logListInfo{*d.List}
		}
		for i, l := range lists {
			if len(lists) > 1 {
				head = fmt.Sprintf("log list %d:", i+1)
			}
			e.printf("%s version %s of %s (%s)\n", head, terminal.Escape(orDash(l.Version)), l.Timestamp, terminal.Escape(l.Source))
		}
	}
	e.printf("mode %s: %s\n", d.Mode, modeWords[d.Mode])
	if len(d.Logs) > 0 {
		e.printf("\n")
		t := e.table()
		t.Header("log", "entries", "from", "to read", "bytes", "entries/s", "limited by", "hours", "why")
		for _, l := range d.Logs {
			why := l.Source
			if l.Error != "" {
				why = "no answer: " + l.Error
			}
			t.Row(terminal.Escape(l.Name), count(l.Entries), count(l.First), count(l.Read), byteRange(l.BytesLow, l.BytesHigh), number(l.Rate, "%.0f"), cmp.Or(l.LimitedBy, "-"), number(l.Hours, "%.1f"), terminal.Escape(why))
		}
		_ = t.Flush() // a failed write shows at the end, in Main
	}
	for _, l := range d.Logs {
		if l.FirstReason != "" {
			e.printf("%s: %s\n", terminal.Escape(l.Name), terminal.Escape(l.FirstReason))
		}
	}
	for _, g := range d.NotRead {
		e.printf("not read: %s: %s\n", terminal.Escape(g.Reason), terminal.Escape(clipText(strings.Join(g.Logs, "; "), 300)))
	}
	if d.Mode != sampler.CollectRecords {
		d.renderReading(e)
	}
	d.renderLookUp(e)
	if len(d.Strata) > 0 {
		e.printf("\n")
		t := e.table()
		t.Header("stratum", "before", "expected", "rate", "sample")
		for _, s := range d.Strata {
			t.Row(terminal.Escape(s.Label), terminal.Count(s.Before), terminal.Count(s.Expected), percent(s.RateBP), terminal.Count(s.Sample))
		}
		_ = t.Flush() // as above
	}
	e.printf("expected items: %s, sample: %s, reviewer hours: %s (%g minutes each)\n", countSigned(d.Expected), countSigned(d.Sample), number(d.Reviewer.Hours, "%.0f"), d.Reviewer.Minutes)
	for _, n := range d.Notes {
		e.printf("note: %s\n", terminal.Escape(n))
	}
	for _, b := range d.broken {
		e.printf("cannot be used as it is: %s\n", terminal.Escape(b))
	}
	e.printf("nothing was opened, pinned or written\n")
}

var modeWords = map[string]string{
	sampler.CollectLogs:    "the logs are read",
	sampler.CollectRecords: "the certificates that the CA gives are looked up in the logs; the logs are not read",
	sampler.CollectBoth:    "the logs are read, and the certificates that the CA gives are looked up in them",
}

// renderReading writes what reading the logs takes, in total.
func (d *planDocument) renderReading(e *env) {
	t := d.Total
	least, hours := "", ""
	if !t.Complete {
		least, hours = "at least ", "at least "
	}
	if t.AtLeast {
		hours = "at least "
	}
	by := ""
	if t.LimitedBy != "" {
		by = ", limited by " + terminal.Escape(t.LimitedBy)
	}
	e.printf("\n%s, %s%s to read, %s%s to download, %s%s on disk, %s%s hours at %s at once%s\n", sampler.Counted(t.Logs, "log", "logs"), least,
		sampler.Counted(t.Entries, "entry", "entries"), least, byteRange(&t.BytesLow, &t.BytesHigh), least, bytesText(t.Disk), hours, number(t.Hours, "%.1f"), sampler.Counted(t.AtOnce, "log", "logs"), by)
}

func count(n *uint64) string {
	if n == nil {
		return "unknown"
	}
	return terminal.Count(int64(*n))
}

func countSigned(n *int64) string {
	if n == nil {
		return "unknown"
	}
	return terminal.Count(*n)
}

func number(x *float64, format string) string {
	if x == nil {
		return "unknown"
	}
	return fmt.Sprintf(format, *x)
}

// byteRange writes one size, or two when they differ.
func byteRange(low, high *uint64) string {
	switch {
	case low == nil || high == nil:
		return "unknown"
	case bytesText(*low) == bytesText(*high):
		return bytesText(*low)
	}
	return bytesText(*low) + " to " + bytesText(*high)
}

func bytesText(n uint64) string {
	units := []string{"B", "kB", "MB", "GB", "TB", "PB"}
	x, i := float64(n), 0
	for x >= 999.5 && i < len(units)-1 {
		x /= 1000
		i++
	}
	if i == 0 || x >= 99.5 {
		return fmt.Sprintf("%.0f %s", x, units[i])
	}
	return fmt.Sprintf("%.1f %s", x, units[i])
}
