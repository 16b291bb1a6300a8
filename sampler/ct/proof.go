package ct

import (
	"errors"
	"fmt"
	"math/bits"
)

// NodeFunc returns the root of the complete subtree of 1<<level leaves that
// starts at leaf index<<level.
type NodeFunc = func(level uint, index uint64) (Hash, error)

// InclusionProof returns the audit path of the leaf at index in the tree of the
// given size, nearest sibling first (RFC 6962 section 2.1.1). It asks node only
// for complete subtrees inside the tree.
func InclusionProof(index, size uint64, node NodeFunc) ([]Hash, error) {
	if index >= size || size > maxTreeSize {
		return nil, fmt.Errorf("inclusion proof for entry %d: not in a tree of size %d", index, size)
	}
	var path []Hash
	begin, end := uint64(0), size
	for end-begin > 1 {
		// Walk from the root to the leaf, keeping the other half each time.
		mid := begin + splitPoint(end-begin)
		var h Hash
		var err error
		if index < mid {
			h, err = subtreeRoot(mid, end, node)
			end = mid
		} else {
			h, err = subtreeRoot(begin, mid, node)
			begin = mid
		}
		if err != nil {
			return nil, fmt.Errorf("inclusion proof for entry %d of %d: %w", index, size, err)
		}
		path = append(path, h)
	}
	reverse(path)
	return path, nil
}

// ConsistencyProof returns the proof that the tree of size1 is a prefix of the
// tree of size2 (RFC 6962 section 2.1.2). It is empty when size1 is 0 or size2.
func ConsistencyProof(size1, size2 uint64, node NodeFunc) ([]Hash, error) {
	if size1 > size2 || size2 > maxTreeSize {
		return nil, fmt.Errorf("consistency proof from size %d to size %d: sizes must ascend", size1, size2)
	}
	if size1 == 0 || size1 == size2 {
		return nil, nil
	}
	var proof []Hash
	begin, end, complete := uint64(0), size2, true
	for end != size1 {
		mid := begin + splitPoint(end-begin)
		var h Hash
		var err error
		if size1 <= mid {
			h, err = subtreeRoot(mid, end, node)
			end = mid
		} else {
			h, err = subtreeRoot(begin, mid, node)
			begin, complete = mid, false
		}
		if err != nil {
			return nil, fmt.Errorf("consistency proof from size %d to size %d: %w", size1, size2, err)
		}
		proof = append(proof, h)
	}
	if !complete {
		h, err := subtreeRoot(begin, end, node)
		if err != nil {
			return nil, fmt.Errorf("consistency proof from size %d to size %d: %w", size1, size2, err)
		}
		proof = append(proof, h)
	}
	reverse(proof)
	return proof, nil
}

// splitPoint returns the largest power of two less than n, for n > 1: where
// RFC 6962 section 2.1 divides a list of n leaves.
func splitPoint(n uint64) uint64 { return 1 << (bits.Len64(n-1) - 1) }

// subtreeRoot returns the root over the leaves [begin, end), where begin is a
// multiple of the power of two not below the length.
func subtreeRoot(begin, end uint64, node NodeFunc) (Hash, error) {
	n := end - begin
	if n&(n-1) == 0 {
		level := uint(bits.TrailingZeros64(n))
		return node(level, begin>>level)
	}
	mid := begin + splitPoint(n)
	left, err := subtreeRoot(begin, mid, node)
	if err != nil {
		return Hash{}, err
	}
	right, err := subtreeRoot(mid, end, node)
	if err != nil {
		return Hash{}, err
	}
	return HashNode(left, right), nil
}

func reverse(h []Hash) {
	for i, j := 0, len(h)-1; i < j; i, j = i+1, j-1 {
		h[i], h[j] = h[j], h[i]
	}
}

// VerifyInclusion checks that leaf is at index in the tree of the given size and
// root (algorithm of RFC 9162 section 2.1.3.2, which RFC 6962 trees share).
func VerifyInclusion(leaf Hash, index, size uint64, proof []Hash, root Hash) error {
	if index >= size {
		return fmt.Errorf("inclusion of entry %d: not in a tree of size %d", index, size)
	}
	fn, sn, r := index, size-1, leaf
	for _, p := range proof {
		if sn == 0 {
			return fmt.Errorf("inclusion of entry %d in size %d: proof of %d hashes is too long", index, size, len(proof))
		}
		if fn&1 == 1 || fn == sn {
			r = HashNode(p, r)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			r = HashNode(r, p)
		}
		fn, sn = fn>>1, sn>>1
	}
	if sn != 0 {
		return fmt.Errorf("inclusion of entry %d in size %d: proof of %d hashes is too short", index, size, len(proof))
	}
	if r != root {
		return fmt.Errorf("inclusion of entry %d in size %d: proof leads to root %s, the tree head says %s", index, size, r, root)
	}
	return nil
}

// VerifyConsistency checks that the tree of size1 and root1 is a prefix of the
// tree of size2 and root2 (algorithm of RFC 9162 section 2.1.4.2). The empty tree
// is a prefix of every tree; its proof is empty.
func VerifyConsistency(size1, size2 uint64, root1, root2 Hash, proof []Hash) error {
	wrap := func(err error) error {
		return fmt.Errorf("consistency of size %d with size %d: %w", size1, size2, err)
	}
	switch {
	case size1 > size2:
		return wrap(errors.New("the first tree is the larger one"))
	case size1 == 0 || size1 == size2:
		if len(proof) != 0 {
			return wrap(fmt.Errorf("proof holds %d hashes, want none", len(proof)))
		}
		if size1 == 0 && root1 != EmptyRoot {
			return wrap(fmt.Errorf("the empty tree has root %s, want %s", root1, EmptyRoot))
		}
		if size1 == size2 && root1 != root2 {
			return wrap(fmt.Errorf("one size, two roots: %s and %s", root1, root2))
		}
		return nil
	case len(proof) == 0:
		return wrap(errors.New("the proof is empty"))
	}
	got1, got2, err := consistencyRoots(size1, size2, root1, proof)
	if err != nil {
		return wrap(err)
	}
	if got1 != root1 {
		return wrap(fmt.Errorf("proof leads to first root %s, want %s", got1, root1))
	}
	if got2 != root2 {
		return wrap(fmt.Errorf("proof leads to second root %s, want %s", got2, root2))
	}
	return nil
}

// consistencyRoots folds a proof for 0 < size1 < size2 into the two roots it implies.
func consistencyRoots(size1, size2 uint64, root1 Hash, proof []Hash) (Hash, Hash, error) {
	if size1&(size1-1) == 0 {
		// A complete first tree is itself the first node of the path.
		proof = append([]Hash{root1}, proof...)
	}
	fn, sn := size1-1, size2-1
	for fn&1 == 1 {
		fn, sn = fn>>1, sn>>1
	}
	fr, sr := proof[0], proof[0]
	for _, c := range proof[1:] {
		if sn == 0 {
			return Hash{}, Hash{}, errors.New("the proof is too long")
		}
		if fn&1 == 1 || fn == sn {
			fr, sr = HashNode(c, fr), HashNode(c, sr)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			sr = HashNode(sr, c)
		}
		fn, sn = fn>>1, sn>>1
	}
	if sn != 0 {
		return Hash{}, Hash{}, errors.New("the proof is too short")
	}
	return fr, sr, nil
}
