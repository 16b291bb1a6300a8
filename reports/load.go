package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/pelletier/go-toml/v2"

	"selfaudit/internal/jsonlines"
	"selfaudit/internal/terminal"
	"selfaudit/lint"
	"selfaudit/sampler"
	"selfaudit/sampler/draw"
)

// maxDocument bounds every document that is read into memory at once.
const maxDocument = 1 << 30

// Load reads an audit folder, or the data/ folder of an evidence package. It needs
// what freeze writes; documents of later stages that do not exist yet are open
// points, not errors. A document that exists must parse strictly and fit the
// others (hashes in the commitment, items in the population, results for known
// certificates): the error names the file.
func Load(fsys fs.FS) (*Audit, error) {
	a := &Audit{fsys: fsys, byItem: map[sampler.ItemID]*Item{}, stratums: map[sampler.StratumID]int{}}
	for _, step := range []func() error{
		a.loadOpening, a.loadConfig, a.loadTables, a.loadRegister, a.loadFrozen, a.loadReconciliation, a.loadDraw, a.loadVoided,
		a.loadItemFindings, a.loadSightings, a.loadPopulation, a.loadCertificates, a.loadLint, a.loadPopulationLint, a.loadOpinion, a.joinFindings, a.loadWaivers,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	a.waive()
	return a, nil
}

// read returns a document's bytes; ok is false if it does not exist.
func (a *Audit) read(name string) (data []byte, ok bool, err error) {
	f, err := a.fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("reading %s: %w", name, err)
	}
	defer f.Close()
	data, err = io.ReadAll(io.LimitReader(f, maxDocument+1))
	if err == nil && len(data) > maxDocument {
		err = fmt.Errorf("larger than %d bytes, which no document of an audit is", maxDocument)
	}
	if err != nil {
		return nil, false, fmt.Errorf("reading %s: %w", name, err)
	}
	return data, true, nil
}

// need is read for a document without which there is no audit to report on.
func (a *Audit) need(name string) ([]byte, error) {
	data, ok, err := a.read(name)
	if err == nil && !ok {
		err = fmt.Errorf("reading %s: no such document: the stage that writes it has not been done, or it was removed", name)
	}
	return data, err
}

func (a *Audit) loadOpening() error {
	data, ok, err := a.read("audit.json")
	if err != nil || !ok {
		return err
	}
	if a.Opening, err = sampler.ParseOpening(data); err != nil {
		return fmt.Errorf("reading %w", err)
	}
	return nil
}

// loadConfig takes what a report needs from the configuration: the CA's name, and the newest
// release of the linter as the CA states it.
func (a *Audit) loadConfig() error {
	const name = "config/selfaudit.toml"
	data, ok, err := a.read(name)
	if err != nil || !ok {
		return err
	}
	var config struct {
		CA struct {
			Name string `toml:"name"`
		} `toml:"ca"`
		Lint struct {
			NewestZlint string `toml:"newest_zlint"`
			Released    string `toml:"released"`
		} `toml:"lint"`
	}
	if err := toml.Unmarshal(data, &config); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	a.CA = terminal.Escape(config.CA.Name)
	a.NewestZlint, a.ZlintReleased = terminal.Escape(config.Lint.NewestZlint), terminal.Escape(config.Lint.Released)
	return nil
}

func (a *Audit) loadFrozen() error {
	commitment, err := a.need("draw/commitment.txt")
	if err != nil {
		return err
	}
	a.CommitHash = sampler.HashDoc(commitment)
	if a.Commitment, err = sampler.ParseCommitment(commitment); err != nil {
		return fmt.Errorf("reading draw/commitment.txt: %w", err)
	}
	strata, err := a.need("draw/strata.tsv")
	if err != nil {
		return err
	}
	if a.StrataHash, err = fits("draw/strata.tsv", strata, a.Commitment.StrataHash); err != nil {
		return err
	}
	if a.Strata, err = sampler.ParseStrata(strata); err != nil {
		return fmt.Errorf("reading draw/strata.tsv: %w", err)
	}
	for i, s := range a.Strata {
		a.stratums[s.ID] = i
	}
	snapshot, err := a.need("draw/snapshot.json")
	if err != nil {
		return err
	}
	if a.SnapHash, err = fits("draw/snapshot.json", snapshot, a.Commitment.SnapshotHash); err != nil {
		return err
	}
	if a.Snapshot, err = sampler.ParseSnapshot(snapshot); err != nil {
		return fmt.Errorf("reading draw/snapshot.json: %w", err)
	}
	return nil
}

// fits compares a document with the hash the commitment states for it.
func fits(name string, data []byte, committed sampler.DocHash) (sampler.DocHash, error) {
	h := sampler.HashDoc(data)
	if h != committed {
		return h, fmt.Errorf("reading %s: its SHA-256 is %s, but draw/commitment.txt says %s; the document was changed after it was frozen", name, h, committed)
	}
	return h, nil
}

