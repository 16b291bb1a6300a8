package lint

// SourceSelfaudit is the source of the findings that are ours, not zlint's.
const SourceSelfaudit = "selfaudit"

// The names of our own findings about artifacts that zlint never gets to see.
const (
	LintUnparseableCert = "e_selfaudit_unparseable_certificate"
	LintUnparseableCRL  = "e_selfaudit_unparseable_crl"
	LintUnparseableOCSP = "e_selfaudit_unparseable_ocsp_response"
	LintUnreadable      = "e_selfaudit_unreadable_artifact"
	LintNotLinted       = "n_selfaudit_not_linted"
	LintCheckPanicked   = "e_selfaudit_check_failed"
)

// The names of the checks of lint/checks: what one artifact alone does not show, and what
// is counted otherwise than zlint counts.
const (
	CheckIssuerName         = "e_selfaudit_issuer_name_differs"
	CheckAuthorityKey       = "e_selfaudit_authority_key_identifier_differs"
	CheckSignature          = "e_selfaudit_signature_invalid"
	CheckSignatureUnchecked = "n_selfaudit_signature_not_checked"
	CheckIssuerMissing      = "n_selfaudit_issuer_not_given"
	CheckOutsideIssuer      = "w_selfaudit_validity_outside_issuer"
	CheckPrecertificate     = "e_selfaudit_precertificate_differs"
	CheckSerialReused       = "e_selfaudit_serial_reused"
	CheckPolicySubject      = "e_selfaudit_policy_subject_mismatch"
	CheckPolicyCount        = "e_selfaudit_reserved_policy_count"
	CheckValidity           = "e_selfaudit_validity_too_long"
	CheckValidityLong       = "w_selfaudit_validity_longer_than_recommended"
	CheckSCT                = "e_selfaudit_sct_invalid"
)

// ownRule is the description of a finding of ours.
type ownRule struct {
	severity          Severity
	citation, meaning string
	kind              Kind   // what it judges
	effective         string // YYYY-MM-DD; "" = always
}

var ownRules = map[string]ownRule{
	LintUnparseableCert: {Fatal, "RFC 5280: 4.1", "The certificate cannot be parsed, so no lint could judge it", KindCert, ""},
	LintUnparseableCRL:  {Fatal, "RFC 5280: 5.1", "The CRL cannot be parsed, so no lint could judge it", KindCRL, ""},
	LintUnparseableOCSP: {Fatal, "RFC 6960: 4.2.1", "The OCSP response cannot be parsed, so no lint could judge it", KindOCSP, ""},
	LintUnreadable:      {Fatal, "", "The input is not a certificate, a CRL or an OCSP response in any form that is read", KindUnknown, ""},
	LintNotLinted:       {Notice, "", "The input holds something well known that is not linted, such as a key", KindUnknown, ""},
	LintCheckPanicked:   {Fatal, "", "One of our own checks failed on this certificate and could not judge it", KindCert, ""},

	CheckIssuerName:         {Error, "BRs: 7.1.4.1; RFC 5280: 4.1.2.4", "The issuer name must be byte for byte the subject of the issuing CA's certificate", KindCert, ""},
	CheckAuthorityKey:       {Error, "BRs: 7.1.2.11.1; RFC 5280: 4.2.1.1", "The key identifier in authorityKeyIdentifier must be the issuing CA's subjectKeyIdentifier", KindCert, ""},
	CheckSignature:          {Error, "RFC 5280: 4.1.1.3", "The signature must verify under the issuing CA's key", KindCert, ""},
	CheckSignatureUnchecked: {Notice, "RFC 5280: 4.1.1.3", "The signature could not be checked: its algorithm or the issuer's key is not one this program verifies", KindCert, ""},
	CheckIssuerMissing:      {Notice, "", "None of the given issuer certificates issued this certificate, so the checks that need the issuer did not run", KindCert, ""},
	CheckOutsideIssuer:      {Warn, "RFC 5280: 6.1.3 (a) (2)", "The certificate is valid at times when its issuer's certificate is not, so no path through that certificate is", KindCert, ""},
	CheckPrecertificate:     {Error, "RFC 6962: 3.2; BRs: 7.1.2.9", "A certificate must differ from its precertificate in nothing but poison and SCT list, and in what a Precertificate Signing Certificate changes", KindCert, ""},
	CheckSerialReused:       {Error, "RFC 5280: 4.1.2.2", "A CA must give every certificate a serial number of its own", KindCert, ""},
	CheckPolicySubject:      {Error, "BRs: 7.1.2.7.2, 7.1.2.7.3, 7.1.2.7.4; EVGs: 7.1.4.2", "The subject must hold what the type of certificate asserted by the reserved policy OID asks for, and nothing it forbids", KindCert, profilesDate},
	CheckPolicyCount:        {Error, "BRs: 7.1.2.7.9", "A TLS server certificate must assert exactly one reserved policy OID, and not anyPolicy", KindCert, profilesDate},
	CheckValidity:           {Error, "BRs: 6.3.2, 1.6.1; SBR 6.3.2; CSBR 6.3.2", "The validity, first and last second included, must not exceed the limit for the day of issuance", KindCert, "2012-07-01"},
	CheckValidityLong:       {Warn, "BRs: 6.3.2", "The validity should stay a day below the limit, which the last second or an operational delay would otherwise break", KindCert, "2020-09-01"},
	CheckSCT:                {Error, "RFC 6962: 3.2, 3.3", "Every embedded SCT of a known log must be that log's signature over this certificate", KindCert, ""},
}

