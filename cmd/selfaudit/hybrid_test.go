package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/config"
	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler/loglist"
)

// TestArchivedLog audits a retired RFC 6962 log from its archive: gzipped tiles without leaf_index, and a checkpoint.
func TestArchivedLog(t *testing.T) {
	g := newGrownLog(t, "")
	key := testpki.ECKey("archived log")
	var entries []testlog.Entry
	for i := range 300 {
		at := at("2026-01-05T00:00:00Z").Add(time.Duration(i) * time.Minute)
		tmpl := testpki.Template{Seed: "archived" + at.String(), NotBefore: at, NotAfter: at.Add(90 * 24 * time.Hour)}
		entries = append(entries, testlog.PrecertEntry(g.ca, tmpl, uint64(at.UnixMilli())))
	}
	log, err := testlog.NewHybrid(filepath.Join(g.dir, "archive"), key, "archived.example/2026", entries, uint64(at("2026-03-03T00:00:00Z").UnixMilli()))
	if err == nil {
		err = testlog.Compress(log.Tiles)
	}
	if err != nil {
		t.Fatal(err)
	}
	g.publish(at("2026-03-03T00:00:00Z"))
	g.write("archive.pem", string(key.PublicPEM()))
	g.write("selfaudit.toml", string(g.read("selfaudit.toml"))+"[[log]]\ntype = \"rfc6962\"\nurl = \"archive/tiles\"\npublic_key_file = \"archive.pem\"\ntiles = true\nconcurrency = 1\n")
	g.run(exitOK, "run", "--rehearsal", "--dice", digits, "--from", "2026-01-01T00:00:00Z", "--until", "2026-03-01T00:00:00Z", "--audit", "r1", "--now", "2026-03-03T00:00:00Z", "--yes")
	g.must(string(g.read("audits/r1/draw/snapshot.json")), `"tiles": true`)
	g.must(string(g.read("audits/r1/ct/sightings.jsonl")), `"log_id":"`)
	stdout, _ := g.run(exitOK, "verify", filepath.Join(g.dir, rehearsalZip))
	if strings.Contains(stdout, "FAIL") {
		t.Error(stdout)
	}
}

// TestListedLogSettings: a log of the list takes its own settings, then those of [log_list].
func TestListedLogSettings(t *testing.T) {
	raw, _ := loglist.Bundled()
	list, err := loglist.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	from, until := at("2026-07-01T00:00:00Z"), at("2026-10-01T00:00:00Z")
	plain, err := choose(&config.Config{LogList: config.LogList{Select: config.SelectAuto}}, &logLists{union: list}, from, until, nil)
	if err != nil || len(plain.logs) < 2 {
		t.Fatalf("%d logs, %v", len(plain.logs), err)
	}
	cfg := &config.Config{File: "x.toml", LogList: config.LogList{Select: config.SelectAuto, Pace: config.Pace{RateLimit: 10, Concurrency: 2},
		Logs: []config.ListedLog{{Name: plain.logs[1].Label, Pace: config.Pace{RateLimit: 0.5}}}}}
	got, err := choose(cfg, &logLists{union: list}, from, until, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p := got.logs[0].Pace; p != (config.Pace{RateLimit: 10, Concurrency: 2}) {
		t.Errorf("a log without settings of its own: %+v", p)
	}
	if p := got.logs[1].Pace; p != (config.Pace{RateLimit: 0.5, Concurrency: 2}) {
		t.Errorf("a log with a rate of its own: %+v", p)
	}
	for _, l := range got.logs {
		cfg.LogList.Logs = []config.ListedLog{{Name: l.Label, Tiles: true}}
		_, err := choose(cfg, &logLists{union: list}, from, until, nil)
		if refused := err != nil && strings.Contains(err.Error(), "static-ct"); refused != (l.Type == config.TypeStaticCT) {
			t.Errorf("tiles for %s (%s): %v", l.Label, l.Type, err)
		}
	}
	cfg.LogList.Logs = []config.ListedLog{{Name: "no such log"}}
	if _, err := choose(cfg, &logLists{union: list}, from, until, nil); err == nil || !strings.Contains(err.Error(), "no such log") {
		t.Errorf("an unknown name: %v", err)
	}
}
