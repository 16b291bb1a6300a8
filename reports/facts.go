package reports

import (
	"encoding/asn1"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"selfaudit/internal/terminal"
	"selfaudit/sampler/ct"
)

// Facts are what a reader needs to recognise a certificate. All text has passed
// through terminal.Escape. Facts are read tolerantly: a field that cannot be read is empty.
type Facts struct {
	Subject    string    // "CN=…, O=…", in the order of the certificate; "" for an empty or unreadable subject
	CommonName string    // the last commonName of the subject, "" without one
	DNSName    string    // first dNSName of the subject alternative name; else the first IP address or mailbox
	NotBefore  time.Time // zero when unreadable
	NotAfter   time.Time // zero when unreadable
	Precert    bool      // carries the poison extension of RFC 6962 section 3.1
}

// Name is the best short name of the certificate: DNS name, else common name,
// else subject, else "-".
func (f Facts) Name() string {
	for _, s := range []string{f.DNSName, f.CommonName, f.Subject} {
		if s != "" {
			return s
		}
	}
	return "-"
}

// ReadFacts reads a certificate's facts from its DER form. It fails only where
// not even the outline of a certificate is there.
func ReadFacts(der []byte) (Facts, error) {
	c, err := ct.ParseCertificate(der)
	if err != nil {
		return Facts{}, err
	}
	f := Facts{NotBefore: c.NotBefore, NotAfter: c.NotAfter, Precert: c.IsPrecert()}
	f.Subject, f.CommonName = subjectText(c.RawSubject)
	if san := c.Extension("2.5.29.17"); san != nil {
		f.DNSName = firstName(san.Value)
	}
	return f, nil
}

// attributeNames are the short names of RFC 4514 section 3 and of the Baseline
// Requirements' subject attributes; all others are shown as dotted OIDs.
var attributeNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L",
	"2.5.4.8": "ST", "2.5.4.9": "STREET", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.15": "businessCategory",
	"2.5.4.17": "postalCode", "2.5.4.42": "GN", "2.5.4.97": "organizationIdentifier",
	"0.9.2342.19200300.100.1.25": "DC", "1.2.840.113549.1.9.1": "emailAddress",
	"1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL", "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST",
	"1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
}

// subjectText renders a Name (RFC 5280 section 4.1.2.4) for people.
func subjectText(name []byte) (text, cn string) {
	in := cryptobyte.String(name)
	var rdns cryptobyte.String
	if !in.ReadASN1(&rdns, cbasn1.SEQUENCE) {
		return "", ""
	}
	var parts []string
	for !rdns.Empty() {
		var set cryptobyte.String
		if !rdns.ReadASN1(&set, cbasn1.SET) {
			break
		}
		for !set.Empty() {
			var atv, value cryptobyte.String
			var oid asn1.ObjectIdentifier
			var tag cbasn1.Tag
			if !set.ReadASN1(&atv, cbasn1.SEQUENCE) || !atv.ReadASN1ObjectIdentifier(&oid) || !atv.ReadAnyASN1(&value, &tag) {
				break
			}
			key := oid.String()
			if short, ok := attributeNames[key]; ok {
				key = short
			}
			v := terminal.Escape(stringValue(tag, value))
			if key == "CN" {
				cn = v
			}
			parts = append(parts, key+"="+v)
		}
	}
	return strings.Join(parts, ", "), cn
}

// stringValue decodes a DirectoryString; other types are shown in hex.
func stringValue(tag cbasn1.Tag, value []byte) string {
	switch tag {
	case cbasn1.UTF8String, cbasn1.PrintableString, cbasn1.IA5String, cbasn1.Tag(18): // 18: NumericString
		return string(value)
	case cbasn1.T61String: // in practice ISO 8859-1
		runes := make([]rune, len(value))
		for i, b := range value {
			runes[i] = rune(b)
		}
		return string(runes)
	case cbasn1.Tag(30): // BMPString
		if len(value)%2 == 0 {
			units := make([]uint16, len(value)/2)
			for i := range units {
				units[i] = uint16(value[2*i])<<8 | uint16(value[2*i+1])
			}
			return string(utf16.Decode(units))
		}
	}
	return fmt.Sprintf("#%x", value)
}

// firstName returns the first dNSName of a subject alternative name extension,
// else the first iPAddress, else the first rfc822Name.
func firstName(value []byte) string {
	in := cryptobyte.String(value)
	var names cryptobyte.String
	if !in.ReadASN1(&names, cbasn1.SEQUENCE) {
		return ""
	}
	var ip, mail string
	for !names.Empty() {
		var body cryptobyte.String
		var tag cbasn1.Tag
		if !names.ReadAnyASN1(&body, &tag) {
			break
		}
		switch tag {
		case cbasn1.Tag(2).ContextSpecific():
			return terminal.Escape(string(body))
		case cbasn1.Tag(7).ContextSpecific():
			if ip == "" {
				ip = ipText(body)
			}
		case cbasn1.Tag(1).ContextSpecific():
			if mail == "" {
				mail = terminal.Escape(string(body))
			}
		}
	}
	if ip != "" {
		return ip
	}
	return mail
}

// ipText renders the content of an iPAddress general name (RFC 5280 section 4.2.1.6).
func ipText(b []byte) string {
	if addr, ok := netip.AddrFromSlice(b); ok {
		return addr.String()
	}
	return fmt.Sprintf("#%x", b)
}
