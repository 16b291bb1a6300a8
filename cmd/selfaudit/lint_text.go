package main

import (
	"fmt"
	"strings"

	"selfaudit/internal/terminal"
	"selfaudit/lint"
)

// lintText is the output for people.
type lintText struct {
	e      *env
	p      terminal.Palette
	asIf   string // the day of an "as if" run
	shown  int
	counts map[lint.Severity]int // artifacts by their worst finding; 0 = none
}

func newLintText(e *env, info lint.Info) *lintText {
	return &lintText{e: e, p: e.out(), asIf: info.AsIf, counts: map[lint.Severity]int{}}
}

// severityWidth aligns what follows the severity word.
const severityWidth = len("notice")

func (v *lintText) result(a lint.Artifact, r lint.Result) error {
	if v.shown > 0 {
		v.e.printf("\n")
	} else if v.asIf != "" {
		v.e.printf("%s no result here says anything about a certificate as it was issued\n\n", v.p.Warn("as if issued on "+v.asIf+":"))
	}
	v.shown++
	v.counts[r.Worst()]++
	d := lint.Description{Kind: r.Kind}
	if r.Description != nil {
		d = *r.Description
	}
	label := ""
	if r.AsIf != "" {
		label = " [as if issued on " + r.AsIf + "]"
	}
	v.e.printf("%s: %s%s\n", v.p.Bold(whereText(a)), whatItIs(d), label)
	for _, line := range describeLines(d, v.e.StdoutTTY) {
		v.e.printf("  %s\n", line)
	}
	if line := v.versions(r); line != "" {
		v.e.printf("  in force %s\n", line)
	}
	if len(r.Findings) == 0 {
		v.e.printf("  %s\n", v.p.Good("no findings"))
	}
	for i, f := range r.Findings {
		v.finding(f, groundOf(r, f), waivedText(r, i))
	}
	return nil
}

// versions says which versions of the requirements were in force then and are now.
func (v *lintText) versions(r lint.Result) string {
	then, now := inForce(r, issuedOn(r)), inForce(r, v.e.Now())
	if len(then) == 0 && len(now) == 0 {
		return ""
	}
	when := "at issuance"
	if r.AsIf != "" {
		when = "on that day"
	}
	first := strings.Join(then, ", ")
	if first == "" {
		first = "none known"
	}
	return fmt.Sprintf("%s %s, %s now", first, when, strings.Join(now, ", "))
}

func (v *lintText) finding(f lint.Finding, ground *lint.Ground, waived string) {
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
	if ground != nil {
		v.e.printf("%s%s %s\n", indent, v.p.Dim("revoke:"), groundText(ground))
	}
	if waived != "" {
		v.e.printf("%s%s\n", indent, v.p.Mark(waived))
	}
}

// groundText is a ground for revocation on one line.
func groundText(g *lint.Ground) string {
	if g.Note != "" {
		return g.String() + "; " + g.Note
	}
	return g.String()
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
	if v.asIf != "" {
		parts = append(parts, "as if issued on "+v.asIf)
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
