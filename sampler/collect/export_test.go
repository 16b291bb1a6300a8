package collect

import "testing"

// SetLogUnit lets a test read logs in units of 1<<level entries.
func SetLogUnit(t testing.TB, level uint) {
	before := logUnitLevel
	logUnitLevel = level
	t.Cleanup(func() { logUnitLevel = before })
}

// SetMergeWidth lets a test merge few files at the same time.
func SetMergeWidth(c *Collected, width int) { c.mergeWidth = width }
