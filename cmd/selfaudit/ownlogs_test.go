package main

import (
	"strings"
	"testing"

	"selfaudit/sampler"
)

// TestOwnLog takes two audits over a log that the CA operates: an entry that it has dated
// back takes no item out, the package says so, and the chain goes on behind the cursor.
func TestOwnLog(t *testing.T) {
	for _, operated := range []bool{true, false} {
		g := newGrownLog(t, `beacon = "dice"`)
		if operated {
			g.write("selfaudit.toml", string(g.read("selfaudit.toml"))+"operated_by_ca = true\n")
		}
		start := at(rangeMonths[0] + "T00:00:00Z")
		g.issue("backdated", false, start.AddDate(0, 0, 2), start.AddDate(0, -3, 0))
		g.issue("old", false, start.AddDate(0, 0, -60), start.AddDate(0, 0, -60))
		freeze, verified := g.month(0)
		s := g.snapshot(g.id(0))
		if !operated {
			if s.Counts.Population != 1 || s.Counts.TooOld != 2 || strings.Contains(verified, "operates") || strings.Contains(g.fates(0), "own") {
				t.Errorf("a log of others: %+v, outside %s\n%s", s.Counts, g.fates(0), verified)
			}
			continue
		}
		if s.Counts.Population != 2 || s.Counts.TooOld != 1 || !s.Logs[0].OperatedByCA || s.Logs[0].FirstReason != sampler.ReadAllOwn {
			t.Errorf("%+v, %+v", s.Counts, s.Logs[0])
		}
		if !strings.HasSuffix(g.fates(0), " too-old own") {
			t.Errorf("outside: %s", g.fates(0))
		}
		g.must(freeze, "the CA operates log grown.example/log")
		g.must(verified, "the CA operates log "+s.Logs[0].LogID, "ok       outside: ", "ok       items: ")
		_, verified = g.month(1)
		g.must(verified, "ok       log chain: ", "ok       outside: ")
	}
}

// TestOwnLogChanged: whose log it is decides what was collected, so it cannot change between
// collect and freeze.
func TestOwnLogChanged(t *testing.T) {
	g := newGrownLog(t, `beacon = "dice"`)
	g.add(2, at("2026-01-05T00:00:00Z"))
	g.publish(at("2026-02-02T01:00:00Z"))
	g.audit(0, exitOK, "collect")
	g.write("selfaudit.toml", string(g.read("selfaudit.toml"))+"operated_by_ca = true\n")
	g.must(g.freeze(0, exitUsage), "hint: ")
}
