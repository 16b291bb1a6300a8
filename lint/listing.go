package lint

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	zlint "github.com/zmap/zlint/v3/lint"

	"selfaudit/lint/requirements"
)

// Rule describes one rule of the rule set, zlint's or ours.
type Rule struct {
	Name   string `json:"name"`
	Source string `json:"source"`
	Kind   Kind   `json:"kind"`
	// Severity is what the name's prefix promises (e_, w_, n_). A finding has a severity
	// of its own, which decides.
	Severity Severity `json:"severity"`
	// Effective is the first day (YYYY-MM-DD) on which the rule applies, Ineffective the
	// first on which it does not any more; "" = no limit. zlint compares them with a
	// certificate's notBefore, a CRL's thisUpdate and an OCSP response's nextUpdate.
	Effective   string `json:"effective"`
	Ineffective string `json:"ineffective"`
	Citation    string `json:"citation"`
	Meaning     string `json:"meaning"`
	// Options are the settings that a configuration can change, with their defaults.
	Options []RuleOption `json:"options"`
	// Ground is where a finding of this rule on a subscriber certificate falls in the
	// reasons for revocation, SubordinateGround where one on a subordinate CA certificate
	// does; nil where nothing has to be revoked for it.
	Ground            *Ground `json:"revocation"`
	SubordinateGround *Ground `json:"revocation_subordinate_ca"`
	// BuiltinWaiver is why reports put findings of this rule aside by default (BuiltinWaivers);
	// "" for nearly all.
	BuiltinWaiver string `json:"builtin_waiver,omitempty"`
}

// RuleOption is one setting of a rule: a key in the configuration's section named after
// the rule.
type RuleOption struct {
	Key     string `json:"key"`
	Type    string `json:"type"`
	Default string `json:"default"`
}

// Rules returns the whole rule set, sorted by name.
func Rules() []Rule {
	rules := make([]Rule, 0, len(metadata())+len(ownRules))
	for _, name := range Names() {
		if r, ok := RuleNamed(name); ok {
			rules = append(rules, r)
		}
	}
	for name := range ownRules {
		if r, ok := RuleNamed(name); ok {
			rules = append(rules, r)
		}
	}
	slices.SortFunc(rules, func(a, b Rule) int { return cmp.Compare(a.Name, b.Name) })
	return rules
}

// RuleNamed describes one rule; false for a name nobody knows.
func RuleNamed(name string) (Rule, bool) {
	r := Rule{Name: name, Severity: severityOfName(name), Options: []RuleOption{}, BuiltinWaiver: builtinReason(name)}
	if own, ok := ownRules[name]; ok {
		r.Source, r.Kind, r.Severity, r.Citation, r.Meaning, r.Effective = SourceSelfaudit, own.kind, own.severity, own.citation, own.meaning, own.effective
	} else if meta := metadata()[name]; meta != nil {
		r.Source, r.Citation, r.Meaning = string(meta.Source), meta.Citation, meta.Description
		r.Effective, r.Ineffective = ruleDate(meta.EffectiveDate), ruleDate(meta.IneffectiveDate)
		r.Kind = kindOfRule(name)
		r.Options = optionsOf(name)
	} else {
		return Rule{}, false
	}
	f := Finding{Lint: name, Source: r.Source, Severity: r.Severity}
	r.Ground = groundFor(f, RoleSubscriber)
	r.SubordinateGround = groundFor(f, RoleSubordinate)
	return r, true
}

// groundFor is GroundOf for a certificate that only the rule's source describes.
func groundFor(f Finding, role Role) *Ground {
	g, ok := GroundOf(f, Holder{Document: requirements.TLSBR, Role: role})
	if !ok {
		return nil
	}
	return &g
}

// Sources returns the sources of all rules, sorted, ours included.
func Sources() []string {
	seen := map[string]bool{SourceSelfaudit: true}
	sources := []string{SourceSelfaudit}
	for _, name := range Names() {
		if source := string(metadata()[name].Source); !seen[source] {
			seen[source] = true
			sources = append(sources, source)
		}
	}
	slices.Sort(sources)
	return sources
}

// severityOfName reads the prefix of a rule's name.
func severityOfName(name string) Severity {
	switch {
	case strings.HasPrefix(name, "n_"):
		return Notice
	case strings.HasPrefix(name, "w_"):
		return Warn
	}
	return Error
}

// ruleDate writes a date of zlint; both of its zero dates (the zero time and the year 0)
// mean "no limit".
func ruleDate(t time.Time) string {
	if t.Year() <= 1 {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

var (
	crlLints = sync.OnceValue(func() map[string]bool {
		names := map[string]bool{}
		for _, l := range zlint.GlobalRegistry().RevocationListLints().Lints() {
			names[l.Name] = true
		}
		return names
	})
	ocspLints = sync.OnceValue(func() map[string]bool {
		names := map[string]bool{}
		for _, l := range zlint.GlobalRegistry().OcspResponseLints().Lints() {
			names[l.Name] = true
		}
		return names
	})
)

// kindOfRule says what a rule judges; KindUnknown for a name nobody knows.
func kindOfRule(name string) Kind {
	switch {
	case ownRules[name].kind != "":
		return ownRules[name].kind
	case metadata()[name] == nil:
		return KindUnknown
	case crlLints()[name]:
		return KindCRL
	case ocspLints()[name]:
		return KindOCSP
	}
	return KindCert
}

// optionsOf lists what can be configured about a lint of zlint.
func optionsOf(name string) []RuleOption {
	registry := zlint.GlobalRegistry()
	var instance any
	switch kindOfRule(name) {
	case KindCRL:
		instance = registry.RevocationListLints().ByName(name).Lint()
	case KindOCSP:
		instance = registry.OcspResponseLints().ByName(name).Lint()
	default:
		instance = registry.CertificateLints().ByName(name).Lint()
	}
	configurable, ok := instance.(zlint.Configurable)
	options := []RuleOption{}
	if !ok {
		return options
	}
	v := reflect.ValueOf(configurable.Configure())
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return options
	}
	return structOptions(options, v)
}

// structOptions lists the exported fields; a field that is a structure (or a pointer to
// one) is a section that several lints share.
func structOptions(options []RuleOption, v reflect.Value) []RuleOption {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		key, _, _ := strings.Cut(cmp.Or(field.Tag.Get("toml"), field.Name), ",")
		t := field.Type
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() == reflect.Struct {
			for j := range t.NumField() {
				if inner := t.Field(j); inner.IsExported() {
					options = append(options, RuleOption{"[" + t.Name() + "] " + inner.Name, inner.Type.String(), fmt.Sprint(reflect.Zero(inner.Type))})
				}
			}
			continue
		}
		options = append(options, RuleOption{key, field.Type.String(), fmt.Sprint(v.Field(i))})
	}
	return options
}
