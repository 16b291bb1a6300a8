package lint

import (
	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// kindByShape guesses from the outermost structure what broken DER was meant
// to be, so that a certificate no parser accepts is reported as a certificate:
// a violation of the requirements can be the very thing that breaks the parser.
// It looks at tags only and never fails.
func kindByShape(der []byte) Kind {
	input := cryptobyte.String(der)
	var outer, first cryptobyte.String
	var tag cryptobyte_asn1.Tag
	if !input.ReadASN1(&outer, cryptobyte_asn1.SEQUENCE) || !outer.ReadAnyASN1(&first, &tag) {
		return KindUnknown
	}
	if tag == cryptobyte_asn1.ENUM {
		return KindOCSP // RFC 6960 4.2.1: OCSPResponse starts with responseStatus ENUMERATED
	}
	if tag != cryptobyte_asn1.SEQUENCE || !outer.PeekASN1Tag(cryptobyte_asn1.SEQUENCE) {
		return KindUnknown
	}
	var algorithm cryptobyte.String
	if !outer.ReadASN1(&algorithm, cryptobyte_asn1.SEQUENCE) || !outer.PeekASN1Tag(cryptobyte_asn1.BIT_STRING) {
		return KindUnknown
	}
	return signedKind(first)
}

// signedKind tells a to-be-signed certificate from a to-be-signed CRL.
// RFC 5280 4.1: [0] version and INTEGER serial number, or the serial number
// alone, then the algorithm, the issuer and a validity SEQUENCE. RFC 5280 5.1:
// INTEGER version or none, then the algorithm, the issuer and a time.
func signedKind(tbs cryptobyte.String) Kind {
	if tbs.PeekASN1Tag(cryptobyte_asn1.Tag(0).ContextSpecific().Constructed()) {
		return KindCert
	}
	var skipped cryptobyte.String
	var tag cryptobyte_asn1.Tag
	if tbs.PeekASN1Tag(cryptobyte_asn1.INTEGER) && !tbs.ReadAnyASN1(&skipped, &tag) {
		return KindUnknown
	}
	for range 2 { // algorithm, issuer
		if !tbs.ReadASN1(&skipped, cryptobyte_asn1.SEQUENCE) {
			return KindUnknown
		}
	}
	switch {
	case tbs.PeekASN1Tag(cryptobyte_asn1.SEQUENCE):
		return KindCert
	case tbs.PeekASN1Tag(cryptobyte_asn1.UTCTime), tbs.PeekASN1Tag(cryptobyte_asn1.GeneralizedTime):
		return KindCRL
	}
	return KindUnknown
}
