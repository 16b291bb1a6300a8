package collect

import (
	"fmt"

	"selfaudit/sampler/ct"
)

// logUnitLevel is unitLevel, for logs. A variable for tests: ranges begin between units,
// and logs that are shorter than a unit would be read whole.
var logUnitLevel uint = unitLevel

// logUnit is the number of entries in a full unit of a log.
func logUnit() uint64 { return 1 << logUnitLevel }

// leftNodes are the complete subtrees of the entries of a log that were not read, with
// which proofs about those that were are built.
type leftNodes struct {
	first uint64                // first entry that was read, a multiple of logUnit
	nodes map[[2]uint64]ct.Hash // by level and index
}

// units is how many units the entries that were not read would make.
func (l leftNodes) units() int { return int(l.first / logUnit()) }

// leftNodes returns what was saved of the entries of a log before first.
func (s *Saved) leftNodes(log string, first uint64) (leftNodes, error) {
	if first == 0 {
		return leftNodes{}, nil
	}
	for _, saved := range s.Left {
		if saved.LogID != log || saved.First != first || first%logUnit() != 0 {
			continue
		}
		nodes, err := parseHexes(saved.Nodes)
		if err != nil {
			return leftNodes{}, fmt.Errorf("hashes of log %s before entry %d: %w", log, first, err)
		}
		subtrees, err := (&ct.Range{End: first, Nodes: nodes}).Subtrees()
		return leftNodes{first, subtrees}, err
	}
	return leftNodes{}, fmt.Errorf("the hashes of log %s before entry %d are not among what was collected: %w", log, first, errDamaged)
}
