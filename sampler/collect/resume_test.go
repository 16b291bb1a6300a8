package collect_test

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/ct"
)

// interrupting is a log that is interrupted when a certain number of entries was read.
type interrupting struct {
	collect.LogReader
	left   *int
	cancel func()
}

func (i interrupting) Read(ctx context.Context, head ct.TreeHead, start, end uint64, fn func(*ct.Entry) error) error {
	return i.LogReader.Read(ctx, head, start, end, func(e *ct.Entry) error {
		if *i.left--; *i.left == 0 {
			i.cancel()
			return ctx.Err()
		}
		return fn(e)
	})
}

// thinEntries returns n entries of which few are ours: cheap to verify, and with more
// than one unit in a log.
func thinEntries(n int) []testlog.Entry {
	base := mixedEntries(100)
	var list []testlog.Entry
	for i := range n {
		e := base[1+i%4]
		if i%331 == 0 {
			e = base[i%20*5]
		}
		list = append(list, e)
	}
	return list
}

// TestInterrupted stops harvesting at random entries, damages what it left behind in the
// ways that a killed process and a full disk do, and goes on: the documents are those of an
// undisturbed run.
func TestInterrupted(t *testing.T) {
	const size = 16384 + 700
	random := rand.New(rand.NewPCG(2, 9))
	entries := thinEntries(size)
	otherDir := t.TempDir()
	other := testpki.ECKey("second log")
	w, err := testlog.NewCapture(otherDir, testlog.CaptureOptions{Key: other})
	must(t, err)
	addEntries(t, w, entries[:400])
	must(t, w.Publish(headMS))
	logs := []testLog{openLog(t, static, writeLog(t, static, entries), access{}), openLog(t, rfc, otherDir, access{key: other})}
	exports, _ := filesOnly(t, nil, map[string][]byte{"x.pem": pemOf(ourCA.Certificate(testpki.Template{Seed: "file"}))})

	fresh := func() *collection {
		c := newCollection(t, newIssuers(t, ourCA), logs...)
		c.files = exports.files
		return c
	}
	result := func(c *collection) documents {
		got := c.collect(t)
		d := freeze(t, got, ever)
		d.draw(t, got, c.dir)
		return d
	}
	want := result(fresh())
	for range 2 {
		c := fresh()
		for interrupted := 0; interrupted < 3; interrupted++ {
			ctx, cancel := context.WithCancel(context.Background())
			left := 1 + random.IntN(size/2)
			c.wrap = func(l collect.LogReader) collect.LogReader {
				if l.ID() == logs[1].ID() {
					return l
				}
				return interrupting{l, &left, cancel}
			}
			_, _, _, err := c.harvest(ctx)
			cancel()
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Fatalf("an interrupted run failed with %v", err)
			}
			damage(t, random, c)
		}
		c.wrap = nil
		if d := result(c); d.population != want.population || d.items != want.items || d.sightings != want.sightings {
			t.Error("the documents of an interrupted collection differ")
		}
	}
}

// damage does to the work folder what killed processes, full disks and people do.
func damage(t *testing.T, random *rand.Rand, c *collection) {
	t.Helper()
	var units []string
	must(t, filepath.WalkDir(c.dir.Path("work"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".unit") {
			units = append(units, path)
		}
		return err
	}))
	for _, u := range units {
		switch random.IntN(5) {
		case 0:
			must(t, os.Remove(u))
		case 1:
			info, err := os.Stat(u)
			must(t, err)
			must(t, os.Truncate(u, random.Int64N(info.Size())))
		case 2:
			writeFile(t, u+".partial", []byte("half a unit"))
		case 3:
			writeFile(t, u, nil)
		}
	}
	if random.IntN(2) == 0 {
		must(t, c.dir.Sweep())
	}
}

// TestMissingUnit deletes a unit after the collection is complete: later stages say what is
// missing and do not go on without it.
func TestMissingUnit(t *testing.T) {
	c := newCollection(t, newIssuers(t, ourCA), openLog(t, static, writeLog(t, static, mixedEntries(20)), access{}))
	h, results, files, err := c.harvest(context.Background())
	must(t, err)
	saved := h.Save(results, files)
	c.reopen(t, saved, results)
	unit, err := filepath.Glob(c.dir.Path("work/logs/*/*.unit"))
	must(t, err)
	saved.Logs = append(saved.Logs, snapshotOf(results[0]))
	good := readFile(t, unit[0])
	must(t, os.Truncate(unit[0], int64(len(good)/2)))
	if _, err := collect.Reopen(c.dir, nil, &saved); err == nil || !strings.Contains(err.Error(), "not a complete unit") {
		t.Errorf("truncated: %v", err)
	}
	must(t, os.Remove(unit[0]))
	if _, err := collect.Reopen(c.dir, nil, &saved); err == nil || !strings.Contains(err.Error(), "is missing: the work folder must stay") {
		t.Errorf("removed: %v", err)
	}
}

// TestOtherIssuers reopens a collection for issuers that it was not made for.
func TestOtherIssuers(t *testing.T) {
	c := newCollection(t, newIssuers(t, rootCA), openLog(t, static, writeLog(t, static, mixedEntries(20)), access{}))
	h, results, files, err := c.harvest(context.Background())
	must(t, err)
	saved := h.Save(results, files)
	if _, err := collect.Reopen(c.dir, newIssuers(t, ourCA), &saved); !errors.Is(err, collect.ErrOtherIssuers) {
		t.Error(err)
	}
	// Before the collection is complete, issuers may change: what was kept is made again.
	c.issuers = newIssuers(t, ourCA)
	if d := freeze(t, c.collect(t), ever); len(d.rows) != 2 {
		t.Errorf("rows %v", d.rows)
	}
}
