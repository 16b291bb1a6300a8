package config

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseRate reads a percentage such as "3%" or "3.25%" as basis points. Two
// decimals are the finest there is: rates are integers everywhere else.
func ParseRate(s string) (int, error) {
	number, ok := strings.CutSuffix(s, "%")
	if !ok {
		return 0, fmt.Errorf("rate %s has no percent sign: write it like \"3%%\"", quote(s))
	}
	whole, fraction, dotted := strings.Cut(number, ".")
	if !digits(whole) || len(whole) > 3 || dotted && !digits(fraction) {
		return 0, fmt.Errorf("rate %s is not a percentage: write it like \"3%%\" or \"3.25%%\"", quote(s))
	}
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > 2 {
		return 0, fmt.Errorf("rate %s is finer than 0.01 %%: use at most two decimals", quote(s))
	}
	bp, err := strconv.Atoi(whole + (fraction + "00")[:2])
	if err != nil {
		return 0, fmt.Errorf("reading rate %s: %w", quote(s), err)
	}
	return bp, nil
}

// FormatRate writes basis points as the shortest percentage: 325 is "3.25%".
func FormatRate(bp int) string {
	s := fmt.Sprintf("%d.%02d", bp/100, bp%100)
	return strings.TrimRight(strings.TrimRight(s, "0"), ".") + "%"
}

func digits(s string) bool {
	if s == "" {
		return false
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// rate reads a rate and holds it against the least that is allowed.
func (t *table) rate(key string, def int) int {
	v, there := t.get(key)
	if !there {
		return def
	}
	s, ok := v.(string)
	if !ok {
		t.problem(key, "%s must be text in quotes, such as \"3%%\", not %s", key, typeName(v))
		return def
	}
	bp, err := ParseRate(s)
	switch {
	case err != nil:
		t.problem(key, "%s", err)
	case bp < MinRateBP:
		t.problem(key, "rate %s is below 3%%, the least that the Baseline Requirements allow (%s)", quote(s), citeRate)
	case bp > 10000:
		t.problem(key, "rate %s is above 100%%", quote(s))
	default:
		return bp
	}
	return def
}
