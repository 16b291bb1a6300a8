package ctlog

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"selfaudit/sampler/ct"
)

const tile1 = "/tile/data/001"

// hijack answers with raw bytes and drops the connection.
func hijack(w http.ResponseWriter, answer string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	conn.Write([]byte(answer))
	conn.Close()
}

// The faults of a server that pass: the tree is read all the same.
func TestWebFaultsThatPass(t *testing.T) {
	whole := readFile(t, alphaC+tile1)
	type fault = func(w http.ResponseWriter, r *http.Request)
	tests := []struct {
		name  string
		fault fault
		waits []time.Duration // nil: not checked
	}{
		{"429 with seconds", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "17")
			w.WriteHeader(http.StatusTooManyRequests)
		}, []time.Duration{17 * time.Second}},
		{"503 with date", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", newClock().t.Add(25*time.Second).Format(http.TimeFormat))
			w.WriteHeader(http.StatusServiceUnavailable)
		}, []time.Duration{25 * time.Second}},
		{"429 without a time", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }, []time.Duration{firstWait}},
		{"500", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) }, []time.Duration{firstWait}},
		{"504 with page", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "<html>", http.StatusGatewayTimeout) }, nil},
		{"404 of a tile that must exist", func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, nil},
		{"web page with 200", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "\n<!DOCTYPE html><title>Just a moment…</title>")
		}, nil},
		{"reset in the middle", func(w http.ResponseWriter, r *http.Request) {
			hijack(w, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(whole), whole[:5000]))
		}, nil},
		{"reset before the answer", func(w http.ResponseWriter, r *http.Request) { hijack(w, "") }, nil},
		{"chunked body cut", func(w http.ResponseWriter, r *http.Request) {
			hijack(w, fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", 5000, whole[:5000]))
		}, nil},
		{"HTTP/1.0 body cut", func(w http.ResponseWriter, r *http.Request) {
			hijack(w, "HTTP/1.0 200 OK\r\n\r\n"+string(whole[:5000]))
		}, nil},
		{"gzip cut", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := packed(whole)
			w.Write(z[:len(z)-100])
		}, nil},
		{"gzip damaged", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := packed(whole)
			z[len(z)/2] ^= 0x55
			w.Write(z)
		}, nil},
		{"not gzip at all", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(whole)
		}, nil},
		{"other encoding", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			w.Write(whole)
		}, nil},
		{"truncated tile", func(w http.ResponseWriter, r *http.Request) { w.Write(whole[:len(whole)-1]) }, nil},
		{"empty body", func(w http.ResponseWriter, r *http.Request) {}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			const times = 2
			var struck atomic.Int32
			url := serve(t, static(alphaC, func(n int, w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == tile1 && n < times {
					struck.Add(1)
					tt.fault(w, r)
					return true
				}
				return false
			}))
			c := newClock()
			cfg := webConfig(t, StaticCT, alphaC, url, c)
			var told atomic.Int32
			cfg.OnRetry = func(where string, err error, wait time.Duration) {
				if "/"+where == tile1 && err != nil && wait > 0 {
					told.Add(1)
				}
			}
			if err := readAllEntries(t, open(t, cfg)); err != nil {
				t.Fatal(err)
			}
			// net/http repeats by itself what fails before the first byte on a connection that was used before.
			if struck.Load() != times || told.Load() != times && tt.name != "reset before the answer" {
				t.Errorf("%d faults served, %d told, want %d", struck.Load(), told.Load(), times)
			}
			if waits := c.slept(); tt.waits != nil && (len(waits) == 0 || waits[0] != tt.waits[0]) {
				t.Errorf("waited %v, want first %v", waits, tt.waits)
			}
		})
	}
}

