package main

import (
	"selfaudit/lint"
	"selfaudit/lint/requirements"
)

// lintLines is --jsonl.
type lintLines struct{ e *env }

func (v lintLines) result(a lint.Artifact, r lint.Result) error {
	return v.e.writeJSONLine(lintObjectOf(v.e, a, r))
}

func (v lintLines) end(*lintInputs) error { return nil }

// lintObject is one artifact in --jsonl and --json. All fields are always
// there, also empty ones: scripts need not ask. Only as_if is there only in an
// "as if" run, so that its results cannot be taken for others.
type lintObject struct {
	File     string              `json:"file"`
	Kind     lint.Kind           `json:"kind"`
	SHA256   string              `json:"sha256"`
	AsIf     string              `json:"as_if,omitempty"`
	Block    int                 `json:"block"` // position in the file, from 0
	InForce  lintVersions        `json:"in_force"`
	Findings []lintObjectFinding `json:"findings"`
}

// lintVersions are the versions of the governing documents: when the certificate was
// issued (or on the day of "as if"), and now.
type lintVersions struct {
	Issued []string `json:"issued"`
	Now    []string `json:"now"`
}

type lintObjectFinding struct {
	Lint     string        `json:"lint"`
	Severity lint.Severity `json:"severity"`
	Source   string        `json:"source"`
	Citation string        `json:"citation"`
	Details  string        `json:"details"`
	// Revocation is the item of the reasons for revocation, null where there is none.
	Revocation *lint.Ground `json:"revocation"`
	// Waiver is the id of the waiver that holds for it; only with --waivers.
	Waiver string `json:"waiver,omitempty"`
}

func lintObjectOf(e *env, a lint.Artifact, r lint.Result) lintObject {
	o := lintObject{
		File: r.File, Kind: r.Kind, SHA256: r.SHA256, AsIf: r.AsIf, Block: a.Block,
		InForce:  lintVersions{inForce(r, issuedOn(r)), inForce(r, e.Now())},
		Findings: make([]lintObjectFinding, len(r.Findings)),
	}
	for i, f := range r.Findings {
		o.Findings[i] = lintObjectFinding{f.Lint, f.Severity, f.Source, f.Citation, f.Details, groundOf(r, f), r.Waiver(i)}
	}
	return o
}

// lintDocument is what `lint --json FILE...` writes.
type lintDocument struct {
	Schema string    `json:"schema"`
	Linter lint.Info `json:"linter"`
	// Tables is the edition of the table of document versions behind in_force.
	Tables     string            `json:"tables"`
	AsIf       string            `json:"as_if,omitempty"`
	Artifacts  []lintObject      `json:"artifacts"`
	Unreadable []unreadableInput `json:"unreadable"`
}

type lintDocumentView struct {
	e   *env
	doc lintDocument
}

func newLintDocumentView(e *env, info lint.Info) *lintDocumentView {
	return &lintDocumentView{e: e, doc: lintDocument{
		Schema: "selfaudit.lint/v1", Linter: info, Tables: requirements.Edition(), AsIf: info.AsIf,
		Artifacts: []lintObject{}, Unreadable: []unreadableInput{},
	}}
}

func (v *lintDocumentView) result(a lint.Artifact, r lint.Result) error {
	v.doc.Artifacts = append(v.doc.Artifacts, lintObjectOf(v.e, a, r))
	return nil
}

func (v *lintDocumentView) end(in *lintInputs) error {
	v.doc.Unreadable = append(v.doc.Unreadable, in.unreadable...)
	return v.e.writeJSON(v.doc)
}
