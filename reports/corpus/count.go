package corpus

import (
	"cmp"
	"slices"

	"selfaudit/lint"
	"selfaudit/sampler"
)

// Counter counts affected certificates rule by rule, as they come in the document's order.
type Counter struct {
	// About gives source and citation of a rule; nil for none.
	about func(rule string) (source, citation string)
	rules map[string]*counted
}

type counted struct {
	Problem
	last sampler.ItemID
}

// NewCounter returns an empty counter. about gives source and citation of a rule; nil leaves
// them empty.
func NewCounter(about func(rule string) (source, citation string)) *Counter {
	return &Counter{about, map[string]*counted{}}
}

// Add counts one.
func (c *Counter) Add(a Affected) {
	p := c.rules[a.Lint]
	if p == nil {
		p = &counted{Problem: Problem{Lint: a.Lint, FirstIssued: a.Issued, LastIssued: a.Issued}}
		if c.about != nil {
			p.Source, p.Citation = c.about(a.Lint)
		}
		c.rules[a.Lint] = p
	}
	p.Severity = max(p.Severity, a.Severity)
	p.Certificates++
	if p.Items == 0 || p.last != a.Item {
		p.Items++
		p.last = a.Item
	}
	// Times of one form compare as text.
	p.FirstIssued, p.LastIssued = min(p.FirstIssued, a.Issued), max(p.LastIssued, a.Issued)
}

// Problems returns the counts, severest first, then by rule.
func (c *Counter) Problems() []Problem {
	out := make([]Problem, 0, len(c.rules))
	for _, p := range c.rules {
		out = append(out, p.Problem)
	}
	slices.SortFunc(out, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Lint, b.Lint))
	})
	return out
}

// AboutRule gives source and citation of a rule of this program's linter.
func AboutRule(rule string) (source, citation string) {
	r, ok := lint.RuleNamed(rule)
	if !ok {
		return "", ""
	}
	return r.Source, r.Citation
}
