package ctlog

import (
	"context"
	"errors"
	"fmt"

	"selfaudit/sampler/ct"
)

// ErrNoSuchLeaf is what FindLeaf's error is (errors.Is) when the log says that its tree has no such leaf.
var ErrNoSuchLeaf = errors.New("the log has no such leaf")

// proofs is what a Log keeps to answer proofs without asking twice.
type proofs struct {
	tiles  tileCache      // static-ct
	leaves capturedLeaves // RFC 6962 captures
	asked  askedProofs    // RFC 6962 over HTTP
}

// InclusionProof returns the leaf hash of the entry at index and its audit path (nearest sibling first) in the tree of head, verified
// to lead to head.Root.
//
// A static-ct log answers from its hash tiles alone: each is fetched once, kept within bounds, and compared with the hash above it, up
// to head.Root. An RFC 6962 log is asked for get-entry-and-proof and, where it does not serve that, for the entry and get-proof-by-hash;
// a folder of captured answers is read once. Errors about the log are of type *Error, as those of Read.
func (l *Log) InclusionProof(ctx context.Context, head ct.TreeHead, index uint64) (leaf ct.Hash, path []ct.Hash, err error) {
	if index >= head.Size {
		return ct.Hash{}, nil, fmt.Errorf("log %s: no entry %d in a tree of %d", l.name, index, head.Size)
	}
	if l.cfg.Type == RFC6962 && l.remote {
		return l.askEntryProof(ctx, head, index)
	}
	node := l.nodes(ctx, head)
	if leaf, err = node(0, index); err != nil {
		return ct.Hash{}, nil, err
	}
	if path, err = ct.InclusionProof(index, head.Size, node); err != nil {
		return ct.Hash{}, nil, ownError(err)
	}
	if err := ct.VerifyInclusion(leaf, index, head.Size, path, head.Root); err != nil {
		return ct.Hash{}, nil, l.failed(ctx, fmt.Sprintf("entry %d", index), err)
	}
	return leaf, path, nil
}

// FindLeaf asks an RFC 6962 log where a leaf is (get-proof-by-hash). The audit path, nearest sibling first, is verified to lead from leaf
// to head.Root. The error is ErrNoSuchLeaf (errors.Is) when the log says that it has none and shows that it does know the last entry of
// head; a log that does not answer this question at all is an *Error.
func (l *Log) FindLeaf(ctx context.Context, head ct.TreeHead, leaf ct.Hash) (index uint64, path []ct.Hash, err error) {
	switch {
	case l.cfg.Type != RFC6962:
		return 0, nil, fmt.Errorf("log %s: a static-ct log does not find leaves by their hash: the SCT gives the index", l.name)
	case head.Size == 0:
		return 0, nil, l.noSuchLeaf(leaf, head)
	case l.remote:
		return l.askLeafProof(ctx, head, leaf)
	}
	if index, err = l.findCaptured(ctx, head, leaf); err != nil {
		return 0, nil, err
	}
	_, path, err = l.InclusionProof(ctx, head, index)
	return index, path, err
}

func (l *Log) noSuchLeaf(leaf ct.Hash, head ct.TreeHead) error {
	return fmt.Errorf("log %s: leaf %s in the tree of %d: %w", l.name, leaf, head.Size, ErrNoSuchLeaf)
}

// ConsistencyProof returns the log's proof (RFC 6962, 2.1.2) that the tree of size1 is a prefix of the tree of head: get-sth-consistency,
// or made from hash tiles or captured entries, which are compared with head.Root. It is empty for size1 0 or head.Size. That it leads
// from the old root is for the caller to verify (ct.VerifyConsistency), who has it.
func (l *Log) ConsistencyProof(ctx context.Context, size1 uint64, head ct.TreeHead) ([]ct.Hash, error) {
	switch {
	case size1 > head.Size:
		return nil, fmt.Errorf("log %s: no consistency proof from size %d to %d: sizes must ascend", l.name, size1, head.Size)
	case size1 == 0 || size1 == head.Size:
		return nil, nil // many logs refuse first=0, and both say nothing
	case l.cfg.Type == RFC6962 && l.remote:
		return l.askConsistency(ctx, size1, head)
	}
	proof, err := ct.ConsistencyProof(size1, head.Size, l.nodes(ctx, head))
	if err != nil {
		return nil, ownError(err)
	}
	return proof, nil
}

// nodes gives the roots of complete subtrees of head's tree, from tiles or captured entries. Its errors are those of this package.
func (l *Log) nodes(ctx context.Context, head ct.TreeHead) ct.NodeFunc {
	if l.cfg.Type == RFC6962 {
		return func(level uint, index uint64) (ct.Hash, error) { return l.capturedNode(ctx, head, level, index) }
	}
	return func(level uint, index uint64) (ct.Hash, error) { return l.tileNode(ctx, head, level, index) }
}

// ownError takes this package's error out of what ct put around it, which names no more than the error itself.
func ownError(err error) error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	return err
}

// foldNodes returns the root over 2^n hashes, which it overwrites.
func foldNodes(hashes []ct.Hash) ct.Hash {
	for len(hashes) > 1 {
		for i := range len(hashes) / 2 {
			hashes[i] = ct.HashNode(hashes[2*i], hashes[2*i+1])
		}
		hashes = hashes[:len(hashes)/2]
	}
	return hashes[0]
}
