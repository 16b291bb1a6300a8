package main

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// certify logs precertificates and gives the CA's records their certificates, each with the log's SCT.
func (g *grownLog) certify(n int, first time.Time) {
	g.t.Helper()
	var out bytes.Buffer
	for i := range n {
		at := first.Add(time.Duration(i) * time.Minute)
		g.n++
		tmpl := testpki.Template{Seed: fmt.Sprint("certified ", g.n), NotBefore: at, NotAfter: at.Add(90 * 24 * time.Hour)}
		e := testlog.PrecertEntry(g.ca, tmpl, uint64(at.UnixMilli()))
		index, err := g.log.Add(e)
		if err == nil {
			sct := testlog.SignSCT(testpki.ECKey("grown log"), g.ca.IssuerKeyHash(), e.TBS, e.TimestampMS, testlog.LeafIndexExtension(index))
			err = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: g.ca.Certificate(tmpl, sct)})
		}
		if err != nil {
			g.t.Fatal(err)
		}
	}
	g.write(fmt.Sprintf("export/%d.pem", g.n), out.String())
}

// sealedOf is the package of an audit as a folder, for tests that forge it. It has the commitment's
// hashes made right too: a CA can do that, unless its auditor has the commitment.
func (b *bench) sealedOf(audit string) *sealedPackage {
	b.t.Helper()
	found := must(filepath.Glob(filepath.Join(b.dir, "audits", audit, "sealed/*/data")))
	if len(found) != 1 {
		b.t.Fatalf("packages of %s: %v", audit, found)
	}
	return &sealedPackage{b, filepath.ToSlash(must(filepath.Rel(b.dir, filepath.Dir(found[0]))))}
}

// forged verifies the package after a change of its snapshot and of other documents, all hashes being
// right, and brings everything back.
func (p *sealedPackage) forged(change func(s *sampler.Snapshot), want string, args ...string) {
	p.t.Helper()
	before := must(os.MkdirTemp(p.t.TempDir(), "as-it-was"))
	folder := filepath.Join(p.dir, p.folder)
	if err := os.CopyFS(before, os.DirFS(folder)); err != nil {
		p.t.Fatal(err)
	}
	s, err := sampler.ParseSnapshot(p.read(p.data("draw/snapshot.json")))
	if err != nil {
		p.t.Fatal(err)
	}
	change(s)
	s.Completeness = sampler.Completeness(s)
	raw := must(s.Bytes())
	p.write(p.data("draw/snapshot.json"), string(raw))
	c, err := sampler.ParseCommitment(p.read(p.data("draw/commitment.txt")))
	if err != nil {
		p.t.Fatal(err)
	}
	c.SnapshotHash = sampler.HashDoc(raw)
	p.write(p.data("draw/commitment.txt"), string(must(c.Bytes())))
	p.manifest()
	stdout, _ := p.run(exitVerify, append([]string{"verify", folder}, args...)...)
	if !strings.Contains(stdout, want) {
		p.t.Errorf("%q is missing in\n%s", want, stdout)
	}
	if err := os.RemoveAll(folder); err != nil {
		p.t.Fatal(err)
	}
	if err := os.CopyFS(folder, os.DirFS(before)); err != nil {
		p.t.Fatal(err)
	}
}

