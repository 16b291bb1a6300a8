package config

import (
	"fmt"
	"strings"
)

// Template is the selfaudit.toml that `init` writes: valid as it stands, with
// comments that teach what to fill in.
func Template(caName string) []byte { return Filled(caName, nil, nil) }

// Filled is Template with issuers filled in and the bundled log list in use. comments
// stand above the issuers, one for each; an empty one is left out. Without issuers it is
// the plain template.
func Filled(caName string, issuers []Issuer, comments []string) []byte {
	var b strings.Builder
	for i, iss := range issuers {
		if i > 0 {
			b.WriteByte('\n')
		}
		if i < len(comments) && comments[i] != "" {
			fmt.Fprintf(&b, "# %s\n", strings.Trim(tomlText(comments[i]), `"`)) // escaped, so it stays one line
		}
		certificate := tomlTexts(iss.Certificates)
		if len(iss.Certificates) == 1 {
			certificate = tomlText(iss.Certificates[0])
		}
		fmt.Fprintf(&b, "[[issuer]]\ncertificate = %s\n", certificate)
		if iss.Label != "" {
			fmt.Fprintf(&b, "label = %s\n", tomlText(iss.Label))
		}
	}
	issuerText, list := issuerExample, logListExample
	if len(issuers) > 0 {
		issuerText = b.String()
		list = strings.Replace(strings.Replace(list, "# [log_list]", "[log_list]", 1), "# select", "select", 1)
	}
	return []byte(strings.NewReplacer("@NAME@", tomlText(caName), "@ISSUERS@", issuerText, "@LOGLIST@", list).Replace(template))
}

const issuerExample = `#
# [[issuer]]
# certificate = "issuers/dv1.pem"
# label = "DV1"
# rate = "5%"
# policy_oids = { "1.3.6.1.4.1.99999.1" = "ev" }   # for certificates without a reserved OID
`

// The address is commented out in every case: what is fetched from the web is for the
// user to choose.
const logListExample = `# [log_list]
# select = "auto"                          # or "none"
# url = "https://www.gstatic.com/ct/log_list/v3/log_list.json"
`

const template = `# The configuration of this workspace. It is copied into every evidence package,
# so no secrets belong here. Unknown keys are errors, with a suggestion.

[ca]
name = @NAME@
# Whom the operators of logs can turn to, told with every request: they slow down or
# block bulk readers without a contact.
# contact = "mailto:audit@ca.example"      # or an https:// address

[audit]
# How much of every stratum is drawn. Never below 3 %: TLS Baseline
# Requirements 8.7. Two decimals at most, for example "3.25%".
rate = "3%"

# When was a certificate issued? "ct": by the earliest of the CT time stamps and
# your own records. "not_before": by the certificate's own notBefore, if earlier.
issuance_time = "ct"

# Does a registration authority do the final cross-correlation and due diligence
# for EV or code signing certificates? If none does, declare it; otherwise 6 % of
# each kind is drawn (EV Guidelines 8.1.1, Code Signing BR 8.7).
# ev_ra = "none"

# Least number of items drawn from every stratum. minimum is the same, but the floor
# of an issuer cannot go below it; 5 is a proposal (mozilla/pkipolicy issue 83).
# floor = 1
# minimum = 5

# Days from the end of the period to the public randomness, and its source:
# "quicknet" or "default-chain" (drand), or "dice" (rolled before the auditor).
# draw_lead_days = 3
# beacon = "quicknet"

# The last self-audit outside this program: the document that shows it (its name
# and hash become evidence, the document stays here) and when it took its sample.
# Or the reason why there is none. Only the first audit of a workspace reads this.
[chain]
# start_evidence = "docs/last-self-audit-2026-Q2.pdf"
# last_sample = "2026-07-01T00:00:00Z"
# reason = "first self-audit of a new CA"

# The CA certificates whose issuance is audited, PEM or DER, one [[issuer]] for
# each key. Several certificates of one key (cross-signed twins) go in a list.
@ISSUERS@
# The CCADB's report of all CA certificates: what it lists for you and is not above is
# named in every audit.
#
# [ccadb]
# file = "AllCertificateRecordsCSVFormatv4.csv"
# owner = "Example CA"

# A published list of CT logs: every log of it that may hold certificates of the
# period is read ("selfaudit logs" shows which and why). Without file and url it is
# the list that comes with the program, which is of a certain day: prefer a new one.
#
@LOGLIST@
# CT logs by hand, beside the list or instead of it. Every log is proven entry by
# entry against its key. A log that cannot be proven stops the audit, unless you
# exclude it with a reason that everybody will read.
#
# [[log]]
# type = "static-ct"                       # or "rfc6962"
# url = "https://log.example/2026h2"       # or file://, or a folder
# origin = "log.example/2026h2"            # static-ct: the checkpoint's first line
# public_key = "base64 SubjectPublicKeyInfo"   # or public_key_file = "keys/log.pem"
# exclude = "shut down on 2026-08-14, entries are in the log below"
# operated_by_ca = true                    # a log of the CA's own

# crt.sh as a cross-check: certificates that it knows and that no source above has are
# found; what it does not know proves nothing. It needs port 5432, which no proxy passes.
#
# [crtsh]
# use = true

# Certificates outside the logs: a file or folder of PEM, DER or base64 lines.
#
# [[files]]
# path = "exports/2026Q3"

# The CA's own issuance records: a CSV, or a folder or archive of certificates. They
# date the items, are compared with the logs in both directions, and their columns can
# divide the strata. "selfaudit records exports/2026Q3.csv" shows an export and prints
# this table for it.
#
# [[records]]
# path = "exports/2026Q3.csv"
# system = "EJBCA 9.2, production database"
# query = "SELECT ... FROM CertificateData WHERE ..."
# operator = "A. Person"
# extracted_at = "2026-10-02T08:00:00Z"
# rows = 3010                              # as the system said
# [records.columns]
# serial = "Serial Number"
# issuer = "Issuing CA"
# issued_at = "Issued"
# certificate = "PEM"
# registration_authority = "RA Name"
#
# [strata]
# by = "registration_authority"
`
