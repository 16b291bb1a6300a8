package realtest

import (
	"crypto/sha256"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"selfaudit/internal/testpki"
	"selfaudit/realtest/fault"
	"selfaudit/realtest/logs"
)

// faultHost is where the logs of a fault test are. Every request goes to a proxy, so
// that the evidence of every run names the same addresses.
const faultHost = "http://ct.example"

// pageSize is the largest answer of the CTFE logs of this test process.
const pageSize = 64

// unitEntries is how many entries the program reads between two points from which it can
// go on (docs/ARCHITECTURE.md, "Units").
const unitEntries = 16384

// faultWorld is an RFC 6962 log and a static-ct log that do not change any more and can
// show any of their earlier states, and a drand relay. Two audits are made of them: the
// first one of a chain, and the one after it.
type faultWorld struct {
	a      *authority
	ctfe   *logs.CTFE
	static *logs.Static
	rfc    rfcStates
	tiles  staticStates
	relay  fault.Same
	toml   string // the logs' part of selfaudit.toml
	first  string // workspace in which the first audit is done; the second one is made in a copy

	mu         sync.Mutex
	references map[string]*reference
}

// reference is the outcome of an undisturbed run over one combination of tree heads.
type reference struct {
	once     sync.Once
	files    map[string][32]byte // of the package
	requests int64
	dir      string // the workspace
	err      error
}

// faultAudit is an audit whose random value is a known round of drand. now is the state that
// the logs have when it is made; the one before it is the older view that faults show.
type faultAudit struct {
	id          string
	from, until time.Time
	frozen      time.Time // when population and commitment are made
	drawn       time.Time
	now         int
}

var faultAudits = []faultAudit{
	{"q1", at("2023-07-01T00:00:00Z"), at("2023-08-20T15:59:24Z"), at("2023-08-21T18:00:00Z"), at("2023-08-23T16:00:00Z"), 1}, // round 1000
	{"q2", time.Time{}, at("2023-09-12T11:00:03Z"), at("2023-09-13T14:00:00Z"), at("2023-09-15T11:01:00Z"), 2},                // round 657413
}

func newFaultWorld(t *testing.T) *faultWorld {
	t.Helper()
	a := newAuthority(t)
	f := &faultWorld{a: a, references: map[string]*reference{}}
	start := faultAudits[0].from
	signer := logs.NewClock(faultAudits[0].until.Add(24 * time.Hour))
	var err error
	if f.ctfe, err = logs.StartCTFE(t.Context(), logs.CTFEOptions{Dir: t.TempDir(), Prefix: "faulty", Roots: [][]byte{a.root.Cert}, Start: start, PageSize: pageSize, Signer: signer}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.ctfe.Close)
	dir := memoryDir(t)
	if f.static, err = logs.StartStatic(t.Context(), logs.StaticOptions{Dir: dir, Origin: "ct.example/static", Start: start, Signer: signer}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.static.Close)
	f.rfc = rfcStates{Cached: fault.NewCached(f.ctfe)}
	f.tiles = staticStates{Cached: fault.NewCached(f.static)}
	keep := func() {
		rfc, tiles := f.settled(t, signer.Now().Truncate(time.Hour))
		f.rfc.heads = append(f.rfc.heads, rfc)
		f.tiles.heads = append(f.tiles.heads, tiles)
		f.tiles.files = append(f.tiles.files, tree(t, dir))
	}
	// The static log has two units, almost all of it other people's.
	f.fill(t, unitEntries-40)
	f.issue(t, 60)
	keep()
	f.issue(t, 40)
	f.fill(t, 100)
	signer.Set(faultAudits[0].until.Add(25 * time.Hour))
	f.static.Clock.Set(faultAudits[0].until.Add(24 * time.Hour))
	f.issue(t, 5) // waits for the second audit
	keep()
	f.static.Clock.Set(faultAudits[0].until.Add(48 * time.Hour))
	f.issue(t, 60)
	f.fill(t, 300)
	signer.Set(faultAudits[1].until.Add(25 * time.Hour))
	keep()
	f.relay = relay(t)
	f.toml = fmt.Sprintf("[[log]]\ntype = \"rfc6962\"\nurl = \"%s/rfc\"\npublic_key = %q\n", faultHost, f.ctfe.KeyBase64()) +
		fmt.Sprintf("[[log]]\ntype = \"static-ct\"\nurl = \"%s/static\"\norigin = %q\npublic_key = %q\n", faultHost, f.static.Origin, f.static.KeyBase64()) +
		fmt.Sprintf("[drand]\nrelays = [\"%s/relay\"]\n", faultHost)
	return f
}

// fill adds entries of a stranger to the static log, one every two minutes.
func (f *faultWorld) fill(t *testing.T, n int) {
	t.Helper()
	when := f.static.Clock.Now()
	tmpl := testpki.Template{Seed: "filler", NotBefore: when.Truncate(time.Second), NotAfter: when.Truncate(time.Second).Add(90 * 24 * time.Hour)}
	times := make([]time.Time, n)
	for i := range times {
		when = when.Add(2 * time.Minute)
		times[i] = when
	}
	s := logs.Submission{Precert: true, Chain: append([][]byte{f.a.foreign.Precertificate(tmpl)}, f.a.foreign.Chain()...)}
	if err := f.static.Fill(t.Context(), s, times); err != nil {
		t.Fatal(err)
	}
	f.static.Clock.Set(when)
}

