package lint

import (
	"slices"
	"strings"

	"github.com/zmap/zcrypto/x509"
	zlint "github.com/zmap/zlint/v3/lint"
)

// The types of certificate that decide which sources of rules apply. A certificate can be
// of several (serverAuth and emailProtection in one); a CA certificate is of TypeCA and of
// every type that it may issue.
const (
	TypeCA          = "ca"
	TypeOCSP        = "ocsp-responder"
	TypeTLS         = "tls"
	TypeSMIME       = "smime"
	TypeCodeSigning = "code-signing"
	TypeQualified   = "qualified"
	TypeOther       = "other"
)

// typeOrder is the order of the types in the name of a rule set.
var typeOrder = []string{TypeCA, TypeOCSP, TypeTLS, TypeSMIME, TypeCodeSigning, TypeOther, TypeQualified}

// everywhere are the sources that apply to every certificate: the formats, good practice
// about keys and encodings, and our own checks.
var everywhere = []string{"Community", "RFC3279", "RFC5280", "RFC5480", "RFC5891", "RFC8813", SourceSelfaudit}

// typeSources are the sources that apply to a type beside those that apply everywhere.
// Mozilla's policy is about certificates for servers and for e-mail, Apple's and Chrome's
// rules that have lints are about servers. BR 7.1.2.8 has the profile of OCSP responders.
var typeSources = map[string][]string{
	TypeTLS:         {"Apple", "CABF_BR", "CABF_EV", "Chrome", "Mozilla", "RFC6962"},
	TypeSMIME:       {"CABF_SMIME_BR", "Mozilla"},
	TypeCodeSigning: {"CABF_CS_BR"},
	TypeOCSP:        {"CABF_BR"},
	TypeQualified:   {"ETSI_ESI"},
}

// RuleSet says which sources apply to certificates of some types. Every lint runs on every
// certificate; a finding of a source that does not apply is kept in the results and is
// no finding about compliance.
type RuleSet struct {
	// Name joins the types: "tls", "tls+smime", "ca+tls", "smime+qualified".
	Name string `json:"name"`
	// Sources are those that apply, sorted.
	Sources []string `json:"sources"`
	// Lints counts the certificate lints of these sources, our own checks included, and
	// ListSHA256 is the lower hex SHA-256 of their sorted names, joined by line feeds.
	Lints      int    `json:"lints"`
	ListSHA256 string `json:"list_sha256"`
	// Certificates counts those that the set was used for, where a document says so.
	Certificates int `json:"certificates"`
}

// Applies says whether findings of a source are findings about compliance.
func (r RuleSet) Applies(source string) bool { return slices.Contains(r.Sources, source) }

// RuleSetNamed returns the rule set of a name as a Result has it; false for a name that no
// certificate can have.
func RuleSetNamed(name string) (RuleSet, bool) {
	types := strings.Split(name, "+")
	sources := slices.Clone(everywhere)
	last := -1
	for _, t := range types {
		place := slices.Index(typeOrder, t)
		if place <= last {
			return RuleSet{}, false
		}
		last = place
		sources = append(sources, typeSources[t]...)
	}
	slices.Sort(sources)
	set := RuleSet{Name: name, Sources: slices.Compact(sources)}
	names := OwnChecks()
	for _, l := range zlint.GlobalRegistry().CertificateLints().Lints() {
		if set.Applies(string(l.Source)) {
			names = append(names, l.Name)
		}
	}
	slices.Sort(names)
	set.Lints, set.ListSHA256 = len(names), listHash(names)
	return set, true
}

// ruleSetName decides the types of a certificate. A type whose filter in zlint's framework is
// open is always among them, so that no finding of a document that zlint holds for
// applicable is put aside.
func ruleSetName(c *x509.Certificate) string {
	is := usageTypes(c)
	if gates, ok := openGates(c); ok {
		is[TypeTLS] = is[TypeTLS] || gates[gateServerAuth]
		is[TypeSMIME] = is[TypeSMIME] || gates[gateEmail]
		is[TypeCodeSigning] = is[TypeCodeSigning] || gates[gateCodeSigning]
	}
	is[TypeOther] = !is[TypeOCSP] && !is[TypeTLS] && !is[TypeSMIME] && !is[TypeCodeSigning]
	is[TypeCA] = c.IsCA
	_, is[TypeQualified] = c.ExtensionsMap["1.3.6.1.5.5.7.1.3"] // qcStatements, RFC 3739 3.2.6
	var types []string
	for _, t := range typeOrder {
		if is[t] {
			types = append(types, t)
		}
	}
	return strings.Join(types, "+")
}

// usageTypes reads policy OIDs and extended key usages.
func usageTypes(c *x509.Certificate) map[string]bool {
	is := map[string]bool{}
	for _, policy := range c.PolicyIdentifiers {
		switch oid := policy.String(); {
		case oid == "2.23.140.1.1", strings.HasPrefix(oid, "2.23.140.1.2."):
			is[TypeTLS] = true
		case strings.HasPrefix(oid, smimePolicies):
			is[TypeSMIME] = true
		case oid == "2.23.140.1.3", strings.HasPrefix(oid, "2.23.140.1.4."):
			is[TypeCodeSigning] = true
		}
	}
	if len(c.ExtKeyUsage) == 0 && len(c.UnknownExtKeyUsage) == 0 { // may be used for anything
		is[TypeTLS] = true
		if c.IsCA {
			is[TypeSMIME], is[TypeCodeSigning] = true, true
		}
	}
	for _, usage := range c.ExtKeyUsage {
		switch usage {
		case x509.ExtKeyUsageAny:
			is[TypeTLS] = true
			if c.IsCA {
				is[TypeSMIME], is[TypeCodeSigning] = true, true
			}
		case x509.ExtKeyUsageServerAuth:
			is[TypeTLS] = true
		case x509.ExtKeyUsageEmailProtection:
			is[TypeSMIME] = true
		case x509.ExtKeyUsageCodeSigning, x509.ExtKeyUsageTimeStamping:
			is[TypeCodeSigning] = true
		case x509.ExtKeyUsageOcspSigning:
			is[TypeOCSP] = true
		}
	}
	return is
}
