package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler"
	"selfaudit/sampler/ct"
	"selfaudit/sampler/draw"
)

// populated is a chain of two audits, the second drawn and sealed, with items of every fate.
type populated struct {
	*grownLog
	hostile, old, waiting, late []byte // serial content
	final                       sampler.CertHash
	zip                         string
}

const formula = "=HYPERLINK(\"https://evil.example\")"

// commonName is a DER Name with one commonName.
func commonName(cn string) []byte {
	oid := testpki.TLV(0x06, []byte{0x55, 0x04, 0x03})
	return testpki.TLV(0x30, testpki.TLV(0x31, testpki.TLV(0x30, append(oid, testpki.TLV(0x0c, []byte(cn))...))))
}

func (g *grownLog) addOne(serial []byte, when time.Time, edit func(*testpki.Template)) testpki.Template {
	g.t.Helper()
	tmpl := testpki.Template{Serial: serial, NotBefore: when.Truncate(time.Second), NotAfter: when.Add(90 * 24 * time.Hour).Truncate(time.Second)}
	if edit != nil {
		edit(&tmpl)
	}
	if _, err := g.log.Add(testlog.PrecertEntry(g.ca, tmpl, uint64(when.UnixMilli()))); err != nil {
		g.t.Fatal(err)
	}
	return tmpl
}

func newPopulated(t *testing.T) *populated {
	t.Helper()
	g := newGrownLog(t, `beacon = "dice"`)
	p := &populated{grownLog: g, old: []byte{1, 0, 1}, late: []byte{1, 0, 2}, hostile: []byte{1, 0, 3}, waiting: []byte{1, 0, 4}}
	g.addOne(p.old, at("2025-12-01T00:00:00Z"), nil)
	g.add(10, at("2026-01-05T00:00:00Z"))
	audit := func(id string, end time.Time, more ...string) {
		g.publish(end.Add(25 * time.Hour))
		args := []string{"run", "--audit", id, "--until", end.Format(time.RFC3339), "--now", end.Add(26 * time.Hour).Format(time.RFC3339), "--yes",
			"--beacon-time", end.Add(27 * time.Hour).Format(time.RFC3339)}
		g.run(exitNotYet, append(args, more...)...)
		g.run(exitOK, "run", "--audit", id, "--now", end.Add(28*time.Hour).Format(time.RFC3339), "--yes", "--dice", digits)
	}
	audit("m01", at("2026-02-01T00:00:00Z"), "--from", "2026-01-01T00:00:00Z")
	tmpl := g.addOne(p.hostile, at("2026-02-03T00:00:00Z"), func(t *testpki.Template) { t.Subject, t.DNSNames = commonName(formula), []string{"-odd.example.org"} })
	if _, err := g.log.Add(testlog.FinalEntry(g.ca, g.ca.Certificate(tmpl), uint64(at("2026-02-03T00:01:00Z").UnixMilli()))); err != nil {
		t.Fatal(err)
	}
	p.final = sampler.HashCert(g.ca.Certificate(tmpl))
	g.add(60, at("2026-02-04T00:00:00Z"))
	g.addOne(p.late, at("2026-01-20T00:00:00Z"), nil)
	g.addOne(p.waiting, at("2026-03-01T00:00:00Z"), nil)
	audit("m02", at("2026-03-01T00:00:00Z"))
	p.zip = filepath.Join(g.dir, "audits/m02/sealed/m02.zip")
	return p
}

// ask runs population with --json.
func (p *populated) ask(args ...string) (about populationAbout, items []populationItem) {
	p.t.Helper()
	stdout, stderr := p.run(exitOK, append([]string{"population", "--json"}, args...)...)
	var doc struct {
		populationAbout
		Items   []populationItem `json:"items"`
		Matched int              `json:"matched"`
	}
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil {
		p.t.Fatalf("%v in:\n%s\n%s", err, stdout, stderr)
	}
	if doc.Matched != len(doc.Items) {
		p.t.Errorf("%d items, matched says %d", len(doc.Items), doc.Matched)
	}
	return doc.populationAbout, doc.Items
}

