package collect_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"selfaudit/internal/testlog"
	"selfaudit/sampler/ct"
)

var bothKinds = []string{static, rfc}

// ours counts the entries of the audited CA among the first n of the usual log, and their
// items: every precertificate with its certificate is one.
func ours(n int) (entries, items int) {
	for i := range n {
		if i%5 == 0 {
			entries++
		}
		if i%10 == 0 {
			items++
		}
	}
	return entries, items
}

// TestSizes reads logs whose sizes lie around the edges of tiles.
func TestSizes(t *testing.T) {
	issuers := newIssuers(t, ourCA)
	for _, size := range []int{0, 1, 2, 255, 256, 257, 512, 513} {
		var texts []string
		for _, kind := range bothKinds {
			dir := writeLog(t, kind, mixedEntries(size))
			for _, web := range []bool{false, true} {
				c := newCollection(t, issuers, openLog(t, kind, dir, access{web: web}))
				_, results, _, err := c.harvest(context.Background())
				if err != nil || results[0].Err != nil {
					t.Fatalf("%s of %d entries: %v %v", kind, size, err, results)
				}
				entries, items := ours(size)
				if r := results[0]; r.Entries != uint64(size) || r.Kept != uint64(entries) {
					t.Errorf("%s of %d entries: read %d, kept %d, want %d", kind, size, r.Entries, r.Kept, entries)
				}
				d := freeze(t, c.collect(t), ever)
				if len(d.rows) != items {
					t.Errorf("%s of %d entries: %d items, want %d", kind, size, len(d.rows), items)
				}
				texts = append(texts, d.population+d.items)
			}
		}
		if len(slices.Compact(texts)) != 1 {
			t.Errorf("logs of %d entries: the population depends on protocol or transport", size)
		}
	}
}

// TestDuplicateEntries logs everything twice.
func TestDuplicateEntries(t *testing.T) {
	twice := slices.Concat(mixedEntries(40), mixedEntries(40))
	for _, kind := range bothKinds {
		c := newCollection(t, newIssuers(t, ourCA), openLog(t, kind, writeLog(t, kind, twice), access{}))
		got := c.collect(t)
		d := freeze(t, got, ever)
		if len(d.rows) != 4 || len(d.findings) != 0 || d.res.Counts.Both != 4 {
			t.Errorf("%s: %d rows, findings %v, counts %+v", kind, len(d.rows), d.findings, d.res.Counts)
		}
		d.draw(t, got, c.dir)
		if n := bytes.Count([]byte(d.sightings), []byte("\n")); n != 16 {
			t.Errorf("%s: %d sightings, want 16", kind, n)
		}
	}
}

