package lint

import (
	"runtime/debug"
	"testing"
	"time"
)

func TestInfo(t *testing.T) {
	info := mustNew(t, Options{}).Info()
	if want := (LintCounts{450, 427, 20, 3}); info.Lints != want {
		t.Errorf("lints: %+v, want %+v", info.Lints, want)
	}
	if len(info.ListSHA256) != 64 || info.ListSHA256 == listHash(Names()[1:]) {
		t.Errorf("list_sha256 = %q", info.ListSHA256)
	}
	newest := map[string]string{}
	for _, r := range info.NewestRules {
		newest[r.Source] = r.Effective
		if len(r.Lints) == 0 {
			t.Errorf("%s: no lint behind the date", r.Source)
		}
	}
	for source, want := range map[string]string{"CABF_BR": "2026-03-15", "CABF_EV": "2026-05-04"} {
		if newest[source] != want {
			t.Errorf("newest rule of %s: %s, want %s", source, newest[source], want)
		}
	}
	if len(info.LeftOut) != 0 || len(info.Settled) != 0 {
		t.Error("ad-hoc mode leaves something out")
	}
}

func TestNewestRulesFollowTheDay(t *testing.T) {
	l := mustNew(t, Options{RulesOn: time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)})
	for _, r := range l.Info().NewestRules {
		if r.Source == "CABF_BR" && r.Effective == "2027-03-15" {
			return
		}
	}
	t.Errorf("on 2027-04-01 the newest rule of CABF_BR is not of 2027-03-15: %+v", l.Info().NewestRules)
}

func TestModules(t *testing.T) {
	build := &debug.BuildInfo{Deps: []*debug.Module{
		{Path: "github.com/zmap/zlint/v3", Version: "v3.7.3", Sum: "h1:a"},
		{Path: "github.com/zmap/zcrypto", Version: "v0.0.1", Replace: &debug.Module{Path: "x", Version: "v0.0.2", Sum: "h1:b"}},
	}}
	got := modulesOf(build)
	want := []Module{
		{"github.com/zmap/zlint/v3", "v3.7.3", "h1:a"},
		{"github.com/zmap/zcrypto", "v0.0.2", "h1:b"},
		{"github.com/weppos/publicsuffix-go", unknown, unknown},
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("module %d: %+v, want %+v", i, got[i], want[i])
		}
	}
	if got := modulesOf(nil); len(got) != 3 || got[0].Version != unknown {
		t.Errorf("without build info: %+v", got)
	}
}

func TestMeaning(t *testing.T) {
	for _, name := range append(Names(), LintUnparseableCert, LintUnparseableCRL, LintUnparseableOCSP, LintUnreadable, LintNotLinted) {
		if Meaning(name) == "" {
			t.Errorf("%s has no meaning", name)
		}
	}
	if Meaning("no_such_lint") != "" {
		t.Error("an unknown lint has a meaning")
	}
}
