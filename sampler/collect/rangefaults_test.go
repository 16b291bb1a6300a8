package collect_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/ct"
	"selfaudit/sampler/ctlog"
)

// Sizes of the tests' log at two audits; units are of 256 entries.
const (
	sizeBefore = 2*256 + 70
	sizeNow    = 4*256 + 30
)

// headName is the name under which an audit keeps a log's tree head.
func headName(kind string) string {
	if kind == static {
		return "ct/heads/log.checkpoint"
	}
	return "ct/heads/log.sth.json"
}

// secondAudit is an audit that goes on where an earlier one of sizeBefore entries left off.
type secondAudit struct {
	*collection
	kind   string
	source collect.Source
	sleeps int
	states []string // what the observer was told, of this log alone
}

// stateWatch is an Observer that keeps the states of one source.
type stateWatch struct {
	quiet
	*secondAudit
}

func (w stateWatch) State(_, state string, wait time.Duration) {
	if wait > 0 {
		state += " " + wait.String()
	}
	w.states = append(w.states, state)
}

// newSecondAudit reads the log in before as the first audit did, and prepares the second one
// over the log in now.
func newSecondAudit(t testing.TB, kind, before, now string, a access) *secondAudit {
	t.Helper()
	l := openLog(t, kind, before, access{})
	raw, head, err := l.Head(t.Context())
	must(t, err)
	s := &secondAudit{collection: newCollection(t, newIssuers(t, ourCA), openLog(t, kind, now, a)), kind: kind}
	s.source = collect.Source{Log: s.logs[0].Log, HeadFile: headName(kind), HashTiles: kind == static, Origin: logOrigin,
		Start: collect.StartRule{Cursor: &collect.Cursor{AuditID: "first", Next: head.Size - 3}},
		Known: []collect.Known{{AuditID: "first", Head: head, Raw: raw, PublicKey: logKey.SPKI, Origin: logOrigin, File: headName(kind)}}}
	return s
}

func (s *secondAudit) read(t testing.TB, ctx context.Context) (collect.LogResult, *collect.Harvest) {
	t.Helper()
	h := &collect.Harvest{Dir: s.dir, Issuers: s.issuers, LogKeys: map[ct.LogID][]byte{s.logs[0].ID(): s.logs[0].key}, Observer: stateWatch{secondAudit: s},
		Sleep: func(context.Context, time.Duration) error { s.sleeps++; return nil }}
	results, err := h.Logs(ctx, []collect.Source{s.source})
	if err != nil {
		if ctx.Err() == nil {
			t.Fatal(err)
		}
		return collect.LogResult{Err: err}, h
	}
	return results[0], h
}

// conflict demands that the log is refused with evidence of this kind, and again when it is
// asked again.
func (s *secondAudit) conflict(t *testing.T, kind string) *sampler.Conflict {
	t.Helper()
	var kept *sampler.Conflict
	for range 2 {
		r, _ := s.read(t, t.Context())
		var le *ctlog.Error
		if !errors.As(r.Err, &le) || le.Kind != ctlog.Invalid || !strings.Contains(r.Err.Error(), kind) {
			t.Fatalf("%s: %v, want %s", s.kind, r.Err, kind)
		}
		folder := "ct/conflicts/" + s.logs[0].ID().String() + "/"
		raw, err := s.dir.Read(folder + "conflict.json")
		must(t, err)
		if kept, err = sampler.ParseConflict(raw); err != nil || kept.Kind != kind {
			t.Fatalf("%s: conflict %+v (%v), want %s", s.kind, kept, err, kind)
		}
		for _, h := range []sampler.ConflictHead{kept.Known, kept.Served} {
			raw, err := s.dir.Read(folder + h.File)
			must(t, err)
			head := parseHead(t, s.kind, raw, h.PublicKey)
			if head.Size != h.TreeSize || head.Root.String() != h.RootHash {
				t.Errorf("%s: %s is of size %d, %+v", s.kind, h.File, head.Size, h)
			}
		}
	}
	return kept
}

func parseHead(t testing.TB, kind string, raw, key []byte) ct.TreeHead {
	t.Helper()
	head, err := ct.TreeHead{}, error(nil)
	if kind == static {
		head, err = ct.ParseCheckpoint(raw, logOrigin, key)
	} else {
		head, err = ct.ParseSTH(raw, key)
	}
	must(t, err)
	return head
}

