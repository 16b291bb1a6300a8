package ctlog

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"math/bits"
	"slices"
	"sort"
	"sync"

	"selfaudit/sampler/ct"
)

// maxCapturedLeaves bounds the captures whose proofs are computed: their leaf hashes are kept in memory, 36 bytes each.
const maxCapturedLeaves = 1 << 23

// capturedLeaves are the leaf hashes of a captured RFC 6962 log, read when the first proof is asked for.
type capturedLeaves struct {
	mu     sync.Mutex
	leaves []ct.Hash
	upper  [][]ct.Hash // roots of complete subtrees of 2^tileHeight leaves, of twice as many, and so on
	order  []uint32    // of leaves, by hash, then index
}

// loadCaptured reads the leaves of head's tree if they are not there. c.mu is held.
func (l *Log) loadCaptured(ctx context.Context, head ct.TreeHead) (*capturedLeaves, error) {
	c := &l.proofs.leaves
	if uint64(len(c.leaves)) >= head.Size {
		return c, nil
	}
	if head.Size > maxCapturedLeaves {
		return nil, fmt.Errorf("log %s: proofs from a folder of captured answers are computed for up to %d entries, it has %d: read the log whole (mode logs)",
			l.name, maxCapturedLeaves, head.Size)
	}
	leaves := slices.Clone(c.leaves)
	err := l.Read(ctx, head, uint64(len(leaves)), head.Size, func(e *ct.Entry) error {
		leaves = append(leaves, e.LeafHash())
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.leaves, c.upper, c.order = leaves, upperNodes(leaves), nil
	return c, nil
}

// upperNodes computes the complete subtrees from tileHeight on.
func upperNodes(leaves []ct.Hash) [][]ct.Hash {
	var below []ct.Hash
	for part := range slices.Chunk(leaves, 1<<tileHeight) {
		if len(part) == 1<<tileHeight {
			below = append(below, foldNodes(slices.Clone(part)))
		}
	}
	var upper [][]ct.Hash
	for len(below) > 0 {
		upper = append(upper, below)
		above := make([]ct.Hash, len(below)/2)
		for i := range above {
			above[i] = ct.HashNode(below[2*i], below[2*i+1])
		}
		below = above
	}
	return upper
}

// capturedNode returns the root of the complete subtree of 2^level leaves from index<<level on.
func (l *Log) capturedNode(ctx context.Context, head ct.TreeHead, level uint, index uint64) (ct.Hash, error) {
	l.proofs.leaves.mu.Lock()
	defer l.proofs.leaves.mu.Unlock()
	c, err := l.loadCaptured(ctx, head)
	if err != nil {
		return ct.Hash{}, err
	}
	if size := uint64(len(c.leaves)); level >= uint(bits.Len64(size)) || index >= size>>level {
		return ct.Hash{}, fmt.Errorf("log %s: subtree %d at level %d is not complete in a tree of %d", l.name, index, level, head.Size)
	}
	if level >= tileHeight {
		return c.upper[level-tileHeight][index], nil
	}
	return foldNodes(slices.Clone(c.leaves[index<<level : (index+1)<<level])), nil
}

// findCaptured returns the lowest index of the leaf in head's tree, or ErrNoSuchLeaf.
func (l *Log) findCaptured(ctx context.Context, head ct.TreeHead, leaf ct.Hash) (uint64, error) {
	l.proofs.leaves.mu.Lock()
	defer l.proofs.leaves.mu.Unlock()
	c, err := l.loadCaptured(ctx, head)
	if err != nil {
		return 0, err
	}
	if c.order == nil {
		c.order = make([]uint32, len(c.leaves))
		for i := range c.order {
			c.order[i] = uint32(i)
		}
		slices.SortStableFunc(c.order, func(a, b uint32) int { return bytes.Compare(c.leaves[a][:], c.leaves[b][:]) })
	}
	at := sort.Search(len(c.order), func(i int) bool { return bytes.Compare(c.leaves[c.order[i]][:], leaf[:]) >= 0 })
	if at == len(c.order) || c.leaves[c.order[at]] != leaf || uint64(c.order[at]) >= head.Size {
		return 0, l.noSuchLeaf(leaf, head)
	}
	return uint64(c.order[at]), nil
}

func base64Of(h ct.Hash) string { return base64.StdEncoding.EncodeToString(h[:]) }
