package collect

import (
	"context"
	"runtime"
	"sync"

	"selfaudit/sampler/ct"
)

// What may wait for its verdict: enough that no core is idle while the next tile comes,
// and little beside the tiles themselves.
const (
	pendingPerWorker = 16
	maxPendingBytes  = 8 << 20
	keepEntryBuffer  = 64 << 10 // the largest copy of an entry whose memory is used again
)

// judging checks entries on all cores, because five sixths of the work on an entry that is
// kept are public-key operations. Whatever the cores do first, the outcomes are applied by
// the reader, one after the other in the order in which the entries came, so a unit is always the same.
type judging struct {
	ctx     context.Context // ends when the reading does, and with it what the workers fetch
	cancel  context.CancelFunc
	check   *checker
	todo    chan *judged
	workers sync.WaitGroup
	most    int // outcomes that may be pending

	failed  error     // the first error of an outcome; none is applied after it
	pending []*judged // in order
	bytes   int       // of the entries in pending
	free    []*judged
}

// judged is one entry on its way to a verdict, or something else that has to wait for its turn.
type judged struct {
	entry ct.Entry // a copy: the reader uses its buffers again
	buf   []byte   // what entry's slices alias
	seen  glance
	ready chan struct{} // receives one value when k and err are there; nil if there is no entry
	k     *kept
	err   error
	apply func(*judged) error
}

func newJudging(ctx context.Context, check *checker) *judging {
	n := runtime.GOMAXPROCS(0)
	j := &judging{check: check, most: n * pendingPerWorker}
	j.ctx, j.cancel = context.WithCancel(ctx)
	j.todo = make(chan *judged, j.most) // never full, so that handing over does not block
	j.workers.Add(n)
	for range n {
		go j.work()
	}
	return j
}

func (j *judging) work() {
	defer j.workers.Done()
	for one := range j.todo {
		if one.err = j.ctx.Err(); one.err == nil {
			one.k, one.err = j.check.entry(j.ctx, &one.entry, one.seen)
		}
		one.ready <- struct{}{}
	}
}

// add hands an entry over; apply is called with the outcome, from a later call of one of
// the methods. An error is that of an earlier entry's apply.
func (j *judging) add(e *ct.Entry, seen glance, apply func(*judged) error) error {
	one := &judged{ready: make(chan struct{}, 1)}
	if n := len(j.free); n > 0 {
		one, j.free = j.free[n-1], j.free[:n-1]
	}
	one.copyEntry(e)
	one.seen, one.apply, one.k, one.err = seen, apply, nil, nil
	j.pending = append(j.pending, one)
	j.bytes += len(one.buf)
	j.todo <- one
	return j.settle(j.most-1, maxPendingBytes)
}

// then calls f when everything that was added before has been applied.
func (j *judging) then(f func() error) error {
	if j.failed != nil {
		return j.failed
	}
	if len(j.pending) == 0 {
		return f()
	}
	j.pending = append(j.pending, &judged{apply: func(*judged) error { return f() }})
	return j.settle(j.most-1, maxPendingBytes)
}

// settle applies outcomes, the oldest first, until no more than count are pending, with no
// more than size bytes of entries.
func (j *judging) settle(count, size int) error {
	for j.failed == nil && (len(j.pending) > count || j.bytes > size) {
		one := j.pending[0]
		j.pending = append(j.pending[:0], j.pending[1:]...)
		j.bytes -= len(one.buf)
		if one.ready != nil {
			<-one.ready
		}
		if j.failed = one.apply(one); j.failed != nil {
			break
		}
		if one.ready != nil && cap(one.buf) <= keepEntryBuffer {
			j.free = append(j.free, one)
		}
	}
	return j.failed
}

// finish applies everything that is pending.
func (j *judging) finish() error { return j.settle(0, 0) }

// stop ends the workers; what is pending is forgotten.
func (j *judging) stop() {
	j.cancel()
	close(j.todo)
	j.workers.Wait()
}

// copyEntry copies what a checker reads of e.
func (one *judged) copyEntry(e *ct.Entry) {
	chain, fingerprints := one.entry.Chain[:0], one.entry.ChainFingerprints[:0]
	one.entry = ct.Entry{Index: e.Index, Timestamp: e.Timestamp, Type: e.Type, IssuerKeyHash: e.IssuerKeyHash,
		ChainFingerprints: append(fingerprints, e.ChainFingerprints...)}
	size := len(e.TBS) + len(e.Certificate) + len(e.Extensions) + len(e.Precertificate)
	for _, der := range e.Chain {
		size += len(der)
	}
	if cap(one.buf) < size {
		one.buf = make([]byte, 0, size)
	}
	one.buf = one.buf[:0] // large enough: what was copied into it stays where it is
	keep := func(b []byte) []byte {
		if b == nil {
			return nil
		}
		from := len(one.buf)
		one.buf = append(one.buf, b...)
		return one.buf[from:len(one.buf):len(one.buf)]
	}
	one.entry.TBS, one.entry.Certificate = keep(e.TBS), keep(e.Certificate)
	one.entry.Extensions, one.entry.Precertificate = keep(e.Extensions), keep(e.Precertificate)
	for _, der := range e.Chain {
		chain = append(chain, keep(der))
	}
	one.entry.Chain = chain
}
