package lint

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	zlint "github.com/zmap/zlint/v3/lint"

	"selfaudit/lint/requirements"
)

// InfoSchema is the schema name of Info.
const InfoSchema = "selfaudit.linter/v1"

// Info says which linter gave the results, precisely enough to repeat them.
type Info struct {
	Schema string `json:"schema"`
	// Modules are zlint, zcrypto (which parses) and publicsuffix-go, in this order.
	Modules []Module `json:"modules"`
	Go      string   `json:"go"`
	// Lints counts all registered lints: every one of them runs, except LeftOut.
	Lints LintCounts `json:"lints"`
	// ListSHA256 is the lower hex SHA-256 of the names of all registered lints,
	// sorted, joined by line feeds without one at the end.
	ListSHA256 string `json:"list_sha256"`
	// Rules has every rule, zlint's and ours, sorted: its name, a blank, and 16 hex digits of the SHA-256 of what is
	// said of it (RuleMark), so that a later program can tell a new rule from a changed one. Only where documents are
	// made; missing in those of older programs.
	Rules []string `json:"rules,omitempty"`
	// RulesOn is the day (YYYY-MM-DD) on which a rule counts as in force for NewestRules.
	RulesOn string `json:"rules_on"`
	// NewestRules holds, per source, the newest effective date among the lints
	// in force on RulesOn. zlint knows no versions of the requirements; this is
	// how far it has come.
	NewestRules []NewestRule `json:"newest_rules"`
	// Configuration is zlint's configuration, TOML; "" is the default.
	Configuration string `json:"configuration"`
	// Engine is "own-loop" or "zlint-loop". Results are equal.
	Engine string `json:"engine"`
	// LeftOut are the lints whose results are not shown, with the reason.
	LeftOut []Remark `json:"left_out"`
	// Settled are the lints whose outcome is brought into a fixed form, with the reason.
	Settled []Remark `json:"settled"`
	// OwnChecks are the names of our own checks where they run beside zlint's lints.
	OwnChecks []string `json:"own_checks,omitempty"`
	// AsIf is the day of Options.AsIf (YYYY-MM-DD), and Masked are the lints that then do
	// not speak, with the reason.
	AsIf   string   `json:"as_if,omitempty"`
	Masked []Remark `json:"masked,omitempty"`
	// Audit is what only the linter of an audit's documents says.
	*AuditInfo
}

// AuditInfo is how an audit was linted, in the same document as Info.
type AuditInfo struct {
	// OwnRevision is the state of our own checks and rule sets (the constant).
	OwnRevision int `json:"own_revision"`
	// AuditDay is the day (YYYY-MM-DD) of linting by the audit's clock: InForce are the
	// versions of all documents in force on it, by the table of RequirementsEdition.
	AuditDay            string   `json:"audit_day"`
	InForce             []string `json:"in_force"`
	RequirementsEdition string   `json:"requirements_edition"`
	// RuleSets are those that the certificates have, by name.
	RuleSets []RuleSet `json:"rule_sets"`
	// KnownLogs counts the CT logs whose keys the audit knows.
	KnownLogs int `json:"known_logs"`
	// Rechecked says how many results were compared with those of zlint's own loop; nil where
	// that loop gave them.
	Rechecked *Recheck `json:"rechecked,omitempty"`
	// Today is the second judgement, as if issued on AuditDay.
	Today AsIfInfo `json:"as_if_today"`
}

// Recheck counts the results that zlint's own loop has given too. None differed: a difference
// ends the run.
type Recheck struct {
	Of           int `json:"of"`            // all results
	Chosen       int `json:"chosen"`        // by the seed of the draw, about one in a hundred, at least one
	WithFindings int `json:"with_findings"` // every one with a finding
	Compared     int `json:"compared"`      // chosen or with findings
}

// AsIfInfo says where the judgements "as if issued on that day" are, and which lints do not
// speak there (see Options.AsIf).
type AsIfInfo struct {
	Document string   `json:"document"`
	Masked   []Remark `json:"masked"`
}

// Module is a module of the build. Version and Sum are "unknown" where the
// build does not tell (go.sum's h1 hash is not in a build from a vendor folder).
type Module struct {
	Path    string `json:"path"`
	Version string `json:"version"`
	Sum     string `json:"sum"`
}

// LintCounts counts lints by the kind of artifact they judge.
type LintCounts struct {
	Total int `json:"total"`
	Cert  int `json:"cert"`
	CRL   int `json:"crl"`
	OCSP  int `json:"ocsp"`
}

