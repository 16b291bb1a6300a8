package ct_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/testpki"
	"selfaudit/sampler/ct"
)

func mustParse(t testing.TB, der []byte) *ct.Certificate {
	t.Helper()
	c, err := ct.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// agree compares the shallow view with crypto/x509's.
func agree(t testing.TB, c *ct.Certificate, want *x509.Certificate) {
	t.Helper()
	for _, f := range []struct {
		name      string
		got, want []byte
	}{
		{"Raw", c.Raw, want.Raw}, {"RawTBS", c.RawTBS, want.RawTBSCertificate}, {"RawIssuer", c.RawIssuer, want.RawIssuer},
		{"RawSubject", c.RawSubject, want.RawSubject}, {"RawSPKI", c.RawSPKI, want.RawSubjectPublicKeyInfo},
		{"Signature", c.Signature, want.Signature},
	} {
		if !bytes.Equal(f.got, f.want) {
			t.Errorf("%s: %x, want %x", f.name, f.got, f.want)
		}
	}
	if !c.NotBefore.Equal(want.NotBefore) || !c.NotAfter.Equal(want.NotAfter) {
		t.Errorf("validity %s to %s, want %s to %s", c.NotBefore, c.NotAfter, want.NotBefore, want.NotAfter)
	}
	if c.ExtensionsErr != nil || len(c.Extensions) != len(want.Extensions) {
		t.Fatalf("%d extensions (%v), want %d", len(c.Extensions), c.ExtensionsErr, len(want.Extensions))
	}
	for i, x := range want.Extensions {
		if got := c.Extensions[i]; got.OID != x.Id.String() || got.Critical != x.Critical || !bytes.Equal(got.Value, x.Value) {
			t.Errorf("extension %d: %s, want %s", i, got.OID, x.Id)
		}
	}
	if c.IsCA() != want.IsCA {
		t.Errorf("IsCA %v, want %v", c.IsCA(), want.IsCA)
	}
	issuer, err := ct.IssuerName(c.Raw)
	if err != nil || !bytes.Equal(issuer, want.RawIssuer) {
		t.Errorf("IssuerName %x (%v), want %x", issuer, err, want.RawIssuer)
	}
}

func TestCertificateAgreesWithCryptoX509(t *testing.T) {
	ca := testpki.NewRoot("Root", testpki.CAOptions{Key: testpki.RSAKey(0)})
	signer := ca.NewPrecertSigner("Signer", testpki.CAOptions{Key: testpki.RSAKey(1)})
	tmpl := testpki.Template{Subject: testpki.Name(testpki.CN("x"), testpki.O("=1+1\x1b")), NotAfter: time.Date(2050, 1, 1, 0, 0, 0, 0, time.UTC)}
	for _, der := range [][]byte{ca.Cert, signer.Cert, ca.Certificate(tmpl), ca.Precertificate(tmpl), signer.Precertificate(tmpl)} {
		want, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		agree(t, mustParse(t, der), want)
	}
	roots := readFile(t, alphaPath("roots.pem"))
	for block, rest := pem.Decode(roots); block != nil; block, rest = pem.Decode(rest) {
		want, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		agree(t, mustParse(t, block.Bytes), want)
	}
}

func TestCertificateFacts(t *testing.T) {
	ca := testpki.NewRoot("Root", testpki.CAOptions{})
	signer := ca.NewPrecertSigner("Signer", testpki.CAOptions{})
	tmpl := testpki.Template{Policies: []string{"2.23.140.1.2.2", "2.25.329800735698586629295641978511506172918"}, EKUs: []string{"1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"}}
	leaf, pre := mustParse(t, ca.Certificate(tmpl)), mustParse(t, ca.Precertificate(tmpl))
	if leaf.IsPrecert() || !pre.IsPrecert() || leaf.IsCA() || !mustParse(t, ca.Cert).IsCA() {
		t.Error("poison or CA is not recognised")
	}
	if !mustParse(t, signer.Cert).IsPrecertSigning() || mustParse(t, ca.Cert).IsPrecertSigning() {
		t.Error("the Precertificate Signing Certificate is not recognised")
	}
	if got, err := leaf.PolicyOIDs(); err != nil || !slices.Equal(got, tmpl.Policies) {
		t.Errorf("policies %v (%v), want %v", got, err, tmpl.Policies)
	}
	if got := leaf.EKUs(); !slices.Equal(got, tmpl.EKUs) {
		t.Errorf("key usages %v, want %v", got, tmpl.EKUs)
	}
	if mustParse(t, ca.Cert).KeyHash() != ca.Key.Hash() {
		t.Error("the key hash is not that of the key")
	}
	if got, err := mustParse(t, ca.Cert).SCTs(); got != nil || err != nil {
		t.Errorf("SCTs of a certificate without any: %v, %v", got, err)
	}
}

// TestTolerated lists what strict parsers refuse and a harvest must not lose.
func TestTolerated(t *testing.T) {
	ca := testpki.NewRoot("Root", testpki.CAOptions{})
	utc := func(s string) []byte { return testpki.TLV(0x17, []byte(s)) }
	from := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		t             testpki.Template
		serial        string
		noTime        bool
		extensionsErr string
	}{
		"leading zeros":      {t: testpki.Template{Serial: []byte{0, 0, 5}}, serial: "\x00\x00\x05"},
		"negative serial":    {t: testpki.Template{Serial: []byte{0xff, 1}}, serial: "\xff\x01"},
		"zero serial":        {t: testpki.Template{Serial: []byte{0}}, serial: "\x00"},
		"empty serial":       {t: testpki.Template{Serial: []byte{}}, serial: ""},
		"serial of 40":       {t: testpki.Template{Serial: bytes.Repeat([]byte{1}, 40)}, serial: strings.Repeat("\x01", 40)},
		"unreadable times":   {t: testpki.Template{Validity: testpki.Sequence(utc("never"), utc("ever"))}, noTime: true},
		"impossible day":     {t: testpki.Template{Validity: testpki.Sequence(utc("260231000000Z"), utc("269999000000Z"))}, noTime: true},
		"one time":           {t: testpki.Template{Validity: testpki.Sequence()}, noTime: true},
		"validity of NULL":   {t: testpki.Template{Validity: []byte{5, 0}}, noTime: true},
		"no seconds":         {t: testpki.Template{Validity: testpki.Sequence(utc("2609010000Z"), utc("2612010000Z"))}},
		"zone offset":        {t: testpki.Template{Validity: testpki.Sequence(utc("260901020000+0200"), utc("261201000000Z"))}},
		"fraction":           {t: testpki.Template{Validity: testpki.Sequence(testpki.TLV(0x18, []byte("20260901000000.5Z")), utc("261201000000Z"))}},
		"extension twice":    {t: testpki.Template{Extensions: func(x [][]byte) [][]byte { return append(x, x[0]) }}, extensionsErr: "2.5.29.15 is there twice"},
		"broken extension":   {t: testpki.Template{Extensions: func(x [][]byte) [][]byte { return append([][]byte{{5, 0}}, x...) }}, extensionsErr: "extension 0: tag 0x05"},
		"truncated list":     {t: testpki.Template{Extensions: func(x [][]byte) [][]byte { return append(x, []byte{0x30, 0x7f}) }}, extensionsErr: "runs past the end"},
		"no object id":       {t: testpki.Template{Extensions: func(x [][]byte) [][]byte { return append(x, testpki.Sequence([]byte{6, 1, 0x80})) }}, extensionsErr: "not an object identifier"},
		"thousands":          {t: testpki.Template{Extensions: func(x [][]byte) [][]byte { return append(x, bytes.Repeat([]byte{0x30, 0}, 5000)) }}, extensionsErr: "extnID"},
		"no extensions":      {t: testpki.Template{Extensions: func([][]byte) [][]byte { return nil }}},
		"trailing TBS field": {t: testpki.Template{PatchTBS: appendToTBS}, extensionsErr: "that are no extensions"},
	} {
		der := ca.Certificate(tc.t)
		c, err := ct.ParseCertificate(der)
		if err != nil {
			t.Errorf("%s: refused: %v", name, err)
			continue
		}
		if tc.t.Serial != nil && string(c.SerialContent) != tc.serial {
			t.Errorf("%s: serial %x", name, c.SerialContent)
		}
		if tc.noTime != c.NotBefore.IsZero() || !tc.noTime && !c.NotBefore.Equal(from) {
			t.Errorf("%s: notBefore %s", name, c.NotBefore)
		}
		if (c.ExtensionsErr == nil) != (tc.extensionsErr == "") || c.ExtensionsErr != nil && !strings.Contains(c.ExtensionsErr.Error(), tc.extensionsErr) {
			t.Errorf("%s: ExtensionsErr %v, want %q", name, c.ExtensionsErr, tc.extensionsErr)
		}
		if err := ct.VerifySignature(ca.Key.SPKI, c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.Equal(c.RawIssuer, ca.Name) {
			t.Errorf("%s: issuer %x", name, c.RawIssuer)
		}
	}
}

// appendToTBS adds an element after the extensions.
func appendToTBS(tbs []byte) []byte {
	header := 4 // 30 82 xx xx
	return testpki.Sequence(tbs[header:], []byte{5, 0})
}

func TestRefused(t *testing.T) {
	ca := testpki.NewRoot("Root", testpki.CAOptions{})
	good := ca.Certificate(testpki.Template{})
	for n := range good {
		if _, err := ct.ParseCertificate(good[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes were accepted", n, len(good))
		}
	}
	for name, der := range map[string][]byte{
		"trailing byte":     append(bytes.Clone(good), 0),
		"indefinite length": append([]byte{0x30, 0x80}, good[4:]...),
		"huge length":       {0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30},
		"longer length":     {0x30, 0x85, 0, 0, 0, 0, 1, 0x30},
		"not a sequence":    {0x04, 0x00},
		"cut TBS":           ca.Resign(testpki.Sequence([]byte{2, 1, 1})),
		"no signature":      testpki.Sequence(mustParse(t, good).RawTBS),
	} {
		if _, err := ct.ParseCertificate(der); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestPolicyOIDsRefused(t *testing.T) {
	ca := testpki.NewRoot("Root", testpki.CAOptions{})
	with := func(values ...[]byte) *ct.Certificate {
		return mustParse(t, ca.Certificate(testpki.Template{Policies: []string{}, Extensions: func(x [][]byte) [][]byte {
			for _, v := range values {
				x = append(x, testpki.Extension("2.5.29.32", false, v))
			}
			return x
		}}))
	}
	dv := testpki.Sequence(testpki.Sequence(testpki.OID("2.23.140.1.2.1")))
	if got, err := with().PolicyOIDs(); got != nil || err != nil {
		t.Errorf("without the extension: %v, %v", got, err)
	}
	if got, err := with(dv).PolicyOIDs(); err != nil || len(got) != 1 {
		t.Errorf("one policy: %v, %v", got, err)
	}
	for name, c := range map[string]*ct.Certificate{
		"extension twice": with(dv, dv), "garbage": with([]byte("x")), "bytes after": with(append(bytes.Clone(dv), 0)),
		"policy without OID": with(testpki.Sequence(testpki.Sequence())), "bad OID": with(testpki.Sequence(testpki.Sequence([]byte{6, 0}))),
	} {
		if got, err := c.PolicyOIDs(); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// FuzzCertificate: whatever crypto/x509 reads is read the same, and nothing panics.
func FuzzCertificate(f *testing.F) {
	ca := testpki.NewRoot("Root", testpki.CAOptions{})
	f.Add(ca.Cert)
	f.Add(ca.Precertificate(testpki.Template{}))
	f.Add(ca.Certificate(testpki.Template{}, []byte("not an SCT")))
	if files, err := filepath.Glob(alphaPath("c", "issuer", "*")); err == nil {
		for _, name := range files {
			if der, err := os.ReadFile(name); err == nil {
				f.Add(der)
			}
		}
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		c, err := ct.ParseCertificate(der)
		want, strictErr := x509.ParseCertificate(der)
		if strictErr == nil {
			if err != nil {
				t.Fatalf("refused what crypto/x509 reads: %v", err)
			}
			agree(t, c, want)
		}
		if err != nil {
			return
		}
		exercise(c)
		if tbs, err := ct.ParseTBS(c.RawTBS); err != nil || !bytes.Equal(tbs.RawSPKI, c.RawSPKI) {
			t.Fatalf("the TBSCertificate of a readable certificate is not readable: %v", err)
		}
		if pairing, err := c.PairingTBS(); err == nil {
			again, err := ct.ParseTBS(pairing)
			if err != nil {
				t.Fatalf("PairingTBS is not readable: %v", err)
			}
			if twice, err := again.PairingTBS(); err != nil || !bytes.Equal(twice, pairing) {
				t.Fatalf("PairingTBS is not stable: %v", err)
			}
		}
	})
}

// exercise calls everything that looks into extensions, for the sake of panics.
func exercise(c *ct.Certificate) {
	c.IsPrecert()
	c.IsPrecertSigning()
	_, _ = c.PolicyOIDs()
	_, _ = c.SCTs()
	_, _ = c.PrecertTBS(c)
	_, _ = c.PrecertTBS(nil)
	_ = ct.VerifySignature(c.RawSPKI, c)
}

func FuzzTBS(f *testing.F) {
	ca := testpki.NewRoot("Root", testpki.CAOptions{})
	f.Add(ca.TBS(testpki.Template{}))
	f.Fuzz(func(t *testing.T, tbs []byte) {
		c, err := ct.ParseTBS(tbs)
		if err != nil {
			return
		}
		if !bytes.Equal(c.RawTBS, tbs) || c.Raw != nil || c.SigAlg != nil || c.Signature != nil {
			t.Fatal("a bare TBSCertificate has the fields of a certificate")
		}
		exercise(c)
	})
}

func FuzzIssuerName(f *testing.F) {
	f.Add(testpki.NewRoot("Root", testpki.CAOptions{}).Cert)
	f.Fuzz(func(t *testing.T, der []byte) {
		name, err := ct.IssuerName(der)
		if c, perr := ct.ParseCertificate(der); perr == nil && (err != nil || !bytes.Equal(name, c.RawIssuer)) {
			t.Fatalf("IssuerName %x (%v), ParseCertificate %x", name, err, c.RawIssuer)
		}
	})
}
