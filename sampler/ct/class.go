package ct

import "selfaudit/sampler"

// OIDs that decide a certificate's class.
const (
	oidOCSPSigning = "1.3.6.1.5.5.7.3.9" // RFC 6960 section 4.2.2.2
)

// reservedPolicies maps the CA/Browser Forum's reserved policy OIDs to the class
// of the stratum (TLS BR 7.1.6.1, EVG 7.1.6.1, S/MIME BR 1.2, CS BR 7.1.6.1).
// The time stamping OID 2.23.140.1.4.2 is missing on purpose: no sample rate names
// it, so such a certificate is "other" and is reviewed in full.
var reservedPolicies = map[string]sampler.Class{
	"2.23.140.1.2.1": sampler.ClassDV,
	"2.23.140.1.2.2": sampler.ClassOV,
	"2.23.140.1.2.3": sampler.ClassIV,
	"2.23.140.1.1":   sampler.ClassEV,

	"2.23.140.1.5.1.1": sampler.ClassSMIME,
	"2.23.140.1.5.1.2": sampler.ClassSMIME,
	"2.23.140.1.5.1.3": sampler.ClassSMIME,
	"2.23.140.1.5.2.1": sampler.ClassSMIME,
	"2.23.140.1.5.2.2": sampler.ClassSMIME,
	"2.23.140.1.5.2.3": sampler.ClassSMIME,
	"2.23.140.1.5.3.1": sampler.ClassSMIME,
	"2.23.140.1.5.3.2": sampler.ClassSMIME,
	"2.23.140.1.5.3.3": sampler.ClassSMIME,
	"2.23.140.1.5.4.1": sampler.ClassSMIME,
	"2.23.140.1.5.4.2": sampler.ClassSMIME,
	"2.23.140.1.5.4.3": sampler.ClassSMIME,

	"2.23.140.1.4.1": sampler.ClassCS,
	"2.23.140.1.3":   sampler.ClassCSEV,
}

// ClassOf decides the class of a certificate or precertificate before the draw
// (draw protocol section 3): CA certificates by basicConstraints (BR 8.1: cA TRUE
// "is therefore by definition" a CA certificate), OCSP responders by their extended
// key usage, everything else by its reserved policy OID. own maps a CA's own policy
// OIDs (dotted) to a class and counts only for certificates without a reserved OID.
// No OID, an unreadable policies extension, or OIDs of two classes give ClassOther.
func ClassOf(c *Certificate, own map[string]sampler.Class) sampler.Class {
	if c.IsCA() {
		return sampler.ClassCA
	}
	for _, eku := range c.EKUs() {
		if eku == oidOCSPSigning {
			return sampler.ClassOCSP
		}
	}
	oids, err := c.PolicyOIDs()
	if err != nil {
		return sampler.ClassOther
	}
	if class, found := oneClass(oids, reservedPolicies); found {
		return class
	}
	if class, found := oneClass(oids, own); found {
		return class
	}
	return sampler.ClassOther
}

// oneClass returns the class that all mapped OIDs agree on; found is true as soon as
// one OID is mapped, and the class is then ClassOther when they disagree.
func oneClass(oids []string, classes map[string]sampler.Class) (class sampler.Class, found bool) {
	for _, oid := range oids {
		c, ok := classes[oid]
		switch {
		case !ok:
		case !found:
			class, found = c, true
		case class != c:
			return sampler.ClassOther, true
		}
	}
	return class, found
}
