package draw

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"selfaudit/sampler"
)

const vectorDir = "../../testdata/draw-vectors/"

// folder reads a vector's folder into memory.
func folder(t testing.TB, vector string) fstest.MapFS {
	t.Helper()
	files, err := filepath.Glob(vectorDir + vector + "/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vector %s: %v", vector, err)
	}
	out := fstest.MapFS{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(f)] = &fstest.MapFile{Data: b}
	}
	return out
}

// TestVectorDraws derives seed.txt and sample.tsv of the vectors from
// commitment, beacon and population, byte for byte.
func TestVectorDraws(t *testing.T) {
	for vector, contribution := range map[string]string{
		"tv1": "",
		"tv2": "f0e1d2c3b4a5968778695a4b3c2d1e0ff0e1d2c3b4a5968778695a4b3c2d1e0f",
	} {
		files := folder(t, vector)
		c, err := sampler.ParseCommitment(files["commitment.txt"].Data)
		if err != nil {
			t.Fatal(err)
		}
		beacon, err := ParseBeacon(files["beacon.json"].Data)
		if err != nil {
			t.Fatal(err)
		}
		if err := VerifyBeacon(sampler.Quicknet, c.BeaconRound, beacon); err != nil {
			t.Fatal(err)
		}
		seed, err := BuildSeed(c, hex.EncodeToString(beacon.Randomness), contribution)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(seed, files["seed.txt"].Data) {
			t.Errorf("%s: seed.txt is\n%s", vector, seed)
		}
		strata, err := sampler.ParseStrata(files["strata.tsv"].Data)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := Select(sampler.NewPopulationReader(bytes.NewReader(files["population.tsv"].Data)), strata, SeedHex(seed))
		if err != nil {
			t.Fatal(err)
		}
		if got := sampler.FormatSample(rows); !bytes.Equal(got, files["sample.tsv"].Data) {
			t.Errorf("%s: sample.tsv is\n%s", vector, got)
		}
		checkExpected(t, vector, files, SeedHex(seed), rows)
	}
}

func checkExpected(t *testing.T, vector string, files fstest.MapFS, seed string, rows []sampler.SampleRow) {
	var want struct {
		Commitment sampler.DocHash  `json:"commitment_sha256"`
		Sample     sampler.DocHash  `json:"sample_sha256"`
		Seed       string           `json:"seed"`
		First      sampler.ItemID   `json:"first_item"`
		Ticket     sampler.DocHash  `json:"first_item_ticket"`
		Sizes      map[string][]int `json:"sizes"`
	}
	if err := json.Unmarshal(files["expected.json"].Data, &want); err != nil {
		t.Fatal(err)
	}
	if got := sampler.HashDoc(files["commitment.txt"].Data); got != want.Commitment {
		t.Errorf("%s: commitment %s, want %s", vector, got, want.Commitment)
	}
	if got := sampler.HashDoc(sampler.FormatSample(rows)); got != want.Sample {
		t.Errorf("%s: sample %s, want %s", vector, got, want.Sample)
	}
	if seed != want.Seed {
		t.Errorf("%s: seed %s, want %s", vector, seed, want.Seed)
	}
	if got := sampler.DocHash(Ticket(seed, want.First)); got != want.Ticket {
		t.Errorf("%s: ticket of %s is %s, want %s", vector, want.First, got, want.Ticket)
	}
	sizes := map[string][2]int{}
	for _, r := range rows {
		n := sizes[r.Stratum.String()]
		if r.Role == sampler.RoleSample {
			n[0]++
		} else {
			n[1]++
		}
		sizes[r.Stratum.String()] = n
	}
	for id, n := range want.Sizes {
		if got := sizes[id]; got != [2]int{n[1], n[2]} {
			t.Errorf("%s: stratum %s has sample and reserve %v, want %v", vector, id, got, n[1:])
		}
	}
}

