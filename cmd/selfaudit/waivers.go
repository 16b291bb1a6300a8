package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"selfaudit/internal/auditdir"
	"selfaudit/internal/config"
	"selfaudit/internal/terminal"
	"selfaudit/lint/waivers"
	"selfaudit/reports"
)

// waiversFile is the workspace's file of waivers.
const waiversFile = "waivers.toml"

func (e *env) waiversPath() string { return filepath.Join(e.Workspace, waiversFile) }

// readWaivers reads the workspace's waivers with the program's own; without a file there are
// only those.
func (e *env) readWaivers() (*config.Waivers, error) {
	if !config.ExistsWaivers(e.waiversPath()) {
		return waivers.WithBuiltin(config.NoWaivers()), nil
	}
	return loadWaivers(e.waiversPath())
}

// loadWaivers reads a file of waivers and fills in the program's own.
func loadWaivers(path string) (*config.Waivers, error) {
	w, err := config.LoadWaivers(path)
	var broken config.Errors
	if errors.As(err, &broken) {
		return nil, &exitError{code: exitUsage, id: "waivers", err: err, hint: "every waiver needs lint, reason, approver, link, expires, and issuer, profile, serial or all = true"}
	}
	if err != nil {
		return nil, err
	}
	return waivers.WithBuiltin(w), nil
}

// keepWaivers puts the waivers into the audit's folder as the report made at a time applies
// them, as long as the report is not complete: afterwards they are part of what was reported.
func (w *workspace) keepWaivers(a *audit, at time.Time) error {
	if a.done(stageReport) && a.dir.Has(docWaivers) {
		return nil
	}
	kept, err := w.e.readWaivers()
	if err != nil {
		return err
	}
	kept.AppliedOn = at.UTC().Truncate(24 * time.Hour)
	if a.done(stageReport) {
		err = a.dir.WriteOnce(docWaivers, kept.Captured())
		if errors.Is(err, auditdir.ErrFrozen) {
			return fmt.Errorf("%s: %w", a.dir.Path(docWaivers), err)
		}
		return err
	}
	return a.dir.Replace(docWaivers, kept.Captured())
}

// waiversPreview is what the workspace's waivers would do in a report made now.
type waiversPreview struct {
	File     string        `json:"file"`
	Findings int           `json:"findings"` // of sources that apply
	Waived   int           `json:"waived"`
	Uses     []waivers.Use `json:"waivers"`
}

// previewWaivers applies the workspace's waivers to a linted audit; nil without a file, and
// when the report has captured its waivers already.
func (w *workspace) previewWaivers(a *audit) (*waiversPreview, error) {
	if !config.ExistsWaivers(w.e.waiversPath()) || a.done(stageReport) {
		return nil, nil
	}
	kept, err := w.e.readWaivers()
	if err != nil {
		return nil, err
	}
	picture, err := reports.Load(a.dir.FS())
	if err != nil {
		return nil, err
	}
	set := waivers.New(kept, w.e.Now(), picture.FoundWhileCollecting)
	picture.Preview(set)
	p := &waiversPreview{File: w.e.waiversPath(), Uses: set.Uses()}
	for _, it := range picture.SampleItems() {
		for _, f := range it.Findings {
			if f.Aside {
				continue
			}
			if p.Findings++; f.Waiver != "" {
				p.Waived++
			}
		}
	}
	return p, nil
}

func (p *waiversPreview) render(e *env) {
	e.printf("%s: the report would show %s of %s findings as waived\n", terminal.Escape(shownPath(p.File)), terminal.Count(int64(p.Waived)), terminal.Count(int64(p.Findings)))
	for _, line := range waiverTrouble(p.Uses) {
		e.printf("  %s\n", terminal.Escape(line))
	}
}

// waiverTrouble lists the CA's waivers that have expired or waive nothing.
func waiverTrouble(uses []waivers.Use) []string {
	var out []string
	for _, u := range uses {
		switch {
		case u.Builtin:
		case u.State == waivers.StateExpired:
			what := fmt.Sprintf("%d findings are not waived", u.Findings)
			switch u.Findings {
			case 0:
				what = "it would waive no finding"
			case 1:
				what = "1 finding is not waived"
			}
			out = append(out, fmt.Sprintf("%s of %s has expired on %s: %s", u.ID, u.Lint, u.Expires, what))
		case u.State == waivers.StateUnused && u.Note != "":
			out = append(out, fmt.Sprintf("%s of %s is not used: %s", u.ID, u.Lint, u.Note))
		case u.State == waivers.StateUnused:
			out = append(out, fmt.Sprintf("%s of %s is not used: it waives no finding", u.ID, u.Lint))
		}
	}
	return out
}

// waiverState lists what is wrong with the workspace's waivers, and which have expired.
func (e *env) waiverState() []string {
	w, err := e.readWaivers()
	if err != nil {
		return strings.Split(err.Error(), "\n")
	}
	var out []string
	for _, u := range waivers.New(w, e.Now(), nil).Uses() {
		if u.State == waivers.StateExpired {
			out = append(out, fmt.Sprintf("%s of %s has expired on %s", u.ID, u.Lint, u.Expires))
		}
	}
	return out
}
