package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestKeptBeacon is a draw killed between beacon.json and seed.txt: another relay's bytes
// of the same answer must not block it, and what was kept is used.
func TestKeptBeacon(t *testing.T) {
	g := newGrownLog(t, "")
	g.add(40, at("2023-08-01T00:00:00Z"))
	g.publish(at("2023-08-21T17:00:00Z"))
	g.run(exitNotYet, "run", "--audit", "q", "--from", "2023-07-01T00:00:00Z", "--until", "2023-08-20T15:59:24Z", "--yes", "--now", "2023-08-21T18:00:00Z")
	good := readFixture(t, "../../testdata/draw-vectors/tv1/beacon.json")
	g.write("audits/q/draw/beacon.json", string(good))
	g.write("other.json", string(good)+"\n")
	later := []string{"--audit", "q", "--now", "2023-08-23T16:00:00Z", "--yes", "--beacon-file", filepath.Join(g.dir, "other.json")}
	g.run(exitOK, append([]string{"draw"}, later...)...)
	if !bytes.Equal(good, g.read("audits/q/draw/beacon.json")) {
		t.Error("the kept answer was replaced")
	}
}

// TestDrawnOnce shows that a finished draw is neither repeated nor replaced.
func TestDrawnOnce(t *testing.T) {
	g := newGrownLog(t, "")
	g.add(40, at("2026-01-05T00:00:00Z"))
	g.publish(at("2026-03-03T00:00:00Z"))
	args := []string{"--audit", "x", "--now", "2026-03-03T00:00:00Z", "--yes"}
	g.run(exitOK, append([]string{"run", "--rehearsal", "--dice", digits, "--from", "2026-01-01T00:00:00Z", "--until", "2026-03-01T00:00:00Z"}, args...)...)
	g.run(exitUsage, append([]string{"draw", "--dice", "00000000000000000000"}, args...)...)
	g.write("audits/x/ct/sightings.jsonl", "altered\n")
	g.run(exitOK, append([]string{"draw"}, args[:2]...)...)
	if string(g.read("audits/x/ct/sightings.jsonl")) != "altered\n" {
		t.Error("a finished draw was written again")
	}
}

// TestZipMovedAway seals again after the zip was moved away: the folder stays as it was
// handed over, and the same zip comes back.
func TestZipMovedAway(t *testing.T) {
	g := newGrownLog(t, "")
	g.add(40, at("2026-01-05T00:00:00Z"))
	g.publish(at("2026-03-03T00:00:00Z"))
	g.run(exitOK, "run", "--rehearsal", "--dice", digits, "--from", "2026-01-01T00:00:00Z", "--until", "2026-03-01T00:00:00Z", "--audit", "x", "--now", "2026-03-03T00:00:00Z", "--yes")
	zip := "audits/x/sealed/REHEARSAL-NOT-EVIDENCE_x.zip"
	first := g.read(zip)
	if err := os.Remove(filepath.Join(g.dir, zip)); err != nil {
		t.Fatal(err)
	}
	g.run(exitOK, "seal", "--audit", "x", "--now", "2026-05-05T00:00:00Z", "--yes")
	if !bytes.Equal(first, g.read(zip)) {
		t.Error("sealing again gave another package")
	}
}

// TestVoidInTheChain refuses to void what a later audit was built on.
func TestVoidInTheChain(t *testing.T) {
	g := newGrownLog(t, `beacon = "dice"`)
	g.add(40, at("2026-01-05T00:00:00Z"))
	g.publish(at("2026-03-03T00:00:00Z"))
	g.run(exitNotYet, "run", "--audit", "a1", "--from", "2026-01-01T00:00:00Z", "--until", "2026-02-01T00:00:00Z", "--now", "2026-03-03T00:00:00Z", "--yes")
	g.run(exitNotYet, "run", "--audit", "a2", "--until", "2026-03-01T00:00:00Z", "--now", "2026-03-03T00:00:00Z", "--yes")
	_, stderr := g.run(exitUsage, "freeze", "--audit", "a1", "--void", "second thoughts", "--now", "2026-03-03T00:00:00Z", "--yes")
	g.must(stderr, "a2 follows")
	g.run(exitOK, "status")
}

// TestVoidRehearsal voids a rehearsal's commitment and freezes the same again.
func TestVoidRehearsal(t *testing.T) {
	g := newGrownLog(t, "")
	g.add(40, at("2026-01-05T00:00:00Z"))
	g.publish(at("2026-03-03T00:00:00Z"))
	args := []string{"--audit", "x", "--now", "2026-03-03T00:00:00Z", "--yes"}
	g.run(exitOK, append([]string{"collect", "--rehearsal", "--from", "2026-01-01T00:00:00Z", "--until", "2026-03-01T00:00:00Z"}, args...)...)
	g.run(exitOK, append([]string{"freeze"}, args...)...)
	g.run(exitUsage, append([]string{"freeze", "--void", ""}, args...)...)
	g.run(exitOK, append([]string{"freeze", "--void", "once more"}, args...)...)
	g.run(exitOK, append([]string{"run", "--dice", digits}, args...)...)
	g.run(exitOK, "verify", filepath.Join(g.dir, "audits/x/sealed/REHEARSAL-NOT-EVIDENCE_x.zip"))
}

// TestInterruptedVoid is a process killed after the mark of a void was written.
func TestInterruptedVoid(t *testing.T) {
	g := newGrownLog(t, "")
	g.add(40, at("2023-08-01T00:00:00Z"))
	g.publish(at("2023-08-21T17:00:00Z"))
	now := []string{"--audit", "q", "--now", "2023-08-21T18:00:00Z", "--yes"}
	g.run(exitNotYet, append([]string{"run", "--from", "2023-07-01T00:00:00Z", "--until", "2023-08-20T15:59:24Z"}, now...)...)
	g.run(exitOK, append([]string{"freeze", "--void", "first"}, now...)...)
	// The second void gets no further than its mark.
	mark := string(g.read("audits/q/draw/void-1/void.json"))
	g.write("audits/q/draw/void.json", mark)
	stdout, _ := g.run(exitOK, "status")
	g.must(stdout, "[ ] freeze")
	g.run(exitUsage, append([]string{"draw"}, now...)...)
	g.run(exitNotYet, append([]string{"run"}, now...)...)
	g.must(string(g.read("audits/q/log/events.jsonl")), "draw/void-2/void.json")
}
