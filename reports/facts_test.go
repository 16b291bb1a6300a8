package reports_test

import (
	"strings"
	"testing"
	"unicode"

	"selfaudit/internal/testpki"
	"selfaudit/reports"
)

func TestReadFacts(t *testing.T) {
	ca := testpki.NewRoot("facts", testpki.CAOptions{})
	for name, test := range map[string]struct {
		template testpki.Template
		subject  string
		short    string
	}{
		"plain":      {testpki.Template{Subject: testpki.Name(testpki.C("CH"), testpki.O("Works"), testpki.CN("a.example.com")), DNSNames: []string{"b.example.com"}}, "C=CH, O=Works, CN=a.example.com", "b.example.com"},
		"no SAN":     {testpki.Template{Subject: testpki.Name(testpki.CN("a.example.com")), DNSNames: []string{}}, "CN=a.example.com", "a.example.com"},
		"empty":      {testpki.Template{DNSNames: []string{}}, "", "-"},
		"bidi":       {testpki.Template{Subject: testpki.Name(testpki.CN("a\u202egnp")), DNSNames: []string{"x\u202ey"}}, `CN=a\u202egnp`, `x\u202ey`},
		"control":    {testpki.Template{Subject: testpki.Name(testpki.CN("\x1b[31m\x00")), DNSNames: []string{"a\nb"}}, `CN=\x1b[31m\x00`, `a\x0ab`},
		"Latin-1":    {testpki.Template{Subject: testpki.Name(testpki.Attribute{OID: "2.5.4.10", Value: "caf\xe9", Tag: 0x14}), DNSNames: []string{}}, "O=café", "O=café"},
		"UTF-16":     {testpki.Template{Subject: testpki.Name(testpki.Attribute{OID: "2.5.4.10", Value: "\x00a\x20\xac", Tag: 0x1e}), DNSNames: []string{}}, "O=a€", "O=a€"},
		"odd UTF-16": {testpki.Template{Subject: testpki.Name(testpki.Attribute{OID: "2.5.4.10", Value: "\x00", Tag: 0x1e}), DNSNames: []string{}}, "O=#00", "O=#00"},
		"other OID":  {testpki.Template{Subject: testpki.Name(testpki.Attribute{OID: "1.2.3.4", Value: "v"}), DNSNames: []string{}}, "1.2.3.4=v", "1.2.3.4=v"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := reports.ReadFacts(ca.Certificate(test.template))
			if err != nil {
				t.Fatal(err)
			}
			if f.Subject != test.subject || f.Name() != test.short || f.Precert || f.NotAfter.Before(f.NotBefore) {
				t.Errorf("facts %+v, name %q; want subject %q, name %q", f, f.Name(), test.subject, test.short)
			}
		})
	}
	f, err := reports.ReadFacts(ca.Precertificate(testpki.Template{}))
	if err != nil || !f.Precert {
		t.Errorf("precertificate: %+v, %v", f, err)
	}
	if _, err := reports.ReadFacts([]byte("no certificate")); err == nil {
		t.Error("facts read from no certificate")
	}
}

func FuzzReadFacts(f *testing.F) {
	ca := testpki.NewRoot("facts", testpki.CAOptions{})
	f.Add(ca.Certificate(testpki.Template{Subject: testpki.Name(testpki.CN("a\u202e"), testpki.Attribute{OID: "2.5.4.10", Value: "\x00a", Tag: 0x1e})}))
	f.Add([]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, der []byte) {
		facts, err := reports.ReadFacts(der)
		if err != nil {
			return
		}
		for _, s := range []string{facts.Subject, facts.DNSName, facts.CommonName, facts.Name()} {
			if i := strings.IndexFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }); i >= 0 {
				t.Errorf("%q has a hidden character at %d", s, i)
			}
		}
	})
}
