package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/csv"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"selfaudit/internal/testpki"
	"selfaudit/lint"
)

// tlsServer presents a chain of two to everybody who asks and notes the names they ask for.
func tlsServer(t *testing.T) (address string, asked chan string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	// The leaf must hold the server's key for the handshake to go on.
	spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	ca := testpki.NewRoot("tls", testpki.CAOptions{})
	leaf := ca.Certificate(testpki.Template{Subject: testpki.Name(testpki.CN("www.example.com")), Key: &testpki.Key{SPKI: spki}})
	chain := [][]byte{leaf, ca.Cert}
	asked = make(chan string, 8)
	config := &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		asked <- h.ServerName
		return &tls.Certificate{Certificate: chain, PrivateKey: key}, nil
	}}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				// The client hangs up as soon as it has the chain.
				_ = tls.Server(conn, config).HandshakeContext(context.Background())
				_, _ = io.Copy(io.Discard, conn)
			}()
		}
	}()
	return listener.Addr().String(), asked
}

func TestLintServer(t *testing.T) {
	address, asked := tlsServer(t)
	code, stdout, stderr := call(t.Context(), &env{}, "lint", "https://"+address)
	if code != 0 || !strings.Contains(stdout, "https://"+address+": certificate, DV") || !strings.Contains(stdout, "(block 2): certificate, root CA") {
		t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
	}
	if name := <-asked; name != "" {
		t.Errorf("asked an address for the name %q", name)
	}
	_, port, _ := net.SplitHostPort(address)
	if code, stdout, stderr := call(t.Context(), &env{}, "lint", "--jsonl", "https://localhost:"+port); code != 0 || strings.Count(stdout, "\n") != 2 {
		t.Fatalf("by name: exit %d\n%s%s", code, stdout, stderr)
	}
	if name := <-asked; name != "localhost" {
		t.Errorf("SNI %q, want localhost", name)
	}
}

func TestLintSilentServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	code, _, stderr := call(t.Context(), &env{Transport: &http.Transport{}}, "lint", "--timeout", "50ms", "https://"+listener.Addr().String())
	if code != exitFailed || !strings.Contains(stderr, "TLS handshake") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

func TestLintFromCrtSh(t *testing.T) {
	text, err := os.ReadFile("testdata/lint/error.pem")
	if err != nil {
		t.Fatal(err)
	}
	const sha = "93947f145415f56044b803774f6cc15e65514ddde66ee0cb050a707c743a2270"
	colons := strings.ToUpper(strings.Join(strings.Split(strings.TrimSpace(pairsOf(sha)), " "), ":"))
	e := func() *env {
		return &env{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			switch r.URL.String() {
			case "https://crt.sh/?d=123", "https://crt.sh/?d=" + sha, "https://crt.sh/?d=" + strings.Repeat("0", 64):
				return answer(200, string(text)), nil
			case "https://crt.sh/?d=404":
				return answer(404, ""), nil
			case "https://crt.sh/?d=7":
				return answer(200, "<html>Certificate not found</html>"), nil
			}
			return nil, errors.New("no network here")
		})}
	}
	for _, arg := range []string{"crt.sh:123", sha, colons} {
		code, stdout, stderr := call(t.Context(), e(), "lint", "--jsonl", arg)
		if code != 0 || !strings.Contains(stdout, `"sha256":"`+sha+`"`) {
			t.Errorf("%s: exit %d %s %s", arg, code, stdout, stderr)
		}
	}
	for arg, want := range map[string]string{
		"crt.sh:404": "asking crt.sh", "crt.sh:7": "something else than one certificate", "crt.sh:5": "this needs the network",
		strings.Repeat("0", 64): "another certificate",
	} {
		if code, stdout, stderr := call(t.Context(), e(), "lint", arg); code != exitFailed || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d %q %s", arg, code, stdout, stderr)
		}
	}
	// A file of that name comes first.
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile(sha, text, 0o600); err != nil {
		t.Fatal(err)
	}
	offline := &env{Transport: roundTrip(func(*http.Request) (*http.Response, error) { t.Error("asked the network"); return nil, io.EOF })}
	if code, _, stderr := call(t.Context(), offline, "lint", sha); code != 0 {
		t.Error(stderr)
	}
}

