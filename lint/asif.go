package lint

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/zmap/zcrypto/x509"
)

// asIfMasked are the lints that judge something which moving the validity of a parsed copy
// does not move with it, so that they would compare a real time with an imagined one.
var asIfMasked = map[string]string{
	"e_excessively backdated":                      "compares notBefore with the time stamps of embedded SCTs",
	"e_utc_time_not_in_zulu":                       rawTimeReason,
	"e_utc_time_does_not_include_seconds":          rawTimeReason,
	"e_generalized_time_not_in_zulu":               rawTimeReason,
	"e_generalized_time_does_not_include_seconds":  rawTimeReason,
	"e_generalized_time_includes_fraction_seconds": rawTimeReason,
	"e_wrong_time_format_pre2050":                  rawTimeReason,
}

const rawTimeReason = "reads the encoding of the validity in the certificate's own bytes"

// errNotMovable is why CRLs and OCSP responses have no "as if" judgement.
var errNotMovable = &notLintedError{what: "judged as of its own time only; \"as if issued on another day\" is a question about certificates", whole: true}

// masked says whether a lint must not speak in this run.
func (l *Linter) masked(name string) bool {
	if l.options.AsIf.IsZero() {
		return false
	}
	_, ok := asIfMasked[name]
	return ok
}

// maskedRemarks lists the masked lints by name.
func maskedRemarks() []Remark {
	remarks := make([]Remark, 0, len(asIfMasked))
	for _, name := range slices.Sorted(maps.Keys(asIfMasked)) {
		remarks = append(remarks, Remark{name, asIfMasked[name]})
	}
	slices.SortFunc(remarks, func(a, b Remark) int { return cmp.Compare(a.Lint, b.Lint) })
	return remarks
}

// moved returns a copy of a certificate whose validity begins at the given time and lasts
// as long as before. All else, the raw bytes too, is shared with the original.
func moved(c *x509.Certificate, to time.Time) *x509.Certificate {
	copied := *c
	copied.NotBefore = to.UTC()
	copied.NotAfter = c.NotAfter.Add(to.Sub(c.NotBefore))
	return &copied
}
