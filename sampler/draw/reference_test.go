package draw

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"selfaudit/internal/testneed"
	"selfaudit/sampler"
)

// reference runs the independent implementation. It is the copy that every
// evidence package carries.
type reference struct{ python, script string }

// findReference skips the test where there is no Python.
func findReference(t *testing.T) reference {
	t.Helper()
	python := testneed.Tool(t, "python3", "Debian package python3")
	script, err := filepath.Abs("../../reports/evidence/draw_reference.py")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(script); err != nil {
		t.Fatal(err)
	}
	return reference{python, script}
}

// verify runs "draw_reference.py verify" over the folders, the current one
// first, and returns its notes and whether it accepted.
func (r reference) verify(t fataler, tmp string, folders ...fstest.MapFS) (notes []string, output string, ok bool) {
	args := []string{r.script, "verify"}
	for _, f := range folders {
		args = append(args, writeFolder(t, tmp, f))
	}
	out, err := exec.Command(r.python, args...).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if note, is := strings.CutPrefix(line, "note: "); is {
			notes = append(notes, strings.TrimSuffix(note, "\n"))
		}
	}
	return notes, string(out), err == nil
}

// verifyEach runs main(["verify", folder]) for each folder in one process and
// returns the exit codes.
func (r reference) verifyEach(t fataler, tmp string, folders []fstest.MapFS) []string {
	const loop = `
import runpy, sys
main = runpy.run_path(sys.argv[1], run_name="reference")["main"]
for folder in sys.argv[2:]:
    print("exit", main(["verify", folder]))
`
	args := []string{"-c", loop, r.script}
	for _, f := range folders {
		args = append(args, writeFolder(t, tmp, f))
	}
	out, err := exec.Command(r.python, args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for line := range strings.Lines(string(out)) {
		if code, is := strings.CutPrefix(line, "exit "); is {
			codes = append(codes, strings.TrimSpace(code))
		}
	}
	if len(codes) != len(folders) {
		t.Fatal("the reference judged", len(codes), "of", len(folders), "folders")
	}
	return codes
}

func writeFolder(t fataler, tmp string, files fstest.MapFS) string {
	dir, err := os.MkdirTemp(tmp, "draw")
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range files {
		if err := os.WriteFile(filepath.Join(dir, name), file.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// dicePlan is what a test chooses for one audit.
type dicePlan struct {
	audit              audit
	mode               string
	start, end         time.Time
	chainStart         time.Time
	previous, replaces sampler.DocHash
	contribution       string
	lag                time.Duration
}

// drawFolder writes the documents of one audit drawn with dice.
func drawFolder(t fataler, p dicePlan) fstest.MapFS {
	files := fstest.MapFS{}
	put := func(name string, b []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: b}
		return b
	}
	pop := put("population.tsv", p.audit.population(t), nil)
	strataFile, err := sampler.FormatStrata(p.audit.strata)
	put("strata.tsv", strataFile, err)
	snapshot := put("snapshot.json", []byte("{\"schema\": \"made-up\"}\n"), nil)
	c := &sampler.Commitment{
		AuditID: "test-1", Mode: p.mode, ChainStart: p.chainStart, PeriodStart: p.start, PeriodEnd: p.end,
		PreviousCommitment: p.previous, Replaces: p.replaces,
		PopulationHash: sampler.HashDoc(pop), PopulationCount: int64(len(p.audit.rows)),
		StrataHash: sampler.HashDoc(strataFile), StrataCount: int64(len(p.audit.strata)), SnapshotHash: sampler.HashDoc(snapshot),
		DrawMethod: sampler.DrawMethod, Beacon: sampler.BeaconDice,
		CommittedAt: p.end.Add(time.Hour), BeaconTime: p.end.Add(p.lag),
	}
	if p.contribution != "" {
		c.Contribution, err = CommitContribution(p.contribution)
		put("", nil, err)
		delete(files, "")
	}
	commitment, err := c.Bytes()
	put("commitment.txt", commitment, err)
	seed, err := BuildSeed(c, "31415926535897932384", p.contribution)
	put("seed.txt", seed, err)
	rows, err := Select(sampler.NewPopulationReader(bytes.NewReader(pop)), p.audit.strata, SeedHex(seed))
	put("sample.tsv", sampler.FormatSample(rows), err)
	return files
}

// TestReferenceAcceptsOurDraws writes generated audits and has both
// implementations verify them; their notes must agree word for word.
func TestReferenceAcceptsOurDraws(t *testing.T) {
	ref, tmp := findReference(t), t.TempDir()
	for seed := range 6 {
		p := dicePlan{
			// The examples of a generator are numbered, so the cases are the same in every run.
			audit:      genAudit(testStart.AddDate(0, -3, 0), testEnd).Example(seed),
			mode:       []string{sampler.ModeAudit, sampler.ModeRehearsal, sampler.ModeAudit}[seed%3],
			start:      testStart,
			end:        testEnd,
			chainStart: testStart.AddDate(0, -3, 0),
			lag:        []time.Duration{48 * time.Hour, 20 * 24 * time.Hour}[seed%2],
		}
		if p.mode == sampler.ModeRehearsal || seed == 0 {
			p.start = p.chainStart
		} else {
			p.previous = sampler.DocHash{9}
		}
		if seed == 5 {
			p.replaces, p.contribution, p.end = sampler.DocHash{8}, contribution, testEnd.Add(time.Second)
		}
		files := drawFolder(t, p)
		r, err := Verify(files)
		if err != nil {
			t.Fatalf("audit %d: %v", seed, err)
		}
		notes, output, ok := ref.verify(t, tmp, files)
		if !ok {
			t.Fatalf("audit %d: reference refuses: %s", seed, output)
		}
		chain, err := CheckChain(files)
		if err != nil {
			t.Fatal(err)
		}
		ours := slices.Concat(Notes(r.Commitment, r.Strata, r.Late), chain, ClosingNotes(r.Commitment))
		if !slices.Equal(ours, notes) {
			t.Errorf("audit %d: notes are\n%q\nthe reference's\n%q", seed, ours, notes)
		}
	}
}

func TestVerifyProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := dicePlan{audit: genAudit(testStart, testEnd).Draw(t, "audit"), mode: sampler.ModeAudit,
			start: testStart, end: testEnd, chainStart: testStart, lag: 48 * time.Hour}
		files := drawFolder(t, p)
		if _, err := Verify(files); err != nil {
			t.Fatal(err)
		}
		names := slices.Sorted(maps.Keys(files))
		name := rapid.SampledFrom(names).Draw(t, "file")
		b := bytes.Clone(files[name].Data)
		b[rapid.IntRange(0, len(b)-1).Draw(t, "offset")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		changed := maps.Clone(files)
		changed[name] = &fstest.MapFile{Data: b}
		// The commitment has fields of free choice, and nothing tells one
		// throw of dice from another where nothing is drawn by them.
		free := name == "commitment.txt" || name == "seed.txt" && len(p.audit.rows) == 0
		if _, err := Verify(changed); err == nil && !free {
			t.Fatalf("a flipped bit in %s is accepted", name)
		}
	})
}

// negative is one way to break a vector's folder (protocol section 11).
type negative struct {
	name   string
	vector string
	change func(files fstest.MapFS)
	ours   bool // only we can tell, or are stricter on purpose
}

func replace(name, from, to string) func(fstest.MapFS) {
	return func(files fstest.MapFS) {
		b := bytes.Replace(files[name].Data, []byte(from), []byte(to), 1)
		if bytes.Equal(b, files[name].Data) {
			panic(from + " is not in " + name) // a mistake in the table
		}
		files[name] = &fstest.MapFile{Data: b}
	}
}

// recommit changes a committed document and names its new hash in the
// commitment, as a CA that prepares a wrong one would.
func recommit(name, from, to string) func(fstest.MapFS) {
	return func(files fstest.MapFS) {
		old := sampler.HashDoc(files[name].Data)
		replace(name, from, to)(files)
		replace("commitment.txt", old.String(), sampler.HashDoc(files[name].Data).String())(files)
	}
}

func all(changes ...func(fstest.MapFS)) func(fstest.MapFS) {
	return func(files fstest.MapFS) {
		for _, c := range changes {
			c(files)
		}
	}
}

const (
	tv1Population = "165e0a5291a0ccd9ad6dfe60c977b63a9b6471fa3b7b4a45d39dcbdb9e42130f:07041218b7c1015cff988571fce9c43b"
	tv1Randomness = "fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd"
)

// removeLine drops the second line, the first item.
func removeLine(files fstest.MapFS) {
	lines := bytes.SplitAfter(files["population.tsv"].Data, []byte("\n"))
	files["population.tsv"] = &fstest.MapFile{Data: bytes.Join(slices.Delete(lines, 1, 2), nil)}
}

var negatives = []negative{
	{"role of one sample row changed", "tv1", replace("sample.tsv", "\treserve\t", "\tsample\t"), false},
	{"population line removed", "tv1", removeLine, false},
	{"population line removed and recommitted", "tv1", func(files fstest.MapFS) {
		old := sampler.HashDoc(files["population.tsv"].Data)
		removeLine(files)
		replace("commitment.txt", old.String(), sampler.HashDoc(files["population.tsv"].Data).String())(files)
		replace("commitment.txt", "population-count: 47", "population-count: 46")(files)
	}, false},
	{"other round in the beacon", "tv1", replace("beacon.json", "1000", "1001"), false},
	{"other round in the seed", "tv1", replace("seed.txt", "beacon-round: 1000", "beacon-round: 1001"), false},
	{"other round everywhere", "tv1", all(replace("beacon.json", "1000", "1001"), replace("seed.txt", "beacon-round: 1000", "beacon-round: 1001"),
		replace("commitment.txt", "beacon-round: 1000\nbeacon-time: 2023-08-23T15:59:24Z", "beacon-round: 1001\nbeacon-time: 2023-08-23T15:59:27Z")), false},
	{"randomness changed in the seed", "tv1", replace("seed.txt", "randomness: fe", "randomness: ff"), false},
	{"randomness changed in the beacon", "tv1", replace("beacon.json", tv1Randomness, "ff"+tv1Randomness[2:]), false},
	{"randomness changed in both", "tv1", all(replace("seed.txt", "randomness: fe", "randomness: ff"), replace("beacon.json", tv1Randomness, "ff"+tv1Randomness[2:])), false},
	{"signature changed", "tv1", replace("beacon.json", "b44679b9", "b44679b8"), false},
	{"signature longer", "tv1", replace("beacon.json", "447cb1125", "447cb001125"), false},
	{"contribution changed", "tv2", replace("seed.txt", "auditor f0", "auditor f1"), false},
	{"contribution left out", "tv2", replace("seed.txt", "contribution: auditor "+contribution+"\n", ""), false},
	{"committed less than 300 s before", "tv1", replace("commitment.txt", "committed-at: 2023-08-23T14:00:00Z", "committed-at: 2023-08-23T15:54:25Z"), false},
	{"serial with leading 00", "tv1", recommit("population.tsv", tv1Population, strings.Replace(tv1Population, ":07", ":0007", 1)), false},
	{"rate below 300", "tv1", recommit("strata.tsv", "\t300\t", "\t299\t"), false},
	{"sample size not by the formula", "tv1", recommit("strata.tsv", "\t40\t300\t1\t2\t3\t", "\t40\t300\t1\t3\t3\t"), false},
	{"25 dice", "tv1", func(files fstest.MapFS) {
		replace("commitment.txt", "beacon: drand\nbeacon-chain: "+sampler.Quicknet.Hash+"\ndraw-lead-days: 3\nbeacon-round: 1000",
			"beacon: dice\nbeacon-chain: none\ndraw-lead-days: none\nbeacon-round: none")(files)
		files["seed.txt"] = &fstest.MapFile{Data: []byte("selfaudit-seed-v1\ndice: " + strings.Repeat("12345", 5) + "\n")}
	}, false},
	{"another lead than the round's", "tv1", replace("commitment.txt", "draw-lead-days: 3", "draw-lead-days: 2"), false},
	{"item outside the chain", "tv1", func(files fstest.MapFS) {
		line, _, _ := strings.Cut(string(files["population.tsv"].Data[len("#selfaudit-population-v1\titem_id\tstratum_id\tform\tcert_sha256\tissued\tnot_before\tnot_after\n"):]), "\n")
		issued := strings.Split(line, "\t")[4]
		recommit("population.tsv", "\t"+issued+"\t", "\t2022-12-31T23:59:59Z\t")(files)
	}, false},
	{"item after the period", "tv1", func(files fstest.MapFS) {
		line := strings.Split(string(files["population.tsv"].Data), "\n")[1]
		recommit("population.tsv", "\t"+strings.Split(line, "\t")[4]+"\t", "\t2023-08-20T15:59:24Z\t")(files)
	}, false},
	{"a contributor other than the auditor", "tv2", replace("commitment.txt", "contribution: auditor", "contribution: ca"), false},
	{"snapshot missing", "tv1", func(files fstest.MapFS) { delete(files, "snapshot.json") }, false},
	{"snapshot changed", "tv1", replace("snapshot.json", "made-up", "made up"), false},
	{"beacon missing", "tv1", func(files fstest.MapFS) { delete(files, "beacon.json") }, false},
	{"CR added to the commitment", "tv1", replace("commitment.txt", "mode: audit\n", "mode: audit\r\n"), false},
	{"CR added to the population", "tv1", recommit("population.tsv", "Z\n", "Z\r\n"), false},
	{"CR added to the strata", "tv1", recommit("strata.tsv", "DV\n", "DV\r\n"), false},
	{"CR added to the sample", "tv1", replace("sample.tsv", "\n", "\r\n"), false},
	{"CR added to the seed", "tv1", replace("seed.txt", "\n", "\r\n"), false},
	{"stratum counts differ", "tv1", all(recommit("strata.tsv", "\t40\t300\t1\t2\t3\t", "\t41\t300\t1\t2\t3\t")), false},
	{"a valid signature of another round", "tv1", all(
		replace("beacon.json", tv1Randomness, randomness),
		replace("beacon.json", "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39",
			"b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be41076862b98fad56e91a6b85b89cd97b"),
		replace("seed.txt", tv1Randomness, randomness)), true},
}

func TestVerifyRefuses(t *testing.T) {
	for _, n := range negatives {
		files := folder(t, n.vector)
		n.change(files)
		if _, err := Verify(files); err == nil {
			t.Errorf("%s: accepted", n.name)
		}
	}
}

// TestReferenceRefusesToo shows that the negative tests break what they are
// meant to break: the other implementation refuses them as well.
func TestReferenceRefusesToo(t *testing.T) {
	ref := findReference(t)
	folders, names, want := []fstest.MapFS{folder(t, "tv1"), folder(t, "tv2")}, []string{"tv1", "tv2"}, []string{"0", "0"}
	for _, n := range negatives {
		if n.ours {
			continue
		}
		files := folder(t, n.vector)
		n.change(files)
		folders, names, want = append(folders, files), append(names, n.name), append(want, "1")
	}
	for i, code := range ref.verifyEach(t, t.TempDir(), folders) {
		if code != want[i] {
			t.Errorf("%s: the reference exits %s, want %s", names[i], code, want[i])
		}
	}
}
