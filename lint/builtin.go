package lint

import "time"

// BuiltinWaiver is a lint whose findings reports put aside by default, because the
// requirements that govern the certificate say otherwise than the document that the lint
// goes by. Linting is not changed by it, and whoever reports can switch the list off.
type BuiltinWaiver struct {
	Lint string
	// Type is the type of certificate that it holds for: a rule set that has all of its
	// parts ("ca+tls").
	Type string
	// From is the notBefore (00:00 UTC) from which it holds; zero = always.
	From   time.Time
	Reason string
}

// BuiltinWaivers returns the list, in a fixed order.
func BuiltinWaivers() []BuiltinWaiver {
	profiles := time.Date(2023, 9, 15, 0, 0, 0, 0, time.UTC) // BR 2.0.0, SC-062
	return []BuiltinWaiver{
		{"w_ext_subject_key_identifier_missing_sub_cert", TypeTLS, profiles,
			"RFC 5280 4.2.1.2 recommends the extension; for TLS subscriber certificates BR 7.1.2.7.6 says NOT RECOMMENDED"},
		{"w_subject_common_name_included", TypeTLS, profiles,
			"BR 7.1.2.7.2 to 7.1.2.7.4 allow commonName although they do not recommend it; nearly every certificate has it"},
		{"e_ext_name_constraints_not_critical", TypeCA + "+" + TypeTLS, time.Time{},
			"RFC 5280 4.2.1.10 demands a critical extension; BR 7.1.2.10.8 allows one that is not critical, as an exception to it"},
	}
}

// builtinReason is the reason of the built-in waiver of a lint; "" without one.
func builtinReason(name string) string {
	for _, w := range BuiltinWaivers() {
		if w.Lint == name {
			return w.Reason
		}
	}
	return ""
}
