package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"selfaudit/internal/terminal"
	"selfaudit/lint"
	"selfaudit/sampler"
)

// compare takes one certificate. words says whether a change of the wording counts.
func (r *relinting) compare(sha string, then, now []lint.Finding, words bool) {
	find := func(list []lint.Finding, name string) *lint.Finding {
		i := slices.IndexFunc(list, func(f lint.Finding) bool { return f.Lint == name })
		if i < 0 {
			return nil
		}
		return &list[i]
	}
	changed := false
	add := func(name, kind string, before, after lint.Severity) {
		changed = true
		rule := r.rules[name]
		if rule == nil {
			rule = &relintRule{Lint: name}
			r.rules[name] = rule
		}
		switch kind {
		case "new":
			rule.New++
		case "vanished":
			rule.Vanished++
		default:
			rule.Changed++
		}
		if len(r.d.Differences) < maxRelint {
			r.d.Differences = append(r.d.Differences, relintChange{sha, name, kind, before, after})
		}
	}
	for _, f := range then {
		switch g := find(now, f.Lint); {
		case g == nil:
			add(f.Lint, "vanished", f.Severity, 0)
		case g.Severity != f.Severity || words && g.Details != f.Details:
			add(f.Lint, "changed", f.Severity, g.Severity)
		}
	}
	for _, f := range now {
		if find(then, f.Lint) == nil {
			add(f.Lint, "new", 0, f.Severity)
		}
	}
	if changed {
		r.d.Changed++
	}
}

// end says why, rule by rule.
func (r *relinting) end() {
	same := r.d.Then.OwnRevision == r.d.Now.OwnRevision && slices.EqualFunc(r.then.Modules, r.now.Modules, func(a, b lint.Module) bool { return a.Path == b.Path && a.Version == b.Version })
	r.d.SameRules = same && r.then.Configuration == r.now.Configuration
	for _, rule := range r.rules {
		rule.Why = r.why(*rule)
		r.d.Rules = append(r.d.Rules, *rule)
	}
	slices.SortFunc(r.d.Rules, func(a, b relintRule) int {
		return cmp.Or(cmp.Compare(b.New, a.New), cmp.Compare(b.Vanished, a.Vanished), strings.Compare(a.Lint, b.Lint))
	})
}

// why explains a difference as far as the evidence of both linters goes.
func (r *relinting) why(rule relintRule) string {
	left := func(i lint.Info) string {
		for _, x := range i.LeftOut {
			if x.Lint == rule.Lint {
				return x.Reason
			}
		}
		return ""
	}
	meta, exists := lint.RuleNamed(rule.Lint)
	versions := fmt.Sprintf("zlint %s then, %s now", cmp.Or(r.d.Then.Zlint, "unknown"), cmp.Or(r.d.Now.Zlint, "unknown"))
	switch {
	case !exists:
		return "the rule was removed: " + versions
	case left(r.then) != "" && left(r.now) == "":
		return "it was left out then: " + left(r.then)
	case left(r.now) != "" && left(r.then) == "":
		return "it is left out now: " + left(r.now)
	case meta.Source == lint.SourceSelfaudit && r.isNew(rule):
		return fmt.Sprintf("own check, new since revision %d, %d now", r.d.Then.OwnRevision, r.d.Now.OwnRevision)
	case meta.Source == lint.SourceSelfaudit && r.d.Then.OwnRevision != r.d.Now.OwnRevision:
		return fmt.Sprintf("own check, revision %d then, %d now%s", r.d.Then.OwnRevision, r.d.Now.OwnRevision, r.whether(rule))
	case r.d.SameRules:
		return "the rules are the same: the tables, the known logs or the documents of the audit are not what they were"
	case r.isNew(rule):
		return fmt.Sprintf("the rule is new: %s; %s", versions, dates(meta))
	}
	then, there, known := r.then.RuleMark(rule.Lint)
	now, _, _ := r.now.RuleMark(rule.Lint)
	switch {
	case known && there && then != now:
		return fmt.Sprintf("the rule was changed, also in what is said of it (dates, citation or meaning): %s; %s", versions, dates(meta))
	case known && there:
		return fmt.Sprintf("the rule reads as it did then; what changed is how it is checked, or the parser: %s; %s", versions, dates(meta))
	case r.then.ListSHA256 != r.now.ListSHA256 && !r.known[rule.Lint]:
		return fmt.Sprintf("the rule is new, or was changed (%s, %s then, %d now); %s", versions, sampler.Counted(r.d.Then.Lints, "rule", "rules"), r.d.Now.Lints, dates(meta))
	}
	return fmt.Sprintf("the rule was changed%s: %s; %s", r.whether(rule), versions, dates(meta))
}

// isNew says that the audit's linter did not have the rule: its document lists the rules that it had.
func (r *relinting) isNew(rule relintRule) bool {
	_, there, known := r.then.RuleMark(rule.Lint)
	return known && !there
}

func (r *relinting) whether(rule relintRule) string {
	if r.known[rule.Lint] {
		return ", it existed then"
	}
	return ""
}

// dates says when the rule applies today; that can be what was changed.
func dates(r lint.Rule) string {
	switch {
	case r.Effective == "" && r.Ineffective == "":
		return "it has no dates"
	case r.Ineffective == "":
		return "today it applies from " + r.Effective + " on"
	case r.Effective == "":
		return "today it applies until before " + r.Ineffective
	}
	return "today it applies from " + r.Effective + " until before " + r.Ineffective
}

func (d *relintDocument) render(e *env) {
	e.printf("audit %s, its %s: %s certificates and precertificates linted again, %s with another result\n", d.AuditID, d.Covers, terminal.Count(d.Certificates), terminal.Count(d.Changed))
	e.printf("then: zlint %s, %s; now: zlint %s, %s\n", dash(d.Then.Zlint), sampler.Counted(d.Then.Lints, "rule", "rules"), dash(d.Now.Zlint), sampler.Counted(d.Now.Lints, "rule", "rules"))
	if len(d.Rules) == 0 {
		e.printf("nothing is new and nothing has vanished\n")
		return
	}
	t := e.table()
	t.Header("RULE", "NEW", "VANISHED", "CHANGED", "WHY")
	for _, r := range d.Rules {
		t.Row(terminal.Escape(r.Lint), terminal.Count(r.New), terminal.Count(r.Vanished), terminal.Count(r.Changed), r.Why)
	}
	_ = t.Flush() // a failed write shows at the end, in Main
}
