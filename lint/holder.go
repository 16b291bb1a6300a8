package lint

import (
	"strings"
	"time"

	"github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3/util"

	"selfaudit/lint/requirements"
)

// Role says where in a hierarchy a certificate stands.
type Role string

// The roles that the requirements tell apart when they speak of revocation.
const (
	RoleSubscriber  Role = "subscriber"
	RoleSubordinate Role = "subordinate CA"
	RoleRoot        Role = "root CA"
)

// Holder says which document governs a certificate and what kind of holder it has.
type Holder struct {
	// Document is requirements.TLSBR, SMIMEBR or CSBR: by reserved policy OID, else by
	// extended key usage, else TLSBR.
	Document string
	// EV is true for an EV TLS certificate, which the EV Guidelines govern too.
	EV   bool
	Role Role
	// ShortLived is true for a short-lived subscriber certificate (BR 1.6.1).
	ShortLived bool
}

// document is what governs a finding of a source: a source that is one of the documents
// decides, else the certificate.
func (h Holder) document(source string) string {
	switch source {
	case "CABF_BR", "CABF_EV":
		return requirements.TLSBR
	case "CABF_SMIME_BR":
		return requirements.SMIMEBR
	case "CABF_CS_BR":
		return requirements.CSBR
	}
	return h.Document
}

// InForce returns the versions of the documents that govern the certificate in force on a
// day, in the order of requirements.Documents.
func (h Holder) InForce(day time.Time) []requirements.Version {
	return h.InForceIn(requirements.Embedded(), day)
}

// InForceIn is InForce by other tables than the program's own.
func (h Holder) InForceIn(tables *requirements.Tables, day time.Time) []requirements.Version {
	var versions []requirements.Version
	for _, document := range requirements.Documents() {
		if document != h.Document && (document != requirements.EVG || !h.EV) {
			continue
		}
		if v, ok := tables.InForce(document, day); ok {
			versions = append(versions, v)
		}
	}
	return versions
}

// holderOf finds out what governs a certificate.
func holderOf(c *x509.Certificate) Holder {
	h := Holder{Document: requirements.TLSBR, Role: RoleSubscriber}
	switch {
	case util.IsRootCA(c):
		h.Role = RoleRoot
	case c.IsCA:
		h.Role = RoleSubordinate
	}
	named := false
	for _, policy := range c.PolicyIdentifiers {
		switch oid := policy.String(); {
		case oid == "2.23.140.1.1":
			h.EV, named = true, true
		case strings.HasPrefix(oid, "2.23.140.1.2."):
			named = true
		case strings.HasPrefix(oid, smimePolicies):
			h.Document, named = requirements.SMIMEBR, true
		case oid == "2.23.140.1.3", strings.HasPrefix(oid, "2.23.140.1.4."):
			h.Document, named = requirements.CSBR, true
		}
	}
	if !named {
		h.Document = documentByUsage(c)
	}
	h.ShortLived = h.Role == RoleSubscriber && h.Document == requirements.TLSBR && shortLived(c.NotBefore, c.NotAfter)
	return h
}

// documentByUsage decides for a certificate without a reserved policy OID.
func documentByUsage(c *x509.Certificate) string {
	email, code := false, false
	for _, usage := range c.ExtKeyUsage {
		switch usage {
		case x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageAny:
			return requirements.TLSBR
		case x509.ExtKeyUsageEmailProtection:
			email = true
		case x509.ExtKeyUsageCodeSigning, x509.ExtKeyUsageTimeStamping:
			code = true
		}
	}
	switch {
	case code:
		return requirements.CSBR
	case email:
		return requirements.SMIMEBR
	}
	return requirements.TLSBR
}

// shortLived is the definition of BR 1.6.1: ten days or less if issued from 2024-03-15,
// seven days or less if issued from 2026-03-15. Both ends belong to the validity.
func shortLived(notBefore, notAfter time.Time) bool {
	seconds := notAfter.Unix() - notBefore.Unix() + 1
	switch {
	case seconds <= 0 || notBefore.Before(time.Date(2024, 3, 15, 0, 0, 0, 0, time.UTC)):
		return false
	case notBefore.Before(time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC)):
		return seconds <= 864000
	}
	return seconds <= 604800
}
