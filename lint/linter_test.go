package lint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/zmap/zcrypto/x509"
	zlint "github.com/zmap/zlint/v3/lint"
	"golang.org/x/crypto/ocsp"
)

func TestUnparseableIsAFinding(t *testing.T) {
	l := mustNew(t, Options{})
	cert := der(t, "subCAWBothURL.pem")
	broken := bytes.Clone(cert)
	broken[bytes.Index(broken, []byte{0x17, 0x0d})] = 0x0c // the first UTCTime becomes a UTF8String
	for name, c := range map[string]struct {
		artifact   Artifact
		kind       Kind
		lint, says string
	}{
		"known to be a cert":   {Artifact{Kind: KindCert, DER: broken}, KindCert, LintUnparseableCert, "asn1"},
		"shaped like a cert":   {Artifact{DER: broken}, KindCert, LintUnparseableCert, "asn1"},
		"cut off":              {Artifact{Kind: KindCert, DER: cert[:40]}, KindCert, LintUnparseableCert, "asn1"},
		"empty cert":           {Artifact{Kind: KindCert}, KindCert, LintUnparseableCert, "asn1"},
		"crl":                  {Artifact{Kind: KindCRL, DER: cert}, KindCRL, LintUnparseableCRL, ""},
		"ocsp":                 {Artifact{Kind: KindOCSP, DER: cert}, KindOCSP, LintUnparseableOCSP, ""},
		"nothing":              {Artifact{}, KindUnknown, LintUnreadable, "neither"},
		"kind nobody knows":    {Artifact{Kind: "x", DER: cert}, "x", LintUnreadable, "not known"},
		"the reader's reason":  {Artifact{Kind: KindUnknown, Err: errors.New("a reason")}, KindUnknown, LintUnreadable, "a reason"},
		"reason not in UTF-8":  {Artifact{Err: errors.New("\xff\x00")}, KindUnknown, LintUnreadable, "\uFFFD"},
		"reason without bound": {Artifact{Err: errors.New(strings.Repeat("\xffa", 1<<20))}, KindUnknown, LintUnreadable, truncationMark},
	} {
		r := l.Lint(c.artifact)
		if r.Kind != c.kind || len(r.Findings) != 1 {
			t.Errorf("%s: kind %s, %d findings; want %s, 1", name, r.Kind, len(r.Findings), c.kind)
			continue
		}
		f := r.Findings[0]
		if f.Lint != c.lint || f.Severity != Fatal || f.Source != SourceSelfaudit || !strings.Contains(f.Details, c.says) {
			t.Errorf("%s: %+v, want %s fatal from selfaudit with %q", name, f, c.lint, c.says)
		}
		if !utf8.ValidString(f.Details) || len(f.Details) > MaxDetails {
			t.Errorf("%s: details are %d bytes, valid %v", name, len(f.Details), utf8.ValidString(f.Details))
		}
	}
}

func TestPointersAreKeptOut(t *testing.T) {
	// As encoding/asn1 prints its settings; the address changes from run to run.
	const text = "tags don't match {defaultValue:0xc000012345 tag:0x61777202560 stringType:0} at 0x10"
	const want = "tags don't match {defaultValue:set tag:set stringType:0} at 0x10"
	if got := withoutPointers(text); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	r := mustNew(t, Options{}).Lint(Artifact{Kind: KindCert, Err: errors.New(text)})
	if got := r.Findings[0].Details; got != want {
		t.Errorf("finding says %q, want %q", got, want)
	}
}

func TestResultJSON(t *testing.T) {
	l := mustNew(t, Options{})
	clean, err := json.Marshal(Result{File: "a", Kind: KindCert, Findings: []Finding{}})
	if err != nil || string(clean) != `{"file":"a","kind":"cert","sha256":"","findings":[]}` {
		t.Errorf("%s, %v", clean, err)
	}
	r := l.Lint(pemArtifact(t, "subCAWBothURL.pem"))
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Result
	if err := json.Unmarshal(text, &back); err != nil || back.SHA256 != r.SHA256 || len(back.Findings) != len(r.Findings) {
		t.Errorf("reading back: %+v, %v", back, err)
	}
	if want := `{"lint":"e_ca_key_usage_not_critical","severity":"error","source":"CABF_BR","citation":"BRs: 7.1.2.1"}`; !strings.Contains(string(text), want) {
		t.Errorf("%s lacks %s", text, want)
	}
	if _, err := json.Marshal(Finding{}); err == nil {
		t.Error("a finding without severity could be written")
	}
	if _, err := ParseSeverity("info"); err == nil {
		t.Error(`"info" is no severity of ours`)
	}
}

func TestFindingsAreSorted(t *testing.T) {
	l := mustNew(t, Options{})
	for _, cert := range zlintCorpus(t)[:200] {
		findings := l.Lint(Artifact{Kind: KindCert, DER: cert.der}).Findings
		for i := 1; i < len(findings); i++ {
			a, b := findings[i-1], findings[i]
			if a.Severity < b.Severity || (a.Severity == b.Severity && a.Lint >= b.Lint) {
				t.Fatalf("%s: %s %s stands before %s %s", cert.file, a.Severity, a.Lint, b.Severity, b.Lint)
			}
		}
	}
}

// badLint panics or returns nothing.
type badLint struct{ panics bool }

func (b badLint) misbehave() *zlint.LintResult {
	if b.panics {
		panic("boom")
	}
	return nil
}

type badCert struct{ badLint }

func (badCert) CheckApplies(*x509.Certificate) bool           { return true }
func (b badCert) Execute(*x509.Certificate) *zlint.LintResult { return b.misbehave() }

