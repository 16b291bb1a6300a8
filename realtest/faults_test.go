package realtest

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"selfaudit/realtest/fault"
)

var (
	seeds    = flag.Int("seeds", 12, "how many fault schedules to run")
	oneSeed  = flag.Int("seed", -1, "run this schedule only, and show everything")
	parallel = flag.Int("schedules", 10, "schedules at the same time; they mostly wait")
)

// schedule is what follows from a seed.
type schedule struct {
	plan  *fault.Plan
	kills []int64 // after so many requests
}

// newSchedule makes seeds of every temper: rare faults and frequent ones, of all kinds or
// of one, with a budget that the program's retries get over and one that makes it stop.
func newSchedule(seed uint64, requests int64) schedule {
	random := rand.New(rand.NewPCG(seed, 0x5eed))
	p := &fault.Plan{Seed: seed, Chance: []float64{0.03, 0.1, 0.25}[random.IntN(3)], Most: []int{1, 2, 3, 6}[random.IntN(4)], Kinds: fault.Kinds}
	if random.IntN(4) == 0 {
		p.Kinds = []fault.Kind{fault.Kinds[random.IntN(len(fault.Kinds))]}
		p.Chance = 0.25
		if p.Kinds[0] == fault.Stall {
			p.Chance = 0.05 // each takes as long as the client's patience
		}
	}
	// A stale head matters most, so it is not left to chance that much.
	p.More = func(address string, r *rand.Rand) fault.Kind {
		if head := strings.HasSuffix(address, "/checkpoint") || strings.HasSuffix(address, "/get-sth"); head && r.IntN(5) == 0 {
			return fault.Older
		}
		return fault.None
	}
	s := schedule{plan: p}
	at := int64(0)
	for range random.IntN(5) {
		at += 1 + random.Int64N(requests)
		s.kills = append(s.kills, at)
	}
	return s
}

// numbers are what makes two reasons of one kind different.
var numbers = regexp.MustCompile(`\b[0-9a-f]{64}\b|\b[0-9]+\b`)

// outcome is what became of a schedule.
type outcome struct {
	requests            int64
	kills, stops, older int // tree heads
	faults              map[fault.Kind]int
	reasons             []string
}

// TestFaults runs audits, the first of a chain and the second in turn, whose every request goes through a proxy that misbehaves, and
// kills the program at numbers of requests that the seed decides. It is called again after
// each kill and each failure, as its users are told to. In the end the package must be the
// same, byte for byte, as that of an undisturbed run over the tree heads that it pinned.
// Every stop on the way must have an exit code of its own and say a reason.
func TestFaults(t *testing.T) {
	start := time.Now()
	f := newFaultWorld(t)
	var plain []*reference
	for i, a := range faultAudits {
		r := f.undisturbed(t, a, nil)
		if r.err != nil {
			t.Fatal(r.err)
		}
		if plain = append(plain, r); i == 0 {
			f.first = r.dir
		}
		t.Logf("undisturbed %s: %d requests, %d files in the package and beside it; ready after %s", a.id, r.requests, len(r.files), time.Since(start).Round(time.Millisecond))
	}
	list := make(chan uint64)
	go func() {
		defer close(list)
		if *oneSeed >= 0 {
			list <- uint64(*oneSeed)
			return
		}
		for i := range *seeds {
			list <- uint64(i)
		}
	}()
	var mu sync.Mutex
	sum := outcome{faults: map[fault.Kind]int{}}
	var wg sync.WaitGroup
	for range max(1, *parallel) {
		wg.Go(func() {
			for seed := range list {
				t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
					i := int(seed % 2)
					o := f.disturbed(t, faultAudits[i], newSchedule(seed, plain[i].requests))
					mu.Lock()
					defer mu.Unlock()
					sum.requests += o.requests
					sum.kills += o.kills
					sum.stops += o.stops
					sum.older += o.older
					sum.reasons = append(sum.reasons, o.reasons...)
					for k, n := range o.faults {
						sum.faults[k] += n
					}
				})
			}
		})
	}
	wg.Wait()
	t.Logf("%d requests, %d kills, %d stops with a reason, %d older tree heads pinned", sum.requests, sum.kills, sum.stops, sum.older)
	for _, k := range slices.Sorted(maps.Keys(sum.faults)) {
		t.Logf("  %s: %d", k, sum.faults[k])
	}
	reasons := map[string]int{}
	for _, r := range sum.reasons {
		reasons[numbers.ReplaceAllString(r, "#")]++
	}
	for _, r := range slices.Sorted(maps.Keys(reasons)) {
		t.Logf("  stopped %d times: %s", reasons[r], r)
	}
	if *oneSeed < 0 && *seeds >= 12 && (sum.kills == 0 || sum.stops == 0 || len(sum.faults) < len(fault.Kinds)/2) {
		t.Error("these schedules do not disturb enough to show anything")
	}
}

