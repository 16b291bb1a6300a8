package collect_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"selfaudit/internal/auditdir"
	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/ct"
	"selfaudit/sampler/ctlog"
)

// The made-up world of these tests: one audited CA, one foreign CA, and logs that both
// submit to.
var (
	rootCA    = testpki.NewRoot("Root", testpki.CAOptions{})
	ourCA     = rootCA.NewCA("Audited CA", testpki.CAOptions{})
	foreignCA = testpki.NewRoot("Foreign Root", testpki.CAOptions{}).NewCA("Foreign CA", testpki.CAOptions{})
	logKey    = testpki.ECKey("log")
)

const (
	logOrigin = "log.example/2026h2"
	headMS    = uint64(1_793_500_000_000) // 2026-11-01
	firstMS   = uint64(1_785_600_000_000) // 2026-08-01T16:00:00Z
)

// ever is a membership that takes every item.
var ever = sampler.Membership{ChainStart: day("1990-01-01"), PeriodStart: day("1990-01-01"), PeriodEnd: day("2090-01-01")}

func newIssuers(t testing.TB, cas ...*testpki.CA) *collect.Issuers {
	t.Helper()
	var given []collect.Issuer
	for _, ca := range cas {
		given = append(given, collect.Issuer{Certificates: [][]byte{ca.Cert}})
	}
	set, err := collect.NewIssuers(given)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// mixedEntry is entry i of the usual log: one in five is ours, alternately a
// precertificate (i%10 == 0) and a final certificate (i%10 == 5), the latter matching the
// precertificate five entries before.
func mixedEntry(i int) testlog.Entry {
	at := firstMS + uint64(i)*1000
	switch i % 10 {
	case 0:
		return testlog.PrecertEntry(ourCA, testpki.Template{Seed: fmt.Sprint(i)}, at)
	case 5:
		return testlog.FinalEntry(ourCA, ourCA.Certificate(testpki.Template{Seed: fmt.Sprint(i - 5)}), at)
	case 6, 7:
		t := testpki.Template{Seed: fmt.Sprint(i), Unsigned: true}
		return testlog.FinalEntry(foreignCA, foreignCA.Certificate(t), at)
	}
	return testlog.PrecertEntry(foreignCA, testpki.Template{Seed: fmt.Sprint(i), Unsigned: true}, at)
}

var mixed struct {
	sync.Mutex
	list []testlog.Entry
}

// mixedEntries returns the first n entries of the usual log.
func mixedEntries(n int) []testlog.Entry {
	mixed.Lock()
	defer mixed.Unlock()
	for i := len(mixed.list); i < n; i++ {
		mixed.list = append(mixed.list, mixedEntry(i))
	}
	return mixed.list[:n:n]
}

// logWriter is testlog's writer of either protocol.
type logWriter interface {
	Add(testlog.Entry) (uint64, error)
	Publish(timestampMS uint64) error
}

// newWriter begins a log of either protocol in dir.
func newWriter(t testing.TB, kind, dir string) logWriter {
	t.Helper()
	var w logWriter
	var err error
	if kind == ctlog.StaticCT {
		w, err = testlog.NewStatic(dir, testlog.StaticOptions{Key: logKey, Origin: logOrigin})
	} else {
		w, err = testlog.NewCapture(dir, testlog.CaptureOptions{Key: logKey})
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func addEntries(t testing.TB, w logWriter, entries []testlog.Entry) {
	t.Helper()
	for _, e := range entries {
		if _, err := w.Add(e); err != nil {
			t.Fatal(err)
		}
	}
}

// writeLog writes a whole log and returns its folder.
func writeLog(t testing.TB, kind string, entries []testlog.Entry) string {
	t.Helper()
	dir := t.TempDir()
	w := newWriter(t, kind, dir)
	addEntries(t, w, entries)
	if err := w.Publish(headMS); err != nil {
		t.Fatal(err)
	}
	return dir
}

// handlerTransport answers requests from a handler, without a network.
type handlerTransport struct{ http.Handler }

func (h handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// sleeper is a clock that only sleeping moves.
type sleeper struct {
	mu sync.Mutex
	t  time.Time
}

func (s *sleeper) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.t
}

func (s *sleeper) sleep(ctx context.Context, d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.t = s.t.Add(d)
	return ctx.Err()
}

// access says how the log in a folder is reached and what the user configured for it.
type access struct {
	web    bool
	key    *testpki.Key // nil: logKey
	origin string       // "": logOrigin
	wrap   func(http.Handler) http.Handler
}

// openLog opens the log in dir.
func openLog(t testing.TB, kind, dir string, a access) testLog {
	t.Helper()
	if a.key == nil {
		a.key = logKey
	}
	cfg := ctlog.Config{Type: kind, URL: dir, PublicKey: a.key.SPKI, HashTiles: true}
	if kind == ctlog.StaticCT {
		cfg.Origin = logOrigin
		if a.origin != "" {
			cfg.Origin = a.origin
		}
	}
	if a.web {
		h := testlog.ServeStatic(dir, false)
		if kind == ctlog.RFC6962 {
			var err error
			if h, err = testlog.ServeCapture(dir); err != nil {
				t.Fatal(err)
			}
		}
		if a.wrap != nil {
			h = a.wrap(h)
		}
		clock := &sleeper{t: day("2026-11-02")}
		cfg.URL, cfg.Transport, cfg.Sleep, cfg.Now = "http://log.example", handlerTransport{h}, clock.sleep, clock.now
	}
	l, err := ctlog.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return testLog{l, a.key.SPKI, kind == ctlog.StaticCT}
}

// collection is an audit folder with the sources that are read into it.
type collection struct {
	dir     auditdir.Dir
	issuers *collect.Issuers
	logs    []testLog
	files   []collect.FileReader
	observe collect.Observer
	wrap    func(collect.LogReader) collect.LogReader // nil: none
	own     map[ct.LogID]bool                         // logs that the CA operates
}

func newCollection(t testing.TB, issuers *collect.Issuers, logs ...testLog) *collection {
	return &collection{dir: auditdir.At(t.TempDir()), issuers: issuers, logs: logs}
}

// harvest reads every source once, as a run of collect does.
func (c *collection) harvest(ctx context.Context) (*collect.Harvest, []collect.LogResult, []collect.FilesResult, error) {
	h := &collect.Harvest{Dir: c.dir, Issuers: c.issuers, LogKeys: map[ct.LogID][]byte{}, OwnLogs: c.own, Observer: c.observe, Parallel: 2}
	if h.Observer == nil {
		h.Observer = quiet{}
	}
	var sources []collect.Source
	for _, l := range c.logs {
		h.LogKeys[l.ID()] = l.key
		reader := collect.LogReader(l.Log)
		if c.wrap != nil {
			reader = c.wrap(reader)
		}
		sources = append(sources, collect.Source{Log: reader, HeadFile: "ct/heads/" + l.ID().String(), HashTiles: l.static})
	}
	results, err := h.Logs(ctx, sources)
	if err != nil {
		return h, nil, nil, err
	}
	files, err := h.Files(ctx, c.files)
	return h, results, files, err
}

// collect harvests, demands that every log is proven, and reopens the collection.
func (c *collection) collect(t testing.TB) *collect.Collected {
	t.Helper()
	h, results, files, err := c.harvest(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Err != nil {
			t.Fatalf("log %s: %v", r.Log.Name(), r.Err)
		}
	}
	return c.reopen(t, h.Save(results, files), results)
}

// reopen completes what Save described, as the collect command does, and reopens it.
func (c *collection) reopen(t testing.TB, saved collect.Saved, results []collect.LogResult) *collect.Collected {
	t.Helper()
	for _, r := range results {
		entry := snapshotOf(r)
		entry.OperatedByCA = c.own[r.Log.ID()]
		saved.Logs = append(saved.Logs, entry)
	}
	out, err := collect.Reopen(c.dir, c.issuers, &saved)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func snapshotOf(r collect.LogResult) sampler.SnapshotLog {
	return sampler.SnapshotLog{LogID: r.Log.ID().String(), Status: sampler.LogProven, TreeSize: r.Head.Size, RootHash: r.Head.Root.String()}
}

// documents are what freeze and draw make of a collection.
type documents struct {
	population, items, sightings string
	rows                         []sampler.Row
	findings                     []sampler.ItemFinding
	res                          *collect.Result
}

// freeze writes the population and the findings as freeze does.
func freeze(t testing.TB, c *collect.Collected, m sampler.Membership, earlier ...string) documents {
	t.Helper()
	var d documents
	var pop, items bytes.Buffer
	w := sampler.NewPopulationWriter(&pop)
	res, err := c.Population(context.Background(), m, readers(earlier...), func(r sampler.Row) error {
		d.rows = append(d.rows, r)
		return w.Write(r)
	}, func(f sampler.ItemFinding) error {
		d.findings = append(d.findings, f)
		line, err := f.Line()
		items.Write(line)
		return err
	})
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	d.population, d.items, d.res = pop.String(), items.String(), res
	return d
}

// draw adds the sightings of every item of the population.
func (d *documents) draw(t testing.TB, c *collect.Collected, dir auditdir.Dir) {
	t.Helper()
	want := map[sampler.ItemID]bool{}
	for _, r := range d.rows {
		want[r.Item] = true
	}
	var b bytes.Buffer
	err := c.Extract(context.Background(), dir, want, func(s sampler.Sighting, _, _ []byte) error {
		line, err := s.Line()
		b.Write(line)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	d.sightings = b.String()
}

// lints returns the names of the findings of one item, in order.
func (d documents) lints(id sampler.ItemID) []string {
	out := []string{}
	for _, f := range d.findings {
		if f.ItemID == id {
			out = append(out, f.Lint)
		}
	}
	return out
}

// row returns the row of an item, or nil.
func (d documents) row(id sampler.ItemID) *sampler.Row {
	for i := range d.rows {
		if d.rows[i].Item == id {
			return &d.rows[i]
		}
	}
	return nil
}

// itemOf returns the item that ca makes with the template.
func itemOf(ca *testpki.CA, t testpki.Template) sampler.ItemID {
	tbs, err := ct.ParseTBS(ca.TBS(t))
	if err != nil {
		panic(err)
	}
	return sampler.ItemID{Issuer: ca.IssuerKeyHash(), Serial: sampler.SerialFromInteger(tbs.SerialContent)}
}

// verdict is the outcome of a log as collect shows it.
func verdict(r collect.LogResult) string {
	var le *ctlog.Error
	switch {
	case r.Err == nil:
		return sampler.LogProven
	case errors.As(r.Err, &le) && le.Kind == ctlog.Invalid:
		return "failed"
	}
	return "unreachable"
}

func copyDir(t testing.TB, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

func readers(texts ...string) []io.Reader {
	var out []io.Reader
	for _, s := range texts {
		out = append(out, bytes.NewBufferString(s))
	}
	return out
}
