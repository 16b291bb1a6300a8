package collect

// SetMergeWidth lets a test merge few files at the same time.
func SetMergeWidth(c *Collected, width int) { c.mergeWidth = width }
