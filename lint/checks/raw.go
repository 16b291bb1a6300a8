package checks

import (
	"bytes"
	"errors"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// rawExtension is one extension of a certificate.
type rawExtension struct {
	oid   string // content octets of the identifier
	value []byte // content octets of extnValue
	raw   []byte // the whole element
}

// rawCert is a certificate cut into DER elements, nothing decoded: what has to be
// compared byte for byte must not go through a parser that normalizes. The slices alias
// the certificate.
type rawCert struct {
	tbs        []byte
	version    []byte // with its [0] tag; nil when absent
	serial     []byte
	algorithm  []byte
	issuer     []byte
	validity   []byte
	subject    []byte
	spki       []byte
	uniqueIDs  []byte // issuerUniqueID and subjectUniqueID, as they stand
	extensions []rawExtension
	hasExts    bool
}

// Content octets of the object identifiers that are looked for.
const (
	oidAuthorityKeyID  = "\x55\x1d\x23"                             // 2.5.29.35
	oidSubjectKeyID    = "\x55\x1d\x0e"                             // 2.5.29.14
	oidExtendedUsage   = "\x55\x1d\x25"                             // 2.5.29.37
	oidSCTList         = "\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02" // 1.3.6.1.4.1.11129.2.4.2
	oidPoison          = "\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03" // 1.3.6.1.4.1.11129.2.4.3
	oidPrecertSigning  = "\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x04" // 1.3.6.1.4.1.11129.2.4.4
	maxExtensionsTaken = 1 << 12
)

var errDamaged = errors.New("damaged structure")

// cut cuts a certificate apart (RFC 5280 section 4.1). It is strict about the structure
// and does not look into the fields.
func cut(der []byte) (*rawCert, error) {
	input := cryptobyte.String(der)
	var outer, tbs cryptobyte.String
	if !input.ReadASN1(&outer, cryptobyte_asn1.SEQUENCE) || !input.Empty() ||
		!outer.ReadASN1Element(&tbs, cryptobyte_asn1.SEQUENCE) {
		return nil, errDamaged
	}
	c := &rawCert{tbs: tbs}
	if !tbs.ReadASN1(&tbs, cryptobyte_asn1.SEQUENCE) {
		return nil, errDamaged
	}
	if version := cryptobyte_asn1.Tag(0).ContextSpecific().Constructed(); tbs.PeekASN1Tag(version) {
		if !tbs.ReadASN1Element((*cryptobyte.String)(&c.version), version) {
			return nil, errDamaged
		}
	}
	if !tbs.ReadASN1Element((*cryptobyte.String)(&c.serial), cryptobyte_asn1.INTEGER) {
		return nil, errDamaged
	}
	for _, field := range []*[]byte{&c.algorithm, &c.issuer, &c.validity, &c.subject, &c.spki} {
		if !tbs.ReadASN1Element((*cryptobyte.String)(field), cryptobyte_asn1.SEQUENCE) {
			return nil, errDamaged
		}
	}
	return c, c.cutRest(tbs)
}

// cutRest reads the optional fields at the end of a TBSCertificate.
func (c *rawCert) cutRest(tbs cryptobyte.String) error {
	for _, tag := range []cryptobyte_asn1.Tag{1, 2} {
		for _, t := range []cryptobyte_asn1.Tag{tag.ContextSpecific(), tag.ContextSpecific().Constructed()} {
			var element cryptobyte.String
			if tbs.PeekASN1Tag(t) {
				if !tbs.ReadASN1Element(&element, t) {
					return errDamaged
				}
				c.uniqueIDs = append(c.uniqueIDs, element...)
			}
		}
	}
	var wrapped, list cryptobyte.String
	if !tbs.ReadOptionalASN1(&wrapped, &c.hasExts, cryptobyte_asn1.Tag(3).ContextSpecific().Constructed()) || !tbs.Empty() {
		return errDamaged
	}
	if !c.hasExts {
		return nil
	}
	if !wrapped.ReadASN1(&list, cryptobyte_asn1.SEQUENCE) || !wrapped.Empty() {
		return errDamaged
	}
	for !list.Empty() {
		extension, ok := cutExtension(&list)
		if !ok || len(c.extensions) == maxExtensionsTaken {
			return errDamaged
		}
		c.extensions = append(c.extensions, extension)
	}
	return nil
}

func cutExtension(list *cryptobyte.String) (rawExtension, bool) {
	var element, inner, oid, value cryptobyte.String
	if !list.ReadASN1Element(&element, cryptobyte_asn1.SEQUENCE) {
		return rawExtension{}, false
	}
	outer := element
	ok := outer.ReadASN1(&inner, cryptobyte_asn1.SEQUENCE) &&
		inner.ReadASN1(&oid, cryptobyte_asn1.OBJECT_IDENTIFIER) &&
		inner.SkipOptionalASN1(cryptobyte_asn1.BOOLEAN) &&
		inner.ReadASN1(&value, cryptobyte_asn1.OCTET_STRING) && inner.Empty()
	return rawExtension{string(oid), value, element}, ok
}

// extension returns the value of the first extension with an identifier.
func (c *rawCert) extension(oid string) ([]byte, bool) {
	for _, e := range c.extensions {
		if e.oid == oid {
			return e.value, true
		}
	}
	return nil, false
}

// authorityKeyID returns keyIdentifier of authorityKeyIdentifier; nil where absent.
func (c *rawCert) authorityKeyID() []byte {
	value, ok := c.extension(oidAuthorityKeyID)
	input := cryptobyte.String(value)
	var inner, id cryptobyte.String
	var present bool
	if !ok || !input.ReadASN1(&inner, cryptobyte_asn1.SEQUENCE) ||
		!inner.ReadOptionalASN1(&id, &present, cryptobyte_asn1.Tag(0).ContextSpecific()) || !present {
		return nil
	}
	return id
}

// subjectKeyID returns subjectKeyIdentifier; nil where absent.
func (c *rawCert) subjectKeyID() []byte {
	value, ok := c.extension(oidSubjectKeyID)
	input := cryptobyte.String(value)
	var id cryptobyte.String
	if !ok || !input.ReadASN1(&id, cryptobyte_asn1.OCTET_STRING) {
		return nil
	}
	return id
}

// isPrecert tells a precertificate by its poison (RFC 6962 section 3.1).
func (c *rawCert) isPrecert() bool { _, ok := c.extension(oidPoison); return ok }

// isPrecertSigner tells a Precertificate Signing Certificate by its extended key usage
// (RFC 6962 section 3.1).
func (c *rawCert) isPrecertSigner() bool {
	value, ok := c.extension(oidExtendedUsage)
	input := cryptobyte.String(value)
	var list, oid cryptobyte.String
	if !ok || !input.ReadASN1(&list, cryptobyte_asn1.SEQUENCE) {
		return false
	}
	for !list.Empty() {
		if !list.ReadASN1(&oid, cryptobyte_asn1.OBJECT_IDENTIFIER) {
			return false
		}
		if bytes.Equal(oid, []byte(oidPrecertSigning)) {
			return true
		}
	}
	return false
}