// TestChainOfLookedUpLogs: logs that are only looked into are tied to the audits before too, one that is left out is named, and
// what CT does not prove is the exact list. Each lie about it is found, whatever the hashes say.
func TestChainOfLookedUpLogs(t *testing.T) {
	g := newGrownLog(t, `beacon = "dice"`)
	g.write("selfaudit.toml", string(g.read("selfaudit.toml"))+certificateRecords+"[[files]]\npath = \"lone.der\"\n")
	lone := at("2026-01-09T00:00:00Z")
	g.write("lone.der", string(g.ca.Precertificate(testpki.Template{Seed: "lone", NotBefore: lone, NotAfter: lone.Add(90 * 24 * time.Hour)})))
	g.certify(30, at("2026-01-05T00:00:00Z"))
	g.diceAudit("m01", at("2026-02-01T00:00:00Z"), "--from", "2026-01-01T00:00:00Z")
	g.certify(40, at("2026-02-05T00:00:00Z"))
	g.diceAudit("m02", at("2026-03-01T00:00:00Z"))
	one, two := g.snapshot("m01").Logs[0], g.snapshot("m02").Logs[0]
	if two.Status != sampler.LogLookedUp || two.Previous == nil || two.Previous.AuditID != "m01" || two.Previous.RootHash != one.RootHash || two.Previous.TreeSize != 30 || two.TreeSize != 70 {
		t.Fatalf("%+v, previous %+v", two, two.Previous)
	}
	earlier := []string{"--earlier", filepath.Join(g.dir, "audits/m01/sealed/m01.zip")}
	stdout, _ := g.run(exitOK, append([]string{"verify", filepath.Join(g.dir, "audits/m02/sealed/m02.zip")}, earlier...)...)
	g.must(stdout, "1 log contains the trees that earlier audits had")
	g.must(strings.Join(g.snapshot("m02").Completeness, "\n"), "it has only grown since audit m01, for which it had 30 entries")

	p := g.sealedOf("m02")
	for want, change := range map[string]func(l *sampler.SnapshotLog){
		"FAIL     log chain: log " + two.LogID + " (log): audit m01 had a tree head of it": func(l *sampler.SnapshotLog) { l.Previous = nil },
		"FAIL     logs: log " + two.LogID + " (log): with audit m01: ":                     func(l *sampler.SnapshotLog) { l.Previous.RootHash = strings.Repeat("ab", 32) },
		"the proof is empty": func(l *sampler.SnapshotLog) { l.Previous.Consistency = nil },
		"previous is audit m01, size 70": func(l *sampler.SnapshotLog) {
			l.Previous.TreeSize, l.Previous.RootHash, l.Previous.Consistency = 70, l.RootHash, nil
		},
		"previous is audit m00": func(l *sampler.SnapshotLog) { l.Previous.AuditID = "m00" },
	} {
		p.forged(func(s *sampler.Snapshot) { change(&s.Logs[0]) }, want, earlier...)
	}
	g.unprovenItems("m01")

	// Left out with a reason: the chain's next audit says which audit used it.
	g.certify(5, at("2026-03-05T00:00:00Z"))
	g.publish(at("2026-04-02T01:00:00Z"))
	run := []string{"run", "--audit", "m03", "--yes", "--now"}
	g.run(exitNotYet, append(run, "2026-04-02T02:00:00Z", "--until", "2026-04-01T00:00:00Z", "--exclude-log", "grown.example/log=its operator went away", "--beacon-time", "2026-04-02T03:00:00Z")...)
	g.run(exitIncomplete, append(run, "2026-04-02T04:00:00Z", "--dice", digits)...)
	stdout, _ = g.run(exitOK, append([]string{"verify", filepath.Join(g.dir, "audits/m03/sealed/m03.zip"), "--earlier", filepath.Join(g.dir, "audits/m02/sealed/m02.zip")}, earlier...)...)
	g.must(stdout, "was used by audit m02 and is not read in this one: its operator went away")
}

// unprovenItems lies about what CT proves in an audit with a precertificate that no log has.
func (g *grownLog) unprovenItems(audit string) {
	g.t.Helper()
	p := g.sealedOf(audit)
	list := string(p.read(p.data(sampler.NotProvenFile)))
	if strings.Count(list, "\n") != 2 || !strings.Contains(list, "\tno\t") || !strings.Contains(list, "only the precertificate is known") {
		g.t.Fatalf("not proven:\n%s", list)
	}
	rewrite := func(s *sampler.Snapshot, text string) {
		p.write(p.data(sampler.NotProvenFile), text)
		s.SCTs.List, s.SCTs.ListRows = sampler.HashDoc([]byte(text)), int64(strings.Count(text, "\n")-1)
	}
	header := list[:strings.Index(list, "\n")+1]
	p.forged(func(s *sampler.Snapshot) {
		rewrite(s, header)
		s.SCTs.ItemsProven, s.SCTs.ItemsNotProven = s.SCTs.ItemsProven+1, 0
	}, "only its precertificate is known, no log was read, and it is not in records/not-proven.tsv")
	p.forged(func(s *sampler.Snapshot) {
		rewrite(s, strings.Replace(list, "\tno\t", "\tyes\t", 1))
		s.SCTs.ItemsProven, s.SCTs.ItemsNotProven = s.SCTs.ItemsProven+1, 0
	}, "only its precertificate is known, and records/not-proven.tsv says something of SCTs")
	p.forged(func(s *sampler.Snapshot) { s.SCTs.ItemsProven, s.SCTs.ItemsNotProven = s.SCTs.ItemsProven+1, 0 }, "1 item in records/not-proven.tsv not proven, snapshot.json counts 0")
	p.forged(func(s *sampler.Snapshot) { s.SCTs.Certificates++ }, "31 final certificates, population and findings give 30")
	p.forged(func(s *sampler.Snapshot) { s.SCTs.Outcomes[0].SCTs++ }, "more than were looked up in it")
	p.forged(func(s *sampler.Snapshot) { s.Records[0].Issuers[0].Rows-- }, "30 rows of audited issuers, by issuer there are 29")
}

