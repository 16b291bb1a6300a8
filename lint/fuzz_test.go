package lint

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// maxFuzzed bounds the inputs: some lints of zlint do work that grows with the
// square of a key's length.
const maxFuzzed = 8 << 10

// seeds adds artifacts of every kind and form.
func seeds(f *testing.F, add func(data []byte)) {
	f.Helper()
	for _, name := range []string{
		"subCAWBothURL.pem", "ev_orgid_ext_match_psd.pem", "ecdsaP384InvalidKUs.pem", "crl_with_duplicate_ext.pem", "ocspRsaSHA256",
	} {
		add(der(f, name))
	}
	add(nil)
}

func FuzzReadArtifacts(f *testing.F) {
	seeds(f, func(data []byte) {
		f.Add(data)
		f.Add(armour("CERTIFICATE", data))
		f.Add(bundle(f, data, nil))
	})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > maxFuzzed {
			return
		}
		for _, a := range readNumbered(t, data) {
			if d := Describe(a); !utf8.ValidString(d.Subject + d.Issuer + d.Class) {
				t.Error("description is not UTF-8")
			}
		}
	})
}

func FuzzLint(f *testing.F) {
	seeds(f, func(data []byte) { f.Add(data) })
	l, err := New(Options{Document: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > maxFuzzed {
			return
		}
		for _, kind := range []Kind{KindUnknown, KindCert, KindCRL, KindOCSP} {
			a := Artifact{Kind: kind, DER: data}
			r := l.Lint(a)
			text, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			var back Result
			if err := json.Unmarshal(text, &back); err != nil {
				t.Fatal(err)
			}
			for i, f := range r.Findings {
				if back.Findings[i] != f || len(f.Details) > MaxDetails {
					t.Errorf("finding %+v reads back as %+v", f, back.Findings[i])
				}
			}
			if again, _ := json.Marshal(l.Lint(a)); !bytes.Equal(again, text) {
				t.Errorf("linting twice gives\n%s\n%s", text, again)
			}
		}
	})
}
