package reports

import (
	"math"
	"time"

	"selfaudit/internal/terminal"
	"selfaudit/lint"
	"selfaudit/lint/pkimetal"
	"selfaudit/lint/requirements"
	"selfaudit/lint/waivers"
	"selfaudit/sampler"
	"selfaudit/sampler/draw"
)

// SummarySchema names the form of report/summary.json.
const SummarySchema = "selfaudit.summary/v1"

// The risk of the stated upper bounds: 1/20, so "95 %" (protocol section 13).
const (
	riskNum = 1
	riskDen = 20
)

// Summary is the audit in numbers, the document report/summary.json. Numbers that
// cannot be known yet (before the draw, before linting) are null, never zero.
type Summary struct {
	Schema     string        `json:"schema"`
	AuditID    string        `json:"audit_id"`
	Mode       string        `json:"mode"`
	Notice     string        `json:"notice,omitempty"` // RehearsalNotice for a rehearsal
	CA         string        `json:"ca"`
	Period     Span          `json:"period"` // half-open: start <= issued < end
	ChainStart string        `json:"chain_start"`
	Previous   string        `json:"previous_commitment"` // SHA-256, or "none"
	Commitment string        `json:"commitment_sha256"`
	ReportedAt string        `json:"reported_at"`
	Clock      string        `json:"clock"` // "system" or "given"
	Population int64         `json:"population"`
	Late       int64         `json:"late"`
	Sampled    *int64        `json:"sampled"`
	Reserve    *int64        `json:"reserve"`
	Seed       string        `json:"seed,omitempty"`
	Lint       *LintSummary  `json:"lint"`
	Strata     []StratumLine `json:"strata"`
	Overall    Overall       `json:"overall"`
	// Records compares the population with the CA's own records; missing without them.
	Records      *RecordsSummary `json:"reconciliation,omitempty"`
	Problems     []ProblemLine   `json:"problems"`
	Requirements []InForce       `json:"requirements"`
	TableEdition string          `json:"requirements_edition"` // edition of the table of document versions
	Voided       int             `json:"voided_draws"`
	Replacements int             `json:"replacements"`
	Review       ReviewState     `json:"review"`
	Open         []OpenPoint     `json:"open"`
	Notes        []string        `json:"notes"`
	// Completeness is the snapshot's statement of what the population is complete against;
	// missing in audits that were frozen by an older program.
	Completeness []string `json:"completeness,omitempty"`
	// AsIf is what a reissue on the audit's day would violate, and Waivers are the waivers
	// with what they did.
	AsIf      *AsIf         `json:"as_if_today,omitempty"`
	Waivers   []waivers.Use `json:"waivers,omitempty"`
	WaiversOn string        `json:"waivers_on,omitempty"` // day on which they were applied, YYYY-MM-DD

	// Missing where freeze kept no tables, which an older program did not.
	Staleness *Staleness                      `json:"staleness,omitempty"`
	Reviews   []VersionReview                 `json:"requirement_reviews,omitzero"`
	Register  *RegisterState                  `json:"requirement_register,omitempty"`
	Coverage  []requirements.DocumentCoverage `json:"coverage,omitempty"`
	Counted   string                          `json:"coverage_linter,omitempty"` // whose lints Coverage counts

	WholeLint *PopulationLint  `json:"population_lint,omitempty"` // lint/population.jsonl
	Opinion   *pkimetal.Totals `json:"second_opinion,omitempty"`  // lint/second-opinion.jsonl
}

// Span is a half-open interval of UTC times.
type Span struct {
	Start string `json:"start"`
	End   string `json:"end"`
}

