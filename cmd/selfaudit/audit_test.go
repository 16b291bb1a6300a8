package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/auditdir"
	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/lint"
	"selfaudit/sampler"
)

// TestRehearsal takes the whole way twice, compares every byte, and has the result
// checked by verify and by the reference implementation.
func TestRehearsal(t *testing.T) {
	one, _ := alphaWorkspace(t, "")
	two, _ := alphaWorkspace(t, "")
	stdout, _ := one.run(exitOK, rehearsal("r1")...)
	one.must(stdout, "REHEARSAL, NOT EVIDENCE", "proven", "report/workbook.xlsx")
	two.run(exitOK, rehearsal("r1")...)
	if !bytes.Equal(one.read(rehearsalZip), two.read(rehearsalZip)) {
		t.Error("two runs with the same --now give different packages")
	}
	stdout, _ = one.run(exitOK, "verify", filepath.Join(one.dir, rehearsalZip))
	if lines := strings.Split(strings.TrimSpace(stdout), "\n"); lines[len(lines)-1] != rehearsalBanner {
		t.Errorf("verify's last line is %q", lines[len(lines)-1])
	}
	one.must(one.reference("r1"), "REHEARSAL")
	stdout, _ = one.run(exitOK, "status")
	one.must(stdout, rehearsalBanner, "[x] seal", "open: manual review")
	// Everything again: nothing changes, nothing fails.
	one.run(exitOK, rehearsal("r1")...)
	if !bytes.Equal(one.read(rehearsalZip), two.read(rehearsalZip)) {
		t.Error("running again changed the package")
	}
}

