package lint

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
)

// markDigits is how many hex digits of a hash a rule mark has: enough to see a change.
const markDigits = 16

// ruleMarks are Info.Rules: each rule's name, a blank, and the beginning of the SHA-256 of what is said of the rule.
func ruleMarks() []string {
	rules := Rules()
	out := make([]string, 0, len(rules))
	for _, r := range rules {
		out = append(out, r.Name+" "+r.digest())
	}
	return out
}

// digest is over the JSON of source, kind, severity, both dates, citation and meaning.
func (r *Rule) digest() string {
	raw, err := json.Marshal([]any{r.Source, r.Kind, r.Severity, r.Effective, r.Ineffective, r.Citation, r.Meaning})
	if err != nil {
		return strings.Repeat("0", markDigits) // cannot be: texts and a number
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])[:markDigits]
}

// RuleMark returns what Info.Rules says of a rule: the beginning of a hash over source, kind, severity, dates,
// citation and meaning. known is false where the document has no such list, there is false where it lacks the rule.
func (i *Info) RuleMark(name string) (mark string, there, known bool) {
	for _, r := range i.Rules {
		if m, ok := strings.CutPrefix(r, name+" "); ok && !strings.Contains(m, " ") { // zlint has names with a blank
			return m, true, true
		}
	}
	return "", false, i.Rules != nil
}
