package ct

// Object identifiers this package looks for.
const (
	oidSCTList          = "1.3.6.1.4.1.11129.2.4.2" // RFC 6962 section 3.3
	oidPoison           = "1.3.6.1.4.1.11129.2.4.3" // RFC 6962 section 3.1
	oidPrecertSigning   = "1.3.6.1.4.1.11129.2.4.4" // RFC 6962 section 3.1, an extended key usage
	oidAuthorityKeyID   = "2.5.29.35"               // RFC 5280 section 4.2.1.1
	oidBasicConstraints = "2.5.29.19"               // RFC 5280 section 4.2.1.9
	oidExtKeyUsage      = "2.5.29.37"               // RFC 5280 section 4.2.1.12
	oidPolicies         = "2.5.29.32"               // RFC 5280 section 4.2.1.4
)

// Content octets of the identifiers whose extensions are taken out of or put into a TBSCertificate.
var (
	derSCTList        = []byte{0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02}
	derPoison         = []byte{0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x03}
	derAuthorityKeyID = []byte{0x55, 0x1d, 0x23}
)

// knownOID returns the dotted form of identifiers found in nearly every
// certificate without building a string each time, else "".
func knownOID(content []byte) string {
	switch string(content) {
	case "\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02":
		return oidSCTList
	case "\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03":
		return oidPoison
	case "\x2b\x06\x01\x05\x05\x07\x01\x01":
		return "1.3.6.1.5.5.7.1.1" // authorityInfoAccess
	case "\x2b\x06\x01\x05\x05\x07\x03\x01":
		return "1.3.6.1.5.5.7.3.1" // serverAuth
	case "\x2b\x06\x01\x05\x05\x07\x03\x02":
		return "1.3.6.1.5.5.7.3.2" // clientAuth
	case "\x55\x1d\x0e":
		return "2.5.29.14" // subjectKeyIdentifier
	case "\x55\x1d\x0f":
		return "2.5.29.15" // keyUsage
	case "\x55\x1d\x11":
		return "2.5.29.17" // subjectAltName
	case "\x55\x1d\x13":
		return oidBasicConstraints
	case "\x55\x1d\x1f":
		return "2.5.29.31" // cRLDistributionPoints
	case "\x55\x1d\x20":
		return oidPolicies
	case "\x55\x1d\x23":
		return oidAuthorityKeyID
	case "\x55\x1d\x25":
		return oidExtKeyUsage
	case "\x67\x81\x0c\x01\x02\x01":
		return "2.23.140.1.2.1" // domain-validated
	case "\x67\x81\x0c\x01\x02\x02":
		return "2.23.140.1.2.2" // organization-validated
	}
	return ""
}
