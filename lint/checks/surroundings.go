package checks

import (
	"bytes"
	"fmt"

	"selfaudit/lint"
)

// Surroundings is what is known around one certificate of an audit, as the Attachment of its
// artifact. Check writes SCTs; nothing else is written, so that several certificates may
// share Issuers, Others and Logs.
type Surroundings struct {
	// Issuers are the certificates of the issuing key (given), and Precertificate Signing
	// Certificates (beside them).
	Issuers *Pool
	// Others are the other certificates and precertificates of the same issuing key and
	// serial number.
	Others []Other
	// Logs are the CT logs whose keys are known; nil for none.
	Logs *Logs
	// SCTs is set by Check for a certificate with embedded SCTs, else nil.
	SCTs *lint.SCTCount
}

// Other is a certificate beside the one to be checked.
type Other struct {
	Name string // where it is, for messages
	DER  []byte
}

// around runs the checks that compare a certificate with those beside it.
func (s *Surroundings) around(raw *rawCert, der []byte) []lint.Finding {
	findings := s.compare(raw, der)
	s.SCTs = nil
	if count, problem := s.embedded(raw); count != nil {
		s.SCTs = count
		if problem != "" {
			findings = append(findings, finding(lint.CheckSCT, problem))
		}
	}
	return findings
}

// compare looks for another certificate with the serial number, and for the precertificate
// of a final certificate. Each certificate is judged for itself, so the findings do not
// depend on any order.
func (s *Surroundings) compare(raw *rawCert, der []byte) []lint.Finding {
	var findings []lint.Finding
	own := s.withSigner(raw)
	same, corresponds, difference := 0, false, ""
	for _, o := range s.Others {
		other, err := cut(o.DER)
		if err != nil || bytes.Equal(o.DER, der) {
			continue
		}
		switch precert := other.isPrecert(); {
		case precert && !raw.isPrecert():
			d := differ(raw, other, s.Issuers.precertSigner(other))
			corresponds = corresponds || d == ""
			if d != "" && difference == "" {
				difference = fmt.Sprintf("%s (compared with %s)", d, o.Name)
			}
		case precert != raw.isPrecert(): // said at the final certificate
		case !precert || differPrecerts(own, s.withSigner(other)):
			if same++; same == 1 {
				findings = append(findings, finding(lint.CheckSerialReused,
					fmt.Sprintf("serial number %x is also that of another %s: %s", clip(content(raw.serial)), noun(raw), o.Name)))
			}
		}
	}
	if difference != "" && !corresponds { // one precertificate that corresponds is enough
		findings = append(findings, finding(lint.CheckPrecertificate, difference))
	}
	return findings
}

// signedBy is a precertificate with its Precertificate Signing Certificate, if it has one.
type signedBy struct{ raw, signer *rawCert }

func (s *Surroundings) withSigner(raw *rawCert) signedBy {
	if !raw.isPrecert() {
		return signedBy{raw: raw}
	}
	return signedBy{raw, s.Issuers.precertSigner(raw)}
}

// differPrecerts says whether two precertificates announce different certificates. Signing
// the same content twice is no second certificate.
func differPrecerts(a, b signedBy) bool {
	x, y := a.announced(), b.announced()
	return differ(&x, &y, nil) != ""
}

// announced is the precertificate with what a Precertificate Signing Certificate changed put
// back, and without poison.
func (p signedBy) announced() rawCert {
	c := *p.raw
	c.extensions = without(c.extensions, oidPoison)
	if p.signer != nil {
		c.issuer, c.extensions = p.signer.issuer, withAuthorityOf(c.extensions, p.signer)
	}
	return c
}
