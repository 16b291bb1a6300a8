package collect_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler/ctlog"
)

// hybridLog opens a log that serves tiles beside get-entries; plain leaves the tiles alone.
func hybridLog(t *testing.T, h http.Handler, plain bool) testLog {
	t.Helper()
	clock := &sleeper{t: day("2026-11-02")}
	l, err := ctlog.Open(ctlog.Config{Type: rfc, Tiles: !plain, URL: "http://log.example", PublicKey: logKey.SPKI,
		Transport: handlerTransport{h}, Sleep: clock.sleep, Now: clock.now})
	must(t, err)
	return testLog{l, logKey.SPKI, false}
}

// TestHybridLog collects the same log with get-entries and with tiles, whole and with holes, gzipped, with issuer files and without: the
// documents are the same.
func TestHybridLog(t *testing.T) {
	log, err := testlog.NewHybrid(t.TempDir(), logKey, logOrigin, mixedEntries(700), headMS)
	must(t, err)
	documentsOf := func(l testLog) documents {
		c := newCollection(t, newIssuers(t, ourCA), l)
		got := c.collect(t)
		d := freeze(t, got, ever)
		d.draw(t, got, c.dir)
		return d
	}
	serve := func(compress, issuers bool) http.Handler {
		h, err := log.Serve(compress, issuers)
		must(t, err)
		return h
	}
	want := documentsOf(hybridLog(t, serve(false, false), true))
	if len(want.rows) == 0 {
		t.Fatal("nothing was found")
	}
	holes := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/tile/data/001") || strings.Contains(r.URL.Path, ".p/") {
			http.NotFound(w, r)
			return
		}
		serve(true, false).ServeHTTP(w, r)
	})
	for name, h := range map[string]http.Handler{"tiles": serve(false, false), "gzip": serve(true, true), "holes": holes} {
		if d := documentsOf(hybridLog(t, h, false)); d.population != want.population || d.items != want.items || d.sightings != want.sightings {
			t.Errorf("%s: the documents differ from those of get-entries", name)
		}
	}
}

// stalled is a transport of a log that does not answer until it is told to.
type stalled struct {
	http.RoundTripper
	clock *sleeper
	ok    *bool
}

func (s stalled) RoundTrip(r *http.Request) (*http.Response, error) {
	if *s.ok || !strings.HasPrefix(r.URL.Path, "/tile/data/") {
		return s.RoundTripper.RoundTrip(r)
	}
	<-r.Context().Done() // the watchdog's work
	return nil, context.Cause(r.Context())
}

// atOnce is a timer whose time is up at once.
type atOnce struct{}

func (atOnce) Reset(time.Duration) bool { return false }
func (atOnce) Stop() bool               { return false }

// TestStalledLog: a log that stalls for an hour ends as unreachable, the other one is proven, and once it answers again the next run
// makes the documents of an undisturbed one.
func TestStalledLog(t *testing.T) {
	other := testpki.ECKey("second log")
	otherDir := t.TempDir()
	w, err := testlog.NewCapture(otherDir, testlog.CaptureOptions{Key: other})
	must(t, err)
	addEntries(t, w, mixedEntries(300))
	must(t, w.Publish(headMS))
	dir := writeLog(t, static, mixedEntries(400))
	second := func() testLog { return openLog(t, rfc, otherDir, access{key: other}) }
	want := freeze(t, newCollection(t, newIssuers(t, ourCA), openLog(t, static, dir, access{}), second()).collect(t), ever)

	answers := false
	clock := &sleeper{t: day("2026-11-02")}
	transport := stalled{handlerTransport{testlog.ServeStatic(dir, false)}, clock, &answers}
	l, err := ctlog.Open(ctlog.Config{Type: static, URL: "http://log.example", Origin: logOrigin, PublicKey: logKey.SPKI, HashTiles: true,
		Transport: transport, Sleep: clock.sleep, Now: clock.now, AfterFunc: func(d time.Duration, f func()) ctlog.Timer {
			if !answers {
				go func() {
					_ = clock.sleep(context.Background(), d)
					f()
				}()
			}
			return atOnce{}
		}})
	must(t, err)
	c := newCollection(t, newIssuers(t, ourCA), testLog{l, logKey.SPKI, true}, second())
	_, results, _, err := c.harvest(context.Background())
	must(t, err)
	var le *ctlog.Error
	if !errors.As(results[0].Err, &le) || le.Kind != ctlog.Unreachable || !strings.Contains(le.Error(), "no progress for 1m30s") {
		t.Errorf("the stalled log ended with %v", results[0].Err)
	}
	if verdict(results[1]) != "proven" || results[1].Entries != 300 {
		t.Errorf("the other log is %s", verdict(results[1]))
	}
	answers = true
	if d := freeze(t, c.collect(t), ever); d.population != want.population || d.items != want.items {
		t.Error("the documents differ after the log came back")
	}
}
