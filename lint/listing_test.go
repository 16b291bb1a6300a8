package lint

import (
	"slices"
	"testing"

	"selfaudit/lint/requirements"
)

func TestRules(t *testing.T) {
	rules := Rules()
	if len(rules) != len(Names())+len(ownRules) {
		t.Fatalf("%d rules", len(rules))
	}
	byName := map[string]Rule{}
	for i, r := range rules {
		byName[r.Name] = r
		if i > 0 && rules[i-1].Name >= r.Name {
			t.Errorf("%s is not in order", r.Name)
		}
		if r.Meaning == "" || r.Source == "" || r.Kind == "" {
			t.Errorf("%+v is incomplete", r)
		}
		if r.Effective != "" && r.Effective < "1996" {
			t.Errorf("%s: effective %s is one of zlint's zero dates", r.Name, r.Effective)
		}
		if !slices.Contains(Sources(), r.Source) {
			t.Errorf("%s: source %s is not listed", r.Name, r.Source)
		}
	}
	if r := byName["e_tls_server_cert_valid_time_longer_than_398_days"]; r.Effective != "2020-09-01" || r.Ineffective != "" || r.Source != "Apple" {
		t.Errorf("%+v", r)
	}
	if r := byName["e_crl_next_update_invalid"]; r.Kind != KindCRL || r.Ground != nil || !slices.Contains(r.Options, RuleOption{"SubscriberCRL", "bool", "true"}) {
		t.Errorf("%+v", r)
	}
	if r := byName["e_rsa_fermat_factorization"]; !slices.Contains(r.Options, RuleOption{"Rounds", "int", "100"}) || r.Ground.Item != 4 || r.SubordinateGround.Item != 3 {
		t.Errorf("%+v", r)
	}
	if r := byName["e_ca_country_name_missing"]; len(r.Options) != 1 {
		t.Errorf("options of a lint with a shared section: %+v", r.Options)
	}
	if _, ok := RuleNamed("e_no_such_lint"); ok {
		t.Error("a rule that nobody has")
	}
}

// TestCoverageIsOfTheseLints holds the table of sections against the rule set: it counts
// the lints of another version of zlint when a name is unknown.
func TestCoverageIsOfTheseLints(t *testing.T) {
	c, err := requirements.Embedded().Coverage()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Sections {
		for _, name := range s.Lints {
			if metadata()[name] == nil {
				t.Errorf("%s %s: %s is no lint of zlint", s.Document, s.Number, name)
			}
		}
	}
}
