package lint

import (
	"slices"
	"strings"

	"github.com/zmap/zcrypto/x509"
	zlint "github.com/zmap/zlint/v3/lint"
)

const (
	kuDS = x509.KeyUsageDigitalSignature
	kuCC = x509.KeyUsageContentCommitment
	kuKE = x509.KeyUsageKeyEncipherment
	kuKA = x509.KeyUsageKeyAgreement
)

// usagesFor is zlint's table of the key usages that RFC 5280 4.2.1.12 calls
// consistent with each extended key usage.
var usagesFor = map[x509.ExtKeyUsage][]x509.KeyUsage{
	x509.ExtKeyUsageServerAuth:  {kuDS, kuKE, kuKA, kuDS | kuKE, kuDS | kuKA},
	x509.ExtKeyUsageClientAuth:  {kuDS, kuKA, kuDS | kuKA},
	x509.ExtKeyUsageCodeSigning: {kuDS},
	x509.ExtKeyUsageEmailProtection: {
		kuDS, kuCC, kuKE, kuKA, kuDS | kuCC, kuDS | kuKE, kuDS | kuKA,
		kuDS | kuCC | kuKE, kuDS | kuCC | kuKA, kuCC | kuKE, kuCC | kuKA,
	},
	x509.ExtKeyUsageTimeStamping: {kuDS, kuCC, kuDS | kuCC},
	x509.ExtKeyUsageOcspSigning:  {kuDS, kuCC, kuDS | kuCC},
}

// settleKeyUsage decides e_key_usage_and_extended_key_usage_inconsistent
// independently of map order. With several purposes zlint combines each
// purpose's usages with those before it, except the first one it happens to
// visit; combining all is what every visiting order is a part of, so a usage
// that is consistent in any order passes here. An error in every order stays one.
func settleKeyUsage(c *x509.Certificate, status zlint.LintStatus, details string) (zlint.LintStatus, string) {
	if status == zlint.Error && len(c.ExtKeyUsage) > 1 &&
		c.KeyUsage >= 0 && c.KeyUsage < allUsages && combinedUsages(c.ExtKeyUsage)[c.KeyUsage] {
		return zlint.Pass, ""
	}
	head, rest, ok := strings.Cut(details, "[")
	if !ok {
		return status, details
	}
	list, tail, ok := strings.Cut(rest, "]")
	if !ok {
		return status, details
	}
	words := strings.Fields(list)
	slices.Sort(words)
	return status, head + "[" + strings.Join(words, " ") + "]" + tail
}

// allUsages is one more than the largest key usage: RFC 5280 4.2.1.3 defines nine bits.
const allUsages = 1 << 9

// combinedUsages marks every key usage that is a combination of usages of some
// of the purposes.
func combinedUsages(purposes []x509.ExtKeyUsage) *[allUsages]bool {
	combined := new([allUsages]bool)
	for _, purpose := range purposes {
		for _, usage := range usagesFor[purpose] {
			for before := range x509.KeyUsage(allUsages) {
				if combined[before] {
					combined[before|usage] = true
				}
			}
			combined[usage] = true
		}
	}
	return combined
}
