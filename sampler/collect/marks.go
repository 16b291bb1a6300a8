package collect

import (
	"fmt"
	"slices"

	"selfaudit/sampler/ct"
)

// mark is a place inside a unit at which an earlier audit's tree ended: the compact ranges
// on both sides of it, from which its root and the proof of growth are computed.
type mark struct {
	At     uint64
	Before []string // of the unit's entries before At, hex
	After  []string // from At to the unit's end
}

// marking computes the marks of a unit while its entries pass.
type marking struct {
	at            uint64
	before, after *ct.Range // nil until reached
}

// newMarkings makes one for each place strictly inside [start, end).
func newMarkings(places []uint64, start, end uint64) []*marking {
	var out []*marking
	for _, at := range places {
		if start < at && at < end {
			out = append(out, &marking{at: at})
		}
	}
	return out
}

// add takes the leaf hashes that follow the entries of tree.
func (m *marking) add(tree *ct.Range, leaves []ct.Hash) {
	if m.at >= tree.End+uint64(len(leaves)) {
		return
	}
	from := 0
	if m.before == nil {
		m.before, m.after = tree.Clone(), ct.NewRange(m.at)
		from = int(m.at - tree.End)
		for _, h := range leaves[:from] {
			m.before.Append(h)
		}
	}
	for _, h := range leaves[from:] {
		m.after.Append(h)
	}
}

func (m *marking) finish() mark {
	return mark{At: m.at, Before: hexes(m.before.Nodes), After: hexes(m.after.Nodes)}
}

// mark returns the unit's compact ranges before and after a place inside it.
func (u *unit) mark(at uint64) (before, after *ct.Range, err error) {
	i := slices.IndexFunc(u.foot.Marks, func(m mark) bool { return m.At == at })
	if i < 0 {
		return nil, nil, fmt.Errorf("%s: no mark at %d: %w", u.path, at, errDamaged)
	}
	m := u.foot.Marks[i]
	before, after = &ct.Range{Begin: u.foot.Start, End: at}, &ct.Range{Begin: at, End: u.foot.End}
	if before.Nodes, err = parseHexes(m.Before); err == nil {
		after.Nodes, err = parseHexes(m.After)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", u.path, err)
	}
	return before, after, nil
}

// marked says whether the unit has a mark at every place inside it.
func (u *unit) marked(places []uint64) bool {
	return !slices.ContainsFunc(places, func(at uint64) bool {
		return u.foot.Start < at && at < u.foot.End && !slices.ContainsFunc(u.foot.Marks, func(m mark) bool { return m.At == at })
	})
}

// places are the sizes of earlier audits' trees that end inside what is read.
func (r *logRun) places() []uint64 {
	var out []uint64
	for _, k := range r.src.Known {
		if k.Head.Size > r.start.First && k.Head.Size < r.head.Size {
			out = append(out, k.Head.Size)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// split returns the compact ranges [0, at) and [at, tree size) from the proven left nodes
// and the units.
func (r *logRun) split(units []*unit, at uint64) (before, after *ct.Range, err error) {
	before, after = r.left.Clone(), ct.NewRange(at)
	for _, u := range units {
		span, err := u.span()
		switch {
		case err != nil:
		case u.foot.End <= at:
			err = before.Join(span)
		case u.foot.Start >= at:
			err = after.Join(span)
		default:
			var head, tail *ct.Range
			if head, tail, err = u.mark(at); err != nil {
				return nil, nil, err
			}
			if err = before.Join(head); err == nil {
				err = after.Join(tail)
			}
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", u.path, err)
		}
	}
	return before, after, nil
}
