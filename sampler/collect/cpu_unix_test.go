//go:build unix

package collect_test

import (
	"syscall"
	"testing"
	"time"
)

// cpuTime is the processor time that this process has used: what a benchmark on a busy
// machine can compare.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