func TestPopulation(t *testing.T) {
	p := newPopulated(t)
	t.Run("fates", p.fates)
	t.Run("every row", p.everyRow)
	t.Run("answers", p.answers)
	t.Run("proofs", p.proofs)
	t.Run("exports", p.exports)
	t.Run("refusals", p.refusals)
	t.Run("documents", p.documents)
	t.Run("auditor", p.auditor)
	t.Run("another work folder", p.anotherWorkFolder) // last: it breaks m02
}

func (p *populated) fates(t *testing.T) {
	counts := map[string]int{}
	about, all := p.ask("--audit", "m02")
	if about.Source != sourceWork || !about.Drawn || *about.Population != 62 {
		t.Errorf("%+v", about)
	}
	for _, it := range all {
		counts[it.Status]++
		if it.InPopulation != (it.Status == "current" || it.Status == "late") || it.Why == "" {
			t.Errorf("item %s: status %s, in the population: %v, why: %q", it.ItemID, it.Status, it.InPopulation, it.Why)
		}
	}
	for status, want := range map[string]int{"current": 61, "late": 1, "waiting": 1, "too-old": 1, "in-earlier": 10} {
		if counts[status] != want {
			t.Errorf("%d items are %s, want %d", counts[status], status, want)
		}
		if _, list := p.ask("--audit", "m02", "--status", status); len(list) != want {
			t.Errorf("--status %s gives %d items, want %d", status, len(list), want)
		}
	}
	for _, tc := range []struct {
		want int
		args []string
	}{
		{62, []string{"--status", "population"}},
		{1, []string{"--from", "2026-02-01T00:00:00Z", "--until", "2026-02-03T00:00:01Z"}},
		{74, []string{"--issuer", "grown dv ca"}},
		{74, []string{"--stratum", "Grown DV CA DV"}},
		{1, []string{"--name", "ODD.example.org"}},
		{1, []string{"--name", "hyperlink"}},
		{0, []string{"--name", "no such name"}},
		{1, []string{"--sha256", p.final.String()}},
		{0, []string{"--sha256", strings.Repeat("00", 32)}},
	} {
		if _, list := p.ask(append([]string{"--audit", "m02"}, tc.args...)...); len(list) != tc.want {
			t.Errorf("%q gives %d items, want %d", tc.args, len(list), tc.want)
		}
	}
}

