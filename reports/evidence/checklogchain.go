package evidence

import (
	"fmt"
	"time"

	"selfaudit/sampler"
	"selfaudit/sampler/loglist"
)

// checkLogChain compares the logs with the earlier audits that were given: each log with a tree
// head is tied to the newest audit that has one, and read on from where the newest with a
// cursor left off; what all of them say of a log is of one tree that only grew; and a log that
// was used before and is not now is named.
func (v *verifier) checkLogChain() {
	const name = "log chain"
	if v.docs.logs == nil || v.docs.snapshot == nil || v.docs.commitment == nil {
		return
	}
	for _, id := range sortedKeys(v.docs.logs) {
		if n := v.unreadBefore(v.docs.logs[id]); n != "" {
			v.note(name, "log %s (%s): %s", id, v.docs.logs[id].listed.URL, n)
		}
	}
	var bad failures
	tied, delays := 0, v.mergeDelays()
	for _, id := range sortedKeys(v.docs.logs) {
		l := v.docs.logs[id]
		if !l.listed.HasHead() || !l.proven {
			continue
		}
		ok, err := v.tied(l)
		if err == nil {
			err = l.listed.CheckStart(v.startRule(l.listed, delays[id]))
		}
		if err != nil {
			bad.add("log %s (%s): %v", id, l.listed.URL, err)
		} else if ok {
			tied++
		}
	}
	v.oneTree(&bad)
	if len(v.docs.earlier) == 0 && bad.total == 0 {
		return // checkChain has said that there are none
	}
	bad.close(v, name, "%s the trees that earlier audits had; reading went on from where those left off", sampler.Counted(tied, "log contains", "logs contain"))
	v.noteUnusedLogs(name)
}

// startRule is where reading of a log may have begun by what the audits before say.
func (v *verifier) startRule(l *sampler.SnapshotLog, mergeDelay time.Duration) sampler.StartRule {
	r := sampler.StartRule{Own: l.OperatedByCA, Since: v.docs.commitment.ChainStart, MergeDelay: mergeDelay}
	var earlier []sampler.EarlierSnapshot
	for _, e := range v.docs.earlier {
		earlier = append(earlier, sampler.EarlierSnapshot{AuditID: e.commitment.AuditID, Snapshot: e.snapshot})
	}
	r.Follow(l.LogID, v.docs.snapshot.Issuers, v.docs.snapshot.IssuanceTime, earlier)
	r.Unknown = r.Unknown || r.Cursor == nil && !v.wholeChain()
	return r
}

// mergeDelays are those of the log lists that the logs were chosen from, by log id: the longest
// that a list says. What is wrong with a list its own check says.
func (v *verifier) mergeDelays() map[string]time.Duration {
	out := map[string]time.Duration{}
	for n := 1; v.data.has(loglist.File(n)); n++ {
		raw, err := v.data.ReadFile(loglist.File(n))
		if err != nil {
			return out
		}
		list, err := loglist.ParseTaken(raw, time.Unix(1, 0)) // its date does not matter here, and it may have none
		if err != nil {
			return out
		}
		for i := range list.Logs {
			id := list.Logs[i].ID.String()
			out[id] = max(out[id], list.Logs[i].MMD)
		}
	}
	return out
}

// wholeChain says whether the earlier audits given reach back to the chain's first; the chain
// may be given in part.
func (v *verifier) wholeChain() bool {
	if n := len(v.docs.earlier); n > 0 {
		return v.docs.earlier[n-1].commitment.PreviousCommitment.IsZero()
	}
	return v.docs.commitment.PreviousCommitment.IsZero()
}

// tied compares one log with the earlier audits; false if none of them had a tree head of it.
func (v *verifier) tied(l *log) (bool, error) {
	if len(v.docs.earlier) == 0 {
		return false, nil
	}
	first, _ := l.listed.First()
	p, found := l.listed.Previous, false
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
		found = true
		break
	}
	if p != nil && !found && !v.mayHaveHad(p.AuditID) {
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

// mayHaveHad says whether an audit may have a tree head though none of those given has one: it
// was given without its snapshot, or is one of those before the ones given.
func (v *verifier) mayHaveHad(id string) bool {
	for _, e := range v.docs.earlier {
		if e.commitment.AuditID == id {
			return e.snapshot == nil
		}
	}
	return !v.wholeChain()
}

// headSaid is a tree head of a log as an audit of the chain says it.
type headSaid struct {
	audit string
	size  uint64
	root  string
}

// oneTree compares every tree head of a log that the audits of the chain, as far as given, have
// or name: two roots at one size are of two trees, and no audit has a smaller tree than one
// before it. All else the consistency proofs show, of each audit with the one before.
func (v *verifier) oneTree(bad *failures) {
	said := map[string][]headSaid{} // by log, newest audit first
	collect := func(audit string, logs []sampler.SnapshotLog) {
		for i := range logs {
			l := &logs[i]
			if !l.HasHead() {
				continue
			}
			said[l.LogID] = append(said[l.LogID], headSaid{audit, l.TreeSize, l.RootHash})
			if p := l.Previous; p != nil {
				said[l.LogID] = append(said[l.LogID], headSaid{fmt.Sprintf("%s (as audit %s says)", p.AuditID, audit), p.TreeSize, p.RootHash})
			}
		}
	}
	collect(v.docs.snapshot.AuditID, v.docs.snapshot.Logs)
	for _, e := range v.docs.earlier {
		if e.snapshot != nil {
			collect(e.commitment.AuditID, e.snapshot.Logs)
		}
	}
	for _, id := range sortedKeys(said) {
		least, roots := said[id][0], map[uint64]headSaid{}
		for _, h := range said[id] {
			if other, known := roots[h.size]; known && other.root != h.root {
				bad.add("log %s: two trees of %d entries: root %s in audit %s, root %s in audit %s", id, h.size, other.root, other.audit, h.root, h.audit)
			} else if !known {
				roots[h.size] = h
			}
			if h.size > least.size {
				bad.add("log %s: %s in audit %s, and only %d in audit %s after it", id, sampler.Counted(h.size, "entry", "entries"), h.audit, least.size, least.audit)
			}
			if h.size <= least.size {
				least = h
			}
		}
	}
}

// noteUnusedLogs names the logs of which an earlier audit has a tree head, and this one none.
func (v *verifier) noteUnusedLogs(name string) {
	seen := map[string]bool{}
	for _, e := range v.docs.earlier {
		if e.snapshot == nil {
			continue
		}
		for i := range e.snapshot.Logs {
			l := &e.snapshot.Logs[i]
			if !l.HasHead() || seen[l.LogID] {
				continue
			}
			seen[l.LogID] = true
			switch here := v.docs.logs[l.LogID]; {
			case here == nil:
				v.note(name, "log %s (%s) was used by audit %s and is not in this one", l.LogID, l.URL, e.commitment.AuditID)
			case here.listed.Status == sampler.LogExcluded:
				v.note(name, "log %s (%s) was used by audit %s and is not read in this one: %s", l.LogID, l.URL, e.commitment.AuditID, here.listed.Reason)
			case !here.listed.HasHead():
				v.note(name, "log %s (%s) was used by audit %s and was not asked in this one: no certificate names it", l.LogID, l.URL, e.commitment.AuditID)
			}
		}
	}
}
