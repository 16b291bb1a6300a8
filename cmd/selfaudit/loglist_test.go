package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler/loglist"
)

// listedWorld is a workspace whose logs come from a list: a served log in the list, and
// others that are not for the period, with the list's server and its signing key.
type listedWorld struct {
	*bench
	server  *httptest.Server
	logs    [3]*testpki.Key
	signer  *ecdsa.PrivateKey
	list    []byte
	down    map[string]bool   // paths that answer 404
	skew    time.Duration     // of the server's clock
	listing int               // how often the list was asked for
	roots   map[string][]byte // what logs answer to get-roots, by their name; 404 without
	asked   []string          // names of the logs that were asked for their roots
	root    *testpki.CA       // above the audited issuer
}

func newListedWorld(t *testing.T) *listedWorld {
	t.Helper()
	w := &listedWorld{bench: &bench{t, t.TempDir()}, down: map[string]bool{}, roots: map[string][]byte{}}
	var err error
	if w.signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Date", time.Now().Add(w.skew).UTC().Format(http.TimeFormat))
		if w.down[r.URL.Path] {
			http.NotFound(rw, r)
			return
		}
		mux.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.server.Close)
	mux.HandleFunc("/list.json", func(rw http.ResponseWriter, r *http.Request) { w.listing++; _, _ = rw.Write(w.list) })
	mux.HandleFunc("/list.sig", func(rw http.ResponseWriter, r *http.Request) { _, _ = rw.Write(w.sign()) })

	var mu sync.Mutex
	mux.HandleFunc("/submit/{name}/ct/v1/get-roots", func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		w.asked = append(w.asked, r.PathValue("name"))
		if w.roots[r.PathValue("name")] == nil {
			http.NotFound(rw, r)
		}
		_, _ = rw.Write(w.roots[r.PathValue("name")])
	})

	w.root = testpki.NewRoot("Listed Root", testpki.CAOptions{})
	ca := w.root.NewCA("Listed DV CA", testpki.CAOptions{})
	if err := os.WriteFile(filepath.Join(w.dir, "ca.der"), ca.Cert, 0o666); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"now", "old", "other"} {
		w.logs[i] = testpki.ECKey("listed " + name)
		dir := t.TempDir()
		log, err := testlog.NewStatic(dir, testlog.StaticOptions{Key: w.logs[i], Origin: w.origin(name)})
		if err != nil {
			t.Fatal(err)
		}
		for n := range 40 {
			at := at("2026-07-02T00:00:00Z").Add(time.Duration(n) * time.Hour)
			tmpl := testpki.Template{Seed: fmt.Sprint(name, n), NotBefore: at, NotAfter: at.Add(90 * 24 * time.Hour)}
			if _, err := log.Add(testlog.PrecertEntry(ca, tmpl, uint64(at.UnixMilli()))); err != nil {
				t.Fatal(err)
			}
		}
		if err := log.Publish(uint64(at("2026-10-05T00:00:00Z").UnixMilli())); err != nil {
			t.Fatal(err)
		}
		mux.Handle("/"+name+"/", http.StripPrefix("/"+name, testlog.ServeStatic(dir, i == 1)))
	}
	w.list = w.makeList("2026-09-30T00:00:00Z")
	return w
}

// origin is the submission prefix of a log, which answers to nothing but get-roots.
func (w *listedWorld) origin(name string) string {
	return strings.TrimPrefix(w.server.URL, "http://") + "/submit/" + name
}