// The faults that stay: the error says what and where, after a bounded number of attempts.
func TestWebFaultsThatStay(t *testing.T) {
	whole := readFile(t, alphaC+tile1)
	tests := []struct {
		name     string
		fault    func(w http.ResponseWriter, r *http.Request)
		kind     Kind
		attempts int // 0: bounded by time
		parts    []string
	}{
		{"503", func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "over\x1b[2Jloaded", http.StatusServiceUnavailable)
		}, Unreachable, 0, []string{"gave up", "503", `over\x1b[2Jloaded`}},
		{"429 for longer than we wait", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "100000")
			w.WriteHeader(429)
		}, Unreachable, 1, []string{"gave up", "27h46m40s"}},
		{"web page", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>") }, Unreachable, 0, []string{"web page"}},
		{"403", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "go away", http.StatusForbidden) }, Unreachable, 1, []string{"403", "go away"}},
		{"204", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }, Unreachable, 1, []string{"204"}},
		{"404", func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, Invalid, missingAttempts, []string{"404", "commits"}},
		{"truncated", func(w http.ResponseWriter, r *http.Request) { w.Write(whole[:len(whole)-1]) }, Invalid, contentAttempts, []string{"cut short"}},
		{"long", func(w http.ResponseWriter, r *http.Request) { w.Write(append(whole[:len(whole):len(whole)], 0)) }, Invalid, contentAttempts, []string{"1 bytes after"}},
		{"announced too large", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(maxBody+1))
		}, Invalid, 1, []string{"too large"}},
		{"redirect to another host", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/tile/data/001", http.StatusFound)
		}, Unreachable, 2, []string{"redirect", "127.0.0.1:1"}},
		{"redirect for ever", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		}, Unreachable, 5, []string{"redirects"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var struck atomic.Int32
			url := serve(t, static(alphaC, func(n int, w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != tile1 {
					return false
				}
				struck.Add(1)
				tt.fault(w, r)
				return true
			}))
			c := newClock()
			cfg := webConfig(t, StaticCT, alphaC, url, c)
			cfg.MaxElapsed = 5 * time.Minute
			err := readAllEntries(t, open(t, cfg))
			wantError(t, err, tt.kind, append(tt.parts, "tile/data/001")...)
			if n := int(struck.Load()); tt.attempts > 0 && n != tt.attempts || n > 20 {
				t.Errorf("%d attempts, want %d", n, tt.attempts)
			}
			if spent := c.now().Sub(newClock().t); spent > cfg.MaxElapsed+time.Minute {
				t.Errorf("went on for %s", spent)
			}
		})
	}
}

func TestWebTooLarge(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter){
		"announced": func(w http.ResponseWriter) { w.Header().Set("Content-Length", fmt.Sprint(maxHead+1)) },
		"not announced": func(w http.ResponseWriter) {
			for range 64 {
				w.Write(make([]byte, maxHead/32))
				w.(http.Flusher).Flush()
			}
		},
		"gzip bomb": func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(packed(make([]byte, maxHead+1)))
		},
		"gzip bomb in gzip": func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(packed(packed(make([]byte, maxHead+1))))
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				n++
				answer(w)
			})
			_, _, err := open(t, webConfig(t, StaticCT, alphaC, url, newClock())).Head(t.Context())
			wantError(t, err, Invalid, "checkpoint", "too large")
			if n != 1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

func TestStalledBody(t *testing.T) {
	whole := readFile(t, alphaC+tile1)
	for name, stall := range map[string]func(w http.ResponseWriter){
		"before the header": func(w http.ResponseWriter) {},
		"in the body":       func(w http.ResponseWriter) { w.Write(whole[:3000]); w.(http.Flusher).Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			url := serve(t, static(alphaC, func(n int, w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != tile1 || n > 0 {
					return false
				}
				stall(w)
				<-r.Context().Done() // until the client hangs up
				return true
			}))
			cfg := webConfig(t, StaticCT, alphaC, url, newClock())
			cfg.StallTimeout = 250 * time.Millisecond
			var reason atomic.Value
			cfg.OnRetry = func(where string, err error, wait time.Duration) { reason.Store(err) }
			if err := readAllEntries(t, open(t, cfg)); err != nil {
				t.Fatal(err)
			}
			if err, _ := reason.Load().(error); !errors.Is(err, errStalled) {
				t.Errorf("retried because of %v", err)
			}
		})
	}
}

