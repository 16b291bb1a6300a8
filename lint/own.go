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
)

// ownRule is the description of a finding of ours.
type ownRule struct {
	severity          Severity
	citation, meaning string
}

var ownRules = map[string]ownRule{
	LintUnparseableCert: {Fatal, "RFC 5280: 4.1", "The certificate cannot be parsed, so no lint could judge it"},
	LintUnparseableCRL:  {Fatal, "RFC 5280: 5.1", "The CRL cannot be parsed, so no lint could judge it"},
	LintUnparseableOCSP: {Fatal, "RFC 6960: 4.2.1", "The OCSP response cannot be parsed, so no lint could judge it"},
	LintUnreadable:      {Fatal, "", "The input is not a certificate, a CRL or an OCSP response in any form that is read"},
	LintNotLinted:       {Notice, "", "The input holds something well known that is never linted, such as a key"},
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
type notLintedError struct{ what string }

func (e *notLintedError) Error() string { return e.what + ": not a certificate, CRL or OCSP response" }