// LintSummary counts what the linter found on the sample. Fatal to Notice are findings of
// sources that apply, waived or not.
type LintSummary struct {
	Linter       string `json:"linter"`       // name and module version
	Certificates int    `json:"certificates"` // certificates and precertificates linted
	Fatal        int    `json:"fatal"`        // findings: distinct pairs of sampled item and lint
	Error        int    `json:"error"`
	Warn         int    `json:"warn"`
	Notice       int    `json:"notice"`
	// Waived are those of the counts above that are waived; what is left without them is
	// Unwaived. Both are missing before waivers were applied.
	Waived   *SeverityCounts `json:"waived,omitempty"`
	Unwaived *SeverityCounts `json:"unwaived,omitempty"`
	// NotApplied counts the findings of sources that do not apply to the type of the
	// certificate; they are in no count above.
	NotApplied int `json:"not_applied"`
	// RuleSets are the rule sets that the certificates have, and Rechecked says how many
	// results zlint's own loop has given too (as in lint/linter.json).
	RuleSets  []RuleSetUse  `json:"rule_sets,omitempty"`
	Rechecked *lint.Recheck `json:"rechecked,omitempty"`
	// SCTs adds up what is known of the embedded SCTs of final certificates.
	SCTs *SCTSummary `json:"scts,omitempty"`
}

// SeverityCounts are findings by severity.
type SeverityCounts struct {
	Fatal  int `json:"fatal"`
	Error  int `json:"error"`
	Warn   int `json:"warn"`
	Notice int `json:"notice"`
}

func (c *SeverityCounts) add(s lint.Severity) {
	switch s {
	case lint.Fatal:
		c.Fatal++
	case lint.Error:
		c.Error++
	case lint.Warn:
		c.Warn++
	default:
		c.Notice++
	}
}

// RuleSetUse is a rule set with the number of certificates that have it.
type RuleSetUse struct {
	Name         string `json:"name"`
	Certificates int    `json:"certificates"`
}

// SCTSummary adds up lint.SCTCount over the certificates that have SCTs.
type SCTSummary struct {
	Certificates int `json:"certificates"` // with embedded SCTs
	Embedded     int `json:"embedded"`
	Verified     int `json:"verified"`
	UnknownLog   int `json:"unknown_log"`
	Invalid      int `json:"invalid"`
	// OneLog counts the certificates whose SCTs are all of one log.
	OneLog int `json:"one_log"`
}

// Findings is the number of all findings of the sample.
func (l LintSummary) Findings() int { return l.Fatal + l.Error + l.Warn + l.Notice }

// StratumLine is one stratum's size, sample and result.
type StratumLine struct {
	StratumID string `json:"stratum_id"`
	Label     string `json:"label"`
	Issuer    string `json:"issuer"` // label of the issuing CA
	Class     string `json:"class"`
	// Constrained says by what the issuing CA is technically constrained; its sample is the
	// duty of the CA that signed it (BR 8.7).
	Constrained string `json:"technically_constrained,omitempty"`
	Population  int64  `json:"population"`
	RateBP      int    `json:"rate_bp"` // sampling rate, basis points
	Floor       int64  `json:"floor"`
	Sample      int64  `json:"sample"`
	Reserve     int64  `json:"reserve"`
	Findings    *int64 `json:"findings"` // pairs of sampled item and lint, all severities
	Problems    *int64 `json:"problems"` // sampled items with an error or fatal finding, waived or not: what the bound counts
	Unwaived    *int64 `json:"problems_unwaived"`
	Bound
}

// Bound is the exact one-sided 95 % upper bound of protocol section 13.
type Bound struct {
	Observed  *float64 `json:"observed_rate"`    // problems / sample
	Upper     *int64   `json:"upper_bound"`      // items: the most that the sample does not rule out
	UpperRate *float64 `json:"upper_bound_rate"` // upper_bound / population
	Detect1   *float64 `json:"detect_1pct"`      // chance to have seen a problem if 1 % of items had one
}

// Overall joins the strata: the weighted estimate, and the sum of the strata's bounds
// at a risk divided by their number (Bonferroni), as protocol section 13 asks.
type Overall struct {
	Population int64    `json:"population"`
	Sample     int64    `json:"sample"`
	Problems   *int64   `json:"problems"`
	Unwaived   *int64   `json:"problems_unwaived"` // without what is waived; the bound does not use it
	Estimate   *float64 `json:"estimated_rate"`
	Upper      *int64   `json:"upper_bound"`
	UpperRate  *float64 `json:"upper_bound_rate"`
}

