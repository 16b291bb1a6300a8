package lint

import (
	"github.com/zmap/zcrypto/x509"
	zlintroot "github.com/zmap/zlint/v3"
	zlint "github.com/zmap/zlint/v3/lint"
)

// configuredRegistry is the global registry under a configuration of our own.
// The global one is never changed: it belongs to the whole process.
type configuredRegistry struct {
	zlint.Registry
	config zlint.Configuration
}

// GetConfiguration returns the linter's configuration instead of the process's.
func (r configuredRegistry) GetConfiguration() zlint.Configuration { return r.config }

// certificateReference is the plain path: zlint's own loop over its registry.
func (l *Linter) certificateReference(c *x509.Certificate, add report) {
	results := l.runZlint(c)
	for i := range l.rules.certs {
		rule := &l.rules.certs[i]
		if results == nil {
			status, details := l.executeOne(rule, c)
			add(&rule.LintMetadata, status, details)
			continue
		}
		if r := results.Results[rule.Name]; r != nil {
			add(&rule.LintMetadata, r.Status, r.Details)
		}
	}
}

// runZlint returns nil when zlint's loop itself panicked, which it does when a
// lint returns no result at all.
func (l *Linter) runZlint(c *x509.Certificate) (results *zlintroot.ResultSet) {
	defer func() {
		if recover() != nil {
			results = nil
		}
	}()
	return zlintroot.LintCertificateEx(c, configuredRegistry{zlint.GlobalRegistry(), l.config})
}

// executeOne runs one lint through zlint's framework, which recovers panics.
func (l *Linter) executeOne(rule *certRule, c *x509.Certificate) (zlint.LintStatus, string) {
	return outcome(rule.Name, rule.Execute(c, l.config))
}

// outcome takes a lint's result apart. A lint that returns none could not judge.
func outcome(name string, r *zlint.LintResult) (zlint.LintStatus, string) {
	if r == nil {
		return zlint.Fatal, "'" + name + "' returned no result"
	}
	return r.Status, r.Details
}
