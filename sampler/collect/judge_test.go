package collect_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"selfaudit/sampler/collect"
)

// plainReader hides that a log can spare work on foreign entries.
type plainReader struct{ collect.LogReader }

// TestUnitsAreTheSameOnAllCores harvests with one worker and with many, and through a reader
// that gives everything of every entry: the units are the same to the byte.
func TestUnitsAreTheSameOnAllCores(t *testing.T) {
	for _, kind := range bothKinds {
		dir := writeLog(t, kind, mixedEntries(700))
		units := func(cores int, wrap func(collect.LogReader) collect.LogReader) map[string]string {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
			c := newCollection(t, newIssuers(t, ourCA), openLog(t, kind, dir, access{web: true}))
			c.wrap = wrap
			_, results, _, err := c.harvest(context.Background())
			if err != nil || results[0].Err != nil {
				t.Fatal(err, results[0].Err)
			}
			found := map[string]string{}
			root := c.dir.Path("work")
			must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() || !strings.HasSuffix(path, ".unit") {
					return err
				}
				raw, err := os.ReadFile(path)
				found[path[len(root):]] = string(raw)
				return err
			}))
			return found
		}
		want := units(1, nil)
		if len(want) != 1 {
			t.Fatalf("%d units", len(want))
		}
		for name, got := range map[string]map[string]string{
			"eight workers": units(8, nil),
			"plain reader":  units(3, func(l collect.LogReader) collect.LogReader { return plainReader{l} }),
		} {
			for unit, raw := range want {
				if got[unit] != raw {
					t.Errorf("%s, %s: unit %s differs from one worker's", kind, name, unit)
				}
			}
		}
	}
}
