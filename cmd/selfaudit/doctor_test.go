package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// One relay that answers is enough; those that do not are named.
func TestRelaysTogether(t *testing.T) {
	silent := &net.OpError{Op: "dial", Err: errors.New("refused")}
	wrong := errors.New("the signature does not verify")
	relays := []string{"https://a.example", "https://b.example"}
	for name, tt := range map[string]struct {
		rounds    []uint64
		errs      []error
		text      []string
		some      bool
		unreached bool
	}{
		"both":    {[]uint64{7, 8}, []error{nil, nil}, []string{"round 8 of quicknet verified, 2 of 2"}, false, false},
		"one":     {[]uint64{7, 0}, []error{nil, silent}, []string{"round 7 of quicknet verified, 1 of 2", "https://b.example: dial"}, true, false},
		"none":    {[]uint64{0, 0}, []error{silent, silent}, []string{"none answers", "a.example", "b.example"}, false, true},
		"a liar":  {[]uint64{0, 0}, []error{silent, wrong}, []string{"none answers", "does not verify"}, false, false},
		"one lie": {[]uint64{0, 9}, []error{wrong, nil}, []string{"round 9", "1 of 2", "does not verify"}, true, false},
	} {
		detail, err, some := relaysTogether(relays, tt.rounds, tt.errs, "quicknet")
		text := detail
		if err != nil {
			text += err.Error()
		}
		for _, w := range tt.text {
			if !strings.Contains(text, w) {
				t.Errorf("%s: %q is missing in %q", name, w, text)
			}
		}
		if some != tt.some || err != nil && unreached(err) != tt.unreached {
			t.Errorf("%s: of some %v, unreached %v", name, some, unreached(err))
		}
	}
}

// Documents that the configuration names are looked for before an audit needs them, and the
// CA certificates that it does not name are shown.
func TestDoctorDocuments(t *testing.T) {
	g := newGrownLog(t, `beacon = "dice"`)
	issuers, err := loadIssuers(g.config(t))
	if err != nil {
		t.Fatal(err)
	}
	plain := string(g.read("selfaudit.toml"))
	named := strings.Replace(plain, "[audit]", "contact = \"audit@ca.example\"\n[audit]", 1) + "[ccadb]\nfile = \"ccadb.csv\"\nowner = \"example, inc.\"\n"
	if strings.Contains(plain, "[chain]") {
		named = strings.Replace(named, "[chain]", "[chain]\nstart_evidence = \"last.pdf\"", 1)
	} else {
		named += "[chain]\nstart_evidence = \"last.pdf\"\n"
	}
	g.write("selfaudit.toml", named)
	g.add(1, at("2026-01-05T00:00:00Z"))
	g.publish(at("2026-02-02T00:00:00Z"))
	doctor := []string{"doctor", "--offline", "--from", "2026-01-01T00:00:00Z", "--until", "2026-02-01T00:00:00Z"}
	stdout, _ := g.run(exitFailed, doctor...)
	g.must(stdout, "FAIL     start evidence: ", "FAIL     CCADB: ", "remedy: download the report", "ok       contact: mailto:audit@ca.example", "2 checks failed")
	g.write("last.pdf", "x")
	row := ccadbRow(issuers.List()[0].Certificates[0], "Audited CA", "Intermediate Certificate", "2020-01-01", "2040-01-01")
	g.write("ccadb.csv", csvText(t, ccadbColumns, row, ccadbRow([]byte("another"), "Forgotten CA", "Intermediate Certificate", "2020-01-01", "2040-01-01")))
	stdout, _ = g.run(exitOK, doctor...)
	g.must(stdout, "ok       start evidence: last.pdf: readable, 1 bytes", "warning  CCADB: 1 of 2 CA certificates", `intermediate "Forgotten CA", certificate SHA-256 `, "remedy: name them in [[issuer]]")
	g.write("ccadb.csv", csvText(t, ccadbColumns, row))
	stdout, _ = g.run(exitOK, doctor...)
	g.must(stdout, "ok       CCADB: 1 CA certificate of")
}

// Whoever is asked over the network is told whom to turn to, if that is configured.
func TestUserAgentHasTheContact(t *testing.T) {
	var agents []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { agents = append(agents, r.UserAgent()) }))
	defer server.Close()
	b := &bench{t, t.TempDir()}
	for _, tt := range []struct{ lines, want string }{
		{"", " (CA self-audit)"},
		{`contact = "audit@ca.example"`, " (CA self-audit; mailto:audit@ca.example)"},
		{`contact = "https://ca.example/ct"`, " (CA self-audit; https://ca.example/ct)"},
	} {
		b.write("selfaudit.toml", "[ca]\nname = \"A\"\n"+tt.lines)
		e := &env{Transport: http.DefaultTransport}
		e.fill()
		e.Workspace = b.dir
		if _, err := e.loadConfig(); err != nil {
			t.Fatal(err)
		}
		agents = nil
		if _, _, err := e.fetch(context.Background(), server.URL, 1); err != nil {
			t.Fatal(err)
		}
		if len(agents) != 1 || !strings.HasPrefix(agents[0], "selfaudit/") || !strings.HasSuffix(agents[0], tt.want) {
			t.Errorf("%s: agents %q", tt.lines, agents)
		}
	}
	b.write("selfaudit.toml", "[ca]\nname = \"A\"\ncontact = \"a@b.example\\r\\nX: y\"\n")
	_, stderr := b.run(exitUsage, "collect")
	b.must(stderr, "contact", filepath.Base("selfaudit.toml")+":3")
}

// Hashes are short on a terminal and complete where programs read them.
func TestHashesByStream(t *testing.T) {
	const hash = "44b75e3801234567890123456789012345678901234567890123456789968535"
	e := &env{}
	if e.hash(hash) != hash || e.preview("5 bytes, SHA-256 "+hash) != "5 bytes, SHA-256 "+hash {
		t.Error("a hash was shortened in a pipe")
	}
	long := strings.Repeat("x", previewWidth+1)
	if e.preview(long) != long {
		t.Error("a text was cut in a pipe")
	}
	e.StdoutTTY = true
	if got := e.preview("5 bytes, SHA-256 " + hash); got != "5 bytes, SHA-256 44b75e38..968535" || e.hash(hash) != "44b75e38..968535" {
		t.Errorf("on a terminal: %q", got)
	}
	if got := e.preview(long); len(got) != previewWidth {
		t.Errorf("on a terminal: %q", got)
	}
}
