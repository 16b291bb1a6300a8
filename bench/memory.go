package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/ctlog"
)

// memorySizes are the logs whose collecting and freezing is weighed.
var memorySizes = []int{20_000, 200_000}

func memorySection(b *bench) error {
	logs := filepath.Join(b.dir, "logs")
	defer os.RemoveAll(logs)
	var names []string
	for _, n := range memorySizes {
		name := fmt.Sprint(n)
		dir := filepath.Join(logs, name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if _, err := b.child("prepare-log", spec{Dir: dir, N: n}); err != nil {
			return err
		}
		names = append(names, name)
	}
	url, stop, err := b.startServer(logs)
	if err != nil {
		return err
	}
	defer stop()
	var t table
	t.row("", "items", "peak", "CPU/entry")
	empty, err := b.child("memory-of-nobody", spec{})
	if err != nil {
		return err
	}
	t.row("a process of the same program that does nothing", "-", mebi(empty.PeakKB), "-")
	for i, n := range memorySizes {
		lines := []contender{{child: "collect-freeze", spec: spec{URL: url + "/" + names[i] + "/static/", Type: ctlog.StaticCT, Issuers: "ours"}}}
		if err := b.compete(lines); err != nil {
			return err
		}
		var peak, items int64
		for _, m := range lines[0].samples {
			peak, items = max(peak, m.PeakKB), m.Found
		}
		t.row(fmt.Sprintf("collect and freeze, %s entries", group(int64(n))), group(items), mebi(peak), micro(lines[0].cpu()))
	}
	t.write(b.out, fmt.Sprintf("memory: peak resident set (VmHWM), highest of %d runs; static-ct over loopback HTTP", b.rounds))
	return nil
}

// idle weighs a process that has read nothing.
func idle(s spec) (sample, error) {
	return measure(s, func() (int64, int64, error) { return 1, 0, nil })
}

// collectFreeze collects a log and writes the population of a period that has all of it.
func collectFreeze(s spec) (sample, error) {
	h, src, err := harvester(s)
	if err != nil {
		return sample{}, err
	}
	return measure(s, func() (int64, int64, error) {
		r, err := readLog(h, src)
		if err != nil {
			return 0, 0, err
		}
		saved := h.Save([]collect.LogResult{r}, nil)
		saved.Logs = []sampler.SnapshotLog{{LogID: r.Log.ID().String(), Status: sampler.LogProven, TreeSize: r.Head.Size, RootHash: r.Head.Root.String()}}
		items, err := freeze(h, &saved)
		return int64(r.Entries), items, err
	})
}

// freeze writes population.tsv and the findings, and returns the number of items.
func freeze(h *collect.Harvest, saved *collect.Saved) (items int64, err error) {
	collected, err := collect.Reopen(h.Dir, h.Issuers, saved)
	if err != nil {
		return 0, err
	}
	pop, err := h.Dir.Create("draw/population.tsv")
	if err != nil {
		return 0, err
	}
	rows := sampler.NewPopulationWriter(pop)
	m := sampler.Membership{ChainStart: logStart.Add(-time.Hour), PeriodStart: logStart.Add(-time.Hour), PeriodEnd: logStart.AddDate(1, 0, 0), Setting: sampler.IssuedByCT}
	_, err = collected.Population(context.Background(), m, nil, rows.Write, func(sampler.ItemFinding) error { return nil })
	if err := errors.Join(err, rows.Flush()); err != nil {
		pop.Abort()
		return 0, err
	}
	return rows.Count(), pop.Commit()
}
