package collect

import (
	"fmt"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// citeIssuerValidity is where a certificate outside its issuer's validity has no valid path.
const citeIssuerValidity = "RFC 5280 4.1.2.5; RFC 5280 6.1.3"

// span is when an issuer's certificates are valid, taken together; Unix seconds.
type span struct{ from, until int64 }

// spans are the validities of the audited issuers, by key.
func spans(set *Issuers) map[sampler.KeyHash]span {
	out := map[sampler.KeyHash]span{}
	if set == nil {
		return out
	}
	for _, iss := range set.list {
		s := span{from: noTime, until: noTime}
		for _, der := range iss.Certificates {
			c, err := ct.ParseCertificate(der)
			if err != nil { // it was parsed when the issuers were loaded
				continue
			}
			if nb := unixOf(c.NotBefore); nb != noTime && (s.from == noTime || nb < s.from) {
				s.from = nb
			}
			if na := unixOf(c.NotAfter); na != noTime && (s.until == noTime || na > s.until) {
				s.until = na
			}
		}
		if s.from != noTime && s.until != noTime {
			out[iss.Key] = s
		}
	}
	return out
}

// outside are the findings of certificates that are not within the validity of their
// issuer's certificates, all of them taken together.
func (s span) outside(it item) []sampler.ItemFinding {
	f := findingList{item: it.id()}
	if s == (span{}) {
		return nil
	}
	for _, r := range append(it.certs(sampler.FormFinal), it.certs(sampler.FormPrecert)...) {
		certs := []sampler.CertHash{r.cert}
		switch {
		case r.nb != noTime && (r.nb < s.from || r.nb > s.until):
			f.add("e_issued_outside_issuer_validity", "error", citeIssuerValidity, certs,
				fmt.Sprintf("notBefore %s is outside the validity of the issuer's certificates, %s to %s", timeWord(r.nb), timeWord(s.from), timeWord(s.until)))
		case r.na != noTime && r.na > s.until:
			f.add("w_validity_exceeds_issuer_validity", "warn", citeIssuerValidity, certs,
				fmt.Sprintf("notAfter %s is after the end of the issuer's certificates, %s", timeWord(r.na), timeWord(s.until)))
		}
	}
	return f.list
}

func timeWord(sec int64) string { return sampler.FormatTime(unixOrZero(sec)) }
