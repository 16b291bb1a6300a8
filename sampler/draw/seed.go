package draw

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"selfaudit/sampler"
)

const (
	seedMagic       = "selfaudit-seed-v1"
	contributionTag = "selfaudit-contribution-v1:auditor:"

	diceDigits           = 20 // rolls of a ten-sided die: 66 bits
	minContributionBytes = 16
	maxContributionBytes = 64
)

// BuildSeed returns the exact bytes of seed.txt (protocol section 7).
// randomness is the round's value in 64 lowercase hex digits, or exactly 20
// decimal digits with dice; contribution is the auditor's revealed value in
// hex, "" if none was committed. Nothing that the CA can vary at will goes in.
func BuildSeed(c *sampler.Commitment, randomness string, contribution string) ([]byte, error) {
	var b strings.Builder
	b.WriteString(seedMagic + "\n")
	switch c.Beacon {
	case sampler.BeaconDrand:
		if len(randomness) != 64 || !isHex(randomness) {
			return nil, errors.New("building seed: beacon randomness is not 64 lowercase hex digits")
		}
		fmt.Fprintf(&b, "beacon-chain: %s\nbeacon-round: %d\nbeacon-randomness: %s\n", c.BeaconChain, c.BeaconRound, randomness)
	case sampler.BeaconDice:
		if !isDice(randomness) {
			return nil, fmt.Errorf("building seed: want exactly %d dice digits, have %d characters", diceDigits, len(randomness))
		}
		fmt.Fprintf(&b, "dice: %s\n", randomness)
	default:
		return nil, fmt.Errorf("building seed: unknown beacon %.40q", c.Beacon)
	}
	switch {
	case c.Contribution == "" && contribution != "":
		return nil, errors.New("building seed: a contribution is revealed that was not committed")
	case c.Contribution != "" && contribution == "":
		return nil, errors.New("building seed: the committed contribution is not revealed; without it the draw is void")
	case contribution != "":
		commitment, err := CommitContribution(contribution)
		if err != nil {
			return nil, fmt.Errorf("building seed: %w", err)
		}
		if commitment != c.Contribution {
			return nil, errors.New("building seed: contribution does not open its commitment")
		}
		fmt.Fprintf(&b, "contribution: auditor %s\n", contribution)
	}
	return []byte(b.String()), nil
}

// CommitContribution returns what the auditor gives for the commitment before
// the round: the hash of the value (16 to 64 bytes in lowercase hex) that is
// revealed after it (protocol section 6.3).
func CommitContribution(valueHex string) (string, error) {
	if n := len(valueHex); n%2 != 0 || n < 2*minContributionBytes || n > 2*maxContributionBytes || !isHex(valueHex) {
		return "", fmt.Errorf("contribution must be %d to %d bytes in lowercase hex", minContributionBytes, maxContributionBytes)
	}
	sum := sha256.Sum256([]byte(contributionTag + valueHex))
	return hex.EncodeToString(sum[:]), nil
}

// ParseSeed reads seed.txt and returns its random value (64 hex digits, or 20
// dice digits) and the contribution, "" if there is none. Whether chain, round
// and contribution are the committed ones shows BuildSeed: it must give the
// same bytes.
func ParseSeed(b []byte) (randomness, contribution string, err error) {
	lines := strings.Split(string(b), "\n")
	if len(b) > 1024 || len(lines) < 3 || lines[0] != seedMagic || lines[len(lines)-1] != "" {
		return "", "", fmt.Errorf("seed.txt: not a document that begins with the line %s and ends in LF", seedMagic)
	}
	lines = lines[1 : len(lines)-1]
	if dice, ok := strings.CutPrefix(lines[0], "dice: "); ok {
		if !isDice(dice) {
			return "", "", fmt.Errorf("seed.txt: want exactly %d dice digits", diceDigits)
		}
		randomness, lines = dice, lines[1:]
	} else {
		if len(lines) < 3 || !strings.HasPrefix(lines[0], "beacon-chain: ") || !strings.HasPrefix(lines[1], "beacon-round: ") {
			return "", "", errors.New("seed.txt: want beacon-chain, beacon-round, beacon-randomness, or dice")
		}
		value, ok := strings.CutPrefix(lines[2], "beacon-randomness: ")
		if !ok || len(value) != 64 || !isHex(value) {
			return "", "", errors.New("seed.txt: beacon-randomness is not 64 lowercase hex digits")
		}
		randomness, lines = value, lines[3:]
	}
	if len(lines) > 0 {
		value, ok := strings.CutPrefix(lines[0], "contribution: auditor ")
		if !ok || len(lines) > 1 {
			return "", "", errors.New("seed.txt: only one contribution of the auditor may follow the random value")
		}
		if _, err := CommitContribution(value); err != nil {
			return "", "", fmt.Errorf("seed.txt: %w", err)
		}
		contribution = value
	}
	return randomness, contribution, nil
}

// SeedHex returns the seed: the SHA-256 of seed.txt in 64 lowercase hex digits.
func SeedHex(seedFile []byte) string {
	sum := sha256.Sum256(seedFile)
	return hex.EncodeToString(sum[:])
}

func isDice(s string) bool {
	if len(s) != diceDigits {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
