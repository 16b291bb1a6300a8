package sampler

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestSampleSizeCorners are the corner cases of protocol section 4.
func TestSampleSizeCorners(t *testing.T) {
	for _, tc := range []struct {
		population int64
		rate       int
		floor      int64
		want       int64
	}{
		{1, 300, 1, 1}, {33, 300, 1, 1}, {34, 300, 1, 2}, {100, 300, 1, 3}, {101, 300, 1, 4},
		{1001, 300, 1, 31}, {50, 600, 1, 3}, {67, 300, 5, 5}, {2, 10000, 1, 2}, {3, 300, 30, 3}, {0, 300, 1, 0},
	} {
		if got := SampleSize(tc.population, tc.rate, tc.floor); got != tc.want {
			t.Errorf("SampleSize(%d, %d, %d) = %d, want %d", tc.population, tc.rate, tc.floor, got, tc.want)
		}
	}
	for _, tc := range []struct{ population, sample, want int64 }{{47, 2, 3}, {1001, 31, 4}, {2, 2, 0}, {1, 1, 0}, {5, 3, 2}, {1000, 300, 30}, {1000, 301, 31}} {
		if got := ReserveSize(tc.population, tc.sample); got != tc.want {
			t.Errorf("ReserveSize(%d, %d) = %d, want %d", tc.population, tc.sample, got, tc.want)
		}
	}
}

// TestVectorStrata derives strata.tsv of the vectors from the population's
// counts and the rules.
func TestVectorStrata(t *testing.T) {
	for vector, tc := range map[string]struct {
		labels []string
		evRA   string
	}{
		"tv1": {[]string{"Example DV CA 1", "Example EV CA 1"}, EVRANone},
		"tv2": {[]string{"Example CA A", "Example CA B"}, ""},
	} {
		rows, _, err := readPopulation(vectorFile(t, vector, "population.tsv"))
		if err != nil {
			t.Fatal(err)
		}
		counts := map[StratumID]int64{}
		for _, r := range rows {
			counts[r.Stratum]++
		}
		rules := Rules{EVRA: tc.evRA, Issuers: map[KeyHash]IssuerRule{}}
		for _, label := range tc.labels {
			rules.Issuers[KeyHash(HashDoc([]byte(vector+" issuer "+label)))] = IssuerRule{Label: label}
		}
		strata, err := rules.Plan(counts)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range strata {
			// The vector has a floor for one class, which a CA can only set per issuer.
			if vector == "tv2" && s.ID.Class == ClassOV {
				if strata[i], err = NewStratum(s.ID, s.Population, s.RateBP, 5, s.Label); err != nil {
					t.Fatal(err)
				}
			}
		}
		got, err := FormatStrata(strata)
		if err != nil {
			t.Fatal(err)
		}
		if want := vectorFile(t, vector, "strata.tsv"); !bytes.Equal(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", vector, got, want)
		}
	}
}

func TestPlanDefaults(t *testing.T) {
	a, b := KeyHash{1}, KeyHash{2}
	counts := map[StratumID]int64{
		{Issuer: a, Class: ClassDV}:                  1000,
		{Issuer: a, Class: ClassEV}:                  1000,
		{Issuer: a, Class: ClassOther}:               7,
		{Issuer: a, Class: ClassOV}:                  0,
		{Issuer: a, Class: ClassSMIME}:               100,
		{Issuer: b, Class: ClassSMIME}:               50,
		{Issuer: b, Class: ClassCSEV}:                100,
		{Issuer: b, Class: ClassCS}:                  100,
		{Issuer: b, Class: ClassDV, Label: "ra-one"}: 10,
	}
	rules := Rules{Floor: 2, Issuers: map[KeyHash]IssuerRule{b: {Label: "Zweite CÄ", RateBP: 1000, Floor: 4}}}
	strata, err := rules.Plan(counts)
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		class Class
		rate  int
		floor int64
		size  int64
		label string
	}
	var got []row
	for _, s := range strata {
		got = append(got, row{s.ID.Class, s.RateBP, s.Floor, s.Sample, s.Label})
	}
	name := a.String()[:16]
	want := []row{
		{ClassDV, 300, 2, 30, name + " DV"},
		{ClassEV, 600, 2, 60, name + " EV"},
		{ClassOther, 10000, 2, 7, name + " OTHER"},
		{ClassSMIME, 300, 20, 20, name + " SMIME"},
		{ClassCS, 1000, 4, 10, `Zweite C\u00c4 CS`},
		{ClassCSEV, 1000, 4, 10, `Zweite C\u00c4 CSEV`},
		{ClassDV, 1000, 4, 4, `Zweite C\u00c4 DV ra-one`},
		{ClassSMIME, 1000, 10, 10, `Zweite C\u00c4 SMIME`},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
	rules.EVRA = EVRANone
	strata, err = rules.Plan(counts)
	if err != nil || strata[1].RateBP != 300 {
		t.Errorf("with the declaration EV has %d basis points, %v", strata[1].RateBP, err)
	}
	if strata, err = rules.Plan(nil); err != nil || len(strata) != 0 {
		t.Errorf("empty population: %v, %v", strata, err)
	}
}

