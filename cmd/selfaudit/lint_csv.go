package main

import (
	"strconv"
	"time"

	"selfaudit/lint"
)

// lintCSV is --format csv: one row per finding, one for an artifact without findings, one
// for an input that cannot be read.
type lintCSV struct {
	w    csvWriter
	head bool
}

func newLintCSV(e *env) *lintCSV { return &lintCSV{w: newCSVWriter(e.Stdout)} }

var lintCSVHeader = []string{
	"file", "block", "kind", "sha256", "as_if", "subject", "issuer", "serial", "not_before", "not_after",
	"severity", "lint", "source", "citation", "meaning", "details", "revocation", "in_force", "waiver",
}

func (v *lintCSV) header() error {
	if v.head {
		return nil
	}
	v.head = true
	return v.w.row(append([]string{}, lintCSVHeader...)...)
}

func (v *lintCSV) result(a lint.Artifact, r lint.Result) error {
	if err := v.header(); err != nil {
		return err
	}
	d := lint.Description{}
	if r.Description != nil {
		d = *r.Description
	}
	versions := ""
	for i, name := range inForce(r, issuedOn(r)) {
		if i > 0 {
			versions += ", "
		}
		versions += name
	}
	artifact := func(rest ...string) []string {
		return append([]string{
			r.File, strconv.Itoa(a.Block), string(r.Kind), r.SHA256, r.AsIf, d.Subject, d.Issuer, d.Serial, csvTime(d.NotBefore), csvTime(d.NotAfter),
		}, append(rest, versions)...)
	}
	if len(r.Findings) == 0 {
		return v.w.row(append(artifact("none", "", "", "", "", "", ""), "")...)
	}
	for i, f := range r.Findings {
		ground := ""
		if g := groundOf(r, f); g != nil {
			ground = groundText(g)
		}
		if err := v.w.row(append(artifact(f.Severity.String(), f.Lint, f.Source, f.Citation, lint.Meaning(f.Lint), f.Details, ground), r.Waiver(i))...); err != nil {
			return err
		}
	}
	return nil
}

func (v *lintCSV) end(in *lintInputs) error {
	if err := v.header(); err != nil {
		return err
	}
	for _, u := range in.unreadable {
		row := make([]string, len(lintCSVHeader))
		row[0], row[10], row[15] = u.File, "unreadable", u.Error
		if err := v.w.row(row...); err != nil {
			return err
		}
	}
	return v.w.flush()
}

func csvTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
