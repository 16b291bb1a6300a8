package lint

// Meaning returns the one-sentence description of a lint, zlint's or ours, and
// "" for a name nobody knows.
func Meaning(lintName string) string {
	if rule, ok := ownRules[lintName]; ok {
		return rule.meaning
	}
	if meta := metadata()[lintName]; meta != nil {
		return meta.Description
	}
	return ""
}
