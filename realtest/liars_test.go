package realtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
)

// liar is a log that shows different trees to different requests, all rightly signed.
type liar struct {
	t       *testing.T
	kind    string // static-ct or rfc6962
	key     *testpki.Key
	ca      *testpki.CA
	url     string
	handler atomic.Pointer[func(w http.ResponseWriter, r *http.Request)]
}

const liarOrigin = "liar.example/log"

func newLiar(t *testing.T, kind string) *liar {
	l := &liar{t: t, kind: kind, key: testpki.ECKey("liar"), ca: testpki.NewRoot("Liar Root", testpki.CAOptions{}).NewCA("Liar CA", testpki.CAOptions{})}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*l.handler.Load())(w, r) }))
	t.Cleanup(s.Close)
	l.url = s.URL
	return l
}

// entries are certificates first to last, one an hour from when on.
func (l *liar) entries(first, n int, from time.Time) []testlog.Entry {
	var out []testlog.Entry
	for i := range n {
		at := from.Add(time.Duration(i) * time.Hour)
		tmpl := testpki.Template{Seed: fmt.Sprint(first + i), NotBefore: at, NotAfter: at.Add(90 * 24 * time.Hour)}
		out = append(out, testlog.PrecertEntry(l.ca, tmpl, uint64(at.UnixMilli())))
	}
	return out
}

// tree is a state of the log: its entries, who signed its head, and when.
func (l *liar) tree(entries []testlog.Entry, key *testpki.Key, at time.Time) http.Handler {
	l.t.Helper()
	dir := l.t.TempDir()
	var w interface {
		Add(testlog.Entry) (uint64, error)
		Publish(timestampMS uint64) error
	}
	var err error
	if l.kind == "static-ct" {
		w, err = testlog.NewStatic(dir, testlog.StaticOptions{Key: key, Origin: liarOrigin})
	} else {
		w, err = testlog.NewCapture(dir, testlog.CaptureOptions{Key: key, PageSize: 32})
	}
	if err != nil {
		l.t.Fatal(err)
	}
	for _, e := range entries {
		if _, err := w.Add(e); err != nil {
			l.t.Fatal(err)
		}
	}
	if err := w.Publish(uint64(at.UnixMilli())); err != nil {
		l.t.Fatal(err)
	}
	if l.kind == "static-ct" {
		return testlog.ServeStatic(dir, false)
	}
	h, err := testlog.ServeCapture(dir)
	if err != nil {
		l.t.Fatal(err)
	}
	return h
}

// show makes the log this tree.
func (l *liar) show(h http.Handler) {
	f := h.ServeHTTP
	l.handler.Store(&f)
}

// isHead says whether a request asks for the tree head.
func isHead(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/checkpoint") || strings.HasSuffix(r.URL.Path, "/get-sth")
}

func (l *liar) configuration(w *workspace, key *testpki.Key) {
	w.program = hurried // a log that rolls back is asked again for minutes
	w.write("ca.der", string(l.ca.Cert))
	w.write("log.pem", string(key.PublicPEM()))
	text := "[ca]\nname = \"Liar's CA\"\n[audit]\nbeacon = \"dice\"\n[[issuer]]\ncertificate = \"ca.der\"\n[[log]]\nlabel = \"liar\"\npublic_key_file = \"log.pem\"\n" +
		fmt.Sprintf("type = %q\nurl = %q\n", l.kind, l.url)
	if l.kind == "static-ct" {
		text += fmt.Sprintf("origin = %q\n", liarOrigin)
	}
	w.write("selfaudit.toml", text)
}

// The two audits of these tests.
var (
	liarFrom = at("2026-01-01T00:00:00Z")
	liarMid  = at("2026-02-01T00:00:00Z")
	liarEnd  = at("2026-03-01T00:00:00Z")
)

// collect starts the audit that ends at end.
func (l *liar) collect(w *workspace, code int, id string, end time.Time, more ...string) string {
	l.t.Helper()
	args := append([]string{"collect", "--audit", id, "--until", end.Format(time.RFC3339), "--now", end.Add(26 * time.Hour).Format(time.RFC3339), "--yes", "--timeout", "5s"}, more...)
	stdout, stderr := w.run(code, args...)
	return stdout + stderr
}

// freeze freezes an audit, after which another may follow.
func (l *liar) freeze(w *workspace, id string, end time.Time) {
	l.t.Helper()
	clock := func(hours int) string { return end.Add(time.Duration(hours) * time.Hour).Format(time.RFC3339) }
	w.run(exitOK, "freeze", "--audit", id, "--now", clock(26), "--beacon-time", clock(27), "--yes")
}

