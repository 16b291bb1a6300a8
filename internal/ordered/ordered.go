// Package ordered spreads work over workers and keeps its order, so that what is written does
// not depend on which worker was fast.
package ordered

import (
	"context"
	"iter"
	"sync"
)

// Map calls do for every value of in, on a number of workers (at least one is used), and hands
// the results to emit in the order of in, one at a time, from the calling goroutine. It
// returns the first error of emit, or the cause of the context's end; either ends the run,
// and do is told by its context. Map returns when nothing of its own runs any more: in is
// not read and do is not running.
//
// Results may be ahead of the oldest one that is missing by a number of values: a costly one
// keeps no worker waiting before so many cheap ones are done. No more than ahead+2 values
// are taken from in and not yet emitted, so memory does not grow with in.
func Map[T, R any](ctx context.Context, in iter.Seq[T], workers, ahead int, do func(context.Context, T) R, emit func(R) error) error {
	type job struct {
		value T
		done  chan R // capacity 1: a worker never waits for emit
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	jobs, order := make(chan job), make(chan chan R, max(ahead, 0))
	running.Go(func() {
		defer close(order)
		defer close(jobs)
		for value := range in {
			j := job{value, make(chan R, 1)}
			select {
			case <-ctx.Done():
				return
			case order <- j.done:
			}
			select {
			case <-ctx.Done():
				return
			case jobs <- j:
			}
		}
	})
	for range max(workers, 1) {
		running.Go(func() {
			for j := range jobs {
				j.done <- do(ctx, j.value)
			}
		})
	}
	for done := range order {
		var result R
		select {
		case <-ctx.Done():
		case result = <-done:
		}
		// Of two cases that are ready, select takes either: a result that the end of the
		// context spoiled must not be emitted.
		if ctx.Err() != nil {
			break
		}
		if err := emit(result); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}
