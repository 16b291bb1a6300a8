package collect

import (
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"

	"selfaudit/sampler"
)

// IssuerTexts finds audited issuers by the texts with which a CA's database names them.
type IssuerTexts struct {
	own map[string]*Issuer   // the CA's own mapping, to the letter
	by  map[string][]*Issuer // by label, common name, subject, key hash, fingerprint, file name; normalised
}

// NewIssuerTexts indexes the issuers. files are the names of the files that an issuer's
// certificates were read from.
func NewIssuerTexts(set *Issuers, files map[sampler.KeyHash][]string) *IssuerTexts {
	t := &IssuerTexts{own: map[string]*Issuer{}, by: map[string][]*Issuer{}}
	for _, iss := range set.list {
		t.add(iss, iss.Label)
		for _, key := range iss.keys {
			t.add(iss, hex.EncodeToString(key[:]))
		}
		for _, der := range iss.Certificates {
			sum := sha256.Sum256(der)
			t.add(iss, hex.EncodeToString(sum[:]))
		}
		for _, name := range iss.names {
			t.addSubject(iss, name)
		}
		for _, file := range files[iss.Key] {
			base := path.Base(strings.ReplaceAll(file, `\`, "/"))
			t.add(iss, file)
			t.add(iss, base)
			t.add(iss, strings.TrimSuffix(base, path.Ext(base)))
		}
	}
	return t
}

// Map adds one of the CA's own texts, which goes before all others. name is a text that
// would find the issuer by itself: its label, its file, its key hash.
func (t *IssuerTexts) Map(text, name string) error {
	iss, err := t.find(name)
	if err == nil && iss == nil {
		err = fmt.Errorf("no audited issuer is called %q", name)
	}
	if err != nil {
		return err
	}
	t.own[strings.TrimSpace(text)] = iss
	return nil
}

// Find returns the key of the issuer that a text names; ok is false if it is none of the
// audited ones. A text that fits several is an error.
func (t *IssuerTexts) Find(text string) (key sampler.KeyHash, ok bool, err error) {
	iss, err := t.find(text)
	if err != nil || iss == nil {
		return key, false, err
	}
	return iss.Key, true, nil
}

func (t *IssuerTexts) find(text string) (*Issuer, error) {
	text = strings.TrimSpace(text)
	if iss := t.own[text]; iss != nil {
		return iss, nil
	}
	list := t.by[normal(text)]
	if len(list) == 0 {
		if dn := normalDN(text); dn != "" {
			list = t.by[dn]
		}
	}
	if len(list) == 0 {
		if digits := strings.NewReplacer(":", "", " ", "").Replace(strings.ToLower(text)); len(digits) == 64 {
			list = t.by[digits]
		}
	}
	switch len(list) {
	case 0:
		return nil, nil
	case 1:
		return list[0], nil
	}
	return nil, fmt.Errorf("the issuer %q is the name of %d audited keys, such as %s and %s: tell them apart in [records.issuers], or export the key hash", clipFile(text), len(list), list[0].Key, list[1].Key)
}

func (t *IssuerTexts) add(iss *Issuer, text string) {
	key := normal(text)
	if key != "" && !slices.Contains(t.by[key], iss) {
		t.by[key] = append(t.by[key], iss)
	}
}

func (t *IssuerTexts) addSubject(iss *Issuer, der []byte) {
	var rdns pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &rdns); err != nil || len(rest) > 0 {
		return // a name that cannot be read has no text
	}
	var parts []string
	for _, set := range rdns {
		for _, a := range set {
			value, ok := a.Value.(string)
			if !ok {
				continue
			}
			if a.Type.Equal(asn1.ObjectIdentifier{2, 5, 4, 3}) {
				t.add(iss, value)
			}
			parts = append(parts, attribute(a.Type.String())+"="+normal(value))
		}
	}
	slices.Sort(parts)
	if key := strings.Join(parts, "\x00"); key != "" && !slices.Contains(t.by[key], iss) {
		t.by[key] = append(t.by[key], iss)
	}
}

// normal makes texts equal that differ in case and white space.
func normal(s string) string { return strings.Join(strings.Fields(strings.ToLower(s)), " ") }

// attributes are the names that programs give to attribute types (RFC 4514, OpenSSL, Windows).
var attributes = map[string]string{
	"2.5.4.3": "cn", "commonname": "cn", "2.5.4.6": "c", "countryname": "c", "2.5.4.7": "l", "localityname": "l",
	"2.5.4.8": "st", "s": "st", "sp": "st", "stateorprovincename": "st", "2.5.4.10": "o", "organizationname": "o",
	"2.5.4.11": "ou", "organizationalunitname": "ou", "2.5.4.5": "serialnumber", "2.5.4.97": "organizationidentifier",
	"1.2.840.113549.1.9.1": "emailaddress", "e": "emailaddress", "email": "emailaddress", "0.9.2342.19200300.100.1.25": "dc", "domaincomponent": "dc",
}

func attribute(name string) string {
	name = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(name), "OID."))
	if known := attributes[name]; known != "" {
		return known
	}
	return name
}

// normalDN brings a distinguished name, as RFC 4514, OpenSSL and databases write it, into
// one form without regard to the order of its parts; "" if the text is none.
func normalDN(s string) string {
	separator := byte(',')
	if strings.HasPrefix(s, "/") {
		separator, s = '/', s[1:]
	}
	var parts []string
	for _, part := range splitDN(s, separator) {
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			return ""
		}
		parts = append(parts, attribute(name)+"="+normal(value))
	}
	slices.Sort(parts)
	return strings.Join(parts, "\x00")
}

// splitDN cuts at the separator, and at + and ;, where they are neither quoted nor escaped.
func splitDN(s string, separator byte) []string {
	var out []string
	var b strings.Builder
	quoted := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case c == '"':
			quoted = !quoted
		case !quoted && (c == separator || separator == ',' && (c == ';' || c == '+')):
			out = append(out, b.String())
			b.Reset()
		default:
			b.WriteByte(c)
		}
	}
	return append(out, b.String())
}