type badCRL struct{ badLint }

func (badCRL) CheckApplies(*x509.RevocationList) bool           { return true }
func (b badCRL) Execute(*x509.RevocationList) *zlint.LintResult { return b.misbehave() }

type badOCSP struct{ badLint }

func (badOCSP) CheckApplies(*ocsp.Response) bool           { return true }
func (b badOCSP) Execute(*ocsp.Response) *zlint.LintResult { return b.misbehave() }

// TestBadLintsCostTheirOwnJudgementOnly puts misbehaving lints in front of the real ones.
func TestBadLintsCostTheirOwnJudgementOnly(t *testing.T) {
	good := mustNew(t, Options{})
	for _, panics := range []bool{true, false} {
		bad := badLint{panics}
		meta := zlint.LintMetadata{Name: "e_bad", Source: zlint.Community}
		l := mustNew(t, Options{})
		instance := badCert{bad}
		l.rules.certs = append([]certRule{
			{CertificateLint: &zlint.CertificateLint{LintMetadata: meta, Lint: func() zlint.CertificateLintInterface { return instance }}, instance: instance},
		}, l.rules.certs...)
		l.rules.crls = append([]*zlint.RevocationListLint{
			{LintMetadata: meta, Lint: func() zlint.RevocationListLintInterface { return badCRL{bad} }},
		}, l.rules.crls...)
		l.rules.ocsps = append([]*zlint.OcspResponseLint{
			{LintMetadata: meta, Lint: func() zlint.OcspResponseLintInterface { return badOCSP{bad} }},
		}, l.rules.ocsps...)
		for _, file := range []string{"subCAWBothURL.pem", "crl_with_duplicate_ext.pem", "ocspRsaSHA1ProducedOn20220601"} {
			a := pemArtifact(t, file)
			got, want := l.Lint(a).Findings, good.Lint(a).Findings
			if len(got) != len(want)+1 || got[0].Lint != "e_bad" || got[0].Severity != Fatal || got[0].Details == "" {
				t.Errorf("%s: %+v, want e_bad fatal and %d findings of the others", file, got, len(want))
			}
		}
	}
}

func TestConfiguration(t *testing.T) {
	for name, config := range map[string]string{
		"not TOML":     "[",
		"unknown lint": "[e_no_such_lint]\nx = 1\n",
		"no section":   "Rounds = 5\n",
		"wrong type":   "[e_rsa_fermat_factorization]\nRounds = \"many\"\n",
	} {
		if _, err := New(Options{Config: config}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := New(Options{Config: "[e_rsa_fermat_factorization]\nRounds = 7\n[CABFBaselineRequirementsConfig]\n"}); err != nil {
		t.Error(err)
	}
}

func TestLintAllStops(t *testing.T) {
	l := mustNew(t, Options{})
	a := pemArtifact(t, "subCAWBothURL.pem")
	taken := 0
	endless := func(yield func(Artifact) bool) {
		for yield(a) {
			taken++
		}
	}
	stop := errors.New("enough")
	emitted := 0
	err := l.LintAll(context.Background(), endless, 3, func(Result) error {
		if emitted++; emitted == 5 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) {
		t.Errorf("error of emit: got %v", err)
	}
	if taken > 100 {
		t.Errorf("%d artifacts were taken for 5 results", taken)
	}
	ctx, cancel := context.WithCancel(context.Background())
	err = l.LintAll(ctx, endless, 0, func(Result) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
	none := func(func(Artifact) bool) {}
	if err := l.LintAll(context.Background(), none, 2, func(Result) error { return stop }); err != nil {
		t.Errorf("empty stream: %v", err)
	}
}

func TestDescribe(t *testing.T) {
	for file, want := range map[string]Description{
		"subCAWBothURL.pem":                      {Kind: KindCert, Class: "subordinate CA"},
		"ev_orgid_ext_match_psd.pem":             {Kind: KindCert, Class: "EV"},
		"code_signing/valid_ev_code_signing.pem": {Kind: KindCert, Class: "EV code signing"},
		"crlEmpty.pem":                           {Kind: KindCRL, Class: "CRL"},
		"ocspRsaSHA256":                          {Kind: KindOCSP, Class: "OCSP response: good"},
	} {
		d := Describe(pemArtifact(t, file))
		if d.Err != nil || d.Kind != want.Kind || d.Class != want.Class || len(d.SHA256) != 64 || d.NotBefore.IsZero() {
			t.Errorf("%s: %+v, want class %q", file, d, want.Class)
		}
		if d.Kind == KindCert && (d.Serial == "" || d.Issuer == "" || d.Key == "" || d.Signature == "" || !d.NotAfter.After(d.NotBefore)) {
			t.Errorf("%s: incomplete: %+v", file, d)
		}
	}
	if d := Describe(Artifact{Kind: KindCert, DER: []byte{0x30}}); d.Err == nil || d.SHA256 == "" || d.Kind != KindCert {
		t.Errorf("unparseable: %+v", d)
	}
	for _, cert := range zlintCorpus(t) {
		d := Describe(Artifact{Kind: KindCert, DER: cert.der})
		if d.Err != nil || d.Class == "" || !utf8.ValidString(d.Subject+d.Issuer+strings.Join(d.Names, "")) {
			t.Errorf("%s: %+v", cert.file, d)
		}
	}
	if got := Describe(Artifact{Kind: KindCert, DER: der(t, "ct38mo3SCTs.pem")}).NotAfter.Location(); got != time.UTC {
		t.Errorf("times are in %v", got)
	}
}