func TestGzipUnasked(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"Content-Encoding": gzipped(true, 1),
		"raw":              gzipped(false, 1),
		"both":             gzipped(true, 2),
	} {
		t.Run(name, func(t *testing.T) {
			l := open(t, webConfig(t, StaticCT, alphaC, serve(t, handler), newClock()))
			if err := readAllEntries(t, l); err != nil {
				t.Error(err)
			}
			if err := checkAllHashTiles(t, l); err != nil {
				t.Error(err)
			}
		})
	}
}

func gzipped(header bool, times int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		b, err := os.ReadFile(filepath.Join(alphaC, filepath.FromSlash(r.URL.Path)))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		for range times {
			b = packed(b)
		}
		if header {
			w.Header().Set("Content-Encoding", "gzip")
		}
		w.Write(b)
	}
}

func TestPartialTileGoneOverHTTP(t *testing.T) {
	url := serve(t, static(alphaC, nil))
	l := open(t, webConfig(t, StaticCT, alphaC, url, newClock()))
	n := 0
	head := ct.TreeHead{Size: 700}
	if err := l.Read(t.Context(), head, 0, head.Size, func(*ct.Entry) error { n++; return nil }); err != nil || n != 700 {
		t.Fatalf("%d entries of 700: %v", n, err)
	}
	if err := checkHashTile(t, l, head, 2); err != nil {
		t.Error(err)
	}
}

func TestHashTilesAtHand(t *testing.T) {
	var asked atomic.Int32
	url := serve(t, static(alphaC, func(n int, w http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/tile/0/") {
			asked.Add(1)
		}
		return false
	}))
	cfg := webConfig(t, StaticCT, alphaC, url, newClock())
	cfg.HashTiles = true
	l := open(t, cfg)
	_, head, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var hashes []ct.Hash
	err = l.Read(t.Context(), head, 0, head.Size, func(e *ct.Entry) error {
		hashes = append(hashes, e.LeafHash())
		if e.Index%256 == 255 || e.Index == head.Size-1 {
			defer func() { hashes = hashes[:0] }()
			return l.CheckHashTile(t.Context(), e.Index/256, len(hashes), hashes)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if asked.Load() != 4 {
		t.Errorf("%d requests for 4 hash tiles", asked.Load())
	}
	wrong := make([]ct.Hash, 256)
	wantError(t, l.CheckHashTile(t.Context(), 1, 256, wrong), Invalid, "tile/0/001", "entry 256")
}

// When one request is told to slow down, the others wait too.
func TestThrottleIsShared(t *testing.T) {
	c := newClock()
	r := newRetries(webConfig(t, StaticCT, alphaC, "http://x", c))
	r.pace.holdBack(40 * time.Second)
	r.pace.holdBack(10 * time.Second) // a shorter wait does not undo a longer one
	var at time.Time
	if err := r.do(t.Context(), request{}, func() error { at = c.now(); return nil }); err != nil {
		t.Fatal(err)
	}
	if got := at.Sub(newClock().t); got != 40*time.Second {
		t.Errorf("another request went out after %s, want 40s", got)
	}
}

func TestBackoff(t *testing.T) {
	r := newRetries(Config{})
	want := []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute}
	for i, w := range want {
		if got := r.backoff(i + 1); got != w {
			t.Errorf("wait %d is %s, want %s", i+1, got, w)
		}
	}
	r.jitter = func() float64 { return 0.5 }
	if got := r.backoff(2); got != 750*time.Millisecond {
		t.Errorf("with jitter 0.5: %s", got)
	}
}

func TestRetryAfter(t *testing.T) {
	now := newClock().t
	for value, want := range map[string]time.Duration{
		"":                              0,
		"7":                             7 * time.Second,
		" 120 ":                         2 * time.Minute,
		"-5":                            0,
		"soon":                          0,
		"99999999999999999999999":       0,
		"9999999999999":                 1 << 31 * time.Second,
		"Sat, 21 Nov 2026 00:01:30 GMT": 90 * time.Second,
		"Fri, 20 Nov 2026 00:00:00 GMT": 0,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("Retry-After %q: %s, want %s", value, got, want)
		}
	}
}