// honestFirst is a log that was honest in a first audit: its entries then, and the state of the
// log that was audited.
func honestFirst(t *testing.T, kind string) (l *liar, w *workspace, first []testlog.Entry, known http.Handler) {
	t.Helper()
	l, w = newLiar(t, kind), newWorkspace(t, "")
	l.configuration(w, l.key)
	first = l.entries(0, 100, liarFrom)
	known = l.tree(first, l.key, liarMid.Add(25*time.Hour))
	l.show(known)
	l.collect(w, exitOK, "a1", liarMid, "--from", liarFrom.Format(time.RFC3339))
	l.freeze(w, "a1", liarMid)
	return l, w, first, known
}

// seal takes a frozen audit to its end.
func (l *liar) seal(w *workspace, code int, id string, end time.Time) {
	l.t.Helper()
	w.run(code, "run", "--audit", id, "--now", end.Add(28*time.Hour).Format(time.RFC3339), "--dice", dice, "--yes")
}

// evidence demands both tree heads of a conflict.
func (l *liar) evidence(w *workspace, id, kind string, known, served http.Handler) {
	l.t.Helper()
	folder := fmt.Sprintf("audits/%s/ct/conflicts/%x/", id, l.key.Hash())
	if kind == "changed-key" {
		// The log is now called by the other key; there is only one folder.
		list, err := filepath.Glob(w.path("audits/" + id + "/ct/conflicts/*"))
		if err != nil || len(list) != 1 {
			l.t.Fatalf("conflicts of %s: %q, %v", id, list, err)
		}
		folder = fmt.Sprintf("audits/%s/ct/conflicts/%s/", id, filepath.Base(list[0]))
	}
	var doc struct {
		Schema, Kind, Reason string
		Known, Served        struct {
			File string
			Size uint64 `json:"tree_size"`
		}
	}
	if err := json.Unmarshal(w.read(folder+"conflict.json"), &doc); err != nil {
		l.t.Fatal(err)
	}
	if doc.Schema != "selfaudit.conflict/v1" || doc.Kind != kind || doc.Reason == "" {
		l.t.Errorf("conflict.json has schema %q, kind %q, reason %q; want kind %q", doc.Schema, doc.Kind, doc.Reason, kind)
	}
	head := func(h http.Handler) string {
		path := "/checkpoint"
		if l.kind == "rfc6962" {
			path = "/ct/v1/get-sth"
		}
		r := httptest.NewRecorder()
		h.ServeHTTP(r, httptest.NewRequest(http.MethodGet, path, nil))
		return r.Body.String()
	}
	for _, side := range []struct {
		file string
		want http.Handler
	}{{doc.Known.File, known}, {doc.Served.File, served}} {
		if got := string(w.read(folder + side.file)); got != head(side.want) {
			l.t.Errorf("%s is\n%s\nwant\n%s", side.file, got, head(side.want))
		}
	}
}

// TestLyingLogs shows logs that contradict what they signed before, between two audits and
// within one. Each is refused with exit code 4, and both tree heads are kept; it can then be
// left out with a reason, and the evidence goes into the package.
func TestLyingLogs(t *testing.T) {
	for _, kind := range []string{"static-ct", "rfc6962"} {
		for _, tc := range []struct {
			name, conflict string
			lie            func(l *liar, first []testlog.Entry) (served http.Handler)
		}{
			{"honest", "", func(l *liar, first []testlog.Entry) http.Handler {
				return l.tree(append(slices.Clone(first), l.entries(1000, 70, liarMid)...), l.key, liarEnd.Add(25*time.Hour))
			}},
			{"fork", "fork", func(l *liar, first []testlog.Entry) http.Handler {
				other := slices.Concat(first[:50], l.entries(5000, len(first)-50, liarFrom.Add(50*time.Hour)), l.entries(1000, 70, liarMid))
				return l.tree(other, l.key, liarEnd.Add(25*time.Hour))
			}},
			{"moved entry", "fork", func(l *liar, first []testlog.Entry) http.Handler {
				moved := slices.Concat(first, l.entries(1000, 70, liarMid))
				moved[20], moved[90] = moved[90], moved[20]
				return l.tree(moved, l.key, liarEnd.Add(25*time.Hour))
			}},
			{"dropped entry", "fork", func(l *liar, first []testlog.Entry) http.Handler {
				return l.tree(slices.Concat(first[:30], first[31:], l.entries(1000, 70, liarMid)), l.key, liarEnd.Add(25*time.Hour))
			}},
			{"same size, other root", "fork", func(l *liar, first []testlog.Entry) http.Handler {
				return l.tree(slices.Concat(first[:len(first)-1], l.entries(7000, 1, liarMid)), l.key, liarEnd.Add(25*time.Hour))
			}},
			{"rollback", "rollback", func(l *liar, first []testlog.Entry) http.Handler {
				return l.tree(first[:60], l.key, liarEnd.Add(25*time.Hour))
			}},
		} {
			t.Run(kind+"/"+tc.name, func(t *testing.T) {
				l, w, first, known := honestFirst(t, kind)
				served := tc.lie(l, first)
				l.show(served)
				if tc.conflict == "" {
					l.collect(w, exitOK, "a2", liarEnd)
					l.freeze(w, "a2", liarEnd)
					if _, err := os.Stat(w.path("audits/a2/ct/conflicts")); err == nil {
						t.Error("an honest log has a conflict")
					}
					return
				}
				w.must(l.collect(w, exitVerify, "a2", liarEnd), "both tree heads are kept")
				l.evidence(w, "a2", tc.conflict, known, served)
				l.collect(w, exitVerify, "a2", liarEnd) // refused again

				if tc.name == tc.conflict { // once for each kind of conflict; it takes a while
					l.leftOut(w, "a2", liarEnd)
					l.evidence(w, "a2", tc.conflict, known, served)
				}
			})
		}
	}
}

