package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/ctlog"
)

// millionEntries is the log of the section million: a million entries in whole tiles.
const millionEntries = 1_000_192

// millionSection collects and freezes a log of a million entries of which one in a hundred is kept, and one of which all are. It takes
// minutes and gigabytes, so it runs only when it is asked for.
func millionSection(b *bench) error {
	logs := filepath.Join(b.dir, "logs")
	defer os.RemoveAll(logs)
	const n = millionEntries
	for _, kind := range []string{"few", "all"} {
		dir := filepath.Join(logs, kind)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if _, err := b.child("prepare-log", spec{Dir: dir, N: n, Issuers: kind}); err != nil {
			return err
		}
	}
	url, stop, err := b.startServer(logs)
	if err != nil {
		return err
	}
	defer stop()
	var t table
	t.row("", "kept", "CPU/entry", "wall", "peak", "work folder", "bytes/entry", "bytes/kept")
	for _, kind := range []string{"few", "all"} {
		s := spec{URL: url + "/" + kind + "/static/", Type: ctlog.StaticCT, Issuers: kind}
		if b.profile != "" {
			s.Profile = filepath.Join(b.profile, "million-"+kind)
		}
		m, err := b.child("million", s)
		if err != nil {
			return err
		}
		if found := foundBy(kind, n); m.Found != found || m.Work != n {
			return fmt.Errorf("%s: read %d entries and found %d items, want %d and %d", kind, m.Work, m.Found, n, found)
		}
		t.row("collect", group(m.Found), micro(m.CPU/time.Duration(m.Work)), m.Wall.Round(time.Second).String(), mebi(m.PeakKB), mebi(m.Disk/1024),
			fmt.Sprintf("%.1f", float64(m.Disk)/float64(m.Work)), fmt.Sprintf("%.0f", float64(m.Disk)/float64(m.Found)))
		f := m.Freeze
		t.row("  freeze", group(m.Found), micro(f.CPU/time.Duration(m.Found))+" an item", f.Wall.Round(time.Second/10).String(), mebi(f.PeakKB), "", "", "")
	}
	t.write(b.out, fmt.Sprintf("million: static-ct over loopback HTTP, %s entries, one run", group(n)))
	return nil
}

// millionChild collects and freezes a log, measured apart; with Profile a profile of each.
func millionChild(s spec) (sample, error) {
	h, src, err := harvester(s)
	if err != nil {
		return sample{}, err
	}
	part := func(name string) spec {
		if s.Profile == "" {
			return spec{}
		}
		return spec{Profile: s.Profile + "-" + name + ".prof"}
	}
	var r collect.LogResult
	m, err := measure(part("collect"), func() (int64, int64, error) {
		r, err = readLog(h, src)
		return int64(r.Entries), int64(r.Kept), err
	})
	if err != nil {
		return sample{}, err
	}
	if m.Disk, err = folderSize(h.Dir.Path("work")); err != nil {
		return sample{}, err
	}
	frozen, err := measure(part("freeze"), func() (int64, int64, error) {
		saved := h.Save([]collect.LogResult{r}, nil)
		saved.Logs = []sampler.SnapshotLog{{LogID: r.Log.ID().String(), Status: sampler.LogProven, TreeSize: r.Head.Size, RootHash: r.Head.Root.String()}}
		items, err := freeze(h, &saved)
		return items, items, err
	})
	m.Freeze, m.Found = &frozen, frozen.Found
	return m, err
}

func folderSize(dir string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}
