package evidence

import "selfaudit/sampler"

// Findings about the validity of a certificate and that of its issuer.
const (
	lintOutsideIssuer = "e_issued_outside_issuer_validity"
	lintBeyondIssuer  = "w_validity_exceeds_issuer_validity"
)

// outsideIssuer is the finding that a certificate's validity gives, "" for none.
func (v *verifier) outsideIssuer(hash sampler.CertHash) string {
	c := v.docs.certs[hash]
	if c == nil {
		return ""
	}
	iss := v.docs.issuers[c.item.Issuer]
	switch {
	case iss == nil || iss.from.IsZero() || iss.until.IsZero():
	case !c.nb.IsZero() && (c.nb.Before(iss.from) || c.nb.After(iss.until)):
		return lintOutsideIssuer
	case c.na.After(iss.until):
		return lintBeyondIssuer
	}
	return ""
}

// checkValidities compares the findings about validities with the certificates that are
// here. That one is missing counts only for packages that this very program wrote: others
// did not look for it.
func (v *verifier) checkValidities(bad *failures) {
	found := map[sampler.CertHash]bool{}
	for _, f := range v.docs.findings {
		if f.Lint != lintOutsideIssuer && f.Lint != lintBeyondIssuer {
			continue
		}
		for _, hash := range f.Certificates {
			found[hash] = true
			if v.outsideIssuer(hash) != f.Lint {
				bad.add("item %s: the validity of certificate %s does not give the finding %s", f.ItemID, hash, f.Lint)
			}
		}
	}
	o := v.docs.opening
	if o == nil || o.Program != v.options.Program {
		return
	}
	for _, id := range v.seenMembers() {
		for _, hash := range v.docs.items[id].certs {
			if lint := v.outsideIssuer(hash); lint != "" && !found[hash] {
				bad.add("item %s: certificate %s is outside its issuer's validity, and no finding says so", id, hash)
			}
		}
	}
}