func (a *Audit) loadDraw() error {
	sample, ok, err := a.read("draw/sample.tsv")
	if err != nil || !ok {
		return err
	}
	a.Drawn = true
	a.SampleHash = sampler.HashDoc(sample)
	if a.Sample, err = sampler.ParseSample(sample); err != nil {
		return fmt.Errorf("reading draw/sample.tsv: %w", err)
	}
	for _, r := range a.Sample {
		it := a.item(r.Item)
		if it.Rank != 0 {
			return fmt.Errorf("reading draw/sample.tsv: item %s has two rows", r.Item)
		}
		it.Rank, it.Role = r.Rank, r.Role
	}
	seed, err := a.need("draw/seed.txt")
	if err != nil {
		return err
	}
	a.Randomness.Seed = draw.SeedHex(seed)
	if a.Randomness.Value, a.Randomness.Contribution, err = draw.ParseSeed(seed); err != nil {
		return fmt.Errorf("reading draw/seed.txt: %w", err)
	}
	raw, ok, err := a.read("draw/beacon.json")
	if err != nil || !ok || a.Commitment.Beacon != sampler.BeaconDrand {
		return err
	}
	beacon, err := draw.ParseBeacon(raw)
	if err != nil {
		return fmt.Errorf("reading draw/beacon.json: %w", err)
	}
	a.Randomness.Signature = fmt.Sprintf("%x", beacon.Signature)
	return nil
}

// loadVoided reads the record of every given-up draw, draw/void-1 onwards.
func (a *Audit) loadVoided() error {
	for n := 1; ; n++ {
		folder := fmt.Sprintf("draw/void-%d", n)
		if _, err := fs.Stat(a.fsys, folder); errors.Is(err, fs.ErrNotExist) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading %s: %w", folder, err)
		}
		v := VoidedDraw{Folder: folder}
		if data, ok, err := a.read(folder + "/commitment.txt"); err != nil {
			return err
		} else if ok {
			v.Commitment = sampler.HashDoc(data)
		}
		data, ok, err := a.read(folder + "/void.json")
		if err != nil {
			return err
		}
		if ok {
			var record struct {
				Reason   string `json:"reason"`
				Ground   string `json:"ground"`
				VoidedAt string `json:"voided_at"`
			}
			if err := json.Unmarshal(data, &record); err != nil {
				return fmt.Errorf("reading %s/void.json: %w", folder, err)
			}
			v.Reason, v.Ground, v.VoidedAt = terminal.Escape(record.Reason), terminal.Escape(record.Ground), terminal.Escape(record.VoidedAt)
		}
		a.Voided = append(a.Voided, v)
	}
}

func (a *Audit) loadItemFindings() error {
	data, ok, err := a.read("findings/items.jsonl")
	if err != nil || !ok {
		return err
	}
	if a.ItemFindings, err = sampler.ParseItemFindings(bytes.NewReader(data)); err != nil {
		return fmt.Errorf("reading findings/%w", err)
	}
	for _, f := range a.ItemFindings {
		a.item(f.ItemID)
	}
	return nil
}

func (a *Audit) loadSightings() error {
	data, ok, err := a.read("ct/sightings.jsonl")
	if err != nil || !ok {
		return err
	}
	a.Gathered = true
	if a.Sightings, err = sampler.ParseSightings(bytes.NewReader(data)); err != nil {
		return fmt.Errorf("reading ct/%w", err)
	}
	return nil
}

func (a *Audit) loadLint() error {
	if data, ok, err := a.read("lint/linter.json"); err != nil {
		return err
	} else if ok {
		a.Linter = new(lint.Info)
		if err := jsonlines.Decode(data, a.Linter); err != nil {
			return fmt.Errorf("reading lint/linter.json: %w", err)
		}
	}
	if a.Linter != nil && a.Linter.AuditInfo != nil {
		a.ruleSets = map[string]lint.RuleSet{}
		for _, set := range a.Linter.RuleSets {
			a.ruleSets[set.Name] = set
		}
	}
	if _, err := fs.Stat(a.fsys, resultsName); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	a.Linted = true
	var err error
	if a.Results, err = a.results(resultsName); err == nil {
		a.AsIf, err = a.results(asIfName)
	}
	return err
}

// The documents with lint results.
const (
	resultsName = "lint/results.jsonl"
	asIfName    = "lint/as-if.jsonl"
)

// results reads a document of lint results. A judgement "as if" among those as issued, or the
// other way round, is refused: they must never be mixed.
func (a *Audit) results(name string) ([]lint.Result, error) {
	day := ""
	if name == asIfName {
		if day, _ = a.AuditDay(); day == "" {
			day = "the audit's day, which lint/linter.json does not name"
		}
	}
	var list []lint.Result
	err := a.lines(name, func(line []byte) error {
		var r lint.Result
		if err := jsonlines.Decode(line, &r); err != nil {
			return err
		}
		if r.AsIf != day {
			return fmt.Errorf("a judgement as if issued on %q, due is %q", r.AsIf, day)
		}
		list = append(list, r)
		return nil
	})
	return list, err
}

// lines calls fn for each line of a JSON Lines document; a missing document has none.
func (a *Audit) lines(name string, fn func(line []byte) error) error {
	data, ok, err := a.read(name)
	if err != nil || !ok {
		return err
	}
	err = jsonlines.Each(bytes.NewReader(data), len(data), func(_ int, line []byte) error { return fn(line) })
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	return nil
}
