package collect_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

var (
	staticKey  = testpki.ECKey("sct static")
	rfcKey     = testpki.ECKey("sct rfc6962")
	closedKey  = testpki.ECKey("sct excluded")
	unknownKey = testpki.ECKey("sct unknown")
)

// alphaA is alpha's largest log, which is not bundled.
const alphaA = "../../../shared/data/ctlogs/alpha/a"

// derFiles is a FileReader of certificates in memory.
type derFiles [][]byte

func (derFiles) Name() string { return "export" }

func (f derFiles) Read(_ context.Context, cert func(collect.FileCertificate) error, _ func(collect.FileProblem) error) error {
	for i, der := range f {
		if err := cert(collect.FileCertificate{Path: "export.pem", Block: i, DER: der}); err != nil {
			return err
		}
	}
	return nil
}

// sctWorld is two logs, of either protocol, and the certificates whose precertificates were logged.
type sctWorld struct {
	static, rfc *ctlog.Log
	staticDir   string
	finals      [][]byte
	asked       func() []string // requests to the RFC 6962 log
}

// newSCTWorld logs n precertificates in both logs. cases adds certificates to them.
func newSCTWorld(t *testing.T, n int, cases func(i int, tmpl testpki.Template, valid [2][]byte) [][]byte) *sctWorld {
	t.Helper()
	w := &sctWorld{staticDir: t.TempDir()}
	rfcDir := t.TempDir()
	static, err := testlog.NewStatic(w.staticDir, testlog.StaticOptions{Key: staticKey, Origin: logOrigin})
	if err != nil {
		t.Fatal(err)
	}
	rfc, err := testlog.NewCapture(rfcDir, testlog.CaptureOptions{Key: rfcKey})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		tmpl, at := testpki.Template{Seed: fmt.Sprint("sct", i)}, firstMS+uint64(i)
		e := testlog.PrecertEntry(ourCA, tmpl, at)
		index, err := static.Add(e)
		if err == nil {
			_, err = rfc.Add(e)
		}
		if err != nil {
			t.Fatal(err)
		}
		valid := [2][]byte{testlog.SignSCT(staticKey, ourCA.IssuerKeyHash(), e.TBS, at, testlog.LeafIndexExtension(index)),
			testlog.SignSCT(rfcKey, ourCA.IssuerKeyHash(), e.TBS, at, nil)}
		scts := valid[:]
		if cases != nil {
			scts = cases(i, tmpl, valid)
		}
		w.finals = append(w.finals, ourCA.Certificate(tmpl, scts...))
	}
	for _, p := range []logWriter{static, rfc} {
		if err := p.Publish(headMS); err != nil {
			t.Fatal(err)
		}
	}
	w.static = openLog(t, ctlog.StaticCT, w.staticDir, access{key: staticKey}).Log
	var mu sync.Mutex
	var asked []string
	w.rfc = openLog(t, ctlog.RFC6962, rfcDir, access{key: rfcKey, web: true, wrap: func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			mu.Lock()
			asked = append(asked, r.URL.Path)
			mu.Unlock()
			h.ServeHTTP(rw, r)
		})
	}}).Log
	w.asked = func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), asked...)
	}
	return w
}

// lookUp harvests the certificates and looks up their SCTs, as mode records does.
func (w *sctWorld) lookUp(t *testing.T, ctx context.Context, dir auditdir.Dir) (*collect.Collected, []collect.SCTResult, error) {
	t.Helper()
	closed, err := ctlog.Open(ctlog.Config{Type: ctlog.RFC6962, URL: "nowhere", PublicKey: closedKey.SPKI})
	if err != nil {
		t.Fatal(err)
	}
	logs := []collect.SCTLog{{Log: w.static, HeadFile: "ct/heads/static", Indexed: true}, {Log: w.rfc, HeadFile: "ct/heads/rfc"},
		{Log: closed, HeadFile: "ct/heads/closed", Excluded: "shut down"}}
	h := &collect.Harvest{Dir: dir, Issuers: newIssuers(t, ourCA), Observer: quiet{}, Parallel: 2, LogKeys: map[ct.LogID][]byte{
		w.static.ID(): staticKey.SPKI, w.rfc.ID(): rfcKey.SPKI, closed.ID(): closedKey.SPKI}}
	files, err := h.Files(ctx, []collect.FileReader{derFiles(w.finals)})
	if err != nil {
		return nil, nil, err
	}
	results, err := h.SCTs(ctx, logs, collect.Harvested{Files: files})
	if err != nil {
		return nil, nil, err
	}
	saved := h.Save(nil, files)
	saved.SaveSCTs(sampler.CollectRecords, results)
	c, err := collect.Reopen(dir, nil, &saved)
	return c, results, err
}

