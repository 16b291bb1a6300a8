package reports

import (
	"fmt"
	"strings"
	"time"

	"selfaudit/lint/requirements"
	"selfaudit/sampler"
)

const (
	// staleTables is the age in days from which the tables are old: the documents change
	// every few months.
	staleTables = 90
	// updateMonths is how long a CA may take to plan the update of its linter (BR 6.6.1).
	updateMonths = 3
)

// Staleness says how current the means of the audit are: "no sufficient controls to ensure
// that the CA implements the latest version" was an audit finding (Camerfirma WBR-1, 2018).
// Ages are in whole days at the time of the report.
type Staleness struct {
	AsOf   string    `json:"as_of"`  // day of the report, YYYY-MM-DD
	Linter string    `json:"linter"` // name and version, "" before linting
	Tables TablesAge `json:"tables"`
	// NewestRule is the newest rule in force that the linter knows, of any source;
	// NewestVersion the newest document version in the tables. Null when there is none.
	NewestRule    *RuleAge      `json:"newest_rule"`
	NewestVersion *VersionAge   `json:"newest_version"`
	Documents     []DocumentAge `json:"documents"`
	Release       *Release      `json:"release"` // null when the configuration states none
	Warnings      []OpenPoint   `json:"warnings"`
}

// TablesAge is the age of the tables of document versions.
type TablesAge struct {
	Edition string `json:"edition"`
	Date    string `json:"date"`
	AgeDays int    `json:"age_days"`
}

// RuleAge is the newest rule of one source of the linter's rules.
type RuleAge struct {
	Source    string   `json:"source"` // in the linter's words: "CABF_BR"
	Effective string   `json:"effective"`
	AgeDays   int      `json:"age_days"`
	Lints     []string `json:"lints"`
}

// VersionAge is a version of a document. AgeDays is negative for one that is still to come.
type VersionAge struct {
	Document  string `json:"document"`
	Version   string `json:"version"`
	Effective string `json:"effective"`
	AgeDays   int    `json:"age_days"`
}

// DocumentAge holds, for one document, the version in force at the report against the
// newest rule of that document that the linter knows.
type DocumentAge struct {
	Document     string `json:"document"`
	InPopulation bool   `json:"in_population"`
	// InForce is the version in force, Effective since when; "" without one.
	InForce   string `json:"in_force"`
	Effective string `json:"effective"`
	// NewestRule is the effective date of the linter's newest rule of this document; ""
	// before linting and for a linter without rules of it.
	NewestRule string `json:"newest_rule"`
	// Behind says that the version in force is newer than that rule.
	Behind bool `json:"linter_behind"`
}

// Release is a newer release of the linter, as the CA's configuration states it.
type Release struct {
	Used     string `json:"used"`
	Newest   string `json:"newest"`
	Released string `json:"released"`
	Deadline string `json:"plan_update_until"` // three months after it came out
	Newer    bool   `json:"newer"`             // than what was used
	Overdue  bool   `json:"overdue"`           // newer, and the deadline has passed
}

// ruleSources are the linter's names of the documents' rules.
var ruleSources = map[string]string{requirements.TLSBR: "CABF_BR", requirements.EVG: "CABF_EV", requirements.SMIMEBR: "CABF_SMIME_BR", requirements.CSBR: "CABF_CS_BR"}

// current adds to the summary how current the audit's means were, which versions came into
// force with which review, and what the linter does not look at.
func (a *Audit) current(s *Summary, at time.Time) {
	s.Staleness = a.staleness(at)
	s.Open = append(s.Open, s.Staleness.Warnings...)
	s.Reviews, s.Register = a.versionReviews(a.Commitment.PeriodStart, a.Commitment.PeriodEnd), a.registerState()
	if p, missing := reviewPoint(s.Reviews); missing {
		s.Open = append(s.Open, p)
	}
	if c, err := a.Tables.Coverage(); err == nil { // kept tables were read whole when loaded
		s.Coverage, s.Counted = c.Documents(), c.Linter
	}
}

// staleness computes how current everything was at the time of the report.
func (a *Audit) staleness(at time.Time) *Staleness {
	today := at.UTC().Truncate(24 * time.Hour)
	s := &Staleness{AsOf: today.Format(time.DateOnly), Documents: []DocumentAge{}, Warnings: []OpenPoint{},
		Tables: TablesAge{Edition: a.Tables.Edition(), Date: a.Tables.Date().Format(time.DateOnly), AgeDays: days(a.Tables.Date(), today)}}
	if a.Linter != nil {
		s.Linter = a.LinterName()
		for _, r := range a.Linter.NewestRules {
			if s.NewestRule == nil || r.Effective > s.NewestRule.Effective {
				s.NewestRule = &RuleAge{Source: r.Source, Effective: r.Effective, AgeDays: daysSince(r.Effective, today), Lints: append([]string{}, r.Lints...)}
			}
		}
	}
	for _, document := range requirements.Documents() {
		if v, ok := a.Tables.Newest(document); ok && (s.NewestVersion == nil || v.Effective.Format(time.DateOnly) > s.NewestVersion.Effective) {
			s.NewestVersion = &VersionAge{document, v.Number, v.Effective.Format(time.DateOnly), days(v.Effective, today)}
		}
		s.Documents = append(s.Documents, a.documentAge(document, at))
	}
	s.Release = a.release(today)
	a.warn(s)
	return s
}