func TestSMIMEDrawsThirty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counts, total := map[StratumID]int64{}, int64(0)
		for i, n := range rapid.SliceOfN(rapid.Int64Range(1, 300), 1, 6).Draw(t, "counts") {
			counts[StratumID{Issuer: KeyHash{byte(i)}, Class: ClassSMIME}] = n
			total += n
		}
		strata, err := Rules{}.Plan(counts)
		if err != nil {
			t.Fatal(err)
		}
		drawn := int64(0)
		for _, s := range strata {
			drawn += s.Sample
		}
		if drawn < min(30, total) || drawn*100 < total*3 {
			t.Fatalf("%d of %d drawn", drawn, total)
		}
	})
}

func TestRulesRefuse(t *testing.T) {
	for name, r := range map[string]Rules{
		"rate below 3 %":      {RateBP: 299},
		"negative rate":       {RateBP: -300},
		"rate above all":      {RateBP: 10001},
		"negative floor":      {Floor: -1},
		"issuer's rate":       {Issuers: map[KeyHash]IssuerRule{{}: {RateBP: 1}}},
		"issuer's rate above": {Issuers: map[KeyHash]IssuerRule{{}: {RateBP: 20000}}},
		"issuer's floor":      {Issuers: map[KeyHash]IssuerRule{{}: {Floor: -5}}},
	} {
		if err := r.Validate(); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if _, err := r.Plan(nil); err == nil {
			t.Errorf("%s: planned", name)
		}
	}
	if err := (Rules{RateBP: 200}).Validate(); err == nil || !strings.Contains(err.Error(), "BR 8.7") {
		t.Errorf("a rate of 2 %% is refused without citing BR 8.7: %v", err)
	}
	if err := (Rules{}).Validate(); err != nil {
		t.Errorf("defaults refused: %v", err)
	}
}

func TestParseStrataRefuses(t *testing.T) {
	id := keyA + "/dv"
	row := id + "\t1001\t300\t1\t31\t4\tA DV\n"
	if _, err := ParseStrata([]byte(strataHeader + "\n" + row)); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"rate below 300":   id + "\t1001\t299\t1\t30\t3\tA\n",
		"rate above 10000": id + "\t10\t10001\t1\t10\t0\tA\n",
		"huge rate":        id + "\t10\t18446744073709551916\t1\t10\t0\tA\n",
		"floor 0":          id + "\t1001\t300\t0\t31\t4\tA\n",
		"empty stratum":    id + "\t0\t300\t1\t0\t0\tA\n",
		"small sample":     id + "\t1001\t300\t1\t30\t3\tA\n",
		"small reserve":    id + "\t1001\t300\t1\t31\t3\tA\n",
		"leading zero":     id + "\t1001\t0300\t1\t31\t4\tA\n",
		"sign":             id + "\t+1001\t300\t1\t31\t4\tA\n",
		"empty label":      id + "\t1001\t300\t1\t31\t4\t\n",
		"no label":         id + "\t1001\t300\t1\t31\t4\n",
		"twice":            row + row,
		"descending":       row + keyA + "/ca\t1\t300\t1\t1\t0\tA\n",
		"CR":               strings.Replace(row, "\n", "\r\n", 1),
		"not ASCII label":  strings.Replace(row, "A DV", "Ä", 1),
		"overflow":         id + "\t9223372036854775807\t300\t1\t31\t4\tA\n",
		"beyond int64":     id + "\t99999999999999999999\t300\t1\t31\t4\tA\n",
		"bad id":           keyA + "/tls\t1001\t300\t1\t31\t4\tA\n",
	} {
		if s, err := ParseStrata([]byte(strataHeader + "\n" + bad)); err == nil {
			t.Errorf("%s: accepted as %v", name, s)
		}
	}
	for _, bad := range []string{"", row, "x\n" + row} {
		if _, err := ParseStrata([]byte(bad)); err == nil {
			t.Errorf("%.20q without header accepted", bad)
		}
	}
}

func TestFormatStrataRefusesInjection(t *testing.T) {
	s, err := NewStratum(StratumID{Class: ClassDV}, 10, 300, 1, "x")
	if err != nil {
		t.Fatal(err)
	}
	s.Label = "x\n" + keyA + "/dv\t10\t300\t1\t1\t3\ty"
	if b, err := FormatStrata([]Stratum{s}); err == nil {
		t.Errorf("written as %q", b)
	}
}

func TestEscapeLabel(t *testing.T) {
	for in, want := range map[string]string{
		"":              "-",
		"Example CA":    "Example CA",
		"Zürich":        `Z\u00fcrich`,
		"a\tb\nc\r\x1b": `a\u0009b\u000ac\u000d\u001b`,
		"😀":             `\ud83d\ude00`,
		"\xff":          `\ufffd`,
		`back\slash`:    `back\slash`,
	} {
		if got := EscapeLabel(in); got != want {
			t.Errorf("EscapeLabel(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzParseStrata(f *testing.F) {
	f.Add([]byte(strataHeader + "\n"))
	f.Add([]byte(strataHeader + "\n" + keyA + "/dv\t1001\t300\t1\t31\t4\tA DV\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		strata, err := ParseStrata(b)
		if err != nil {
			return
		}
		if out, err := FormatStrata(strata); err != nil || !bytes.Equal(out, b) {
			t.Fatalf("%q written as %q (%v)", b, out, err)
		}
	})
}
