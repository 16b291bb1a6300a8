package ct_test

import (
	"bytes"
	"slices"
	"testing"

	ctx509 "github.com/google/certificate-transparency-go/x509"
	"pgregory.net/rapid"

	"selfaudit/internal/testpki"
	"selfaudit/sampler/ct"
)

// TestPairing: a final certificate, its precertificate and the logged TBS agree
// wherever poison and SCT list stand and whatever the lengths around them are.
func TestPairing(t *testing.T) {
	ca := testpki.NewRoot("Root", testpki.CAOptions{})
	rapid.Check(t, func(t *rapid.T) {
		padding := rapid.IntRange(0, 70000).Draw(t, "padding")
		front := rapid.Bool().Draw(t, "in front")
		tmpl := testpki.Template{
			Unsigned: true,
			Extensions: func(x [][]byte) [][]byte {
				return append(x, testpki.Extension("1.2.3", false, make([]byte, padding)))
			},
			Place: func(exts, last []byte) []byte {
				if front {
					return slices.Concat(last, exts)
				}
				return slices.Concat(exts, last)
			},
		}
		sct := make([]byte, rapid.IntRange(1, 400).Draw(t, "SCT"))
		want := ca.TBS(tmpl)
		pre := mustParseRapid(t, ca.Precertificate(tmpl))
		final := mustParseRapid(t, ca.Certificate(tmpl, sct, sct))
		for name, got := range map[string]func() ([]byte, error){
			"PairingTBS of the final": final.PairingTBS, "PairingTBS of the precertificate": pre.PairingTBS,
			"PrecertTBS": func() ([]byte, error) { return pre.PrecertTBS(nil) },
		} {
			if tbs, err := got(); err != nil || !bytes.Equal(tbs, want) {
				t.Fatalf("%s differs from the logged TBSCertificate: %v", name, err)
			}
		}
	})
}

func mustParseRapid(t *rapid.T, der []byte) *ct.Certificate {
	c, err := ct.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPairingKeepsWhatItDoesNotTouch(t *testing.T) {
	ca := testpki.NewRoot("Root", testpki.CAOptions{})
	plain := mustParse(t, ca.Certificate(testpki.Template{}))
	if tbs, err := plain.PairingTBS(); err != nil || !bytes.Equal(tbs, plain.RawTBS) {
		t.Errorf("a certificate without SCTs changed: %v", err)
	}
	// A list that only held the poison goes with it: RFC 5280 wants at least one extension.
	bare := testpki.Template{Extensions: func([][]byte) [][]byte { return nil }}
	pre := mustParse(t, ca.Precertificate(bare))
	if tbs, err := pre.PairingTBS(); err != nil || !bytes.Equal(tbs, ca.TBS(bare)) {
		t.Errorf("an emptied extension list stayed: %v", err)
	}
	broken := mustParse(t, ca.Certificate(testpki.Template{Extensions: func(x [][]byte) [][]byte { return append(x, []byte{0x30, 0x7f}) }}))
	if _, err := broken.PairingTBS(); err == nil {
		t.Error("a truncated extension list was rebuilt")
	}
	other := mustParse(t, ca.Certificate(testpki.Template{Seed: "other"}))
	a, errA := plain.PairingTBS()
	b, errB := other.PairingTBS()
	if errA != nil || errB != nil || bytes.Equal(a, b) {
		t.Error("certificates of two serial numbers pair")
	}
}

// TestPrecertSigning compares the transformation with the one that logs run.
func TestPrecertSigning(t *testing.T) {
	ca := testpki.NewRoot("Root", testpki.CAOptions{}).NewCA("Issuing", testpki.CAOptions{})
	withAKI := func(x [][]byte) [][]byte { return x }
	withoutAKI := func(x [][]byte) [][]byte {
		return slices.DeleteFunc(slices.Clone(x), func(e []byte) bool { return bytes.Contains(e, testpki.OID("2.5.29.35")) })
	}
	signer := ca.NewPrecertSigner("Signer", testpki.CAOptions{})
	for name, tc := range map[string]struct {
		leaf   func([][]byte) [][]byte
		strip  bool // the signing certificate's authorityKeyIdentifier
		logged bool // the result is the TBS of the issuing CA's own template
	}{
		"both have the identifier":     {leaf: withAKI, logged: true},
		"only the signer has it":       {leaf: withoutAKI},
		"only the precertificate does": {leaf: withAKI, strip: true},
		"neither":                      {leaf: withoutAKI, strip: true, logged: true},
	} {
		t.Run(name, func(t *testing.T) {
			signing := mustParse(t, signer.Cert)
			if tc.strip {
				signing = mustParse(t, ca.Certificate(testpki.Template{
					Subject: signer.Name, Key: signer.Key, EKUs: []string{"1.3.6.1.4.1.11129.2.4.4"}, Extensions: withoutAKI,
				}))
			}
			tmpl := testpki.Template{Extensions: tc.leaf}
			pre := mustParse(t, signer.Precertificate(tmpl))
			got, err := pre.PrecertTBS(signing)
			if err != nil {
				t.Fatal(err)
			}
			theirs, err := ctx509.ParseCertificate(signing.Raw)
			if ctx509.IsFatal(err) {
				t.Fatal(err)
			}
			want, err := ctx509.BuildPrecertTBS(pre.RawTBS, theirs)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got  %x\nwant %x", got, want)
			}
			if tc.logged != bytes.Equal(got, signer.TBS(tmpl)) {
				t.Errorf("equality with the logged TBSCertificate is %v", !tc.logged)
			}
			if plain, err := pre.PrecertTBS(nil); err != nil || bytes.Equal(plain, got) {
				t.Errorf("the signing certificate made no difference: %v", err)
			}
		})
	}
}
