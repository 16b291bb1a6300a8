package collect

import (
	"context"
	"errors"
	"fmt"
	"os"

	"selfaudit/sampler/ct"
	"selfaudit/sampler/ctlog"
)

// proven reads the log, or what of it is not there yet, and proves it. What turns out not
// to be what the log signed is deleted: the fault may have been a bad copy, mended since,
// so units of an earlier run are read once more at once, and the next run reads anew. The
// pinned tree head stays.
func (r *logRun) proven(ctx context.Context) ([]*unit, error) {
	for {
		r.reused = false
		units, err := r.units(ctx)
		if err != nil {
			return nil, err
		}
		err = r.prove(ctx, units)
		var le *ctlog.Error
		if err == nil || !errors.As(err, &le) || le.Kind != ctlog.Invalid {
			return units, err
		}
		for _, u := range units {
			if e := os.Remove(u.path); e != nil {
				return nil, e
			}
		}
		if !r.reused {
			return nil, err
		}
		r.check = r.h.newChecker(r.src.Log.Issuer) // which issuer files were bad is asked anew too
	}
}

// units returns the units of the whole log in order.
func (r *logRun) units(ctx context.Context) ([]*unit, error) {
	r.h.Observer.Begin(r.src.Log.Name(), r.head.Size)
	var units []*unit
	unreadable, faults := maxUnreadable, maxUnreadable
	for start := uint64(0); start < r.head.Size; start += unitEntries {
		u, err := r.unit(ctx, start, min(start+unitEntries, r.head.Size))
		if err != nil {
			return nil, err
		}
		u.foot.Unreadable, u.foot.Faults = first(u.foot.Unreadable, &unreadable), first(u.foot.Faults, &faults)
		units = append(units, u)
	}
	return units, nil
}

// prove compares the root over every entry read with the signed one, then reports the
// first contradiction, if any.
func (r *logRun) prove(ctx context.Context, units []*unit) error {
	tree := ct.NewRange(0)
	var faults []fault
	for _, u := range units {
		span, err := u.span()
		if err != nil {
			return err
		}
		if err := tree.Join(span); err != nil {
			return fmt.Errorf("%s: %w", u.path, err)
		}
		faults = append(faults, u.foot.Faults...)
	}
	root, err := tree.Root()
	if err != nil {
		return err
	}
	if root != r.head.Root {
		reason := fmt.Errorf("the root recomputed from all %d entries is %s, the signed tree head says %s", r.head.Size, root, r.head.Root)
		if len(faults) > 0 {
			reason = fmt.Errorf("%w; %s: %s", reason, faults[0].Where, faults[0].Reason)
		}
		return r.invalid(fmt.Sprintf("entries 0 to %d", r.head.Size-1), reason)
	}
	if len(faults) == 0 {
		return r.nodeTiles(ctx, units)
	}
	where := faults[0].Where
	switch {
	case len(faults) >= maxFaults:
		where = fmt.Sprintf("%s (the first of %d or more)", where, len(faults))
	case len(faults) > 1:
		where = fmt.Sprintf("%s (the first of %d)", where, len(faults))
	}
	return r.invalid(where, errors.New(faults[0].Reason))
}

func (r *logRun) invalid(where string, reason error) error {
	return &ctlog.Error{Log: r.src.Log.Name(), Kind: ctlog.Invalid, Where: where, Err: reason}
}

// nodeTiles compares the log's hash tiles above level 0 with the entries read.
func (r *logRun) nodeTiles(ctx context.Context, units []*unit) error {
	if !r.src.HashTiles {
		return nil
	}
	t := nodeTiles{check: func(level uint, tile uint64, nodes []ct.Hash) error {
		return r.src.Log.CheckNodeTile(ctx, level, tile, nodes)
	}}
	for _, u := range units {
		tops, err := u.tops()
		if err != nil {
			return err
		}
		for _, h := range tops {
			if err := t.add(1, h); err != nil {
				return err
			}
		}
	}
	return t.finish()
}

// nodeTiles assembles hash tiles of level 1 and above from the roots of full tiles of
// level 0, and holds one tile of each level.
type nodeTiles struct {
	check  func(level uint, tile uint64, nodes []ct.Hash) error
	levels []nodeLevel // of level 1 and above
}

type nodeLevel struct {
	done  uint64 // full tiles
	nodes []ct.Hash
}

func (t *nodeTiles) add(level uint, h ct.Hash) error {
	if int(level) > len(t.levels) {
		t.levels = append(t.levels, nodeLevel{})
	}
	l := &t.levels[level-1]
	l.nodes = append(l.nodes, h)
	if len(l.nodes) < ct.TileWidth {
		return nil
	}
	if err := t.check(level, l.done, l.nodes); err != nil {
		return err
	}
	above := ct.NewRange(0)
	for _, n := range l.nodes {
		above.Append(n)
	}
	l.done, l.nodes = l.done+1, l.nodes[:0]
	return t.add(level+1, above.Nodes[0])
}

// finish checks the partial tiles.
func (t *nodeTiles) finish() error {
	for i, l := range t.levels {
		if len(l.nodes) == 0 {
			continue
		}
		if err := t.check(uint(i+1), l.done, l.nodes); err != nil {
			return err
		}
	}
	return nil
}
