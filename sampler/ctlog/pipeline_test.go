package ctlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

// items makes tasks that produce items[i] each, and counts how many run and how many wait to be consumed.
type items struct {
	lists         [][]int
	fails         int // task that ends with an error, -1 for none
	begun         int
	running, peak atomic.Int32
	ahead, most   atomic.Int32
}

var errTask = errors.New("task")

func (s *items) next() task[int] {
	if s.begun == len(s.lists) {
		return nil
	}
	n := s.begun
	s.begun++
	if a := s.ahead.Add(1); a > s.most.Load() {
		s.most.Store(a) // next is never called twice at the same time
	}
	return func(_ context.Context, emit func(int) error) (int, error) {
		r := s.running.Add(1)
		defer s.running.Add(-1)
		for peak := s.peak.Load(); r > peak && !s.peak.CompareAndSwap(peak, r); peak = s.peak.Load() {
		}
		list := s.lists[n]
		for _, item := range list[:len(list)-1] {
			if err := emit(item); err != nil {
				return 0, err
			}
		}
		if n == s.fails {
			return 0, errTask
		}
		return list[len(list)-1], nil
	}
}

// Items come as if the tasks had run one after the other, up to the first error; no more tasks run than may, and none is begun long before
// its items are consumed.
func TestInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &items{fails: rapid.IntRange(-1, 30).Draw(t, "fails")}
		width := rapid.IntRange(1, 5).Draw(t, "width")
		var want []int
		last := map[int]bool{}
		stop, failed := rapid.IntRange(-1, 60).Draw(t, "stop"), false
		for n := range rapid.IntRange(0, 30).Draw(t, "tasks") {
			list := make([]int, rapid.IntRange(1, 3).Draw(t, "items"))
			for i := range list {
				list[i] = n*10 + i
			}
			last[list[len(list)-1]] = true
			s.lists = append(s.lists, list)
			if failed = failed || n == s.fails; !failed {
				want = append(want, list...)
			} else if n == s.fails {
				want = append(want, list[:len(list)-1]...)
			}
		}
		errStop := errors.New("stop")
		wantErr := error(nil)
		if failed {
			wantErr = errTask
		}
		if stop >= 0 && stop < len(want) {
			want, wantErr = want[:stop+1], errStop
		}
		var got []int
		var busy atomic.Bool
		err := inOrder(context.Background(), width, s.next, func(item int) error {
			if busy.Swap(true) {
				t.Error("two items at the same time")
			}
			defer busy.Store(false)
			if last[item] {
				s.ahead.Add(-1)
			}
			got = append(got, item)
			if len(got) == stop+1 {
				return errStop
			}
			return nil
		})
		if err != wantErr || !slices.Equal(got, want) {
			t.Fatalf("%v, %v; want %v, %v", got, err, want, wantErr)
		}
		if peak, most := int(s.peak.Load()), int(s.most.Load()); peak > width || most > width*readAhead+1 || s.running.Load() != 0 {
			t.Fatalf("%d tasks at the same time, %d begun, %d left; width %d", peak, most, s.running.Load(), width)
		}
	})
}

// A task waits for no other one to be made, only to be consumed: all that may run do, before the first is done.
func TestInOrderRunsTogether(t *testing.T) {
	const width = 4
	together := make(chan struct{})
	var begun atomic.Int32
	left := 9
	err := inOrder(context.Background(), width, func() task[int] {
		if left--; left < 0 {
			return nil
		}
		return func(ctx context.Context, _ func(int) error) (int, error) {
			if begun.Add(1) == width {
				close(together)
			}
			select {
			case <-together:
				return 1, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
	}, func(int) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
}

// The end of the context ends every task, and is the error if that is theirs.
func TestInOrderCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	err := inOrder(ctx, 3, func() task[int] {
		n++
		number := n
		return func(ctx context.Context, emit func(int) error) (int, error) {
			if number == 5 {
				cancel()
			}
			if err := emit(number); err != nil {
				return 0, fmt.Errorf("emitting: %w", err)
			}
			return number, ctx.Err()
		}
	}, func(int) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
