package evidence

import (
	"fmt"
	"slices"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// checkRange checks what the snapshot says of the entries that were read of a log: their
// number, and the proof that the tree begins with the one that an earlier audit read.
func (l *log) checkRange() error {
	e := l.listed
	first, read := e.First()
	if !read {
		return nil
	}
	// The root can only have been computed from all entries of the range.
	if e.Entries < 0 || uint64(e.Entries) != e.TreeSize-first {
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
	for i := range e.snapshot.Logs {
		if l := &e.snapshot.Logs[i]; l.LogID == id && l.HasHead() {
			return l
		}
	}
	return nil
}

// checkLogChain compares the ranges with the earlier audits that were given: each log is
// tied to the newest audit that read it, and read on from where that one left off.
func (v *verifier) checkLogChain() {
	const name = "log chain"
	if v.docs.logs == nil || v.docs.snapshot == nil {
		return
	}
	for _, id := range sortedKeys(v.docs.logs) {
		if n := v.unreadBefore(v.docs.logs[id]); n != "" {
			v.note(name, "log %s (%s): %s", id, v.docs.logs[id].listed.URL, n)
		}
	}
	if len(v.docs.earlier) == 0 {
		return // checkChain has said that there are none
	}
	var bad failures
	tied, here := 0, map[string]bool{}
	for _, id := range sortedKeys(v.docs.logs) {
		l := v.docs.logs[id]
		here[id] = true
		if _, read := l.listed.First(); !read || !l.proven {
			continue
		}
		ok, err := v.tied(l)
		if err != nil {
			bad.add("log %s (%s): %v", id, l.listed.URL, err)
		} else if ok {
			tied++
		}
	}
	if !bad.close(v, name, "%d logs contain the trees that earlier audits read, and are read on from where those left off", tied) {
		return
	}
	if last := v.docs.earlier[0]; last.snapshot != nil {
		for _, l := range last.snapshot.Logs {
			if l.HasHead() && !here[l.LogID] {
				v.note(name, "log %s (%s) was used by audit %s and is not in this one", l.LogID, l.URL, last.commitment.AuditID)
			}
		}
	}
}

// tied compares one log with the earlier audits; false if none of them read it.
func (v *verifier) tied(l *log) (bool, error) {
	first, _ := l.listed.First()
	p := l.listed.Previous
	for _, e := range v.docs.earlier {
		was := e.log(l.listed.LogID)
		if was == nil {
			continue
		}
		if l.listed.Coverage == "" && was.Coverage == "" && was.Cursor == nil {
			return false, nil // of before audits were tied to each other
		}
		if p == nil {
			return false, fmt.Errorf("audit %s had a tree head of it, and the snapshot does not say that the log only grew since", e.commitment.AuditID)
		}
		want := sampler.SnapshotPrevious{AuditID: e.commitment.AuditID, TreeSize: was.TreeSize, RootHash: was.RootHash, TimestampMS: was.TimestampMS}
		if p.AuditID != want.AuditID || p.TreeSize != want.TreeSize || p.RootHash != want.RootHash || p.TimestampMS != want.TimestampMS {
			return false, fmt.Errorf("previous is audit %s, size %d, root %s; the newest audit that has one is %s, size %d, root %s",
				p.AuditID, p.TreeSize, p.RootHash, want.AuditID, want.TreeSize, want.RootHash)
		}
		break
	}
	if p != nil && !v.given(p.AuditID) {
		return false, fmt.Errorf("previous is audit %s, which is not among the earlier audits given, or has no tree head of the log", p.AuditID)
	}
	for _, e := range v.docs.earlier {
		if was := e.log(l.listed.LogID); was != nil && was.Cursor != nil {
			if first > was.Cursor.NextFirstEntry {
				return false, fmt.Errorf("it is read from entry %d on, audit %s left off at %d", first, e.commitment.AuditID, was.Cursor.NextFirstEntry)
			}
			break
		}
	}
	return p != nil, nil
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

// given says whether an earlier audit is among those given; the chain may be given in part.
func (v *verifier) given(id string) bool {
	for _, e := range v.docs.earlier {
		if e.commitment.AuditID == id {
			return true
		}
	}
	last := v.docs.earlier[len(v.docs.earlier)-1]
	return !last.commitment.PreviousCommitment.IsZero() // it may be one of those before
}