// A log is read from the cursor on, and proven; the work folder, the population and the
// proofs of sightings are the same whether it is a folder or a server, and whether reading
// was interrupted or not.
func TestReadFromCursor(t *testing.T) {
	collect.SetLogUnit(t, 8)
	random := rand.New(rand.NewPCG(3, 4))
	for _, kind := range bothKinds {
		before, now := writeLog(t, kind, mixedEntries(sizeBefore)), writeLog(t, kind, mixedEntries(sizeNow))
		var want string
		for run := range 4 {
			s := newSecondAudit(t, kind, before, now, access{web: run%2 == 1})
			for kills := run; kills > 0; kills-- {
				ctx, cancel := context.WithCancel(t.Context())
				left := 1 + random.IntN(300)
				s.source.Log = interrupting{s.logs[0].Log, &left, cancel}
				_, _ = s.read(t, ctx)
				cancel()
			}
			s.source.Log = s.logs[0].Log
			r, h := s.read(t, t.Context())
			must(t, r.Err)
			if r.Start.First != 512 || r.Entries != sizeNow-512 || r.Previous == nil || r.Previous.TreeSize != sizeBefore {
				t.Fatalf("%s: start %+v, %d entries, previous %+v", kind, r.Start, r.Entries, r.Previous)
			}
			checkPrevious(t, s.source, r)
			saved := h.Save([]collect.LogResult{r}, nil)
			l := sampler.SnapshotLog{LogID: r.Log.ID().String()}
			r.Describe(&l)
			saved.Logs = append(saved.Logs, l)
			got, err := collect.Reopen(s.dir, s.issuers, &saved)
			must(t, err)
			d := freeze(t, got, ever)
			d.draw(t, got, s.dir)
			checkProofs(t, d.sightings, r.Head)
			text := d.population + d.sightings + readText(t, s.dir.Path("work/logs/"+l.LogID))
			if want == "" {
				want = text
			}
			if text != want {
				t.Errorf("%s, run %d: another result", kind, run)
			}
			if len(d.rows) < 40 || s.sleeps > 0 {
				t.Errorf("%s: %d items, slept %d times", kind, len(d.rows), s.sleeps)
			}
		}
	}
}

// readText returns the names and bytes of a folder's files.
func readText(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		b.WriteString(e.Name())
		b.Write(readFile(t, filepath.Join(dir, e.Name())))
	}
	return b.String()
}

func checkProofs(t testing.TB, sightings string, head ct.TreeHead) {
	t.Helper()
	n := 0
	must(t, sampler.ReadSightings(strings.NewReader(sightings), func(s sampler.Sighting) error {
		proof := make([]ct.Hash, len(s.Proof))
		for i, h := range s.Proof {
			proof[i] = ct.Hash(h)
		}
		n++
		return ct.VerifyInclusion(ct.HashLeaf(s.Leaf), s.Index, head.Size, proof, head.Root)
	}))
	if n == 0 {
		t.Error("no sightings")
	}
}

// A log in which nothing is new is not read, but its head and the chain's are compared.
func TestNothingNew(t *testing.T) {
	collect.SetLogUnit(t, 8)
	for _, kind := range bothKinds {
		dir := writeLog(t, kind, mixedEntries(512))
		s := newSecondAudit(t, kind, dir, dir, access{web: true})
		s.source.Start.Cursor.Next = 512
		r, h := s.read(t, t.Context())
		must(t, r.Err)
		if r.Start.First != 512 || r.Entries != 0 || r.Previous == nil || len(r.Previous.Consistency) != 0 {
			t.Errorf("%s: start %+v, %d entries, previous %+v", kind, r.Start, r.Entries, r.Previous)
		}
		saved := h.Save([]collect.LogResult{r}, nil)
		if len(saved.Left) != 1 || len(saved.Left[0].Nodes) != 1 {
			t.Errorf("%s: saved %+v", kind, saved.Left)
		}
	}
}

// forkedEntries are the usual log's but for one entry.
func forkedEntries(n, at int) []testlog.Entry {
	list := slices.Clone(mixedEntries(n))
	list[at] = testlog.PrecertEntry(foreignCA, testpki.Template{Seed: "fork", Unsigned: true}, list[at].TimestampMS)
	return list
}

