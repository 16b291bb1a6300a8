package main

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"selfaudit/sampler"
)

// TestRaise raises rate and floor on the command line and follows them into the
// configuration, the snapshot, the strata, and through verify.
func TestRaise(t *testing.T) {
	for _, tc := range []struct {
		name, audit string
		flags       []string
		rules       sampler.SnapshotRules
		effective   []string
		sample      int64 // of 200 items
	}{
		{"as configured", "", nil, sampler.SnapshotRules{RateBP: 300}, []string{"rate = \"3%\"\n", "floor = 0"}, 6},
		{"rate", "", []string{"--rate", "10%"}, sampler.SnapshotRules{RateBP: 1000}, []string{"rate = \"10%\"\n"}, 20},
		{"all", "", []string{"--rate", "100%"}, sampler.SnapshotRules{RateBP: 10000}, []string{"rate = \"100%\"\n"}, 200},
		{"floor", "", []string{"--floor", "59"}, sampler.SnapshotRules{RateBP: 300, Floor: 59}, []string{"floor = 59\n"}, 59},
		{"both", "rate = \"5%\"\nfloor = 7", []string{"--rate", "5%", "--floor", "8"}, sampler.SnapshotRules{RateBP: 500, Floor: 8}, []string{"rate = \"5%\"\n", "floor = 8\n"}, 10},
		{"minimum", "minimum = 9", nil, sampler.SnapshotRules{RateBP: 300, Minimum: 9}, []string{"minimum = 9\n"}, 9},
		{"minimum and rate", "minimum = 5", []string{"--rate", "3%"}, sampler.SnapshotRules{RateBP: 300, Minimum: 5}, []string{"minimum = 5\n"}, 6},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := newGrownLog(t, tc.audit)
			g.add(200, at("2026-01-05T00:00:00Z"))
			g.publish(at("2026-03-03T00:00:00Z"))
			args := []string{"run", "--rehearsal", "--dice", digits, "--audit", "x", "--from", "2026-01-01T00:00:00Z", "--until", "2026-03-01T00:00:00Z", "--yes", "--now", "2026-03-03T00:00:00Z"}
			g.run(exitOK, append(args, tc.flags...)...)
			if s := g.snapshot("x"); !reflect.DeepEqual(s.Rules, tc.rules) {
				t.Errorf("the snapshot records %+v, want %+v", s.Rules, tc.rules)
			}
			g.must(string(g.read("audits/x/config/selfaudit.toml")), tc.effective...)
			strata, err := sampler.ParseStrata(g.read("audits/x/draw/strata.tsv"))
			if err != nil || len(strata) != 1 || strata[0].Sample != tc.sample {
				t.Errorf("strata %+v, %v; want %d drawn", strata, err, tc.sample)
			}
			g.run(exitOK, "verify", filepath.Join(g.dir, "audits/x/sealed/REHEARSAL-NOT-EVIDENCE_x.zip"))
			g.run(exitOK, append(args, tc.flags...)...) // again with the same flags
		})
	}
}

// TestRaiseRefuses refuses everything below the rule or the configuration, with the
// citation, before anything is collected.
func TestRaiseRefuses(t *testing.T) {
	g := newGrownLog(t, "rate = \"5%\"\nfloor = 7")
	g.add(50, at("2026-01-05T00:00:00Z"))
	g.publish(at("2026-03-03T00:00:00Z"))
	run := []string{"run", "--rehearsal", "--dice", digits, "--audit", "x", "--from", "2026-01-01T00:00:00Z", "--until", "2026-03-01T00:00:00Z", "--yes", "--now", "2026-03-03T00:00:00Z"}
	for _, tc := range []struct {
		flags []string
		want  string
	}{
		{[]string{"--rate", "2.99%"}, "TLS BR 8.7"},
		{[]string{"--rate", "0%"}, "TLS BR 8.7"},
		{[]string{"--rate", "4%"}, "can only be raised"},
		{[]string{"--rate", "101%"}, "rate 101% is above 100%\nhint: --rate 100% draws everything"},
		{[]string{"--rate", "10"}, "no percent sign"},
		{[]string{"--floor", "0"}, "TLS BR 8.7"},
		{[]string{"--floor", "-1"}, "TLS BR 8.7"},
		{[]string{"--floor", "6"}, "can only be raised"},
	} {
		_, stderr := g.run(exitUsage, append(run, tc.flags...)...)
		g.must(stderr, tc.want)
	}
	if strings.Contains(contents(t, g.dir), "audits") {
		t.Error("a refused run began an audit")
	}
	for _, broken := range []string{"rate = \"2%\"", "minimum = 3"} {
		b := newGrownLog(t, broken)
		_, stderr := b.run(exitUsage, run...)
		b.must(stderr, "selfaudit.toml:4:1")
	}
	g.run(exitOK, run...)
	_, stderr := g.run(exitUsage, append(run, "--rate", "10%")...)
	g.must(stderr, "is frozen at a rate of 5% and a floor of 7")
}
