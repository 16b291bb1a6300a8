package lint

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/zmap/zcrypto/x509"
	zlint "github.com/zmap/zlint/v3/lint"

	"selfaudit/lint/requirements"
)

// Options choose how a Linter works. The zero value shows everything zlint says.
type Options struct {
	// Document keeps what zlint does not do deterministically out of the
	// results, so that the same bytes always give the same findings: the two
	// lints that read the clock are left out, the lints that word or judge by
	// the order of a map are brought into one order. Info names both.
	Document bool
	// Tables tell which versions were in force, for Document; nil = the program's own.
	Tables *requirements.Tables
	// Reference runs zlint.LintCertificateEx itself instead of our own loop.
	// Results are equal; it is many times slower.
	Reference bool
	// Config is zlint's configuration, TOML; "" is zlint's default.
	Config string
	// RulesOn is the day on which Info counts a rule as in force. Zero is the
	// date of the table of document versions (requirements.TableDate).
	RulesOn time.Time
	// AsIf, when set, answers another question: would this certificate be allowed if it
	// were issued on that day? The validity of a copy is moved to begin then, and the
	// lints that look at what cannot be moved are masked (Info names them). Results
	// carry the day and must never be mixed with judgements as of issuance.
	AsIf time.Time
	// Describe puts a Description into every result; it saves parsing again.
	Describe bool
	// Recheck, when set, chooses artifacts that are linted a second time by zlint's own loop.
	// Result.Difference then says how the two judgements differ. It is called by several
	// goroutines at once, and not used with Reference.
	Recheck func(a Artifact, r Result) bool
	// Checks, when set, adds findings of its own about a certificate, such as those of
	// lint/checks. It is called by several goroutines at once. A panic in it is a fatal
	// finding. With AsIf it gets the moved copy.
	Checks func(a Artifact, c *x509.Certificate) []Finding
}

// Linter runs all lints of zlint. It is safe for use by several goroutines at once.
type Linter struct {
	options Options
	config  zlint.Configuration
	rules   ruleSet
	plain   *Linter // for Options.Recheck, else nil
}

// New prepares a linter. It fails on a configuration that zlint would only
// reject certificate by certificate.
func New(options Options) (*Linter, error) {
	config, err := readConfiguration(options.Config)
	if err != nil {
		return nil, err
	}
	if options.Tables == nil {
		options.Tables = requirements.Embedded()
	}
	l := &Linter{options: options, config: config, rules: newRuleSet(config)}
	if options.Recheck != nil && !options.Reference {
		plain := *l
		plain.options.Reference, plain.options.Recheck, plain.options.Describe = true, nil, false
		l.plain = &plain
	}
	return l, nil
}

// report takes the outcome of one lint.
type report func(meta *zlint.LintMetadata, status zlint.LintStatus, details string)

// Lint judges one artifact. It never fails: what cannot be read or parsed is a
// finding of our own.
func (l *Linter) Lint(a Artifact) Result {
	result := l.judge(a)
	l.recheck(a, &result)
	return result
}

// judge is Lint without the second judgement.
func (l *Linter) judge(a Artifact) Result {
	kind, p, err := parseArtifact(a)
	result := Result{File: a.File, Kind: kind, SHA256: a.SHA256(), Findings: []Finding{}, Attachment: a.Attachment}
	if l.options.Describe {
		d := describe(a, kind, p, err)
		result.Description = &d
	}
	if !l.options.AsIf.IsZero() {
		result.AsIf = l.options.AsIf.UTC().Format(time.DateOnly)
		if err == nil && p.cert == nil {
			err = errNotMovable
		}
	}
	if err != nil {
		result.Findings = append(result.Findings, unreadableFinding(kind, err))
		return result
	}
	if !l.options.AsIf.IsZero() {
		p.cert = moved(p.cert, l.options.AsIf)
	}
	add := func(meta *zlint.LintMetadata, status zlint.LintStatus, details string) {
		if status > zlint.Pass && !l.masked(meta.Name) {
			result.add(meta, status, details, p.cert, l.options.Document)
		}
	}
	switch {
	case p.cert != nil:
		l.certificate(p.cert, add)
		result.Findings = append(result.Findings, l.check(a, p.cert)...)
	case p.crl != nil:
		l.revocationList(p.crl, add)
	default:
		l.ocspResponse(p.ocsp, add)
	}
	SortFindings(result.Findings)
	if l.options.Document && p.cert != nil {
		result.document(p.cert, l.options.Tables)
	}
	return result
}

// document adds what the documents of an audit say beside the findings: rule set, versions in
// force, reasons for revocation. An "as if" result is about no certificate that exists, so
// nothing has to be revoked for it.
func (r *Result) document(c *x509.Certificate, tables *requirements.Tables) {
	defer func() {
		if p := recover(); p != nil { // hostile content; the findings stand
			r.RuleSet, r.InForce = "", nil
		}
	}()
	holder := holderOf(c)
	r.RuleSet = ruleSetName(c)
	for _, v := range holder.InForceIn(tables, c.NotBefore) {
		r.InForce = append(r.InForce, v.Document+" "+v.Number)
	}
	for i := range r.Findings {
		if g, ok := GroundOf(r.Findings[i], holder); ok && r.AsIf == "" {
			r.Findings[i].Revocation = g.Text()
		}
	}
}

// SortFindings brings findings into the order of Result.Findings.
func SortFindings(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Lint, b.Lint))
	})
}

// check runs Options.Checks. What it finds about hostile bytes must not end the process.
func (l *Linter) check(a Artifact, c *x509.Certificate) (findings []Finding) {
	if l.options.Checks == nil {
		return nil
	}
	defer func() {
		if r := recover(); r != nil {
			findings = []Finding{ownFinding(LintCheckPanicked, fmt.Sprint(r))}
		}
	}()
	return l.options.Checks(a, c)
}

// add takes one lint's finding into the result. c is nil for CRLs and OCSP responses.
func (r *Result) add(meta *zlint.LintMetadata, status zlint.LintStatus, details string, c *x509.Certificate, document bool) {
	if document {
		if _, clock := clockDependent[meta.Name]; clock {
			return
		}
		if status, details = settle(meta.Name, c, status, details); status <= zlint.Pass {
			return
		}
		details = withoutPointers(details)
	}
	r.Findings = append(r.Findings, Finding{
		Lint: meta.Name, Severity: severityOf(status), Source: string(meta.Source),
		Citation: meta.Citation, Details: boundDetails(details),
	})
}

// certificate runs the certificate lints by the engine that the options name.
func (l *Linter) certificate(c *x509.Certificate, add report) {
	if l.options.Reference {
		l.certificateReference(c, add)
		return
	}
	l.certificateFlat(c, add)
}