// NewestRule is the newest rule of one source.
type NewestRule struct {
	Source string `json:"source"`
	// Effective is a date, YYYY-MM-DD.
	Effective string `json:"effective"`
	// Lints are the names of the lints with that date, sorted.
	Lints []string `json:"lints"`
}

// Remark is a lint's name with a reason.
type Remark struct {
	Lint   string `json:"lint"`
	Reason string `json:"reason"`
}

// unknown stands for what the build does not tell.
const unknown = "unknown"

// modulePaths are the modules that decide what a lint says.
var modulePaths = []string{"github.com/zmap/zlint/v3", "github.com/zmap/zcrypto", "github.com/weppos/publicsuffix-go"}

// Info describes the linter. It is the same for the same program and options.
func (l *Linter) Info() Info {
	day := l.options.RulesOn
	if day.IsZero() {
		day = requirements.TableDate
	}
	counts := LintCounts{Cert: len(l.rules.certs), CRL: len(l.rules.crls), OCSP: len(l.rules.ocsps)}
	counts.Total = counts.Cert + counts.CRL + counts.OCSP
	info := Info{
		Schema: InfoSchema, Modules: Modules(), Go: runtime.Version(), Lints: counts, ListSHA256: listHash(Names()),
		RulesOn: day.UTC().Format(time.DateOnly), NewestRules: newestRules(day), Configuration: l.options.Config,
		Engine: "own-loop", LeftOut: []Remark{}, Settled: []Remark{},
	}
	if l.options.Reference {
		info.Engine = "zlint-loop"
	}
	if l.options.Checks != nil {
		info.OwnChecks = OwnChecks()
	}
	if !l.options.AsIf.IsZero() {
		info.AsIf, info.Masked = l.options.AsIf.UTC().Format(time.DateOnly), maskedRemarks()
	}
	if l.options.Document {
		info.Rules = ruleMarks()
		for name, reason := range clockDependent {
			info.LeftOut = append(info.LeftOut, Remark{name, reason})
		}
		for name, s := range settlers {
			info.Settled = append(info.Settled, Remark{name, s.reason})
		}
		byName := func(a, b Remark) int { return cmp.Compare(a.Lint, b.Lint) }
		slices.SortFunc(info.LeftOut, byName)
		slices.SortFunc(info.Settled, byName)
	}
	return info
}

// ListSHA256 is Info.ListSHA256 without a linter.
func ListSHA256() string { return listHash(Names()) }

// listHash is Info.ListSHA256 of sorted names.
func listHash(names []string) string {
	sum := sha256.Sum256([]byte(strings.Join(names, "\n")))
	return hex.EncodeToString(sum[:])
}

// Modules returns the modules of the build that decide what a lint says.
func Modules() []Module {
	build, _ := debug.ReadBuildInfo()
	return modulesOf(build)
}

// modulesOf looks the modules up; build may be nil.
func modulesOf(build *debug.BuildInfo) []Module {
	modules := make([]Module, len(modulePaths))
	for i, path := range modulePaths {
		modules[i] = Module{path, unknown, unknown}
		if build == nil {
			continue
		}
		for _, dep := range build.Deps {
			if dep.Path != path {
				continue
			}
			if dep.Replace != nil {
				dep = dep.Replace
			}
			modules[i].Version = cmp.Or(dep.Version, unknown)
			modules[i].Sum = cmp.Or(dep.Sum, unknown)
		}
	}
	return modules
}

// newestRules computes Info.NewestRules. Both of zlint's zero dates (the zero
// time and the year 0) mean "always" and are no dates.
func newestRules(day time.Time) []NewestRule {
	newest := map[zlint.LintSource]*NewestRule{}
	for _, name := range Names() {
		meta := metadata()[name]
		if meta.EffectiveDate.Year() <= 1 || meta.EffectiveDate.After(day) ||
			(!meta.IneffectiveDate.IsZero() && !meta.IneffectiveDate.After(day)) {
			continue
		}
		date := meta.EffectiveDate.UTC().Format(time.DateOnly)
		rule := newest[meta.Source]
		if rule == nil || date > rule.Effective {
			newest[meta.Source] = &NewestRule{string(meta.Source), date, []string{name}}
		} else if date == rule.Effective {
			rule.Lints = append(rule.Lints, name)
		}
	}
	rules := make([]NewestRule, 0, len(newest))
	for _, rule := range newest {
		rules = append(rules, *rule)
	}
	slices.SortFunc(rules, func(a, b NewestRule) int { return cmp.Compare(a.Source, b.Source) })
	return rules
}