// disturbed takes one audit through a schedule.
func (f *faultWorld) disturbed(t *testing.T, a faultAudit, s schedule) outcome {
	var o outcome
	var running atomic.Pointer[process]
	p := &fault.Proxy{Plan: s.plan}
	p.Before = func(n int64, _ string) {
		if slices.Contains(s.kills, n) {
			running.Load().kill()
		}
	}
	w := f.workspace(t, a, p)
	for _, step := range a.steps() {
		for attempt := 1; ; attempt++ {
			if attempt > 60 {
				t.Fatalf("never got through; the last reasons: %q", o.reasons[max(0, len(o.reasons)-3):])
			}
			code, stderr := w.watched(&running, step.args)
			if *oneSeed >= 0 {
				t.Logf("exit %d\n%s", code, stderr)
			}
			if code == step.code {
				break
			}
			switch code {
			case killed:
				o.kills++
			case exitFailed, exitVerify:
				o.stops++
				reason := reasonOf(stderr)
				if reason == "" {
					t.Errorf("exit %d without a reason:\n%s", code, stderr)
				}
				o.reasons = append(o.reasons, fmt.Sprintf("exit code %s: %s", map[int]string{exitFailed: "one", exitVerify: "four"}[code], reason))
			default:
				t.Fatalf("exit %d, which no fault explains:\n%s", code, stderr)
			}
		}
	}
	o.requests, o.faults = p.Requests(), s.plan.Told()
	want, older, err := f.reference(t, a, w)
	if err != nil {
		t.Fatal(err)
	}
	o.older = older
	got, err := packageFiles(w, a.id)
	if err != nil {
		t.Fatal(err)
	}
	if d := differences(got, want.files); len(d) > 0 {
		t.Errorf("the package is not that of an undisturbed run (%d kills, %d stops, faults %v):\n%s", o.kills, o.stops, o.faults, strings.Join(d, "\n"))
	}
	return o
}

// watched runs the program so that it can be killed meanwhile.
func (w *workspace) watched(running *atomic.Pointer[process], args []string) (int, string) {
	ctx, cancel := context.WithTimeout(context.Background(), hung)
	defer cancel()
	p := w.prepare(ctx, args...)
	running.Store(p)
	if err := p.begin(); err != nil {
		w.t.Fatal(err)
	}
	code, err := p.wait()
	if err != nil {
		w.t.Fatal(err)
	}
	if ctx.Err() != nil {
		w.t.Fatalf("hangs for %s\n%s", hung, p.stderr.String())
	}
	return code, p.stderr.String()
}

// reasonOf returns the first error line.
func reasonOf(stderr string) string {
	for line := range strings.Lines(stderr) {
		if rest, ok := strings.CutPrefix(line, "selfaudit: error: "); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// TestProgramIsThere fails early and plainly where the program cannot run at all.
func TestProgramIsThere(t *testing.T) {
	w := newWorkspace(t, "")
	if err := os.Remove(w.path("selfaudit.toml")); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	stdout, _ := w.run(exitOK, "version")
	w.must(stdout, "selfaudit")
	t.Logf("%s (in %s)", strings.SplitN(stdout, "\n", 2)[0], time.Since(start).Round(time.Millisecond))
}
