package main

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/testpki"
	"selfaudit/sampler"
)

// certificate makes a certificate with this serial that a file gives and no log has, and
// writes it there.
func (g *grownLog) certificate(name string, serial byte, issued string) {
	g.t.Helper()
	from := at(issued + "T12:00:00Z")
	der := g.ca.Certificate(testpki.Template{Seed: name, NotBefore: from, NotAfter: from.AddDate(0, 3, 0), Serial: []byte{0x20, serial}})
	g.write(name, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

func (g *grownLog) remove(name string) {
	g.t.Helper()
	if err := os.Remove(filepath.Join(g.dir, name)); err != nil {
		g.t.Fatal(err)
	}
}

// month runs the whole audit i over the log as it is then, with one more entry, and verifies
// its package with all that came before.
func (g *grownLog) month(i int, args ...string) (freeze, verified string) {
	g.t.Helper()
	start, end := at(rangeMonths[i]+"T00:00:00Z"), at(rangeMonths[i+1]+"T00:00:00Z")
	g.add(1, start.Add(5*time.Hour))
	g.publish(end.Add(25 * time.Hour))
	collect := append([]string{"collect"}, args...)
	code := exitOK
	if slices.Contains(args, "--exclude-log") {
		code = exitIncomplete
	}
	g.audit(i, code, collect...)
	out, notes := g.run(exitOK, "freeze", "--audit", g.id(i), "--now", end.Add(26*time.Hour).Format(time.RFC3339), "--yes", "--beacon-time", diceAfter(i))
	_, _ = g.run(code, "run", "--audit", g.id(i), "--now", at(diceAfter(i)).Add(time.Hour).Format(time.RFC3339), "--yes", "--dice", digits)
	verify := []string{"verify", g.zip(i)}
	for k := i - 1; k >= 0; k-- {
		verify = append(verify, "--earlier", g.zip(k))
	}
	verified, _ = g.run(exitOK, verify...)
	return notes + out, verified
}

func (g *grownLog) id(i int) string { return "m" + rangeMonths[i][5:7] }

func (g *grownLog) zip(i int) string {
	return filepath.Join(g.dir, "audits", g.id(i), "sealed", g.id(i)+".zip")
}

// fates are the lines of ct/outside.tsv of audit i as "serial verdict source", sorted by
// item; log ids and entries are left out.
func (g *grownLog) fates(i int) string {
	g.t.Helper()
	var out []string
	for _, line := range strings.Split(strings.TrimSpace(string(g.read("audits/"+g.id(i)+"/ct/outside.tsv"))), "\n")[1:] {
		f := strings.Split(line, "\t")
		if len(f[3]) == 64 {
			f[3] = "log"
		}
		out = append(out, f[0][65:]+" "+f[1]+" "+f[3])
	}
	return strings.Join(out, ", ")
}

// answer asks audit i about a serial number, in the work folder and in the package.
func (g *grownLog) answer(i int, serial string, words ...string) {
	g.t.Helper()
	stdout, _ := g.run(exitOK, "population", "--audit", g.id(i), "--serial", serial)
	g.must(stdout, words...)
	stdout, _ = g.run(exitOK, "population", g.zip(i), "--serial", serial)
	g.must(stdout, words...)
}

// TestFileThatWaits: a certificate that only a file shows waits for the next audit, to which
// the file is not given. It is not forgotten, and the audit that sees it again has it.
func TestFileThatWaits(t *testing.T) {
	g := newGrownLog(t, "beacon = \"dice\"\nrate = \"100%\"\n")
	g.write("selfaudit.toml", string(g.read("selfaudit.toml"))+"[[files]]\npath = \"given\"\n")
	g.certificate("given/january.pem", 1, "2026-01-10")
	g.certificate("given/february.pem", 2, "2026-02-10")
	g.certificate("given/old.pem", 3, "2025-06-10")

	_, verified := g.month(0)
	if got := g.fates(0); got != "2002 waiting files, 2003 too-old files" {
		t.Errorf("m01: %s", got)
	}
	g.must(verified, "ok       outside: ", "items that wait: 1, older than the chain: 1, predated: 0, carried on: 0")
	g.answer(0, "2002", "no: serial 2002", "waits for the next audit", "2026-02-10T12:00:00Z")

	g.remove("given/february.pem")
	frozen, verified := g.month(1)
	g.must(frozen, "1 item waited in audit m01, and not shown by anything that was read now", ":2002", "give the files, the CA's records", "findings e_waiting_certificate_not_found", "contradictions inside items: 1 finding",
		"1 item that waited in an earlier audit is shown by nothing")
	if got := g.fates(1); got != "2002 carried files, 2003 too-old files" {
		t.Errorf("m02: %s", got)
	}
	g.must(verified, "carried on: 1", "ok       contradictions: 1 finding")
	g.answer(1, "2002", "no: serial 2002", "it waits on", "seen         files")
	g.must(string(g.read("audits/m02/findings/findings.json")), "e_waiting_certificate_not_found", `"coverage"`)
	stdout, _ := g.run(exitOK, "verify", g.zip(1))
	g.must(stdout, "skipped: outside: that all that waited in audit m01 is in this population or waits on")

	_, _ = g.month(2) // still not there
	if got := g.fates(2); got != "2002 carried files, 2003 too-old files" {
		t.Errorf("m03: %s", got)
	}

	g.certificate("given/february.pem", 2, "2026-02-10")
	_, verified = g.month(3)
	if got := g.fates(3); got != "2003 too-old files" {
		t.Errorf("m04: %s", got)
	}
	g.must(verified, "carried on: 0")
	g.answer(3, "2002", "yes: serial 2002", "late")
	if out := g.reference("m04", "m03", "m02", "m01"); strings.Contains(out, "chain not checked") {
		t.Errorf("the chain is not complete:\n%s", out)
	}
	g.tamperWithOutside()
}

// tamperWithOutside forges the packages of m02 with the hashes right: what only the audit
// before knows must still be seen.
func (g *grownLog) tamperWithOutside() {
	g.t.Helper()
	folder := g.unpack("audits/m02/sealed/m02.zip")
	rel, err := filepath.Rel(g.dir, folder)
	if err != nil {
		g.t.Fatal(err)
	}
	p := &sealedPackage{g.bench, filepath.ToSlash(rel)}
	before := map[string]string{}
	for _, name := range []string{sampler.OutsideFile, "ct/pairings.tsv", "draw/snapshot.json", "draw/commitment.txt"} {
		before[name] = string(p.read(p.data(name)))
	}
	line := func(id string, rest string) string {
		return strings.Split(before[sampler.OutsideFile], "\n")[1][:65] + id + rest + "\n"
	}
	for name, c := range map[string]struct {
		edit func(docs map[string]string, s *sampler.Snapshot)
		want string
	}{
		"forgotten": {func(d map[string]string, s *sampler.Snapshot) {
			lines := strings.SplitAfter(d[sampler.OutsideFile], "\n")
			d[sampler.OutsideFile], s.Outside.Carried = lines[0]+strings.Join(lines[2:], ""), 0
		}, "it waited in audit m01, and is neither in this population nor in ct/outside.tsv"},
		"moved": {func(d map[string]string, s *sampler.Snapshot) {
			d[sampler.OutsideFile] = strings.Replace(d[sampler.OutsideFile], "carried\t2026-02-10", "carried\t2026-02-11", 1)
		}, "it is carried on with other lines than audit m01 has of it"},
		"cursor": {func(d map[string]string, s *sampler.Snapshot) { s.Logs[0].Cursor.NextFirstEntry-- }, "its cursor must be"},
		"made up": {func(d map[string]string, s *sampler.Snapshot) {
			d["ct/pairings.tsv"] += line("ff", "\tfinal\t"+strings.Repeat("ab", 32)+"\t-")
		}, "neither in a population nor older than the chain by CT"},
		"late for nothing": {func(d map[string]string, s *sampler.Snapshot) {
			d[sampler.OutsideFile] += line("ff", "\twaiting\t2026-03-01T00:00:00Z\tfiles\t-")
		}, "1 item is waiting"},
		"as of before": {func(d map[string]string, s *sampler.Snapshot) { s.Outside = nil }, "snapshot.json does not name it"},
	} {
		docs := map[string]string{}
		for name, text := range before {
			docs[name] = text
		}
		s, err := sampler.ParseSnapshot([]byte(before["draw/snapshot.json"]))
		if err != nil {
			g.t.Fatal(err)
		}
		c.edit(docs, s)
		for file, text := range docs {
			p.write(p.data(file), text)
		}
		hash := func(file string) (sampler.DocHash, int64) {
			return sampler.HashDoc([]byte(docs[file])), int64(strings.Count(docs[file], "\n") - 1)
		}
		if s.Outside != nil {
			s.Outside.SHA256, s.Outside.Lines = hash(sampler.OutsideFile)
		}
		s.Pairings.SHA256, s.Pairings.Lines = hash("ct/pairings.tsv")
		s.Completeness = sampler.Completeness(s)
		raw, err := s.Bytes()
		if err != nil {
			g.t.Fatal(err)
		}
		p.write(p.data("draw/snapshot.json"), string(raw))
		commitment, err := sampler.ParseCommitment([]byte(before["draw/commitment.txt"]))
		if err != nil {
			g.t.Fatal(err)
		}
		commitment.SnapshotHash = sampler.HashDoc(raw)
		if raw, err = commitment.Bytes(); err != nil {
			g.t.Fatal(err)
		}
		p.write(p.data("draw/commitment.txt"), string(raw))
		p.manifest()
		stdout, _ := g.run(exitVerify, "verify", filepath.Join(g.dir, p.folder), "--earlier", g.zip(0))
		if !strings.Contains(stdout, "FAIL     outside: ") || !strings.Contains(stdout, c.want) {
			g.t.Errorf("%s: %q is not found in:\n%s", name, c.want, stdout)
		}
	}
}

// TestExcludedLogWaits: a log is excluded in the audit after one that left an entry of it
// waiting. That is noted, not found fault with, and the next audit has the certificate.
func TestExcludedLogWaits(t *testing.T) {
	g := newGrownLog(t, "beacon = \"dice\"\nrate = \"100%\"\n")
	g.write("selfaudit.toml", string(g.read("selfaudit.toml"))+"[[files]]\npath = \"given\"\n")
	g.certificate("given/january.pem", 1, "2026-01-10")
	g.addOne([]byte{0x30, 1}, at("2026-02-01T01:00:00Z"), nil)
	g.month(0)
	if got := g.fates(0); got != "3001 waiting log" {
		t.Errorf("m01: %s", got)
	}
	frozen, verified := g.month(1, "--exclude-log", "grown.example/log=out of order")
	g.must(frozen, "1 item waited in audit m01, seen then only in logs that this audit excludes: waiting on in ct/outside.tsv")
	g.must(verified, "carried on: 1")
	if got := g.fates(1); got != "3001 carried log" {
		t.Errorf("m02: %s", got)
	}
	if strings.Contains(frozen, "e_waiting_certificate_not_found") || len(g.read("audits/m02/findings/items.jsonl")) > 0 {
		t.Errorf("a finding, though the reason is known:\n%s", frozen)
	}
	_, verified = g.month(2)
	g.must(verified, "carried on: 0")
	g.answer(2, "3001", "yes: serial 3001", "late")
	if got := g.fates(2); got != "" {
		t.Errorf("m03: %s", got)
	}
}

// TestRecordThatWaits: a row without a certificate waits, and the next export has it no more:
// a finding. When a row never became a certificate and is left out by hand, it waits no more.
func TestRecordThatWaits(t *testing.T) {
	g := newGrownLog(t, "beacon = \"dice\"\nrate = \"100%\"\n")
	g.write("selfaudit.toml", string(g.read("selfaudit.toml"))+`
[[records]]
path = "export.csv"
system = "database"
extracted_at = "2026-02-01T00:00:00Z"
serial_format = "hex"
issuer = "ca.der"
[records.columns]
serial = "serial"
issued_at = "issued"
not_before = "from"
[collect]
mode = "logs"
`)
	const head, waits, old = "serial,issued,from\n", "4001,2026-02-05T00:00:00Z,2026-02-05T00:00:00Z\n", "4002,2025-02-05T00:00:00Z,2025-02-05T00:00:00Z\n"
	g.write("export.csv", head+waits+old)
	g.month(0)
	if got := g.fates(0); got != "4001 waiting records, 4002 too-old records" {
		t.Errorf("m01: %s", got)
	}
	g.answer(0, "4001", "no: serial 4001", "waits for the next audit", "seen         the CA's records")

	g.write("export.csv", head+old)
	frozen, verified := g.month(1)
	if got := g.fates(1); got != "4001 carried records, 4002 too-old records" {
		t.Errorf("m02: %s", got)
	}
	g.must(frozen, "1 item waited in audit m01, and not shown by anything that was read now")
	g.must(verified, "carried on: 1", "ok       records: ")

	g.write("export.csv", head+waits+old)
	g.write("selfaudit.toml", strings.Replace(string(g.read("selfaudit.toml")), "[collect]", `[[records.exclude]]
serial = "4001"
issuer = "ca.der"
reason = "never signed"
approved_by = "Head of Compliance"
[collect]`, 1))
	_, verified = g.month(2)
	if got := g.fates(2); got != "4002 too-old records" {
		t.Errorf("m03: %s", got)
	}
	g.must(verified, "carried on: 0")
}

// frozenMonth collects and freezes audit i over the log as it is then, with one more entry.
func (g *grownLog) frozenMonth(i, code int, args ...string) string {
	g.t.Helper()
	start, end := at(rangeMonths[i]+"T00:00:00Z"), at(rangeMonths[i+1]+"T00:00:00Z")
	if !slices.Contains(args, "--void") {
		g.add(1, start.Add(5*time.Hour))
		g.publish(end.Add(25 * time.Hour))
		g.audit(i, exitOK, "collect")
	}
	stdout, stderr := g.run(code, append([]string{"freeze", "--audit", g.id(i), "--now", end.Add(26 * time.Hour).Format(time.RFC3339), "--yes", "--beacon-time", diceAfter(i)}, args...)...)
	return stdout + stderr
}

// TestOutsideOfTheAuditBefore: the next freeze reads what the last freeze of the audit before
// wrote, refuses what that audit did not commit to, and says so where there is nothing to read.
func TestOutsideOfTheAuditBefore(t *testing.T) {
	g := newGrownLog(t, "beacon = \"dice\"\n")
	g.write("selfaudit.toml", string(g.read("selfaudit.toml"))+"[[files]]\npath = \"given\"\n")
	g.certificate("given/a.pem", 1, "2026-02-10")
	g.frozenMonth(0, exitOK)
	g.frozenMonth(0, exitOK, "--void", "the wrong rate", "--rate", "7%")
	if got := g.fates(0); got != "2001 waiting files" {
		t.Errorf("m01, frozen again: %s", got)
	}
	const document = "audits/m01/ct/outside.tsv"
	good := string(g.read(document))
	g.write(document, strings.Split(good, "\n")[0]+"\n")
	g.must(g.frozenMonth(1, exitVerify), "ct/outside.tsv is not the one that audit m01 committed to", "bring the original back")
	g.remove(document)
	if out := g.frozenMonth(1, exitFailed); !strings.Contains(out, "reading what audit m01 left waiting") {
		t.Errorf("without the document: %s", out)
	}

	// As a program of before would have left it.
	s := g.frozenSnapshot("m01")
	s.Outside = nil
	raw, err := s.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	g.write("audits/m01/draw/snapshot.json", string(raw))
	c, err := sampler.ParseCommitment(g.read("audits/m01/draw/commitment.txt"))
	if err != nil {
		t.Fatal(err)
	}
	c.SnapshotHash = sampler.HashDoc(raw)
	if raw, err = c.Bytes(); err != nil {
		t.Fatal(err)
	}
	g.write("audits/m01/draw/commitment.txt", string(raw))
	g.must(g.frozenMonth(1, exitOK), "audit m01 and those before it were frozen by a program that wrote no ct/outside.tsv")
	if s := g.frozenSnapshot("m02"); s.Outside.Previous != "" || s.Outside.Carried != 0 || s.Counts.Population != 2 {
		t.Errorf("m02: %+v, %+v", s.Outside, s.Counts)
	}
}
