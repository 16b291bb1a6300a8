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

// contradiction is what shows that one tree is not the beginning of another.
type contradiction struct {
	implied ct.Hash   // root that the larger tree has at the smaller one's size
	proof   []ct.Hash // consistency proof from it; nil for trees of one size
}

// consistent checks that the tree of known is the beginning of the tree of head, by what
// the log itself serves. A nil contradiction with a nil error says that it is; unserved says
// that the log does not prove it, so that only reading can tell.
func consistent(ctx context.Context, log LogReader, known, head ct.TreeHead) (c *contradiction, unserved, err error) {
	switch {
	case known.Size == head.Size && known.Root != head.Root:
		return &contradiction{implied: head.Root}, nil, nil
	case known.Size == head.Size || known.Size == 0:
		return nil, nil, nil
	}
	proof, err := log.ConsistencyProof(ctx, known.Size, head)
	var le *ctlog.Error
	switch {
	case err == nil:
		if ct.VerifyConsistency(known.Size, head.Size, known.Root, head.Root, proof) == nil {
			return nil, nil, nil
		}
	case ctx.Err() != nil:
		return nil, nil, err
	case !errors.As(err, &le) || le.Kind == ctlog.Unreachable:
		return nil, err, nil
	default:
		return nil, nil, err
	}
	// A wrong proof alone says little; what the tree says of its own beginning is proven.
	leaf, path, err := log.InclusionProof(ctx, head, known.Size)
	if err != nil {
		return nil, nil, err
	}
	where := fmt.Sprintf("entry %d", known.Size)
	if err := ct.VerifyInclusion(leaf, known.Size, head.Size, path, head.Root); err != nil {
		return nil, nil, &ctlog.Error{Log: log.Name(), Kind: ctlog.Invalid, Where: where, Err: err}
	}
	root, between, err := ct.ConsistencyOfPath(leaf, known.Size, head.Size, path)
	if err != nil {
		return nil, nil, err
	}
	if root != known.Root {
		return &contradiction{root, between}, nil, nil
	}
	return nil, nil, &ctlog.Error{Log: log.Name(), Kind: ctlog.Invalid, Where: fmt.Sprintf("consistency proof from size %d to %d", known.Size, head.Size),
		Err: errors.New("the proof is wrong, although the tree does begin with the earlier one")}
}

// grown checks, before anything is read, that the tree contains those that earlier audits
// knew. What the log does not prove is left to contains, for as far as reading goes back;
// with all, it is an error.
func (r *logRun) grown(ctx context.Context, all bool) error {
	for _, k := range r.src.Known {
		c, unserved, err := consistent(ctx, r.src.Log, k.Head, r.head)
		if err == nil && all {
			err = unserved
		}
		if err != nil {
			return err
		}
		if c != nil {
			return r.forked(k, c)
		}
	}
	return nil
}

// pinGrown is pin for a log that is not read: the log itself proves that its tree contains
// those of earlier audits.
func (h *Harvest) pinGrown(ctx context.Context, src Source) (ct.TreeHead, error) {
	if err := h.keptConflict(src); err != nil {
		return ct.TreeHead{}, err
	}
	head, err := h.pin(ctx, src)
	if err != nil {
		return head, err
	}
	return head, (&logRun{h: h, src: src, head: head}).grown(ctx, true)
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
		if i > 0 {
			continue
		}
		previous = &sampler.SnapshotPrevious{AuditID: k.AuditID, TreeSize: k.Head.Size, RootHash: k.Head.Root.String(), TimestampMS: k.Head.Timestamp, Consistency: [][]byte{}}
		for _, h := range proof {
			previous.Consistency = append(previous.Consistency, h[:])
		}
	}
	return previous, nil
}

// How a log that serves a smaller tree than it has signed before is asked
// again: a front end that lags behind catches up within minutes.
const (
	againTimes = 3
	againAfter = time.Minute
)

// freshHead fetches the log's tree head, at least as large as those known, and refuses one
// that cannot follow them.
func (h *Harvest) freshHead(ctx context.Context, src Source) (raw []byte, head ct.TreeHead, err error) {
	var largest *Known
	for i := range src.Known {
		if k := &src.Known[i]; largest == nil || k.Head.Size > largest.Head.Size {
			largest = k
		}
	}
	for try := 0; ; try++ {
		if raw, head, err = src.Log.Head(ctx); err != nil {
			return nil, head, err
		}
		if src.OtherKey != nil {
			reason := fmt.Sprintf("audit %s read this log with another key (log id %s): a log whose key changes is another log", src.OtherKey.AuditID, ct.LogIDOf(src.OtherKey.PublicKey))
			return nil, head, h.conflict(src, sampler.ConflictKey, reason, src.OtherKey.side(), h.servedSide(src, raw, head, "the log, now"), nil)
		}
		if largest == nil || head.Size >= largest.Head.Size {
			return raw, head, nil
		}
		if try == againTimes || h.Sleep == nil {
			reason := fmt.Sprintf("the log signed a tree of %d entries for audit %s and serves one of %d entries now, however often it is asked", largest.Head.Size, largest.AuditID, head.Size)
			return nil, head, h.conflict(src, sampler.ConflictRollback, reason, largest.side(), h.servedSide(src, raw, head, "the log, now"), nil)
		}
		if err := h.Sleep(ctx, againAfter); err != nil {
			return nil, head, err
		}
	}
}

// secondLook asks for the tree head once more after the log was proven: it must be the same
// tree, grown or not. A smaller one is of a front end that lags behind, and says nothing.
func (r *logRun) secondLook(ctx context.Context) error {
	raw, later, err := r.src.Log.Head(ctx)
	if err != nil || later.Size < r.head.Size {
		return err
	}
	c, unserved, err := consistent(ctx, r.src.Log, r.head, later)
	if err != nil || unserved != nil || c == nil {
		return cmp.Or(err, unserved)
	}
	reason := fmt.Sprintf("the log signed a tree of %d entries, root %s, which was read, and meanwhile one of %d entries, root %s, that does not begin with it: its first %d entries have root %s",
		r.head.Size, r.head.Root, later.Size, later.Root, r.head.Size, c.implied)
	if later.Size == r.head.Size {
		reason = fmt.Sprintf("the log signed two trees of %d entries: root %s, which was read, and root %s", later.Size, r.head.Root, later.Root)
	}
	pinned, err := r.h.Dir.Read(r.src.HeadFile)
	if err != nil {
		return err
	}
	return r.h.conflict(r.src, sampler.ConflictEquivocation, reason, r.h.servedSide(r.src, pinned, r.head, "the tree head that this audit pinned"),
		r.h.servedSide(r.src, raw, later, "the log, asked again after it was read"), c)
}
