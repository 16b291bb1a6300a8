package main

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
)

func planOf(t *testing.T, stdout string) (d planDocument) {
	t.Helper()
	if err := json.Unmarshal([]byte(stdout), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestPlanLookUps says of records-first audits what will be asked of which log, and what cannot be looked up.
func TestPlanLookUps(t *testing.T) {
	b := recordsFirstWorkspace(t, certificateRecords)
	text, _, _ := strings.Cut(string(b.read("selfaudit.toml")), "[[log]]\ntype = \"static-ct\"") // of the logs only b, so that SCTs name others
	b.write("selfaudit.toml", text+certificateRecords)
	period := []string{"--from", "2026-08-01T00:00:00Z", "--until", "2026-11-01T00:00:00Z", "--now", "2026-11-22T09:00:00Z"}
	args := append([]string{"plan"}, period...)
	stdout, _ := b.run(exitOK, args...)
	b.must(stdout, "mode records: the certificates that the CA gives are looked up in the logs; the logs are not read", " of the audited issuers to look up, with ",
		"not looked up: ", "no log with this id is configured; add a [[log]], or [log_list]", "export, finals.pem, row ", "no SCT that can be read", "nothing was opened, pinned or written")
	b.must(stdout, "items are the certificates that the CA gives and whose notBefore lies in the period")
	if strings.Contains(stdout, "to read") {
		t.Errorf("logs that are not read are planned for:\n%s", stdout)
	}
	raw, _ := b.run(exitOK, append(args, "--json")...)
	d := planOf(t, raw)
	b.run(exitOK, append([]string{"collect", "--rehearsal", "--audit", "r1", "-q"}, period...)...)
	saved, _ := b.run(exitOK, "collect", "--audit", "r1", "--json")
	var c collectDocument
	if err := json.Unmarshal([]byte(saved), &c); err != nil {
		t.Fatal(err)
	}
	p := d.LookUp
	if p == nil || d.Mode != "records" || len(d.Logs) != 0 || p.Certificates == 0 || p.NoSCT == 0 || uint64(len(p.Without)) != min(p.NoSCT, maxNamedWithout) || len(p.NotConfigured) == 0 || p.Seconds == nil {
		t.Fatalf("%+v", p)
	}
	items := int64(0)
	for _, s := range d.Strata {
		items += s.Expected
	}
	if d.Expected == nil || items == 0 || *d.Expected != items || uint64(items) > p.Certificates || d.Sample == nil || *d.Sample < int64(len(d.Strata)) || d.Reviewer.Hours == nil {
		t.Errorf("%d items expected in the strata: %+v", items, d)
	}
	for i, l := range p.Logs {
		// What is looked up then are these SCTs but for those whose signatures do not verify.
		if got := c.Logs[i]; got.LogID != l.LogID || got.TreeSize != *l.Entries || l.SCTs < got.LookedUp || l.SCTs > got.LookedUp+20 {
			t.Errorf("log %s: %d SCTs planned in a tree of %d, %d looked up in %d", l.Name, l.SCTs, *l.Entries, got.LookedUp, got.TreeSize)
		}
	}
	// The logs can be planned for too, and both.
	stdout, _ = b.run(exitOK, append(args, "--mode", "logs")...)
	b.must(stdout, "mode logs: the logs are read", " to read, ")
	stdout, _ = b.run(exitOK, append(args, "--mode", "both", "--offline")...)
	b.must(stdout, "mode both: ", " to read, ", "SCTs")
	_, stderr := b.run(exitUsage, append(args, "--mode", "all")...)
	b.must(stderr, `no mode is called "all"`)
	_, stderr = b.run(exitUsage, append(args, "--line", "0")...)
	b.must(stderr, "--line must be positive")
	_, stderr = b.run(exitUsage, append(args, "--rate-limit", "NaN")...)
	b.must(stderr, "--rate-limit must not be negative")
	// An excluded log, and an export that cannot be read.
	text = string(b.read("selfaudit.toml"))
	b.write("selfaudit.toml", strings.Replace(text, "[[log]]\n", "[[log]]\nexclude = \"for this test\"\n", 1))
	stdout, _ = b.run(exitOK, args...)
	b.must(stdout, "excluded: for this test")
	b.write("selfaudit.toml", strings.Replace(text, `path = "export"`, `path = "nowhere"`, 1))
	stdout, _ = b.run(exitIncomplete, args...)
	b.must(stdout, "cannot be used as it is: records nowhere: ")
}

// TestPlanLimits names what limits the speed: what was given, the log's own settings, or the line.
func TestPlanLimits(t *testing.T) {
	w := newListedWorld(t)
	source := "url = \"" + w.server.URL + "/list.json\"\npublic_key_file = \"list.pem\"\n"
	args := []string{"plan", "--from", "2026-07-01T00:00:00Z", "--until", "2026-10-01T00:00:00Z", "--json"}
	for _, tt := range []struct {
		name, more string
		args       []string
		by         string
		rate       float64 // 0: measured, so not known here
		atLeast    bool
	}{
		{"given", "", []string{"--rate-limit", "10"}, limitGiven, 10, false},
		{"the setting", "rate_limit = 0.05\n", []string{"--rate-limit", "1000"}, limitRate, 0.05 * 128, false},
		{"the setting alone", "rate_limit = 0.5\n", []string{"--no-sample"}, limitRate, 0.5 * 128, true},
		{"the line", "", []string{"--rate-limit", "1000", "--line", "0.001"}, limitLine, 0.001e6 / 8 / 1586, false},
		{"measured", "", nil, "", 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.configure(source + tt.more)
			stdout, _ := w.online(exitOK, append(args, tt.args...)...)
			d := planOf(t, stdout)
			for _, l := range d.Logs {
				if l.Rate == nil || l.Hours == nil || l.AtLeast != tt.atLeast || tt.rate > 0 && (l.LimitedBy != tt.by || math.Abs(*l.Rate-tt.rate) > tt.rate/1000) || len(l.Limits) == 0 {
					t.Errorf("%+v, limits %v, rate %v", l, l.Limits, l.Rate)
				}
				if tt.rate == 0 && (l.PerRequest == nil || !strings.Contains(l.RateFrom, " requests of ") || *l.Rate > l.Limits[0].Rate) {
					t.Errorf("measured: %+v, limits %v", l, l.Limits)
				}
			}
			if want := fmt.Sprintf("(%s)", tt.by); tt.rate > 0 && d.Total.LimitedBy != limitLine && !strings.Contains(d.Total.LimitedBy, want) {
				t.Errorf("the total is limited by %q, not %s", d.Total.LimitedBy, want)
			}
		})
	}
}
