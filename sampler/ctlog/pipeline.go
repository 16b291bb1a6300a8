package ctlog

import "context"

// task produces items one after the other by calling emit; an error of emit must be returned.
type task[T any] func(ctx context.Context, emit func(T) error) error

type running[T any] struct {
	out chan T
	err error // valid once out is closed
}

// inOrder runs up to width tasks at the same time and passes their items to consume as if they had run one after the other. next
// returns nil after the last task. The first error, in that order, ends everything; all tasks have ended when inOrder returns.
func inOrder[T any](ctx context.Context, width int, next func() task[T], consume func(T) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var queue []*running[T]
	defer func() {
		cancel()
		for _, r := range queue {
			for range r.out {
			}
		}
	}()
	for {
		for len(queue) < width {
			run := next()
			if run == nil {
				break
			}
			queue = append(queue, start(ctx, run))
		}
		if len(queue) == 0 {
			return nil
		}
		for item := range queue[0].out {
			if err := consume(item); err != nil {
				return err
			}
		}
		if err := queue[0].err; err != nil {
			return err
		}
		queue = append(queue[:0], queue[1:]...)
	}
}

func start[T any](ctx context.Context, run task[T]) *running[T] {
	r := &running[T]{out: make(chan T)}
	go func() {
		defer close(r.out)
		r.err = run(ctx, func(item T) error {
			select {
			case r.out <- item:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	return r
}