func TestVerifyVectors(t *testing.T) {
	for _, vector := range []string{"tv1", "tv2"} {
		r, err := Verify(os.DirFS(vectorDir + vector))
		if err != nil {
			t.Errorf("%s: %v", vector, err)
			continue
		}
		if r.Late != 0 || r.Commitment.AuditID != vector || len(r.Sample) == 0 || len(r.Notes) == 0 {
			t.Errorf("%s: %+v", vector, r)
		}
	}
}

// defaultRound is the vector for the default chain, protocol section 11.
const defaultRound = `{"round":2634945,
"randomness":"fc8f2b3561428c365ada1aeecad04ccc044ba649c6363c5f687c1989cc2c20e5",
"signature":"814778ed1e480406beb43b74af71ce2f0373e0ea1bfdfea8f9ed62c876c20fcbc7f0163860e3da42ed2148756015f4551451898ffe06d384b4d002245025571b6b7a752f7158b40ad92b13b6d703ad31922a617f2c7f6d960b84d56cf1d79eef",
"previous_signature":"8bd96294383b4d1e04e736360bd7a487f9f409f1e7bd800b720656a310d577b3bdb1e1631af6c5782a1d8979c502f395036181eff4058960fc40bb7034cdae1991d3eda518ab204a077d2f7e724974cf87b407e549bd815cf0b8e5a3832f675d"}`

