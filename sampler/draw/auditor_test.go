package draw

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"selfaudit/sampler"
)

const auditorDice = "58201734659120384756"

func TestAuditorSeed(t *testing.T) {
	pop := sampler.HashDoc([]byte("population"))
	seed, err := AuditorSeed(pop, auditorDice)
	if err != nil {
		t.Fatal(err)
	}
	want := "selfaudit-auditor-seed-v1\npopulation-sha256: " + pop.String() + "\ndice: " + auditorDice + "\n"
	if string(seed) != want {
		t.Errorf("seed %q, want %q", seed, want)
	}
	gotPop, gotDice, err := ParseAuditorSeed(seed)
	if err != nil || gotPop != pop || gotDice != auditorDice {
		t.Errorf("read back %s, %s, %v", gotPop, gotDice, err)
	}
	if _, _, err := ParseSeed(seed); err == nil {
		t.Error("an auditor's seed was read as that of a CA")
	}
	ca, err := BuildSeed(&sampler.Commitment{Beacon: sampler.BeaconDice}, auditorDice, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ParseAuditorSeed(ca); err == nil {
		t.Error("a CA's seed was read as an auditor's")
	}
	if SeedHex(ca) == SeedHex(seed) {
		t.Error("the same digits give CA and auditor the same seed")
	}
}

func TestAuditorSeedRefuses(t *testing.T) {
	pop := sampler.HashDoc(nil)
	for _, dice := range []string{"", "1234567890123456789", "123456789012345678901", "1234567890123456789x", "1234567890 234567890"} {
		if _, err := AuditorSeed(pop, dice); err == nil {
			t.Errorf("the digits %q were taken", dice)
		}
	}
	good, err := AuditorSeed(pop, auditorDice)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "\n\n\n", string(good[:len(good)-1]), string(good) + "\n", strings.Replace(string(good), "v1", "v2", 1),
		strings.Replace(string(good), "\n", "\r\n", 1), strings.Replace(string(good), "dice", "rolls", 1), strings.Replace(string(good), "5820", "582", 1),
		strings.Replace(string(good), pop.String(), pop.String()[1:], 1), "selfaudit-auditor-seed-v1\ndice: " + auditorDice + "\npopulation-sha256: " + pop.String() + "\n"} {
		if _, _, err := ParseAuditorSeed([]byte(bad)); err == nil {
			t.Errorf("%q was read as an auditor's seed", bad)
		}
	}
}

func FuzzParseAuditorSeed(f *testing.F) {
	good, _ := AuditorSeed(sampler.HashDoc(nil), auditorDice)
	f.Add(good)
	f.Fuzz(func(t *testing.T, b []byte) {
		pop, dice, err := ParseAuditorSeed(b)
		if err != nil {
			return
		}
		if again, err := AuditorSeed(pop, dice); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%q was read, but is written %q (%v)", b, again, err)
		}
	})
}

// secondVector is population and strata of the draw protocol's second test vector.
func secondVector(t *testing.T) (population []byte, strata []sampler.Stratum) {
	t.Helper()
	population, err := os.ReadFile("../../testdata/draw-vectors/tv2/population.tsv")
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile("../../testdata/draw-vectors/tv2/strata.tsv")
	if err != nil {
		t.Fatal(err)
	}
	strata, err = sampler.ParseStrata(table)
	if err != nil {
		t.Fatal(err)
	}
	return population, strata
}

// TestAuditorDraw derives the draw of an auditor again in a few lines that share nothing
// with Select, from the text of the appendix.
func TestAuditorDraw(t *testing.T) {
	raw, strata := secondVector(t)
	seed, err := AuditorSeed(sampler.HashDoc(raw), auditorDice)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(seed)
	lists := map[string][]string{} // stratum -> "ticket item"
	for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n")[1:] {
		f := strings.Split(line, "\t")
		ticket := sha256.Sum256([]byte("selfaudit-ticket-v1:" + hex.EncodeToString(sum[:]) + ":" + f[0]))
		lists[f[1]] = append(lists[f[1]], fmt.Sprintf("%x %s", ticket, f[0]))
	}
	for _, tc := range []struct {
		only   []sampler.StratumID
		size   int64
		rateBP int
		count  func(s sampler.Stratum) int64
	}{
		{nil, 0, 0, func(s sampler.Stratum) int64 { return s.Sample }},
		{nil, 7, 0, func(s sampler.Stratum) int64 { return min(7, s.Population) }},
		{nil, 1 << 40, 0, func(s sampler.Stratum) int64 { return s.Population }},
		{nil, 0, 100, func(s sampler.Stratum) int64 { return max(1, (s.Population+99)/100) }},
		{[]sampler.StratumID{strata[1].ID}, 4, 0, func(s sampler.Stratum) int64 {
			if s.ID == strata[1].ID {
				return min(4, s.Population)
			}
			return 0
		}},
	} {
		sized, err := AuditorStrata(strata, tc.only, tc.size, tc.rateBP)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := Select(sampler.NewPopulationReader(bytes.NewReader(raw)), sized, SeedHex(seed))
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, s := range strata {
			list := lists[s.ID.String()]
			slices.Sort(list)
			for i := range tc.count(s) {
				want = append(want, fmt.Sprintf("%d %s", i+1, list[i]))
			}
		}
		var got []string
		for _, r := range rows {
			got = append(got, fmt.Sprintf("%d %x %s", r.Rank, r.Ticket, r.Item))
		}
		if !slices.Equal(got, want) {
			t.Errorf("size %d, rate %d: drew\n%s\nwant\n%s", tc.size, tc.rateBP, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// TestAuditorVector is the vector of the appendix, which was made with sha256sum and sort.
func TestAuditorVector(t *testing.T) {
	raw, strata := secondVector(t)
	seed, err := AuditorSeed(sampler.HashDoc(raw), "00112233445566778899")
	if err != nil || SeedHex(seed) != "daadf1bd681cbab675b85c79f996fecb6a633d3d00d1a0a7f1635152578db410" {
		t.Fatalf("seed %s, %v", SeedHex(seed), err)
	}
	rows, err := Select(sampler.NewPopulationReader(bytes.NewReader(raw)), strata, SeedHex(seed))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%x %s", rows[0].Ticket, rows[0].Item); got != "00449a239b78c1dba775eb30b98628b32804115aa00d76cdf56e9701436b2ac9 "+
		"91fc0b82ed3fc1b59a58f18db1dd0c96da85053fc4c2bc5a5e51ddf4e9583b92:8f6f420c35963facdc3947dc837126b2" {
		t.Errorf("rank 1 is %s", got)
	}
}

func TestAuditorStrataRefuses(t *testing.T) {
	for _, tc := range []struct {
		only   []sampler.StratumID
		size   int64
		rateBP int
	}{{nil, -1, 0}, {nil, 0, -1}, {nil, 0, 10001}, {nil, 5, 300}, {[]sampler.StratumID{{Class: sampler.ClassDV}}, 5, 0}} {
		if _, err := AuditorStrata(nil, tc.only, tc.size, tc.rateBP); err == nil {
			t.Errorf("%v, size %d, rate %d: accepted", tc.only, tc.size, tc.rateBP)
		}
	}
}
