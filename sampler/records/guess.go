package records

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"selfaudit/sampler"
)

// names are what databases and people call the fields, reduced to letters and digits.
var names = map[string][]string{
	Serial:      {"serial", "serialnumber", "certserial", "certificateserial", "serialno", "sn", "serialhex", "certificateserialnumber", "certserialnumber", "serialnr", "seriennummer"},
	Issuer:      {"issuer", "issuerdn", "issuingca", "ca", "caname", "issuercn", "issuername", "caid", "issuercommonname", "cadn", "issuersubject", "aussteller"},
	Fingerprint: {"sha256", "fingerprint", "sha256fingerprint", "fingerprintsha256", "certsha256", "certificatesha256", "thumbprint", "sha256thumbprint", "certhash", "fingerabdruck"},
	NotBefore:   {"notbefore", "validfrom", "startdate", "validityfrom", "validitystart", "gueltigab"},
	NotAfter:    {"notafter", "validto", "validuntil", "expiredate", "expirydate", "expires", "expirationdate", "validityend", "gueltigbis"},
	IssuedAt:    {"issuedat", "issued", "issuedate", "issuancetime", "issuancedate", "created", "createdat", "issuedon", "signedat", "updatetime", "ausgestelltam"},
	Certificate: {"certificate", "cert", "pem", "der", "base64cert", "certificatepem", "x509", "certpem", "certificatebase64", "certificateder", "rawcert", "zertifikat"},

	"order_id":               {"orderid", "order", "ordernumber", "requestid", "orderno", "ticket", "auftrag"},
	"validator":              {"validator", "validatedby", "validationspecialist", "approver", "approvedby", "rao", "vettedby"},
	"registration_authority": {"registrationauthority", "ra", "raname", "raid", "registrationauthorityname"},
	"delegated_third_party":  {"delegatedthirdparty", "dtp", "delegatedparty", "reseller"},
	"validation_method":      {"validationmethod", "dcvmethod", "dcv", "domainvalidationmethod", "method", "brmethod"},
	"profile":                {"profile", "certificateprofile", "certprofile", "product", "productname", "template", "certificatetemplate", "endentityprofile"},
}

func reduced(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue").Replace(strings.ToLower(s)))
}

// Guess proposes a mapping for a header, by the names of the columns and, where these do
// not tell, by the first rows. It is for a person to confirm.
func Guess(header []string, rows [][]string) map[string]string {
	out := map[string]string{}
	taken := map[int]bool{}
	take := func(field string, at int) {
		if at >= 0 && !taken[at] && strings.TrimSpace(header[at]) != "" {
			out[field], taken[at] = header[at], true
		}
	}
	for _, field := range Fields() {
		for _, name := range names[field] {
			if _, done := out[field]; !done {
				take(field, slices.IndexFunc(header, func(h string) bool { return reduced(h) == name }))
			}
		}
	}
	for _, field := range []string{Certificate, Fingerprint} {
		if _, done := out[field]; !done {
			take(field, slices.IndexFunc(header, func(h string) bool {
				at := slices.Index(header, h)
				return !taken[at] && allCells(rows, at, contentOf[field])
			}))
		}
	}
	return out
}

// contentOf recognises fields by their content.
var contentOf = map[string]func(string) bool{
	Certificate: func(s string) bool { der, err := parseCertificate(s); return err == nil && len(der) > 200 },
	Fingerprint: func(s string) bool { _, err := parseFingerprint(s); return err == nil },
}

func allCells(rows [][]string, at int, is func(string) bool) bool {
	n := 0
	for _, row := range rows {
		if at >= len(row) || strings.TrimSpace(row[at]) == "" {
			continue
		}
		if !is(row[at]) {
			return false
		}
		n++
	}
	return n > 0
}