// everyRow compares what is told of the population with population.tsv and sample.tsv.
func (p *populated) everyRow(t *testing.T) {
	sample, err := sampler.ParseSample(p.read("audits/m02/draw/sample.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[string]sampler.SampleRow{}
	for _, r := range sample {
		drawn[r.Item.String()] = r
	}
	seed := draw.SeedHex(p.read("audits/m02/draw/seed.txt"))
	for _, source := range [][]string{{"--audit", "m02"}, {p.zip}} {
		_, list := p.ask(append(source, "--status", "population")...)
		var rows []string
		for _, it := range list {
			rows = append(rows, strings.Join([]string{it.ItemID, it.StratumID, it.Form, it.SHA256, it.Issued, it.NotBefore, it.NotAfter}, "\t"))
			id, err := sampler.ParseItemID(it.ItemID)
			if err != nil {
				t.Fatal(err)
			}
			ticket := draw.Ticket(seed, id)
			r, ok := drawn[it.ItemID]
			want := populationSample{Role: "none", Ticket: hexOf(ticket[:]), LastSampled: it.Sample.LastSampled}
			if ok {
				want.Role, want.Rank = r.Role, r.Rank
			}
			if *it.Sample != want {
				t.Errorf("%s: sample %+v, want %+v", it.ItemID, *it.Sample, want)
			}
			if (it.Sample.Ticket <= it.Sample.LastSampled) != (it.Sample.Role == "sample") {
				t.Errorf("%s: ticket %s, last sampled %s, role %s", it.ItemID, it.Sample.Ticket, it.Sample.LastSampled, it.Sample.Role)
			}
		}
		file := strings.Split(strings.TrimSpace(string(p.read("audits/m02/draw/population.tsv"))), "\n")[1:]
		if !slices.Equal(rows, file) {
			t.Errorf("%v: the rows are not those of population.tsv", source)
		}
	}
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var s strings.Builder
	for _, c := range b {
		s.WriteByte(digits[c>>4])
		s.WriteByte(digits[c&15])
	}
	return s.String()
}

func (p *populated) answers(t *testing.T) {
	for _, tc := range []struct {
		serial string
		want   []string
	}{
		{"01:00:03", []string{"yes: serial 010003", "issued in the period", "dated by CT: entry", "HYPERLINK", p.final.String() + " (final)", "seen", "ticket "}},
		{"serial=010003", []string{"yes: serial 010003"}},
		{"0x00010003", []string{"yes: serial 010003"}},
		{"010002", []string{"yes: serial 010002", "late"}},
		{"010001", []string{"no: serial 010001", "older than the chain"}},
		{"010004", []string{"no: serial 010004", "waits for the next audit"}},
		{"0badc0de", []string{"no: audit m02: nothing that was collected matches", "searched"}},
	} {
		stdout, _ := p.run(exitOK, "population", "--audit", "m02", "--serial", tc.serial)
		p.must(stdout, tc.want...)
	}
	_, earlier := p.ask("--audit", "m02", "--status", "in-earlier")
	stdout, _ := p.run(exitOK, "population", "--audit", "m02", "--serial", earlier[0].Serial)
	p.must(stdout, "no: serial", "in the population of audit m01 already")
}

// proofs folds every proof again, by the text of the check, from the document alone.
func (p *populated) proofs(t *testing.T) {
	for _, source := range [][]string{{"--audit", "m02"}, {p.zip}} {
		_, list := p.ask(append(source, "--proof")...)
		n := 0
		for _, it := range list {
			for _, s := range it.Sightings {
				if s.Proof == nil {
					t.Fatalf("item %s: a sighting in a log without proof", it.ItemID)
				}
				leaf, path := decode64(t, s.Proof.Leaf), []ct.Hash{}
				for _, h := range s.Proof.Path {
					path = append(path, ct.Hash(decodeHex(t, h)))
				}
				if err := ct.VerifyInclusion(ct.HashLeaf(leaf), *s.Index, s.Proof.TreeSize, path, ct.Hash(decodeHex(t, s.Proof.RootHash))); err != nil {
					t.Errorf("item %s: %v", it.ItemID, err)
				}
				head, err := ct.ParseCheckpoint([]byte(s.Proof.Head), "grown.example/log", decode64(t, s.Proof.LogKey))
				if err != nil || head.Size != s.Proof.TreeSize || hexOf(head.Root[:]) != s.Proof.RootHash {
					t.Errorf("item %s: tree head: %v", it.ItemID, err)
				}
				n++
			}
		}
		if n == 0 || source[0] == "--audit" && n != 75 {
			t.Errorf("%v: %d proofs", source, n)
		}
	}
	stdout, _ := p.run(exitOK, "population", "--audit", "m02", "--serial", "010003", "--proof")
	p.must(stdout, "inclusion proof, checked", "grown.example/log", "SHA-256(0x00 || leaf)", "log key")
	p.run(exitUsage, "population", "--audit", "m02", "--proof", "--format", "csv")
}

func (p *populated) exports(t *testing.T) {
	stdout, _ := p.run(exitOK, "population", "--audit", "m02", "--format", "csv")
	rows, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
	if err != nil || len(rows) != 75 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	column := func(name string) int { return slices.Index(rows[0], name) }
	found := false
	for _, r := range rows[1:] {
		for _, field := range r {
			if field != "" && strings.ContainsRune("=+-@\t", rune(field[0])) && field != "-" {
				t.Errorf("a spreadsheet would run %q", field)
			}
		}
		if r[column("serial")] == "010003" {
			found = true
			if r[column("name")] != "'-odd.example.org" || !strings.HasPrefix(r[column("subject")], "CN==HYPERLINK") {
				t.Errorf("name %q, subject %q", r[column("name")], r[column("subject")])
			}
		}
	}
	if !found {
		t.Error("the hostile item is missing")
	}
	stdout, _ = p.run(exitOK, "population", "--audit", "m02", "--format", "jsonl")
	if n := strings.Count(stdout, "\n"); n != 74 {
		t.Errorf("jsonl has %d lines", n)
	}
	stdout, _ = p.run(exitOK, "population", "--audit", "m02", "--serial", "010003", "--format", "pem")
	var hashes []string
	for rest := []byte(stdout); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		hashes = append(hashes, sampler.HashCert(block.Bytes).String())
	}
	if len(hashes) != 2 || hashes[0] != p.final.String() {
		t.Errorf("pem holds %q", hashes)
	}
	stdout, _ = p.run(exitOK, "population", "--audit", "m02")
	if n := strings.Count(stdout, "\n"); n != 75 {
		t.Errorf("the table has %d lines", n)
	}
}

func (p *populated) refusals(*testing.T) {
	for _, tc := range [][]string{
		{"--serial", "xyz"}, {"--sha256", "00"}, {"--issuer", "nobody"}, {"--from", "yesterday"}, {"--stratum", "nobody DV"}, {"--status", "lost"},
		{"--format", "xml"}, {"--json", "--format", "csv"}, {"--audit", "m99"}, {"one.zip", "two.zip"}, {"no-such-package"},
		{p.zip, "--status", "forgotten"},
	} {
		_, stderr := p.run(exitUsage, append([]string{"population", "--audit", "m02"}, tc...)...)
		p.must(stderr, "error")
	}
}

// documents searches the package, and the audit's folder once the work folder is gone.
func (p *populated) documents(t *testing.T) {
	work, away := filepath.Join(p.dir, "audits/m02/work"), filepath.Join(p.dir, "away")
	if err := os.Rename(work, away); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := os.Rename(away, work); err != nil {
			t.Fatal(err)
		}
	}()
	unpacked := filepath.Join(p.dir, "audits/m02/sealed", strings.TrimSuffix(packageFolder(t, p.dir), "/"))
	for _, source := range [][]string{{p.zip}, {unpacked}, {filepath.Join(p.dir, "audits/m02")}, {"m02"}, {"--audit", "m02"}} {
		about, list := p.ask(source...)
		if about.Source != sourceDocuments || len(about.Cannot) == 0 || len(list) != 64 {
			t.Errorf("%v: %d items, %+v", source, len(list), about)
		}
		args := append([]string{"population"}, source...)
		stdout, stderr := p.run(exitOK, append(args, "--serial", "010003")...)
		p.must(stdout, "yes: serial 010003")
		p.must(stderr, "cannot answer: what was collected and is in an earlier population already")
		stdout, _ = p.run(exitOK, append(args, "--serial", "010004")...)
		p.must(stdout, "no: serial 010004", "waits for the next audit", "2026-03-01T00:00:00Z", "seen         log ", ", entry ")
		stdout, _ = p.run(exitOK, append(args, "--serial", "010001")...)
		p.must(stdout, "no: serial 010001", "older than the chain")
		if _, list := p.ask(append(source, "--status", "waiting")...); len(list) != 1 || list[0].Status != "waiting" || list[0].SHA256 != "" || len(list[0].Seen) != 1 {
			t.Errorf("waiting: %+v", list)
		}
		stdout, _ = p.run(exitOK, append(args, "--serial", "010077")...)
		p.must(stdout, "no: audit m02: no item of the population matches")
	}
	_, stderr := p.run(exitIncomplete, "population", p.zip, "--format", "pem")
	p.must(stderr, "are not at hand")
}

