package lint

import (
	"context"
	"iter"
)

// aheadPerWorker is how far the results may run ahead of the oldest one that is missing: one
// certificate can cost as much as fifty others, and no core should wait for it.
const aheadPerWorker = 64

// LintAll lints a stream of artifacts with a number of workers (at least one is
// used) and hands the results to emit in the order of the input, one at a time,
// from the calling goroutine. Artifacts are taken from the stream only as fast
// as results are emitted, so memory does not grow with the stream. It returns
// the first error of emit, or the context's; either ends the run.
func (l *Linter) LintAll(ctx context.Context, artifacts iter.Seq[Artifact], workers int, emit func(Result) error) error {
	workers = max(workers, 1)
	ctx, cancel := context.WithCancel(ctx)
	type job struct {
		artifact Artifact
		done     chan Result // capacity 1: a worker never waits for the emitter
	}
	jobs := make(chan job)
	order := make(chan chan Result, aheadPerWorker*workers)
	stopped := make(chan struct{})

	go func() {
		defer close(stopped)
		defer close(order)
		defer close(jobs)
		for a := range artifacts {
			j := job{a, make(chan Result, 1)}
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
	}()
	for range workers {
		go func() {
			for j := range jobs {
				j.done <- l.Lint(j.artifact)
			}
		}()
	}
	// The stream is not read any more when LintAll returns.
	defer func() { cancel(); <-stopped }()

	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case done, ok := <-order:
			if !ok {
				return ctx.Err()
			}
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case result := <-done:
				if err := emit(result); err != nil {
					return err
				}
			}
		}
	}
}