// OwnRevision numbers the state of our own checks, rule sets and built-in waivers. It is raised
// with every change by which the same certificate can get another finding of ours, another
// rule set or another built-in waiver.
const OwnRevision = 1

// profilesDate is the day from which BR 2.0.0's certificate profiles bind (its table of
// relevant dates: "Section 7 (and others)").
const profilesDate = "2023-09-15"

// OwnChecks returns the names of the checks of lint/checks, sorted.
func OwnChecks() []string {
	return []string{
		CheckAuthorityKey, CheckIssuerName, CheckPolicySubject, CheckPrecertificate, CheckPolicyCount, CheckSCT, CheckSerialReused,
		CheckSignature, CheckValidity, CheckIssuerMissing, CheckSignatureUnchecked, CheckValidityLong, CheckOutsideIssuer,
	}
}

// OwnFinding builds a finding of one of the checks or findings that are ours. It is false
// for a name that is not ours.
func OwnFinding(name, details string) (Finding, bool) {
	if _, ok := ownRules[name]; !ok {
		return Finding{}, false
	}
	return ownFinding(name, details), true
}

// ownFinding builds a finding of ours.
func ownFinding(name, details string) Finding {
	rule := ownRules[name]
	return Finding{
		Lint: name, Severity: rule.severity, Source: SourceSelfaudit,
		Citation: rule.citation, Details: boundDetails(withoutPointers(details)),
	}
}

// unreadableFinding is the finding of an artifact that cannot be linted.
func unreadableFinding(kind Kind, reason error) Finding {
	if _, ok := reason.(*notLintedError); ok {
		return ownFinding(LintNotLinted, reason.Error())
	}
	name := LintUnreadable
	switch kind {
	case KindCert:
		name = LintUnparseableCert
	case KindCRL:
		name = LintUnparseableCRL
	case KindOCSP:
		name = LintUnparseableOCSP
	}
	return ownFinding(name, reason.Error())
}

// notLintedError marks input that is read and understood but not linted by design.
type notLintedError struct {
	what  string
	whole bool // what says it all
}

func (e *notLintedError) Error() string {
	if e.whole {
		return e.what
	}
	return e.what + ": not a certificate, CRL or OCSP response"
}
