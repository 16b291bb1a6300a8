package main

import (
	"fmt"

	"selfaudit/internal/terminal"
	"selfaudit/lint/waivers"
	"selfaudit/reports"
	"selfaudit/sampler"
)

// lintSentences is what the report says about linting beside the problems: waivers, findings
// that do not apply, and what a reissue would violate.
func lintSentences(s *reports.Summary) []string {
	var out []string
	if l := s.Lint; l != nil && l.Waived != nil {
		before := l.Findings()
		waived := l.Waived.Fatal + l.Waived.Error + l.Waived.Warn + l.Waived.Notice
		line := fmt.Sprintf("waivers: %s before, %s after", sampler.Counted(before, "finding", "findings"), terminal.Count(int64(before-waived)))
		if o := s.Overall; o.Problems != nil && o.Unwaived != nil {
			line += fmt.Sprintf("; %s with problems before (the bound counts these), %s after", sampler.Counted(*o.Problems, "item", "items"), terminal.Count(*o.Unwaived))
		}
		out = append(out, line)
		for _, u := range s.Waivers {
			if u.State == waivers.StateUsed {
				whose := "by " + u.Approver
				if u.Builtin {
					whose = "by the program's own list (builtin = false in waivers.toml switches it off)"
				}
				out = append(out, fmt.Sprintf("  %s %s: %s, %s, %s: %s", u.ID, u.Lint, sampler.Counted(u.Findings, "finding", "findings"), u.Scope, whose, u.Reason))
			}
		}
	}
	if l := s.Lint; l != nil && l.NotApplied > 0 {
		out = append(out, fmt.Sprintf("%s findings are of sources that do not apply to the type of the certificate; findings.json lists them by lint", terminal.Count(int64(l.NotApplied))))
	}
	if a := s.AsIf; a != nil {
		out = append(out, fmt.Sprintf("as if issued on %s (no compliance result): %s of %s sampled items would violate a rule, %s of them only then", a.Day,
			terminal.Count(int64(a.Items)), terminal.Count(deref(s.Sampled)), terminal.Count(int64(a.New))))
	}
	return out
}

func deref(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}
