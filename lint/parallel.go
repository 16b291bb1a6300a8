package lint

import (
	"context"
	"iter"

	"selfaudit/internal/ordered"
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
	return ordered.Map(ctx, artifacts, workers, aheadPerWorker*max(workers, 1),
		func(_ context.Context, a Artifact) Result { return l.Lint(a) }, emit)
}
