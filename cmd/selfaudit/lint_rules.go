package main

import (
	"fmt"
	"slices"
	"strings"

	"selfaudit/internal/terminal"
	"selfaudit/lint"
)

// ruleList is what `lint --list --json` writes.
type ruleList struct {
	Schema     string        `json:"schema"`
	Linter     []lint.Module `json:"linter"`
	ListSHA256 string        `json:"list_sha256"` // of zlint's whole list, whatever is shown
	Rules      []lint.Rule   `json:"rules"`
}

// runLintList shows the rules of the given sources in which all words occur.
func runLintList(e *env, o lintOptions, words []string) error {
	for _, s := range o.Sources {
		if !slices.ContainsFunc(lint.Sources(), func(known string) bool { return strings.EqualFold(known, s) }) {
			hint := "the sources are " + strings.Join(lint.Sources(), ", ")
			return usageErrorf(hint, "no rule has the source %q", s)
		}
	}
	rules := slices.DeleteFunc(lint.Rules(), func(r lint.Rule) bool { return !o.shows(r, words) })
	switch o.Format {
	case formatJSON:
		return e.writeJSON(ruleList{"selfaudit.lint-rules/v1", lint.Modules(), lint.ListSHA256(), rules})
	case formatJSONL:
		for _, r := range rules {
			if err := e.writeJSONLine(r); err != nil {
				return err
			}
		}
		return nil
	case formatCSV:
		return ruleCSV(e, rules)
	}
	t := e.table()
	t.Header("NAME", "SOURCE", "KIND", "SEVERITY", "FROM", "UNTIL", "CITATION")
	marked := 0
	for _, r := range rules {
		if r.BuiltinWaiver != "" {
			marked++
			r.Name += " *"
		}
		t.Row(r.Name, r.Source, string(r.Kind), r.Severity.String(), dash(r.Effective), dash(r.Ineffective), dash(r.Citation))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	e.notef("%d of %d rules", len(rules), len(lint.Rules()))
	if marked > 0 {
		e.notef("* waived in reports by default, because the requirements in force say otherwise; --explain gives the reason")
	}
	return nil
}

// shows says whether a rule passes the filters.
func (o lintOptions) shows(r lint.Rule, words []string) bool {
	if len(o.Sources) > 0 && !slices.ContainsFunc(o.Sources, func(s string) bool { return strings.EqualFold(s, r.Source) }) {
		return false
	}
	text := strings.ToLower(r.Name + " " + r.Meaning + " " + r.Citation)
	for _, w := range words {
		if !strings.Contains(text, strings.ToLower(w)) {
			return false
		}
	}
	return true
}

func ruleCSV(e *env, rules []lint.Rule) error {
	w := newCSVWriter(e.Stdout)
	if err := w.row("name", "source", "kind", "severity", "effective", "ineffective", "citation", "meaning", "options", "revocation", "builtin_waiver"); err != nil {
		return err
	}
	for _, r := range rules {
		ground := ""
		if r.Ground != nil {
			ground = groundText(r.Ground)
		}
		if err := w.row(r.Name, r.Source, string(r.Kind), r.Severity.String(), r.Effective, r.Ineffective, r.Citation, r.Meaning, optionsText(r), ground, r.BuiltinWaiver); err != nil {
			return err
		}
	}
	return w.flush()
}

// optionsText lists the settings of a rule with their defaults.
func optionsText(r lint.Rule) string {
	parts := make([]string, len(r.Options))
	for i, o := range r.Options {
		parts[i] = fmt.Sprintf("%s = %s (%s)", o.Key, o.Default, o.Type)
	}
	return strings.Join(parts, ", ")
}

// runLintExplain says all there is to know about one rule.
func runLintExplain(e *env, o lintOptions) error {
	r, ok := lint.RuleNamed(o.Explain)
	if !ok {
		var names []string
		for _, r := range lint.Rules() {
			names = append(names, r.Name)
		}
		hint := "`selfaudit lint --list WORD` searches the rules"
		if near := terminal.Nearest(o.Explain, names); near != "" {
			hint = fmt.Sprintf("did you mean %q? %s", near, hint)
		}
		return usageErrorf(hint, "no rule is named %q", o.Explain)
	}
	switch o.Format {
	case formatJSON, formatJSONL:
		doc := struct {
			Schema string `json:"schema"`
			lint.Rule
		}{"selfaudit.lint-rule/v1", r}
		if o.Format == formatJSONL {
			return e.writeJSONLine(doc)
		}
		return e.writeJSON(doc)
	case formatCSV:
		return ruleCSV(e, []lint.Rule{r})
	}
	e.printf("%s\n", e.out().Bold(terminal.Escape(r.Name)))
	line := func(label, value string) {
		e.printf("  %-14s %s\n", label, terminal.Escape(value))
	}
	line("meaning", r.Meaning)
	line("source", r.Source)
	line("judges", map[lint.Kind]string{lint.KindCert: "certificates", lint.KindCRL: "CRLs", lint.KindOCSP: "OCSP responses", lint.KindUnknown: "inputs"}[r.Kind])
	line("severity", r.Severity.String()+" (by its name; each finding has its own)")
	line("citation", dash(r.Citation))
	line("in force", ruleSpan(r))
	line("configurable", dash(optionsText(r)))
	if r.BuiltinWaiver != "" {
		line("waived", "in reports by default (builtin = false in waivers.toml switches it off): "+r.BuiltinWaiver)
	}
	for _, g := range []struct {
		label  string
		ground *lint.Ground
	}{{"revocation", r.Ground}, {"  of a sub CA", r.SubordinateGround}} {
		if g.ground != nil {
			line(g.label, groundText(g.ground))
		} else if g.label == "revocation" {
			line(g.label, "nothing has to be revoked for a finding of this rule alone")
		}
	}
	return nil
}

// ruleSpan says when a rule applies.
func ruleSpan(r lint.Rule) string {
	by := map[lint.Kind]string{lint.KindCert: "notBefore", lint.KindCRL: "thisUpdate", lint.KindOCSP: "nextUpdate"}[r.Kind]
	switch {
	case r.Effective == "" && r.Ineffective == "":
		return "always"
	case r.Ineffective == "":
		return fmt.Sprintf("from %s on, by %s", r.Effective, by)
	case r.Effective == "":
		return fmt.Sprintf("until before %s, by %s", r.Ineffective, by)
	}
	return fmt.Sprintf("from %s until before %s, by %s", r.Effective, r.Ineffective, by)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
