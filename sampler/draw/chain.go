package draw

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"selfaudit/sampler"
)

// CheckChain compares a draw folder with the earlier ones of its chain, newest
// first (protocol section 10.1): each previous-commitment is the hash of the
// commitment before, periods meet, chain-start is the same, no item of the
// current audit is in an earlier population. It returns notes, word for word
// as draw_reference.py does; the folders themselves are Verify's task.
func CheckChain(current fs.FS, earlier ...fs.FS) (notes []string, err error) {
	_, c, err := readCommitment(current)
	if err != nil {
		return nil, err
	}
	if err := checkOrder(c, earlier); err != nil {
		return nil, err
	}
	for i, folder := range earlier {
		hash, prev, err := readCommitment(folder)
		if err != nil {
			return nil, fmt.Errorf("earlier audit %d: %w", i+1, err)
		}
		if err := checkLink(c, prev, hash); err != nil {
			return nil, fmt.Errorf("earlier audit %d (%s): %w", i+1, prev.AuditID, err)
		}
		gone, err := comparePopulations(current, folder, prev.PopulationHash)
		if err != nil {
			return nil, fmt.Errorf("earlier audit %d (%s): %w", i+1, prev.AuditID, err)
		}
		notes = append(notes, changeNotes(c, prev)...)
		if i == 0 && gone > 0 {
			notes = append(notes, fmt.Sprintf("%d issuer keys of the previous audit have no item in this one", gone))
		}
		c = prev
	}
	if !c.PreviousCommitment.IsZero() {
		notes = append(notes, fmt.Sprintf("chain not checked before %s: give the earlier audits' folders", sampler.FormatTime(c.PeriodStart)))
	}
	return notes, nil
}

func readCommitment(folder fs.FS) (sampler.DocHash, *sampler.Commitment, error) {
	raw, err := readDocument(folder, "commitment.txt")
	if err != nil {
		return sampler.DocHash{}, nil, err
	}
	c, err := sampler.ParseCommitment(raw)
	return sampler.HashDoc(raw), c, err
}

func checkLink(c, prev *sampler.Commitment, prevHash sampler.DocHash) error {
	switch {
	case c.PreviousCommitment != prevHash:
		return errors.New("not the previous commitment")
	case prev.Mode != sampler.ModeAudit:
		return errors.New("a rehearsal is in no chain")
	case !c.PeriodStart.Equal(prev.PeriodEnd):
		return errors.New("the periods do not meet")
	case !c.ChainStart.Equal(prev.ChainStart):
		return errors.New("another chain-start")
	}
	return nil
}

func changeNotes(c, prev *sampler.Commitment) []string {
	var notes []string
	lead := func(c *sampler.Commitment) string {
		if c.DrawLeadDays == 0 {
			return "none"
		}
		return fmt.Sprint(c.DrawLeadDays)
	}
	for _, field := range []struct{ name, now, was string }{
		{"beacon", c.Beacon, prev.Beacon},
		{"beacon-chain", c.BeaconChain, prev.BeaconChain},
		{"draw-lead-days", lead(c), lead(prev)},
	} {
		if field.now != field.was {
			notes = append(notes, fmt.Sprintf("%s differs from the audit before: %s, was %s", field.name, field.now, field.was))
		}
	}
	return notes
}

// comparePopulations walks both populations side by side, for both are
// ascending. It refuses an item that is in both and an earlier file that is not
// the committed one, and returns how many issuer keys only the earlier one has.
func comparePopulations(current, earlier fs.FS, earlierHash sampler.DocHash) (gone int, err error) {
	nowFile, err := current.Open("population.tsv")
	if err != nil {
		return 0, fmt.Errorf("opening population.tsv: %w", err)
	}
	defer nowFile.Close() // only read from: nothing is lost if closing fails
	oldFile, err := earlier.Open("population.tsv")
	if err != nil {
		return 0, fmt.Errorf("opening population.tsv: %w", err)
	}
	defer oldFile.Close()
	now, old := sampler.NewPopulationReader(nowFile), sampler.NewPopulationReader(oldFile)
	a, errA := now.Next()
	b, errB := old.Next()
	keys, oldKeys := map[sampler.KeyHash]bool{}, map[sampler.KeyHash]bool{}
	for errA == nil || errB == nil {
		order := 0
		switch {
		case errA != nil && errA != io.EOF:
			return 0, errA
		case errB != nil && errB != io.EOF:
			return 0, errB
		case errA == io.EOF:
			order = 1
		case errB == io.EOF:
			order = -1
		default:
			order = a.Item.Compare(b.Item)
		}
		if order == 0 {
			return 0, fmt.Errorf("item %s is in two populations", a.Item)
		}
		if order < 0 {
			keys[a.Item.Issuer] = true
			a, errA = now.Next()
		} else {
			oldKeys[b.Item.Issuer] = true
			b, errB = old.Next()
		}
	}
	if errA != io.EOF {
		return 0, errA
	}
	if errB != io.EOF {
		return 0, errB
	}
	if old.Hash() != earlierHash {
		return 0, errors.New("population.tsv is not the committed one")
	}
	for k := range oldKeys {
		if !keys[k] {
			gone++
		}
	}
	return gone, nil
}
