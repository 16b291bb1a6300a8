package evidence

import (
	"cmp"
	"maps"
	"slices"
)

// sortedKeys returns a map's keys in ascending order, so that no output ever depends on
// the order of a map.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
