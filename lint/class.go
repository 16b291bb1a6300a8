package lint

import (
	"fmt"
	"strings"

	"github.com/zmap/zcrypto/dsa"
	"github.com/zmap/zcrypto/rsa"
	"github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3/util"
)

// policyClasses are the CA/Browser Forum's reserved policy OIDs
// (https://cabforum.org/resources/object-registry/), strictest first where one
// certificate holds several.
var policyClasses = []struct{ oid, class string }{
	{"2.23.140.1.1", "EV"},
	{"2.23.140.1.2.2", "OV"},
	{"2.23.140.1.2.3", "IV"},
	{"2.23.140.1.2.1", "DV"},
	{"2.23.140.1.3", "EV code signing"},
	{"2.23.140.1.4.1", "code signing"},
	{"2.23.140.1.4.2", "time stamping"},
}

// smimePolicies is the arc of the S/MIME BR's policy OIDs: 2.23.140.1.5.<validation>.<generation>.
const smimePolicies = "2.23.140.1.5."

var (
	smimeValidation = map[string]string{
		"1": "mailbox-validated", "2": "organization-validated", "3": "sponsor-validated", "4": "individual-validated",
	}
	smimeGeneration = map[string]string{"1": "legacy", "2": "multipurpose", "3": "strict"}
)

// classOf says what a certificate is by its basic constraints, policy OIDs and
// extended key usages.
func classOf(c *x509.Certificate) string {
	switch {
	case util.IsRootCA(c):
		return "root CA"
	case c.IsCA:
		return "subordinate CA"
	}
	policies := map[string]bool{}
	for _, policy := range c.PolicyIdentifiers {
		policies[policy.String()] = true
	}
	for _, known := range policyClasses {
		if policies[known.oid] {
			return known.class
		}
	}
	for _, policy := range c.PolicyIdentifiers {
		if rest, ok := strings.CutPrefix(policy.String(), smimePolicies); ok {
			validation, generation, _ := strings.Cut(rest, ".")
			return strings.TrimSpace("S/MIME " + smimeValidation[validation] + " " + smimeGeneration[generation])
		}
	}
	return classByUsage(c)
}

// classByUsage describes a certificate without a reserved policy OID.
func classByUsage(c *x509.Certificate) string {
	usages := map[x509.ExtKeyUsage]bool{}
	for _, usage := range c.ExtKeyUsage {
		usages[usage] = true
	}
	switch {
	case usages[x509.ExtKeyUsageOcspSigning]:
		return "OCSP responder"
	case usages[x509.ExtKeyUsageServerAuth]:
		return "TLS server, no reserved policy OID"
	case usages[x509.ExtKeyUsageEmailProtection]:
		return "e-mail, no reserved policy OID"
	case usages[x509.ExtKeyUsageCodeSigning]:
		return "code signing, no reserved policy OID"
	case usages[x509.ExtKeyUsageTimeStamping]:
		return "time stamping, no reserved policy OID"
	case usages[x509.ExtKeyUsageClientAuth]:
		return "TLS client"
	}
	return "no reserved policy OID"
}

// keyText describes the public key.
func keyText(c *x509.Certificate) string {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	case *dsa.PublicKey:
		return fmt.Sprintf("DSA %d", key.P.BitLen())
	}
	if key := ecdsaKey(c); key != nil && key.Curve != nil {
		return "ECDSA " + key.Curve.Params().Name
	}
	return c.PublicKeyAlgorithmName()
}
