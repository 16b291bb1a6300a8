package lint

import (
	"fmt"

	"selfaudit/lint/requirements"
)

// Ground is the item of the requirements' list of reasons for revocation under which a
// finding falls, with its deadline. The clock starts when the CA is made aware.
//
// Sources: BR 2.2.6, SBR 1.0.10 and CSBR 3.10.0, each section 4.9.1.1 (subscriber
// certificates) and 4.9.1.2 (subordinate CA certificates).
type Ground struct {
	// Document is one of requirements.Documents: "TLS-BR", "SMIME-BR", "CS-BR".
	Document string `json:"document"`
	// Section is "4.9.1.1" or "4.9.1.2".
	Section string `json:"section"`
	Item    int    `json:"item"`
	// Hours is by when the certificate must be revoked: 24, 120 (five days) or 168 (seven).
	Hours int `json:"deadline_hours"`
	// ShouldHours is by when it should be; 0 where the text has no SHOULD.
	ShouldHours int `json:"should_hours,omitempty"`
	// Reason is the CRLReason that the BR prescribe; "" where the document prescribes none.
	Reason string `json:"crl_reason,omitempty"`
	// Excepted is true for a short-lived subscriber certificate, which the CA may leave
	// to expire (BR 4.9.1.1).
	Excepted bool `json:"short_lived,omitempty"`
	// Note limits the answer: "" when there is nothing to add.
	Note string `json:"note,omitempty"`
}

// String is for people: "BR 4.9.1.1 item 12: 5 days (SHOULD 24 hours)".
func (g Ground) String() string {
	name := map[string]string{requirements.TLSBR: "BR", requirements.SMIMEBR: "SBR", requirements.CSBR: "CSBR"}[g.Document]
	text := fmt.Sprintf("%s %s item %d: %s", name, g.Section, g.Item, hoursText(g.Hours))
	if g.ShouldHours > 0 {
		text += fmt.Sprintf(" (SHOULD %s)", hoursText(g.ShouldHours))
	}
	if g.Excepted {
		text += "; short-lived certificates are excepted"
	}
	return text
}

// Text is String with the note, if there is one.
func (g Ground) Text() string {
	if g.Note != "" {
		return g.String() + "; " + g.Note
	}
	return g.String()
}

// IssuedGround is GroundOf for a contradiction that no lint names: the certificate was not
// issued in accordance with the requirements. It is false for roots.
func IssuedGround(h Holder) (Ground, bool) {
	return GroundOf(Finding{Lint: CheckSerialReused, Severity: Error, Source: SourceSelfaudit}, h)
}

func hoursText(hours int) string {
	if hours == 24 {
		return "24 hours"
	}
	return fmt.Sprintf("%d days", hours/24)
}

// cause is what a finding says about a certificate, as far as revocation asks.
type cause int

const (
	causeIssued  cause = iota // not issued in accordance with the requirements
	causeKeySize              // key size or parameters, sections 6.1.5 and 6.1.6
	causeWeakKey              // the private key can be computed from the public key
)

// grounds holds the items of each document. The order of items is the document's own: the
// same cause has another number in each.
var grounds = map[string]map[cause]Ground{
	requirements.TLSBR: {
		causeWeakKey: {Item: 4, Hours: 24, Reason: "keyCompromise (1)"},
		causeKeySize: {Item: 6, Hours: 120, ShouldHours: 24, Reason: "superseded (4)"},
		causeIssued:  {Item: 12, Hours: 120, ShouldHours: 24, Reason: "superseded (4)"},
	},
	requirements.SMIMEBR: {
		causeWeakKey: {Item: 4, Hours: 24},
		causeKeySize: {Item: 6, Hours: 120, ShouldHours: 24},
		causeIssued:  {Item: 11, Hours: 120, ShouldHours: 24},
	},
	requirements.CSBR: {
		causeWeakKey: {Item: 4, Hours: 24},
		causeKeySize: {Item: 7, Hours: 120, ShouldHours: 24},
		causeIssued:  {Item: 11, Hours: 120, ShouldHours: 24},
	},
}

