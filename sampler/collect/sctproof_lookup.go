package collect

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
	"selfaudit/sampler/ctlog"
)

// maxMergeDelay is how long after its SCT an entry may be missing (RFC 6962 section 3; draw protocol 3.1).
const maxMergeDelay = 24 * time.Hour

// sctFound is what became of a task.
type sctFound struct {
	outcome sampler.SCTOutcome
	index   uint64
	proven  bool // by a proof of its own, path; else the entry was read
	path    []ct.Hash
	detail  string
}

// lookUp asks the log for what is not decided, several at a time; the result is in the order
// of the tasks. The first error in that order is returned.
func (r *sctRun) lookUp(ctx context.Context, tasks []sctTask) ([]sctFound, error) {
	found, errs := make([]sctFound, len(tasks)), make([]error, len(tasks))
	todo := make(chan int)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	for range sctWorkers {
		wg.Go(func() {
			for i := range todo {
				if found[i], errs[i] = r.one(ctx, &tasks[i]); errs[i] != nil {
					cancel() // the log will be asked again by another run, not by the rest of this one
					continue
				}
				proven := uint64(0)
				if found[i].outcome == sampler.SCTProven {
					proven = 1
				}
				r.h.Observer.Advance(r.name, 1, proven)
			}
		})
	}
	for i := range tasks {
		if ctx.Err() != nil {
			break
		}
		todo <- i
	}
	close(todo)
	wg.Wait()
	// A fault of the log says more than that the others were given up for it.
	for _, err := range errs {
		var le *ctlog.Error
		if errors.As(err, &le) {
			return nil, err
		}
	}
	return found, errors.Join(append(slices.DeleteFunc(errs, func(err error) bool { return err == nil }), ctx.Err())...)
}

func (r *sctRun) one(ctx context.Context, t *sctTask) (sctFound, error) {
	if t.decided != "" {
		return sctFound{outcome: t.decided, index: t.index, detail: t.detail}, nil
	}
	if !r.log.Indexed {
		return r.byHash(ctx, t)
	}
	head := r.res.Head
	if t.index >= head.Size {
		return r.absent(t, fmt.Sprintf("it names entry %d, the tree of %s has %d entries", t.index, msTime(head.Timestamp), head.Size)), nil
	}
	leaf, path, err := r.log.Log.InclusionProof(ctx, head, t.index)
	if err != nil {
		return sctFound{}, err
	}
	if leaf == t.leaf {
		return sctFound{outcome: sampler.SCTProven, index: t.index, proven: true, path: path}, nil
	}
	there, err := r.describe(ctx, t.index, leaf)
	return sctFound{outcome: sampler.SCTOtherEntry, detail: fmt.Sprintf("entry %d, which it names, is %s; its own entry would have leaf hash %s", t.index, there, t.leaf)}, err
}

func (r *sctRun) byHash(ctx context.Context, t *sctTask) (sctFound, error) {
	index, path, err := r.log.Log.FindLeaf(ctx, r.res.Head, t.leaf)
	switch {
	case errors.Is(err, ctlog.ErrNoSuchLeaf):
		return r.absent(t, fmt.Sprintf("the log knows no leaf %s in the tree of %s with %d entries", t.leaf, msTime(r.res.Head.Timestamp), r.res.Head.Size)), nil
	case err != nil:
		return sctFound{}, err
	}
	return sctFound{outcome: sampler.SCTProven, index: index, proven: true, path: path}, nil
}

// absent judges an entry that the tree does not have by the SCT's age at the time of the tree head.
func (r *sctRun) absent(t *sctTask, detail string) sctFound {
	f := sctFound{outcome: sampler.SCTNoEntry, detail: fmt.Sprintf("%s; the SCT is of %s", detail, msTime(t.timeMS))}
	switch head := r.res.Head.Timestamp; {
	case t.timeMS > head:
		f.outcome = sampler.SCTAfterHead
	case head-t.timeMS < uint64(maxMergeDelay/time.Millisecond):
		f.outcome = sampler.SCTNotDue
	}
	return f
}

// describe says what is at an index.
func (r *sctRun) describe(ctx context.Context, index uint64, leaf ct.Hash) (what string, err error) {
	err = r.log.Log.Read(ctx, r.res.Head, index, index+1, func(e *ct.Entry) error {
		switch {
		case e.LeafHash() != leaf:
			what = fmt.Sprintf("another one (leaf hash %s)", leaf) // the data tile lies; the proof holds
		case e.Type == ct.PrecertEntry:
			what = fmt.Sprintf("a precertificate of issuer key %x of %s, leaf hash %s", e.IssuerKeyHash, msTime(e.Timestamp), leaf)
		default:
			what = fmt.Sprintf("certificate %s of %s, leaf hash %s", sampler.HashCert(e.Certificate), msTime(e.Timestamp), leaf)
		}
		return nil
	})
	return what, err
}

func msTime(ms uint64) string {
	if ms > maxTimestamp {
		return fmt.Sprintf("%d ms", ms)
	}
	return sampler.FormatTime(time.UnixMilli(int64(ms)))
}

// sctOutcomeShift is where a record of an SCT has its outcome among the flags, as the number
// in sctOutcomeCodes.
const sctOutcomeShift = 24

// sctOutcomeCodes are stored: append only.
var sctOutcomeCodes = []sampler.SCTOutcome{"", sampler.SCTProven, sampler.SCTNoEntry, sampler.SCTNotDue, sampler.SCTAfterHead,
	sampler.SCTOtherEntry, sampler.SCTNoIndex, sampler.SCTInvalid, sampler.SCTExcluded}

// outcome is what became of the SCT that a record of a unit of SCTs is about.
func (r *record) outcome() sampler.SCTOutcome {
	if code := int(r.flags >> sctOutcomeShift); code < len(sctOutcomeCodes) {
		return sctOutcomeCodes[code]
	}
	return ""
}

// record is the task's as it is stored. Only a proven SCT gives the item a time here; a
// verified one did so with the certificate's own record.
func (f *sctFound) record(t *sctTask) record {
	out := t.rec
	out.flags = flags(slices.Index(sctOutcomeCodes, f.outcome)) << sctOutcomeShift
	out.others, out.sctMS, out.ownMS, out.entryMS, out.index = nil, 0, 0, 0, uint64(t.number)
	if f.outcome == sampler.SCTProven {
		out.entryMS, out.index = t.timeMS, f.index
	}
	return out
}

// body is what else is stored of it: number of the SCT, issuer key hash, whether it has a
// proof of its own, the path, the detail.
func (f *sctFound) body(t *sctTask) []byte {
	b := binary.BigEndian.AppendUint16(nil, t.number)
	b = append(b, t.key[:]...)
	own := byte(0)
	if f.proven {
		own = 1
	}
	b = append(b, own, byte(len(f.path)))
	for _, h := range f.path {
		b = append(b, h[:]...)
	}
	return append(b, f.detail...)
}

// sctBody is a parsed body.
type sctBody struct {
	number int
	key    [32]byte
	own    bool
	path   [][]byte
	detail string
}

func parseSCTBody(b []byte) (out sctBody, err error) {
	d := decoder{b: b}
	if n := d.take(2); n != nil {
		out.number = int(binary.BigEndian.Uint16(n))
	}
	copy(out.key[:], d.take(len(out.key)))
	if n := d.take(2); n != nil {
		out.own = n[0] == 1
		for range n[1] {
			out.path = append(out.path, slices.Clone(d.take(len(ct.Hash{}))))
		}
	}
	out.detail = string(d.b)
	return out, d.err
}
