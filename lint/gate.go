package lint

import (
	"github.com/zmap/zcrypto/x509"
	zlint "github.com/zmap/zlint/v3/lint"
	"github.com/zmap/zlint/v3/util"
)

// gate is the filter by which zlint's framework takes a certificate out of a
// source's scope before the lint is asked (CertificateLint.Execute of zlint).
type gate uint8

const (
	gateOpen gate = iota
	gateServerAuth
	gateEmail
	gateCodeSigning
	gateCount
)

// gateOf returns the filter in front of a lint.
func gateOf(l *zlint.CertificateLint) gate {
	if l.OverrideFrameworkFilter {
		return gateOpen
	}
	switch l.Source {
	case zlint.CABFBaselineRequirements:
		return gateServerAuth
	case zlint.CABFSMIMEBaselineRequirements:
		return gateEmail
	case zlint.CABFCSBaselineRequirements:
		return gateCodeSigning
	}
	return gateOpen
}

// gates holds the filters' answers for one certificate. It is ok == false when
// a filter panicked: then every lint has to go through zlint's own call, which
// turns the panic into that lint's result.
type gates [gateCount]bool

func openGates(c *x509.Certificate) (g gates, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	g[gateOpen] = true
	g[gateServerAuth] = util.IsServerAuthCert(c)
	g[gateEmail] = util.IsEmailProtectionCert(c)
	g[gateCodeSigning] = util.IsCodeSigning(c.PolicyIdentifiers)
	return g, true
}
