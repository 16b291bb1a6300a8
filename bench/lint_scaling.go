package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"selfaudit/lint"
)

// scalingSection lints the same certificates with one worker and with more, up to the
// machine's cores, and once as an audit does: every result that has a finding is judged by
// zlint's own loop too.
func scalingSection(b *bench) error {
	dir := filepath.Join(b.dir, "scaling-certs")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	want, err := b.child("prepare-certs", spec{Dir: dir, URL: b.testdata})
	if err != nil {
		return err
	}
	var lines []contender
	for _, n := range workerCounts(runtime.NumCPU()) {
		lines = append(lines, contender{label: fmt.Sprintf("selfaudit LintAll, workers: %d, GOGC 400", n), child: "lint-all", spec: spec{Dir: dir, Workers: n, Percent: 400, N: scalingPasses}})
	}
	lines = append(lines, contender{label: fmt.Sprintf("the same with zlint's loop for every finding, workers: %d", runtime.NumCPU()), child: "lint-recheck",
		spec: spec{Dir: dir, Workers: runtime.NumCPU(), Percent: 400}})
	if err := b.compete(lines); err != nil {
		return err
	}
	for _, c := range lines {
		for _, m := range c.samples {
			if c.child == "lint-all" && m.Found != lines[0].samples[0].Found {
				return fmt.Errorf("%s: %d findings, one worker has %d", c.label, m.Found, lines[0].samples[0].Found)
			}
		}
	}
	b.write(fmt.Sprintf("lint over cores: %d certificates, %d times", want.Work, scalingPasses), "certificate", "certificates", lines)
	return nil
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
	runtime.GOMAXPROCS(s.Workers)
	certs, err := readCerts(s)
	if err != nil {
		return sample{}, err
	}
	var artifacts []lint.Artifact
	for i, der := range certs {
		artifacts = append(artifacts, lint.Artifact{File: fmt.Sprint(i), Kind: lint.KindCert, DER: der})
	}
	return measure(s, func() (work, found int64, err error) {
		l, err := lint.New(lint.Options{Document: true, Recheck: func(_ lint.Artifact, r lint.Result) bool { return len(r.Findings) > 0 }})
		if err != nil {
			return 0, 0, err
		}
		err = l.LintAll(context.Background(), slices.Values(artifacts), s.Workers, func(r lint.Result) error {
			if r.Difference != "" {
				return fmt.Errorf("certificate %s: %s", r.File, r.Difference)
			}
			work, found = work+1, found+int64(len(r.Findings))
			return nil
		})
		return work, found, err
	})
}