// guessTimes are the forms of times that are not read without being told, most likely first.
var guessTimes = []string{"DD.MM.YYYY hh:mm:ss", "DD.MM.YYYY hh:mm", "DD.MM.YYYY", "MM/DD/YYYY hh:mm:ss", "DD/MM/YYYY hh:mm:ss", "MM/DD/YYYY hh:mm", "DD/MM/YYYY hh:mm", "MM/DD/YYYY", "DD/MM/YYYY",
	"MM/DD/YYYY hh:mm:ss AP", "DD/MM/YYYY hh:mm:ss AP", "MM/DD/YYYY hh:mm AP", "DD-MMM-YYYY hh:mm:ss", "DD-MMM-YYYY", "DD-MMM-YY hh.mm.ss AP", "DD-MMM-YY",
	"YYYYMMDDhhmmss", "MMM DD hh:mm:ss YYYY", "MMM DD hh:mm:ss YYYY GMT", TimeUnix, TimeUnixMS,
	// Two columns in two forms.
	"auto | DD.MM.YYYY hh:mm:ss", "auto | DD.MM.YYYY", "auto | MM/DD/YYYY hh:mm:ss", "auto | DD/MM/YYYY hh:mm:ss", "auto | MM/DD/YYYY", "auto | DD/MM/YYYY"}

// GuessTimes returns the time formats in which all texts can be read: one is a proposal,
// several must be decided by a person. None means that auto will do, or nothing.
func GuessTimes(texts []string) []string {
	auto, err := newClock(TimeAuto, nil)
	if err != nil {
		return nil
	}
	fits := func(c *clock) bool {
		n := 0
		for _, s := range texts {
			if strings.TrimSpace(s) == "" {
				continue
			}
			at, err := c.parse(s)
			if err != nil || at.Year() < 1990 || at.Year() > 2100 {
				return false
			}
			n++
		}
		return n > 0
	}
	if fits(auto) {
		return nil
	}
	var out []string
	for _, format := range guessTimes {
		if len(out) > 0 && strings.HasPrefix(format, TimeAuto) {
			break // one form for all is the simpler explanation
		}
		c, err := newClock(format, time.UTC)
		if err == nil && fits(c) {
			out = append(out, format)
		}
	}
	return out
}

// Readings shows how a serial number would be read in both ways; a way that is none is "".
func Readings(text string) (hex, decimal string) {
	if s, err := ParseSerial(text, SerialHex); err == nil {
		hex = string(s)
	}
	if s, err := ParseSerial(text, SerialDecimal); err == nil {
		decimal = string(s)
	}
	return hex, decimal
}

// GuessSerial says how the serial numbers are written; the error is an *AmbiguousError with
// the reason why that cannot be said.
func GuessSerial(texts []string) (format string, err error) {
	var e serialEvidence
	for _, s := range texts {
		e.add(s)
	}
	return e.format()
}

// Texts says what was made of a row, by field, for people to check. Fields that are not
// mapped are missing, empty ones are empty.
func (e *Export) Texts(r *Row) map[string]string {
	out := map[string]string{}
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return sampler.FormatTime(t)
	}
	if e.Kind == KindCertificates {
		return map[string]string{Certificate: fmt.Sprintf("%s, %d bytes", r.File, len(r.DER))}
	}
	for _, c := range e.columns {
		switch c.field {
		case Serial:
			out[c.field] = string(r.Serial)
		case Issuer:
			out[c.field] = r.IssuerText
		case Fingerprint:
			if !r.Fingerprint.IsZero() {
				out[c.field] = r.Fingerprint.String()
			}
		case NotBefore:
			out[c.field] = at(r.NotBefore)
		case NotAfter:
			out[c.field] = at(r.NotAfter)
		case IssuedAt:
			out[c.field] = at(r.IssuedAt)
		case Certificate:
			if r.DER != nil {
				out[c.field] = fmt.Sprintf("%d bytes, SHA-256 %s", len(r.DER), sampler.HashCert(r.DER))
			}
		default:
			out[c.field] = r.Free[slices.Index(FreeColumns[:], c.field)]
		}
	}
	return out
}
