package testpki_test

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"selfaudit/internal/testpki"
)

// pinnedPoint is the beginning of the public point of ECKey("pinned").
const pinnedPoint = "fa8a99a75b92e0e7"

func parse(t *testing.T, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestChainVerifies lets crypto/x509 judge ordinary certificates of both key types.
func TestChainVerifies(t *testing.T) {
	for _, tc := range []struct {
		name string
		o    testpki.CAOptions
	}{
		{"ECDSA", testpki.CAOptions{}},
		{"RSA", testpki.CAOptions{Key: testpki.RSAKey(1)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			root := testpki.NewRoot("Root", testpki.CAOptions{Key: testpki.RSAKey(0)})
			ca := root.NewCA("Issuing", tc.o)
			leaf := parse(t, ca.Certificate(testpki.Template{DNSNames: []string{"a.example"}}))
			roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
			roots.AddCert(parse(t, root.Cert))
			intermediates.AddCert(parse(t, ca.Cert))
			_, err := leaf.Verify(x509.VerifyOptions{
				Roots: roots, Intermediates: intermediates, DNSName: "a.example",
				CurrentTime: time.Date(2026, 9, 15, 0, 0, 0, 0, time.UTC),
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSameInputsSameBytes(t *testing.T) {
	build := func() []byte {
		ca := testpki.NewRoot("Root", testpki.CAOptions{}).NewCA("Issuing", testpki.CAOptions{Key: testpki.RSAKey(2)})
		signer := ca.NewPrecertSigner("Signer", testpki.CAOptions{})
		tmpl := testpki.Template{Seed: "1"}
		return bytes.Join([][]byte{ca.Cert, ca.Certificate(tmpl), signer.Precertificate(tmpl), signer.TBS(tmpl)}, nil)
	}
	if !bytes.Equal(build(), build()) {
		t.Error("two runs differ")
	}
	// The bytes of one key are pinned: another Go version must not change them.
	if got, want := hex.EncodeToString(testpki.ECKey("pinned").SPKI[27:35]), pinnedPoint; got != want {
		t.Errorf("the key of seed %q begins %s, want %s", "pinned", got, want)
	}
}

func TestCrossSignedTwinSharesTheKey(t *testing.T) {
	old, next := testpki.NewRoot("Old Root", testpki.CAOptions{}), testpki.NewRoot("New Root", testpki.CAOptions{})
	ca := old.NewCA("Issuing", testpki.CAOptions{})
	twin := next.CrossSign(ca, testpki.CAOptions{})
	renamed := next.CrossSign(ca, testpki.CAOptions{Name: testpki.Name(testpki.CN("Other Name"))})
	a, b, c := parse(t, ca.Cert), parse(t, twin.Cert), parse(t, renamed.Cert)
	if bytes.Equal(a.Raw, b.Raw) || !bytes.Equal(a.RawSubjectPublicKeyInfo, b.RawSubjectPublicKeyInfo) || !bytes.Equal(a.RawSubject, b.RawSubject) {
		t.Error("the twin is not another certificate of the same key and name")
	}
	if c.Subject.CommonName != "Other Name" || !bytes.Equal(a.RawSubjectPublicKeyInfo, c.RawSubjectPublicKeyInfo) {
		t.Error("the renamed twin is not the same key under another name")
	}
	if err := b.CheckSignatureFrom(parse(t, next.Cert)); err != nil {
		t.Error(err)
	}
}

func TestPrecertSigner(t *testing.T) {
	ca := testpki.NewRoot("Root", testpki.CAOptions{}).NewCA("Issuing", testpki.CAOptions{})
	signer := ca.NewPrecertSigner("Signer", testpki.CAOptions{})
	tmpl := testpki.Template{DNSNames: []string{"b.example"}}
	pre, final := parse(t, signer.Precertificate(tmpl)), parse(t, signer.Certificate(tmpl, []byte("an SCT")))
	if pre.SerialNumber.Cmp(final.SerialNumber) != 0 {
		t.Error("precertificate and final certificate have two serial numbers")
	}
	if pre.Issuer.CommonName != "Signer" || final.Issuer.CommonName != "Issuing" {
		t.Errorf("issuers are %s and %s", pre.Issuer, final.Issuer)
	}
	if err := pre.CheckSignatureFrom(parse(t, signer.Cert)); err != nil {
		t.Error(err)
	}
	if signer.IssuerKeyHash() != ca.IssuerKeyHash() {
		t.Error("the issuer key hash is not the issuing CA's")
	}
}

// TestHostile makes what crypto/x509 would not.
func TestHostile(t *testing.T) {
	ca := testpki.NewRoot("Root", testpki.CAOptions{})
	der := ca.Certificate(testpki.Template{
		Serial:   []byte{0x00, 0x00, 0x01},
		Subject:  testpki.Name(testpki.CN("=HYPERLINK(\"x\")\x1b[31m")),
		Validity: testpki.Sequence(testpki.TLV(0x17, []byte("never")), testpki.TLV(0x17, []byte("ever"))),
		Extensions: func(exts [][]byte) [][]byte {
			return append(exts, exts[0])
		},
	})
	if _, err := x509.ParseCertificate(der); err == nil {
		t.Error("crypto/x509 accepts the certificate")
	}
	for _, want := range []string{"\x02\x03\x00\x00\x01", "=HYPERLINK", "never"} {
		if !bytes.Contains(der, []byte(want)) {
			t.Errorf("%q is not in the certificate", want)
		}
	}
	var cut []byte
	patched := ca.Certificate(testpki.Template{PatchTBS: func(tbs []byte) []byte { cut = tbs[:40]; return cut }})
	if !bytes.Equal(patched, ca.Resign(cut)) || !bytes.Contains(patched, cut) {
		t.Error("the patched TBSCertificate is not what was signed")
	}
}

func BenchmarkCertificate(b *testing.B) {
	ca := testpki.NewRoot("Root", testpki.CAOptions{})
	for i := 0; b.Loop(); i++ {
		ca.Precertificate(testpki.Template{Seed: fmt.Sprint(i)})
	}
}

func BenchmarkUnsigned(b *testing.B) {
	ca := testpki.NewRoot("Root", testpki.CAOptions{})
	for i := 0; b.Loop(); i++ {
		ca.Precertificate(testpki.Template{Seed: fmt.Sprint(i), Unsigned: true})
	}
}

func ExampleCA_Precertificate() {
	root := testpki.NewRoot("Example Root", testpki.CAOptions{})
	ca := root.NewCA("Example CA", testpki.CAOptions{})
	t := testpki.Template{DNSNames: []string{"www.example.com"}}
	pre := ca.Precertificate(t)
	c, err := x509.ParseCertificate(pre)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Issuer.CommonName, c.DNSNames, c.NotBefore.Format(time.DateOnly))
	// Output: Example CA [www.example.com] 2026-09-01
}
