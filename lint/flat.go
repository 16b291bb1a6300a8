package lint

import (
	"fmt"

	"github.com/zmap/zcrypto/x509"
	zlint "github.com/zmap/zlint/v3/lint"
)

// certificateFlat runs the certificate lints in a loop of our own, with the
// same steps in the same order as zlint's CertificateLint.Execute: framework
// filter, construct, configure, CheckApplies, date gate, Execute. It differs in
// what is done once instead of once per lint (filters, construction of lints
// without state, configuration), and in that a lint is not executed when a
// prover shows that it would pass.
func (l *Linter) certificateFlat(c *x509.Certificate, add report) {
	g, ok := openGates(c)
	for i := range l.rules.certs {
		rule := &l.rules.certs[i]
		var status zlint.LintStatus
		var details string
		if ok && !g[rule.gate] {
			status = zlint.NA
		} else if ok && rule.instance != nil {
			status, details = rule.run(c)
		} else {
			status, details = l.executeOne(rule, c)
		}
		add(&rule.LintMetadata, status, details)
	}
}

// run runs a lint behind its filter. A panic is a fatal result in zlint's words.
func (rule *certRule) run(c *x509.Certificate) (status zlint.LintStatus, details string) {
	defer func() {
		if err := recover(); err != nil {
			status, details = zlint.Fatal, panicText(rule.Name, err)
		}
	}()
	switch {
	case !rule.instance.CheckApplies(c):
		return zlint.NA, ""
	case !rule.CheckEffective(c):
		return zlint.NE, ""
	case rule.proves != nil && rule.proves(c):
		return zlint.Pass, ""
	}
	return outcome(rule.Name, rule.instance.Execute(c))
}

// panicText words a caught panic as zlint does for certificate lints.
func panicText(name string, err any) string {
	return fmt.Sprintf("'%s' panicked. Error: %v", name, err)
}
