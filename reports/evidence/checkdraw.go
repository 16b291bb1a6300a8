package evidence

import (
	"bytes"
	"fmt"
	"slices"

	"selfaudit/sampler"
	"selfaudit/sampler/draw"
)

// checkBeacon verifies the public randomness and that the seed is made of it.
func (v *verifier) checkBeacon() {
	c := v.docs.commitment
	if c == nil {
		v.refused("randomness", "the commitment")
		return
	}
	raw := v.read("seed", "draw/seed.txt")
	if raw == nil {
		return
	}
	randomness, contribution, err := draw.ParseSeed(raw)
	if err == nil {
		err = sameBytes(raw, func() ([]byte, error) { return draw.BuildSeed(c, randomness, contribution) })
	}
	if err != nil {
		v.fail("seed", "%v", err)
		return
	}
	v.ok("seed", "made of the committed beacon and nothing else; %s", draw.SeedHex(raw))
	if c.Beacon == sampler.BeaconDice {
		v.docs.seedHex = draw.SeedHex(raw)
		v.report.add("randomness", Compare, "dice %s: compare with what the witness of the rolls wrote down", randomness)
		return
	}
	if err := v.verifyBeacon(c, "draw/beacon.json", randomness); err != nil {
		v.fail("randomness", "%v", err)
		return
	}
	v.docs.seedHex = draw.SeedHex(raw)
	chain, _ := sampler.ChainByHash(c.BeaconChain)
	v.ok("randomness", "drand %s round %d: signature verifies under the pinned key", chain.Name, c.BeaconRound)
}

// verifyBeacon checks a drand answer against the commitment and the seed's randomness.
func (v *verifier) verifyBeacon(c *sampler.Commitment, name, randomness string) error {
	raw, err := v.data.ReadFile(name)
	if err != nil {
		return err
	}
	chain, known := sampler.ChainByHash(c.BeaconChain)
	if !known {
		return fmt.Errorf("unknown beacon chain %s", c.BeaconChain)
	}
	b, err := draw.ParseBeacon(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := draw.VerifyBeacon(chain, c.BeaconRound, b); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if got := fmt.Sprintf("%x", b.Randomness); got != randomness {
		return fmt.Errorf("%s: randomness %s, the seed is made of %s", name, got, randomness)
	}
	return nil
}

// checkSample draws again and compares every byte.
func (v *verifier) checkSample() {
	const name = "sample"
	if !v.data.has("draw/sample.tsv") {
		v.missing(name, "draw/sample.tsv")
		return
	}
	if v.docs.strata == nil || v.docs.seedHex == "" || v.docs.population == nil {
		v.refused(name, "population, strata or seed")
		return
	}
	if err := v.redraw("draw", v.docs.strata, v.docs.seedHex); err != nil {
		v.fail(name, "%v", err)
		return
	}
	var sampled, reserve int
	for _, r := range v.docs.sample {
		if r.Role == sampler.RoleSample {
			sampled++
		} else {
			reserve++
		}
	}
	v.ok(name, "drawn again with the same result: %s and %d in reserve", sampler.Counted(sampled, "item", "items"), reserve)
}

// redraw selects from a draw folder's population and compares with its sample.tsv.
func (v *verifier) redraw(dir string, strata []sampler.Stratum, seedHex string) error {
	f, err := v.data.Open(dir + "/population.tsv")
	if err != nil {
		return err
	}
	defer f.Close()
	rows, err := draw.Select(sampler.NewPopulationReader(f), strata, seedHex)
	if err != nil {
		return err
	}
	got, err := v.data.ReadFile(dir + "/sample.tsv")
	if err != nil {
		return err
	}
	if want := sampler.FormatSample(rows); !bytes.Equal(got, want) {
		return fmt.Errorf("%s/sample.tsv differs from the sample drawn again, first in line %d", dir, firstDifference(got, want))
	}
	return nil
}

// maxSnapshotNotes bounds how many of the snapshot's own notes are repeated.
const maxSnapshotNotes = 20

// checkNotes prints every choice of the CA's that is not the protocol's default
// (protocol 10.1), and every circumstance that the snapshot records.
func (v *verifier) checkNotes() {
	c, s := v.docs.commitment, v.docs.snapshot
	if c == nil {
		return
	}
	late := int64(0)
	if v.docs.population != nil {
		late = v.docs.population.late
	}
	for _, n := range slices.Concat(draw.Notes(c, v.docs.strata, late), draw.CodeSigningNotes(v.docs.strata), draw.ClosingNotes(c)) {
		v.note("draw", "%s", n)
	}
	if s == nil {
		return
	}
	if s.IssuanceTime == sampler.IssuedByNotBefore {
		v.note("issuance time", "the CA chose notBefore over the CT time: it chooses these times itself; %s left out by it were logged later than the chain's start", sampler.Counted(s.Counts.Predated, "item", "items"))
	}
	told := v.chainStart()
	for _, l := range s.Logs {
		if l.OperatedByCA {
			v.note("logs", "the CA operates log %s (%s): its times alone take no item out (protocol 3.1)", l.LogID, l.URL)
		}
		if l.Status == sampler.LogExcluded {
			v.note("logs", "%s (%s) was excluded: %s", l.URL, l.LogID, l.Reason)
		}
	}
	for _, u := range s.UnreadLogs {
		v.note("logs", "log %s was not read, but SCTs of %d items name it", u.LogID, u.SCTs)
	}
	if n := s.Counts.Unreadable; n > 0 {
		v.note("population", "%s could not be read and are in no stratum", sampler.Counted(n, "certificate", "certificates"))
	}
	if s.Clock == sampler.ClockGiven || v.bag.Clock == sampler.ClockGiven {
		v.note("clock", "times were given by hand (--now), not taken from the system's clock")
	}
	notes := slices.DeleteFunc(slices.Clone(s.Notes), func(n string) bool { return told[n] })
	for i, n := range notes {
		if i == maxSnapshotNotes {
			v.note("snapshot", "and %d more notes in snapshot.json", len(notes)-i)
			break
		}
		v.note("snapshot", "%s", n)
	}
}
