package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"selfaudit/sampler/ctlog"
)

// TestMain lets the test binary be the children that a run starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "child" || os.Args[1] == "serve") {
		main()
	}
	os.Exit(m.Run())
}

// newBench returns a parent with small work, and what it writes.
func newBench(t *testing.T) (*bench, *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	return &bench{options: options{dir: t.TempDir(), testdata: "../testdata", size: 512, rounds: 1}, self: self, out: &out}, &out
}

// TestHarvestSection reads a small log in every way; the section itself checks that all
// competitors found the same.
func TestHarvestSection(t *testing.T) {
	b, out := newBench(t)
	if err := harvestSection(b); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n != 3*3+13+4+4 { // blank, heading, head of each table, lines
		t.Errorf("%d lines:\n%s", n, out)
	}
}

func TestInflateSection(t *testing.T) {
	b, _ := newBench(t)
	if err := inflateSection(b); err != nil {
		t.Fatal(err)
	}
}

func TestLintSection(t *testing.T) {
	b, _ := newBench(t)
	if err := lintSection(b); err != nil {
		t.Fatal(err)
	}
}

func TestDraw(t *testing.T) {
	s := spec{Dir: t.TempDir(), N: 3000}
	if _, err := prepareDraw(s); err != nil {
		t.Fatal(err)
	}
	m, err := drawChild(s)
	if err != nil {
		t.Fatal(err)
	}
	if m.Work != 3000 || m.Found < 3000*3/100 {
		t.Errorf("drew %d of %d items, want at least 3 in 100 of 3000", m.Found, m.Work)
	}
	if m, err := drawRead(s); err != nil || m.Work != 3000 {
		t.Errorf("read %d items, error %v", m.Work, err)
	}
}

func TestWorkbook(t *testing.T) {
	s := spec{Dir: filepath.Join(t.TempDir(), "audit"), N: 100}
	if _, err := prepareAudit(s); err != nil {
		t.Fatal(err)
	}
	if m, err := workbookChild(s); err != nil || m.Work < 100 {
		t.Errorf("%d rows, error %v, want all 100 items", m.Work, err)
	}
}

func TestCollectFreeze(t *testing.T) {
	b, _ := newBench(t)
	logs := t.TempDir()
	dir := filepath.Join(logs, "log")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := prepareLog(spec{Dir: dir, N: 300}); err != nil {
		t.Fatal(err)
	}
	url, stop, err := b.startServer(logs)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	m, err := b.child("collect-freeze", spec{URL: url + "/log/static/", Type: ctlog.StaticCT, Issuers: "ours"})
	if err != nil {
		t.Fatal(err)
	}
	if m.Work != 300 || m.Found != 30 {
		t.Errorf("%d entries, %d items, want 300 and 30", m.Work, m.Found)
	}
}

func TestNumbers(t *testing.T) {
	for in, want := range map[int64]string{7: "7", 999: "999", 1239: "1,240", 20480: "20,500", 1234567: "1,230,000"} {
		if got := count(in); got != want {
			t.Errorf("count(%d) = %s, want %s", in, got, want)
		}
	}
	if got := group(20480); got != "20,480" {
		t.Errorf("group(20480) = %s", got)
	}
	if got := middle([]float64{1, 2, 4, 9}); got != 3 {
		t.Errorf("middle of four = %v, want 3", got)
	}
}
