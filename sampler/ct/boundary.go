package ct

import (
	"errors"
	"fmt"
	"slices"
)

// LeftRange returns the compact range [0, index) from the audit path of the leaf at index
// in a tree of the given size: the path's left siblings are its nodes. A path that
// VerifyInclusion accepts gives the range that the tree's root commits to.
func LeftRange(index, size uint64, path []Hash) (*Range, error) {
	if index >= size || size > maxTreeSize {
		return nil, fmt.Errorf("entries before %d: not in a tree of size %d", index, size)
	}
	left := NewRange(0)
	fn, sn := index, size-1
	for _, p := range path {
		if sn == 0 {
			return nil, fmt.Errorf("entries before %d in size %d: a path of %d hashes is too long", index, size, len(path))
		}
		if fn&1 == 1 || fn == sn {
			left.Nodes = append(left.Nodes, p)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		}
		fn, sn = fn>>1, sn>>1
	}
	if sn != 0 {
		return nil, fmt.Errorf("entries before %d in size %d: a path of %d hashes is too short", index, size, len(path))
	}
	slices.Reverse(left.Nodes) // the nearest sibling is the smallest subtree
	left.End = index
	return left, left.check()
}

// ConsistencyOf returns the proof that the tree of before, which must begin at leaf 0, is a
// prefix of the tree that before and after make together.
func ConsistencyOf(before, after *Range) ([]Hash, error) {
	nodes := map[[2]uint64]Hash{}
	for _, r := range []*Range{before, after} {
		if err := r.check(); err != nil {
			return nil, err
		}
		r.each(func(level uint, index uint64, h Hash) { nodes[[2]uint64{uint64(level), index}] = h })
	}
	if before.Begin != 0 || after.Begin != before.End {
		return nil, fmt.Errorf("ranges [%d, %d) and [%d, %d) do not make a tree", before.Begin, before.End, after.Begin, after.End)
	}
	return ConsistencyProof(before.End, after.End, func(level uint, index uint64) (Hash, error) {
		h, ok := nodes[[2]uint64{uint64(level), index}]
		if !ok {
			return h, errors.New("a node is not of either range") // cannot be: both are compact
		}
		return h, nil
	})
}

// ConsistencyOfPath returns the proof that the tree of the entries before index is a prefix
// of the tree of the given size, from the leaf at index and its audit path, and the root of
// that prefix. A path that VerifyInclusion accepts gives a proof that VerifyConsistency accepts.
func ConsistencyOfPath(leaf Hash, index, size uint64, path []Hash) (root Hash, proof []Hash, err error) {
	left, err := LeftRange(index, size, path)
	if err != nil || index == 0 {
		return EmptyRoot, nil, err
	}
	if root, err = left.Root(); err != nil {
		return root, nil, err
	}
	// Up to the lowest left sibling, the leaf is the first of its subtree, which the proof
	// gives as a whole; from there on the proof's nodes are the path's. A prefix that is one
	// complete subtree is not part of the proof.
	first := slices.Index(path, left.Nodes[len(left.Nodes)-1])
	for _, right := range path[:first] {
		leaf = HashNode(leaf, right)
	}
	if len(left.Nodes) > 1 {
		proof = append(proof, path[first])
	}
	return root, append(append(proof, leaf), path[first+1:]...), nil
}

// each calls fn with every subtree of the range, left to right: its root, its level, and
// its index among the complete subtrees of that level.
func (r *Range) each(fn func(level uint, index uint64, h Hash)) {
	begin := r.Begin
	for _, h := range r.Nodes {
		level := subtreeLevel(begin, r.End)
		fn(level, begin>>level, h)
		begin += 1 << level
	}
}

// Subtrees returns the roots of the range's complete subtrees by level and index (the
// leaves index<<level to index+1<<level).
func (r *Range) Subtrees() (map[[2]uint64]Hash, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	out := make(map[[2]uint64]Hash, len(r.Nodes))
	r.each(func(level uint, index uint64, h Hash) { out[[2]uint64{uint64(level), index}] = h })
	return out, nil
}

// Clone returns a copy that can be appended to.
func (r *Range) Clone() *Range {
	return &Range{Begin: r.Begin, End: r.End, Nodes: slices.Clone(r.Nodes)}
}
