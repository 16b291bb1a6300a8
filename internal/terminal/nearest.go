package terminal

// Nearest returns the candidate most like word, "" when none is close enough
// to be meant: at most one edit per three letters, at least one, two for short
// words that share their first letter. Of equally near ones the one with the
// same first letter wins, then the first in the list.
func Nearest(word string, candidates []string) string {
	const maxLen = 64 // nobody mistypes that much; bounds the work
	if len(word) > maxLen {
		return ""
	}
	best, bestRank := "", 0
	for _, c := range candidates {
		if len(c) > maxLen {
			continue
		}
		d := editDistance(word, c)
		limit := max(1, max(len(word), len(c))/3)
		sameStart := len(word) > 1 && len(c) > 1 && word[0] == c[0]
		if sameStart {
			limit = max(limit, 2)
		}
		// Doubled, so that a shared first letter decides between equals.
		rank := 2 * d
		if !sameStart {
			rank++
		}
		if d <= limit && (best == "" || rank < bestRank) {
			best, bestRank = c, rank
		}
	}
	return best
}

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b (optimal string alignment, on bytes).
func editDistance(a, b string) int {
	before := make([]int, len(b)+1)
	prev := make([]int, len(b)+1)
	cur := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(b)]
}