func packageFolder(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "audits/m02/sealed"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			return e.Name()
		}
	}
	t.Fatal("no sealed folder")
	return ""
}

// anotherWorkFolder shows that a collection which is not the frozen one is noticed.
func (p *populated) anotherWorkFolder(t *testing.T) {
	population := filepath.Join(p.dir, "audits/m02/draw/population.tsv")
	raw := p.read("audits/m02/draw/population.tsv")
	lines := bytes.SplitAfter(raw, []byte("\n"))
	for name, changed := range map[string][]byte{
		"a row less":     slices.Concat(slices.Concat(lines[:5]...), slices.Concat(lines[6:]...)),
		"the last less":  slices.Concat(lines[:len(lines)-2]...),
		"another issued": bytes.Replace(raw, []byte("\t2026-02-03T00:00:00Z\t"), []byte("\t2026-02-03T00:00:01Z\t"), 1),
	} {
		if err := os.WriteFile(population, changed, 0o666); err != nil {
			t.Fatal(err)
		}
		p.run(exitVerify, "population", "--audit", "m02")
		p.run(exitVerify, "population", filepath.Join(p.dir, "audits/m02"))
		_, stderr := p.run(exitVerify, "draw", "--for-auditor", "m02", "--dice", digits)
		p.must(stderr, "population.tsv")
		_ = name
	}
	if err := os.WriteFile(population, raw, 0o666); err != nil {
		t.Fatal(err)
	}
	p.run(exitOK, "population", "--audit", "m02")
}

