package lint

import (
	"slices"
	"strings"

	"github.com/zmap/zcrypto/x509"
	"github.com/zmap/zcrypto/x509/pkix"
	zlint "github.com/zmap/zlint/v3/lint"
)

// clockDependent are the lints whose status can differ between two runs over
// the same bytes, with the reason.
var clockDependent = map[string]string{
	"w_sub_cert_aia_contains_internal_names": clockReason,
	"w_smime_aia_contains_internal_names":    clockReason,
}

const clockReason = "asks whether a top-level domain is delegated at the time of the run, so two runs can differ"

// settler brings the outcome of a lint that depends on the order of a map into
// one form that does not.
type settler struct {
	reason string
	settle func(c *x509.Certificate, status zlint.LintStatus, details string) (zlint.LintStatus, string)
}

// settlers are the lints of zlint 3.7.3 whose outcome depends on the order in
// which Go walks a map. All were found by reading zlint's sources and by
// running it repeatedly over its own test data.
var settlers = map[string]settler{
	"e_ext_cannot_be_empty_sequence": {
		"names one of several offending extensions, in no fixed order; here all are named and the worst decides",
		settleEmptySequence,
	},
	"e_key_usage_and_extended_key_usage_inconsistent": {
		"lists key usages in no fixed order (here: sorted), and judges some rare pairs of extended key usages by the order of a map (here: by all orders)",
		settleKeyUsage,
	},
	"e_ext_duplicate_extension": {
		"lists object identifiers in no fixed order; here they are sorted",
		settleDuplicateExtension,
	},
	"e_ext_tor_service_descriptor_hash_invalid": {
		"names one of several .onion names, in no fixed order; here none is named",
		settleOnion,
	},
}

// settle applies the settler of a lint to a finding of it.
func settle(name string, c *x509.Certificate, status zlint.LintStatus, details string) (zlint.LintStatus, string) {
	if status <= zlint.Pass || c == nil {
		return status, details
	}
	s, ok := settlers[name]
	if !ok {
		return status, details
	}
	return s.settle(c, status, details)
}

// settleEmptySequence asks the lint about each extension alone.
func settleEmptySequence(c *x509.Certificate, status zlint.LintStatus, details string) (zlint.LintStatus, string) {
	rule := zlint.GlobalRegistry().CertificateLints().ByName("e_ext_cannot_be_empty_sequence")
	worst, texts := zlint.Pass, []string{}
	for oid, extension := range c.ExtensionsMap {
		alone := *c
		alone.ExtensionsMap = map[string]pkix.Extension{oid: extension}
		r, text := outcome(rule.Name, rule.Execute(&alone, zlint.NewEmptyConfig()))
		if r <= zlint.Pass {
			continue
		}
		worst = max(worst, r)
		texts = append(texts, text)
	}
	if worst == zlint.Pass {
		return status, details
	}
	slices.Sort(texts)
	return worst, strings.Join(texts, "; ")
}

// settleDuplicateExtension sorts the list at the end of the text.
func settleDuplicateExtension(_ *x509.Certificate, status zlint.LintStatus, details string) (zlint.LintStatus, string) {
	head, list, ok := strings.Cut(details, ": ")
	if !ok {
		return status, details
	}
	oids := strings.Split(list, ", ")
	slices.Sort(oids)
	return status, head + ": " + strings.Join(oids, ", ")
}

// settleOnion leaves out which name lacks its descriptor.
func settleOnion(_ *x509.Certificate, status zlint.LintStatus, details string) (zlint.LintStatus, string) {
	if strings.Contains(details, "does not have a corresponding TorServiceDescriptorHash") {
		details = ".onion subject domain name without a corresponding TorServiceDescriptorHash for its eTLD+1 (which of several is not named: zlint names them in no fixed order)"
	}
	return status, details
}
