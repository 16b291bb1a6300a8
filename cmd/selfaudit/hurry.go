//go:build selfaudit_hurry

package main

import (
	"context"
	"time"
)

// hurryFactor is how much faster the program's clock goes.
const hurryFactor = 50

// init makes a binary for tests against servers that misbehave (realtest): waits between
// attempts pass 50 times as fast, and the clock by which they are counted goes as fast. It
// is in no other binary, because without its build tag this file is not compiled.
func init() {
	start := time.Now()
	outside = func(e *env) *env {
		e.SystemTime = func() time.Time {
			now := time.Now()
			return now.Add((hurryFactor - 1) * now.Sub(start))
		}
		e.Sleep = func(ctx context.Context, d time.Duration) error { return sleep(ctx, d/hurryFactor) }
		return e
	}
}