func TestVerifyBeacon(t *testing.T) {
	quicknet, err := ParseBeacon(folder(t, "tv1")["beacon.json"].Data)
	if err != nil {
		t.Fatal(err)
	}
	chained, err := ParseBeacon([]byte(defaultRound))
	if err != nil {
		t.Fatal(err)
	}
	rehash := func(b *Beacon) {
		sum := sampler.HashDoc(b.Signature)
		b.Randomness = sum[:]
	}
	for name, tc := range map[string]struct {
		chain  sampler.Chain
		round  uint64
		beacon Beacon
		change func(*Beacon)
		ok     bool
	}{
		"quicknet round 1000":        {sampler.Quicknet, 1000, quicknet, nil, true},
		"default round":              {sampler.DefaultChain, 2634945, chained, nil, true},
		"answer for another round":   {sampler.Quicknet, 1001, quicknet, nil, false},
		"signature of another round": {sampler.Quicknet, 1001, quicknet, func(b *Beacon) { b.Round = 1001 }, false},
		"chained, another round":     {sampler.DefaultChain, 2634946, chained, func(b *Beacon) { b.Round++ }, false},
		"other randomness":           {sampler.Quicknet, 1000, quicknet, func(b *Beacon) { b.Randomness = bytes.Clone(b.Randomness); b.Randomness[0] ^= 1 }, false},
		"no randomness":              {sampler.Quicknet, 1000, quicknet, func(b *Beacon) { b.Randomness = nil }, false},
		"flipped bit":                {sampler.Quicknet, 1000, quicknet, func(b *Beacon) { b.Signature = bytes.Clone(b.Signature); b.Signature[47] ^= 1; rehash(b) }, false},
		"flipped sign":               {sampler.Quicknet, 1000, quicknet, func(b *Beacon) { b.Signature = bytes.Clone(b.Signature); b.Signature[0] ^= 0x20; rehash(b) }, false},
		"trailing byte":              {sampler.Quicknet, 1000, quicknet, func(b *Beacon) { b.Signature = append(bytes.Clone(b.Signature), 0); rehash(b) }, false},
		"empty signature":            {sampler.Quicknet, 1000, quicknet, func(b *Beacon) { b.Signature = nil; rehash(b) }, false},
		"point at infinity":          {sampler.Quicknet, 1000, quicknet, func(b *Beacon) { b.Signature = append([]byte{0xc0}, make([]byte, 47)...); rehash(b) }, false},
		"previous in quicknet":       {sampler.Quicknet, 1000, quicknet, func(b *Beacon) { b.PreviousSignature = b.Signature }, false},
		"previous missing":           {sampler.DefaultChain, 2634945, chained, func(b *Beacon) { b.PreviousSignature = nil }, false},
		"previous changed":           {sampler.DefaultChain, 2634945, chained, func(b *Beacon) { b.PreviousSignature = b.Signature }, false},
		"other chain":                {sampler.DefaultChain, 1000, quicknet, nil, false},
		"quicknet key, chained":      {sampler.Quicknet, 2634945, chained, nil, false},
	} {
		b := tc.beacon
		if tc.change != nil {
			tc.change(&b)
		}
		if err := VerifyBeacon(tc.chain, tc.round, b); (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSignatureHasOneEncoding shows that the uncompressed form of a valid
// signature is refused: its hash would be another randomness.
func TestSignatureHasOneEncoding(t *testing.T) {
	b, err := ParseBeacon(folder(t, "tv1")["beacon.json"].Data)
	if err != nil {
		t.Fatal(err)
	}
	uncompressed := uncompressG1(t, b.Signature)
	sum := sampler.HashDoc(uncompressed)
	b.Signature, b.Randomness = uncompressed, sum[:]
	if err := VerifyBeacon(sampler.Quicknet, 1000, b); err == nil {
		t.Error("a second encoding of the signature is accepted")
	}
}

func TestParseBeacon(t *testing.T) {
	const good = `{"round":1,"randomness":"00","signature":"ab"}`
	b, err := ParseBeacon([]byte(`{"round":18446744073709551615,"Round":3,"randomness":"00","signature":"ab","extra":{"round":[1]},"previous_signature":"cd"}`))
	if err != nil || b.Round != 1<<64-1 || string(b.PreviousSignature) != "\xcd" {
		t.Errorf("%+v, %v", b, err)
	}
	for name, bad := range map[string]string{
		"empty":              "",
		"not JSON":           "<html>",
		"array":              "[]",
		"null":               "null",
		"two answers":        good + good,
		"no round":           `{"randomness":"00","signature":"ab"}`,
		"round as text":      `{"round":"1","randomness":"00","signature":"ab"}`,
		"round fraction":     `{"round":1.0,"randomness":"00","signature":"ab"}`,
		"round negative":     `{"round":-1,"randomness":"00","signature":"ab"}`,
		"round null":         `{"round":null,"randomness":"00","signature":"ab"}`,
		"round too big":      `{"round":18446744073709551616,"randomness":"00","signature":"ab"}`,
		"only another case":  `{"Round":1,"randomness":"00","signature":"ab"}`,
		"no randomness":      `{"round":1,"signature":"ab"}`,
		"no signature":       `{"round":1,"randomness":"00"}`,
		"signature a number": `{"round":1,"randomness":"00","signature":12}`,
		"signature null":     `{"round":1,"randomness":"00","signature":null}`,
		"upper case":         `{"round":1,"randomness":"00","signature":"AB"}`,
		"odd digits":         `{"round":1,"randomness":"00","signature":"abc"}`,
		"too long":           `{"round":1,"randomness":"00","signature":"` + string(bytes.Repeat([]byte("ab"), 97)) + `"}`,
		"previous a number":  `{"round":1,"randomness":"00","signature":"ab","previous_signature":1}`,
		"not UTF-8":          "{\"round\":1,\"randomness\":\"00\",\"signature\":\"ab\",\"x\":\"\xff\"}",
		"oversized":          good + string(bytes.Repeat([]byte(" "), maxBeacon)),
	} {
		if b, err := ParseBeacon([]byte(bad)); err == nil {
			t.Errorf("%s: accepted as %+v", name, b)
		}
	}
}

func FuzzParseBeacon(f *testing.F) {
	f.Add([]byte(defaultRound))
	f.Add([]byte(`{"round":1,"randomness":"00","signature":"ab"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := ParseBeacon(raw)
		if err != nil {
			return
		}
		if len(b.Signature) > g2Bytes || len(b.Randomness) > g2Bytes || len(b.PreviousSignature) > g2Bytes || !json.Valid(raw) {
			t.Fatalf("%q accepted as %+v", raw, b)
		}
	})
}
