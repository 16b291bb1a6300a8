package ct_test

import (
	"testing"

	"selfaudit/internal/testpki"
	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

func TestClassOf(t *testing.T) {
	ca := testpki.NewRoot("Root", testpki.CAOptions{})
	own := map[string]sampler.Class{"1.2.3.4": sampler.ClassEV, "1.2.3.5": sampler.ClassOV}
	broken := func(x [][]byte) [][]byte { return append(x, testpki.Extension("2.5.29.32", false, []byte("x"))) }
	for name, tc := range map[string]struct {
		t    testpki.Template
		want sampler.Class
	}{
		"domain validated":           {testpki.Template{Policies: []string{"2.23.140.1.2.1"}}, sampler.ClassDV},
		"reserved beside unknown":    {testpki.Template{Policies: []string{"9.9.9", "2.23.140.1.2.2"}}, sampler.ClassOV},
		"the CA's own":               {testpki.Template{Policies: []string{"1.2.3.4"}}, sampler.ClassEV},
		"reserved wins over own":     {testpki.Template{Policies: []string{"1.2.3.4", "2.23.140.1.2.1"}}, sampler.ClassDV},
		"two classes":                {testpki.Template{Policies: []string{"2.23.140.1.2.1", "2.23.140.1.2.2"}}, sampler.ClassOther},
		"two classes of the CA":      {testpki.Template{Policies: []string{"1.2.3.4", "1.2.3.5"}}, sampler.ClassOther},
		"none":                       {testpki.Template{Policies: []string{}}, sampler.ClassOther},
		"time stamping":              {testpki.Template{Policies: []string{"2.23.140.1.4.2"}}, sampler.ClassOther},
		"unreadable":                 {testpki.Template{Policies: []string{}, Extensions: broken}, sampler.ClassOther},
		"CA whatever its policies":   {testpki.Template{Policies: []string{"2.23.140.1.2.1"}, IsCA: true}, sampler.ClassCA},
		"OCSP responder, policy too": {testpki.Template{EKUs: []string{"1.3.6.1.5.5.7.3.9"}}, sampler.ClassOCSP},
	} {
		if got := ct.ClassOf(mustParse(t, ca.Certificate(tc.t)), own); got != tc.want {
			t.Errorf("%s: class %q, want %q", name, got, tc.want)
		}
	}
}
