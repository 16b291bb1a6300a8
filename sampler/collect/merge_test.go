package collect_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"selfaudit/internal/testpki"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
)

// TestMergeInPasses merges more units than are merged at the same time: the documents are
// those of one merge, and no temporary file is left.
func TestMergeInPasses(t *testing.T) {
	c := newCollection(t, newIssuers(t, ourCA), openLog(t, static, writeLog(t, static, mixedEntries(300)), access{}))
	for i := range 11 {
		files, _ := filesOnly(t, nil, map[string][]byte{"a.pem": pemOf(ourCA.Certificate(testpki.Template{Seed: fmt.Sprint(i * 10)}),
			ourCA.Certificate(testpki.Template{Seed: "of all"}), ourCA.Certificate(testpki.Template{Seed: fmt.Sprint("only here ", i)}))})
		c.files = append(c.files, files.files...)
	}
	got := c.collect(t)
	whole := func() documents {
		d := freeze(t, got, ever)
		d.draw(t, got, c.dir)
		return d
	}
	want := whole()
	if len(want.rows) < 30+11+1 {
		t.Fatalf("%d items", len(want.rows))
	}
	for _, width := range []int{2, 3, 5, 11} {
		collect.SetMergeWidth(got, width)
		if d := whole(); d.population != want.population || d.items != want.items || d.sightings != want.sightings {
			t.Errorf("merging %d at a time gives other documents", width)
		}
		if left, err := filepath.Glob(c.dir.Path("work/*.partial")); err != nil || len(left) > 0 {
			t.Errorf("merging %d at a time leaves %v (%v)", width, left, err)
		}
	}
}

// TestMergeDamagedUnit: a damaged record is found in the first pass too.
func TestMergeDamagedUnit(t *testing.T) {
	c := newCollection(t, newIssuers(t, ourCA))
	for i := range 5 {
		files, _ := filesOnly(t, nil, map[string][]byte{"a.pem": pemOf(ourCA.Certificate(testpki.Template{Seed: fmt.Sprint(i)}))})
		c.files = append(c.files, files.files...)
	}
	got := c.collect(t)
	collect.SetMergeWidth(got, 2)
	units, err := filepath.Glob(c.dir.Path("work/files/0001/*.unit"))
	must(t, err)
	raw, err := os.ReadFile(units[0])
	must(t, err)
	cert := len(ourCA.Certificate(testpki.Template{Seed: "1"}))
	raw[cert+60] ^= 1
	must(t, os.WriteFile(units[0], raw, 0o666))
	_, err = got.Population(context.Background(), ever, nil, func(sampler.Row) error { return nil }, func(sampler.ItemFinding) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "run collect again") {
		t.Errorf("a flipped bit in a record gives %v", err)
	}
}