// issue issues n certificates into both logs, ten minutes apart. They are submitted to
// the static log all at once, because tessera writes to the disk for each batch.
func (f *faultWorld) issue(t *testing.T, n int) {
	t.Helper()
	type one struct {
		ca   *testpki.CA
		tmpl testpki.Template
		sct  []byte
	}
	list, precerts := make([]one, n), make([]logs.Submission, n)
	when := f.static.Clock.Now()
	for i := range list {
		when = when.Add(10 * time.Minute)
		f.ctfe.Frontend.Set(when)
		ca := f.a.issuers[i%len(f.a.issuers)]
		if i%4 == 3 {
			ca = f.a.foreign
		}
		f.a.n++
		tmpl := f.a.template(f.a.n, when)
		chain := append([][]byte{ca.Precertificate(tmpl)}, ca.Chain()...)
		sct, err := f.ctfe.Submit(t.Context(), true, chain)
		if err != nil {
			t.Fatal(err)
		}
		list[i], precerts[i] = one{ca, tmpl, sct}, logs.Submission{Precert: true, Chain: chain, At: when}
	}
	scts, err := f.static.SubmitAll(t.Context(), precerts)
	if err != nil {
		t.Fatal(err)
	}
	var finals []logs.Submission
	for i, c := range list {
		chain := append([][]byte{c.ca.Certificate(c.tmpl, c.sct, scts[i])}, c.ca.Chain()...)
		switch i % 3 {
		case 0:
			if _, err := f.ctfe.Submit(t.Context(), false, chain); err != nil {
				t.Fatal(err)
			}
		case 1:
			finals = append(finals, logs.Submission{Chain: chain, At: when})
		}
	}
	if _, err := f.static.SubmitAll(t.Context(), finals); err != nil {
		t.Fatal(err)
	}
	f.static.Clock.Set(when)
}

// settled waits until all is published under heads of since or later, and returns them.
func (f *faultWorld) settled(t *testing.T, since time.Time) (rfc, static []byte) {
	t.Helper()
	(&servers{t: t, ctfe: []*logs.CTFE{f.ctfe}, static: []*logs.Static{f.static}}).settle(since)
	rfc, _, _, err := f.ctfe.Head()
	if err != nil {
		t.Fatal(err)
	}
	static, _, _, err = f.static.Head()
	if err != nil {
		t.Fatal(err)
	}
	return rfc, static
}

// workspace makes a folder for an audit of this world, whose requests go to the proxy.
func (f *faultWorld) workspace(t *testing.T, a faultAudit, p *fault.Proxy) *workspace {
	t.Helper()
	rfc, tiles := f.rfc, f.tiles
	rfc.now, tiles.now = a.now, a.now
	p.Logs = map[string]fault.Log{"rfc": rfc, "static": tiles, "relay": f.relay}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	w := newWorkspace(t, "")
	w.program = hurried
	w.env = []string{"HTTP_PROXY=" + server.URL}
	if a.from.IsZero() {
		if err := os.CopyFS(w.path("audits"), os.DirFS(filepath.Join(f.first, "audits"))); err != nil {
			t.Fatal(err)
		}
	}
	w.write("selfaudit.toml", f.a.configuration(w, "", f.toml))
	return w
}

type step struct {
	args []string
	code int
}

// steps are the two runs of an audit, and what they end with if nothing goes wrong: the
// first waits for its round, the second seals.
func (a faultAudit) steps() []step {
	common := []string{"run", "--audit", a.id, "--yes", "-v", "--timeout", "500ms"}
	first := append(slices.Clone(common), "--until", a.until.Format(time.RFC3339), "--now", a.frozen.Format(time.RFC3339))
	if !a.from.IsZero() {
		first = append(first, "--from", a.from.Format(time.RFC3339))
	}
	return []step{{first, exitNotYet}, {append(common, "--now", a.drawn.Format(time.RFC3339)), exitOK}}
}

// reference returns what an undisturbed audit gives over the heads that an audit pinned,
// and how many of these were older ones.
func (f *faultWorld) reference(t *testing.T, a faultAudit, w *workspace) (r *reference, older int, err error) {
	show := map[string]bool{}
	for _, l := range []struct {
		name, file string
		heads      [][]byte
	}{
		{"rfc", fmt.Sprintf("%x.sth.json", sha256.Sum256(f.ctfe.SPKI)), f.rfc.heads},
		{"static", fmt.Sprintf("%x.checkpoint", sha256.Sum256(f.static.SPKI)), f.tiles.heads},
	} {
		raw, err := os.ReadFile(w.path("audits/" + a.id + "/ct/heads/" + l.file))
		if err != nil {
			return nil, 0, err
		}
		switch string(raw) {
		case string(l.heads[a.now]):
		case string(l.heads[a.now-1]):
			show[l.name] = true
			older++
		default:
			return nil, 0, fmt.Errorf("the audit has pinned a tree head of %s that was not published: %q", l.name, raw)
		}
	}
	r = f.undisturbed(t, a, show)
	return r, older, r.err
}

// undisturbed takes an audit to its end, once for each combination of views.
func (f *faultWorld) undisturbed(t *testing.T, a faultAudit, show map[string]bool) *reference {
	key := fmt.Sprint(a.id, show["rfc"], show["static"])
	f.mu.Lock()
	r := f.references[key]
	if r == nil {
		r = &reference{}
		f.references[key] = r
	}
	f.mu.Unlock()
	r.once.Do(func() {
		p := &fault.Proxy{Show: show}
		w := f.workspace(t, a, p)
		for _, s := range a.steps() {
			code, stdout, stderr, err := w.try(s.args...)
			if err == nil && code != s.code {
				err = fmt.Errorf("undisturbed: exit %d, want %d\n%s\n%s", code, s.code, stdout, stderr)
			}
			if err != nil {
				r.err = err
				return
			}
		}
		r.requests, r.dir = p.Requests(), w.dir
		r.files, r.err = packageFiles(w, a.id)
	})
	return r
}
