package evidence

import (
	"fmt"
	"slices"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// checkRange checks what the snapshot says of the entries that were read of a log: their
// number, and the proof that the tree begins with the one that an earlier audit had. The
// latter is also there for a log in which entries were looked up.
func (l *log) checkRange() error {
	e := l.listed
	// The root can only have been computed from all entries of the range.
	if first, read := e.First(); read && (e.Entries < 0 || uint64(e.Entries) != e.TreeSize-first) {
		return fmt.Errorf("%d of %d entries from entry %d on were read: the root cannot have been computed from them", e.Entries, e.TreeSize-first, first)
	}
	p := e.Previous
	if p == nil {
		return nil
	}
	root, ok := p.Root()
	if !ok {
		return fmt.Errorf("previous.root_hash %.80q is no hash", p.RootHash)
	}
	proof := make([]ct.Hash, len(p.Consistency))
	for i, h := range p.Consistency {
		copy(proof[i][:], h) // 32 bytes each: ParseSnapshot has checked it
	}
	if err := ct.VerifyConsistency(p.TreeSize, l.head.Size, ct.Hash(root), l.head.Root, proof); err != nil {
		return fmt.Errorf("with audit %s: %w", p.AuditID, err)
	}
	return nil
}

// earlierDocs is what an earlier audit of the chain, as given, says of its logs.
type earlierDocs struct {
	commitment *sampler.Commitment
	snapshot   *sampler.Snapshot // nil if it is not there
}

// readEarlier reads commitment and snapshot of an earlier audit. Its commitment is that of
// the chain: CheckChain compared it.
func readEarlier(d *drawFolder) (*earlierDocs, error) {
	raw, err := d.tree.ReadFile("commitment.txt")
	if err != nil {
		return nil, err
	}
	e := &earlierDocs{}
	if e.commitment, err = sampler.ParseCommitment(raw); err != nil {
		return nil, err
	}
	if !d.tree.has("snapshot.json") {
		return e, nil
	}
	if raw, err = d.tree.ReadFile("snapshot.json"); err != nil {
		return nil, err
	}
	if sampler.HashDoc(raw) != e.commitment.SnapshotHash {
		return nil, fmt.Errorf("audit %s: snapshot.json is not the committed one", e.commitment.AuditID)
	}
	e.snapshot, err = sampler.ParseSnapshot(raw)
	return e, err
}

// log returns what the audit says of a log; nil if it has no tree head of it.
func (e *earlierDocs) log(id string) *sampler.SnapshotLog {
	if e.snapshot == nil {
		return nil
	}
	return e.snapshot.HeadOf(id)
}

// unreadBefore says what nobody shows to have been looked at: the entries of a log before
// the first one that was read, unless an earlier audit that was given decided them for all
// issuers of this one.
func (v *verifier) unreadBefore(l *log) string {
	first, _ := l.listed.First()
	if first == 0 {
		return ""
	}
	for _, e := range v.docs.earlier {
		was := e.log(l.listed.LogID)
		if was == nil || was.Cursor == nil {
			continue
		}
		for _, i := range v.docs.snapshot.Issuers {
			for _, c := range i.Certificates {
				if !slices.ContainsFunc(e.snapshot.Issuers, func(o sampler.SnapshotIssuer) bool { return slices.Contains(o.Certificates, c) }) {
					return fmt.Sprintf("the entries before %d were not read, and audit %s did not look for certificates of issuer %s: %s", first, e.commitment.AuditID, c, l.listed.FirstReason)
				}
			}
		}
		return ""
	}
	return fmt.Sprintf("the entries before %d were read by no audit given: %s", first, l.listed.FirstReason)
}

// ofNow says whether the audit, or one before it, was made by a program that ties audits to
// each other: it has ranges, pairings and the statement of completeness.
func (v *verifier) ofNow() bool {
	now := func(s *sampler.Snapshot) bool {
		return s.SCTs != nil || s.Pairings != nil || s.Reconciliation != nil || s.Index != nil || len(s.Completeness) > 0 ||
			slices.ContainsFunc(s.Logs, func(l sampler.SnapshotLog) bool { return l.Coverage != "" })
	}
	return now(v.docs.snapshot) || slices.ContainsFunc(v.docs.earlier, func(e *earlierDocs) bool { return e.snapshot != nil && now(e.snapshot) })
}
