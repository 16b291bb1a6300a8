package testlog

import (
	"encoding/base64"
	"fmt"

	"selfaudit/sampler/ct"
)

// NodesOf returns the roots of complete subtrees over the given leaf hashes, for
// ct.InclusionProof and ct.ConsistencyProof.
func NodesOf(leaves []ct.Hash) func(level uint, index uint64) (ct.Hash, error) {
	levels := [][]ct.Hash{leaves}
	for below := leaves; len(below) > 1; {
		above := make([]ct.Hash, len(below)/2)
		for i := range above {
			above[i] = ct.HashNode(below[2*i], below[2*i+1])
		}
		levels = append(levels, above)
		below = above
	}
	return func(level uint, index uint64) (ct.Hash, error) {
		if level >= uint(len(levels)) || index >= uint64(len(levels[level])) {
			return ct.Hash{}, fmt.Errorf("no complete subtree %d at level %d", index, level)
		}
		return levels[level][index], nil
	}
}

func splitHashes(hashes []ct.Hash) [][]byte {
	out := make([][]byte, len(hashes))
	for i := range hashes {
		out[i] = hashes[i][:]
	}
	return out
}

func encodeHash(h ct.Hash) string { return base64.StdEncoding.EncodeToString(h[:]) }