func pairsOf(hex string) string {
	out := ""
	for i := 0; i < len(hex); i += 2 {
		out += hex[i:i+2] + " "
	}
	return out
}

// TestOwnChecksRun shows that the checks of lint/checks reach the output, with the issuer
// from --issuer, from the same file, and from another input.
func TestOwnChecksRun(t *testing.T) {
	root := testpki.NewRoot("root", testpki.CAOptions{})
	ca := root.NewCA("issuing", testpki.CAOptions{})
	o := testpki.Template{Serial: []byte{0x41, 2, 3, 4, 5, 6, 7, 8, 9}}
	pre := ca.Precertificate(o)
	o.DNSNames = []string{"other.example"}
	final := ca.Certificate(o)
	broken := slices.Clone(final)
	broken[len(broken)-1] ^= 1
	dir := t.TempDir()
	write := func(name string, ders ...[]byte) string {
		var text []byte
		for _, der := range ders {
			text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	issuer, prePath, finalPath := write("ca.pem", ca.Cert), write("pre.pem", pre), write("final.pem", final)
	brokenPath, chain := write("broken.pem", broken), write("chain.pem", broken, ca.Cert, root.Cert)
	for _, c := range []struct {
		args []string
		want string // one finding, "" for none of the checks that need more than one certificate
	}{
		{[]string{"--issuer", issuer, finalPath}, ""},
		{[]string{"--issuer", issuer, brokenPath}, lint.CheckSignature},
		{[]string{brokenPath}, ""},
		{[]string{chain}, lint.CheckSignature},
		{[]string{prePath, finalPath}, lint.CheckPrecertificate},
		{[]string{finalPath, prePath}, lint.CheckPrecertificate},
		{[]string{"--as-if", "2026-11-21", prePath, finalPath}, ""},
		{[]string{finalPath, brokenPath}, lint.CheckSerialReused},
	} {
		code, stdout, stderr := call(t.Context(), &env{}, append([]string{"lint", "--jsonl"}, c.args...)...)
		if code != 0 {
			t.Fatalf("%v: exit %d %s", c.args, code, stderr)
		}
		got := ""
		for _, name := range []string{lint.CheckSignature, lint.CheckPrecertificate, lint.CheckSerialReused, lint.CheckIssuerMissing, lint.CheckIssuerName, lint.CheckAuthorityKey} {
			if strings.Contains(stdout, `"`+name+`"`) {
				got += name
			}
		}
		if got != c.want {
			t.Errorf("%v: %s, want %s", c.args, got, c.want)
		}
	}
}

// hostileInputs are the artifacts of testdata with names that every form must carry.
func hostileInputs(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile("testdata/lint/hostile.pem")
	if err != nil {
		t.Fatal(err)
	}
	bad, err := os.ReadFile("testdata/lint/error.pem")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	names := []string{"=cmd|x.pem", "a b#%:.pem", "<&\">.pem", "\x1b[2J.pem"}
	for _, name := range names {
		if err := os.WriteFile(name, append(slices.Clone(raw), bad...), 0o600); err != nil {
			t.Skipf("this file system does not take the name %q: %v", name, err)
		}
	}
	return append(names, "missing")
}

func TestCSVIsSafe(t *testing.T) {
	_, stdout, _ := call(t.Context(), &env{}, append([]string{"lint", "--format", "csv"}, hostileInputs(t)...)...)
	rows, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
	if err != nil || len(rows) < 10 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows {
		for _, field := range row {
			if field != "" && strings.ContainsRune("=+-@\t", rune(field[0])) || strings.ContainsAny(field, "\x1b\x00") {
				t.Errorf("a spreadsheet would run %q", field)
			}
		}
	}
	if rows[1][0] != "'=cmd|x.pem" {
		t.Errorf("file %q", rows[1][0])
	}
}

func TestJUnitIsXML(t *testing.T) {
	_, stdout, _ := call(t.Context(), &env{}, append([]string{"lint", "--format", "junit"}, hostileInputs(t)...)...)
	var doc struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(stdout), &doc); err != nil {
		t.Fatalf("%v\n%s", err, stdout)
	}
	if len(doc.Suites) != 5 {
		t.Fatalf("%d suites for 5 inputs", len(doc.Suites))
	}
	for _, s := range doc.Suites {
		failures, errs := 0, 0
		for _, c := range s.Cases {
			if c.Failure != nil {
				failures++
			}
			if c.Error != nil {
				errs++
			}
		}
		if s.Tests != len(s.Cases) || s.Failures != failures || s.Errors != errs || s.Tests == 0 {
			t.Errorf("%s counts %d, %d, %d; has %d, %d, %d", s.Name, s.Tests, s.Failures, s.Errors, len(s.Cases), failures, errs)
		}
	}
}

// TestSARIFRules checks what the standard asks for beyond JSON, as far as this program
// writes it: SARIF 2.1.0 sections 3.13, 3.18 to 3.20, 3.27, 3.4.3, 3.58.
func TestSARIFRules(t *testing.T) {
	inputs := hostileInputs(t)
	for _, extra := range [][]string{nil, {"--as-if", "2026-01-01"}} {
		args := slices.Concat([]string{"lint", "--format", "sarif"}, extra, inputs)
		_, stdout, stderr := call(t.Context(), &env{}, args...)
		var doc sarifLog
		dec := json.NewDecoder(strings.NewReader(stdout))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&doc); err != nil {
			t.Fatalf("%v\n%s", err, stderr)
		}
		if doc.Version != "2.1.0" || !strings.HasSuffix(doc.Schema, "sarif-schema-2.1.0.json") || len(doc.Runs) != 1 {
			t.Fatalf("version %q, schema %q, %d runs", doc.Version, doc.Schema, len(doc.Runs))
		}
		run := doc.Runs[0]
		if run.Tool.Driver.Name == "" || len(run.Results) == 0 || run.Invocations[0].Successful || len(run.Invocations[0].Notifications) != 1 {
			t.Errorf("driver %q, %d results, invocation %+v", run.Tool.Driver.Name, len(run.Results), run.Invocations[0])
		}
		seen := map[string]bool{}
		for _, r := range run.Tool.Driver.Rules {
			if seen[r.ID] || r.ID == "" || r.Short.Text == "" || r.Help.Text == "" {
				t.Errorf("rule %+v is double or incomplete", r)
			}
			seen[r.ID] = true
		}
		levels := []string{"none", "note", "warning", "error"}
		for _, r := range run.Results {
			if r.RuleIndex < 0 || r.RuleIndex >= len(run.Tool.Driver.Rules) || run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID {
				t.Errorf("%s has the index %d", r.RuleID, r.RuleIndex)
			}
			if !slices.Contains(levels, r.Level) || r.Message.Text == "" || len(r.Locations) != 1 || strings.Contains(r.Message.Text, "\x1b") {
				t.Errorf("%+v", r)
			}
			uri := r.Locations[0].Physical.Artifact.URI
			if u, err := url.Parse(uri); err != nil || u.String() != uri || strings.ContainsAny(uri, " <>\"\x1b") {
				t.Errorf("%q is no URI reference (%v)", uri, err)
			}
			if extra != nil && (r.Properties["asIf"] != "2026-01-01" || !strings.HasPrefix(r.Message.Text, "[as if issued on 2026-01-01]")) {
				t.Errorf("as if, and not labelled: %+v", r)
			}
		}
	}
}

func TestFileURI(t *testing.T) {
	for name, want := range map[string]string{
		"-": "stdin", "a/b c.pem": "a/b%20c.pem", "x:y.pem": "./x:y.pem", "https://example.com": "https://example.com",
		"crt.sh:12": "https://crt.sh/?id=12", "100%.pem": "100%25.pem", strings.Repeat("a", 64): "https://crt.sh/?q=" + strings.Repeat("a", 64),
	} {
		if got := fileURI(name); got != want {
			t.Errorf("fileURI(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestSelftestFailureIsShown(t *testing.T) {
	var out strings.Builder
	e := &env{Stdout: &out}
	e.fill()
	doc := &selftestDocument{Cases: []lint.SelfTestResult{{SelfTestCase: lint.SelfTestCase{Name: "warn", Want: []string{"warn x"}}, Engine: "own-loop"}}}
	doc.render(e)
	if !strings.Contains(out.String(), "FAIL  warn") || !strings.Contains(out.String(), "known result: warn x") {
		t.Error(out.String())
	}
}