// TestPopulationBeforeFreeze shows preliminary answers.
func TestPopulationBeforeFreeze(t *testing.T) {
	g := newGrownLog(t, "")
	_, stderr := g.run(exitUsage, "population")
	g.must(stderr, "there is no audit")
	g.add(5, at("2026-01-05T00:00:00Z"))
	g.addOne([]byte{1, 0, 9}, at("2026-03-02T00:00:00Z"), nil)
	g.publish(at("2026-03-03T00:00:00Z"))
	g.run(exitOK, "collect", "--rehearsal", "--audit", "x", "--from", "2026-01-01T00:00:00Z", "--until", "2026-03-01T00:00:00Z", "--now", "2026-03-03T00:00:00Z")
	stdout, stderr := g.run(exitOK, "population", "--status", "population")
	if n := strings.Count(stdout, "\n"); n != 6 {
		t.Errorf("%d lines in:\n%s", n, stdout)
	}
	g.must(stderr, "preliminary")
	stdout, _ = g.run(exitOK, "population", "--serial", "010009")
	g.must(stdout, "no: serial 010009", "waits for the next audit")
}

func TestCSVField(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "plain": "plain", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": `'\x09x`, "a=b": "a=b", "a\x00b": `a\x00b`, "\r=x": `'\x0d=x`,
	} {
		if got := csvField(in); got != want {
			t.Errorf("csvField(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSerialOf(t *testing.T) {
	for in, want := range map[string]string{
		"04:3F:9a": "043f9a", "43f9a": "043f9a", "0x0000ff": "ff", "00": "00", "serial=0A": "0a", " 0a 0b ": "0a0b", "-01": "-01", "": "", "xy": "", "0x": "",
	} {
		got, err := serialOf(in)
		if string(got) != want || (err != nil) != (want == "") {
			t.Errorf("serialOf(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

// TestPopulationStatusOfOldDocuments refuses what documents of before ct/outside.tsv cannot tell.
func TestPopulationStatusOfOldDocuments(t *testing.T) {
	for status, outside := range map[string]bool{"waiting": true, "carried": true, "too-old": true, "in-earlier": false, "late": false} {
		_, err := populationOptions{Status: status, Format: "table"}.query(populationAbout{Source: sourceDocuments}, &knownIssuers{})
		if (err != nil) != outside {
			t.Errorf("--status %s: %v", status, err)
		}
		if _, err := (populationOptions{Status: status, Format: "table"}).query(populationAbout{Source: sourceDocuments, outside: true}, &knownIssuers{}); err != nil {
			t.Errorf("--status %s with the document: %v", status, err)
		}
	}
}
