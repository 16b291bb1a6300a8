package main

import (
	"path/filepath"
	"strings"
	"testing"

	"selfaudit/sampler"
	"selfaudit/sampler/draw"
)

const contribution = "00112233445566778899aabbccddeeff"

func contributionHash(t *testing.T) string {
	t.Helper()
	h, err := draw.CommitContribution(contribution)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestContribution commits to an auditor's contribution, draws with the revealed value,
// and has package and reference agree.
func TestContribution(t *testing.T) {
	g := newGrownLog(t, "")
	g.add(120, at("2023-08-01T00:00:00Z"))
	g.publish(at("2023-08-21T17:00:00Z"))
	now := []string{"--now", "2023-08-21T18:00:00Z", "--yes", "--audit", "q"}
	g.run(exitOK, append([]string{"collect", "--from", "2023-07-01T00:00:00Z", "--until", "2023-08-20T15:59:24Z"}, now...)...)
	hash := contributionHash(t)
	for _, bad := range []string{"12", strings.ToUpper(hash), hash + "00"} {
		g.run(exitUsage, append([]string{"freeze", "--contribution-hash", bad}, now...)...)
	}
	g.run(exitOK, append([]string{"freeze", "--contribution-hash", hash}, now...)...)
	g.must(string(g.read("audits/q/draw/commitment.txt")), "contribution: auditor "+hash)

	g.write("good.json", string(readFixture(t, "../../testdata/draw-vectors/tv1/beacon.json")))
	later := []string{"draw", "--audit", "q", "--now", "2023-08-23T16:00:00Z", "--beacon-file", filepath.Join(g.dir, "good.json")}
	_, stderr := g.run(exitUsage, later...)
	g.must(stderr, "not revealed", "--contribution HEX", "--void-ground contribution")
	for _, wrong := range []string{"ff112233445566778899aabbccddeeff", "0011", strings.ToUpper(contribution)} {
		g.run(exitUsage, append(later, "--contribution", wrong)...)
	}
	if strings.Contains(contents(t, filepath.Join(g.dir, "audits/q/draw")), "beacon.json") {
		t.Error("a draw without the contribution left the beacon's answer behind")
	}
	g.run(exitOK, append(later, "--contribution", contribution)...)
	g.must(string(g.read("audits/q/draw/seed.txt")), "beacon-round: 1000", "contribution: auditor "+contribution)
	g.run(exitOK, "run", "--audit", "q", "--now", "2023-08-23T17:00:00Z", "--yes")
	g.must(g.reference("q"), "OK  seed")
	stdout, _ := g.run(exitOK, "verify", filepath.Join(g.dir, "audits/q/sealed/q.zip"))
	g.must(stdout, "contribution")
}

// TestContributionNotRevealed voids a draw because the auditor keeps his value to himself:
// the void stays on record and the repeated draw goes through.
func TestContributionNotRevealed(t *testing.T) {
	g := newGrownLog(t, `beacon = "dice"`)
	g.add(50, at("2026-01-05T00:00:00Z"))
	g.publish(at("2026-02-02T01:00:00Z"))
	clock := func(now string) []string { return []string{"--audit", "m01", "--yes", "--now", now} }
	g.run(exitOK, append([]string{"collect", "--from", "2026-01-01T00:00:00Z", "--until", "2026-02-01T00:00:00Z"}, clock("2026-02-02T02:00:00Z")...)...)
	g.run(exitOK, append([]string{"freeze", "--contribution-hash", contributionHash(t), "--beacon-time", "2026-02-02T03:00:00Z"}, clock("2026-02-02T02:00:00Z")...)...)
	first := g.read("audits/m01/draw/commitment.txt")
	g.run(exitUsage, append([]string{"draw", "--dice", digits}, clock("2026-02-02T03:00:00Z")...)...)

	void := []string{"freeze", "--void", "the auditor does not reveal his value"}
	for _, ground := range [][]string{nil, {"--void-ground", "we-changed-our-mind"}, {"--void-ground", "chain-retired"}} {
		g.run(exitUsage, append(append(void, ground...), clock("2026-02-02T04:00:00Z")...)...)
	}
	g.run(exitOK, append(append(void, "--void-ground", "contribution", "--beacon-time", "2026-02-02T06:00:00Z"), clock("2026-02-02T04:00:00Z")...)...)
	g.must(string(g.read("audits/m01/draw/void-1/void.json")), `"ground": "contribution"`)
	g.must(string(g.read("audits/m01/draw/commitment.txt")), "replaces: "+sampler.HashDoc(first).String())
	// The new commitment has no contribution, so that ground is gone.
	_, stderr := g.run(exitUsage, append(append(void, "--void-ground", "contribution"), clock("2026-02-02T06:00:00Z")...)...)
	g.must(stderr, "commits to no contribution")
	g.run(exitOK, append([]string{"run", "--dice", digits}, clock("2026-02-02T06:00:00Z")...)...)
	g.must(g.reference("m01"), "repeats the voided commitment")
	stdout, _ := g.run(exitOK, "verify", filepath.Join(g.dir, "audits/m01/sealed/m01.zip"))
	g.must(stdout, "ground contribution", "the auditor does not reveal his value")
}

// TestVoidedRound voids after the round of a real beacon: the next round follows by rule.
func TestVoidedRound(t *testing.T) {
	g := newGrownLog(t, "")
	g.add(50, at("2023-08-01T00:00:00Z"))
	g.publish(at("2023-08-21T17:00:00Z"))
	now := []string{"--now", "2023-08-21T18:00:00Z", "--yes", "--audit", "q"}
	g.run(exitNotYet, append([]string{"run", "--contribution-hash", contributionHash(t), "--from", "2023-07-01T00:00:00Z", "--until", "2023-08-20T15:59:24Z"}, now...)...)
	g.write("good.json", string(readFixture(t, "../../testdata/draw-vectors/tv1/beacon.json")))
	g.run(exitUsage, "draw", "--audit", "q", "--now", "2023-08-23T16:00:00Z", "--beacon-file", filepath.Join(g.dir, "good.json"), "--contribution", strings.Repeat("ab", 16))
	stdout, _ := g.run(exitOK, "freeze", "--void", "he refused", "--void-ground", "contribution", "--now", "2023-08-23T17:00:00Z", "--yes", "--audit", "q")
	g.must(stdout, "2023-08-26T15:59:24Z") // 3 days later, not sooner
	if strings.Contains(contents(t, filepath.Join(g.dir, "audits/q/draw")), "draw/beacon.json") {
		t.Error("the voided round's answer is in the way of the next one")
	}
}
