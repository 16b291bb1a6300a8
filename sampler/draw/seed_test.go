package draw

import (
	"bytes"
	"strings"
	"testing"

	"github.com/cloudflare/circl/ecc/bls12381"

	"selfaudit/sampler"
)

func uncompressG1(t *testing.T, compressed []byte) []byte {
	t.Helper()
	var point bls12381.G1
	if err := point.SetBytes(compressed); err != nil {
		t.Fatal(err)
	}
	return point.Bytes()
}

const (
	randomness   = "fc1873a13f3545aeade8401532ef5519920652eee6b0d2b19ca12643b87b3587"
	contribution = "f0e1d2c3b4a5968778695a4b3c2d1e0ff0e1d2c3b4a5968778695a4b3c2d1e0f"
)

func TestBuildSeedRefuses(t *testing.T) {
	c, err := sampler.ParseCommitment(folder(t, "tv2")["commitment.txt"].Data)
	if err != nil {
		t.Fatal(err)
	}
	plain := *c
	plain.Contribution = ""
	dice := sampler.Commitment{Beacon: sampler.BeaconDice}
	digits := strings.Repeat("7", 20)
	for name, tc := range map[string]struct {
		c                        *sampler.Commitment
		randomness, contribution string
	}{
		"short randomness":             {c, randomness[:63], contribution},
		"upper-case randomness":        {c, strings.ToUpper(randomness), contribution},
		"dice for drand":               {&plain, digits, ""},
		"contribution not revealed":    {c, randomness, ""},
		"contribution not committed":   {&plain, randomness, contribution},
		"contribution changed":         {c, randomness, "e" + contribution[1:]},
		"contribution too short":       {c, randomness, contribution[:30]},
		"contribution with line break": {c, randomness, contribution + "\n"},
		"25 dice":                      {&dice, digits + "12345", ""},
		"19 dice":                      {&dice, digits[1:], ""},
		"dice with a letter":           {&dice, "a" + digits[1:], ""},
		"randomness for dice":          {&dice, randomness, ""},
		"no beacon":                    {&sampler.Commitment{}, digits, ""},
	} {
		if b, err := BuildSeed(tc.c, tc.randomness, tc.contribution); err == nil {
			t.Errorf("%s: built %q", name, b)
		}
	}
	if _, err := BuildSeed(c, randomness, contribution); err != nil {
		t.Error(err)
	}
}

func TestDiceSeed(t *testing.T) {
	b, err := BuildSeed(&sampler.Commitment{Beacon: sampler.BeaconDice}, "01234567890123456789", "")
	if err != nil || string(b) != "selfaudit-seed-v1\ndice: 01234567890123456789\n" {
		t.Fatalf("%q, %v", b, err)
	}
	r, v, err := ParseSeed(b)
	if err != nil || r != "01234567890123456789" || v != "" {
		t.Errorf("%q, %q, %v", r, v, err)
	}
}

func TestCommitContribution(t *testing.T) {
	got, err := CommitContribution(contribution)
	if err != nil || got != "278de59aa962acc6ddcdd26b2cf094816d2588561f79ac6ffe706638587a303b" {
		t.Errorf("%s, %v", got, err)
	}
	for _, n := range []int{0, 15, 65} {
		if _, err := CommitContribution(strings.Repeat("ab", n)); err == nil {
			t.Errorf("%d bytes accepted", n)
		}
	}
	for _, n := range []int{16, 64} {
		if _, err := CommitContribution(strings.Repeat("ab", n)); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if _, err := CommitContribution(contribution + "a"); err == nil {
		t.Error("half a byte accepted")
	}
}

func TestParseSeedRefuses(t *testing.T) {
	good := string(folder(t, "tv2")["seed.txt"].Data)
	if r, v, err := ParseSeed([]byte(good)); err != nil || r != randomness || v != contribution {
		t.Fatalf("%q, %q, %v", r, v, err)
	}
	for name, bad := range map[string]string{
		"empty":               "",
		"no last LF":          strings.TrimSuffix(good, "\n"),
		"other version":       strings.Replace(good, "-v1", "-v2", 1),
		"only a header":       "selfaudit-seed-v1\n",
		"CR":                  strings.Replace(good, "3587\n", "3587\r\n", 1),
		"25 dice":             "selfaudit-seed-v1\ndice: " + strings.Repeat("7", 25) + "\n",
		"no chain":            "selfaudit-seed-v1\nbeacon-round: 1\nbeacon-randomness: " + randomness + "\n",
		"another contributor": strings.Replace(good, "auditor", "ca", 1),
		"two contributions":   good + "contribution: auditor " + contribution + "\n",
		"short contribution":  strings.Replace(good, contribution, "ab", 1),
		"more behind":         good + "x: y\n",
		"blank line":          good + "\n",
		"short randomness":    strings.Replace(good, randomness, randomness[1:], 1),
	} {
		if r, v, err := ParseSeed([]byte(bad)); err == nil {
			t.Errorf("%s: accepted as %q, %q", name, r, v)
		}
	}
}

func FuzzParseSeed(f *testing.F) {
	f.Add(folder(f, "tv1")["seed.txt"].Data)
	f.Add(folder(f, "tv2")["seed.txt"].Data)
	f.Add([]byte("selfaudit-seed-v1\ndice: 01234567890123456789\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		value, revealed, err := ParseSeed(b)
		if err != nil {
			return
		}
		c := &sampler.Commitment{Beacon: sampler.BeaconDice}
		if len(value) == 64 {
			c.Beacon = sampler.BeaconDrand
		}
		if revealed != "" {
			if c.Contribution, err = CommitContribution(revealed); err != nil {
				t.Fatal(err)
			}
		}
		again, err := BuildSeed(c, value, revealed)
		if err != nil {
			t.Fatalf("%q cannot be built: %v", b, err)
		}
		// Chain and round are the commitment's; all other lines must agree.
		lines := func(b []byte) []byte {
			var keep [][]byte
			for _, line := range bytes.Split(b, []byte("\n")) {
				if !bytes.HasPrefix(line, []byte("beacon-chain: ")) && !bytes.HasPrefix(line, []byte("beacon-round: ")) {
					keep = append(keep, line)
				}
			}
			return bytes.Join(keep, []byte("\n"))
		}
		if !bytes.Equal(lines(again), lines(b)) {
			t.Fatalf("%q built as %q", b, again)
		}
	})
}
