package ctlog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"

	"selfaudit/sampler/ct"
)

const (
	// maxProof bounds an answer with hashes only: 64 of them have 3 kB in base64.
	maxProof = 64 << 10
	// maxPath is more hashes than any proof in a tree of 2^63 leaves has.
	maxPath = 128
)

// askedProofs is what a Log has learnt about the proof endpoints of a server.
type askedProofs struct {
	noEntryProof atomic.Bool // get-entry-and-proof is not served

	mu   sync.Mutex
	size uint64 // of the tree whose last leaf is known
	last ct.Hash
}

// proofPath names a request for a proof.
func proofPath(endpoint string, query url.Values) string {
	return "ct/v1/" + endpoint + "?" + query.Encode()
}

// askJSON asks for a proof. read decodes and verifies it inside the request, because a cache or proxy may have mangled this answer and
// not the next.
func (l *Log) askJSON(ctx context.Context, r request, into any, verify func() error) error {
	r.check = func(body []byte) error {
		d := json.NewDecoder(bytes.NewReader(body))
		if err := d.Decode(into); err != nil {
			return fmt.Errorf("not the JSON of this answer: %w", err)
		}
		if d.InputOffset() < int64(len(bytes.TrimRight(body, " \t\r\n"))) {
			return errors.New("data after the end of the answer")
		}
		return verify()
	}
	_, err := l.src.get(ctx, r, new(buffer))
	return err
}

// hashList reads the base64 strings of a proof.
type hashList []ct.Hash

func (h *hashList) UnmarshalJSON(raw []byte) error {
	var list [][]byte
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	if len(list) > maxPath {
		return fmt.Errorf("%d hashes are more than any proof has", len(list))
	}
	*h = make(hashList, len(list))
	for i, b := range list {
		if len(b) != len(ct.Hash{}) {
			return fmt.Errorf("hash %d has %d bytes, want %d", i, len(b), len(ct.Hash{}))
		}
		(*h)[i] = ct.Hash(b)
	}
	return nil
}

// entryProof is the answer to get-entry-and-proof (RFC 6962, 4.8), without extra_data.
type entryProof struct {
	LeafInput []byte   `json:"leaf_input"`
	AuditPath hashList `json:"audit_path"`
}

// askEntryProof answers InclusionProof from a server.
func (l *Log) askEntryProof(ctx context.Context, head ct.TreeHead, index uint64) (leaf ct.Hash, path []ct.Hash, err error) {
	if !l.proofs.asked.noEntryProof.Load() {
		where := proofPath("get-entry-and-proof", url.Values{"leaf_index": {decimal(index)}, "tree_size": {decimal(head.Size)}})
		var answer entryProof
		err := l.askJSON(ctx, request{path: where, limit: maxBody}, &answer, func() error {
			leaf = ct.HashLeaf(answer.LeafInput)
			return ct.VerifyInclusion(leaf, index, head.Size, answer.AuditPath, head.Root)
		})
		if err == nil {
			return leaf, answer.AuditPath, nil
		}
		var f *failure
		if !errors.As(err, &f) || f.cause != missing && f.cause != permanent {
			return ct.Hash{}, nil, l.failed(ctx, where, err)
		}
		l.proofs.asked.noEntryProof.Store(true) // not every log serves it; what it answers otherwise is worth nothing
	}
	if leaf, err = l.askLeaf(ctx, head, index); err != nil {
		return ct.Hash{}, nil, err
	}
	at, path, err := l.askLeafProof(ctx, head, leaf)
	switch {
	case errors.Is(err, ErrNoSuchLeaf):
		err = fail(permanent, Invalid, "the log served this entry and says that no such leaf is in its tree of %d", head.Size)
		return ct.Hash{}, nil, l.failed(ctx, entryName(index), err)
	case err != nil:
		return ct.Hash{}, nil, err
	case at != index:
		err = fail(permanent, Unreachable, "the log proves the same leaf at %d; that of this entry it does not serve (get-entry-and-proof)", at)
		return ct.Hash{}, nil, l.failed(ctx, entryName(index), err)
	}
	return leaf, path, nil
}

