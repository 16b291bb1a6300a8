package ct_test

import (
	"strings"
	"testing"

	"selfaudit/internal/testpki"
	"selfaudit/sampler/ct"
)

func TestConstrained(t *testing.T) {
	names := testpki.Extension("2.5.29.30", true, testpki.Sequence())
	const serverAuth, email, clientAuth, anyEKU = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.2", "2.5.29.37.0"
	root := testpki.NewRoot("Constrained Root", testpki.CAOptions{})
	for _, tt := range []struct {
		name  string
		ekus  []string
		names bool
		want  string
	}{
		{"TLS", []string{serverAuth, clientAuth}, false, ""},
		{"TLS with names", []string{serverAuth}, true, "BR 7.1.2.5"},
		{"not for TLS", []string{clientAuth}, false, "BR 7.1.2.3"},
		{"S/MIME", []string{email}, false, "BR 7.1.2.3"},
		{"S/MIME with names", []string{email, clientAuth}, true, "SBR 7.1.5"},
		{"any purpose", []string{anyEKU, email}, true, ""},
	} {
		der := root.Certificate(testpki.Template{Seed: tt.name, IsCA: true, EKUs: tt.ekus, Extensions: func(exts [][]byte) [][]byte {
			if tt.names {
				exts = append(exts, names)
			}
			return exts
		}})
		c, err := ct.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Constrained(); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %s", tt.name, got, tt.want)
		}
	}
	if c, err := ct.ParseCertificate(root.Cert); err != nil || c.Constrained() != "" {
		t.Errorf("a root: %q, %v", c.Constrained(), err)
	}
}
