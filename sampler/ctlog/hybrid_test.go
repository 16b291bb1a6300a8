package ctlog

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler/ct"
)

const hybridOrigin = "hybrid.example/2026"

var (
	hybridKey = testpki.ECKey("hybrid log")
	hybridCAs = []*testpki.CA{testpki.NewRoot("R1", testpki.CAOptions{}).NewCA("C1", testpki.CAOptions{}), testpki.NewRoot("R2", testpki.CAOptions{}).NewCA("C2", testpki.CAOptions{})}
)

// hybridLog is a log of 700 entries in two full tiles and one of 188.
var hybridEntries = sync.OnceValue(func() []testlog.Entry {
	var list []testlog.Entry
	for i := range 700 {
		ca, t := hybridCAs[i%2], testpki.Template{Seed: fmt.Sprint(i % 40), Unsigned: true}
		if i%5 == 0 {
			list = append(list, testlog.FinalEntry(ca, ca.Certificate(t), uint64(i)))
		} else {
			list = append(list, testlog.PrecertEntry(ca, t, uint64(i)))
		}
	}
	return list
})

func newHybrid(t testing.TB) testlog.Hybrid {
	t.Helper()
	h, err := testlog.NewHybrid(t.TempDir(), hybridKey, hybridOrigin, hybridEntries(), 1_800_000_000_000)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func hybridConfig(url string, c *clock) Config {
	return Config{Type: RFC6962, Tiles: true, URL: url, PublicKey: hybridKey.SPKI, Transport: &http.Transport{}, Sleep: c.sleep, Now: c.now}
}

// asked counts requests by what they are for.
type asked struct {
	mu                     sync.Mutex
	tiles, entries, issuer int
}

func (a *asked) count(h http.Handler, gone func(path string) bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		switch {
		case strings.HasPrefix(r.URL.Path, "/tile/"):
			a.tiles++
		case strings.HasSuffix(r.URL.Path, "get-entries"):
			a.entries++
		case strings.HasPrefix(r.URL.Path, "/issuer/"):
			a.issuer++
		}
		a.mu.Unlock()
		if gone(r.URL.Path) {
			http.NotFound(w, r)
			return
		}
		h.ServeHTTP(w, r)
	}
}

// However much of the tiles is there, the tree is read; how many requests that takes says from where.
func TestHybrid(t *testing.T) {
	log := newHybrid(t)
	for _, tt := range []struct {
		name           string
		gone           func(path string) bool
		tiles, entries int
	}{
		{"all tiles", func(string) bool { return false }, 3, 0},
		{"only full tiles", func(p string) bool { return strings.Contains(p, ".p/") }, 4, 1},
		{"a hole", func(p string) bool { return strings.HasPrefix(p, "/tile/data/001") }, 0, 1},
		{"no tiles", func(p string) bool { return strings.HasPrefix(p, "/tile/") }, 0, 3},
	} {
		for _, compress := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, gzip %v", tt.name, compress), func(t *testing.T) {
				h, err := log.Serve(compress, false)
				if err != nil {
					t.Fatal(err)
				}
				var a asked
				c := newClock()
				if err := readAllEntries(t, open(t, hybridConfig(serve(t, a.count(h, tt.gone)), c))); err != nil {
					t.Fatal(err)
				}
				if tt.tiles > 0 && a.tiles != tt.tiles || a.entries != tt.entries {
					t.Errorf("%d requests for tiles and %d for entries, want %d and %d", a.tiles, a.entries, tt.tiles, tt.entries)
				}
				if len(c.slept()) > 0 {
					t.Errorf("waited %v for tiles that are not there", c.slept())
				}
			})
		}
	}
}

// After a few full tiles in a row that are not there, no more are asked for.
func TestHybridGivesTilesUp(t *testing.T) {
	h, err := newHybrid(t).Serve(false, false)
	if err != nil {
		t.Fatal(err)
	}
	var a asked
	l := open(t, hybridConfig(serve(t, a.count(h, func(p string) bool { return strings.HasPrefix(p, "/tile/") })), newClock()))
	_, head, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		before := a.tiles
		if err := readTree(t, l, head); err != nil {
			t.Fatal(err)
		}
		if n > 1 && a.tiles != before {
			t.Errorf("reading number %d asked for %d tiles", n+1, a.tiles-before)
		}
	}
}

