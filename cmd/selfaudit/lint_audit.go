package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"selfaudit/internal/terminal"
	"selfaudit/lint"
)

// lintAuditDocument is what `lint --json` writes for an audit.
type lintAuditDocument struct {
	Schema       string         `json:"schema"`
	AuditID      string         `json:"audit_id"`
	Mode         string         `json:"mode"`
	Certificates int            `json:"certificates"`
	WithFindings int            `json:"with_findings"`
	Findings     map[string]int `json:"findings"` // by severity
	// Rechecked says how many results zlint's own loop gave too; null with --reference.
	Rechecked *lint.Recheck `json:"rechecked"`
	// AsIf counts the findings as if issued on the day of linting, by severity.
	AsIf  asIfCounts      `json:"as_if_today"`
	Waive *waiversPreview `json:"waivers,omitempty"` // what waivers.toml would waive in the report
	Next  string          `json:"next"`
	worst lint.Severity
}

// asIfCounts sums up lint/as-if.jsonl.
type asIfCounts struct {
	Day      string         `json:"day"`
	Findings map[string]int `json:"findings"`
}

// runLintAudit is `lint` without FILE arguments: it lints the audit's sample.
func runLintAudit(ctx context.Context, e *env, o lintOptions) error {
	w, err := openWorkspace(e, "lint")
	var known *exitError
	if errors.As(err, &known) && known.id == "no_workspace" {
		return usageErrorf("name files or folders to lint, or - for standard input; or stand in a workspace to lint an audit's sample",
			"no FILE given, and %s is no workspace", e.Workspace)
	}
	if err != nil {
		return err
	}
	defer w.close()
	a, err := e.pick()
	if err != nil {
		return err
	}
	e.banner(a)
	w.noWaivers = o.NoWaivers
	doc, err := w.lint(ctx, a, o.Reference)
	if err == nil && o.JSONL {
		return a.dir.CopyTo(e.Stdout, docResults)
	}
	if err := show(e, doc, err); err != nil {
		return err
	}
	if o.FailOn > 0 && doc.worst >= o.FailOn {
		return &exitError{code: exitFindings, quiet: true, err: errors.New("there are findings of severity " + o.FailOn.String() + " or worse")}
	}
	return nil
}

// lint runs the stage on audit a: every certificate and precertificate of the sampled
// items, final certificates first, in the order of the sample.
func (w *workspace) lint(ctx context.Context, a *audit, reference bool) (*lintAuditDocument, error) {
	if err := a.need(stageLint); err != nil {
		return nil, err
	}
	if !a.done(stageLint) {
		if err := w.lintNow(ctx, a, reference); err != nil {
			return nil, err
		}
	} else if reference {
		w.e.notef("audit %s is linted already: --reference changes nothing", a.id)
	}
	if err := a.record(w.e, "lint", "", docAsIf, docLinter, docResults); err != nil {
		return nil, err
	}
	if err := w.secondOpinion(ctx, a); err != nil {
		return nil, err
	}
	d, err := lintSummary(a)
	if err == nil && !w.noWaivers {
		d.Waive, err = w.previewWaivers(a)
	}
	return d, err
}

// lintSummary counts what lint/results.jsonl says.
func lintSummary(a *audit) (*lintAuditDocument, error) {
	d := &lintAuditDocument{Schema: "selfaudit.lint-audit/v1", AuditID: a.id, Mode: a.opening.Mode, Findings: map[string]int{}, Next: "selfaudit report --audit " + a.id}
	d.AsIf.Findings = map[string]int{}
	var info lint.Info
	raw, err := a.dir.Read(docLinter)
	if err == nil {
		err = json.Unmarshal(raw, &info)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.dir.Path(docLinter), err)
	}
	if info.AuditInfo != nil {
		d.Rechecked, d.AsIf.Day = info.Rechecked, info.AuditDay
	}
	if err := eachResult(a, docResults, func(r lint.Result) {
		d.Certificates++
		if len(r.Findings) > 0 {
			d.WithFindings++
		}
		d.worst = max(d.worst, r.Worst())
		for _, f := range r.Findings {
			d.Findings[f.Severity.String()]++
		}
	}); err != nil {
		return nil, err
	}
	return d, eachResult(a, docAsIf, func(r lint.Result) {
		for _, f := range r.Findings {
			d.AsIf.Findings[f.Severity.String()]++
		}
	})
}

// eachResult calls fn for each line of a document with lint results; one that is not there
// has none.
func eachResult(a *audit, name string, fn func(lint.Result)) error {
	raw, err := fs.ReadFile(a.dir.FS(), name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for line := range bytes.Lines(raw) {
		var r lint.Result
		if err := json.Unmarshal(line, &r); err != nil {
			return fmt.Errorf("%s: %w", a.dir.Path(name), err)
		}
		fn(r)
	}
	return nil
}

// render writes the document for people.
func (d *lintAuditDocument) render(e *env) {
	e.printf("linted: %s certificates and precertificates of the sample, %s with findings\n", terminal.Count(int64(d.Certificates)), terminal.Count(int64(d.WithFindings)))
	for _, s := range []lint.Severity{lint.Fatal, lint.Error, lint.Warn, lint.Notice} {
		if n := d.Findings[s.String()]; n > 0 {
			e.printf("  %-7s %s\n", s, terminal.Count(int64(n)))
		}
	}
	if r := d.Rechecked; r != nil {
		e.printf("compared with zlint's own loop: %s of %s results, all equal\n", terminal.Count(int64(r.Compared)), terminal.Count(int64(r.Of)))
	}
	if d.AsIf.Day != "" {
		e.printf("as if issued on %s (no compliance result): %s\n", d.AsIf.Day, severityCounts(d.AsIf.Findings))
	}
	if d.Waive != nil {
		d.Waive.render(e)
	}
	e.printf("next: %s\n", d.Next)
}

// severityCounts is a line such as "2 error, 10 notice".
func severityCounts(counts map[string]int) string {
	text := ""
	for _, s := range []lint.Severity{lint.Fatal, lint.Error, lint.Warn, lint.Notice} {
		if n := counts[s.String()]; n > 0 {
			if text != "" {
				text += ", "
			}
			text += terminal.Count(int64(n)) + " " + s.String()
		}
	}
	if text == "" {
		return "no findings"
	}
	return text
}