// askLeaf reads one entry for its leaf hash, which nothing has proved yet.
func (l *Log) askLeaf(ctx context.Context, head ct.TreeHead, index uint64) (leaf ct.Hash, err error) {
	err = l.Read(ctx, head, index, index+1, func(e *ct.Entry) error {
		leaf = e.LeafHash()
		return nil
	})
	return leaf, err
}

func entryName(index uint64) string { return "entry " + decimal(index) }

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

// leafProof is the answer to get-proof-by-hash (RFC 6962, 4.5).
type leafProof struct {
	LeafIndex *uint64  `json:"leaf_index"`
	AuditPath hashList `json:"audit_path"`
}

// askLeafProof answers FindLeaf from a server. Logs answer 404 for a leaf that they do not have (RFC 6962 leaves the status open), but a
// front end that lags behind and one that does not serve proofs at all do too. So the log is then asked for the last leaf of the tree:
// only one that knows that leaf has said that it does not know the other.
func (l *Log) askLeafProof(ctx context.Context, head ct.TreeHead, leaf ct.Hash) (uint64, []ct.Hash, error) {
	index, path, where, err := l.proofByHash(ctx, head, leaf)
	if err == nil {
		return index, path, nil
	}
	var f *failure
	if !errors.As(err, &f) || f.cause != missing || f.page {
		return 0, nil, l.failed(ctx, where, err)
	}
	last, lastErr := l.lastLeaf(ctx, head)
	if lastErr != nil {
		return 0, nil, lastErr
	}
	if leaf != last {
		_, _, where, lastErr = l.proofByHash(ctx, head, last)
	}
	if leaf == last || lastErr != nil {
		err := fail(missing, Unreachable, "the log does not prove the last leaf of its own tree either, so its answer says nothing: %w", err)
		return 0, nil, l.failed(ctx, where, err)
	}
	return 0, nil, l.noSuchLeaf(leaf, head)
}

func (l *Log) proofByHash(ctx context.Context, head ct.TreeHead, leaf ct.Hash) (index uint64, path []ct.Hash, where string, err error) {
	where = proofPath("get-proof-by-hash", url.Values{"hash": {base64Of(leaf)}, "tree_size": {decimal(head.Size)}})
	var answer leafProof
	err = l.askJSON(ctx, request{path: where, limit: maxProof, retry400: true, retryMissing: true}, &answer, func() error {
		if answer.LeafIndex == nil {
			return errors.New(`answer without "leaf_index"`)
		}
		return ct.VerifyInclusion(leaf, *answer.LeafIndex, head.Size, answer.AuditPath, head.Root)
	})
	if err != nil {
		return 0, nil, where, err
	}
	return *answer.LeafIndex, answer.AuditPath, where, nil
}

// lastLeaf returns the leaf hash of the last entry of head's tree.
func (l *Log) lastLeaf(ctx context.Context, head ct.TreeHead) (ct.Hash, error) {
	a := &l.proofs.asked
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.size == head.Size {
		return a.last, nil
	}
	leaf, err := l.askLeaf(ctx, head, head.Size-1)
	if err == nil {
		a.size, a.last = head.Size, leaf
	}
	return leaf, err
}

// askConsistency asks for get-sth-consistency (RFC 6962, 4.4).
func (l *Log) askConsistency(ctx context.Context, size1 uint64, head ct.TreeHead) ([]ct.Hash, error) {
	where := proofPath("get-sth-consistency", url.Values{"first": {decimal(size1)}, "second": {decimal(head.Size)}})
	var answer struct {
		Consistency *hashList `json:"consistency"`
	}
	err := l.askJSON(ctx, request{path: where, limit: maxProof, retry400: true, retryMissing: true}, &answer, func() error {
		if answer.Consistency == nil {
			return errors.New(`answer without "consistency"`)
		}
		return nil
	})
	if err != nil {
		return nil, l.failed(ctx, where, err)
	}
	return *answer.Consistency, nil
}
