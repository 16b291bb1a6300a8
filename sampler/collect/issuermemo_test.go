package collect_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestBadIssuerFileIsAskedForOnce counts the requests for an issuer file that is wrong or
// missing and that many entries name: one retry cycle, not one for each of them.
func TestBadIssuerFileIsAskedForOnce(t *testing.T) {
	// ctlog's attempts at a 404, at an answer of the wrong shape, and in ten minutes of 500.
	const cycleMissing, cycleWrong, cycleIll = 3, 5, 16
	ours, root, foreign := issuerFile(ourCA), issuerFile(rootCA), issuerFile(foreignCA)
	for _, tt := range []struct {
		name, file string
		damage     func(t *testing.T, dir string)
		want       string
		most       int32
	}{
		// A log that fails was read twice.
		{"ours missing", ours, remove(ours), failed, 2 * cycleMissing},
		{"ours wrong", ours, flip(ours, 800), failed, 2 * cycleWrong},
		{"our root's missing", root, remove(root), failed, 2 * cycleMissing},
		{"our root's wrong", root, flip(root, 800), failed, 2 * cycleWrong},
		{"foreign missing", foreign, remove(foreign), proven, cycleMissing},
		{"foreign wrong", foreign, flip(foreign, 800), proven, cycleWrong},
		{"ours refused by the server", ours, nil, unreachable, cycleIll},
		{"foreign refused by the server", foreign, nil, proven, cycleIll},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := writeLog(t, static, mixedEntries(faultSize))
			if tt.damage != nil {
				tt.damage(t, dir)
			}
			var asked atomic.Int32
			log := openLog(t, static, dir, access{web: true, wrap: func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/"+tt.file {
						asked.Add(1)
						if tt.damage == nil {
							http.Error(w, "ill", http.StatusInternalServerError)
							return
						}
					}
					h.ServeHTTP(w, r)
				})
			}})
			_, results, _, err := newCollection(t, newIssuers(t, ourCA), log).harvest(context.Background())
			must(t, err)
			if got := verdict(results[0]); got != tt.want {
				t.Errorf("the log is %s, want %s: %v", got, tt.want, results[0].Err)
			}
			if n := asked.Load(); n != tt.most {
				t.Errorf("%d requests for the issuer file, want %d", n, tt.most)
			}
		})
	}
}

// TestIssuerFileComesBack shows that a wrong issuer file is not held against the log when
// it is read once more: neither in the next run, nor in the same one.
func TestIssuerFileComesBack(t *testing.T) {
	file := issuerFile(ourCA)
	dir := writeLog(t, static, mixedEntries(faultSize))
	var broken atomic.Bool
	broken.Store(true)
	log := openLog(t, static, dir, access{web: true, wrap: func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if broken.Load() && r.URL.Path == "/"+file {
				http.NotFound(w, r)
				return
			}
			h.ServeHTTP(w, r)
		})
	}})
	c := newCollection(t, newIssuers(t, ourCA), log)
	_, results, _, err := c.harvest(context.Background())
	must(t, err)
	if got := verdict(results[0]); got != failed {
		t.Fatalf("the log is %s: %v", got, results[0].Err)
	}
	if left, _ := filepath.Glob(c.dir.Path("work/logs/*/*.unit")); len(left) > 0 {
		t.Errorf("units are left: %s", strings.Join(left, " "))
	}
	broken.Store(false)
	c.collect(t)
}