// ProblemLine is a problem list without its certificates.
type ProblemLine struct {
	Lint         string        `json:"lint"`
	Severity     lint.Severity `json:"severity"`
	Source       string        `json:"source"`
	Covers       string        `json:"covers"`
	Items        int           `json:"items"`
	Certificates int           `json:"certificates"`
	FirstIssued  string        `json:"first_issued"`
	LastIssued   string        `json:"last_issued"`
	WaivedItems  int           `json:"waived_items,omitempty"`
	Revocation   []string      `json:"revocation,omitempty"`
}

// ReviewState counts the manual review of the sample.
type ReviewState struct {
	Recorded int64 `json:"recorded"`
	Of       int64 `json:"of"` // sampled items
}

// Summary computes the summary. reportedAt is the time of the report record and
// clock where it came from ("system" or "given").
func (a *Audit) Summary(reportedAt time.Time, clock string) Summary {
	c := a.Commitment
	s := Summary{Schema: SummarySchema, AuditID: c.AuditID, Mode: c.Mode, CA: a.CA,
		Period:     Span{sampler.FormatTime(c.PeriodStart), sampler.FormatTime(c.PeriodEnd)},
		ChainStart: sampler.FormatTime(c.ChainStart), Previous: c.PreviousCommitment.OrNone(),
		Commitment: a.CommitHash.String(), ReportedAt: sampler.FormatTime(reportedAt), Clock: clock,
		Population: a.Population.Count, Late: a.Snapshot.Counts.Late, Voided: len(a.Voided),
		Seed: a.Randomness.Seed, Requirements: a.inForce(c.PeriodStart, c.PeriodEnd, reportedAt),
		TableEdition: a.Tables.Edition(), Open: a.OpenPoints(), Notes: append(draw.Notes(c, a.Strata, a.Snapshot.Counts.Late), draw.CodeSigningNotes(a.Strata)...)}
	if s.Notes == nil {
		s.Notes = []string{}
	}
	s.Completeness = a.Snapshot.Completeness
	if a.Rehearsal() {
		s.Notice = RehearsalNotice
	}
	if a.Drawn {
		sampled := int64(len(a.SampleItems()))
		reserve := int64(len(a.Sample)) - sampled
		s.Sampled, s.Reserve, s.Review.Of = &sampled, &reserve, sampled
	}
	if a.Linted {
		s.Lint = a.lintSummary()
	}
	s.Strata = a.strataLines()
	s.Overall = overall(s.Strata)
	s.Records = a.Records()
	s.Problems = []ProblemLine{}
	for _, p := range a.Problems() {
		s.Problems = append(s.Problems, ProblemLine{p.Lint, p.Severity, p.Source, p.Covers, p.Items, p.Certificates, p.FirstIssued, p.LastIssued, p.WaivedItems, p.Revocation})
	}
	s.AsIf, s.Waivers = a.asIf(), a.Waivers.Uses()
	if !a.WaiversOn.IsZero() {
		s.WaiversOn = a.WaiversOn.Format(time.DateOnly)
	}
	s.WholeLint, s.Opinion = a.populationLint(), a.Opinion
	if p, failed := a.opinionPoint(); failed {
		s.Open = append(s.Open, p)
	}
	if a.TablesKept {
		a.current(&s, reportedAt)
	}
	return s
}