// TestBrokenCertificatesAreFound lints all of alpha: what is broken and what zlint can see
// is found, and nothing else.
func TestBrokenCertificatesAreFound(t *testing.T) {
	b, logs := alphaWorkspace(t, "rate = \"100%\"\n")
	b.run(exitOK, rehearsal("r1")...)
	noise := map[string]bool{"e_excessively backdated": true, "w_ext_subject_key_identifier_missing_sub_cert": true,
		"w_subject_common_name_included": true, "n_ct_sct_policy_count_unsatisfied": true}
	unseen := map[string]bool{"short_serial": true, "duplicate_serial": true, "final_tbs_mismatch": true} // by zlint 3.7.3
	found := map[string][]string{}
	for line := range bytes.Lines(b.read("audits/r1/lint/results.jsonl")) {
		var r lint.Result
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		found[r.SHA256] = []string{}
		for _, f := range r.Findings {
			if !noise[f.Lint] {
				found[r.SHA256] = append(found[r.SHA256], f.Lint)
			}
		}
	}
	items, err := sampler.ParseItemFindings(bytes.NewReader(b.read("audits/r1/findings/items.jsonl")))
	if err != nil {
		t.Fatal(err)
	}
	contradicted := map[string]bool{}
	for _, f := range items {
		for _, c := range f.Certificates {
			contradicted[c.String()] = true
		}
	}
	f, err := os.Open("../../testdata/ctlogs/alpha/entries.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	checked := map[string]int{}
	for _, r := range rows[1:] {
		label, inPeriod := r[6], r[5] == "true"
		for _, c := range []struct{ hash, where string }{{r[9], r[11]}, {r[10], r[12]}} {
			if !inPeriod || c.hash == "" || !inLogs(c.where, logs) {
				continue
			}
			lints, linted := found[c.hash]
			switch {
			case !linted:
				t.Errorf("%s (%s) was not linted", c.hash, label)
			case label == "" && len(lints) > 0 && !contradicted[c.hash]:
				t.Errorf("%s is a correct certificate and has findings %q", c.hash, lints)
			case label != "" && !unseen[label] && len(lints) == 0:
				t.Errorf("%s is broken (%s) and was not found", c.hash, label)
			}
			checked[label]++
		}
	}
	if len(checked) < 20 {
		t.Errorf("only the labels %v were checked", checked)
	}
	if len(contradicted) == 0 {
		t.Error("no contradiction was found")
	}
}

func inLogs(list, logs string) bool {
	return slices.ContainsFunc(strings.Split(list, ";"), func(s string) bool { return s != "" && strings.Contains(logs, s[:1]) })
}

// TestDrandAudit is a real audit, offline: quicknet round 1000 is known.
func TestDrandAudit(t *testing.T) {
	g := newGrownLog(t, "")
	g.add(120, at("2023-08-01T00:00:00Z"))
	g.add(7, at("2023-08-20T16:00:00Z")) // after the period
	g.publish(at("2023-08-21T17:00:00Z"))
	start := []string{"run", "--audit", "q", "--from", "2023-07-01T00:00:00Z", "--until", "2023-08-20T15:59:24Z", "--yes"}
	stdout, stderr := g.run(exitNotYet, append(start, "--now", "2023-08-21T18:00:00Z")...)
	g.must(stdout, "round 1000", "2023-08-23T15:59:24Z", "https://api.drand.sh/", "proven")
	g.must(stderr, "waits for its randomness", "hint: ")
	g.run(exitUsage, "lint", "--audit", "q")
	stdout, _ = g.run(exitOK, "status", "--now", "2023-08-22T00:00:00Z")
	g.must(stdout, "waits for drand round 1000", "next: selfaudit draw --audit q")

	good := string(readFixture(t, "../../testdata/draw-vectors/tv1/beacon.json"))
	other := string(readFixture(t, "../../testdata/draw-vectors/tv2/beacon.json"))
	later := []string{"--audit", "q", "--now", "2023-08-23T16:00:00Z", "--yes", "--beacon-file"}
	g.write("good.json", good)
	g.write("other.json", other)
	g.write("forged.json", strings.Replace(good, `"signature": "b44679`, `"signature": "b44678`, 1))
	g.write("lie.json", strings.Replace(good, `"randomness": "fe290b`, `"randomness": "fe290c`, 1))
	g.write("round.json", strings.Replace(good, "1000", "1001", 1))
	g.run(exitNotYet, "draw", "--audit", "q", "--now", "2023-08-23T15:59:00Z", "--beacon-file", filepath.Join(g.dir, "good.json"))
	for _, bad := range []string{"other.json", "forged.json", "lie.json", "round.json"} {
		_, stderr = g.run(exitVerify, append([]string{"run"}, append(later, filepath.Join(g.dir, bad))...)...)
		g.must(stderr, bad)
	}
	stdout, _ = g.run(exitOK, append([]string{"run"}, append(later, filepath.Join(g.dir, "good.json"))...)...)
	g.must(stdout, "drawn: 4 of 120 items")
	g.must(g.reference("q"), "OK  seed", "first audit of a chain")
	stdout, _ = g.run(exitOK, "verify", filepath.Join(g.dir, "audits/q/sealed/q.zip"))
	g.must(stdout, "round 1000", "open:", "compare:")
	if strings.Contains(stdout, rehearsalBanner) {
		t.Error("a real audit is called a rehearsal")
	}
	g.run(exitUsage, "freeze", "--audit", "q", "--void", "we do not like it")
}

func readFixture(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestChain takes four audits in a row over a growing log.
func TestChain(t *testing.T) {
	g := newGrownLog(t, `beacon = "dice"`)
	months := []string{"2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01"}
	var done []string
	total := 0
	for i := range 4 {
		g.add(40+i, at(months[i]+"T05:00:00Z"))
		total += 40 + i
		end := at(months[i+1] + "T00:00:00Z")
		if i > 0 {
			g.add(1, at(months[i-1]+"T06:30:30Z")) // logged late
			total++
		}
		g.publish(end.Add(25 * time.Hour))
		id := "m" + months[i][5:7]
		now := end.Add(26 * time.Hour).Format(time.RFC3339)
		args := []string{"run", "--audit", id, "--until", end.Format(time.RFC3339), "--now", now, "--yes", "--beacon-time", end.Add(27 * time.Hour).Format(time.RFC3339)}
		if i == 0 {
			args = append(args, "--from", months[0]+"T00:00:00Z")
		}
		g.run(exitNotYet, args...)
		g.run(exitOK, "run", "--audit", id, "--now", end.Add(28*time.Hour).Format(time.RFC3339), "--yes", "--dice", digits)
		done = append([]string{id}, done...)
	}
	if out := g.reference(done...); strings.Contains(out, "chain not checked") {
		t.Errorf("the chain is not complete:\n%s", out)
	}
	seen := map[string]string{}
	for _, id := range done {
		for line := range strings.Lines(string(g.read("audits/" + id + "/draw/population.tsv"))) {
			item, _, _ := strings.Cut(line, "\t")
			if strings.HasPrefix(item, "#") {
				continue
			}
			if other := seen[item]; other != "" {
				t.Errorf("item %s is in %s and %s", item, other, id)
			}
			seen[item] = id
		}
	}
	if len(seen) != total {
		t.Errorf("%d items in the four populations, %d were logged", len(seen), total)
	}
	g.run(exitUsage, "collect", "--audit", "gap", "--from", "2026-05-02T00:00:00Z", "--until", "2026-06-01T00:00:00Z", "--now", "2026-06-03T00:00:00Z")
	stdout, _ := g.run(exitOK, "verify", filepath.Join(g.dir, "audits/m04/sealed/m04.zip"), "--earlier", filepath.Join(g.dir, "audits/m03/sealed/m03.zip"),
		"--earlier", filepath.Join(g.dir, "audits/m02/sealed/m02.zip"), "--earlier", filepath.Join(g.dir, "audits/m01/sealed/m01.zip"))
	if strings.Contains(stdout, "chain not checked") {
		t.Error(stdout)
	}
}

// TestVoid voids a commitment before its round; it stays on record and the round stays.
func TestVoid(t *testing.T) {
	g := newGrownLog(t, "")
	g.add(50, at("2023-08-01T00:00:00Z"))
	g.publish(at("2023-08-21T17:00:00Z"))
	now := []string{"--now", "2023-08-21T18:00:00Z", "--yes", "--audit", "q"}
	g.run(exitNotYet, append([]string{"run", "--from", "2023-07-01T00:00:00Z", "--until", "2023-08-20T15:59:24Z"}, now...)...)
	first := g.read("audits/q/draw/commitment.txt")
	g.run(exitOK, append([]string{"freeze"}, now...)...) // again without --void: nothing happens
	if !bytes.Equal(first, g.read("audits/q/draw/commitment.txt")) {
		t.Fatal("freezing again changed the commitment")
	}
	g.write("selfaudit.toml", strings.Replace(string(g.read("selfaudit.toml")), "[audit]", "[audit]\nrate = \"10%\"", 1))
	stdout, _ := g.run(exitOK, "freeze", "--void", "the rate was to be 10 %", "--now", "2023-08-21T19:00:00Z", "--yes", "--audit", "q")
	g.must(stdout, "round 1000", "10%")
	if !bytes.Equal(first, g.read("audits/q/draw/void-1/commitment.txt")) {
		t.Error("the voided commitment is not on record")
	}
	g.must(string(g.read("audits/q/draw/commitment.txt")), "replaces: "+sampler.HashDoc(first).String())
	g.write("good.json", string(readFixture(t, "../../testdata/draw-vectors/tv1/beacon.json")))
	g.run(exitOK, "run", "--audit", "q", "--now", "2023-08-23T16:00:00Z", "--yes", "--beacon-file", filepath.Join(g.dir, "good.json"))
	g.must(g.reference("q"), "repeats the voided commitment")
	stdout, _ = g.run(exitOK, "verify", filepath.Join(g.dir, "audits/q/sealed/q.zip"))
	g.must(stdout, "void")
}

// TestVoidAndOtherSources voids twice, the second time because an issuer was wrong: the
// population is collected again, and nothing of the wrong issuer stays behind.
func TestVoidAndOtherSources(t *testing.T) {
	g := newGrownLog(t, "")
	other := testpki.NewRoot("Other Root", testpki.CAOptions{}).NewCA("Other CA", testpki.CAOptions{})
	if err := os.WriteFile(filepath.Join(g.dir, "other.der"), other.Cert, 0o666); err != nil {
		t.Fatal(err)
	}
	right := string(g.read("selfaudit.toml"))
	g.write("selfaudit.toml", strings.Replace(right, `certificate = "ca.der"`, `certificate = ["ca.der", "other.der"]`, 1))
	g.add(50, at("2023-08-01T00:00:00Z"))
	g.publish(at("2023-08-21T17:00:00Z"))
	now := []string{"--now", "2023-08-21T18:00:00Z", "--yes", "--audit", "q"}
	g.run(exitNotYet, append([]string{"run", "--from", "2023-07-01T00:00:00Z", "--until", "2023-08-20T15:59:24Z"}, now...)...)
	g.run(exitOK, append([]string{"freeze", "--void", "first thoughts"}, now...)...)
	g.write("selfaudit.toml", right)
	_, stderr := g.run(exitUsage, append([]string{"collect", "--from", "2023-07-02T00:00:00Z"}, now...)...)
	g.must(stderr, "--from differs")
	stdout, _ := g.run(exitOK, append([]string{"freeze", "--void", "the other CA is not ours"}, now...)...)
	g.must(stdout, "voided", "selfaudit collect --audit q")
	g.run(exitNotYet, append([]string{"run"}, now...)...)
	g.write("good.json", string(readFixture(t, "../../testdata/draw-vectors/tv1/beacon.json")))
	g.run(exitOK, "run", "--audit", "q", "--now", "2023-08-23T16:00:00Z", "--yes", "--beacon-file", filepath.Join(g.dir, "good.json"))
	events := string(g.read("audits/q/log/events.jsonl"))
	g.must(events, "draw/void-1/void.json", "draw/void-2/void.json")
	stdout, _ = g.run(exitOK, "verify", filepath.Join(g.dir, "audits/q/sealed/q.zip"))
	g.must(stdout, "2 ")
}

// TestChangedReport shows that a workbook that somebody filled in is not sealed as ours.
func TestChangedReport(t *testing.T) {
	g := newGrownLog(t, "")
	g.add(5, at("2026-01-05T00:00:00Z"))
	g.publish(at("2026-03-03T00:00:00Z"))
	clock := []string{"--audit", "x", "--now", "2026-03-03T00:00:00Z", "--yes"}
	g.run(exitOK, append([]string{"collect", "--rehearsal", "--from", "2026-01-01T00:00:00Z", "--until", "2026-03-01T00:00:00Z"}, clock...)...)
	g.run(exitOK, append([]string{"freeze"}, clock...)...)
	g.run(exitUsage, append([]string{"draw", "--dice", "123"}, clock...)...)
	g.run(exitOK, append([]string{"draw", "--dice", digits}, clock...)...)
	g.run(exitOK, append([]string{"lint"}, clock...)...)
	g.run(exitOK, append([]string{"report"}, clock...)...)
	original := g.read("audits/x/report/workbook.xlsx")
	g.write("audits/x/report/workbook.xlsx", string(original)+"filled in")
	_, stderr := g.run(exitVerify, append([]string{"seal"}, clock...)...)
	g.must(stderr, "workbook.xlsx was changed")
	g.run(exitVerify, append([]string{"report"}, clock...)...)
	if err := os.Remove(filepath.Join(g.dir, "audits/x/report/workbook.xlsx")); err != nil {
		t.Fatal(err)
	}
	g.run(exitOK, append([]string{"report", "--now", "2026-04-01T00:00:00Z"}, clock[:2]...)...)
	if !bytes.Equal(original, g.read("audits/x/report/workbook.xlsx")) {
		t.Error("report wrote another workbook than before")
	}
	g.run(exitOK, append([]string{"seal"}, clock...)...)
}

// TestIncompletePackage seals before the draw.
func TestIncompletePackage(t *testing.T) {
	g := newGrownLog(t, "")
	g.add(50, at("2023-08-01T00:00:00Z"))
	g.publish(at("2023-08-21T17:00:00Z"))
	now := []string{"--now", "2023-08-21T18:00:00Z", "--yes", "--audit", "q"}
	g.run(exitNotYet, append([]string{"run", "--from", "2023-07-01T00:00:00Z", "--until", "2023-08-20T15:59:24Z"}, now...)...)
	stdout, _ := g.run(exitOK, append([]string{"seal", "--incomplete"}, now...)...)
	g.must(stdout, "INCOMPLETE")
	stdout, _ = g.run(exitIncomplete, "verify", filepath.Join(g.dir, "audits/q/sealed/INCOMPLETE_q.zip"))
	g.must(stdout, "INCOMPLETE", "skipped:")
}

// TestEmptyPopulation is an audit of a period in which nothing was issued.
func TestEmptyPopulation(t *testing.T) {
	g := newGrownLog(t, "")
	g.publish(at("2026-03-03T00:00:00Z"))
	stdout, _ := g.run(exitOK, "run", "--rehearsal", "--dice", digits, "--audit", "empty", "--from", "2026-01-01T00:00:00Z", "--until", "2026-03-01T00:00:00Z", "--yes",
		"--now", "2026-03-03T00:00:00Z")
	g.must(stdout, "the population is empty")
	g.must(g.reference("empty"), "0 of 0 items")
	g.run(exitOK, "verify", filepath.Join(g.dir, "audits/empty/sealed/REHEARSAL-NOT-EVIDENCE_empty.zip"))
}

// TestLogFails shows what a user sees when a log does not check out, and the way on.
func TestLogFails(t *testing.T) {
	g := newGrownLog(t, "")
	g.add(300, at("2026-01-05T00:00:00Z"))
	g.publish(at("2026-03-03T00:00:00Z"))
	if err := testlog.FlipBit(filepath.Join(g.dir, "log/tile/data/000"), 8*5000); err != nil {
		t.Fatal(err)
	}
	args := []string{"run", "--rehearsal", "--dice", digits, "--audit", "x", "--from", "2026-01-01T00:00:00Z", "--until", "2026-03-01T00:00:00Z", "--yes", "--now", "2026-03-03T00:00:00Z"}
	stdout, stderr := g.run(exitVerify, args...)
	g.must(stdout, "failed")
	g.must(stderr, "grown.example/log", "hint: ", "--exclude-log")
	g.run(exitUsage, "collect", "--audit", "x", "--exclude-log", "grown.example/log")
	g.run(exitUsage, "collect", "--audit", "x", "--exclude-log", "no such log=reason")
	stdout, _ = g.run(exitIncomplete, append(args, "--exclude-log", "grown.example/log=its operator lost the disk")...)
	g.must(stdout, "its operator lost the disk")
	g.must(string(g.read("audits/x/draw/snapshot.json")), "its operator lost the disk", `"excluded"`)
}

// TestOrderAndLock shows the refusals: out of order, without a workspace, while another
// process has it.
func TestOrderAndLock(t *testing.T) {
	g := newGrownLog(t, "")
	g.add(3, at("2026-01-05T00:00:00Z"))
	g.publish(at("2026-03-03T00:00:00Z"))
	for _, cmd := range []string{"freeze", "draw", "lint", "report", "seal"} {
		_, stderr := g.run(exitUsage, cmd)
		g.must(stderr, "there is no audit")
	}
	period := []string{"--audit", "x", "--from", "2026-01-01T00:00:00Z", "--until", "2026-03-01T00:00:00Z", "--now", "2026-03-03T00:00:00Z"}
	g.run(exitNotYet, "collect", "--audit", "y", "--from", "2026-01-01T00:00:00Z", "--until", "2026-03-04T00:00:00Z", "--now", "2026-03-03T00:00:00Z")
	g.run(exitOK, append([]string{"collect"}, period...)...)
	for cmd, missing := range map[string]string{"draw": "freeze", "lint": "freeze", "report": "freeze", "seal": "freeze"} {
		_, stderr := g.run(exitUsage, cmd, "--audit", "x")
		g.must(stderr, "selfaudit "+missing+" --audit x")
	}
	_, stderr := g.run(exitUsage, append([]string{"freeze"}, period[len(period)-2:]...)...)
	g.must(stderr, "--yes") // not a terminal
	release, err := auditdir.Lock(g.dir, auditdir.Holder{PID: 4711, Host: "elsewhere", Command: "collect", Since: "2026-03-03T00:00:00Z"})
	if err != nil {
		t.Fatal(err)
	}
	_, stderr = g.run(exitFailed, "freeze", "--yes")
	g.must(stderr, "4711", "elsewhere", "collect")
	g.run(exitOK, "status")
	release()
	_, stderr = g.run(exitUsage, "run", "--audit", "x", "--dice", digits, "--yes", "--now", "2026-03-03T00:00:00Z")
	g.must(stderr, "before the commitment")
}