func (a *Audit) documentAge(document string, at time.Time) DocumentAge {
	d := DocumentAge{Document: document, InPopulation: a.concerned(document)}
	v, ok := a.Tables.InForce(document, at)
	if ok {
		d.InForce, d.Effective = v.Number, v.Effective.Format(time.DateOnly)
	}
	if a.Linter == nil {
		return d
	}
	for _, r := range a.Linter.NewestRules {
		if r.Source == ruleSources[document] {
			d.NewestRule = r.Effective
		}
	}
	d.Behind = ok && d.Effective > d.NewestRule
	return d
}

// release compares the linter with the newest release that the configuration states.
func (a *Audit) release(today time.Time) *Release {
	if a.NewestZlint == "" {
		return nil
	}
	r := &Release{Newest: a.NewestZlint, Released: a.ZlintReleased}
	if a.Linter != nil && len(a.Linter.Modules) > 0 {
		r.Used = a.Linter.Modules[0].Version
	}
	released, err := time.Parse(time.DateOnly, a.ZlintReleased)
	if err != nil {
		return r
	}
	deadline := released.AddDate(0, updateMonths, 0)
	r.Deadline = deadline.Format(time.DateOnly)
	r.Newer = newerRelease(r.Newest, r.Used)
	r.Overdue = r.Newer && today.After(deadline)
	return r
}

// newerRelease compares "v3.8.0" with "v3.7.3"; what cannot be read (a build that does not
// tell) is taken for older, because nothing shows that it is not.
func newerRelease(newest, used string) bool {
	base, _, _ := strings.Cut(strings.TrimPrefix(used, "v"), "-")
	return requirements.Higher(strings.TrimPrefix(newest, "v"), base)
}

// warn fills Warnings in.
func (a *Audit) warn(s *Staleness) {
	add := func(code, format string, args ...any) {
		s.Warnings = append(s.Warnings, OpenPoint{code, fmt.Sprintf(format, args...)})
	}
	if s.Tables.AgeDays > staleTables {
		add("tables-old", "Requirements: the table of document versions is of %s, %s before this report; versions published since are not in it.", s.Tables.Date, sampler.Counted(s.Tables.AgeDays, "day", "days"))
	}
	for _, d := range s.Documents {
		switch {
		case !d.InPopulation || !d.Behind:
		case d.NewestRule == "":
			add("linter-behind", "Linter: %s %s is in force since %s, and %s has no rule of that document.", d.Document, d.InForce, d.Effective, s.Linter)
		default:
			add("linter-behind", "Linter: %s %s is in force since %s, and the newest rule of it that %s knows is of %s; what changed after that was not linted.",
				d.Document, d.InForce, d.Effective, s.Linter, d.NewestRule)
		}
	}
	if r := s.Release; r != nil && r.Overdue {
		add("zlint-old", "Linter: zlint %s came out on %s, and zlint %s was used; an update had to be planned by %s (BR 6.6.1).", r.Newest, r.Released, orUnknown(r.Used), r.Deadline)
	}
}

// Text says in one sentence how current linter and tables were.
func (s *Staleness) Text() string {
	rule, version := "no rule with a date", "no version"
	if s.NewestRule != nil {
		rule = fmt.Sprintf("newest rule of %s (%s, %s old)", s.NewestRule.Effective, s.NewestRule.Source, count(s.NewestRule.AgeDays, "day"))
	}
	if v := s.NewestVersion; v != nil {
		version = fmt.Sprintf("newest version %s %s, effective %s", v.Document, v.Version, v.Effective)
		if v.AgeDays >= 0 {
			version += fmt.Sprintf(" (%s ago)", count(v.AgeDays, "day"))
		} else {
			version += fmt.Sprintf(" (in %s)", count(-v.AgeDays, "day"))
		}
	}
	linter := s.Linter
	if linter == "" {
		linter, rule = "linter", "not run yet"
	}
	return fmt.Sprintf("how current: %s: %s; table of %s (%s old): %s", linter, rule, s.Tables.Date, count(s.Tables.AgeDays, "day"), version)
}

func orUnknown(s string) string {
	if s == "" {
		return "of unknown version"
	}
	return s
}

// days counts whole days from one day to another.
func days(from, to time.Time) int {
	return int(to.Sub(from.UTC().Truncate(24*time.Hour)) / (24 * time.Hour))
}

func daysSince(date string, today time.Time) int {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return 0
	}
	return days(t, today)
}

// reviewPoint is the open point about versions without a review; ok is false if there are none.
func reviewPoint(reviews []VersionReview) (p OpenPoint, ok bool) {
	var missing []string
	for _, r := range reviews {
		if r.InPopulation && !r.Recorded {
			missing = append(missing, r.Document+" "+r.Version)
		}
	}
	if len(missing) == 0 {
		return OpenPoint{}, false
	}
	return OpenPoint{"requirement-review", fmt.Sprintf("Requirements: %s came into force in the period and %s no review in the CA's register: %s.",
		count(len(missing), "version"), hasHave(len(missing)), strings.Join(missing, ", "))}, true
}
