package lint

import (
	"fmt"
	"strings"
)

// recheck lints an artifact once more by zlint's own loop, where Options.Recheck asks for it.
func (l *Linter) recheck(a Artifact, r *Result) {
	if l.plain == nil || !l.options.Recheck(a, *r) {
		return
	}
	again := l.plain.judge(a)
	r.Rechecked, r.Difference = true, DescribeDifference(r.Findings, again.Findings)
}

// DescribeDifference says how two lists of findings about one artifact differ, in one
// sentence; "" when they are equal, order included.
func DescribeDifference(first, second []Finding) string {
	at := func(list []Finding, i int) string {
		if i >= len(list) {
			return "nothing"
		}
		f := list[i]
		return fmt.Sprintf("%s %s (%.200q)", f.Severity, f.Lint, f.Details)
	}
	var parts []string
	for i := range max(len(first), len(second)) {
		if i < len(first) && i < len(second) && first[i] == second[i] {
			continue
		}
		parts = append(parts, fmt.Sprintf("%s against %s", at(first, i), at(second, i)))
		if len(parts) == maxDifferences {
			break
		}
	}
	return strings.Join(parts, "; ")
}

// maxDifferences bounds what a message says about two lists.
const maxDifferences = 3
