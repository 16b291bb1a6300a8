package draw

import (
	"errors"
	"fmt"
	"strings"

	"selfaudit/sampler"
)

// auditorMagic begins the seed document of an auditor's own draw. It differs from
// seedMagic in the first line, so that no such document is ever a seed.txt of a CA, and
// no draw of the one can be passed off as the other.
const auditorMagic = "selfaudit-auditor-seed-v1"

// AuditorSeed returns the seed document of a draw that an auditor makes for himself from
// a sealed population (docs/format-draw.md, appendix A): the population's hash and the 20
// digits that he rolled. Its SHA-256 in hex is the seed, SeedHex; tickets are those of
// protocol section 8.
func AuditorSeed(population sampler.DocHash, dice string) ([]byte, error) {
	if !isDice(dice) {
		return nil, fmt.Errorf("building the auditor's seed: want exactly %d dice digits, have %d characters", diceDigits, len(dice))
	}
	return fmt.Appendf(nil, "%s\npopulation-sha256: %s\ndice: %s\n", auditorMagic, population, dice), nil
}

// ParseAuditorSeed reads what AuditorSeed wrote, and nothing else.
func ParseAuditorSeed(b []byte) (population sampler.DocHash, dice string, err error) {
	lines := strings.Split(string(b), "\n")
	if len(b) > 1024 || len(lines) != 4 || lines[0] != auditorMagic || lines[3] != "" {
		return population, "", fmt.Errorf("auditor's seed: not a document of three lines that begins with %s and ends in LF", auditorMagic)
	}
	hash, isHash := strings.CutPrefix(lines[1], "population-sha256: ")
	dice, isRolls := strings.CutPrefix(lines[2], "dice: ")
	if !isHash || !isRolls {
		return population, "", errors.New("auditor's seed: want population-sha256, then dice")
	}
	if population, err = sampler.ParseDocHash(hash); err != nil {
		return population, "", fmt.Errorf("auditor's seed: %w", err)
	}
	if !isDice(dice) {
		return population, "", fmt.Errorf("auditor's seed: want exactly %d dice digits", diceDigits)
	}
	return population, dice, nil
}

// AuditorStrata returns the sealed strata with the sizes of an auditor's own draw: size
// items of each (all, if there are fewer) or, if size is 0, rateBP basis points rounded
// up; with both 0 the sizes that the CA drew. only, if not empty, names the strata to
// draw from; from the others nothing is drawn. There is no reserve.
func AuditorStrata(strata []sampler.Stratum, only []sampler.StratumID, size int64, rateBP int) ([]sampler.Stratum, error) {
	if size < 0 || rateBP < 0 || rateBP > sampler.MaxRateBP || size > 0 && rateBP > 0 {
		return nil, errors.New("sizing the auditor's draw: either a size of at least 1, or a rate above 0 and up to all")
	}
	wanted := map[sampler.StratumID]bool{}
	for _, id := range only {
		wanted[id] = true
	}
	out := make([]sampler.Stratum, len(strata))
	for i, s := range strata {
		out[i] = s
		out[i].Reserve = 0
		switch {
		case len(only) > 0 && !wanted[s.ID]:
			out[i].Sample = 0
		case size > 0:
			out[i].Sample = min(size, s.Population)
		case rateBP > 0:
			out[i].Sample = sampler.SampleSize(s.Population, rateBP, 1)
		}
		delete(wanted, s.ID)
	}
	for _, id := range only {
		if wanted[id] {
			return nil, fmt.Errorf("sizing the auditor's draw: the population has no stratum %s", id)
		}
	}
	return out, nil
}
