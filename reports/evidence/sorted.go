package evidence

import (
	"cmp"
	"slices"
)

// sortedKeys returns a map's keys in ascending order, so that no output ever depends on
// the order of a map.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
