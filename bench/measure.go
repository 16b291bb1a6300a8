package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// sample is one measurement of one section of a process.
type sample struct {
	Work   int64         // units worked through
	Found  int64         // what came out; competitors must agree
	CPU    time.Duration // user + system
	Wall   time.Duration
	PeakKB int64 // peak resident set of the process so far; 0 where the system does not say
	BaseKB int64 // the same before the section

	Disk   int64   `json:",omitempty"` // bytes in the work folder
	Freeze *sample `json:",omitempty"` // the second part
}

// measure runs f with a clean heap and returns what it took. f returns the number of units
// it worked through and what it found.
func measure(s spec, f func() (work, found int64, err error)) (sample, error) {
	if s.Percent != 0 {
		debug.SetGCPercent(s.Percent)
	}
	runtime.GC()
	if s.Profile != "" {
		out, err := os.Create(s.Profile)
		if err != nil {
			return sample{}, err
		}
		defer out.Close()
		if err := pprof.StartCPUProfile(out); err != nil {
			return sample{}, err
		}
		defer pprof.StopCPUProfile()
	}
	m := sample{BaseKB: peakKB()}
	wall, cpu := time.Now(), processCPU()
	var err error
	if m.Work, m.Found, err = f(); err != nil {
		return sample{}, err
	}
	m.CPU, m.Wall, m.PeakKB = processCPU()-cpu, time.Since(wall), peakKB()
	return m, nil
}

// processCPU is the user + system time of this process.
func processCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // cannot fail with these arguments
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peakKB is VmHWM in KiB. The ru_maxrss of a child is no substitute: on Linux it
// begins with what its parent had when it forked.
func peakKB() int64 {
	for key, value := range colonFile("/proc/self/status") {
		if key == "VmHWM" {
			n, _ := strconv.ParseInt(strings.TrimSuffix(value, " kB"), 10, 64)
			return n
		}
	}
	return 0
}

// colonFile walks through the "key: value" lines of a file of /proc; none where the
// system has no such file.
func colonFile(path string) func(yield func(key, value string) bool) {
	return func(yield func(key, value string) bool) {
		f, err := os.Open(path)
		if err != nil {
			return
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			key, value, ok := strings.Cut(lines.Text(), ":")
			if ok && !yield(strings.TrimSpace(key), strings.TrimSpace(value)) {
				return
			}
		}
	}
}

// machineLine says on what the figures were measured.
func machineLine() string {
	model := runtime.GOARCH
	for key, value := range colonFile("/proc/cpuinfo") {
		if key == "model name" {
			model = value
			break
		}
	}
	load := "unknown"
	if raw, err := os.ReadFile("/proc/loadavg"); err == nil {
		load, _, _ = strings.Cut(string(raw), " ")
	}
	return fmt.Sprintf("machine: %d cores, %s; %s %s/%s; load average at the start %s",
		runtime.NumCPU(), model, runtime.Version(), runtime.GOOS, runtime.GOARCH, load)
}