func (w *listedWorld) makeList(timestamp string) []byte {
	entry := func(i int, name, state, start, end string) map[string]any {
		id := sha256.Sum256(w.logs[i].SPKI)
		return map[string]any{"description": "Test '" + name + "' log", "log_id": base64.StdEncoding.EncodeToString(id[:]), "key": base64.StdEncoding.EncodeToString(w.logs[i].SPKI),
			"submission_url": "http://" + w.origin(name) + "/", "monitoring_url": w.server.URL + "/" + name + "/", "mmd": 60,
			"state":             map[string]any{state: map[string]any{"timestamp": "2025-01-01T00:00:00Z"}},
			"temporal_interval": map[string]any{"start_inclusive": start, "end_exclusive": end}}
	}
	raw, err := json.MarshalIndent(map[string]any{"version": "7.1", "log_list_timestamp": timestamp, "operators": []any{map[string]any{"name": "Test", "logs": []any{},
		"tiled_logs": []any{
			entry(0, "now", "usable", "2026-07-01T00:00:00Z", "2027-01-01T00:00:00Z"),
			entry(1, "old", "usable", "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z"),
			entry(2, "other", "retired", "2026-07-01T00:00:00Z", "2027-01-01T00:00:00Z"),
		}}}}, "", " ")
	if err != nil {
		w.t.Fatal(err)
	}
	return raw
}

func (w *listedWorld) sign() []byte {
	digest := sha256.Sum256(w.list)
	signature, err := w.signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		w.t.Fatal(err)
	}
	return signature
}

