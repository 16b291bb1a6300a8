package checks

import (
	"encoding/asn1"
	"slices"
	"strings"
	"time"

	"github.com/zmap/zcrypto/x509"

	"selfaudit/lint"
)

// reservedTLS are the reserved policy OIDs of BR 7.1.6.1 with the type they assert.
var reservedTLS = map[string]string{
	"2.23.140.1.2.1": "DV", "2.23.140.1.2.2": "OV", "2.23.140.1.2.3": "IV", "2.23.140.1.1": "EV",
}

const anyPolicy = "2.5.29.32.0"

// profilesFrom is the day from which BR 2.0.0's profiles bind (relevant dates of the BR).
var profilesFrom = since(2023, time.September, 15)

// attributeNames are the attributes that the profiles name, by object identifier.
var attributeNames = map[string]string{
	"2.5.4.3": "commonName", "2.5.4.4": "surname", "2.5.4.5": "serialNumber", "2.5.4.6": "countryName",
	"2.5.4.7": "localityName", "2.5.4.8": "stateOrProvinceName", "2.5.4.9": "streetAddress", "2.5.4.10": "organizationName",
	"2.5.4.11": "organizationalUnitName", "2.5.4.15": "businessCategory", "2.5.4.17": "postalCode", "2.5.4.42": "givenName",
	"2.5.4.97": "organizationIdentifier", "0.9.2342.19200300.100.1.25": "domainComponent",
	"1.3.6.1.4.1.311.60.2.1.1": "jurisdictionLocalityName", "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionStateOrProvinceName",
	"1.3.6.1.4.1.311.60.2.1.3": "jurisdictionCountryName",
}

// profile is what a type's table of subject attributes demands.
type profile struct {
	section   string
	only      []string   // nothing but these; nil = no such rule
	needed    []string   // MUST
	oneOf     [][]string // at least one of each group
	forbidden []string   // MUST NOT
}

// profiles are the tables of BR 2.2.6 sections 7.1.2.7.2 to 7.1.2.7.4 and the fields that
// EVG 2.0.2 section 7.1.4.2 requires.
var profiles = map[string]profile{
	"DV": {section: "BR 7.1.2.7.2", only: []string{"countryName", "commonName"}},
	"IV": {
		section: "BR 7.1.2.7.3", needed: []string{"countryName", "surname", "givenName"},
		oneOf: [][]string{{"stateOrProvinceName", "localityName"}}, forbidden: []string{"organizationalUnitName"},
	},
	"OV": {
		section: "BR 7.1.2.7.4", needed: []string{"countryName", "organizationName"},
		oneOf:     [][]string{{"stateOrProvinceName", "localityName"}},
		forbidden: []string{"surname", "givenName", "organizationalUnitName"},
	},
	"EV": {
		section: "EVG 7.1.4.2", needed: []string{"organizationName", "businessCategory", "jurisdictionCountryName", "serialNumber", "countryName"},
		forbidden: []string{"organizationalUnitName"},
	},
}

// policies judges the reserved policy OIDs of a TLS server certificate: that there is
// exactly one, and that the subject is what it asserts.
func policies(c *x509.Certificate) []lint.Finding {
	if c.IsCA || c.NotBefore.Before(profilesFrom) {
		return nil
	}
	var types []string
	wildcardPolicy := false
	for _, policy := range c.PolicyIdentifiers {
		oid := policy.String()
		if kind := reservedTLS[oid]; kind != "" {
			types = append(types, kind)
		}
		wildcardPolicy = wildcardPolicy || oid == anyPolicy
	}
	if len(types) == 0 && !isServer(c) {
		return nil
	}
	var findings []lint.Finding
	switch {
	case len(types) == 0:
		findings = append(findings, finding(lint.CheckPolicyCount, "no reserved policy OID"))
	case len(types) > 1:
		findings = append(findings, finding(lint.CheckPolicyCount, "several reserved policy OIDs: "+strings.Join(types, ", ")))
	case wildcardPolicy:
		findings = append(findings, finding(lint.CheckPolicyCount, "anyPolicy is asserted beside "+types[0]))
	}
	slices.Sort(types)
	for _, kind := range slices.Compact(types) {
		if problems := profiles[kind].problems(attributes(c)); len(problems) > 0 {
			findings = append(findings, finding(lint.CheckPolicySubject, kind+" ("+profiles[kind].section+"): "+strings.Join(problems, "; ")))
		}
	}
	return findings
}

// attributes lists the types of the subject's attributes, by name where the profiles have
// one for it.
func attributes(c *x509.Certificate) []string {
	var names []string
	for _, a := range c.Subject.Names {
		oid := asn1.ObjectIdentifier(a.Type).String()
		if name := attributeNames[oid]; name != "" {
			oid = name
		}
		if !slices.Contains(names, oid) {
			names = append(names, oid)
		}
	}
	return names
}

// problems says in which ways a list of attributes breaks a profile.
func (p profile) problems(have []string) []string {
	var problems []string
	for _, name := range p.needed {
		if !slices.Contains(have, name) {
			problems = append(problems, name+" is missing")
		}
	}
	for _, group := range p.oneOf {
		if !slices.ContainsFunc(group, func(name string) bool { return slices.Contains(have, name) }) {
			problems = append(problems, "neither "+strings.Join(group, " nor ")+" is there")
		}
	}
	for _, name := range have {
		if slices.Contains(p.forbidden, name) || p.only != nil && !slices.Contains(p.only, name) {
			problems = append(problems, name+" must not be there")
		}
	}
	return problems
}
