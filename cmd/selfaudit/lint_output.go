package main

import (
	"fmt"
	"strings"

	"selfaudit/internal/terminal"
	"selfaudit/lint"
)

// lintView shows results one by one, in the order of the input.
type lintView interface {
	result(a lint.Artifact, r lint.Result) error
	end(in *lintInputs) error
}

func newLintView(e *env, o lintOptions, linter *lint.Linter) lintView {
	switch {
	case o.JSONL:
		return lintLines{e}
	case e.JSON:
		return &lintDocumentView{e: e, doc: lintDocument{
			Schema: "selfaudit.lint/v1", Linter: linter.Info(),
			Artifacts: []lintObject{}, Unreadable: []unreadableInput{},
		}}
	}
	return &lintText{e: e, p: e.out(), counts: map[lint.Severity]int{}}
}

// lintLines is --jsonl.
type lintLines struct{ e *env }

func (v lintLines) result(_ lint.Artifact, r lint.Result) error {
	return v.e.writeJSONLine(lintObjectOf(r))
}

func (v lintLines) end(*lintInputs) error { return nil }

// lintObject is one artifact in --jsonl and --json. All fields are always
// there, also empty ones: scripts need not ask.
type lintObject struct {
	File     string              `json:"file"`
	Kind     lint.Kind           `json:"kind"`
	SHA256   string              `json:"sha256"`
	Findings []lintObjectFinding `json:"findings"`
}

type lintObjectFinding struct {
	Lint     string        `json:"lint"`
	Severity lint.Severity `json:"severity"`
	Source   string        `json:"source"`
	Citation string        `json:"citation"`
	Details  string        `json:"details"`
}

func lintObjectOf(r lint.Result) lintObject {
	o := lintObject{r.File, r.Kind, r.SHA256, make([]lintObjectFinding, len(r.Findings))}
	for i, f := range r.Findings {
		o.Findings[i] = lintObjectFinding(f)
	}
	return o
}

// lintDocument is what `lint --json FILE...` writes.
type lintDocument struct {
	Schema     string            `json:"schema"`
	Linter     lint.Info         `json:"linter"`
	Artifacts  []lintObject      `json:"artifacts"`
	Unreadable []unreadableInput `json:"unreadable"`
}

type lintDocumentView struct {
	e   *env
	doc lintDocument
}

func (v *lintDocumentView) result(_ lint.Artifact, r lint.Result) error {
	v.doc.Artifacts = append(v.doc.Artifacts, lintObjectOf(r))
	return nil
}

func (v *lintDocumentView) end(in *lintInputs) error {
	v.doc.Unreadable = append(v.doc.Unreadable, in.unreadable...)
	return v.e.writeJSON(v.doc)
}

// lintText is the output for people.
type lintText struct {
	e      *env
	p      terminal.Palette
	shown  int
	counts map[lint.Severity]int // artifacts by their worst finding; 0 = none
}

// severityWidth aligns what follows the severity word.
const severityWidth = len("notice")

func (v *lintText) result(a lint.Artifact, r lint.Result) error {
	if v.shown > 0 {
		v.e.printf("\n")
	}
	v.shown++
	v.counts[r.Worst()]++
	name := quoteFile(r.File)
	if a.Block > 0 {
		name = fmt.Sprintf("%s (block %d)", name, a.Block+1)
	}
	d := lint.Describe(a)
	v.e.printf("%s: %s\n", v.p.Bold(name), whatItIs(d))
	for _, line := range describeLines(d, v.e.StdoutTTY) {
		v.e.printf("  %s\n", line)
	}
	if len(r.Findings) == 0 {
		v.e.printf("  %s\n", v.p.Good("no findings"))
	}
	for _, f := range r.Findings {
		v.finding(f)
	}
	return nil
}

func (v *lintText) finding(f lint.Finding) {
	word := f.Severity.String()
	pad := strings.Repeat(" ", max(severityWidth-len(word), 0))
	head := fmt.Sprintf("  %s%s  %s", v.severity(f.Severity, word), pad, v.p.Bold(terminal.Escape(f.Lint)))
	if f.Citation != "" {
		head += "  " + v.p.Dim(terminal.Escape(f.Citation))
	}
	v.e.printf("%s\n", head)
	indent := strings.Repeat(" ", 2+severityWidth+2)
	if meaning := lint.Meaning(f.Lint); meaning != "" {
		v.e.printf("%s%s\n", indent, terminal.Escape(meaning))
	}
	if f.Details != "" {
		v.e.printf("%s%s %s\n", indent, v.p.Dim("details:"), terminal.Escape(f.Details))
	}
}

func (v *lintText) severity(s lint.Severity, word string) string {
	switch s {
	case lint.Error, lint.Fatal:
		return v.p.Bad(word)
	case lint.Warn:
		return v.p.Warn(word)
	}
	return v.p.Mark(word)
}

// end sums up when there was more than one artifact.
func (v *lintText) end(*lintInputs) error {
	if v.shown < 2 {
		return nil
	}
	parts := []string{terminal.Count(int64(v.shown)) + " artifacts"}
	for _, s := range []lint.Severity{lint.Fatal, lint.Error, lint.Warn, lint.Notice} {
		if n := v.counts[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s at worst %s", terminal.Count(int64(n)), s))
		}
	}
	if n := v.counts[0]; n > 0 {
		parts = append(parts, terminal.Count(int64(n))+" without findings")
	}
	v.e.printf("\n%s\n", strings.Join(parts, ", "))
	return nil
}

// quoteFile shows a file name on one line; standard input has a name of its own.
func quoteFile(name string) string {
	if name == stdinName {
		return "standard input"
	}
	return terminal.Escape(name)
}
