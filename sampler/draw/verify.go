package draw

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"

	"selfaudit/sampler"
)

// maxDocument bounds every document of a draw folder but the population, which
// is streamed.
const maxDocument = 1 << 30

// Result is what Verify derived again.
type Result struct {
	Commitment     *sampler.Commitment
	CommitmentHash sampler.DocHash
	Strata         []sampler.Stratum
	SeedHex        string
	Sample         []sampler.SampleRow
	SampleHash     sampler.DocHash
	Late           int64    // items issued before period-start
	Notes          []string // Notes of the commitment, then ClosingNotes
}

// Verify derives a draw folder again (commitment.txt, population.tsv,
// strata.tsv, snapshot.json, beacon.json, seed.txt, sample.tsv) and compares:
// everything that draw_reference.py verifies, and the BLS signature of the round
// (protocol section 10). The first contradiction is the error.
func Verify(folder fs.FS) (*Result, error) {
	raw, err := readDocument(folder, "commitment.txt")
	if err != nil {
		return nil, err
	}
	r := &Result{CommitmentHash: sampler.HashDoc(raw)}
	if r.Commitment, err = sampler.ParseCommitment(raw); err != nil {
		return nil, err
	}
	if r.Strata, err = committedStrata(folder, r.Commitment); err != nil {
		return nil, err
	}
	seed, err := committedSeed(folder, r.Commitment)
	if err != nil {
		return nil, err
	}
	r.SeedHex = SeedHex(seed)
	if err := r.drawAgain(folder); err != nil {
		return nil, err
	}
	sample, err := readDocument(folder, "sample.tsv")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(sample, sampler.FormatSample(r.Sample)) {
		return nil, errors.New("sample.tsv differs from the sample derived again")
	}
	r.SampleHash = sampler.HashDoc(sample)
	r.Notes = append(Notes(r.Commitment, r.Strata, r.Late), ClosingNotes(r.Commitment)...)
	return r, nil
}

// committedStrata reads strata.tsv and checks it and snapshot.json against the commitment.
func committedStrata(folder fs.FS, c *sampler.Commitment) ([]sampler.Stratum, error) {
	raw, err := readDocument(folder, "strata.tsv")
	if err != nil {
		return nil, err
	}
	if sampler.HashDoc(raw) != c.StrataHash {
		return nil, errors.New("strata.tsv is not the committed one")
	}
	strata, err := sampler.ParseStrata(raw)
	if err != nil {
		return nil, err
	}
	if int64(len(strata)) != c.StrataCount {
		return nil, fmt.Errorf("strata.tsv has %d strata, the commitment says %d", len(strata), c.StrataCount)
	}
	snapshot, err := readDocument(folder, "snapshot.json")
	if err != nil {
		return nil, err
	}
	if sampler.HashDoc(snapshot) != c.SnapshotHash {
		return nil, errors.New("snapshot.json is not the committed one")
	}
	return strata, nil
}

// committedSeed checks beacon.json and seed.txt against the commitment and
// returns seed.txt.
func committedSeed(folder fs.FS, c *sampler.Commitment) ([]byte, error) {
	seed, err := readDocument(folder, "seed.txt")
	if err != nil {
		return nil, err
	}
	randomness, contribution, err := ParseSeed(seed)
	if err != nil {
		return nil, err
	}
	want, err := BuildSeed(c, randomness, contribution)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(seed, want) {
		return nil, errors.New("seed.txt is not what commitment and random value give")
	}
	if c.Beacon == sampler.BeaconDice {
		return seed, nil
	}
	raw, err := readDocument(folder, "beacon.json")
	if err != nil {
		return nil, err
	}
	beacon, err := ParseBeacon(raw)
	if err != nil {
		return nil, err
	}
	chain, ok := sampler.ChainByHash(c.BeaconChain)
	if !ok {
		return nil, fmt.Errorf("unknown beacon chain %s", c.BeaconChain)
	}
	if err := VerifyBeacon(chain, c.BeaconRound, beacon); err != nil {
		return nil, err
	}
	if hex.EncodeToString(beacon.Randomness) != randomness {
		return nil, errors.New("seed.txt and beacon.json have different randomness")
	}
	return seed, nil
}

// drawAgain reads the population once: it checks every item against the chain
// and the period, counts the late ones and draws the sample.
func (r *Result) drawAgain(folder fs.FS) error {
	f, err := folder.Open("population.tsv")
	if err != nil {
		return fmt.Errorf("opening population.tsv: %w", err)
	}
	defer f.Close() // only read from: nothing is lost if closing fails
	pop, c := sampler.NewPopulationReader(f), r.Commitment
	next := func() (sampler.Row, error) {
		row, err := pop.Next()
		if err != nil {
			return row, err
		}
		if row.Issued.Before(c.ChainStart) || !row.Issued.Before(c.PeriodEnd) {
			return row, fmt.Errorf("population.tsv: item %s, issued %s, is outside the chain or the period", row.Item, sampler.FormatTime(row.Issued))
		}
		if row.Issued.Before(c.PeriodStart) {
			r.Late++
		}
		return row, nil
	}
	if r.Sample, err = selectRows(next, r.Strata, r.SeedHex, runtime.GOMAXPROCS(0)); err != nil {
		return err
	}
	if pop.Hash() != c.PopulationHash {
		return errors.New("population.tsv is not the committed one")
	}
	if pop.Count() != c.PopulationCount {
		return fmt.Errorf("population.tsv has %d items, the commitment says %d", pop.Count(), c.PopulationCount)
	}
	return nil
}

func readDocument(folder fs.FS, name string) ([]byte, error) {
	f, err := folder.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, err)
	}
	defer f.Close() // only read from: nothing is lost if closing fails
	b, err := io.ReadAll(io.LimitReader(f, maxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(b) > maxDocument {
		return nil, fmt.Errorf("reading %s: larger than %d bytes", name, maxDocument)
	}
	return b, nil
}