// subordinateItems are the items of section 4.9.1.2, the same in all three documents:
// seven days for everything.
var subordinateItems = map[cause]int{causeWeakKey: 3, causeKeySize: 3, causeIssued: 5}

const subordinateHours = 7 * 24

// weakKeyLints show that anybody can compute the private key.
var weakKeyLints = map[string]bool{
	"e_rsa_fermat_factorization":         true, // the factors are found by the lint itself
	"w_rsa_mod_factors_smaller_than_752": true, // a small factor gives the other one by division
	"w_rsa_mod_not_odd":                  true, // 2 is a factor
	"e_ecdsa_small_private_key":          true, // the key is found by the lint itself
	"e_mp_exponent_cannot_be_one":        true, // with exponent 1 the private exponent is 1
}

// keySizeLints judge what sections 6.1.5 and 6.1.6 ask for.
var keySizeLints = map[string]bool{
	"e_br_prohibit_dsa_usage":                    true,
	"e_cs_ecdsa_prohibited_curve":                true,
	"e_cs_rsa_key_size":                          true,
	"e_dsa_correct_order_in_subgroup":            true,
	"e_dsa_improper_modulus_or_divisor_size":     true,
	"e_dsa_params_missing":                       true,
	"e_dsa_shorter_than_2048_bits":               true,
	"e_dsa_unique_correct_representation":        true,
	"e_ec_improper_curves":                       true,
	"e_mp_modulus_must_be_2048_bits_or_more":     true,
	"e_mp_modulus_must_be_divisible_by_8":        true,
	"e_old_root_ca_rsa_mod_less_than_2048_bits":  true,
	"e_old_sub_ca_rsa_mod_less_than_1024_bits":   true,
	"e_old_sub_cert_rsa_mod_less_than_1024_bits": true,
	"e_prohibit_dsa_usage":                       true,
	"e_public_key_type_not_allowed":              true,
	"e_rsa_exp_negative":                         true,
	"e_rsa_mod_less_than_2048_bits":              true,
	"e_rsa_no_public_key":                        true,
	"e_rsa_public_exponent_not_odd":              true,
	"e_rsa_public_exponent_too_small":            true,
}

// otherRules are sources whose rules are not the requirements' own.
var otherRules = map[string]string{
	"Apple":     "a rule of Apple's root program",
	"Chrome":    "a rule of Chrome's root program",
	"Mozilla":   "a rule of Mozilla's root program",
	"Community": "a rule of good practice",
	"ETSI_ESI":  "a rule of ETSI",
}

// GroundOf says under which item a finding on a certificate of the given holder falls. It
// is false where nothing has to be revoked for it: notices and warnings (recommendations,
// unless they show a weak key), findings about CRLs and OCSP responses, lints that could
// not judge, and root CA certificates, which nobody can revoke.
func GroundOf(f Finding, h Holder) (Ground, bool) {
	document := h.document(f.Source)
	if document == "" || h.Role == RoleRoot {
		return Ground{}, false
	}
	if kindOfRule(f.Lint) != KindCert {
		return Ground{}, false
	}
	what := causeIssued
	switch {
	case weakKeyLints[f.Lint] && f.Severity != Fatal && f.Severity != Notice:
		what = causeWeakKey
	case f.Severity != Error && f.Lint != LintUnparseableCert:
		return Ground{}, false
	case keySizeLints[f.Lint]:
		what = causeKeySize
	}
	g := grounds[document][what]
	g.Document, g.Section = document, "4.9.1.1"
	if h.Role == RoleSubordinate {
		g = Ground{Document: document, Section: "4.9.1.2", Item: subordinateItems[what], Hours: subordinateHours}
	} else {
		g.Excepted = h.ShortLived && document == requirements.TLSBR
	}
	if rule := otherRules[f.Source]; rule != "" && what == causeIssued {
		g.Note = rule + ": only where the requirements, the CP or the CPS ask for the same"
	}
	return g, true
}
