package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"selfaudit/lint"
)

// lintView shows results one by one, in the order of the input.
type lintView interface {
	result(a lint.Artifact, r lint.Result) error
	end(in *lintInputs) error
}

func newLintView(e *env, o lintOptions, linter *lint.Linter) lintView {
	switch o.Format {
	case formatJSONL:
		return lintLines{e}
	case formatJSON:
		return newLintDocumentView(e, linter.Info())
	case formatSARIF:
		return newSARIFView(e, linter.Info())
	case formatJUnit:
		return &junitView{e: e}
	case formatCSV:
		return newLintCSV(e)
	}
	return newLintText(e, linter.Info())
}

// to runs a part of the command with -o: what it writes to standard output goes into a
// file that appears when it is complete. Exit codes that come with a complete result
// (findings, unreadable inputs) do not keep it from appearing.
func (o lintOptions) to(e *env, run func(*env) error) error {
	if o.Output == "" {
		return run(e)
	}
	if err := writableName(o.Output); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(o.Output), ".selfaudit-*")
	if err != nil {
		return withHint(fmt.Errorf("-o %s: %w", o.Output, bareError(err)), "name a file in a folder where this user may write")
	}
	defer os.Remove(f.Name()) // nothing is left to remove once it is renamed
	defer f.Close()
	inner := *e
	out := &stickyWriter{w: f}
	inner.Stdout, inner.StdoutTTY = out, false
	err = run(&inner)
	var known *exitError
	if err != nil && (!errors.As(err, &known) || known.code != exitFindings && known.id != "unreadable_input") {
		return err
	}
	if writeErr := errors.Join(out.err, f.Chmod(0o644), f.Close()); writeErr != nil {
		return fmt.Errorf("writing %s: %w", o.Output, writeErr)
	}
	if renameErr := os.Rename(f.Name(), o.Output); renameErr != nil {
		return fmt.Errorf("writing %s: %w", o.Output, renameErr)
	}
	return err
}

// writableName refuses names that no file can get, before anything is linted.
func writableName(name string) error {
	folder := filepath.Dir(name)
	switch info, err := os.Stat(folder); {
	case errors.Is(err, fs.ErrNotExist), err == nil && !info.IsDir():
		return usageErrorf("make the folder, or name a file in another one", "-o %s: there is no folder %s", name, folder)
	case err != nil:
		return fmt.Errorf("-o %s: %w", name, err)
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return usageErrorf("name a file", "-o %s: this is a folder", name)
	}
	return nil
}

// bareError is an error of the file system without the path, which may be that of a temporary file.
func bareError(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// groundOf says under which item of the reasons for revocation a finding falls; nil where
// nothing has to be revoked for it. An "as if" judgement is about no certificate that
// exists.
func groundOf(r lint.Result, f lint.Finding) *lint.Ground {
	if r.AsIf != "" || r.Description == nil {
		return nil
	}
	holder := r.Description.Holder
	if r.Kind == lint.KindCert && holder.Role == "" {
		return nil
	}
	if g, ok := lint.GroundOf(f, holder); ok {
		return &g
	}
	return nil
}

// inForce lists the versions of the documents that govern a certificate in force on a day,
// such as "TLS-BR 1.6.7"; empty for what is no certificate.
func inForce(r lint.Result, day time.Time) []string {
	list := []string{}
	if r.Description == nil || r.Description.Holder.Role == "" || day.IsZero() {
		return list
	}
	for _, v := range r.Description.Holder.InForce(day) {
		list = append(list, v.Document+" "+v.Number)
	}
	return list
}

// issuedOn is the day as of which a result judges: that of "as if", else of notBefore.
func issuedOn(r lint.Result) time.Time {
	if r.AsIf != "" {
		// The text was written by the linter; should it not read, no version is named.
		day, _ := time.Parse(time.DateOnly, r.AsIf)
		return day
	}
	if r.Description == nil {
		return time.Time{}
	}
	return r.Description.NotBefore
}
