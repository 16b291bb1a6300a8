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
// to be what the log signed is deleted and read once more from scratch: a bit may have been
// flipped on the way or in an earlier run's copy (ct-harvest 2.4). If that does not prove it
// either, the log is at fault, and the next run reads anew. The pinned tree head stays.
func (r *logRun) proven(ctx context.Context) ([]*unit, error) {
	for attempt := 1; ; attempt++ {
		units, err := r.units(ctx)
		if err != nil {
			return nil, err
		}
		r.h.Observer.State(r.src.name(), "proving the tree", 0)
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
		if e := r.h.Dir.Remove(startName(r.src.Log.ID())); e != nil {
			return nil, e
		}
		if attempt > 1 {
			return nil, err
		}
		if err := r.begin(ctx); err != nil {
			return nil, err
		}
		r.check = r.h.newChecker(r.src.Log.Issuer) // which issuer files were bad is asked anew too
	}
}

// units returns the units of what is read of the log, in order.
func (r *logRun) units(ctx context.Context) ([]*unit, error) {
	r.h.Observer.Begin(r.src.Log.Name(), r.head.Size-r.start.First)
	var units []*unit
	unreadable, faults := maxUnreadable, maxUnreadable
	for start := r.start.First; start < r.head.Size; start += logUnit() {
		u, err := r.unit(ctx, start, min(start+logUnit(), r.head.Size))
		if err != nil {
			return nil, err
		}
		u.foot.Unreadable, u.foot.Faults = first(u.foot.Unreadable, &unreadable), first(u.foot.Faults, &faults)
		units = append(units, u)
	}
	return units, nil
}

// prove compares the root over the entries before the start, as the log has proven them,
// and every entry read with the signed one, then reports the first contradiction, if any.
func (r *logRun) prove(ctx context.Context, units []*unit) error {
	tree := r.left.Clone()
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
		if r.start.First > 0 {
			reason = fmt.Errorf("the root recomputed from the proven hashes of the entries before %d and the %d entries read is %s, the signed tree head says %s",
				r.start.First, r.head.Size-r.start.First, root, r.head.Root)
		}
		if len(faults) > 0 {
			reason = fmt.Errorf("%w; %s: %s", reason, faults[0].Where, faults[0].Reason)
		}
		return r.invalid(fmt.Sprintf("entries %d to %d", r.start.First, r.head.Size-1), reason)
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
	t := nodeTiles{first: r.start.First, check: func(level uint, tile uint64, nodes []ct.Hash) error {
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
// level 0, and holds one tile of each level. A tile that begins before what is read cannot
// be compared, and is passed over.
type nodeTiles struct {
	check  func(level uint, tile uint64, nodes []ct.Hash) error
	first  uint64      // entry at which reading began
	levels []nodeLevel // of level 1 and above
}

type nodeLevel struct {
	done  uint64 // number of the tile that is filled
	skip  int    // hashes of it that are not known
	nodes []ct.Hash
}

// level returns the state of a level, which begins with the first of its hashes that all
// entries below were read of.
func (t *nodeTiles) level(level uint) *nodeLevel {
	if int(level) > len(t.levels) {
		shift := 8 * level
		begin := (t.first + 1<<shift - 1) >> shift
		t.levels = append(t.levels, nodeLevel{done: begin / ct.TileWidth, skip: int(begin % ct.TileWidth)})
	}
	return &t.levels[level-1]
}

func (t *nodeTiles) add(level uint, h ct.Hash) error {
	l := t.level(level)
	l.nodes = append(l.nodes, h)
	if l.skip+len(l.nodes) < ct.TileWidth {
		return nil
	}
	if l.skip > 0 {
		l.done, l.skip, l.nodes = l.done+1, 0, l.nodes[:0]
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
		if len(l.nodes) == 0 || l.skip > 0 {
			continue
		}
		if err := t.check(uint(i+1), l.done, l.nodes); err != nil {
			return err
		}
	}
	return nil
}
