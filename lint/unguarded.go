package lint

import (
	"github.com/zmap/zcrypto/x509"
	zlint "github.com/zmap/zlint/v3/lint"
	"golang.org/x/crypto/ocsp"
)

// zlint does not recover panics of its CRL and OCSP lints: one hostile CRL
// would end the process. Here each lint is guarded on its own, so that a panic
// costs the judgement of that lint alone.

func (l *Linter) revocationList(crl *x509.RevocationList, add report) {
	for _, rule := range l.rules.crls {
		status, details := guarded(rule.Name, func() *zlint.LintResult { return rule.Execute(crl, l.config) })
		add(&rule.LintMetadata, status, details)
	}
}

func (l *Linter) ocspResponse(response *ocsp.Response, add report) {
	for _, rule := range l.rules.ocsps {
		status, details := guarded(rule.Name, func() *zlint.LintResult { return rule.Execute(response, l.config) })
		add(&rule.LintMetadata, status, details)
	}
}

// guarded runs one lint and turns a panic into a fatal result.
func guarded(name string, run func() *zlint.LintResult) (status zlint.LintStatus, details string) {
	defer func() {
		if err := recover(); err != nil {
			status, details = zlint.Fatal, panicText(name, err)
		}
	}()
	return outcome(name, run())
}
