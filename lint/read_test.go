package lint

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// der returns the bytes of one of the test artifacts.
func der(t testing.TB, name string) []byte { return pemArtifact(t, name).DER }

func armour(label string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
}

// bundle builds a PKCS#7 SignedData without signers.
func bundle(t testing.TB, certs, crls []byte) []byte {
	t.Helper()
	var b cryptobyte.Builder
	context := func(n uint8) cryptobyte_asn1.Tag { return cryptobyte_asn1.Tag(n).ContextSpecific().Constructed() }
	empty := func(*cryptobyte.Builder) {}
	b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidSignedData)
		b.AddASN1(context(0), func(b *cryptobyte.Builder) {
			b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(1)
				b.AddASN1(cryptobyte_asn1.SET, empty)
				b.AddASN1(cryptobyte_asn1.SEQUENCE, empty)
				b.AddASN1(context(0), func(b *cryptobyte.Builder) { b.AddBytes(certs) })
				b.AddASN1(context(1), func(b *cryptobyte.Builder) { b.AddBytes(crls) })
				b.AddASN1(cryptobyte_asn1.SET, empty)
			})
		})
	})
	out, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestReadArtifactsForms(t *testing.T) {
	cert, crl, ocsp := der(t, "subCAWBothURL.pem"), der(t, "crlEmpty.pem"), der(t, "ocspRsaSHA256")
	b64 := func(d []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(d)) }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	damaged := bytes.Replace(armour("CERTIFICATE", cert), []byte("MII"), []byte("M!!"), 1)
	headless := armour("CERTIFICATE", cert)[:200]
	for name, c := range map[string]struct {
		input []byte
		want  string // kinds; "!" marks an artifact with an error
	}{
		"der cert":          {cert, "cert"},
		"der crl":           {crl, "crl"},
		"der ocsp":          {ocsp, "ocsp"},
		"two der":           {join(cert, crl), "cert crl"},
		"pem":               {armour("CERTIFICATE", cert), "cert"},
		"pem blocks":        {join(armour("CERTIFICATE", cert), armour("X509 CRL", crl), armour("OCSP RESPONSE", ocsp)), "cert crl ocsp"},
		"pem with text":     {join([]byte("subject: x\n"), armour("CERTIFICATE", cert), []byte("\ntrailer")), "cert"},
		"pem crlf":          {bytes.ReplaceAll(armour("CERTIFICATE", cert), []byte("\n"), []byte("\r\n")), "cert"},
		"pem odd label":     {armour("SOMETHING", cert), "cert"},
		"pem wrong label":   {armour("X509 CRL", cert), "cert"},
		"pem trusted":       {armour("TRUSTED CERTIFICATE", join(cert, []byte{0x30, 0})), "cert"},
		"pem damaged":       {join(damaged, armour("CERTIFICATE", cert)), "unknown! cert"},
		"pem no end":        {join(headless, []byte("\n"), armour("CERTIFICATE", cert)), "unknown! cert"},
		"pem not a cert":    {armour("CERTIFICATE", []byte{0x30, 0}), "cert!"},
		"pem key and cert":  {join(armour("PRIVATE KEY", []byte("secret")), armour("CERTIFICATE", cert)), "unknown! cert"},
		"base64 cert":       {b64(cert), "cert"},
		"base64 wrapped":    {[]byte(strings.Join(strings.SplitAfter(string(b64(ocsp)), "A"), "\n")), "ocsp"},
		"base64 lines":      {join(b64(cert), []byte("\n"), b64(crl), []byte("\n")), "cert crl"},
		"base64 bad line":   {join(b64(cert), []byte("\n%%%\n"), b64(crl)), "cert unknown! crl"},
		"pkcs7":             {bundle(t, join(cert, cert), crl), "cert cert crl"},
		"pkcs7 pem":         {armour("PKCS7", bundle(t, cert, nil)), "cert"},
		"pkcs7 empty":       {bundle(t, nil, nil), "unknown!"},
		"pkcs7 base64":      {b64(bundle(t, cert, nil)), "cert"},
		"pkcs7 bad element": {bundle(t, []byte{0x30, 0}, nil), "cert!"},
		"empty":             {nil, "unknown!"},
		"blank":             {[]byte(" \n\t"), "unknown!"},
		"text":              {[]byte("hello"), "unknown!"},
		"trailing rubbish":  {join(cert, []byte("x")), "cert!"},
		"truncated der":     {cert[:len(cert)-1], "unknown!"},
		"huge length":       {[]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30}, "unknown!"},
		"ocsp try later":    {[]byte{0x30, 0x03, 0x0a, 0x01, 0x03}, "ocsp!"},
	} {
		artifacts, err := ReadArtifacts(name, bytes.NewReader(c.input))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var kinds []string
		for i, a := range artifacts {
			kind := string(a.Kind)
			if a.Err != nil {
				kind += "!"
			}
			kinds = append(kinds, kind)
			if a.File != name || a.Block != i {
				t.Errorf("%s: artifact %d is %q block %d", name, i, a.File, a.Block)
			}
		}
		if got := strings.Join(kinds, " "); got != c.want {
			t.Errorf("%s: read as %q, want %q", name, got, c.want)
		}
	}
}

func TestReadArtifactsKeepsKeyMaterialOut(t *testing.T) {
	artifacts, err := ReadArtifacts("key.pem", bytes.NewReader(armour("EC PRIVATE KEY", []byte("secret"))))
	if err != nil || len(artifacts) != 1 {
		t.Fatalf("%d artifacts, %v", len(artifacts), err)
	}
	r := mustNew(t, Options{}).Lint(artifacts[0])
	if artifacts[0].DER != nil || r.SHA256 != "" {
		t.Error("bytes or hash of a private key went on")
	}
	if len(r.Findings) != 1 || r.Findings[0].Lint != LintNotLinted || r.Worst() != Notice {
		t.Errorf("findings: %+v", r.Findings)
	}
}

func TestReadArtifactsReportsReader(t *testing.T) {
	broken := errors.New("disk on fire")
	_, err := ReadArtifacts("x.pem", io.MultiReader(strings.NewReader("-----BEGIN"), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "x.pem") {
		t.Errorf("error %v", err)
	}
}

// TestReadZlintTestData reads every file of zlint's test data.
func TestReadZlintTestData(t *testing.T) {
	module, err := zlintModule()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(module, "testdata", "*"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[Kind]int{}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // a folder
		}
		for _, a := range readBytes(data) {
			if a.Err == nil {
				kinds[a.Kind]++
			}
		}
	}
	if kinds[KindCert] < 1200 || kinds[KindCRL] < 70 || kinds[KindOCSP] < 25 {
		t.Errorf("readable artifacts in zlint's test data: %v", kinds)
	}
}
