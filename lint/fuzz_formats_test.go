package lint

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"testing"
)

// One target for each form of input, so that each gets its own time: what one form has
// found interesting does not crowd out the others.

func FuzzCertificate(f *testing.F) {
	for _, name := range []string{"subCAWBothURL.pem", "ev_orgid_ext_match_psd.pem", "ecdsaP384InvalidKUs.pem"} {
		f.Add(der(f, name))
	}
	fuzzKind(f, KindCert)
}

func FuzzCRL(f *testing.F) {
	f.Add(der(f, "crl_with_duplicate_ext.pem"))
	fuzzKind(f, KindCRL)
}

func FuzzOCSP(f *testing.F) {
	f.Add(der(f, "ocspRsaSHA256"))
	fuzzKind(f, KindOCSP)
}

// fuzzKind lints bytes that claim to be of one kind: no panic, and the same result twice.
func fuzzKind(f *testing.F, kind Kind) {
	f.Helper()
	l, err := New(Options{Document: true, Describe: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > maxFuzzed {
			return
		}
		a := Artifact{Kind: kind, DER: data}
		one, err := json.Marshal(l.Lint(a))
		if err != nil {
			t.Fatal(err)
		}
		if two, _ := json.Marshal(l.Lint(a)); !bytes.Equal(one, two) {
			t.Errorf("linting twice gives\n%s\n%s", one, two)
		}
	})
}

func FuzzPEM(f *testing.F) {
	one, two := der(f, "subCAWBothURL.pem"), der(f, "crl_with_duplicate_ext.pem")
	f.Add(armour("CERTIFICATE", one))
	f.Add(append(armour("CERTIFICATE", one), armour("X509 CRL", two)...))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\r\nProc-Type: 4,ENCRYPTED\r\n\r\nMAA=\r\n-----END CERTIFICATE-----\r\n"))
	fuzzReading(f)
}

func FuzzPKCS7(f *testing.F) {
	one, two := der(f, "subCAWBothURL.pem"), der(f, "crl_with_duplicate_ext.pem")
	f.Add(bundle(f, one, nil))
	f.Add(armour("PKCS7", bundle(f, one, two)))
	fuzzReading(f)
}

func FuzzBase64(f *testing.F) {
	for _, name := range []string{"subCAWBothURL.pem", "crl_with_duplicate_ext.pem", "ocspRsaSHA256"} {
		f.Add([]byte(base64.StdEncoding.EncodeToString(der(f, name)) + "\n"))
	}
	fuzzReading(f)
}

// fuzzReading reads bytes of no known form.
func fuzzReading(f *testing.F) {
	f.Helper()
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > maxFuzzed {
			return
		}
		readNumbered(t, data)
	})
}

// readNumbered reads bytes and demands that every artifact is numbered, and is either of a
// known kind or says why it is not.
func readNumbered(t *testing.T, data []byte) []Artifact {
	t.Helper()
	artifacts, err := ReadArtifacts("x", bytes.NewReader(data))
	if err != nil || len(artifacts) == 0 {
		t.Fatalf("%d artifacts, %v", len(artifacts), err)
	}
	for i, a := range artifacts {
		if a.Block != i || (a.Kind == KindUnknown && a.Err == nil) {
			t.Errorf("artifact %d: block %d, kind %s, error %v", i, a.Block, a.Kind, a.Err)
		}
	}
	return artifacts
}
