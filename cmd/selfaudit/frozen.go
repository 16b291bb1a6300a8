package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"selfaudit/reports/evidence"
	"selfaudit/sampler"
	"selfaudit/sampler/draw"
)

// maxFrozenDocument bounds each document of a package that is read whole.
const maxFrozenDocument = 1 << 28

// frozenAudit is what a frozen audit's documents say about its population and sample,
// in an audit folder or in a package. The population itself is streamed.
type frozenAudit struct {
	fsys       fs.FS
	close      func() error
	where      string // for messages
	commitment *sampler.Commitment
	commitHash sampler.DocHash
	snapshot   *sampler.Snapshot
	strata     []sampler.Stratum
	drawn      bool
	seed       string // hex; "" before the draw
	sample     map[sampler.ItemID]sampler.SampleRow
	last       map[sampler.StratumID]sampler.SampleRow // the sample's last row of each stratum
}

// openFrozen opens the package or audit folder at a path; where there is none, an audit of
// the workspace by its id.
func (e *env) openFrozen(ctx context.Context, name string) (*frozenAudit, error) {
	path := name
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && sampler.ValidAuditID(name) {
		if inside := filepath.Join(e.auditsPath(), name); isDir(inside) {
			path = inside
		}
	}
	docs, err := evidence.OpenDocuments(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usageErrorf("name a package (zip or folder), an audit's folder, or an audit of the workspace", "%q: %w", name, err)
	}
	var unreadable *fs.PathError
	if errors.As(err, &unreadable) {
		return nil, err
	}
	if err != nil {
		return nil, &exitError{code: exitVerify, id: "package_failed", err: err, hint: "`selfaudit verify` says more"}
	}
	f, err := readFrozen(docs.FS, name)
	if err != nil {
		return nil, errors.Join(err, docs.Close())
	}
	f.close = docs.Close
	return f, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// readFrozen reads the documents and holds them against the commitment.
func readFrozen(fsys fs.FS, where string) (*frozenAudit, error) {
	f := &frozenAudit{fsys: fsys, where: where, close: func() error { return nil },
		sample: map[sampler.ItemID]sampler.SampleRow{}, last: map[sampler.StratumID]sampler.SampleRow{}}
	raw, err := f.read(docCommitment)
	if err != nil {
		return nil, err
	}
	f.commitHash = sampler.HashDoc(raw)
	if f.commitment, err = sampler.ParseCommitment(raw); err != nil {
		return nil, f.broken(docCommitment, err)
	}
	if raw, err = f.committed(docStrata, f.commitment.StrataHash); err != nil {
		return nil, err
	}
	if f.strata, err = sampler.ParseStrata(raw); err != nil {
		return nil, f.broken(docStrata, err)
	}
	if raw, err = f.committed(docSnapshot, f.commitment.SnapshotHash); err != nil {
		return nil, err
	}
	if f.snapshot, err = sampler.ParseSnapshot(raw); err != nil {
		return nil, f.broken(docSnapshot, err)
	}
	return f, f.readSample()
}

// readSample reads seed and sample, if the audit is drawn.
func (f *frozenAudit) readSample() error {
	raw, err := f.read(docSample)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	rows, err := sampler.ParseSample(raw)
	if err != nil {
		return f.broken(docSample, err)
	}
	if raw, err = f.read(docSeed); err != nil {
		return err
	}
	f.drawn, f.seed = true, draw.SeedHex(raw)
	for _, r := range rows {
		if r.Ticket != draw.Ticket(f.seed, r.Item) {
			return f.broken(docSample, fmt.Errorf("the ticket of item %s does not follow from seed.txt", r.Item))
		}
		f.sample[r.Item] = r
		if r.Role == sampler.RoleSample {
			f.last[r.Stratum] = r // ranks ascend
		}
	}
	return nil
}

func (f *frozenAudit) read(name string) ([]byte, error) {
	file, err := f.fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.where, err)
	}
	defer file.Close() // only read from: nothing is lost if closing fails
	raw, err := io.ReadAll(io.LimitReader(file, maxFrozenDocument+1))
	if err == nil && len(raw) > maxFrozenDocument {
		err = fmt.Errorf("larger than %d bytes", maxFrozenDocument)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: reading %s: %w", f.where, name, err)
	}
	return raw, nil
}

// committed reads a document that the commitment names by its hash.
func (f *frozenAudit) committed(name string, want sampler.DocHash) ([]byte, error) {
	raw, err := f.read(name)
	if err == nil && sampler.HashDoc(raw) != want {
		err = f.broken(name, errors.New("is not the committed one"))
	}
	return raw, err
}

func (f *frozenAudit) broken(name string, err error) error {
	return &exitError{code: exitVerify, id: "not_committed", err: fmt.Errorf("%s: %s: %w", f.where, name, err),
		hint: "bring back the documents as freeze and draw wrote them; `selfaudit verify` checks a package in full"}
}

// population opens the frozen population. end, called after io.EOF, compares it with the
// commitment.
func (f *frozenAudit) population() (r *sampler.PopulationReader, end func() error, err error) {
	file, err := f.fsys.Open(docPopulation)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", f.where, err)
	}
	r = sampler.NewPopulationReader(file)
	return r, func() error {
		if r.Hash() != f.commitment.PopulationHash || r.Count() != f.commitment.PopulationCount {
			return f.broken(docPopulation, errors.New("is not the committed one"))
		}
		return nil
	}, nil
}

// stratum finds a stratum by its id or by its label, whichever case.
func (f *frozenAudit) stratum(text string) (sampler.StratumID, error) {
	var labels []string
	for _, s := range f.strata {
		if s.ID.String() == text || strings.EqualFold(s.Label, text) || strings.EqualFold(s.Text(), text) {
			return s.ID, nil
		}
		labels = append(labels, s.Text())
	}
	return sampler.StratumID{}, usageErrorf("the strata are: "+strings.Join(labels, ", "), "there is no stratum %q in audit %s", text, f.commitment.AuditID)
}

// label is the stratum's name for people.
func (f *frozenAudit) label(id sampler.StratumID) string {
	i, found := slices.BinarySearchFunc(f.strata, id, func(s sampler.Stratum, id sampler.StratumID) int { return s.ID.Compare(id) })
	if !found {
		return id.String()
	}
	return f.strata[i].Text()
}

// exists says whether a document is there.
func (f *frozenAudit) exists(name string) bool {
	_, err := fs.Stat(f.fsys, name)
	return err == nil
}
