package lint

import (
	"slices"
	"strings"
	"testing"

	"github.com/zmap/zcrypto/x509"
	zlint "github.com/zmap/zlint/v3/lint"
	"selfaudit/internal/testpki"
)

func TestRuleSetByType(t *testing.T) {
	ca := testpki.NewRoot("root", testpki.CAOptions{}).NewCA("issuing", testpki.CAOptions{})
	const server, email, code, client, ocspSigning, any = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.3", "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.9", "2.5.29.37.0"
	qc := testpki.Extension("1.3.6.1.5.5.7.1.3", false, testpki.Sequence())
	for _, x := range []struct {
		what     string
		policies []string
		ekus     []string
		qc       bool
		want     string
	}{
		{"DV", []string{"2.23.140.1.2.1"}, []string{server}, false, "tls"},
		{"by usage alone", []string{"1.3.6.1.4.1.99999.1"}, []string{server}, false, "tls"},
		{"by policy alone", []string{"2.23.140.1.2.2"}, []string{client}, false, "tls"},
		{"any usage", []string{"1.3.6.1.4.1.99999.1"}, []string{any}, false, "tls"},
		{"no usage", []string{"1.3.6.1.4.1.99999.1"}, []string{}, false, "tls"},
		{"e-mail", []string{"2.23.140.1.5.1.3"}, []string{email}, false, "smime"},
		{"both", []string{"1.3.6.1.4.1.99999.1"}, []string{server, email}, false, "tls+smime"},
		{"code signing", []string{"2.23.140.1.4.1"}, []string{code}, false, "code-signing"},
		{"responder", []string{"1.3.6.1.4.1.99999.1"}, []string{ocspSigning}, false, "ocsp-responder"},
		{"client", []string{"1.3.6.1.4.1.99999.1"}, []string{client}, false, "other"},
		{"qualified", []string{"1.3.6.1.4.1.99999.1"}, []string{client}, true, "other+qualified"},
		{"qualified server", []string{"2.23.140.1.1"}, []string{server}, true, "tls+qualified"},
	} {
		o := testpki.Template{DNSNames: []string{"www.example.com"}, Policies: x.policies, EKUs: x.ekus}
		if len(x.ekus) == 0 {
			o.Extensions = func(e [][]byte) [][]byte {
				return slices.DeleteFunc(e, func(b []byte) bool { return strings.Contains(string(b), "\x06\x03\x55\x1d\x25") })
			}
		}
		if x.qc {
			o.Extensions = func(e [][]byte) [][]byte { return append(e, qc) }
		}
		r := mustNew(t, Options{Document: true}).Lint(Artifact{Kind: KindCert, DER: ca.Certificate(o)})
		if r.RuleSet != x.want {
			t.Errorf("%s: %q, want %q", x.what, r.RuleSet, x.want)
		}
	}
	if r := mustNew(t, Options{Document: true}).Lint(Artifact{Kind: KindCert, DER: ca.Cert}); r.RuleSet != "ca+tls+smime+code-signing" {
		t.Errorf("an unrestricted CA: %q", r.RuleSet)
	}
	if r := mustNew(t, Options{}).Lint(Artifact{Kind: KindCert, DER: ca.Cert}); r.RuleSet != "" || r.InForce != nil {
		t.Errorf("outside of documents: %+v", r)
	}
}

// TestNoOpenFilterIsPutAside shows over zlint's own test data that no finding of a source
// behind a filter of zlint's framework is put aside by the rule set.
func TestNoOpenFilterIsPutAside(t *testing.T) {
	l := mustNew(t, Options{Document: true})
	gated := map[string]bool{"CABF_BR": true, "CABF_SMIME_BR": true, "CABF_CS_BR": true}
	aside, sets := 0, map[string]bool{}
	for _, cert := range zlintCorpus(t) {
		r := l.Lint(Artifact{Kind: KindCert, DER: cert.der})
		set, ok := RuleSetNamed(r.RuleSet)
		if !ok {
			t.Fatalf("%s: rule set %q", cert.file, r.RuleSet)
		}
		sets[r.RuleSet] = true
		for _, f := range r.Findings {
			if !set.Applies(f.Source) {
				aside++
				override := zlint.GlobalRegistry().CertificateLints().ByName(f.Lint).OverrideFrameworkFilter
				if gated[f.Source] && !override {
					t.Errorf("%s (%s): %s %s is put aside", cert.file, r.RuleSet, f.Source, f.Lint)
				}
			}
		}
	}
	if aside == 0 || len(sets) < 6 {
		t.Errorf("%d findings put aside, %d rule sets: the test shows nothing", aside, len(sets))
	}
}

func TestRuleSetNamed(t *testing.T) {
	tls, ok := RuleSetNamed("tls")
	if !ok || !tls.Applies("CABF_BR") || tls.Applies("CABF_SMIME_BR") || tls.Applies("ETSI_ESI") || !tls.Applies(SourceSelfaudit) || len(tls.ListSHA256) != 64 {
		t.Errorf("%+v", tls)
	}
	all := 0
	for _, l := range zlint.GlobalRegistry().CertificateLints().Lints() {
		if tls.Applies(string(l.Source)) {
			all++
		}
	}
	if tls.Lints != all+len(OwnChecks()) {
		t.Errorf("%d lints, want %d", tls.Lints, all+len(OwnChecks()))
	}
	for _, name := range []string{"", "TLS", "smime+tls", "tls+tls", "tls+", "nothing"} {
		if _, ok := RuleSetNamed(name); ok {
			t.Errorf("%q is a rule set", name)
		}
	}
}

func TestDocumentSaysVersionsAndGround(t *testing.T) {
	l := mustNew(t, Options{Document: true})
	for _, cert := range zlintCorpus(t) {
		r := l.Lint(Artifact{Kind: KindCert, DER: cert.der})
		c, err := x509.ParseCertificate(cert.der)
		if err != nil {
			continue
		}
		for _, f := range r.Findings {
			g, ok := GroundOf(f, holderOf(c))
			if ok != (f.Revocation != "") || ok && f.Revocation != g.Text() {
				t.Fatalf("%s, %s: %q", cert.file, f.Lint, f.Revocation)
			}
		}
	}
}

func TestRecheck(t *testing.T) {
	a := pemArtifact(t, "subCAWBothURL.pem")
	asked := 0
	l := mustNew(t, Options{Document: true, Recheck: func(_ Artifact, r Result) bool { asked++; return len(r.Findings) > 0 }})
	if r := l.Lint(a); asked != 1 || !r.Rechecked || r.Difference != "" {
		t.Errorf("asked %d times, %+v", asked, r)
	}
	// A fast path that proves too much is found.
	for i := range l.rules.certs {
		if l.rules.certs[i].Name == "e_rsa_fermat_factorization" {
			l.rules.certs[i].proves = func(*x509.Certificate) bool { return true }
		}
	}
	l.options.Recheck = func(Artifact, Result) bool { return true }
	different := 0
	for _, cert := range zlintCorpus(t) {
		if r := l.Lint(Artifact{Kind: KindCert, DER: cert.der}); r.Difference != "" {
			different++
			if !strings.Contains(r.Difference, "e_rsa_fermat_factorization") {
				t.Errorf("%s: the difference is %q", cert.file, r.Difference)
			}
		}
		if different == 2 {
			break
		}
	}
	if different == 0 {
		t.Error("a lint that passes everything was not found")
	}
	if r := mustNew(t, Options{Reference: true, Recheck: func(Artifact, Result) bool { return true }}).Lint(a); r.Rechecked {
		t.Error("the plain path is compared with itself")
	}
}
