package checks

import (
	"fmt"
	"strings"
	"time"

	"github.com/zmap/zcrypto/x509"

	"selfaudit/lint"
)

// limit is a maximum validity for certificates issued from a day on: a number of days of
// 86,400 seconds (BR 6.3.2), or a number of calendar months.
type limit struct {
	from         time.Time
	days, months int
	should       int // SHOULD NOT exceed so many days; 0 = nothing recommended
	source       string
}

func since(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// The limits by type of certificate, oldest first. The last one that began on or before
// notBefore holds; before the first there is none.
var (
	// BR 6.3.2 and its earlier editions (SC-081v3 from 2026 on). EV certificates have the
	// shorter one of BR and EVG, which is that of the BR.
	tlsLimits = []limit{
		{from: since(2012, 7, 1), months: 60, source: "BR 1.0 section 9.4.1"},
		{from: since(2016, 6, 30), months: 39, source: "BR 6.3.2"},
		{from: since(2018, 3, 1), days: 825, source: "BR 6.3.2 (Ballot 193)"},
		{from: since(2020, 9, 1), days: 398, should: 397, source: "BR 6.3.2 (SC31)"},
		{from: since(2026, 3, 15), days: 200, should: 199, source: "BR 6.3.2 (SC-081v3)"},
		{from: since(2027, 3, 15), days: 100, should: 99, source: "BR 6.3.2 (SC-081v3)"},
		{from: since(2029, 3, 15), days: 47, should: 46, source: "BR 6.3.2 (SC-081v3)"},
	}
	smimeLimits       = []limit{{from: since(2023, 9, 1), days: 825, source: "SBR 6.3.2"}}
	smimeLegacyLimits = []limit{{from: since(2023, 9, 1), days: 1185, source: "SBR 6.3.2 (legacy)"}}
	codeLimits        = []limit{
		{from: since(2019, 8, 13), months: 39, source: "CSBR 6.3.2"},
		{from: since(2026, 3, 1), days: 460, source: "CSBR 6.3.2"},
	}
	timestampLimits = []limit{{from: since(2019, 8, 13), months: 135, source: "CSBR 6.3.2 (time stamps)"}}
)

// limitsOf picks the table for a certificate; nil where the requirements set no limit
// (CA certificates, OCSP responders, anything else).
func limitsOf(c *x509.Certificate) []limit {
	if c.IsCA {
		return nil
	}
	for _, policy := range c.PolicyIdentifiers {
		switch oid := policy.String(); {
		case reservedTLS[oid] != "":
			return tlsLimits
		case strings.HasPrefix(oid, smimeArc) && strings.HasSuffix(oid, ".1"):
			return smimeLegacyLimits
		case strings.HasPrefix(oid, smimeArc):
			return smimeLimits
		case oid == "2.23.140.1.3", oid == "2.23.140.1.4.1":
			return codeLimits
		case oid == "2.23.140.1.4.2":
			return timestampLimits
		}
	}
	if isServer(c) {
		return tlsLimits
	}
	return nil
}

// smimeArc is the arc of the S/MIME BR's policy OIDs; the last number is the generation,
// 1 for legacy (SBR 1.2).
const smimeArc = "2.23.140.1.5."

// validity judges the length of the validity, both its first and its last second included
// (BR 1.6.1), so that 200 days end at notBefore + 200*86,400 s - 1 s.
func validity(c *x509.Certificate) []lint.Finding {
	if c.NotAfter.Before(c.NotBefore) {
		return nil // zlint has a lint for it
	}
	l, ok := limitOn(limitsOf(c), c.NotBefore)
	if !ok {
		return nil
	}
	seconds := c.NotAfter.Unix() - c.NotBefore.Unix() + 1
	if l.months > 0 {
		if end := c.NotBefore.AddDate(0, l.months, 0); c.NotAfter.Unix()+1 > end.Unix() {
			return []lint.Finding{finding(lint.CheckValidity, fmt.Sprintf("valid for %s, allowed: %d months (%s)", length(seconds), l.months, l.source))}
		}
		return nil
	}
	if seconds > int64(l.days)*86400 {
		return []lint.Finding{finding(lint.CheckValidity, fmt.Sprintf("valid for %s, allowed: %d days (%s)", length(seconds), l.days, l.source))}
	}
	if l.should > 0 && seconds > int64(l.should)*86400 {
		return []lint.Finding{finding(lint.CheckValidityLong, fmt.Sprintf("valid for %s, recommended: at most %d days (%s)", length(seconds), l.should, l.source))}
	}
	return nil
}

func limitOn(limits []limit, issued time.Time) (limit, bool) {
	var found limit
	ok := false
	for _, l := range limits {
		if !issued.Before(l.from) {
			found, ok = l, true
		}
	}
	return found, ok
}

// length writes a number of seconds as days and the rest: "200 days and 1 s".
func length(seconds int64) string {
	if rest := seconds % 86400; rest != 0 {
		return fmt.Sprintf("%d days and %d s", seconds/86400, rest)
	}
	return fmt.Sprintf("%d days", seconds/86400)
}

// isServer says whether a certificate is a TLS server certificate by its usages: BR 1.1
// speaks of certificates "intended to be used for authenticating servers".
func isServer(c *x509.Certificate) bool {
	if c.IsCA {
		return false
	}
	for _, usage := range c.ExtKeyUsage {
		if usage == x509.ExtKeyUsageServerAuth {
			return true
		}
	}
	return false
}
