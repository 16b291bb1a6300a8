package collect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"selfaudit/sampler"
)

// FoundCert is one distinct certificate or precertificate of an item.
type FoundCert struct {
	Cert sampler.CertHash
	Form sampler.Form
	DER  []byte
	// Signer is the Precertificate Signing Certificate, DER; nil for none.
	Signer []byte
}

// Certificates returns the item's distinct certificates, final ones first, then by hash: the
// order in which the lint stage takes them.
func (f *Found) Certificates() ([]FoundCert, error) {
	var out []FoundCert
	for i := range f.it.sightings {
		r := &f.it.sightings[i]
		at := slices.IndexFunc(out, func(c FoundCert) bool { return c.Cert == r.cert })
		if at >= 0 && (out[at].Signer != nil || r.signerLen == 0) {
			continue
		}
		der, signer, _, err := f.q.c.units[r.unit].bytes(r)
		if err != nil {
			return nil, fmt.Errorf("item %s: %w", f.Row.Item, err)
		}
		if len(signer) == 0 {
			signer = nil
		}
		if at >= 0 {
			out[at].Signer = signer
			continue
		}
		out = append(out, FoundCert{r.cert, r.form, der, signer})
	}
	slices.SortFunc(out, func(a, b FoundCert) int {
		return cmp.Or(cmp.Compare(a.Form, b.Form), strings.Compare(a.Cert.String(), b.Cert.String())) // "final" is before "precert"
	})
	return out, nil
}
