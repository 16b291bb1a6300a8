package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"selfaudit/internal/auditdir"
	"selfaudit/lint/requirements"
)

// docRegister is the CA's register of reviews as the report found it.
const docRegister = "config/" + requirements.RegisterFile

// registerPath is where the workspace keeps the register.
func (e *env) registerPath() string { return filepath.Join(e.Workspace, requirements.RegisterFile) }

// readRegister reads the workspace's register; nil with nil bytes when there is none.
func (e *env) readRegister() (*requirements.Register, []byte, error) {
	raw, err := auditdir.At(e.Workspace).Read(requirements.RegisterFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	r, err := requirements.ParseRegister(raw)
	if err != nil {
		return nil, nil, &exitError{code: exitUsage, id: "register", err: fmt.Errorf("%s: %w", e.registerPath(), err),
			hint: "mend the line in a text editor, or bring the file back; nothing was changed"}
	}
	return r, raw, nil
}

// keepRegister puts the register into the audit's folder, byte for byte, as long as the
// report is not complete: afterwards it is part of what was reported.
func (w *workspace) keepRegister(a *audit) error {
	if a.done(stageReport) {
		return nil
	}
	_, raw, err := w.e.readRegister()
	if err != nil {
		return err
	}
	if raw == nil {
		return a.dir.Remove(docRegister)
	}
	return a.dir.Replace(docRegister, raw)
}

// reportDocuments are the documents that the report's record names: what it wrote, and what
// it used that no earlier stage has recorded.
func (a *audit) reportDocuments() []string {
	names := []string{docWaivers, docFindings, docWorkbook, docSummary}
	for _, name := range []string{docRegister, docPopulationLint, docSecondOpinion} {
		if a.dir.Has(name) {
			names = append(names, name)
		}
	}
	return names
}

// Documents that may stand beside the results of the sample.
const (
	docPopulationLint = "lint/population.jsonl"
	docSecondOpinion  = "lint/second-opinion.jsonl"
)
