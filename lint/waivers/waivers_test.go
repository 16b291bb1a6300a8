package waivers

import (
	"testing"
	"time"

	"selfaudit/internal/config"
	"selfaudit/lint"
)

var today = time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)

func day(s string) time.Time {
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return d
}

func TestMatch(t *testing.T) {
	const name = "e_rsa_no_public_key"
	finding := Finding{Lint: name, Issuers: []string{"Alpha CA 1", "CN=alpha", "ab"}, Profiles: []string{"DV", "Shop"}, Serial: "000ABC"}
	for _, x := range []struct {
		what string
		w    config.Waiver
		want bool
	}{
		{"label", config.Waiver{Issuer: "alpha ca 1"}, true},
		{"key", config.Waiver{Issuer: "AB"}, true},
		{"another issuer", config.Waiver{Issuer: "Alpha CA"}, false},
		{"class", config.Waiver{Profile: "dv"}, true},
		{"own label", config.Waiver{Profile: "Shop"}, true},
		{"another class", config.Waiver{Profile: "EV"}, false},
		{"serial", config.Waiver{Serial: "0abc"}, true},
		{"another serial", config.Waiver{Serial: "0abd"}, false},
		{"both", config.Waiver{Issuer: "Alpha CA 1", Serial: "0abc"}, true},
		{"one of both", config.Waiver{Issuer: "Beta", Serial: "0abc"}, false},
		{"all", config.Waiver{All: true}, true},
		{"another lint", config.Waiver{All: true, Lint: "w_x"}, false},
		{"last day", config.Waiver{All: true, Expires: day("2026-11-22")}, true},
		{"a day too late", config.Waiver{All: true, Expires: day("2026-11-21")}, false},
	} {
		if x.w.Lint == "" {
			x.w.Lint = name
		}
		if x.w.Expires.IsZero() {
			x.w.Expires = day("2027-01-01")
		}
		s := New(&config.Waivers{Waivers: []config.Waiver{x.w}}, today, nil)
		if got := s.Match(finding); (got == "W-01") != x.want {
			t.Errorf("%s: %q", x.what, got)
		}
		u := s.Uses()[0]
		expired := x.what == "a day too late"
		if want := map[bool]string{true: StateUsed, false: StateUnused}[x.want]; !expired && u.State != want || expired && (u.State != StateExpired || u.Findings != 1) {
			t.Errorf("%s: %+v", x.what, u)
		}
	}
	var none *Set
	if none.Match(finding) != "" || none.Uses() != nil {
		t.Error("no set at all waives something")
	}
}

func TestFirstWaiverCounts(t *testing.T) {
	all := config.Waiver{Lint: "e_x", All: true, Expires: day("2027-01-01")}
	s := New(&config.Waivers{Waivers: []config.Waiver{all, all}}, today, func(n string) bool { return n == "e_x" })
	s.Match(Finding{Lint: "e_x"})
	u := s.Uses()
	if u[0].Findings != 1 || u[0].State != StateUsed || u[1].Findings != 0 || u[1].State != StateUnused || u[0].Note != "" {
		t.Errorf("%+v", u)
	}
	if u := New(&config.Waivers{Waivers: []config.Waiver{all}}, today, nil).Uses(); u[0].Note == "" {
		t.Errorf("a lint that nobody knows: %+v", u)
	}
}

func TestBuiltin(t *testing.T) {
	full := WithBuiltin(config.NoWaivers())
	if len(full.BuiltinWaivers) != len(lint.BuiltinWaivers()) {
		t.Fatalf("%+v", full)
	}
	if off := WithBuiltin(&config.Waivers{}); len(off.BuiltinWaivers) != 0 {
		t.Errorf("switched off: %+v", off)
	}
	for _, b := range lint.BuiltinWaivers() {
		if r, ok := lint.RuleNamed(b.Lint); !ok || r.BuiltinWaiver != b.Reason {
			t.Errorf("%s: %+v", b.Lint, r)
		}
	}
	ski := lint.BuiltinWaivers()[0].Lint
	for _, x := range []struct {
		name, set, notBefore string
		want                 string
	}{
		{ski, "tls", "2023-09-15", "B-01"}, {ski, "tls", "2023-09-14", ""}, {ski, "smime", "2026-01-01", ""}, {ski, "tls+smime", "2026-01-01", "B-01"},
		{"e_ext_name_constraints_not_critical", "ca+tls", "2001-01-01", "B-03"},
		{"e_ext_name_constraints_not_critical", "ca+smime", "2026-01-01", ""},
		{"e_ext_name_constraints_not_critical", "tls", "2026-01-01", ""},
	} {
		if got := New(full, today, nil).Match(Finding{Lint: x.name, RuleSet: x.set, NotBefore: day(x.notBefore)}); got != x.want {
			t.Errorf("%s in %s from %s: %q, want %q", x.name, x.set, x.notBefore, got, x.want)
		}
	}
}
