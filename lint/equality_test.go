package lint

import (
	"testing"

	"github.com/zmap/zcrypto/x509"
	zlintroot "github.com/zmap/zlint/v3"
	zlint "github.com/zmap/zlint/v3/lint"
)

// verdict is the outcome of one lint.
type verdict struct {
	status  zlint.LintStatus
	details string
}

// verdicts runs an engine over a certificate and collects every lint's outcome.
func verdicts(t testing.TB, der []byte, run func(*x509.Certificate, report)) map[string]verdict {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Errorf("parsing: %v", err)
		return nil
	}
	all := make(map[string]verdict, 450)
	run(c, func(meta *zlint.LintMetadata, status zlint.LintStatus, details string) {
		if _, twice := all[meta.Name]; twice {
			t.Errorf("%s reported twice", meta.Name)
		}
		all[meta.Name] = verdict{status, details}
	})
	return all
}

// requireEqualToZlint compares every lint's status, and the details where zlint
// itself words them in a fixed order, with zlint.LintCertificate.
func requireEqualToZlint(t *testing.T, certs []corpusCert, l *Linter) {
	t.Helper()
	inParallel(len(certs), func(i int) {
		cert := certs[i]
		c, err := x509.ParseCertificate(cert.der)
		if err != nil {
			t.Errorf("%s: %v", cert.file, err)
			return
		}
		want := zlintroot.LintCertificate(c).Results
		got := verdicts(t, cert.der, l.certificate)
		if len(got) != len(want) {
			t.Errorf("%s: %d lints ran, zlint runs %d", cert.file, len(got), len(want))
		}
		for name, w := range want {
			g := got[name]
			if g.status != w.Status {
				t.Errorf("%s: %s: status %v, zlint says %v", cert.file, name, g.status, w.Status)
			}
			if _, loose := settlers[name]; !loose && g.details != w.Details {
				t.Errorf("%s: %s: details %q, zlint says %q", cert.file, name, g.details, w.Details)
			}
		}
	})
}

func TestEqualsZlintOnItsTestData(t *testing.T) {
	requireEqualToZlint(t, zlintCorpus(t), mustNew(t, Options{}))
}

func TestReferenceEqualsZlint(t *testing.T) {
	certs := zlintCorpus(t)
	var some []corpusCert
	for i := 0; i < len(certs); i += 20 {
		some = append(some, certs[i])
	}
	requireEqualToZlint(t, some, mustNew(t, Options{Reference: true}))
}
