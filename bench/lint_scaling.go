package main

import (
	"fmt"
	"runtime"

	"selfaudit/lint"
)

// scalingSection lints the same certificates with one worker and with more, up to the
// machine's cores, and once as an audit does: every result that has a finding is judged by
// zlint's own loop too.
func scalingSection(b *bench) error {
	var lines []contender
	for _, n := range workerCounts(runtime.NumCPU()) {
		lines = append(lines, contender{label: fmt.Sprintf("selfaudit LintAll, workers: %d, GOGC 400", n), child: "lint-all", spec: spec{Workers: n, Percent: 400, N: scalingPasses}})
	}
	lines = append(lines, contender{label: fmt.Sprintf("the same with zlint's loop for every finding, workers: %d", runtime.NumCPU()), child: "lint-recheck",
		spec: spec{Workers: runtime.NumCPU(), Percent: 400}})
	return b.lintContest(fmt.Sprintf("lint over cores: %%d certificates, %d times", scalingPasses), lines)
}

// scalingPasses is how often the certificates are linted, so that what a process pays once, on
// one core, counts as little as in a run over many certificates.
const scalingPasses = 10

// workerCounts are 1, 2, 4, … and the number of cores.
func workerCounts(cores int) []int {
	var list []int
	for n := 1; n < cores; n *= 2 {
		list = append(list, n)
	}
	return append(list, cores)
}

// lintRecheck lints as an audit does.
func lintRecheck(s spec) (sample, error) {
	return lintParallel(s, lint.Options{Document: true, Recheck: func(_ lint.Artifact, r lint.Result) bool { return len(r.Findings) > 0 }})
}
