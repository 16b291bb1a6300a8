package reports_test

import (
	"slices"
	"testing"

	"selfaudit/internal/testpki"
	"selfaudit/reports"
)

func TestNames(t *testing.T) {
	ca := testpki.NewRoot("names", testpki.CAOptions{})
	for name, test := range map[string]struct {
		template testpki.Template
		want     []string
	}{
		"subject and names": {testpki.Template{Subject: testpki.Name(testpki.O("Works"), testpki.CN("a.example")), DNSNames: []string{"b.example", "c.example"}},
			[]string{"O=Works, CN=a.example", "b.example", "c.example"}},
		"no subject": {testpki.Template{DNSNames: []string{"b.example"}}, []string{"b.example"}},
		"nothing":    {testpki.Template{DNSNames: []string{}}, nil},
		"hostile":    {testpki.Template{DNSNames: []string{"a\nb", "\u202egnp"}}, []string{`a\x0ab`, `\u202egnp`}},
		"other kinds": {testpki.Template{Extensions: func([][]byte) [][]byte {
			return [][]byte{testpki.Extension("2.5.29.17", false, testpki.Sequence(testpki.TLV(0x81, []byte("a@b.example")), testpki.TLV(0x86, []byte("https://c.example")),
				testpki.TLV(0x87, []byte{192, 0, 2, 1}), testpki.TLV(0x88, []byte{1}), testpki.TLV(0x82, []byte("d.example"))))}
		}}, []string{"a@b.example", "https://c.example", "192.0.2.1", "d.example"}},
		"cut short": {testpki.Template{Extensions: func([][]byte) [][]byte {
			return [][]byte{testpki.Extension("2.5.29.17", false, []byte{0x30, 0x09, 0x82, 0x01, 'a'})}
		}}, nil},
	} {
		got, err := reports.Names(ca.Certificate(test.template))
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, test.want)
		}
	}
	if _, err := reports.Names([]byte("no certificate")); err == nil {
		t.Error("names were read from no certificate")
	}
}
