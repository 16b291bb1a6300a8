package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
	"selfaudit/sampler/ctlog"
)

// Known is a tree head of a log that was verified before: by an earlier audit of the chain.
type Known struct {
	AuditID   string
	Head      ct.TreeHead
	Raw       []byte // as the log served it
	PublicKey []byte // that it verifies with
	Origin    string // of a checkpoint
	File      string // its name, whose ending says its form
}

// previous is what the snapshot says of this tree head, with the proof that leads from it to
// the audit's own.
func (k Known) previous(proof []ct.Hash) *sampler.SnapshotPrevious {
	p := &sampler.SnapshotPrevious{AuditID: k.AuditID, TreeSize: k.Head.Size, RootHash: k.Head.Root.String(), TimestampMS: k.Head.Timestamp, Consistency: [][]byte{}}
	for _, h := range proof {
		p.Consistency = append(p.Consistency, h[:])
	}
	return p
}

// contradiction is what shows that one tree is not the beginning of another.
type contradiction struct {
	implied ct.Hash   // root that the larger tree has at the smaller one's size
	proof   []ct.Hash // consistency proof from it; nil for trees of one size
}

// consistent checks that the tree of known is the beginning of the tree of head, by what
// the log itself serves, and returns its proof, which was verified. A nil contradiction with a
// nil error says that it is; unserved says that the log does not prove it, so that only reading
// can tell.
func consistent(ctx context.Context, log LogReader, known, head ct.TreeHead) (proof []ct.Hash, c *contradiction, unserved, err error) {
	switch {
	case known.Size == head.Size && known.Root != head.Root:
		return nil, &contradiction{implied: head.Root}, nil, nil
	case known.Size == 0 && known.Root != ct.EmptyRoot:
		return nil, &contradiction{implied: ct.EmptyRoot}, nil, nil
	case known.Size == head.Size || known.Size == 0:
		return nil, nil, nil, nil
	}
	proof, err = log.ConsistencyProof(ctx, known.Size, head)
	var le *ctlog.Error
	switch {
	case err == nil:
		if ct.VerifyConsistency(known.Size, head.Size, known.Root, head.Root, proof) == nil {
			return proof, nil, nil, nil
		}
	case ctx.Err() != nil:
		return nil, nil, nil, err
	case !errors.As(err, &le) || le.Kind == ctlog.Unreachable:
		return nil, nil, err, nil
	default:
		return nil, nil, nil, err
	}
	// A wrong proof alone says little; what the tree says of its own beginning is proven.
	leaf, path, err := log.InclusionProof(ctx, head, known.Size)
	if err != nil {
		return nil, nil, nil, err
	}
	where := fmt.Sprintf("entry %d", known.Size)
	if err := ct.VerifyInclusion(leaf, known.Size, head.Size, path, head.Root); err != nil {
		return nil, nil, nil, &ctlog.Error{Log: log.Name(), Kind: ctlog.Invalid, Where: where, Err: err}
	}
	root, between, err := ct.ConsistencyOfPath(leaf, known.Size, head.Size, path)
	if err != nil {
		return nil, nil, nil, err
	}
	if root != known.Root {
		return nil, &contradiction{root, between}, nil, nil
	}
	return nil, nil, nil, &ctlog.Error{Log: log.Name(), Kind: ctlog.Invalid, Where: fmt.Sprintf("consistency proof from size %d to %d", known.Size, head.Size),
		Err: errors.New("the proof is wrong, although the tree does begin with the earlier one")}
}

// grown checks, before anything is read, that the tree contains those that earlier audits
// knew. What the log does not prove is left to contains, for as far as reading goes back;
// with all, it is an error. It returns what the log proves of the newest one, nil without.
func (r *logRun) grown(ctx context.Context, all bool) (*sampler.SnapshotPrevious, error) {
	var previous *sampler.SnapshotPrevious
	for i, k := range r.src.Known {
		proof, c, unserved, err := consistent(ctx, r.src.Log, k.Head, r.head)
		if err == nil && all {
			err = unserved
		}
		if err != nil {
			return nil, err
		}
		if c != nil {
			return nil, r.forked(k, c)
		}
		if i == 0 && unserved == nil {
			previous = k.previous(proof)
		}
	}
	return previous, nil
}

// pinGrown is pin for a log that is not read: the log itself proves that its tree contains
// those of earlier audits. It returns the proof for the newest one, nil if there is none.
func (h *Harvest) pinGrown(ctx context.Context, src Source) (ct.TreeHead, *sampler.SnapshotPrevious, error) {
	if err := h.keptConflict(src); err != nil {
		return ct.TreeHead{}, nil, err
	}
	head, err := h.pin(ctx, src)
	if err != nil {
		return head, nil, err
	}
	previous, err := (&logRun{h: h, src: src, head: head}).grown(ctx, true)
	return head, previous, err
}

// forked keeps the evidence of a fork between an earlier audit's tree head and this one's.
func (r *logRun) forked(k Known, c *contradiction) error {
	reason := fmt.Sprintf("the log signed a tree of %d entries for audit %s, root %s, and now one of %d entries, root %s, that does not begin with it: its first %d entries have root %s",
		k.Head.Size, k.AuditID, k.Head.Root, r.head.Size, r.head.Root, k.Head.Size, c.implied)
	if k.Head.Size == r.head.Size {
		reason = fmt.Sprintf("the log signed two trees of %d entries: root %s for audit %s, root %s now", k.Head.Size, k.Head.Root, k.AuditID, r.head.Root)
	}
	raw, err := r.h.Dir.Read(r.src.HeadFile)
	if err != nil {
		return err
	}
	return r.h.conflict(r.src, sampler.ConflictFork, reason, k.side(), r.h.servedSide(r.src, raw, r.head, "the tree head that this audit pinned"), c)
}

