package sampler

import (
	"encoding/hex"
	"errors"
	"fmt"
)

// What of a log was read; "" in snapshots of before ranges were read means CoverageWhole.
const (
	CoverageWhole = "whole" // every entry from 0 on
	CoverageRange = "range" // the entries from first_entry on, proven against the same tree head
)

// SnapshotCursor is where the next audit of the chain goes on in a log.
type SnapshotCursor struct {
	// NextFirstEntry is the first entry that the next audit must read again: all below it
	// are of other issuers, or of items that are decided for good.
	NextFirstEntry uint64 `json:"next_first_entry"`
}

// SnapshotPrevious is the tree head at which an earlier audit of the chain used the log,
// with the proof that the log has only grown since. Every log with a tree head that an audit
// before has one of too says so, whether it is read or looked into.
type SnapshotPrevious struct {
	AuditID     string `json:"audit_id"`
	TreeSize    uint64 `json:"tree_size"`
	RootHash    string `json:"root_hash"` // 64 hex
	TimestampMS uint64 `json:"timestamp_ms"`
	// Consistency is the proof of RFC 6962 section 2.1.2 from this tree to the audit's own,
	// made from what was read, or that of a log that was looked into. Empty if the sizes are
	// equal or this tree is empty.
	Consistency [][]byte `json:"consistency"`
}

// SnapshotPairings ties ct/pairings.tsv to the commitment.
type SnapshotPairings struct {
	SHA256 DocHash `json:"sha256"`
	Lines  int64   `json:"lines"` // without the header
}

// First returns the first entry that was read, and whether the log was read from there to
// its tree head.
func (l *SnapshotLog) First() (first uint64, read bool) {
	switch {
	case l.Status != LogProven:
		return 0, false
	case l.Coverage == "", l.Coverage == CoverageWhole:
		return 0, true
	}
	return l.FirstEntry, l.Coverage == CoverageRange
}

// HasHead says whether the audit verified a tree head of the log, whatever it read of it.
func (l *SnapshotLog) HasHead() bool { return l.Status != LogExcluded && l.RootHash != "" }

// checkRange checks what the entry says of the range that was read and of earlier tree heads.
func (l *SnapshotLog) checkRange() error {
	first, read := l.First()
	if !read {
		if l.Status == LogProven {
			return fmt.Errorf("proven, with the unknown coverage %.40q", l.Coverage)
		}
		if l.FirstEntry != 0 || l.FirstReason != "" || l.Cursor != nil {
			return errors.New("first entry or cursor of a log that was not read from there to its tree head")
		}
		if l.Previous != nil && !l.HasHead() {
			return errors.New("an earlier tree head of a log of which this audit has none")
		}
		return l.checkPrevious()
	}
	switch {
	case first > l.TreeSize || l.FirstEntry != first || (first > 0) != (l.Coverage == CoverageRange):
		return fmt.Errorf("first_entry %d with coverage %.40q of %d entries", l.FirstEntry, l.Coverage, l.TreeSize)
	case l.Coverage != "" && l.FirstReason == "":
		return errors.New("no first_reason")
	case l.Cursor != nil && (l.Cursor.NextFirstEntry < first || l.Cursor.NextFirstEntry > l.TreeSize):
		return fmt.Errorf("cursor at entry %d, entries %d to %d were read", l.Cursor.NextFirstEntry, first, l.TreeSize)
	}
	return l.checkPrevious()
}

func (l *SnapshotLog) checkPrevious() error {
	p, size := l.Previous, l.TreeSize
	switch {
	case p == nil:
		return nil
	case !ValidAuditID(p.AuditID):
		return fmt.Errorf("bad previous.audit_id %.80q", p.AuditID)
	case len(p.RootHash) != 64 || !isLowerHex(p.RootHash):
		return fmt.Errorf("previous.root_hash %.80q is not 64 lowercase hex digits", p.RootHash)
	case p.TreeSize > size:
		return fmt.Errorf("previous.tree_size %d is larger than tree_size %d", p.TreeSize, size)
	}
	return checkProof("previous.consistency", p.Consistency)
}

// maxProofHashes is more than any proof in a tree of 2^63 leaves has.
const maxProofHashes = 128

func checkProof(name string, proof [][]byte) error {
	if len(proof) > maxProofHashes {
		return fmt.Errorf("%s has %d hashes", name, len(proof))
	}
	for i, h := range proof {
		if len(h) != 32 {
			return fmt.Errorf("%s: hash %d has %d bytes", name, i, len(h))
		}
	}
	return nil
}

// completeRange makes a nil proof an empty one, in copies.
func (l *SnapshotLog) completeRange() {
	if l.Previous != nil {
		p := *l.Previous
		p.Consistency = append([][]byte{}, p.Consistency...)
		l.Previous = &p
	}
}

// Root returns the root hash as bytes; false if there is none.
func (p *SnapshotPrevious) Root() (h [32]byte, ok bool) {
	if len(p.RootHash) != hex.EncodedLen(len(h)) {
		return h, false
	}
	_, err := hex.Decode(h[:], []byte(p.RootHash))
	return h, err == nil
}
