package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"selfaudit/internal/auditdir"
	"selfaudit/internal/config"
	"selfaudit/sampler"
)

// openOrBegin returns the audit that a collect is about, opening a new one when it does
// not exist yet: then the period is needed.
func (w *workspace) openOrBegin(o collectOptions) (*audit, error) {
	e := w.e
	if e.AuditID == "" && o.From == "" && o.Until == "" {
		return e.pick()
	}
	from, until, err := o.period()
	if err != nil {
		return nil, err
	}
	id := e.AuditID
	if id == "" {
		if id, err = e.periodName(from, until, o.Rehearsal); err != nil {
			return nil, err
		}
	}
	if !sampler.ValidAuditID(id) {
		return nil, usageErrorf("use letters, digits, dot, dash and underscore, at most 64", "--audit %q is not an audit's name", id)
	}
	a, err := e.openAudit(id)
	switch {
	case err == nil:
		return a, a.samePeriod(from, until, o.Rehearsal)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	return w.begin(id, from, until, o.Rehearsal)
}

// period parses --from and --until; a missing one is zero.
func (o collectOptions) period() (from, until time.Time, err error) {
	parse := func(flag, text string) (time.Time, error) {
		if text == "" {
			return time.Time{}, nil
		}
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return t, usageErrorf("write it like 2026-07-01T00:00:00Z", "--%s %q is not an RFC 3339 time", flag, text)
		}
		if t.Nanosecond() != 0 {
			return t, usageErrorf("", "--%s %q: whole seconds only", flag, text)
		}
		return t.UTC(), nil
	}
	if from, err = parse("from", o.From); err != nil {
		return
	}
	if until, err = parse("until", o.Until); err != nil {
		return
	}
	if !from.IsZero() && !until.IsZero() && !from.Before(until) {
		err = usageErrorf("", "the period %s to %s is empty or reversed", o.From, o.Until)
	}
	return
}

// periodName is the name of an audit that was given none: its quarter, or its end.
func (e *env) periodName(from, until time.Time, rehearsal bool) (string, error) {
	if from.IsZero() && !rehearsal {
		prev, err := e.previous(&audit{opening: &sampler.Opening{}})
		if err != nil {
			return "", err
		}
		if prev != nil {
			if _, from, err = prev.period(); err != nil {
				return "", err
			}
		}
	}
	name := "until-" + until.Format("2006-01-02")
	if from.Day() == 1 && from.Month()%3 == 1 && from.AddDate(0, 3, 0).Equal(until) {
		name = fmt.Sprintf("%d-Q%d", from.Year(), (int(from.Month())+2)/3)
	}
	if rehearsal {
		name = "rehearsal-" + name
	}
	return name, nil
}

// samePeriod refuses another period or mode than the audit was opened with.
func (a *audit) samePeriod(from, until time.Time, rehearsal bool) error {
	for _, b := range []struct {
		flag  string
		given time.Time
		have  string
	}{{"from", from, a.opening.PeriodStart}, {"until", until, a.opening.PeriodEnd}} {
		if !b.given.IsZero() && sampler.FormatTime(b.given) != b.have {
			return usageErrorf("leave --from and --until out to go on, or begin another audit with another --audit",
				"audit %s was opened for %s to %s; --%s differs", a.id, a.opening.PeriodStart, a.opening.PeriodEnd, b.flag)
		}
	}
	if rehearsal && !a.rehearsal() {
		return usageErrorf("practise under another name: --audit rehearsal-1", "audit %s is a real audit; it cannot become a rehearsal", a.id)
	}
	return nil
}

// deviceNames cannot name a folder on Windows, with or without an ending.
var deviceNames = []string{"CON", "PRN", "AUX", "NUL", "COM1", "COM2", "COM3", "COM4", "COM5", "COM6", "COM7", "COM8", "COM9",
	"LPT1", "LPT2", "LPT3", "LPT4", "LPT5", "LPT6", "LPT7", "LPT8", "LPT9"}

