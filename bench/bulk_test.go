package main

import (
	"os"
	"path/filepath"
	"testing"

	"selfaudit/sampler/ctlog"
)

// TestBulkLog reads a small log of the section bulk as selfaudit does, so every signature and SCT of it is verified.
func TestBulkLog(t *testing.T) {
	b, _ := newBench(t)
	logs := t.TempDir()
	dir := filepath.Join(logs, "bulk")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	const n = 8 * bulkTile // has final certificates too
	if _, err := prepareBulk(spec{Dir: dir, N: n}); err != nil {
		t.Fatal(err)
	}
	url, stop, err := b.startServer(logs)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	m, err := b.child("harvest", spec{URL: url + "/bulk/static/", Type: ctlog.StaticCT, Issuers: "all"})
	if err != nil {
		t.Fatal(err)
	}
	if m.Work != n || m.Found != n {
		t.Errorf("%d entries, %d kept, want all of %d", m.Work, m.Found, n)
	}
}

// TestBulkLogTooLong refuses entries that the period does not hold, and half tiles.
func TestBulkLogTooLong(t *testing.T) {
	for _, n := range []int{bulkMost + bulkTile, bulkTile + 1} {
		if _, err := prepareBulk(spec{Dir: t.TempDir(), N: n}); err == nil {
			t.Errorf("a log of %d entries is made", n)
		}
	}
	if last := bulkStart.Add(bulkMost * bulkStep); !last.Before(bulkUntil) {
		t.Errorf("the last entry is of %s, after the period", last)
	}
}
