package collect

import (
	"context"
	"errors"
	"fmt"

	"selfaudit/sampler/ct"
	"selfaudit/sampler/ctlog"
)

// filling reads a unit from its log.
type filling struct {
	r       *logRun
	ctx     context.Context
	w       *unitWriter
	judging *judging
	end     uint64
	tile    []ct.Hash // of the tile that is being filled
	kept    uint64    // when progress was last reported
}

// fill reads a unit from the log. Contradictions are noted and reading goes on, because a
// wrong entry shows in the root too, and that is the reason to give.
func (r *logRun) fill(ctx context.Context, w *unitWriter, start, end uint64) error {
	f := &filling{r: r, ctx: ctx, w: w, judging: newJudging(ctx, r.check), end: end, tile: make([]ct.Hash, 0, ct.TileWidth)}
	defer f.judging.stop()
	err := r.hashes(ctx, start, end, f.batch)
	// What an earlier entry says comes before why reading did not go on.
	if earlier := f.judging.finish(); earlier != nil {
		return earlier
	}
	if err == nil && w.foot.End != end {
		err = &ctlog.Error{Log: r.src.Log.Name(), Kind: ctlog.Invalid, Where: fmt.Sprintf("entries %d to %d", start, end-1),
			Err: fmt.Errorf("the log delivered %d entries instead of %d", w.foot.End-start, end-start)}
	}
	return err
}

// hashing is a LogReader that hashes entries and looks through them where it fetched them;
// *ctlog.Log is one.
type hashing interface {
	ReadHashes(ctx context.Context, head ct.TreeHead, startInclusive, endExclusive uint64, want func(issuerKeyHash [32]byte) bool,
		look func(context.Context, *ct.Entry) bool, fn func(*ctlog.Batch) error) error
}

// hashes reads [start, end) of the log: all leaf hashes, and the entries that are not foreign at first glance.
func (r *logRun) hashes(ctx context.Context, start, end uint64, fn func(*ctlog.Batch) error) error {
	look := func(ctx context.Context, e *ct.Entry) bool {
		_, foreign := r.check.foreign(ctx, e)
		return !foreign
	}
	if log, ok := r.src.Log.(hashing); ok {
		return log.ReadHashes(ctx, r.head, start, end, r.h.Issuers.hasKey, look, fn)
	}
	return r.src.Log.Read(ctx, r.head, start, end, func(e *ct.Entry) error {
		b := ctlog.Batch{First: e.Index, Hashes: []ct.Hash{e.LeafHash()}}
		if look(ctx, e) {
			b.Entries = []*ct.Entry{e}
		}
		return fn(&b)
	})
}

// batch takes what was read, tile by tile: the entries of a tile come before what its hash
// tile says, and those of the next one after it.
func (f *filling) batch(b *ctlog.Batch) error {
	for len(b.Hashes) > 0 {
		n := min(ct.TileWidth-len(f.tile), len(b.Hashes))
		next := b.First + uint64(n)
		for len(b.Entries) > 0 && b.Entries[0].Index < next {
			if err := f.entry(b.Entries[0]); err != nil {
				return err
			}
			b.Entries = b.Entries[1:]
		}
		f.tile = append(f.tile, b.Hashes[:n]...)
		b.First, b.Hashes = next, b.Hashes[n:]
		if len(f.tile) == ct.TileWidth || next == f.end {
			if err := f.endTile(next); err != nil {
				return err
			}
		}
	}
	return f.w.err
}

// entry hands an entry that may be ours to the checker.
func (f *filling) entry(e *ct.Entry) error {
	seen, foreign := f.r.check.foreign(f.ctx, e)
	if foreign {
		return nil // its chain could not be had before, and now it can
	}
	return f.judging.add(e, seen, func(j *judged) error { return f.r.entry(f.ctx, f.w, j) })
}

// endTile records the tile that ends before entry next, and reports progress.
func (f *filling) endTile(next uint64) error {
	if err := f.w.tile(f.tile); err != nil {
		return err
	}
	if err := f.hashTile(next-1, f.tile); err != nil {
		return err
	}
	done := uint64(len(f.tile))
	f.tile = f.tile[:0]
	if next == f.end {
		if err := f.judging.finish(); err != nil {
			return err
		}
	}
	f.r.h.Observer.Advance(f.r.src.Log.Name(), done, f.w.foot.Kept-f.kept)
	f.kept = f.w.foot.Kept
	return nil
}

// hashTile compares the log's hash tile that ends with entry last.
func (f *filling) hashTile(last uint64, leaves []ct.Hash) error {
	if !f.r.src.HashTiles {
		return nil
	}
	err := f.r.src.Log.CheckHashTile(f.ctx, last/ct.TileWidth, len(leaves), leaves)
	var le *ctlog.Error
	if errors.As(err, &le) && le.Kind == ctlog.Invalid {
		return f.judging.then(func() error { f.w.fault(last, le.Where, le.Err); return nil })
	}
	return err
}
