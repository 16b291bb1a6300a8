package reports

import (
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"selfaudit/internal/terminal"
	"selfaudit/sampler/ct"
)

// maxNames bounds the names that Names returns of one certificate.
const maxNames = 10_000

// Names returns the subject of a certificate and every dNSName, rfc822Name,
// uniformResourceIdentifier and iPAddress of its subject alternative name (RFC 5280
// section 4.2.1.6), in the order of the certificate, escaped like Facts. What cannot be
// read is left out; only a certificate without an outline is an error.
func Names(der []byte) ([]string, error) {
	c, err := ct.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	var out []string
	if subject, _ := subjectText(c.RawSubject); subject != "" {
		out = append(out, subject)
	}
	san := c.Extension("2.5.29.17")
	if san == nil {
		return out, nil
	}
	in := cryptobyte.String(san.Value)
	var names cryptobyte.String
	if !in.ReadASN1(&names, cbasn1.SEQUENCE) {
		return out, nil
	}
	for !names.Empty() && len(out) < maxNames {
		var body cryptobyte.String
		var tag cbasn1.Tag
		if !names.ReadAnyASN1(&body, &tag) {
			break
		}
		switch tag {
		case cbasn1.Tag(1).ContextSpecific(), cbasn1.Tag(2).ContextSpecific(), cbasn1.Tag(6).ContextSpecific():
			out = append(out, terminal.Escape(string(body)))
		case cbasn1.Tag(7).ContextSpecific():
			out = append(out, ipText(body))
		}
	}
	return out, nil
}