// frozenSCTs freezes and returns the list's lines too.
func frozenSCTs(t *testing.T, c *collect.Collected) (documents, []sampler.NotProven) {
	t.Helper()
	var list []sampler.NotProven
	c.NotProven = func(n sampler.NotProven) error { list = append(list, n); return nil }
	return freeze(t, c, ever), list
}

func TestSCTsAreProven(t *testing.T) {
	w := newSCTWorld(t, 300, nil)
	dir := auditdir.At(t.TempDir())
	c, results, err := w.lookUp(t, t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results[:2] {
		if r.Err != nil || r.LookedUp != 300 || r.Proven != 300 || r.Head.Timestamp != headMS {
			t.Errorf("log %s: %d of %d proven, head of %d: %v", r.Log.Name(), r.Proven, r.LookedUp, r.Head.Timestamp, r.Err)
		}
	}
	if r := results[2]; r.LookedUp != 0 || r.Head.Size != 0 || r.Err != nil {
		t.Errorf("a log that nobody names: %+v", r)
	}
	d, list := frozenSCTs(t, c)
	if len(list) != 0 || len(d.findings) != 0 {
		t.Errorf("not proven: %v; findings: %v", list, d.findings)
	}
	x := d.res.SCTs
	if x.Items != 300 || x.ItemsProven != 300 || x.ItemsNotProven != 0 || x.Certificates != 300 || len(x.Outcomes) != 2 {
		t.Errorf("%+v", x)
	}
	if d.res.Counts.ByCT != 300 || !d.rows[0].Issued.Equal(d.rows[0].Issued.UTC()) {
		t.Errorf("%d of 300 items dated by CT", d.res.Counts.ByCT)
	}
	d.draw(t, c, dir)
	checkSCTSightings(t, w, d.sightings)
}

// checkSCTSightings verifies the proofs against the logs' heads.
func checkSCTSightings(t *testing.T, w *sctWorld, text string) {
	t.Helper()
	sightings, err := sampler.ParseSightings(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	bySource := map[string]int{}
	for _, s := range sightings {
		bySource[s.Source]++
		if s.Source != sampler.SightingSCT {
			continue
		}
		l := w.static
		if s.LogID == w.rfc.ID().String() {
			l = w.rfc
		}
		_, head, err := l.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		path := make([]ct.Hash, len(s.Proof))
		for i := range path {
			path[i] = ct.Hash(s.Proof[i])
		}
		if err := ct.VerifyInclusion(ct.HashLeaf(s.Leaf), s.Index, head.Size, path, head.Root); err != nil {
			t.Error(err)
		}
	}
	if bySource[sampler.SightingSCT] != 600 || bySource[sampler.SightingFile] != 300 {
		t.Errorf("sightings: %v", bySource)
	}
}

// sctCase is what is embedded instead of a certificate's two valid SCTs, and what comes of it.
type sctCase struct {
	name string
	scts func(tbs []byte, valid [2][]byte) [][]byte
	want []sampler.SCTOutcome // in the list, sorted as it is
	lint string
	text string // in one of the details
}

func sctCases() []sctCase {
	sign := func(key *testpki.Key, tbs []byte, at uint64, ext []byte) []byte {
		return testlog.SignSCT(key, ourCA.IssuerKeyHash(), tbs, at, ext)
	}
	index := testlog.LeafIndexExtension
	one := func(f func(tbs []byte, valid [2][]byte) []byte) func([]byte, [2][]byte) [][]byte {
		return func(tbs []byte, valid [2][]byte) [][]byte { return [][]byte{f(tbs, valid)} }
	}
	const invalid, noEntry = "e_embedded_sct_invalid", "e_embedded_sct_without_log_entry"
	return []sctCase{
		{"both valid", func(_ []byte, v [2][]byte) [][]byte { return v[:] }, nil, "", ""},
		{"one valid, one of an unknown log", func(tbs []byte, v [2][]byte) [][]byte {
			return [][]byte{v[0], sign(unknownKey, tbs, firstMS, nil)}
		}, nil, "", ""},
		{"index beyond the tree", one(func(tbs []byte, _ [2][]byte) []byte { return sign(staticKey, tbs, firstMS, index(1_000_000)) }),
			[]sampler.SCTOutcome{sampler.SCTNoEntry}, noEntry, "it names entry 1000000, the tree of "},
		{"leaf that was never logged", one(func(tbs []byte, _ [2][]byte) []byte { return sign(rfcKey, tbs, firstMS+999_999, nil) }),
			[]sampler.SCTOutcome{sampler.SCTNoEntry}, noEntry, "knows no leaf"},
		{"not yet due, by index", one(func(tbs []byte, _ [2][]byte) []byte { return sign(staticKey, tbs, headMS-1000, index(1_000_000)) }),
			[]sampler.SCTOutcome{sampler.SCTNotDue}, "", ""},
		{"not yet due, by hash", one(func(tbs []byte, _ [2][]byte) []byte { return sign(rfcKey, tbs, headMS-86_399_999, nil) }),
			[]sampler.SCTOutcome{sampler.SCTNotDue}, "", ""},
		{"just due", one(func(tbs []byte, _ [2][]byte) []byte { return sign(rfcKey, tbs, headMS-86_400_000, nil) }),
			[]sampler.SCTOutcome{sampler.SCTNoEntry}, noEntry, ""},
		{"after the tree head", one(func(tbs []byte, _ [2][]byte) []byte { return sign(rfcKey, tbs, headMS+1, nil) }),
			[]sampler.SCTOutcome{sampler.SCTAfterHead}, "", ""},
		{"another entry", one(func(tbs []byte, _ [2][]byte) []byte { return sign(staticKey, tbs, firstMS, index(3)) }),
			[]sampler.SCTOutcome{sampler.SCTOtherEntry}, "e_embedded_sct_names_another_entry", "entry 3, which it names, is a precertificate of issuer key"},
		{"static without index", one(func(tbs []byte, _ [2][]byte) []byte { return sign(staticKey, tbs, firstMS, nil) }),
			[]sampler.SCTOutcome{sampler.SCTNoIndex}, "e_embedded_sct_without_leaf_index", "leaf_index is missing"},
		{"forged", one(func(_ []byte, v [2][]byte) []byte { v[0][len(v[0])-1] ^= 1; return v[0] }),
			[]sampler.SCTOutcome{sampler.SCTInvalid}, invalid, ""},
		{"forged beside a valid one", func(_ []byte, v [2][]byte) [][]byte { v[0][len(v[0])-1] ^= 1; return v[:] },
			[]sampler.SCTOutcome{sampler.SCTInvalid}, invalid, ""},
		{"for another certificate", one(func(_ []byte, _ [2][]byte) []byte { return sign(rfcKey, []byte{0x30, 0}, firstMS, nil) }),
			[]sampler.SCTOutcome{sampler.SCTInvalid}, invalid, ""},
		{"of an unknown log", one(func(tbs []byte, _ [2][]byte) []byte { return sign(unknownKey, tbs, firstMS, nil) }),
			[]sampler.SCTOutcome{sampler.SCTUnknownLog}, "", "no log with this id is configured"},
		{"of an excluded log", one(func(tbs []byte, _ [2][]byte) []byte { return sign(closedKey, tbs, firstMS, nil) }),
			[]sampler.SCTOutcome{sampler.SCTExcluded}, "", "shut down"},
		{"list cut short", func(_ []byte, v [2][]byte) [][]byte { return [][]byte{v[0], v[1][:10]} },
			[]sampler.SCTOutcome{sampler.SCTUnreadable}, invalid, "cannot be read"},
		{"none", func([]byte, [2][]byte) [][]byte { return nil }, []sampler.SCTOutcome{sampler.SCTNone}, "", "has no SCT"},
		{"two contradictions", func(tbs []byte, _ [2][]byte) [][]byte {
			return [][]byte{sign(staticKey, tbs, firstMS, index(4)), sign(rfcKey, tbs, firstMS+5_000_000, nil), sign(unknownKey, tbs, firstMS, nil)}
		}, []sampler.SCTOutcome{sampler.SCTNoEntry, sampler.SCTOtherEntry, sampler.SCTUnknownLog}, noEntry, "entry 4"},
	}
}

// The outcomes are told apart, listed, counted and, if they contradict, findings.
func TestSCTOutcomes(t *testing.T) {
	cases := sctCases()
	w := newSCTWorld(t, len(cases), func(i int, tmpl testpki.Template, valid [2][]byte) [][]byte {
		return cases[i].scts(ourCA.TBS(tmpl), valid)
	})
	dir := auditdir.At(t.TempDir())
	c, results, err := w.lookUp(t, t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Err != nil {
			t.Errorf("log %s: %v", r.Log.Name(), r.Err)
		}
	}
	d, list := frozenSCTs(t, c)
	var notProven int64
	for i, test := range cases {
		id := itemOf(ourCA, testpki.Template{Seed: fmt.Sprint("sct", i)})
		got := map[sampler.SCTOutcome]int{}
		text, lints := "", d.lints(id)
		for _, row := range list {
			if row.Item == id {
				got[row.Outcome]++
				text += row.Detail + "\n"
			}
		}
		want := map[sampler.SCTOutcome]int{}
		for _, o := range test.want {
			want[o]++
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: outcomes %v, want %v\n%s", test.name, got, want, text)
		}
		if !strings.Contains(text, test.text) {
			t.Errorf("%s: details %q do not mention %q", test.name, text, test.text)
		}
		if (test.lint != "") != (len(lints) > 0) || test.lint != "" && !strings.Contains(strings.Join(lints, " "), test.lint) {
			t.Errorf("%s: findings %v, want %q", test.name, lints, test.lint)
		}
		if len(test.want) > 0 && test.name != "forged beside a valid one" {
			notProven++
		}
	}
	x := d.res.SCTs
	if x.Items != int64(len(cases)) || x.ItemsNotProven != notProven || x.ItemsProven != x.Items-notProven {
		t.Errorf("%+v, want %d not proven", x, notProven)
	}
	counted := map[sampler.SCTOutcome]int64{}
	for _, o := range x.Outcomes {
		counted[o.Outcome] += o.SCTs
	}
	for o, n := range map[sampler.SCTOutcome]int64{sampler.SCTProven: 4, sampler.SCTNoEntry: 4, sampler.SCTOtherEntry: 2, sampler.SCTNotDue: 2, sampler.SCTAfterHead: 1,
		sampler.SCTNoIndex: 1, sampler.SCTInvalid: 3, sampler.SCTUnknownLog: 3, sampler.SCTExcluded: 1, sampler.SCTUnreadable: 1, sampler.SCTNone: 1} {
		if counted[o] != n {
			t.Errorf("%d SCTs %s, want %d", counted[o], o, n)
		}
	}
	var b strings.Builder
	out := sampler.NewNotProvenWriter(&b)
	for _, row := range list {
		if err := out.Write(row); err != nil {
			t.Fatal(err)
		}
	}
}

// What was looked up is not asked for again, and an interruption changes nothing.
func TestSCTsResume(t *testing.T) {
	w := newSCTWorld(t, 1500, nil)
	whole := auditdir.At(t.TempDir())
	if _, _, err := w.lookUp(t, t.Context(), whole); err != nil {
		t.Fatal(err)
	}
	before := len(w.asked())
	if before > 1510 {
		t.Errorf("%d requests for 1500 SCTs", before)
	}
	if _, _, err := w.lookUp(t, t.Context(), whole); err != nil {
		t.Fatal(err)
	}
	if again := len(w.asked()) - before; again != 0 {
		t.Errorf("%d requests were made again", again)
	}
	// The second unit of one log is gone, and a hash tile is bad the first time.
	broken := auditdir.At(t.TempDir())
	if err := os.CopyFS(broken.Path(""), whole.FS()); err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join("work", "scts", w.rfc.ID().String(), "000000001024.unit")
	if err := os.Remove(broken.Path(gone)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.lookUp(t, t.Context(), broken); err != nil {
		t.Fatal(err)
	}
	for name, want := range unitFiles(t, whole) {
		if got := unitFiles(t, broken)[name]; got != want {
			t.Errorf("%s differs after an interruption", name)
		}
	}
	if n := len(unitFiles(t, whole)); n != 4 {
		t.Errorf("%d units, want 4", n)
	}
}

// unitFiles returns the SCT units' contents by name.
func unitFiles(t *testing.T, dir auditdir.Dir) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(dir.FS(), "work/scts", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(dir.FS(), name)
		out[name] = base64.StdEncoding.EncodeToString(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A log that lies or does not answer fails as a log, and proves nothing.
func TestSCTsOfABrokenLog(t *testing.T) {
	w := newSCTWorld(t, 300, nil)
	if err := testlog.FlipBit(filepath.Join(w.staticDir, "tile", "0", "000"), 100); err != nil {
		t.Fatal(err)
	}
	_, results, err := w.lookUp(t, t.Context(), auditdir.At(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	if results[0].Err == nil || !strings.Contains(results[0].Err.Error(), "tile/0/000") {
		t.Errorf("a wrong hash tile: %v", results[0].Err)
	}
	if results[1].Err != nil || results[1].Proven != 300 {
		t.Errorf("the other log: %d proven, %v", results[1].Proven, results[1].Err)
	}
}

// counting counts requests and the bytes of their answers.
type counting struct {
	next  http.RoundTripper
	mu    sync.Mutex
	asked int
	bytes int64
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	c.bytes += int64(len(body))
	return resp, err
}

// overHTTP opens one of alpha's logs through a server of its folder.
func overHTTP(t *testing.T, dir string, l testLog, origin string) (testLog, *counting) {
	t.Helper()
	kind, handler := ctlog.RFC6962, testlog.ServeStatic(dir, false)
	var err error
	if l.static {
		kind = ctlog.StaticCT
	} else if handler, err = testlog.ServeCapture(dir); err != nil {
		t.Fatal(err)
	}
	count, clock := &counting{next: handlerTransport{handler}}, &sleeper{t: day("2026-12-01")}
	log, err := ctlog.Open(ctlog.Config{Type: kind, URL: "http://log.example", Origin: origin, PublicKey: l.key, Transport: count, Sleep: clock.sleep, Now: clock.now})
	if err != nil {
		t.Fatal(err)
	}
	return testLog{log, l.key, l.static}, count
}

// alphaFinals returns the final certificates that alpha's logs hold, and those of them whose
// precertificate's TBSCertificate is another one: their SCTs cannot verify.
func alphaFinals(t *testing.T, logs []testLog) (finals derFiles, mismatched map[sampler.CertHash]bool) {
	t.Helper()
	all := harvestAll(t, auditdir.At(t.TempDir()), alphaIssuers(t), logs)
	seen := map[sampler.CertHash]bool{}
	err := all.Query(t.Context(), ever, nil, func(f *collect.Found) error {
		return f.Sightings(false, func(s sampler.Sighting, cert []byte) error {
			if s.Form == sampler.FormFinal && !seen[s.Cert] {
				seen[s.Cert] = true
				finals = append(finals, bytes.Clone(cert))
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(alpha + "/entries.csv")
	if err != nil {
		t.Fatal(err)
	}
	mismatched = map[sampler.CertHash]bool{}
	for line := range strings.Lines(string(raw)) {
		if f := strings.Split(line, ","); len(f) > 10 && f[6] == "final_tbs_mismatch" && f[10] != "" {
			h, err := sampler.ParseCertHash(f[10])
			if err != nil {
				t.Fatal(err)
			}
			mismatched[h] = true
		}
	}
	return finals, mismatched
}

// Alpha's final certificates: every SCT of a log that is here is proven, with few requests.
func TestSCTsOfAlpha(t *testing.T) {
	logs, names := alphaLogs(t)
	finals, mismatched := alphaFinals(t, logs)
	dir := auditdir.At(t.TempDir())
	h := &collect.Harvest{Dir: dir, Issuers: alphaIssuers(t), LogKeys: map[ct.LogID][]byte{}, Observer: quiet{}, Parallel: 2}
	var scts []collect.SCTLog
	var counts []*counting
	for i, l := range logs {
		folder, origin := alpha+"/"+names[i:i+1], "alpha-"+names[i:i+1]+".ct.example/2026h2"
		if names[i] == 'a' {
			folder = alphaA
		}
		log, count := overHTTP(t, folder, l, origin)
		counts = append(counts, count)
		h.LogKeys[l.ID()] = l.key
		scts = append(scts, collect.SCTLog{Log: log.Log, HeadFile: "ct/heads/" + l.ID().String(), Indexed: l.static})
	}
	files, err := h.Files(t.Context(), []collect.FileReader{finals})
	if err != nil {
		t.Fatal(err)
	}
	results, err := h.SCTs(t.Context(), scts, collect.Harvested{Files: files})
	if err != nil {
		t.Fatal(err)
	}
	forecast := collect.NewSCTForecast(alphaIssuers(t), time.Time{}, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))
	for _, der := range append(slices.Clone(finals), finals[0], []byte("no certificate"), ourCA.Certificate(testpki.Template{Seed: "of others"})) {
		forecast.Add(der)
	}
	if f := forecast; f.Certificates != uint64(len(finals)) || f.Repeated != 1 || f.Unreadable != 1 || f.OtherIssuers != 1 || f.NoSCT == 0 {
		t.Errorf("forecast %+v", f)
	}
	for i, r := range results {
		// What a plan says beforehand is what was then asked: each SCT or hash tile once, and the tree head.
		l := forecast.Logs[logs[i].ID()]
		requests, bytes := r.LookedUp, r.LookedUp*collect.ProofBytes(r.Head.Size)
		if logs[i].static {
			requests, bytes = l.Tiles(r.Head.Size)
		}
		if got := uint64(counts[i].asked); got != requests+1 || counts[i].bytes < int64(bytes)/2 || counts[i].bytes > int64(bytes)*3/2+2000 {
			t.Errorf("log %s: %d requests, %d bytes, forecast were %d and %d", names[i:i+1], got, counts[i].bytes, requests+1, bytes)
		}
		t.Logf("log %s: %d of %d SCTs proven with %d requests, %d bytes", names[i:i+1], r.Proven, r.LookedUp, counts[i].asked, counts[i].bytes)
		if r.Err != nil || r.LookedUp == 0 || r.Proven != r.LookedUp {
			t.Errorf("log %s: %d of %d SCTs proven: %v", names[i:i+1], r.Proven, r.LookedUp, r.Err)
		}
		if most := map[bool]int{true: 15, false: 1 + int(r.LookedUp)}[logs[i].static]; counts[i].asked > most {
			t.Errorf("log %s: %d requests for %d SCTs", names[i:i+1], counts[i].asked, r.LookedUp)
		}
	}
	saved := h.Save(nil, files)
	saved.SaveSCTs(sampler.CollectRecords, results)
	c, err := collect.Reopen(dir, nil, &saved)
	if err != nil {
		t.Fatal(err)
	}
	d, list := frozenSCTs(t, c)
	for _, row := range list {
		switch {
		case row.Outcome == sampler.SCTInvalid && mismatched[row.Cert], row.Outcome == sampler.SCTNone:
		case row.Outcome == sampler.SCTUnknownLog && names != "bca":
		default:
			t.Errorf("not proven: %+v", row)
		}
	}
	if x := d.res.SCTs; names == "bca" && (x.Certificates != int64(len(finals)) || x.ItemsNotProven != 12+int64(len(mismatched))) {
		t.Errorf("%+v of %d certificates; 12 were issued without a precertificate, %d to another one", x, len(finals), len(mismatched))
	}
}
