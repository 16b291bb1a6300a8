package ctlog

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"selfaudit/sampler/ct"
)

// The fixture logs; what they are stands in the README beside them.
const (
	alphaB = "../../testdata/ctlogs/alpha/b" // RFC 6962, 976 entries, pages of 256
	alphaC = "../../testdata/ctlogs/alpha/c" // static-ct, 986 entries, 3 full tiles and one of 218
	origin = "alpha-c.ct.example/2026h2"
)

func publicKey(t testing.TB, dir string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "key.pub.b64"))
	if err != nil {
		t.Fatal(err)
	}
	der, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// clock is a time that passes only while someone sleeps.
type clock struct {
	mu    sync.Mutex
	t     time.Time
	waits []time.Duration
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
	c.waits = append(c.waits, d)
	return ctx.Err()
}

func (c *clock) slept() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Duration(nil), c.waits...)
}

func open(t testing.TB, cfg Config) *Log {
	t.Helper()
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func folderConfig(t testing.TB, logType, keyDir, dir string) Config {
	cfg := Config{Type: logType, URL: dir, PublicKey: publicKey(t, keyDir)}
	if logType == StaticCT {
		cfg.Origin = origin
	}
	return cfg
}

func webConfig(t testing.TB, logType, keyDir, url string, c *clock) Config {
	cfg := folderConfig(t, logType, keyDir, url)
	cfg.Transport = &http.Transport{}
	cfg.Sleep, cfg.Now = c.sleep, c.now
	return cfg
}

// serve runs a server that ends with the test.
func serve(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// readAllEntries proves that Read delivers the whole tree: order, and root.
func readAllEntries(t testing.TB, l *Log) error {
	t.Helper()
	_, head, err := l.Head(t.Context())
	if err != nil {
		return err
	}
	return readTree(t, l, head)
}

func readTree(t testing.TB, l *Log, head ct.TreeHead) error {
	t.Helper()
	r := ct.NewRange(0)
	err := l.Read(t.Context(), head, 0, head.Size, func(e *ct.Entry) error {
		if e.Index != r.End {
			return fmt.Errorf("entry %d delivered in the place of %d", e.Index, r.End)
		}
		r.Append(e.LeafHash())
		return nil
	})
	if err != nil {
		return err
	}
	root, err := r.Root()
	if err != nil {
		return err
	}
	if r.End != head.Size || root != head.Root {
		t.Errorf("%d entries with root %s, the head says %d and %s", r.End, root, head.Size, head.Root)
	}
	return nil
}

// wantError checks kind and that place and reason are named.
func wantError(t testing.TB, err error, kind Kind, parts ...string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got error %v (%T), want an *Error", err, err)
	}
	if e.Kind != kind {
		t.Errorf("kind %s, want %s: %v", e.Kind, kind, err)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not mention %q", err, p)
		}
	}
}

// copyLog copies a fixture log so that a test can break it.
func copyLog(t testing.TB, from string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "log")
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeFile(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

// static serves the folder of a static-ct log. fault may answer instead; it is told how often the path was asked for before.
func static(dir string, fault func(n int, w http.ResponseWriter, r *http.Request) bool) http.HandlerFunc {
	count := counter{}
	return func(w http.ResponseWriter, r *http.Request) {
		if n := count.add(r.URL.Path); fault != nil && fault(n, w, r) {
			return
		}
		b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(r.URL.Path)))
		if err != nil {
			http.Error(w, "not here", http.StatusNotFound)
			return
		}
		w.Write(b)
	}
}

type counter struct {
	mu sync.Mutex
	m  map[string]int
}

func (c *counter) add(key string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil {
		c.m = map[string]int{}
	}
	c.m[key]++
	return c.m[key] - 1
}

// rfcServer is an RFC 6962 log over the entries of fixture b.
type rfcServer struct {
	sth     []byte
	entries []json.RawMessage
	// limit returns the page size for a request; aligned makes the server cut pages at its multiples, as CTFE does.
	limit   func(start int) int
	aligned bool
	fault   func(n int, w http.ResponseWriter, r *http.Request) bool

	mu     sync.Mutex
	asked  []string
	counts counter
}

// fixtureEntries returns the entries of fixture b as JSON, nil if they cannot be read.
var fixtureEntries = sync.OnceValue(func() []json.RawMessage {
	var all []json.RawMessage
	for _, start := range []string{"000000", "000256", "000512", "000768"} {
		b, err := os.ReadFile(alphaB + "/get-entries-" + start + ".json")
		if err != nil {
			return nil
		}
		var answer struct{ Entries []json.RawMessage }
		if json.Unmarshal(b, &answer) != nil {
			return nil
		}
		all = append(all, answer.Entries...)
	}
	return all
})

func newRFCServer(t testing.TB, pageSize int) *rfcServer {
	s := &rfcServer{sth: readFile(t, alphaB+"/get-sth.json"), aligned: true, limit: func(int) int { return pageSize }}
	s.entries = fixtureEntries()
	if len(s.entries) != 976 {
		t.Fatalf("fixture %s gives %d entries", alphaB, len(s.entries))
	}
	return s
}

func (s *rfcServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r.URL.RequestURI())
	s.mu.Unlock()
	n := s.counts.add(r.URL.RequestURI())
	if s.fault != nil && s.fault(n, w, r) {
		return
	}
	switch r.URL.Path {
	case "/log/ct/v1/get-sth":
		w.Write(s.sth)
	case "/log/ct/v1/get-entries":
		s.page(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (s *rfcServer) page(w http.ResponseWriter, r *http.Request) {
	start, err1 := strconv.Atoi(r.FormValue("start"))
	last, err2 := strconv.Atoi(r.FormValue("end"))
	if err1 != nil || err2 != nil || start > last || start >= len(s.entries) {
		http.Error(w, "Bad Request", http.StatusBadRequest)
		return
	}
	limit := s.limit(start)
	end := min(last+1, len(s.entries), start+limit)
	if s.aligned && end < last+1 && end%limit != 0 && end < len(s.entries) {
		end -= end % limit
	}
	io.WriteString(w, `{"entries":[`)
	for i, e := range s.entries[start:end] {
		if i > 0 {
			io.WriteString(w, ",")
		}
		w.Write(e)
	}
	io.WriteString(w, "]}")
}

func (s *rfcServer) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...)
}