func TestFork(t *testing.T) {
	collect.SetLogUnit(t, 8)
	notServed := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "get-sth-consistency") {
				http.NotFound(w, r)
				return
			}
			h.ServeHTTP(w, r)
		})
	}
	for _, kind := range bothKinds {
		before := writeLog(t, kind, mixedEntries(sizeBefore))
		for _, c := range []struct {
			name  string
			at    int // the entry that differs
			size  int
			proof bool
			a     access
		}{
			{"before the cursor", 3, sizeNow, true, access{web: true}},
			{"in what is read", sizeBefore - 2, sizeNow, true, access{web: true}},
			{"a folder", 3, sizeNow, true, access{}},
			{"no consistency proof", sizeBefore - 2, sizeNow, true, access{web: true, wrap: notServed}},
			{"the same size", 3, sizeBefore, false, access{web: true}},
		} {
			s := newSecondAudit(t, kind, before, writeLog(t, kind, forkedEntries(c.size, c.at)), c.a)
			kept := s.conflict(t, sampler.ConflictFork)
			if (kept.Proof != nil) != c.proof || kept.Known.From != "audit first" || kept.Known.TreeSize != sizeBefore || int(kept.Served.TreeSize) != c.size {
				t.Errorf("%s, %s: %+v", kind, c.name, kept)
			}
			if c.proof {
				checkConflictProof(t, kept)
			}
		}
	}
}

// checkConflictProof verifies that the served tree begins with another one than the known.
func checkConflictProof(t *testing.T, c *sampler.Conflict) {
	t.Helper()
	root := func(text string) ct.Hash {
		h, err := sampler.ParseDocHash(text)
		must(t, err)
		return ct.Hash(h)
	}
	var proof []ct.Hash
	for _, h := range c.Proof.Consistency {
		proof = append(proof, ct.Hash(h))
	}
	must(t, ct.VerifyConsistency(c.Known.TreeSize, c.Served.TreeSize, root(c.Proof.ImpliedRoot), root(c.Served.RootHash), proof))
	if c.Proof.ImpliedRoot == c.Known.RootHash {
		t.Error("the proof leads from the known root")
	}
}

// writeLogAt is writeLog with another time of the tree head.
func writeLogAt(t testing.TB, kind string, entries []testlog.Entry, ms uint64) string {
	t.Helper()
	dir := t.TempDir()
	w := newWriter(t, kind, dir)
	addEntries(t, w, entries)
	must(t, w.Publish(ms))
	return dir
}

// A smaller tree that was signed at the same time or later contradicts the one before for good.
func TestRollback(t *testing.T) {
	collect.SetLogUnit(t, 8)
	for _, kind := range bothKinds {
		before, now := writeLog(t, kind, mixedEntries(sizeBefore)), writeLogAt(t, kind, mixedEntries(sizeNow), headMS+2000)
		for _, later := range []uint64{0, 1000} {
			s := newSecondAudit(t, kind, before, writeLogAt(t, kind, mixedEntries(300), headMS+later), access{web: true})
			if kept := s.conflict(t, sampler.ConflictRollback); kept.Served.TreeSize != 300 || s.sleeps != 0 {
				t.Errorf("%s: %+v after %d sleeps", kind, kept, s.sleeps)
			}
			if s.dir.Has(s.source.HeadFile) {
				t.Errorf("%s: the smaller tree head was pinned", kind)
			}
			// That the log serves a larger tree again does not undo what it has signed.
			s.logs[0] = openLog(t, kind, now, access{web: true})
			s.source.Log = s.logs[0].Log
			if kept := s.conflict(t, sampler.ConflictRollback); kept.Served.TreeSize != 300 {
				t.Errorf("%s: %+v", kind, kept)
			}
		}
	}
}

