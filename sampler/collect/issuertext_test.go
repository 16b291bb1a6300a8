package collect

import (
	"fmt"
	"strings"
	"testing"

	"selfaudit/internal/testpki"
	"selfaudit/sampler"
)

// TestIssuerTexts finds an issuer by everything that a database may call it.
func TestIssuerTexts(t *testing.T) {
	root := testpki.NewRoot("Texts Root", testpki.CAOptions{})
	name := testpki.Name(testpki.C("AT"), testpki.O("Example, Inc."), testpki.CN("Sub CA 7"))
	ca, twin := root.NewCA("texts one", testpki.CAOptions{Name: name}), root.NewCA("texts two", testpki.CAOptions{})
	set, err := NewIssuers([]Issuer{{Label: "DV1", Certificates: [][]byte{ca.Cert}}, {Label: "DV2", Certificates: [][]byte{twin.Cert}}})
	if err != nil {
		t.Fatal(err)
	}
	one, two := set.Of(ca.Cert), set.Of(twin.Cert)
	texts := NewIssuerTexts(set, map[sampler.KeyHash][]string{one.Key: {"issuers/sub-ca-7.pem"}, two.Key: {`issuers\two.der`}})
	if err := texts.Map("CA #7 (old)", "DV2"); err != nil {
		t.Fatal(err)
	}
	fingerprint := sampler.HashCert(ca.Cert).String()
	for text, want := range map[string]*Issuer{
		"DV1": one, " dv1 ": one, "Sub CA 7": one, "sub  ca 7": one, one.Key.String(): one, fingerprint: one, strings.ToUpper(colons(fingerprint)): one,
		"sub-ca-7.pem": one, "sub-ca-7": one, "issuers/sub-ca-7.pem": one, "two.der": two, "two": two, "CA #7 (old)": two,
		`CN=Sub CA 7, O="Example, Inc.", C=AT`: one, `C=AT,O=Example\, Inc.,CN=Sub CA 7`: one, `/C=AT/O=Example, Inc./CN=Sub CA 7`: one,
		"2.5.4.3=Sub CA 7;organizationName=Example\\, Inc.;C=at": one,
		"": nil, "DV3": nil, "CN=Sub CA 7": nil, "CN=Sub CA 8,O=Example\\, Inc.,C=AT": nil, fingerprint[:62] + "00": nil,
	} {
		key, ok, err := texts.Find(text)
		switch {
		case err != nil:
			t.Errorf("%q: %v", text, err)
		case ok != (want != nil), ok && key != want.Key:
			t.Errorf("%q finds %s, %v", text, key, ok)
		}
	}
	if err := texts.Map("x", "DV3"); err == nil {
		t.Error("a mapping to nobody was taken")
	}
	same, err := NewIssuers([]Issuer{{Label: "A", Certificates: [][]byte{ca.Cert}}, {Label: "B", Certificates: [][]byte{root.NewCA("texts three", testpki.CAOptions{Name: name}).Cert}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := NewIssuerTexts(same, nil).Find("Sub CA 7"); err == nil || !strings.Contains(err.Error(), "2 audited keys") {
		t.Errorf("a name of two keys: %v", err)
	}
}

func colons(s string) string {
	var parts []string
	for i := 0; i < len(s); i += 2 {
		parts = append(parts, s[i:i+2])
	}
	return strings.Join(parts, ":")
}

// FuzzIssuerText gives texts of all kinds.
func FuzzIssuerText(f *testing.F) {
	set, err := NewIssuers([]Issuer{{Label: "DV1", Certificates: [][]byte{testpki.NewRoot("Fuzz Root", testpki.CAOptions{}).Cert}}})
	if err != nil {
		f.Fatal(err)
	}
	texts := NewIssuerTexts(set, nil)
	f.Add(`CN="a\`)
	f.Add("/CN=x/")
	f.Fuzz(func(t *testing.T, s string) {
		if _, ok, err := texts.Find(s); ok && err != nil {
			t.Fatal(fmt.Sprint(ok, err))
		}
	})
}