// TestForgedStart: where an audit began to read a log follows from the audit before, and the sentence about it from the same.
func TestForgedStart(t *testing.T) {
	g := newGrownLog(t, `beacon = "dice"`)
	for i := range 2 {
		g.grow(i)
		dice := at(rangeMonths[i+1] + "T03:00:00Z").Add(24 * time.Hour)
		g.audit(i, exitNotYet, "run", "--beacon-time", dice.Format(time.RFC3339))
		g.run(exitOK, "run", "--audit", "m"+rangeMonths[i][5:7], "--now", dice.Add(time.Hour).Format(time.RFC3339), "--yes", "--dice", digits)
	}
	earlier := []string{"--earlier", filepath.Join(g.dir, "audits/m01/sealed/m01.zip")}
	cursor := g.frozenLog(0).Cursor.NextFirstEntry
	p, first := g.sealedOf("m02"), g.frozenLog(1).FirstEntry
	p.forged(func(s *sampler.Snapshot) {
		l := &s.Logs[0]
		l.FirstEntry, l.Entries = l.FirstEntry+1, l.Entries-1
	}, fmt.Sprintf("first_entry %d is no multiple of 16384", first+1), earlier...)
	p.forged(func(s *sampler.Snapshot) {
		l := &s.Logs[0]
		l.FirstEntry, l.Entries = l.FirstEntry-16384, l.Entries+16384
	}, fmt.Sprintf("it is read from entry %d on", first-16384), earlier...)
	other := sampler.StartRule{Cursor: &sampler.LogCursor{AuditID: "m01", Next: cursor + 1}}.CursorReason()
	p.forged(func(s *sampler.Snapshot) { s.Logs[0].FirstReason = other }, "the audits before give", earlier...)
	p.forged(func(s *sampler.Snapshot) { s.Logs[0].FirstReason = "there was nothing before" }, "there was nothing before", earlier...)
	p.forged(func(s *sampler.Snapshot) { s.Logs[0].FirstReason = "there was nothing before" }, "not one that this program writes")
	p = g.sealedOf("m01")
	p.forged(func(s *sampler.Snapshot) {
		s.Logs[0].FirstReason = strings.Replace(s.Logs[0].FirstReason, "delay of 24 hours", "delay of 60 seconds", 1)
	}, "the chain's start and the audits before give")
	p.forged(func(s *sampler.Snapshot) { s.Logs[0].FirstReason = other }, sampler.NoCursorYet)
}

// TestForgedRollback: an older tree head of fewer entries is no evidence against a log, whatever the document says.
func TestForgedRollback(t *testing.T) {
	g := newGrownLog(t, "")
	g.add(40, at("2026-01-05T00:00:00Z"))
	g.publish(at("2026-03-03T00:00:00Z"))
	older := g.read("log/checkpoint")
	g.add(40, at("2026-02-05T00:00:00Z"))
	g.publish(at("2026-03-04T00:00:00Z"))
	g.write("extra.der", string(g.ca.Cert))
	g.write("selfaudit.toml", string(g.read("selfaudit.toml"))+"[[files]]\npath = \"extra.der\"\n")
	g.run(exitIncomplete, "run", "--rehearsal", "--dice", digits, "--audit", "r1", "--from", "2026-01-01T00:00:00Z", "--until", "2026-03-01T00:00:00Z", "--now", "2026-03-05T00:00:00Z",
		"--yes", "--exclude-log", "grown.example/log=it lags")
	p := g.sealedOf("r1")
	head := func(name, from string, raw []byte) sampler.ConflictHead {
		h := must(ct.ParseCheckpoint(raw, "grown.example/log", testpki.ECKey("grown log").SPKI))
		p.write(p.data("ct/conflicts/"+ct.LogIDOf(testpki.ECKey("grown log").SPKI).String()+"/"+name+".checkpoint"), string(raw))
		return sampler.ConflictHead{File: name + ".checkpoint", From: from, Origin: "grown.example/log", PublicKey: testpki.ECKey("grown log").SPKI, TreeSize: h.Size, RootHash: h.Root.String(), TimestampMS: h.Timestamp}
	}
	id := ct.LogIDOf(testpki.ECKey("grown log").SPKI).String()
	c := sampler.Conflict{Kind: sampler.ConflictRollback, LogID: id, Reason: "it shrinks", Known: head("known", "audit r0", g.read("log/checkpoint")), Served: head("served", "the log", older)}
	if _, err := c.Bytes(); err == nil {
		t.Fatal("written")
	}
	c.Served.TimestampMS = c.Known.TimestampMS // and lies
	p.write(p.data("ct/conflicts/"+id+"/conflict.json"), string(must(c.Bytes())))
	p.manifest()
	stdout, _ := g.run(exitVerify, "verify", filepath.Join(g.dir, p.folder))
	g.must(stdout, "FAIL     conflicts: log "+id+": served.checkpoint: size 40")
}
