package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"selfaudit/internal/terminal"
	"selfaudit/lint"
	"selfaudit/sampler"
)

// lintAuditDocument is what `lint --json` writes for an audit.
type lintAuditDocument struct {
	Schema       string         `json:"schema"`
	AuditID      string         `json:"audit_id"`
	Mode         string         `json:"mode"`
	Certificates int            `json:"certificates"`
	WithFindings int            `json:"with_findings"`
	Findings     map[string]int `json:"findings"` // by severity
	Next         string         `json:"next"`
	worst        lint.Severity
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
	doc, err := w.lint(ctx, a)
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
func (w *workspace) lint(ctx context.Context, a *audit) (*lintAuditDocument, error) {
	if err := a.need(stageLint); err != nil {
		return nil, err
	}
	if !a.done(stageLint) {
		if err := w.lintNow(ctx, a); err != nil {
			return nil, err
		}
	}
	if err := a.record(w.e, "lint", "", docLinter, docResults); err != nil {
		return nil, err
	}
	return lintSummary(a)
}

func (w *workspace) lintNow(ctx context.Context, a *audit) error {
	// Almost nothing lives longer than one certificate, so the collector would run all
	// the time for very little; a larger heap costs a few megabytes.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	linter, err := lint.New(lint.Options{Document: true})
	if err != nil {
		return fmt.Errorf("starting the linter: %w", err)
	}
	info, err := jsonDocument(linter.Info())
	if err != nil {
		return err
	}
	files, err := a.sampledFiles()
	if err != nil {
		return err
	}
	out, err := a.dir.Create(docResults)
	if err != nil {
		return err
	}
	defer out.Abort()
	lines := bufio.NewWriter(out)
	enc := json.NewEncoder(lines)
	enc.SetEscapeHTML(false)
	progress := w.e.progress()
	defer progress.Close()
	line := progress.Line("lint", "certificates")
	line.Set(0, int64(len(files)))
	var readErr error
	artifacts := func(yield func(lint.Artifact) bool) {
		for _, name := range files {
			der, err := a.dir.Read(name)
			if err != nil {
				readErr = err
				return
			}
			if !yield(lint.Artifact{File: name, Kind: lint.KindCert, DER: der}) {
				return
			}
		}
	}
	err = linter.LintAll(ctx, artifacts, runtime.GOMAXPROCS(0), func(r lint.Result) error {
		line.Add(1)
		return enc.Encode(r)
	})
	if err := errors.Join(readErr, err); err != nil {
		return err
	}
	if err := lines.Flush(); err != nil {
		return err
	}
	if err := a.dir.Replace(docLinter, info); err != nil {
		return err
	}
	return out.Commit()
}

// sampledFiles lists the certificates of the sampled items in the order of the sample:
// within an item final certificates first, then by hash.
func (a *audit) sampledFiles() ([]string, error) {
	raw, err := a.dir.Read(docSample)
	if err != nil {
		return nil, err
	}
	rows, err := sampler.ParseSample(raw)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(a.dir.Path(docSightings))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	certs := map[sampler.ItemID][]string{}
	err = sampler.ReadSightings(f, func(s sampler.Sighting) error {
		// The form is part of the sorting key: "final" is before "precert".
		key := string(s.Form) + " certificates/" + s.Cert.String() + ".der"
		if list := certs[s.ItemID]; !slices.Contains(list, key) {
			certs[s.ItemID] = append(list, key)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out []string
	for _, r := range rows {
		if r.Role != sampler.RoleSample {
			continue
		}
		list := certs[r.Item]
		if len(list) == 0 {
			return nil, fmt.Errorf("%s names no certificate of sampled item %s", a.dir.Path(docSightings), r.Item)
		}
		slices.Sort(list)
		for _, key := range list {
			out = append(out, key[strings.IndexByte(key, ' ')+1:])
		}
	}
	return out, nil
}

// lintSummary counts what lint/results.jsonl says.
func lintSummary(a *audit) (*lintAuditDocument, error) {
	raw, err := fs.ReadFile(a.dir.FS(), docResults)
	if err != nil {
		return nil, err
	}
	d := &lintAuditDocument{Schema: "selfaudit.lint-audit/v1", AuditID: a.id, Mode: a.opening.Mode, Findings: map[string]int{}, Next: "selfaudit report --audit " + a.id}
	for line := range bytes.Lines(raw) {
		var r lint.Result
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, fmt.Errorf("%s: %w", a.dir.Path(docResults), err)
		}
		d.Certificates++
		if len(r.Findings) > 0 {
			d.WithFindings++
		}
		d.worst = max(d.worst, r.Worst())
		for _, f := range r.Findings {
			d.Findings[f.Severity.String()]++
		}
	}
	return d, nil
}

// render writes the document for people.
func (d *lintAuditDocument) render(e *env) {
	e.printf("linted: %s certificates and precertificates of the sample, %s with findings\n", terminal.Count(int64(d.Certificates)), terminal.Count(int64(d.WithFindings)))
	for _, s := range []lint.Severity{lint.Fatal, lint.Error, lint.Warn, lint.Notice} {
		if n := d.Findings[s.String()]; n > 0 {
			e.printf("  %-7s %s\n", s, terminal.Count(int64(n)))
		}
	}
	e.printf("next: %s\n", d.Next)
}
