package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func decodeHex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decode64(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// contents is every file below dir with its hash.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %x\n", path, sha256.Sum256(raw))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// auditor draws an auditor's own sample and derives it again from the population.
func (p *populated) auditor(t *testing.T) {
	const dice = "00112233445566778899"
	before := contents(t, p.dir)
	var first auditorDraw
	for i, source := range []string{p.zip, filepath.Join(p.dir, "audits/m02"), "m02"} {
		stdout, _ := p.run(exitOK, "draw", "--for-auditor", source, "--dice", dice, "--size", "7", "--json")
		var d auditorDraw
		if err := json.Unmarshal([]byte(stdout), &d); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = d
		} else if got, _ := json.Marshal(d); string(got) != string(must(json.Marshal(first))) {
			t.Errorf("%s gives another list", source)
		}
	}
	sum := sha256.Sum256([]byte(first.SeedText))
	if first.Seed != hex.EncodeToString(sum[:]) || !strings.HasPrefix(first.SeedText, "selfaudit-auditor-seed-v1\npopulation-sha256: "+first.PopulationHash+"\ndice: "+dice+"\n") {
		t.Errorf("seed %s of %q", first.Seed, first.SeedText)
	}
	var tickets []string
	for line := range strings.Lines(string(p.read("audits/m02/draw/population.tsv"))) {
		item, _, _ := strings.Cut(line, "\t")
		if !strings.HasPrefix(item, "#") {
			tickets = append(tickets, fmt.Sprintf("%x %s", sha256.Sum256([]byte("selfaudit-ticket-v1:"+first.Seed+":"+item)), item))
		}
	}
	slices.Sort(tickets)
	var got []string
	sampled := 0
	for i, r := range first.Requests {
		got = append(got, r.Ticket+" "+r.ItemID)
		if r.Rank != int64(i+1) || r.CrtSh != "https://crt.sh/?sha256="+r.SHA256 || !strings.HasSuffix(r.ItemID, ":"+r.Serial) || r.CASample == nil {
			t.Errorf("request %+v", r)
		} else if *r.CASample {
			sampled++
		}
	}
	if !slices.Equal(got, tickets[:7]) {
		t.Errorf("drew\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tickets[:7], "\n"))
	}
	if sampled == 7 {
		t.Error("the auditor drew the CA's own sample")
	}
	// The CA's digits must not give the auditor the CA's draw.
	stdout, _ := p.run(exitOK, "draw", "--for-auditor", p.zip, "--dice", digits, "--json")
	var same auditorDraw
	if err := json.Unmarshal([]byte(stdout), &same); err != nil {
		t.Fatal(err)
	}
	if p.must(string(p.read("audits/m02/draw/seed.txt")), "dice: "+digits); strings.Contains(string(p.read("audits/m02/draw/sample.tsv")), same.Requests[0].Ticket) {
		t.Error("the CA's digits give the auditor the CA's tickets")
	}
	p.auditorOutput(t, dice)
	if contents(t, p.dir) != before {
		t.Error("an auditor's draw changed the workspace")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (p *populated) auditorOutput(t *testing.T, dice string) {
	stdout, _ := p.run(exitOK, "draw", "--for-auditor", p.zip, "--dice", dice, "--rate", "10%", "--csv")
	rows, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
	if err != nil || len(rows) != 1+7 { // ceil(62 * 10 %)
		t.Errorf("%d rows, %v", len(rows), err)
	}
	stdout, _ = p.run(exitOK, "draw", "--for-auditor", p.zip, "--dice", "0011 2233 4455 6677 8899")
	p.must(stdout, "selfaudit-auditor-seed-v1", "dice: "+dice, "Grown DV CA DV: 2 of 62", "https://crt.sh/?sha256=")
	p.run(exitOK, "draw", "--for-auditor", p.zip, "--dice", dice, "--stratum", "grown dv ca dv", "--size", "1000")
	for _, tc := range [][]string{
		{"--dice", "123"}, {}, {"--dice", dice, "--size", "1", "--rate", "3%"}, {"--dice", dice, "--size", "0"}, {"--dice", dice, "--size", "-1"},
		{"--dice", dice, "--rate", "0%"}, {"--dice", dice, "--rate", "101%"}, {"--dice", dice, "--stratum", "nothing"}, {"--dice", dice, "--csv", "--json"},
		{"--dice", dice, "--contribution", strings.Repeat("ab", 16)}, {"--dice", dice, "--beacon-file", "x"},
	} {
		p.run(exitUsage, append([]string{"draw", "--for-auditor", p.zip}, tc...)...)
	}
	p.run(exitUsage, "draw", "--for-auditor", "no-such", "--dice", dice)
	for _, flag := range [][]string{{"--size", "5"}, {"--rate", "5%"}, {"--stratum", "x"}, {"--csv"}} {
		_, stderr := p.run(exitUsage, append([]string{"draw", "--audit", "m02"}, flag...)...)
		p.must(stderr, "--for-auditor")
	}
}
