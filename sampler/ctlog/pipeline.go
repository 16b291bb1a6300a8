package ctlog

import (
	"context"
	"sync"
)

// task produces items one after the other: all but the last by calling emit, an error of which must be returned, and the last as its result.
type task[T any] func(ctx context.Context, emit func(T) error) (last T, err error)

// readAhead is how many tasks may be begun and not consumed for each that runs at the same time. With one, whoever is first done would
// wait for the others; waking it then costs more than the work of half a tile.
const readAhead = 2

// inOrder runs up to width tasks at the same time and passes their items to consume as if they had run one after the other, never two at
// the same time. next returns nil after the last task. The first error, in that order, ends everything; all tasks have ended when inOrder
// returns.
//
// There is no goroutine that only consumes. Whoever has made the item whose turn it is passes it on, and after it what was made before
// its turn: the item is still in that core's cache, and no thread is woken for it.
func inOrder[T any](ctx context.Context, width int, next func() task[T], consume func(T) error) error {
	q := &queue[T]{next: next, consume: consume, window: width * readAhead}
	q.changed.L = &q.mu
	ctx, cancel := context.WithCancel(ctx)
	q.cancel = cancel
	defer cancel()
	var others sync.WaitGroup
	for range width - 1 {
		others.Go(func() { q.work(ctx) })
	}
	q.work(ctx)
	others.Wait()
	return q.err
}

// queue is the state of inOrder.
type queue[T any] struct {
	next    func() task[T]
	consume func(T) error
	window  int // tasks that may be in begun
	cancel  context.CancelFunc

	mu      sync.Mutex
	changed sync.Cond     // an item was consumed, or everything ended
	begun   []*running[T] // tasks of which not everything is consumed, in order
	busy    bool          // somebody consumes
	ended   bool          // no task is begun any more
	failed  bool          // nothing is consumed any more
	err     error
}

// running is a task that was begun.
type running[T any] struct {
	item T
	full bool // item waits to be consumed
	done bool // item, if full, is the last
	err  error
}

// work runs tasks until there is none left.
func (q *queue[T]) work(ctx context.Context) {
	for {
		run, r := q.begin()
		if run == nil {
			return
		}
		last, err := run(ctx, func(item T) error { return q.emit(ctx, r, item) })
		q.finish(r, last, err)
	}
}

// begin takes the next task, as soon as there is room for it.
func (q *queue[T]) begin() (task[T], *running[T]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.ended && len(q.begun) >= q.window {
		q.changed.Wait()
	}
	if q.ended {
		return nil, nil
	}
	run := q.next()
	if run == nil {
		q.ended = true
		q.changed.Broadcast()
		return nil, nil
	}
	r := new(running[T])
	q.begun = append(q.begun, r)
	return run, r
}

// emit returns when the item is consumed, so that a task with many items does not run ahead of the others.
func (q *queue[T]) emit(ctx context.Context, r *running[T], item T) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	r.item, r.full = item, true
	q.drain()
	for r.full && !q.failed {
		q.changed.Wait()
	}
	return ctx.Err()
}

// finish leaves a task's last item, or its error, to its turn.
func (q *queue[T]) finish(r *running[T], last T, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	r.item, r.full, r.err, r.done = last, err == nil, err, true
	q.drain()
}

// drain consumes everything whose turn it is, if nobody does already. It is called with the lock held, and gives it up while it consumes.
func (q *queue[T]) drain() {
	if q.busy {
		return
	}
	q.busy = true
	for !q.failed && len(q.begun) > 0 {
		r := q.begun[0]
		switch {
		case r.full:
			q.mu.Unlock()
			err := q.consume(r.item)
			q.mu.Lock()
			if err != nil {
				q.fail(err)
			}
			r.full = false
		case !r.done:
			q.busy = false
			return
		case r.err != nil:
			q.fail(r.err)
		default:
			q.begun = append(q.begun[:0], q.begun[1:]...)
		}
		q.changed.Broadcast()
	}
	q.busy = false
}

func (q *queue[T]) fail(err error) {
	q.err, q.failed, q.ended = err, true, true
	q.cancel()
}