func (w *listedWorld) signerPEM() string {
	der, err := x509.MarshalPKIXPublicKey(&w.signer.PublicKey)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// configure writes a configuration with a [log_list] of these lines.
func (w *listedWorld) configure(lines string) {
	w.t.Helper()
	w.write("list.pem", w.signerPEM())
	w.write("selfaudit.toml", "[ca]\nname = \"Listed CA\"\n[audit]\nev_ra = \"none\"\n[[issuer]]\ncertificate = \"ca.der\"\n[drand]\nrelays = [\""+w.server.URL+"\"]\n[log_list]\n"+lines)
}

// online runs the program with the network.
func (w *listedWorld) online(code int, args ...string) (stdout, stderr string) {
	w.t.Helper()
	now := at("2026-11-22T09:00:00Z")
	began := time.Now()
	e := &env{SystemTime: func() time.Time { return now.Add(time.Since(began)) }, Transport: http.DefaultTransport,
		Sleep: func(context.Context, time.Duration) error { return nil }}
	got, stdout, stderr := call(context.Background(), e, append([]string{"-C", w.dir}, args...)...)
	if got != code {
		w.t.Fatalf("selfaudit %s: exit %d, want %d\n%s\n%s", strings.Join(args, " "), got, code, stdout, stderr)
	}
	return stdout, stderr
}

func (w *listedWorld) rehearse(code int, more ...string) (stdout, stderr string) {
	w.t.Helper()
	return w.online(code, append([]string{"run", "--rehearsal", "--dice", digits, "--audit", "r1", "--from", "2026-07-01T00:00:00Z", "--until", "2026-10-01T00:00:00Z",
		"--now", "2026-11-22T09:00:00Z", "--yes"}, more...)...)
}

// TestListedAudit takes an audit whose logs come from a published list all the way.
func TestListedAudit(t *testing.T) {
	w := newListedWorld(t)
	w.configure("url = \"" + w.server.URL + "/list.json\"\npublic_key_file = \"list.pem\"\nexclude = { \"Test 'other' log\" = \"its operator has gone\" }\n")
	w.rehearse(exitIncomplete) // a log is excluded
	if w.listing != 1 {
		t.Errorf("the list was fetched %d times", w.listing)
	}
	if string(w.read("audits/r1/ct/log_list.json")) != string(w.list) {
		t.Error("the archived list has other bytes")
	}
	stdout, _ := w.online(exitOK, "verify", filepath.Join(w.dir, rehearsalZip))
	w.must(stdout, "ok       log list: is the one that snapshot.json names, of 2026-09-30T00:00:00Z, signed by the key that the configuration names; 2 logs",
		"note:    log list: Test 'other' log", "was not read")
	w.must(string(w.read("audits/r1/config/selfaudit.toml")), "[log_list]", `url = "`+w.server.URL+`/list.json"`, `label = "Test 'now' log"`, `exclude = "its operator has gone"`)
	w.must(string(w.read("audits/r1/draw/snapshot.json")), "log list: version 7.1 of 2026-09-30T00:00:00Z, SHA-256 ", "log list: not read, because they take only certificates that end before the period begins: Test 'old' log",
		"log list: 1 of 3 logs are chosen", "from the log list: Test 'now' log, usable: ")
	w.must(w.reference("r1"), "REHEARSAL")

	// The list behind the address changes: the archived one counts.
	w.list = w.makeList("2026-11-20T00:00:00Z")
	w.rehearse(exitIncomplete)
	if w.listing != 1 {
		t.Errorf("the list was fetched %d times", w.listing)
	}
}

// TestListedFile covers a list in a file: unsigned, replaced, and beside a log by hand.
func TestListedFile(t *testing.T) {
	w := newListedWorld(t)
	w.write("list.json", string(w.list))
	w.configure("file = \"list.json\"\n[[log]]\ntype = \"static-ct\"\nurl = \"" + w.server.URL + "/old\"\norigin = \"" + w.origin("old") + "\"\npublic_key = \"" +
		base64.StdEncoding.EncodeToString(w.logs[1].SPKI) + "\"\n")
	stdout, _ := w.online(exitOK, "logs", "--from", "2026-07-01T00:00:00Z", "--until", "2026-10-01T00:00:00Z")
	w.must(stdout, "it came without a signature", "3 logs would be read", w.origin("old"))
	w.down["/now/checkpoint"] = true
	w.rehearse(exitFailed, "--quiet")
	delete(w.down, "/now/checkpoint")

	// A newer list before the collection is complete is taken; the log it lacks is dropped.
	w.list = []byte(strings.Replace(string(w.makeList("2026-11-01T00:00:00Z")), "\"retired\"", "\"rejected\"", 1))
	w.write("list.json", string(w.list))
	w.rehearse(exitOK)
	stdout, _ = w.online(exitOK, "verify", filepath.Join(w.dir, rehearsalZip))
	w.must(stdout, "of 2026-11-01T00:00:00Z, without a signature; 1 logs")

	// After that, another list is another source.
	w.write("list.json", string(w.makeList("2026-11-02T00:00:00Z")))
	w.online(exitOK, "status") // still readable
}

// TestListedFrozen: after collect another list in the file is another source, a list behind
// an address is not, and after freeze the configuration does not count any more.
func TestListedFrozen(t *testing.T) {
	w := newListedWorld(t)
	collectIt := func(audit string) {
		t.Helper()
		w.online(exitOK, "collect", "--audit", audit, "--from", "2026-07-01T00:00:00Z", "--until", "2026-10-01T00:00:00Z")
	}
	dice := func(lines string) {
		w.configure(lines)
		w.write("selfaudit.toml", strings.Replace(string(w.read("selfaudit.toml")), "[audit]\n", "[audit]\nbeacon = \"dice\"\n", 1))
	}
	w.write("list.json", string(w.list))
	dice("file = \"list.json\"\n")
	collectIt("2026-Q3")
	newer := w.makeList("2026-11-02T00:00:00Z")
	w.write("list.json", string(newer))
	_, stderr := w.online(exitUsage, "freeze", "--audit", "2026-Q3", "--yes")
	w.must(stderr, "names other issuers, logs or files")
	if err := os.Remove(filepath.Join(w.dir, "audits/2026-Q3/work/collected.json")); err != nil {
		t.Fatal(err)
	}
	collectIt("2026-Q3")
	if string(w.read("audits/2026-Q3/ct/log_list.json")) != string(newer) {
		t.Error("the newer list was not archived")
	}
	// Without the table, or with a list where none was collected from, it is another source too.
	w.write("selfaudit.toml", strings.Replace(string(w.read("selfaudit.toml")), "[log_list]\n", "[log_list]\nselect = \"none\"\n", 1))
	_, stderr = w.online(exitUsage, "freeze", "--audit", "2026-Q3", "--yes")
	w.must(stderr, "names other issuers, logs or files")
	dice("file = \"list.json\"\n")
	w.online(exitOK, "freeze", "--audit", "2026-Q3", "--yes")
	// A void with another list collects again.
	w.write("list.json", string(w.list))
	stdout, _ := w.online(exitOK, "freeze", "--audit", "2026-Q3", "--yes", "--void", "another list is wanted")
	w.must(stdout, "collected again")
	collectIt("2026-Q3")
	w.online(exitOK, "freeze", "--audit", "2026-Q3", "--yes")
	dice("file = \"nosuch.json\"\nexclude = { \"nobody\" = \"gone\" }\n")
	w.online(exitOK, "freeze", "--audit", "2026-Q3", "--yes")
	w.must(string(w.read("audits/2026-Q3/config/selfaudit.toml")), "Test 'other' log")
}

// TestListedRefused covers lists that cannot be used.
func TestListedRefused(t *testing.T) {
	w := newListedWorld(t)
	period := []string{"--from", "2026-07-01T00:00:00Z", "--until", "2026-10-01T00:00:00Z"}
	for _, tt := range []struct {
		name, lines, want string
		code              int
	}{
		{"another key", "url = \"" + w.server.URL + "/list.json\"\n", "signature of the log list is wrong", exitVerify},
		{"no such list", "url = \"" + w.server.URL + "/nosuch.json\"\n", "404", exitFailed},
		{"no such file", "file = \"nosuch.json\"\n", "nosuch.json", exitUsage},
		{"no list", "file = \"ca.der\"\n", "log list: not UTF-8", exitUsage},
		{"unknown include", "include = \"Nobody's log\"\n", `has no log "Nobody's log"`, exitUsage},
		{"unknown exclude", "exclude = { \"Nobody's log\" = \"gone\" }\n", `no log "Nobody's log"`, exitUsage},
	} {
		w.configure(tt.lines)
		_, stderr := w.online(tt.code, append([]string{"logs"}, period...)...)
		if !strings.Contains(stderr, tt.want) {
			t.Errorf("%s: %s, want %q", tt.name, stderr, tt.want)
		}
		if tt.name != "no list" && tt.name[:3] != "unk" {
			_, stderr = w.rehearse(tt.code)
			if !strings.Contains(stderr, tt.want) {
				t.Errorf("%s: collect: %s, want %q", tt.name, stderr, tt.want)
			}
		}
	}
}

// TestBundledWarning: the bundled list is of a certain day, and everybody is told.
func TestBundledWarning(t *testing.T) {
	b := &bench{t, t.TempDir()}
	stdout, _ := b.run(exitOK, "logs", "--from", "2026-07-01T00:00:00Z", "--until", "2026-10-01T00:00:00Z") // no workspace
	b.must(stdout, "version 80.14 of 2026-01-02T12:57:01Z", "days old", "the list is not in use", "Let's Encrypt 'Sycamore2026h2'", "BR 6.3.2")
	stdout, _ = b.run(exitOK, "logs", "--from", "2026-07-01T00:00:00Z", "--until", "2026-10-01T00:00:00Z", "--all", "--json")
	var d logsDocument
	if err := json.Unmarshal([]byte(stdout), &d); err != nil || len(d.Logs) != 75 || d.Chosen != 0 || d.InUse || d.List.Warning == "" {
		t.Errorf("%d logs, %d chosen, warning %q, error %v", len(d.Logs), d.Chosen, d.List.Warning, err)
	}
	for _, l := range d.Logs {
		if l.Reason == "" || l.Code == "" || l.Chosen != (l.Code == loglist.ReasonInterval) {
			t.Errorf("%+v", l)
		}
	}
}

// TestDoctor looks at machines that are well, and at some that are not.
func TestDoctor(t *testing.T) {
	w := newListedWorld(t)
	w.configure("url = \"" + w.server.URL + "/list.json\"\npublic_key_file = \"list.pem\"\n")
	period := []string{"doctor", "--from", "2026-07-01T00:00:00Z", "--until", "2026-10-01T00:00:00Z"}
	stdout, _ := w.online(exitOK, append(period, "--offline")...)
	w.must(stdout, "ok       configuration", "ok       issuers: 1 key with 1 certificate", "skipped  CT log list: "+w.server.URL+"/list.json: --offline", "skipped  drand relays: --offline", "ok       disk", "skipped  clock",
		"ok       lock", "skipped  crt.sh")
	if w.listing != 0 {
		t.Error("--offline asked for the list")
	}

	// The relay answers 404: that one check fails, with a remedy; the clock is off.
	w.skew = time.Until(at("2026-11-22T09:00:00Z")) // the server's clock is that of the test
	stdout, _ = w.online(exitFailed, period...)
	w.must(stdout, "ok       CT log list: version 7.1", "ok       log Test 'now' log: 40 entries", "ok       log Test 'other' log", "FAIL     drand relays: none answers:", "warning  contact: ", "remedy: one relay", "ok       clock", "1 check failed")
	w.skew += 10 * time.Minute
	w.down["/now/checkpoint"] = true
	stdout, _ = w.online(exitFailed, period...)
	w.must(stdout, "FAIL     clock: it is off by -10m", "FAIL     log Test 'now' log", "404", "3 checks failed")

	// Nobody answers at all.
	w.server.Close()
	w.configure("")
	w.write("selfaudit.toml", strings.Replace(string(w.read("selfaudit.toml")), "[log_list]", "[log_list]\nselect = \"none\"\n[[log]]\ntype = \"static-ct\"\nurl = \""+w.server.URL+
		"/now\"\norigin = \"x\"\npublic_key = \""+base64.StdEncoding.EncodeToString(w.logs[0].SPKI)+"\"\n", 1))
	stdout, _ = w.online(exitFailed, period...)
	w.must(stdout, "FAIL     network: none of 2 servers", "skipped  log x: no network", "1 check failed")

	stdout, _ = w.online(exitFailed, append(period, "--json")...)
	var d doctorDocument
	if err := json.Unmarshal([]byte(stdout), &d); err != nil || d.Failed != 1 || d.Schema != "selfaudit.doctor/v1" {
		t.Errorf("%+v, error %v", d, err)
	}
	for _, c := range d.Checks {
		if c.Status == checkFailed && c.Remedy == "" {
			t.Errorf("%s fails without a remedy", c.Check)
		}
	}
	if err := os.WriteFile(filepath.Join(w.dir, "selfaudit.toml"), []byte("[ca]\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	stdout, _ = w.online(exitFailed, "doctor", "--offline")
	w.must(stdout, "FAIL     configuration")
}

func TestDoctorProxy(t *testing.T) {
	for value, want := range map[string]string{"http://user:secret@proxy.example:3128": "HTTPS_PROXY is http://user:xxxxx@proxy.example:3128", "proxy:80": "HTTPS_PROXY is http://proxy:80",
		"ftp://proxy": `FAIL`, "http://%zz": "FAIL", "http://": "FAIL"} {
		d := &doctorDocument{}
		e := &env{Getenv: func(name string) string { return map[string]string{"HTTPS_PROXY": value}[name] }}
		e.doctorNetworkSettings(d)
		got := d.Checks[0].Status + " " + d.Checks[0].Detail
		if !strings.Contains(got, want) || strings.Contains(got, "secret") {
			t.Errorf("%s: %s, want %s", value, got, want)
		}
	}
}

// TestPlan plans before and after a first audit.
func TestPlan(t *testing.T) {
	w := newListedWorld(t)
	w.configure("url = \"" + w.server.URL + "/list.json\"\npublic_key_file = \"list.pem\"\n")
	args := []string{"plan", "--from", "2026-07-01T00:00:00Z", "--until", "2026-10-01T00:00:00Z"}
	stdout, _ := w.online(exitOK, args...)
	w.must(stdout, "2 logs, 80 entries", "from the list", "expected items: unknown, sample: unknown", "nothing was opened, pinned or written", "not read: they take only certificates that end before the period begins: Test 'old' log")
	if _, err := os.Stat(filepath.Join(w.dir, "audits")); err == nil {
		t.Error("a plan made the audits' folder")
	}
	w.rehearse(exitOK, "-q")
	stdout, _ = w.online(exitOK, append(args, "--json", "--rate-limit", "1", "--minutes", "30", "--until", "2026-12-31T12:00:00Z")...)
	var d planDocument
	if err := json.Unmarshal([]byte(stdout), &d); err != nil {
		t.Fatal(err)
	}
	// 80 items in 92 days, 183.5 days now: 160 items, 3 % of it is 5 items of 30 minutes.
	if d.Expected == nil || *d.Expected != 160 || *d.Sample != 5 || *d.Reviewer.Hours != 2.5 || d.Before != "r1" || d.Total.Entries != 80 || *d.Logs[0].New != 0 ||
		*d.Logs[0].Hours != 40.0/3600 || *d.Logs[0].BytesLow != 372*40 || *d.Logs[0].BytesHigh != 1586*40 || d.Total.Disk != 80*32+160*diskPerKept {
		t.Errorf("%s", stdout)
	}
	w.down["/now/checkpoint"] = true
	stdout, _ = w.online(exitIncomplete, append(args, "--no-sample")...)
	w.must(stdout, "no answer: ", "at least 40 entries", "at least unknown hours")
	stdout, _ = w.online(exitOK, append(args, "--offline")...)
	w.must(stdout, "2 logs, 80 entries")
}

// TestNetworkFlags: a server with a certificate of a private CA is read with --ca-bundle only.
func TestNetworkFlags(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
			return
		}
		_, _ = rw.Write([]byte("{}"))
	}))
	t.Cleanup(server.Close)
	b := &bench{t, t.TempDir()}
	b.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	b.write("empty.pem", "nothing\n")
	b.write("broken.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{0x30}})))
	get := func(e *env, path string) error {
		_, _, err := e.fetch(t.Context(), server.URL+path, 1000)
		return err
	}
	fresh := func() *env {
		e := &env{Transport: http.DefaultTransport}
		e.fill()
		return e
	}
	e := fresh()
	if err := get(e, "/"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without the bundle: %v", err)
	}
	e = fresh()
	e.CABundle = filepath.Join(b.dir, "ca.pem")
	if err := e.settleNetwork(); err != nil {
		t.Fatal(err)
	}
	if err := get(e, "/"); err != nil {
		t.Errorf("with the bundle: %v", err)
	}
	if tr := e.Transport.(*http.Transport); tr.Proxy == nil || tr == http.DefaultTransport {
		t.Error("the transport with the bundle has lost the proxy, or is everybody's")
	}
	e.Timeout = 50 * time.Millisecond
	if err := e.settleNetwork(); err != nil {
		t.Fatal(err)
	}
	if err := get(e, "/slow"); err == nil || !strings.Contains(err.Error(), "timeout") && !strings.Contains(err.Error(), "deadline") {
		t.Errorf("a server that never answers: %v", err)
	}
	for file, want := range map[string]string{"empty.pem": "holds no certificate", "broken.pem": "certificate number 1", "nosuch.pem": "nosuch.pem"} {
		_, stderr := b.run(exitUsage, "version", "--ca-bundle", filepath.Join(b.dir, file))
		b.must(stderr, want)
	}
	_, stderr := b.run(exitUsage, "version", "--timeout", "-1s")
	b.must(stderr, "negative")
}