// begin opens a new audit: it links to the previous one, whose end is its start.
func (w *workspace) begin(id string, from, until time.Time, rehearsal bool) (*audit, error) {
	e := w.e
	if name := strings.ToUpper(strings.TrimRight(strings.SplitN(id, ".", 2)[0], " ")); strings.HasSuffix(id, ".") || slices.Contains(deviceNames, name) {
		return nil, usageErrorf("choose another --audit", "%q cannot be a folder on every system", id)
	}
	if until.IsZero() {
		return nil, usageErrorf("add --until, the first moment after the period, best the first day of a month at 00:00:00Z",
			"audit %s is new: its period has no end", id)
	}
	o := &sampler.Opening{AuditID: id, Mode: sampler.ModeAudit, PeriodEnd: sampler.FormatTime(until),
		OpenedAt: sampler.FormatTime(e.Now()), Clock: e.Clock(), Program: programInfo()}
	if rehearsal {
		o.Mode = sampler.ModeRehearsal
	}
	if e.Now().Before(until) {
		return nil, &exitError{code: exitNotYet, id: "period_open", err: fmt.Errorf("the period ends at %s, which has not come", o.PeriodEnd),
			hint: "collect after the period's end; a tree head at least 24 hours later covers what logs merge late"}
	}
	if err := w.roundAhead(until, rehearsal); err != nil {
		return nil, err
	}
	if err := e.link(o, from); err != nil {
		return nil, err
	}
	a := &audit{id: id, opening: o, dir: auditdir.At(filepath.Join(e.auditsPath(), id))}
	raw, err := o.Bytes()
	if err != nil {
		return nil, usageErrorf("", "%w", err)
	}
	return a, a.dir.WriteOnce(docOpening, raw)
}

// roundAhead refuses an audit whose round, which follows by rule from the period's end,
// comes too soon for its commitment: better now than after hours of collecting.
func (w *workspace) roundAhead(until time.Time, rehearsal bool) error {
	if rehearsal || w.cfg.Audit.Beacon == config.BeaconDice {
		return nil
	}
	chain := sampler.Quicknet
	if w.cfg.Audit.Beacon == config.BeaconDefaultChain {
		chain = sampler.DefaultChain
	}
	round := sampler.RoundByRule(chain, until, w.cfg.Audit.DrawLeadDays, false, w.e.Now())
	return roundPassed(until, w.e.Now(), round, chain.RoundTime(round))
}

// roundPassed is the error of a commitment that would come too late for its round, or nil.
func roundPassed(until, now time.Time, round uint64, when time.Time) error {
	margin := sampler.CommitMargin(sampler.BeaconDrand)
	if !now.Add(margin).After(when) {
		return nil
	}
	return &exitError{code: exitUsage, id: "round_passed",
		err: fmt.Errorf("for a period that ends at %s the rule gives drand round %d at %s; the commitment must be made %d seconds before it, and it is %s now",
			sampler.FormatTime(until), round, sampler.FormatTime(when), int(margin.Seconds()), sampler.FormatTime(now)),
		hint: "choose a later --until (the window grows, nothing is skipped); or practise with --rehearsal; or set beacon = \"dice\""}
}

// link sets the period's and the chain's start. Periods are contiguous (BR 8.7: "the
// period commencing immediately after the previous self-audit sample was taken").
func (e *env) link(o *sampler.Opening, from time.Time) error {
	all, err := e.audits()
	if err != nil {
		return err
	}
	var last *audit
	for _, b := range all {
		// One that is not frozen is in no chain yet; freeze sees to it that only one of
		// two open audits takes the next place.
		if b.opening.Mode == sampler.ModeAudit && b.commitment != nil {
			last = b
		}
	}
	if o.Mode == sampler.ModeRehearsal || last == nil {
		if from.IsZero() {
			return usageErrorf("add --from: the time at which the last self-audit took its sample", "audit %s is the first of its chain: its period has no start", o.AuditID)
		}
		o.PeriodStart = sampler.FormatTime(from)
		o.ChainStart = o.PeriodStart
		return nil
	}
	o.PeriodStart, o.ChainStart, o.PreviousAudit = last.opening.PeriodEnd, last.opening.ChainStart, last.id
	if !from.IsZero() && sampler.FormatTime(from) != o.PeriodStart {
		return usageErrorf("leave --from out: no certificate may fall between two audits, and none may count twice (BR 8.7)",
			"audit %s must begin at %s, where audit %s ended, not at %s", o.AuditID, o.PeriodStart, last.id, sampler.FormatTime(from))
	}
	return nil
}
