package checks

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/zmap/zcrypto/x509"

	"selfaudit/lint"
)

// Set are the checks of one certificate, for lint.Options.Checks.
type Set struct {
	// Issuers are the certificates given as issuers; nil without any. An artifact whose
	// Attachment is a *Pool brings its own, on top of which Beside has put these; one with
	// *Surroundings brings all that an audit knows.
	Issuers *Pool
	// AsIf says that the certificate's validity is an imagined one. What compares it with
	// real times is left out.
	AsIf bool
}

// Check judges one certificate. Its findings have no order.
func (s Set) Check(a lint.Artifact, c *x509.Certificate) []lint.Finding {
	findings := append(validity(c), policies(c)...)
	pool, ok := a.Attachment.(*Pool)
	if !ok {
		pool = s.Issuers
	}
	around, _ := a.Attachment.(*Surroundings)
	if around != nil {
		pool = around.Issuers
	}
	if pool == nil {
		return findings
	}
	raw, err := cut(c.Raw)
	if err != nil {
		return findings // zcrypto read it, so the structure is odd at most; the lints say how
	}
	findings = append(findings, s.issuer(pool, raw, c)...)
	if around != nil && !s.AsIf {
		findings = append(findings, around.around(raw, c.Raw)...)
	}
	return findings
}

// verdict of one candidate about one signature.
type verdict int

const (
	verified verdict = iota
	wrong
	unchecked
)

// issuer runs the checks that need the issuer's certificate.
func (s Set) issuer(pool *Pool, raw *rawCert, c *x509.Certificate) []lint.Finding {
	candidates := pool.candidates(raw)
	selfIssued := bytes.Equal(raw.issuer, raw.subject)
	if len(candidates) == 0 && !selfIssued {
		candidates = pool.given() // by key alone: the name itself may be what is wrong
	}
	var issuers, doubtful []*issuer
	refused := 0
	for _, i := range candidates {
		switch verify(c, i) {
		case verified:
			issuers = append(issuers, i)
		case unchecked:
			if claims(raw, i) {
				doubtful = append(doubtful, i)
			}
		default:
			if claims(raw, i) {
				refused++
			}
		}
	}
	switch {
	case len(issuers) > 0:
		return s.judge(raw, c, issuers)
	case len(doubtful) > 0:
		return append([]lint.Finding{finding(lint.CheckSignatureUnchecked, "")}, s.judge(raw, c, doubtful)...)
	case refused > 0:
		return []lint.Finding{finding(lint.CheckSignature, "the certificate names this issuer, but its signature does not verify under the issuer's key")}
	case len(pool.given()) > 0 && !selfIssued:
		return []lint.Finding{finding(lint.CheckIssuerMissing, "")}
	}
	return nil
}

// claims says whether a certificate names a candidate so that nobody else can be meant: by
// key identifier, or by name where one side has no key identifier. A CA keeps its name
// when it changes its key, so the name alone is no claim on a certain key.
func claims(raw *rawCert, i *issuer) bool {
	authority, subject := raw.authorityKeyID(), i.raw.subjectKeyID()
	if authority != nil && subject != nil {
		return bytes.Equal(authority, subject)
	}
	return bytes.Equal(raw.issuer, i.raw.subject)
}

// verify checks the certificate's signature under a candidate's key.
func verify(c *x509.Certificate, i *issuer) verdict {
	parent, err := i.parse()
	if err != nil || parent.PublicKey == nil {
		return unchecked
	}
	err = checkSignature(parent, c)
	var insecure x509.InsecureAlgorithmError
	switch {
	case err == nil:
		return verified
	case errors.Is(err, x509.ErrUnsupportedAlgorithm), errors.As(err, &insecure):
		return unchecked
	}
	return wrong
}

func checkSignature(parent, c *x509.Certificate) (err error) {
	defer func() {
		if recover() != nil {
			err = x509.ErrUnsupportedAlgorithm
		}
	}()
	return parent.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
}

// judge compares a certificate with the certificates of its issuer: one key may have
// several (renewed, cross-signed). A check is passed when it is passed with one of them.
func (s Set) judge(raw *rawCert, c *x509.Certificate, issuers []*issuer) []lint.Finding {
	var findings []lint.Finding
	some := func(good func(*issuer) bool) bool {
		for _, i := range issuers {
			if good(i) {
				return true
			}
		}
		return false
	}
	if !some(func(i *issuer) bool { return bytes.Equal(raw.issuer, i.raw.subject) }) {
		findings = append(findings, finding(lint.CheckIssuerName,
			fmt.Sprintf("issuer in the certificate: %x; subject of the issuer: %x", clip(raw.issuer), clip(issuers[0].raw.subject))))
	}
	if authority := raw.authorityKeyID(); authority != nil {
		same := func(i *issuer) bool {
			id := i.raw.subjectKeyID()
			return id == nil || bytes.Equal(authority, id)
		}
		if !some(same) {
			findings = append(findings, finding(lint.CheckAuthorityKey,
				"authorityKeyIdentifier "+hex.EncodeToString(clip(authority))+", issuer's subjectKeyIdentifier "+hex.EncodeToString(clip(issuers[0].raw.subjectKeyID()))))
		}
	}
	if !s.AsIf && !some(func(i *issuer) bool { return inside(c, i) }) {
		findings = append(findings, outside(c, issuers[0]))
	}
	return findings
}

// inside says whether a certificate's validity lies in that of an issuer's certificate. An
// issuer's certificate that cannot be parsed is no reason for a finding.
func inside(c *x509.Certificate, i *issuer) bool {
	parent, err := i.parse()
	return err != nil || !c.NotBefore.Before(parent.NotBefore) && !c.NotAfter.After(parent.NotAfter)
}

func outside(c *x509.Certificate, i *issuer) lint.Finding {
	parent, err := i.parse()
	if err != nil {
		return finding(lint.CheckOutsideIssuer, "")
	}
	span := func(c *x509.Certificate) string {
		return c.NotBefore.UTC().Format(time.RFC3339) + " to " + c.NotAfter.UTC().Format(time.RFC3339)
	}
	return finding(lint.CheckOutsideIssuer, "certificate "+span(c)+", issuer "+span(parent))
}

// clip keeps hostile fields from filling the details.
func clip(b []byte) []byte { return b[:min(len(b), 256)] }