// TestMended reads a log that fails, and again after its copy was mended.
func TestMended(t *testing.T) {
	for _, kind := range bothKinds {
		for name, breakIt := range map[string]func(t *testing.T, dir string){
			"leaf": func(t *testing.T, dir string) {
				tamper(t, kind, dir, faultSize, func(l []*ct.Entry) { l[22].TBS[80] ^= 1 })
			},
			"chain": func(t *testing.T, dir string) {
				tamper(t, kind, dir, faultSize, func(l []*ct.Entry) { swapChains(l[20], l[22]) })
			},
			"no entries": func(t *testing.T, dir string) { removeEntries(t, kind, dir) },
		} {
			honest := writeLog(t, kind, mixedEntries(faultSize))
			dir := copyDir(t, honest)
			breakIt(t, dir)
			c := newCollection(t, newIssuers(t, ourCA), openLog(t, kind, dir, access{}))
			_, results, _, err := c.harvest(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			checkVerdict(t, results[0].Err, verdict(results[0]), failed, nil)
			headFile := c.dir.Path(results[0].HeadFile)
			pinned := readFile(t, headFile)

			// The operator brings the entries back, and the log has grown meanwhile.
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			w := newWriter(t, kind, dir)
			addEntries(t, w, mixedEntries(faultSize))
			must(t, w.Publish(headMS))
			addEntries(t, w, mixedEntries(700)[faultSize:])
			must(t, w.Publish(headMS+1000))
			c.logs[0] = openLog(t, kind, dir, access{}) // what was read of the folder is forgotten
			d := freeze(t, c.collect(t), ever)
			if _, items := ours(faultSize); len(d.rows) != items {
				t.Errorf("%s, %s: %d items after mending, want %d", kind, name, len(d.rows), items)
			}
			if !bytes.Equal(pinned, readFile(t, headFile)) {
				t.Errorf("%s, %s: the pinned tree head has changed", kind, name)
			}
		}
	}
}

func removeEntries(t *testing.T, kind, dir string) {
	name := dataTile(dir, 256, faultSize-256)
	if kind == rfc {
		name = capturedPage(dir, 256)
	}
	must(t, os.Remove(name))
}

// TestStaleUnits is a log whose first half was read from a bad copy, without anyone
// noticing, before the second half could not be read at all. When both are mended, one run
// is enough.
func TestStaleUnits(t *testing.T) {
	const size, half = 16384 + 300, 16384
	entries := slices.Repeat(mixedEntries(1000), 17)[:size]
	dir := writeLog(t, rfc, entries)
	page := capturedPage(dir, 512)
	last := capturedPage(dir, half)
	good, end := readFile(t, page), readFile(t, last)
	broken := readPage(t, page)
	broken[2].Leaf[60] ^= 1
	writePage(t, page, broken)
	must(t, os.Remove(last))
	c := newCollection(t, newIssuers(t, rootCA), openLog(t, rfc, dir, access{})) // which issued none of it: that is fast
	_, results, _, err := c.harvest(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	checkVerdict(t, results[0].Err, verdict(results[0]), failed, []string{"start=16384"})
	writeFile(t, page, good)
	writeFile(t, last, end)
	_, results, _, err = c.harvest(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	checkVerdict(t, results[0].Err, verdict(results[0]), proven, nil)
	if results[0].Entries != size {
		t.Errorf("%d entries, want %d", results[0].Entries, size)
	}
}

// TestGrowth pins a tree head, lets the log grow, and demands the result of the first head.
func TestGrowth(t *testing.T) {
	for _, kind := range bothKinds {
		dir := t.TempDir()
		w := newWriter(t, kind, dir)
		addEntries(t, w, mixedEntries(faultSize))
		must(t, w.Publish(headMS))
		c := newCollection(t, newIssuers(t, ourCA), openLog(t, kind, dir, access{}))
		first := freeze(t, c.collect(t), ever)

		addEntries(t, w, mixedEntries(600)[faultSize:])
		must(t, w.Publish(headMS+5000))
		if kind == static { // a log may delete partial tiles once the full ones exist
			must(t, os.RemoveAll(filepath.Join(dir, "tile/data/001.p")))
			must(t, os.RemoveAll(filepath.Join(dir, "tile/0/001.p")))
		}
		for _, web := range []bool{false, true} {
			c.logs[0] = openLog(t, kind, dir, access{web: web})
			must(t, os.RemoveAll(c.dir.Path("work")))
			again := freeze(t, c.collect(t), ever)
			if again.population != first.population || again.items != first.items {
				t.Errorf("%s, web %v: the population follows the log's growth", kind, web)
			}
		}
	}
}

// TestPinDamaged damages the pinned tree head.
func TestPinDamaged(t *testing.T) {
	for _, kind := range bothKinds {
		dir := writeLog(t, kind, mixedEntries(10))
		c := newCollection(t, newIssuers(t, ourCA), openLog(t, kind, dir, access{}))
		_, results, _, err := c.harvest(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		head := c.dir.Path(results[0].HeadFile)
		must(t, testlog.FlipBit(head, 8*30))
		_, results, _, err = c.harvest(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		checkVerdict(t, results[0].Err, verdict(results[0]), failed, []string{results[0].HeadFile, "the pinned tree head does not verify any more"})
		if _, err := os.Stat(head); err != nil {
			t.Error("the damaged tree head was removed")
		}
	}
}
