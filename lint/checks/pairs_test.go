package checks

import (
	"strings"
	"testing"

	"selfaudit/internal/testpki"
	"selfaudit/lint"
)

// add feeds certificates one by one and returns all findings.
func add(p *Pairs, ders ...[]byte) []lint.Finding {
	var all []lint.Finding
	for _, der := range ders {
		all = append(all, p.Add("first.pem", der, nil)...)
	}
	return all
}

func TestPrecertificate(t *testing.T) {
	o := testpki.Template{Subject: dv()}
	pre, final := ca.Precertificate(o), ca.Certificate(o, []byte("a signed certificate timestamp"))
	for name, ders := range map[string][][]byte{"final last": {pre, final}, "final first": {final, pre}, "twice": {pre, pre, final, final}} {
		if got := add(&Pairs{}, ders...); len(got) != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	serial := []byte{0x41, 1, 2, 3, 4, 5, 6, 7, 8}
	base := testpki.Template{Subject: dv(), Serial: serial}
	for what, changed := range map[string]testpki.Template{
		"extension 2.5.29.17 differs":       {Subject: dv(), Serial: serial, DNSNames: []string{"www.example.org"}},
		"subject differs":                   {Subject: testpki.Name(testpki.CN("x")), Serial: serial},
		"subjectPublicKeyInfo differs":      {Subject: dv(), Serial: serial, Key: testpki.ECKey("another")},
		"validity differs":                  {Subject: dv(), Serial: serial, NotAfter: since(2026, 10, 1)},
		"extension number ":                 {Subject: dv(), Serial: serial, Extensions: func(e [][]byte) [][]byte { e[0], e[1] = e[1], e[0]; return e }},
		"extension 2.5.29.31 does not":      {Subject: dv(), Serial: serial},
		"stands only in the precertificate": {Subject: dv(), Serial: serial, Extensions: func(e [][]byte) [][]byte { return e[:len(e)-1] }},
	} {
		precert := base
		if strings.Contains(what, "does not") {
			precert.Extensions = func(e [][]byte) [][]byte { return e[:len(e)-1] }
		}
		for _, ders := range [][][]byte{{ca.Precertificate(precert), ca.Certificate(changed)}, {ca.Certificate(changed), ca.Precertificate(precert)}} {
			got := add(&Pairs{}, ders...)
			if len(got) != 1 || got[0].Lint != lint.CheckPrecertificate || !strings.Contains(got[0].Details, what) || !strings.Contains(got[0].Details, "first.pem") {
				t.Errorf("%s: %+v", what, got)
			}
		}
	}
}

func TestPrecertificateSigningCertificate(t *testing.T) {
	signer := ca.NewPrecertSigner("signer", testpki.CAOptions{})
	o := testpki.Template{Subject: dv()}
	pre, final := signer.Precertificate(o), ca.Certificate(o)
	p := &Pairs{Issuers: NewIssuers([][]byte{signer.Cert, ca.Cert})}
	if got := add(p, pre, final); len(got) != 0 {
		t.Errorf("corresponding: %+v", got)
	}
	changed := o
	changed.DNSNames, changed.Serial = []string{"www.example.org"}, []byte{0x41, 9, 9, 9, 9, 9, 9, 9}
	o.Serial = changed.Serial
	if got := add(p, signer.Precertificate(o), ca.Certificate(changed)); len(got) != 1 || got[0].Lint != lint.CheckPrecertificate {
		t.Errorf("different: %+v", got)
	}
}

func TestSerialReused(t *testing.T) {
	serial := []byte{0x41, 1, 2, 3}
	a := ca.Certificate(testpki.Template{Serial: serial, DNSNames: []string{"a.example"}})
	b := ca.Certificate(testpki.Template{Serial: serial, DNSNames: []string{"b.example"}})
	if got := add(&Pairs{}, a, b); len(got) != 1 || got[0].Lint != lint.CheckSerialReused || !strings.Contains(got[0].Details, "41010203") {
		t.Errorf("one serial, two certificates: %+v", got)
	}
	if got := add(&Pairs{}, a, a, other.Certificate(testpki.Template{Serial: serial})); len(got) != 0 {
		t.Errorf("one certificate twice, and another CA's: %+v", got)
	}
}

func TestPairsAreBounded(t *testing.T) {
	o := testpki.Template{Unsigned: true}
	pre := ca.Precertificate(o)
	p := &Pairs{Limit: len(pre)}
	add(p, pre, ca.Certificate(testpki.Template{Seed: "x", Unsigned: true}), ca.Certificate(testpki.Template{Seed: "y", Unsigned: true}))
	if p.Skipped() != 2 {
		t.Errorf("skipped %d, want 2", p.Skipped())
	}
	if got := add(p, ca.Certificate(o)); len(got) != 0 || p.Skipped() != 2 {
		t.Errorf("a partner of what is remembered: %+v, skipped %d", got, p.Skipped())
	}
}

func TestDotted(t *testing.T) {
	for content, want := range map[string]string{
		oidPoison: "1.3.6.1.4.1.11129.2.4.3", oidAuthorityKeyID: "2.5.29.35", "\x09\x92": "0992", "\x88\x37": "2.999", "": "", "\x80\x01": "8001",
	} {
		if got := dotted(content); got != want {
			t.Errorf("dotted(%x) = %s, want %s", content, got, want)
		}
	}
}

func FuzzPairs(f *testing.F) {
	o := testpki.Template{Subject: dv()}
	f.Add(ca.Precertificate(o), ca.Certificate(o), ca.Cert)
	f.Add(ca.Certificate(o, []byte("sct")), ca.Certificate(o), []byte(nil))
	f.Fuzz(func(t *testing.T, a, b, issuer []byte) {
		pool := NewIssuers([][]byte{issuer})
		p := &Pairs{Issuers: pool}
		for _, x := range append(p.Add("a", a, nil), p.Add("b", b, nil)...) {
			if x.Severity == lint.Fatal || len(x.Details) > lint.MaxDetails {
				t.Errorf("%+v", x)
			}
		}
		if len(add(&Pairs{Issuers: pool}, a, a)) != 0 {
			t.Error("a certificate differs from itself")
		}
		raw, err := cut(a)
		c, parseErr := parse(a)
		if err == nil && parseErr == nil {
			if string(raw.issuer) != string(c.RawIssuer) || string(raw.subject) != string(c.RawSubject) || string(raw.tbs) != string(c.RawTBSCertificate) {
				t.Error("cut and zcrypto disagree")
			}
			Set{Issuers: pool}.Check(lint.Artifact{DER: a}, c)
		}
	})
}
