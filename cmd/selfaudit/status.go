package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"selfaudit/internal/config"
	"selfaudit/internal/terminal"
	"selfaudit/sampler"
)

func newStatusCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Where the audits stand, and the one next command",
		Long: `Where each audit of the workspace stands, what it waits for, and the one command to run
next. It changes nothing and works while another command is running.`,
		Example: `  selfaudit status
  selfaudit status --audit 2026-Q3
  selfaudit status --json | jq -r '.audits[].next'`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			doc, err := e.status()
			return show(e, doc, err)
		},
	}
}

// statusDocument is what `status --json` writes.
type statusDocument struct {
	Schema    string        `json:"schema"`
	Workspace string        `json:"workspace"`
	Now       string        `json:"now"`
	Problems  []string      `json:"problems"`          // of the configuration
	Waivers   []string      `json:"waivers,omitempty"` // what is wrong with waivers.toml, and what has expired in it
	Audits    []auditStatus `json:"audits"`
	Next      string        `json:"next"`
}

type auditStatus struct {
	AuditID    string        `json:"audit_id"`
	Mode       string        `json:"mode"`
	Period     [2]string     `json:"period"`
	Stages     []stageStatus `json:"stages"`
	BeaconTime string        `json:"beacon_time,omitempty"`
	WaitsFor   string        `json:"waits_for,omitempty"`
	Open       []string      `json:"open"`
	Next       string        `json:"next"`
}

type stageStatus struct {
	Stage string `json:"stage"`
	Done  bool   `json:"done"`
	At    string `json:"at,omitempty"`
}

func (e *env) status() (*statusDocument, error) {
	d := &statusDocument{Schema: "selfaudit.status/v1", Workspace: e.Workspace, Now: sampler.FormatTime(e.Now()), Audits: []auditStatus{}, Problems: []string{}}
	cfg, err := e.loadConfig()
	if err != nil {
		return nil, err
	}
	// A configuration that is not filled in yet is a state, not a failure of status.
	var open config.Errors
	if err := cfg.Complete(); errors.As(err, &open) {
		for _, p := range open {
			d.Problems = append(d.Problems, p.Error())
		}
	}
	d.Waivers = e.waiverState()
	var list []*audit
	if e.AuditID != "" {
		a, err := e.pick()
		if err != nil {
			return nil, err
		}
		list = []*audit{a}
	} else if list, err = e.audits(); err != nil {
		return nil, err
	}
	for _, a := range list {
		s, err := e.auditStatus(a)
		if err != nil {
			return nil, err
		}
		d.Audits = append(d.Audits, s)
		if s.Next != "" && d.Next == "" {
			d.Next = s.Next
		}
	}
	switch {
	case len(d.Problems) > 0:
		d.Next = "edit " + e.configPath()
	case d.Next == "" && len(list) == 0:
		d.Next = "selfaudit run --audit ID --from TIME --until TIME"
	}
	return d, nil
}

func (e *env) auditStatus(a *audit) (auditStatus, error) {
	s := auditStatus{AuditID: a.id, Mode: a.opening.Mode, Period: [2]string{a.opening.PeriodStart, a.opening.PeriodEnd}, Open: []string{}}
	events, err := a.dir.Events()
	if err != nil {
		return s, err
	}
	at := map[string]string{}
	for _, ev := range events {
		at[ev.Stage] = ev.At
	}
	for st := stageCollect; st < stageCount; st++ {
		done := a.done(st)
		row := stageStatus{Stage: st.String(), Done: done}
		if done {
			row.At = at[st.String()]
		}
		s.Stages = append(s.Stages, row)
	}
	next := a.next()
	if next < stageCount {
		s.Next = fmt.Sprintf("selfaudit %s --audit %s", next, a.id)
	} else {
		s.Open = append(s.Open, "manual review", "signatures")
	}
	if excluded := a.excluded(); a.commitment != nil && excluded != nil {
		s.Open = append(s.Open, excluded.Error())
	}
	if a.commitment != nil {
		s.BeaconTime = sampler.FormatTime(a.commitment.BeaconTime)
		if next == stageDraw && e.Now().Before(a.commitment.BeaconTime) {
			s.WaitsFor = beaconWords(a.commitment)
		}
	}
	return s, nil
}

// render writes the document for people.
func (d *statusDocument) render(e *env) {
	p := e.out()
	for _, problem := range d.Problems {
		e.printf("%s %s\n", p.Warn("configuration:"), terminal.Escape(problem))
	}
	for _, line := range d.Waivers {
		e.printf("%s %s\n", p.Warn("waivers:"), terminal.Escape(line))
	}
	if len(d.Audits) == 0 {
		e.printf("no audit yet\nnext: %s\n", p.Mark(d.Next))
		return
	}
	for i, a := range d.Audits {
		if i > 0 {
			e.printf("\n")
		}
		e.printf("%s  %s to %s\n", p.Bold("audit "+a.AuditID), a.Period[0], a.Period[1])
		if a.Mode == sampler.ModeRehearsal {
			e.printf("  %s\n", p.Warn(rehearsalBanner))
		}
		for _, s := range a.Stages {
			mark, at := "[ ]", ""
			if s.Done {
				mark, at = "[x]", s.At
			}
			e.printf("  %s %-8s %s\n", mark, s.Stage, at)
		}
		if a.WaitsFor != "" {
			e.printf("  waits for %s\n", terminal.Escape(a.WaitsFor))
		}
		for _, o := range a.Open {
			e.printf("  open: %s\n", o)
		}
		if a.Next == "" {
			a.Next = "hand over the package in audits/" + a.AuditID + "/" + sealedFolder
		}
		e.printf("  next: %s\n", p.Mark(a.Next))
	}
}