func (a *Audit) lintSummary() *LintSummary {
	l := &LintSummary{Linter: a.LinterName(), Certificates: len(a.Results)}
	var all, waived, rest SeverityCounts
	for _, it := range a.SampleItems() {
		for _, f := range it.Findings {
			switch {
			case f.Aside:
				l.NotApplied++
				continue
			case f.Waiver != "":
				waived.add(f.Severity)
			default:
				rest.add(f.Severity)
			}
			all.add(f.Severity)
		}
	}
	l.Fatal, l.Error, l.Warn, l.Notice = all.Fatal, all.Error, all.Warn, all.Notice
	if a.Waivers != nil {
		l.Waived, l.Unwaived = &waived, &rest
	}
	if a.Linter != nil && a.Linter.AuditInfo != nil {
		l.Rechecked = a.Linter.Rechecked
		for _, set := range a.Linter.RuleSets {
			l.RuleSets = append(l.RuleSets, RuleSetUse{set.Name, set.Certificates})
		}
		l.SCTs = a.sctSummary()
	}
	return l
}

func (a *Audit) sctSummary() *SCTSummary {
	s := &SCTSummary{}
	for _, r := range a.Results {
		if c := r.SCTs; c != nil {
			s.Certificates++
			s.Embedded, s.Verified, s.UnknownLog, s.Invalid = s.Embedded+c.Embedded, s.Verified+c.Verified, s.UnknownLog+c.UnknownLog, s.Invalid+c.Invalid
			if c.Logs == 1 {
				s.OneLog++
			}
		}
	}
	return s
}

// strataLines fills one line for each stratum, in the order of draw/strata.tsv.
func (a *Audit) strataLines() []StratumLine {
	problems := make([]int64, len(a.Strata))
	unwaived := make([]int64, len(a.Strata))
	found := make([]int64, len(a.Strata))
	for _, it := range a.SampleItems() {
		i := a.stratums[it.Row.Stratum]
		for _, f := range it.Findings {
			if !f.Aside {
				found[i]++
			}
		}
		if it.HasProblem() {
			problems[i]++
		}
		if it.HasUnwaivedProblem() {
			unwaived[i]++
		}
	}
	lines := []StratumLine{}
	for i, s := range a.Strata {
		line := StratumLine{StratumID: s.ID.String(), Label: terminal.Escape(s.Text()), Issuer: a.IssuerLabel(s.ID.Issuer), Class: string(s.ID.Class), Constrained: a.Constrained(s.ID.Issuer),
			Population: s.Population, RateBP: s.RateBP, Floor: s.Floor, Sample: s.Sample, Reserve: s.Reserve}
		if a.Linted && a.Drawn {
			line.Findings, line.Problems, line.Unwaived = &found[i], &problems[i], &unwaived[i]
			line.Bound = bound(s.Population, s.Sample, problems[i])
		}
		lines = append(lines, line)
	}
	return lines
}

// bound evaluates one stratum of at least one item.
func bound(population, sample, bad int64) Bound {
	upper := sampler.UpperBound(population, sample, bad, riskNum, riskDen)
	detect := round6(sampler.Detect(population, sample, (population+99)/100))
	return Bound{Observed: ratio(bad, sample), Upper: &upper, UpperRate: ratio(upper, population), Detect1: &detect}
}

func overall(lines []StratumLine) Overall {
	var o Overall
	var problems, unwaived, upper int64
	var weighted float64
	known := len(lines) > 0
	for _, l := range lines {
		o.Population += l.Population
		o.Sample += l.Sample
		if l.Problems == nil {
			known = false
			continue
		}
		problems += *l.Problems
		unwaived += *l.Unwaived
		weighted += float64(l.Population) * float64(*l.Problems) / float64(l.Sample)
		upper += sampler.UpperBound(l.Population, l.Sample, *l.Problems, riskNum, riskDen*int64(len(lines)))
	}
	if known {
		estimate := round6(weighted / float64(o.Population))
		o.Problems, o.Unwaived, o.Upper, o.Estimate, o.UpperRate = &problems, &unwaived, &upper, &estimate, ratio(upper, o.Population)
	}
	return o
}

func ratio(part, whole int64) *float64 {
	if whole == 0 {
		return nil
	}
	r := round6(float64(part) / float64(whole))
	return &r
}

// round6 keeps six decimals, so that documents do not depend on how a processor
// rounds the last bit.
func round6(x float64) float64 { return math.Round(x*1e6) / 1e6 }
