package lint

import (
	"slices"
	"testing"
)

// TestRuleMarks: each rule has one mark, which changes with what is said of the rule; a document without the list says so.
func TestRuleMarks(t *testing.T) {
	info := &Info{Rules: ruleMarks()}
	rules := Rules()
	if len(info.Rules) != len(rules) || !slices.IsSorted(info.Rules) {
		t.Fatalf("%d marks for %d rules", len(info.Rules), len(rules))
	}
	for _, r := range rules {
		mark, there, known := info.RuleMark(r.Name)
		if !there || !known || len(mark) != markDigits || mark != r.digest() {
			t.Errorf("%s: %q, %t, %t", r.Name, mark, there, known)
		}
		other := r
		other.Effective += "x"
		if other.digest() == mark {
			t.Errorf("%s: another date has the same mark", r.Name)
		}
	}
	if _, there, known := info.RuleMark("e_no_such"); there || !known {
		t.Error("a rule that is not there")
	}
	if _, there, known := new(Info).RuleMark(rules[0].Name); there || known {
		t.Error("a document without the list")
	}
}
