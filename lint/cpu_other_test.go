//go:build !unix

package lint

import "time"

// cpuTime is not known here.
func cpuTime() time.Duration { return 0 }
