package logs

import (
	"sync/atomic"
	"time"

	"github.com/google/trillian/util/clock"
)

// Clock is the machine's clock, moved. It goes on ticking, so that a log that waits for
// time to pass does not wait for ever.
type Clock struct{ offset atomic.Int64 }

// NewClock returns a clock that shows t now.
func NewClock(t time.Time) *Clock {
	c := &Clock{}
	c.Set(t)
	return c
}

// Set moves the clock to t.
func (c *Clock) Set(t time.Time) { c.offset.Store(int64(time.Until(t))) }

// Now returns the moved time.
func (c *Clock) Now() time.Time {
	return time.Now().Round(0).Add(time.Duration(c.offset.Load())).UTC()
}

// NewTimer returns a timer of the machine's clock: waits last as long as they say.
func (c *Clock) NewTimer(d time.Duration) clock.Timer { return clock.System.NewTimer(d) }