// An older, smaller tree contradicts nothing: a front end that lags behind serves it. The log is
// asked a few times; one that catches up is read, and against none is evidence kept.
func TestLaggingFrontEnd(t *testing.T) {
	collect.SetLogUnit(t, 8)
	for _, kind := range bothKinds {
		before, now := writeLog(t, kind, mixedEntries(sizeBefore)), writeLog(t, kind, mixedEntries(sizeNow))
		older := writeLogAt(t, kind, mixedEntries(300), headMS-1000)
		s := newSecondAudit(t, kind, before, older, access{web: true})
		r, _ := s.read(t, t.Context())
		var le *ctlog.Error
		if !errors.As(r.Err, &le) || le.Kind != ctlog.Unreachable || !strings.Contains(r.Err.Error(), "lags behind") || s.sleeps != 3 {
			t.Errorf("%s: %v after %d sleeps", kind, r.Err, s.sleeps)
		}
		const again = "tree head smaller than before 1m0s"
		if want := []string{"asking for the tree head", again, again, again}; !slices.Equal(s.states, want) {
			t.Errorf("%s: shown %q, want %q", kind, s.states, want)
		}
		if s.dir.Has(s.source.HeadFile) || s.dir.Has("ct/conflicts/"+s.logs[0].ID().String()+"/conflict.json") {
			t.Errorf("%s: a tree head was pinned, or evidence kept", kind)
		}
		s.logs[0] = openLog(t, kind, now, access{web: true})
		s.source.Log = s.logs[0].Log
		if r, _ := s.read(t, t.Context()); r.Err != nil {
			t.Errorf("%s: %v", kind, r.Err)
		}

		// Behind a front end that lags once, nobody notices anything.
		s = newSecondAudit(t, kind, before, now, access{web: true, wrap: lagging(t, kind, older)})
		s.source.Start = collect.StartRule{Since: time.UnixMilli(int64(headMS))}
		if r, _ := s.read(t, t.Context()); r.Err != nil || s.sleeps != 1 || !slices.Contains(s.states, "searching by time stamp") || !slices.Contains(s.states, "proving the tree") {
			t.Errorf("%s: %v after %d sleeps", kind, r.Err, s.sleeps)
		}

		// Of several trees that audits before knew, one that was signed no later proves it.
		s = newSecondAudit(t, kind, before, older, access{web: true})
		first := s.source.Known[0]
		_, head, err := openLog(t, kind, writeLogAt(t, kind, mixedEntries(400), headMS-2000), access{}).Head(t.Context())
		must(t, err)
		raw := readFile(t, filepath.Join(writeLogAt(t, kind, mixedEntries(400), headMS-2000), headFile(kind)))
		s.source.Known = append(s.source.Known, collect.Known{AuditID: "zeroth", Head: head, Raw: raw, PublicKey: first.PublicKey, Origin: first.Origin, File: first.File})
		if kept := s.conflict(t, sampler.ConflictRollback); kept.Known.TreeSize != 400 || kept.Known.From != "audit zeroth" {
			t.Errorf("%s: %+v", kind, kept)
		}
	}
}

// A tree head that was pinned gives way to a larger one that an audit before has now.
func TestPinnedBeforeAnotherTree(t *testing.T) {
	collect.SetLogUnit(t, 8)
	for _, kind := range bothKinds {
		before, now := writeLog(t, kind, mixedEntries(sizeBefore)), writeLog(t, kind, mixedEntries(sizeNow))
		s := newSecondAudit(t, kind, before, now, access{web: true})
		raw := readFile(t, filepath.Join(writeLogAt(t, kind, mixedEntries(300), headMS-1000), headFile(kind)))
		must(t, s.dir.WriteOnce(s.source.HeadFile, raw))
		r, _ := s.read(t, t.Context())
		if r.Err != nil || r.Head.Size != sizeNow {
			t.Errorf("%s: %v, %d entries", kind, r.Err, r.Head.Size)
		}
	}
}

// headFile is the file of a log's folder with its tree head.
func headFile(kind string) string {
	if kind == rfc {
		return "get-sth.json"
	}
	return "checkpoint"
}

// lagging answers the first request for a tree head with that of an older log.
func lagging(t testing.TB, kind, old string) func(http.Handler) http.Handler {
	served := false
	raw := readFile(t, filepath.Join(old, headFile(kind)))
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if isHead(r) && !served {
				served = true
				_, _ = w.Write(raw)
				return
			}
			h.ServeHTTP(w, r)
		})
	}
}

func isHead(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/checkpoint") || strings.HasSuffix(r.URL.Path, "/get-sth")
}

// A log that shows another tree when it is asked again after reading is refused; one that
// has grown, or lags, is not.
func TestSecondLook(t *testing.T) {
	collect.SetLogUnit(t, 8)
	for _, kind := range bothKinds {
		before, now := writeLog(t, kind, mixedEntries(sizeBefore)), writeLog(t, kind, mixedEntries(sizeNow))
		for _, c := range []struct {
			name    string
			later   string // the log from the second look on
			refused string // kind of the conflict
		}{
			{"another tree of this size", writeLog(t, kind, forkedEntries(sizeNow, 700)), sampler.ConflictEquivocation},
			{"a larger tree that is another", writeLog(t, kind, forkedEntries(sizeNow+300, 700)), sampler.ConflictEquivocation},
			{"a larger tree", writeLog(t, kind, mixedEntries(sizeNow+300)), ""},
			{"a smaller tree of before", writeLogAt(t, kind, mixedEntries(sizeNow-300), headMS-1), ""},
			{"a smaller tree of later", writeLogAt(t, kind, mixedEntries(sizeNow-300), headMS+1), sampler.ConflictRollback},
		} {
			s := newSecondAudit(t, kind, before, now, access{web: true, wrap: changing(t, kind, c.later)})
			if c.refused != "" {
				kept := s.conflict(t, c.refused)
				if kept.Proof != nil {
					checkConflictProof(t, kept)
				}
			} else if r, _ := s.read(t, t.Context()); r.Err != nil {
				t.Errorf("%s, %s: %v", kind, c.name, r.Err)
			}
		}
	}
}