// TestLaggingFrontEnd shows the tree head of before the first audit: no evidence, and no audit either, until the front end has caught up.
func TestLaggingFrontEnd(t *testing.T) {
	for _, kind := range []string{"static-ct", "rfc6962"} {
		t.Run(kind, func(t *testing.T) {
			l, w, first, _ := honestFirst(t, kind)
			l.show(l.tree(first[:60], l.key, liarMid.Add(-time.Hour)))
			w.must(l.collect(w, exitFailed, "a2", liarEnd), "lags behind")
			if _, err := os.Stat(w.path("audits/a2/ct/conflicts")); err == nil {
				t.Error("evidence is kept against a log that only lags behind")
			}
			l.show(l.tree(slices.Concat(first, l.entries(1000, 70, liarMid)), l.key, liarEnd.Add(25*time.Hour)))
			l.collect(w, exitOK, "a2", liarEnd)
			l.freeze(w, "a2", liarEnd)
		})
	}
}

// leftOut goes on without the log, to a package that has the evidence and that verify accepts.
func (l *liar) leftOut(w *workspace, id string, end time.Time) {
	l.t.Helper()
	l.collect(w, exitIncomplete, id, end, "--exclude-log", "liar=it contradicts itself")
	l.freeze(w, id, end)
	l.seal(w, exitIncomplete, id, end)
	zip := w.path("audits/" + id + "/sealed/" + id + ".zip")
	stdout, _ := w.run(exitOK, "verify", zip)
	w.must(stdout, "conflicts: log ", "was excluded")
	files, err := zipNames(zip)
	if err != nil {
		l.t.Fatal(err)
	}
	if !slices.ContainsFunc(files, func(f string) bool { return strings.HasSuffix(f, "/conflict.json") }) {
		l.t.Errorf("the package has no conflict.json: %q", files)
	}
}

// TestEquivocation shows a log that signs another tree when it is asked again after its
// entries were read.
func TestEquivocation(t *testing.T) {
	for _, kind := range []string{"static-ct", "rfc6962"} {
		for _, size := range []int{100, 140} {
			t.Run(fmt.Sprintf("%s/%d entries", kind, size), func(t *testing.T) {
				l := newLiar(t, kind)
				w := newWorkspace(t, "")
				l.configuration(w, l.key)
				first := l.entries(0, 100, liarFrom)
				known := l.tree(first, l.key, liarMid.Add(25*time.Hour))
				served := l.tree(slices.Concat(first[:99], l.entries(9000, size-99, liarFrom.Add(99*time.Hour))), l.key, liarMid.Add(25*time.Hour+time.Minute))
				var heads atomic.Int64
				l.show(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					switch {
					case isHead(r) && heads.Add(1) == 1:
						known.ServeHTTP(rw, r)
					case isHead(r), heads.Load() > 1:
						served.ServeHTTP(rw, r)
					default:
						known.ServeHTTP(rw, r)
					}
				}))
				w.must(l.collect(w, exitVerify, "a1", liarMid, "--from", liarFrom.Format(time.RFC3339)), "equivocation", "both tree heads are kept")
				l.evidence(w, "a1", "equivocation", known, served)
				if size == 100 {
					l.leftOut(w, "a1", liarMid)
				}
			})
		}
	}
}

// TestChangedKey shows a log whose tree head is signed by another key: under the old key it
// does not verify, and under the new one it is another log than the one audited before.
func TestChangedKey(t *testing.T) {
	for _, kind := range []string{"static-ct", "rfc6962"} {
		t.Run(kind, func(t *testing.T) {
			l, w, first, known := honestFirst(t, kind)
			other := testpki.ECKey("another key")
			served := l.tree(append(slices.Clone(first), l.entries(1000, 70, liarMid)...), other, liarEnd.Add(25*time.Hour))
			l.show(served)
			l.collect(w, exitVerify, "a2", liarEnd)
			if _, err := os.Stat(w.path("audits/a2/ct/heads")); err == nil {
				t.Error("a tree head that does not verify was pinned")
			}
			l.configuration(w, other)
			w.must(l.collect(w, exitVerify, "a2", liarEnd), "changed-key", "both tree heads are kept")
			l.evidence(w, "a2", "changed-key", known, served)
		})
	}
}