// A data tile names the chain by fingerprints; where there are no issuer files, the certificates come from get-entries.
func TestHybridIssuer(t *testing.T) {
	log := newHybrid(t)
	for _, files := range []bool{true, false} {
		h, err := log.Serve(true, files)
		if err != nil {
			t.Fatal(err)
		}
		var a asked
		l := open(t, hybridConfig(serve(t, a.count(h, func(string) bool { return false })), newClock()))
		unknown := ct.FingerprintOf(hybridCAs[0].Cert)
		if _, err := l.Issuer(t.Context(), unknown); !files {
			wantError(t, err, Unreachable, "issuer/"+unknown.String(), "no entry that was read names")
		}
		if err := readAllEntries(t, l); err != nil {
			t.Fatal(err)
		}
		for _, ca := range hybridCAs {
			for _, der := range ca.Chain() {
				if got, err := l.Issuer(t.Context(), ct.FingerprintOf(der)); err != nil || !bytes.Equal(got, der) {
					t.Errorf("files %v: %v", files, err)
				}
			}
		}
		if want := map[bool][2]int{true: {4, 0}, false: {1, 2}}[files]; a.issuer != want[0] || a.entries != want[1] {
			t.Errorf("files %v: %d requests for issuer files and %d for entries, want %v", files, a.issuer, a.entries, want)
		}
	}
}

// A tile that names another chain than get-entries gives is a contradiction.
func TestHybridIssuerContradicted(t *testing.T) {
	h, err := newHybrid(t).Serve(false, false)
	if err != nil {
		t.Fatal(err)
	}
	l := open(t, hybridConfig(serve(t, h.ServeHTTP), newClock()))
	lie := ct.Fingerprint{1}
	l.hybrid.remember(&ct.Entry{Index: 7, ChainFingerprints: []ct.Fingerprint{lie}}, nil)
	_, err = l.Issuer(t.Context(), lie)
	wantError(t, err, Invalid, "entry 7", "do not hold it")
}

// An archive is a folder of tiles, raw or gzipped, with a checkpoint in the place of get-sth and no leaf_index.
func TestArchive(t *testing.T) {
	for _, compress := range []bool{false, true} {
		log := newHybrid(t)
		if compress {
			if err := testlog.Compress(log.Tiles); err != nil {
				t.Fatal(err)
			}
			if raw := readFile(t, filepath.Join(log.Tiles, "tile/data/000")); raw[0] != 0x1f || raw[1] != 0x8b {
				t.Fatal("not gzipped")
			}
		}
		l := open(t, hybridConfig(log.Tiles, newClock()))
		if err := readAllEntries(t, l); err != nil {
			t.Fatal(err)
		}
		raw, head, err := l.Head(t.Context())
		if err != nil || head.Size != 700 || head.Origin != "" {
			t.Fatalf("head %+v: %v", head, err)
		}
		if again, err := ct.ParseSTH(raw, hybridKey.SPKI); err != nil || again.Root != head.Root || again.Timestamp != head.Timestamp {
			t.Errorf("as get-sth answer: %+v, %v", again, err)
		}
		if got, err := l.Issuer(t.Context(), ct.FingerprintOf(hybridCAs[0].Cert)); err != nil || !bytes.Equal(got, hybridCAs[0].Cert) {
			t.Errorf("issuer: %v", err)
		}
		cfg := hybridConfig(log.Tiles, newClock())
		cfg.Origin = "another.example"
		_, _, err = open(t, cfg).Head(t.Context())
		wantError(t, err, Invalid, "checkpoint", "origin")
		if err := os.Remove(filepath.Join(log.Tiles, "tile/data/001")); err != nil {
			t.Fatal(err)
		}
		wantError(t, readAllEntries(t, l), Unreachable, "get-entries", "there is no tile/data/001")
		if err := os.Remove(filepath.Join(log.Tiles, "checkpoint")); err != nil {
			t.Fatal(err)
		}
		_, _, err = l.Head(t.Context())
		wantError(t, err, Unreachable, "get-sth", "missing")
	}
}

func TestHybridIsForRFC6962(t *testing.T) {
	cfg := folderConfig(t, StaticCT, alphaC, alphaC)
	cfg.Tiles = true
	if _, err := Open(cfg); err == nil || !strings.Contains(err.Error(), "RFC 6962") {
		t.Errorf("error %v", err)
	}
}