// A log that never answered is rather a wrong url: no waiting for ten minutes.
func TestNobodyThere(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	c := newClock()
	_, _, err := open(t, webConfig(t, StaticCT, alphaC, s.URL, c)).Head(t.Context())
	wantError(t, err, Unreachable, "checkpoint", "refused")
	if n := len(c.slept()); n != connectAttempts-1 {
		t.Errorf("waited %d times", n)
	}
}

func TestRequestHeaders(t *testing.T) {
	var got http.Header
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		http.ServeFile(w, r, alphaC+r.URL.Path[len("/prefix"):])
	})
	cfg := webConfig(t, StaticCT, alphaC, url+"/prefix/", newClock())
	cfg.UserAgent = "selfaudit (mailto:pki@example.com)"
	raw, head, err := open(t, cfg).Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.Get("User-Agent") != cfg.UserAgent || got.Get("Accept-Encoding") != "gzip" {
		t.Errorf("headers %v", got)
	}
	if !bytes.Equal(raw, readFile(t, alphaC+"/checkpoint")) || head.Size != 986 {
		t.Errorf("head of size %d", head.Size)
	}
}

func TestRedirectOnTheSameHost(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if path, ok := strings.CutPrefix(r.URL.Path, "/old"); ok {
			http.Redirect(w, r, path, http.StatusMovedPermanently)
			return
		}
		static(alphaC, nil)(w, r)
	})
	if err := readAllEntries(t, open(t, webConfig(t, StaticCT, alphaC, url+"/old", newClock()))); err != nil {
		t.Error(err)
	}
}

func TestWebHeadFaults(t *testing.T) {
	_, _, err := open(t, webConfig(t, StaticCT, alphaC, serve(t, http.NotFound), newClock())).Head(t.Context())
	wantError(t, err, Unreachable, "404", "monitoring prefix")
	cfg := webConfig(t, StaticCT, alphaC, serve(t, static(alphaC, nil)), newClock())
	cfg.Origin = "another.example/log"
	_, _, err = open(t, cfg).Head(t.Context())
	wantError(t, err, Invalid, "checkpoint", "origin")
	raw := readFile(t, alphaC+"/checkpoint")
	_, err = open(t, cfg).ParseHead(raw)
	wantError(t, err, Invalid, "tree head", "origin")
	// One mangled answer says nothing about the log.
	url := serve(t, static(alphaC, func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n == 0 {
			w.Write(raw[:len(raw)/2])
		}
		return n == 0
	}))
	if _, head, err := open(t, webConfig(t, StaticCT, alphaC, url, newClock())).Head(t.Context()); err != nil || head.Size != 986 {
		t.Errorf("size %d: %v", head.Size, err)
	}
}

func TestWebIssuer(t *testing.T) {
	der := readFile(t, alphaC+"/issuer/"+firstIssuer(t))
	fp := ct.FingerprintOf(der)
	url := serve(t, static(alphaC, func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n == 0 {
			w.Write(der[1:])
		}
		return n == 0
	}))
	l := open(t, webConfig(t, StaticCT, alphaC, url, newClock()))
	for range 2 {
		if got, err := l.Issuer(t.Context(), fp); err != nil || !bytes.Equal(got, der) {
			t.Fatal(err)
		}
	}
	fp[0] ^= 1
	_, err := l.Issuer(t.Context(), fp)
	wantError(t, err, Invalid, "issuer/"+fp.String(), "404")
}

func firstIssuer(t testing.TB) string {
	t.Helper()
	names, err := os.ReadDir(alphaC + "/issuer")
	if err != nil {
		t.Fatal(err)
	}
	return names[0].Name()
}