// contains checks, after reading, that the roots of earlier audits are those of the entries
// read, and returns what the snapshot says of the newest one.
func (r *logRun) contains(units []*unit) (*sampler.SnapshotPrevious, error) {
	var previous *sampler.SnapshotPrevious
	for i, k := range r.src.Known {
		if k.Head.Size < r.start.First {
			continue // proven to the audit after it, which is among those checked here
		}
		before, after, err := r.split(units, k.Head.Size)
		if err != nil {
			return nil, err
		}
		root, err := before.Root()
		if err != nil {
			return nil, err
		}
		proof, err := ct.ConsistencyOf(before, after)
		if err != nil {
			return nil, err
		}
		if root != k.Head.Root {
			return nil, r.forked(k, &contradiction{root, proof})
		}
		if i == 0 {
			previous = k.previous(proof)
		}
	}
	return previous, nil
}

// How a log that serves an older tree head than it has signed before is asked
// again: a front end that lags behind catches up within minutes.
const (
	againTimes = 3
	againAfter = time.Minute
)

// freshHead fetches the log's tree head, at least as large as those known, and refuses one
// that cannot follow them. A smaller one that is older than those known contradicts nothing (RFC
// 6962 section 3.5: time stamps ascend, and the tree only grows), so it is no evidence.
func (h *Harvest) freshHead(ctx context.Context, src Source) (raw []byte, head ct.TreeHead, err error) {
	for try := 0; ; try++ {
		if raw, head, err = src.Log.Head(ctx); err != nil {
			return nil, head, err
		}
		if src.OtherKey != nil {
			reason := fmt.Sprintf("audit %s read this log with another key (log id %s): a log whose key changes is another log", src.OtherKey.AuditID, ct.LogIDOf(src.OtherKey.PublicKey))
			return nil, head, h.conflict(src, sampler.ConflictKey, reason, src.OtherKey.side(), h.servedSide(src, raw, head, "the log, now"), nil)
		}
		ahead := largestAhead(src.Known, head, func(Known) bool { return true })
		if ahead == nil {
			return raw, head, nil
		}
		if k := largestAhead(src.Known, head, func(k Known) bool { return k.Head.Timestamp <= head.Timestamp }); k != nil {
			reason := fmt.Sprintf("the log signed a tree of %d entries at %s for audit %s, and one of %d entries at %s, not before it", k.Head.Size, msTime(k.Head.Timestamp), k.AuditID, head.Size, msTime(head.Timestamp))
			return nil, head, h.conflict(src, sampler.ConflictRollback, reason, k.side(), h.servedSide(src, raw, head, "the log, now"), nil)
		}
		if try == againTimes || h.Sleep == nil {
			return nil, head, &ctlog.Error{Log: src.Log.Name(), Kind: ctlog.Unreachable, Where: "tree head", Err: fmt.Errorf(
				"however often it is asked, it serves one of %s with %d entries; audit %s has one of %s with %d entries: a front end that lags behind, ask again later",
				msTime(head.Timestamp), head.Size, ahead.AuditID, msTime(ahead.Head.Timestamp), ahead.Head.Size)}
		}
		h.Observer.State(src.name(), "tree head smaller than before", againAfter)
		if err := h.Sleep(ctx, againAfter); err != nil {
			return nil, head, err
		}
	}
}

// largestAhead returns the largest of the known trees that is larger than head's and fits; nil if there is none.
func largestAhead(known []Known, head ct.TreeHead, fits func(Known) bool) *Known {
	var out *Known
	for i := range known {
		k := &known[i]
		if k.Head.Size > head.Size && fits(*k) && (out == nil || k.Head.Size > out.Head.Size) {
			out = k
		}
	}
	return out
}

// secondLook asks for the tree head once more after the log was proven: it must be the same
// tree, grown or not. A smaller one that is older is of a front end that lags behind, and says nothing.
func (r *logRun) secondLook(ctx context.Context) error {
	raw, later, err := r.src.Log.Head(ctx)
	if err != nil {
		return err
	}
	if later.Size < r.head.Size {
		if later.Timestamp < r.head.Timestamp {
			return nil
		}
		return r.changed(raw, later, nil, sampler.ConflictRollback, fmt.Sprintf("the log signed a tree of %d entries at %s, which was read, and one of %d entries at %s, not before it",
			r.head.Size, msTime(r.head.Timestamp), later.Size, msTime(later.Timestamp)))
	}
	_, c, unserved, err := consistent(ctx, r.src.Log, r.head, later)
	if err != nil || unserved != nil || c == nil {
		return cmp.Or(err, unserved)
	}
	reason := fmt.Sprintf("the log signed a tree of %d entries, root %s, which was read, and meanwhile one of %d entries, root %s, that does not begin with it: its first %d entries have root %s",
		r.head.Size, r.head.Root, later.Size, later.Root, r.head.Size, c.implied)
	if later.Size == r.head.Size {
		reason = fmt.Sprintf("the log signed two trees of %d entries: root %s, which was read, and root %s", later.Size, r.head.Root, later.Root)
	}
	return r.changed(raw, later, c, sampler.ConflictEquivocation, reason)
}

// changed keeps the evidence that the log shows another tree than the one that was read.
func (r *logRun) changed(raw []byte, later ct.TreeHead, c *contradiction, kind, reason string) error {
	pinned, err := r.h.Dir.Read(r.src.HeadFile)
	if err != nil {
		return err
	}
	return r.h.conflict(r.src, kind, reason, r.h.servedSide(r.src, pinned, r.head, "the tree head that this audit pinned"),
		r.h.servedSide(r.src, raw, later, "the log, asked again after it was read"), c)
}