// changing becomes the log in another folder when the tree head is asked for again.
func changing(t testing.TB, kind, later string) func(http.Handler) http.Handler {
	other := testlog.ServeStatic(later, false)
	if kind == rfc {
		var err error
		other, err = testlog.ServeCapture(later)
		must(t, err)
	}
	heads := 0
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if isHead(r) {
				heads++
			}
			if heads > 1 {
				other.ServeHTTP(w, r)
				return
			}
			h.ServeHTTP(w, r)
		})
	}
}

func TestChangedKey(t *testing.T) {
	collect.SetLogUnit(t, 8)
	key := testpki.ECKey("another key")
	for _, kind := range bothKinds {
		before, now := writeLog(t, kind, mixedEntries(sizeBefore)), t.TempDir()
		var w logWriter
		var err error
		if kind == static {
			w, err = testlog.NewStatic(now, testlog.StaticOptions{Key: key, Origin: logOrigin})
		} else {
			w, err = testlog.NewCapture(now, testlog.CaptureOptions{Key: key})
		}
		must(t, err)
		addEntries(t, w, mixedEntries(sizeNow))
		must(t, w.Publish(headMS))
		s := newSecondAudit(t, kind, before, now, access{web: true, key: key})
		s.source.OtherKey, s.source.Known, s.source.Start = &s.source.Known[0], nil, collect.StartRule{}
		kept := s.conflict(t, sampler.ConflictKey)
		if bytes.Equal(kept.Known.PublicKey, kept.Served.PublicKey) || s.dir.Has(s.source.HeadFile) {
			t.Errorf("%s: %+v", kind, kept)
		}
	}
}

// An entry that has moved within the range shows in the root.
func TestMovedEntry(t *testing.T) {
	collect.SetLogUnit(t, 8)
	for _, kind := range bothKinds {
		before, now := writeLog(t, kind, mixedEntries(sizeBefore)), writeLog(t, kind, mixedEntries(sizeNow))
		tamper(t, kind, now, sizeNow, func(l []*ct.Entry) {
			l[700].Timestamp, l[703].Timestamp = l[703].Timestamp, l[700].Timestamp
			l[700].TBS, l[703].TBS = l[703].TBS, l[700].TBS
			l[700].IssuerKeyHash, l[703].IssuerKeyHash = l[703].IssuerKeyHash, l[700].IssuerKeyHash
			l[700].Precertificate, l[703].Precertificate = l[703].Precertificate, l[700].Precertificate
		})
		s := newSecondAudit(t, kind, before, now, access{web: true})
		r, _ := s.read(t, t.Context())
		var le *ctlog.Error
		if !errors.As(r.Err, &le) || le.Kind != ctlog.Invalid {
			t.Errorf("%s: %v", kind, r.Err)
		}
	}
}

// The start that was found by time stamp has an early entry before it, and everything from
// the chain's start on behind it.
func TestSearchedStart(t *testing.T) {
	collect.SetLogUnit(t, 8)
	entries := mixedEntries(sizeNow)
	for _, kind := range bothKinds {
		l := openLog(t, kind, writeLog(t, kind, entries), access{web: true})
		_, head, err := l.Head(t.Context())
		must(t, err)
		for _, c := range []struct {
			cut   int // index of the first entry that is wanted
			first uint64
		}{{0, 0}, {255, 0}, {256, 256}, {600, 512}, {sizeNow - 1, 1024}, {sizeNow + 1000, 1024}} {
			at := time.UnixMilli(int64(firstMS + uint64(c.cut)*1000)).UTC()
			rule := collect.StartRule{Since: at.Add(48*time.Hour + time.Minute), MergeDelay: time.Minute, NoCursor: "the first audit"}
			got, err := collect.FindStart(t.Context(), l, head, rule)
			if err != nil || got.First != c.first || !strings.Contains(got.Reason, "60 seconds") || !strings.HasPrefix(got.Reason, "the first audit; searched") {
				t.Errorf("%s, from entry %d on: %+v %v, want %d", kind, c.cut, got, err, c.first)
			}
		}
	}
}
