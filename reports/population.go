package reports

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"

	"selfaudit/sampler"
)

const populationName = "draw/population.tsv"

// AllRows streams the frozen population in the order of the file. It stops at the first
// error, which it yields with a zero row.
func (a *Audit) AllRows() iter.Seq2[sampler.Row, error] {
	return stream(a.fsys, populationName, sampler.NewPopulationReader)
}

// stream gives what a reader of a document of the audit reads, to the first error, which
// comes with a zero value.
func stream[T any, R interface{ Next() (T, error) }](fsys fs.FS, name string, open func(io.Reader) R) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		f, err := fsys.Open(name)
		if err != nil {
			yield(none, fmt.Errorf("reading %s: %w", name, err))
			return
		}
		defer f.Close()
		for r := open(f); ; {
			v, err := r.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(none, fmt.Errorf("reading %s: %w", name, err))
				return
			}
			if !yield(v, nil) {
				return
			}
		}
	}
}

// loadPopulation reads the population once: it proves that the file is the one that
// was committed, and takes the rows of the items the other documents name.
func (a *Audit) loadPopulation() error {
	f, err := a.fsys.Open(populationName)
	if err != nil {
		return fmt.Errorf("reading %s: %w", populationName, err)
	}
	defer f.Close()
	r := sampler.NewPopulationReader(f)
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", populationName, err)
		}
		a.Population.Count++
		if it, ok := a.byItem[row.Item]; ok {
			it.InPopulation, it.Row = true, row
		}
	}
	a.Population.SHA256 = r.Hash()
	if c := a.Commitment; a.Population.SHA256 != c.PopulationHash || a.Population.Count != c.PopulationCount {
		return fmt.Errorf("reading %s: %d items with SHA-256 %s, but draw/commitment.txt says %d items and %s; the document was changed after it was frozen",
			populationName, a.Population.Count, a.Population.SHA256, c.PopulationCount, c.PopulationHash)
	}
	for _, s := range a.Sample {
		it := a.byItem[s.Item]
		switch {
		case !it.InPopulation:
			return fmt.Errorf("reading draw/sample.tsv: item %s is not in %s", s.Item, populationName)
		case it.Row.Stratum != s.Stratum || it.Row.Cert != s.Cert:
			return fmt.Errorf("reading draw/sample.tsv: item %s has another stratum or certificate there than in %s", s.Item, populationName)
		}
	}
	return nil
}
