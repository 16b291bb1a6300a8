package main

import (
	"errors"
	"time"

	"selfaudit/internal/config"
	"selfaudit/sampler"
)

// period is an audit's period that may not have been opened yet, and where it is from.
type period struct {
	from, until time.Time
	origin      string
}

func (p period) texts() [2]string {
	return [2]string{sampler.FormatTime(p.from), sampler.FormatTime(p.until)}
}

// lookAhead returns the period that a command which only looks ahead is about: the flags,
// else the audit that is open, else from where the last audit ended until now, else the
// last full quarter. Nothing is opened.
func (e *env) lookAhead(from, until string) (period, error) {
	o := collectOptions{From: from, Until: until}
	start, end, err := o.period()
	if err != nil {
		return period{}, err
	}
	p := period{from: start, until: end, origin: "as given"}
	if !start.IsZero() && !end.IsZero() {
		return p, nil
	}
	if a, err := e.pick(); err == nil && (a.commitment == nil || e.AuditID != "") && start.IsZero() && end.IsZero() {
		p.from, p.until, err = a.period()
		p.origin = "that of audit " + a.id
		return p, err
	} else if e.AuditID != "" && !isNoAudit(err) {
		return p, err
	}
	p.origin = "the last full quarter"
	now := e.Now()
	if p.until.IsZero() {
		p.until = quarterStart(now)
	} else {
		p.origin = "one quarter, up to the time given"
	}
	if p.from.IsZero() {
		p.from = p.until.AddDate(0, -3, 0)
		prev, err := e.previous(&audit{opening: &sampler.Opening{}})
		if err != nil {
			return p, err
		}
		if prev != nil {
			if _, p.from, err = prev.period(); err != nil {
				return p, err
			}
			p.origin = "from where audit " + prev.id + " ended"
			if !p.from.Before(p.until) {
				p.until, p.origin = now, p.origin+" until now"
			}
		}
	} else {
		p.origin = "from the time given"
		if !p.from.Before(p.until) {
			p.until = now
		}
	}
	if !p.from.Before(p.until) {
		return p, usageErrorf("name it with --from and --until", "the period %s to %s is empty", sampler.FormatTime(p.from), sampler.FormatTime(p.until))
	}
	return p, nil
}

func isNoAudit(err error) bool {
	var known *exitError
	return errors.As(err, &known) && known.id == "no_audit"
}

func quarterStart(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), (t.Month()-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC)
}

// emptyConfig is what commands that also work outside a workspace fall back to.
func (e *env) emptyConfig() *config.Config {
	return &config.Config{File: e.configPath(), Dir: e.Workspace, LogList: config.LogList{Select: config.SelectNone},
		Drand: config.Drand{Relays: config.DefaultRelays()}}
}

// configOrEmpty loads the configuration; a folder that is no workspace gives an empty one.
func (e *env) configOrEmpty() (cfg *config.Config, there bool, err error) {
	cfg, err = e.loadConfig()
	var known *exitError
	if errors.As(err, &known) && known.id == "no_workspace" {
		return e.emptyConfig(), false, nil
	}
	return cfg, err == nil, err
}
