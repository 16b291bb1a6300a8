package collect

import (
	"fmt"
	"slices"
	"time"

	"selfaudit/sampler"
)

// item is one issuer key and serial with all its sightings. The sightings are sorted:
// finals before precertificates, then by certificate. Rows are what the CA's records say
// of it; an item that only they know has no sightings.
type item struct {
	sightings []record
	rows      []record
}

func (it item) id() sampler.ItemID {
	if len(it.sightings) == 0 {
		return it.rows[0].item
	}
	return it.sightings[0].item
}

// chosen is the sighting that stands for the item: of the final certificates, else of the
// precertificates, the one with the lowest hash (draw protocol section 3).
func (it item) chosen() *record { return &it.sightings[0] }

// certs returns the distinct certificates of one form, ascending, each with its first sighting.
func (it item) certs(form sampler.Form) []*record {
	var out []*record
	for i := range it.sightings {
		r := &it.sightings[i]
		if r.form == form && (len(out) == 0 || out[len(out)-1].cert != r.cert) {
			out = append(out, r)
		}
	}
	return out
}

// sourceSelfaudit is the source of findings that no linter made.
const sourceSelfaudit = "selfaudit"

// Rules of the findings that collecting makes.
const (
	citeSerial     = "RFC 5280 4.1.2.2"
	citeValidity   = "RFC 5280 4.1.2.5"
	citeDuplicate  = "MRSP 5.2; RFC 5280 4.1.2.2"
	citePrecert    = "BR 7.1.2.9; MRSP 5.4; RFC 6962 3.2"
	citeSigner     = "BR 7.1.2.4"
	citeSCT        = "RFC 6962 3.3"
	citeExtensions = "RFC 5280 4.1.2.9"
	citeSignature  = "BR 7.1.3.2"
	citeProtocol   = "draw protocol 3"
)

// precertSignersForbidden is the day from which a Precertificate Signing CA must not be
// used (BR 7.1.2.4, relevant date 2026-03-15).
var precertSignersForbidden = time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC)

// findings lists what the item's sightings say against each other and against the rules
// that need no linter.
func (it item) findings() []sampler.ItemFinding {
	f := findingList{item: it.id()}
	finals, precerts := it.certs(sampler.FormFinal), it.certs(sampler.FormPrecert)
	if len(finals) > 1 {
		f.several(hashes(finals))
	}
	if len(precerts) > 1 {
		if distinctPairings(precerts) > 1 {
			f.add("e_several_precertificates_with_one_serial", "error", citePrecert, hashes(precerts),
				fmt.Sprintf("%d precertificates of different content share this issuer key and serial number", len(precerts)))
		} else {
			f.add("w_precertificate_signed_more_than_once", "warn", citePrecert, hashes(precerts),
				fmt.Sprintf("%d precertificates have the same content but different bytes", len(precerts)))
		}
	}
	if len(precerts) > 0 {
		for _, fin := range finals {
			if !slices.ContainsFunc(precerts, func(p *record) bool { return p.pairing == fin.pairing }) {
				f.add("e_certificate_does_not_match_precertificate", "error", citePrecert, append(hashes([]*record{fin}), hashes(precerts)...),
					"the certificate's TBSCertificate without poison and SCT list is not that of its precertificate")
			}
		}
	}
	for _, r := range append(finals, precerts...) {
		f.one(r)
	}
	return f.list
}

func distinctPairings(list []*record) int {
	seen := map[[32]byte]bool{}
	for _, r := range list {
		seen[r.pairing] = true
	}
	return len(seen)
}

func hashes(list []*record) []sampler.CertHash {
	var out []sampler.CertHash
	for _, r := range list {
		out = append(out, r.cert)
	}
	return out
}

type findingList struct {
	item sampler.ItemID
	list []sampler.ItemFinding
}

func (f *findingList) add(lint, severity, citation string, certs []sampler.CertHash, details string) {
	f.list = append(f.list, sampler.ItemFinding{ItemID: f.item, Lint: lint, Severity: severity, Source: sourceSelfaudit,
		Citation: citation, Details: details, Certificates: certs})
}

// several adds the finding of different certificates in one item.
func (f *findingList) several(finals []sampler.CertHash) {
	f.add("e_several_certificates_with_one_serial", "error", citeDuplicate, finals,
		fmt.Sprintf("%d different certificates share this issuer key and serial number", len(finals)))
}

// one adds the findings of a single certificate.
func (f *findingList) one(r *record) {
	certs := []sampler.CertHash{r.cert}
	if octets := serialOctets(r.item.Serial); octets > 20 {
		f.add("e_serial_number_over_20_octets", "error", citeSerial, certs, fmt.Sprintf("the serial number has %d octets", octets))
	}
	switch {
	case r.nb == noTime || r.na == noTime:
		f.add("e_validity_unreadable", "error", citeValidity, certs, "notBefore or notAfter cannot be read")
	case r.na < r.nb:
		f.add("e_validity_reversed", "error", citeValidity, certs, "notAfter is before notBefore")
	}
	for _, n := range []struct {
		flag                          flags
		lint, severity, cite, details string
	}{
		{flagSignatureUnchecked, "w_issuer_signature_not_checked", "warn", citeSignature, "the signature algorithm is not one that this program can verify; the item was attributed by its issuer key hash, chain or issuer name alone"},
		{flagSCTInvalid, "e_embedded_sct_invalid", "error", citeSCT, "an embedded SCT of a configured log does not verify, or the SCT list cannot be read"},
		{flagExtensionsBroken, "e_extensions_unreadable", "error", citeExtensions, "the extensions cannot be read to the end"},
		{flagPairingFailed, "e_certificate_cannot_be_paired", "error", citePrecert, "no TBSCertificate without poison and SCT list can be built, so it cannot be compared with its precertificate"},
	} {
		if r.flags&n.flag != 0 {
			f.add(n.lint, n.severity, n.cite, certs, n.details)
		}
	}
	if at := unixOrZero(r.nb); r.flags&flagPrecertSigner != 0 && !at.IsZero() && !at.Before(precertSignersForbidden) {
		f.add("e_precertificate_signing_certificate_used", "error", citeSigner, certs,
			"signed by a Precertificate Signing Certificate, which must not be used from 2026-03-15")
	}
}

// serialOctets is the length of the serial's DER content octets.
func serialOctets(s sampler.Serial) int {
	text := string(s)
	negative := len(text) > 0 && text[0] == '-'
	if negative {
		text = text[1:]
	}
	n := len(text) / 2
	if !negative && len(text) > 0 && text[0] >= '8' {
		n++ // the sign octet
	}
	return n
}
