package ctlog

import (
	"context"

	"selfaudit/sampler/ct"
)

// Batch is what is left of a data tile or page when it has been hashed and looked through. Its memory is used again when the function
// that it was passed to returns.
type Batch struct {
	First   uint64
	Hashes  []ct.Hash   // leaf hashes of the entries from First on, at least one
	Entries []*ct.Entry // those of them that look chose, in order
}

// ReadHashes is ReadFor for a caller who wants all leaf hashes, and of the entries only those for which look is true. look is called
// where an entry was fetched, while it is in that core's cache, from several goroutines, and not for entries that want is false for;
// want and fn are as with ReadFor.
func (l *Log) ReadHashes(ctx context.Context, head ct.TreeHead, startInclusive, endExclusive uint64, want func(issuerKeyHash [32]byte) bool,
	look func(context.Context, *ct.Entry) bool, fn func(*Batch) error) error {
	return l.read(ctx, head, startInclusive, endExclusive, want, sink{look: look, batch: fn})
}

// sink is where entries go: one by one, or in batches.
type sink struct {
	entry func(*ct.Entry) error
	look  func(context.Context, *ct.Entry) bool
	batch func(*Batch) error
}

// digest is a batch being made, in memory that is used again.
type digest struct{ Batch }

// take looks through what was parsed and hashed: hashes of the entries from first on, of which entries are those that may be wanted.
// What it takes of them is of [start, end). It does nothing unless batches are wanted.
func (d *digest) take(ctx context.Context, first uint64, hashes []ct.Hash, entries []ct.Entry, start, end uint64, to *sink) {
	d.Hashes, d.Entries = nil, d.Entries[:0]
	if to.batch == nil {
		return
	}
	start, end = max(start, first), min(end, first+uint64(len(hashes)))
	if start >= end {
		return
	}
	d.First, d.Hashes = start, hashes[start-first:end-first]
	for i := range entries {
		if e := &entries[i]; e.Index >= start && e.Index < end && to.look(ctx, e) {
			d.Entries = append(d.Entries, e)
		}
	}
}

// deliver passes the entries of [start, end) on, in the form that is wanted.
func (d *digest) deliver(ctx context.Context, entries []ct.Entry, start, end uint64, to *sink) error {
	if to.batch != nil {
		if len(d.Hashes) == 0 {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		b := d.Batch // the caller may cut its slices up
		return to.batch(&b)
	}
	for i := range entries {
		e := &entries[i]
		if e.Index < start || e.Index >= end {
			continue
		}
		if e.Index%64 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := to.entry(e); err != nil {
			return err
		}
	}
	return nil
}
