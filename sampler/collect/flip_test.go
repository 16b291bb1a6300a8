package collect_test

import (
	"context"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"selfaudit/internal/testlog"
)

// namesPlace is what every reason must have: the log, then the place, then what is wrong there.
var namesPlace = regexp.MustCompile(`^log \S+: .*(checkpoint|tile/|issuer/|get-sth|get-entries|index\.json|entry \d|entries \d|tree head).*: \S`)

// TestAnyFlippedBit flips one bit anywhere in a log's folder: the log fails, or nothing
// that matters has changed, because the bit was in what nobody vouches for (a foreign
// entry's chain) or says the same (a space in JSON).
func TestAnyFlippedBit(t *testing.T) {
	const size, flips = 260, 40
	random := rand.New(rand.NewPCG(6962, 2))
	issuers := newIssuers(t, ourCA)
	for _, kind := range bothKinds {
		dir := writeLog(t, kind, mixedEntries(size))
		must(t, os.Remove(dir+"/key.pub.pem"))
		must(t, os.Remove(dir+"/key.pub.b64"))
		var files []string
		must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				files = append(files, path)
			}
			return err
		}))
		whole := func() documents {
			c := newCollection(t, issuers, openLog(t, kind, dir, access{}))
			got := c.collect(t)
			d := freeze(t, got, ever)
			d.draw(t, got, c.dir)
			return d
		}
		honest := whole()
		found := 0
		for n := range flips {
			path := files[n%len(files)]
			good := readFile(t, path)
			bit := random.Int64N(int64(len(good)) * 8)
			must(t, testlog.FlipBit(path, bit))
			c := newCollection(t, issuers, openLog(t, kind, dir, access{}))
			_, results, _, err := c.harvest(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if verdict(results[0]) != proven {
				found++
				if reason := results[0].Err.Error(); strings.Contains(reason, "<nil>") || !namesPlace.MatchString(reason) {
					t.Errorf("bit %d of %s: the reason %q does not say where", bit, path, reason)
				}
			} else if d := whole(); d.population != honest.population || d.items != honest.items || d.sightings != honest.sightings {
				t.Errorf("%s: bit %d of %s changes the population and the log is proven", kind, bit, strings.TrimPrefix(path, dir))
			}
			writeFile(t, path, good)
		}
		if found < flips/4 {
			t.Errorf("%s: only %d of %d flipped bits were found", kind, found, flips)
		}
	}
}
