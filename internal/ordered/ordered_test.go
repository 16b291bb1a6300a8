package ordered

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

// run is one call of Map with everything seen of it.
type run struct {
	workers, ahead, n int
	stopAt            int // emit fails, or cancels, at this result; -1 for never
	cancels           bool

	taken, inDo, most atomic.Int64
	reading           atomic.Bool
	emitted           []int
	tooFar            bool
}

var errStop = errors.New("enough")

func (r *run) values() iter.Seq[int] {
	return func(yield func(int) bool) {
		r.reading.Store(true)
		defer r.reading.Store(false)
		for i := range r.n {
			r.taken.Add(1)
			if !yield(i) {
				return
			}
		}
	}
}

func (r *run) do(_ context.Context, i int) int {
	now := r.inDo.Add(1)
	for {
		most := r.most.Load()
		if now <= most || r.most.CompareAndSwap(most, now) {
			break
		}
	}
	for range i % 7 { // some are slower, so that they end out of order
		runtime.Gosched()
	}
	r.inDo.Add(-1)
	return i * i
}

func (r *run) mapAll() error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	return Map(ctx, r.values(), r.workers, r.ahead, r.do, func(result int) error {
		if r.taken.Load()-int64(len(r.emitted)) > int64(max(r.ahead, 0)+2) {
			r.tooFar = true
		}
		at := len(r.emitted)
		r.emitted = append(r.emitted, result)
		switch {
		case at != r.stopAt:
		case r.cancels:
			cancel(errStop)
		default:
			return errStop
		}
		return nil
	})
}

// TestMap: whatever the numbers, the results are those of a plain loop, up to where emit or
// the context ends it, and nothing runs on.
func TestMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &run{workers: rapid.IntRange(-1, 6).Draw(t, "workers"), ahead: rapid.IntRange(-1, 9).Draw(t, "ahead"), n: rapid.IntRange(0, 60).Draw(t, "n"),
			stopAt: rapid.IntRange(-1, 70).Draw(t, "stopAt"), cancels: rapid.Bool().Draw(t, "cancels")}
		err := r.mapAll()
		if r.inDo.Load() != 0 || r.reading.Load() {
			t.Errorf("returned while %d calls of do run, reading: %v", r.inDo.Load(), r.reading.Load())
		}
		want := r.n
		stopped := r.stopAt >= 0 && r.stopAt < r.n
		if stopped {
			want = r.stopAt + 1
		}
		if stopped != (err != nil) || stopped && !errors.Is(err, errStop) {
			t.Errorf("error %v", err)
		}
		var plain []int
		for i := range want {
			plain = append(plain, i*i)
		}
		if !slices.Equal(r.emitted, plain) {
			t.Errorf("emitted %v, a loop gives %v", r.emitted, plain)
		}
		if r.tooFar {
			t.Error("more values taken and not emitted than is promised")
		}
		if most := r.most.Load(); most > int64(max(r.workers, 1)) {
			t.Errorf("%d calls of do at once", most)
		}
	})
}

// TestMapIsParallel: each call waits until all workers are in one.
func TestMapIsParallel(t *testing.T) {
	const workers = 4
	var all sync.WaitGroup
	all.Add(workers)
	r := &run{n: workers}
	err := Map(t.Context(), r.values(), workers, workers, func(context.Context, int) error {
		all.Done()
		all.Wait()
		return nil
	}, func(err error) error { return err })
	if err != nil {
		t.Fatal(err)
	}
}

// TestMapRunsAhead: while the first value is held up, the other worker does the number of
// others that may be ahead.
func TestMapRunsAhead(t *testing.T) {
	const ahead = 20
	var others sync.WaitGroup
	others.Add(ahead)
	r := &run{n: ahead + 1}
	var got []int
	err := Map(t.Context(), r.values(), 2, ahead, func(_ context.Context, i int) int {
		if i == 0 {
			others.Wait()
		} else {
			others.Done()
		}
		return i
	}, func(i int) error { got = append(got, i); return nil })
	if err != nil || !slices.IsSorted(got) || len(got) != ahead+1 {
		t.Errorf("%v, %v", got, err)
	}
}

// TestMapTellsDo: a call that waits for its context ends when the run does.
func TestMapTellsDo(t *testing.T) {
	r := &run{n: 3}
	err := Map(t.Context(), r.values(), 3, 3, func(ctx context.Context, i int) int {
		if i > 0 {
			<-ctx.Done()
		}
		return i
	}, func(int) error { return errStop })
	if !errors.Is(err, errStop) {
		t.Error(err)
	}
}

// TestMapEndedBefore: nothing is emitted for a context that has ended already.
func TestMapEndedBefore(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errStop)
	r := &run{workers: 2, n: 5}
	err := Map(ctx, r.values(), 2, 2, r.do, func(int) error { t.Error("emitted"); return nil })
	if !errors.Is(err, errStop) {
		t.Error(err)
	}
}
