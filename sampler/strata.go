package sampler

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

const strataHeader = "#selfaudit-strata-v1\tstratum_id\tpopulation\trate_bp\tfloor\tsample\treserve\tlabel"

// Bounds of a sampling rate in basis points; 300 is the 3 % of BR 8.7, EVG
// 8.1.1, SBR 8.7 and CSBR 8.7 (protocol section 4).
const (
	MinRateBP = 300
	MaxRateBP = 10000
)

// Stratum is one line of strata.tsv (protocol section 4).
type Stratum struct {
	ID         StratumID
	Population int64  // items, at least 1
	RateBP     int    // basis points, 300 to 10000
	Floor      int64  // least number of items, at least 1
	Sample     int64  // SampleSize of the three above
	Reserve    int64  // ReserveSize of Population and Sample
	Label      string // for people, never parsed; printable ASCII, not empty
}

// NewStratum returns a stratum with sample and reserve filled in by the
// formulas and the label escaped. It refuses an empty stratum and a rate or
// floor outside the protocol's bounds.
func NewStratum(id StratumID, population int64, rateBP int, floor int64, label string) (Stratum, error) {
	s := Stratum{ID: id, Population: population, RateBP: rateBP, Floor: floor, Label: EscapeLabel(label)}
	s.Sample = SampleSize(population, rateBP, floor)
	s.Reserve = ReserveSize(population, s.Sample)
	if err := s.check(); err != nil {
		return Stratum{}, fmt.Errorf("stratum %s: %w", id, err)
	}
	return s, nil
}

// SampleSize returns min(N, max(floor, ceil(N * rate))) in integers, the rate
// in basis points (protocol section 4; requirements S-21). It returns 0 for an
// empty population.
func SampleSize(population int64, rateBP int, floor int64) int64 {
	byRate := (population*int64(rateBP) + MaxRateBP - 1) / MaxRateBP
	return max(0, min(population, max(floor, byRate)))
}

// ReserveSize returns a tenth of the sample, at least 3, never more than is
// left (protocol section 4).
func ReserveSize(population, sample int64) int64 {
	return max(0, min(population-sample, max(3, (sample+9)/10)))
}

// EscapeLabel makes a text fit for the label column: every character outside
// printable ASCII becomes \uXXXX (two of them beyond the basic plane), and an
// empty text becomes "-".
func EscapeLabel(s string) string {
	if s == "" {
		return "-"
	}
	var b strings.Builder
	for _, r := range s {
		if r >= ' ' && r <= '~' {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, "\\u%04x", unit)
		}
	}
	return b.String()
}

func (s Stratum) check() error {
	if err := s.ID.check(); err != nil {
		return err
	}
	switch {
	case s.Population < 1:
		return errors.New("empty stratum listed")
	case s.Population > maxCount || s.Floor > maxCount:
		return fmt.Errorf("number above %d", int64(maxCount))
	case s.RateBP < MinRateBP || s.RateBP > MaxRateBP:
		return fmt.Errorf("rate of %d basis points is outside %d to %d (BR 8.7: at least three percent)", s.RateBP, MinRateBP, MaxRateBP)
	case s.Floor < 1:
		return errors.New("floor is below 1")
	case s.Sample != SampleSize(s.Population, s.RateBP, s.Floor):
		return fmt.Errorf("sample size %d is not the formula's %d", s.Sample, SampleSize(s.Population, s.RateBP, s.Floor))
	case s.Reserve != ReserveSize(s.Population, s.Sample):
		return fmt.Errorf("reserve size %d is not the formula's %d", s.Reserve, ReserveSize(s.Population, s.Sample))
	}
	return nil
}

// FormatStrata writes strata.tsv. The strata must be strictly ascending by id;
// whatever ParseStrata would refuse is refused here.
func FormatStrata(strata []Stratum) ([]byte, error) {
	var b strings.Builder
	b.WriteString(strataHeader + "\n")
	for _, s := range strata {
		fmt.Fprintf(&b, "%s\t%d\t%d\t%d\t%d\t%d\t%s\n", s.ID, s.Population, s.RateBP, s.Floor, s.Sample, s.Reserve, s.Label)
	}
	out := []byte(b.String())
	back, err := ParseStrata(out)
	if err != nil {
		return nil, fmt.Errorf("writing strata: %w", err)
	}
	if !slices.Equal(back, strata) { // a label with a line break could smuggle in a row
		return nil, errors.New("writing strata: a label contains a tab or line break; escape it with EscapeLabel")
	}
	return out, nil
}

// ParseStrata reads strata.tsv as strictly as draw_reference.py: header,
// order, number format, and sizes equal to the formulas.
func ParseStrata(b []byte) ([]Stratum, error) {
	lines, err := textLines(b, "strata.tsv")
	if err != nil {
		return nil, err
	}
	if lines[0] != strataHeader {
		return nil, errors.New("strata.tsv: header differs from that of strata version 1")
	}
	strata := make([]Stratum, 0, len(lines)-1)
	for i, line := range lines[1:] {
		s, err := parseStratum(line)
		if err != nil {
			return nil, fmt.Errorf("strata.tsv: line %d: %w", i+2, err)
		}
		if i > 0 && s.ID.Compare(strata[i-1].ID) <= 0 {
			return nil, fmt.Errorf("strata.tsv: line %d: not strictly ascending", i+2)
		}
		strata = append(strata, s)
	}
	return strata, nil
}

func parseStratum(line string) (Stratum, error) {
	f := strings.Split(line, "\t")
	if len(f) != 7 {
		return Stratum{}, fmt.Errorf("want 7 fields, have %d", len(f))
	}
	if slices.Contains(f, "") {
		return Stratum{}, errors.New("empty field")
	}
	id, err := ParseStratumID(f[0])
	if err != nil {
		return Stratum{}, err
	}
	var n [5]int64
	for i := range n {
		if n[i], err = parseCount(f[1+i]); err != nil {
			return Stratum{}, err
		}
	}
	if n[1] > MaxRateBP {
		return Stratum{}, fmt.Errorf("rate of %s basis points is above %d", strconv.FormatInt(n[1], 10), MaxRateBP)
	}
	s := Stratum{ID: id, Population: n[0], RateBP: int(n[1]), Floor: n[2], Sample: n[3], Reserve: n[4], Label: f[6]}
	return s, s.check()
}
