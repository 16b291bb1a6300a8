package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"selfaudit/sampler"
)

// population writes population.tsv and findings/items.jsonl in one run over the collection.
func (f *freezing) population(ctx context.Context) error {
	start, end, err := f.a.period()
	if err != nil {
		return err
	}
	chainStart, err := sampler.ParseTime(f.a.opening.ChainStart)
	if err != nil {
		return err
	}
	m := sampler.Membership{ChainStart: chainStart, PeriodStart: start, PeriodEnd: end, Setting: sampler.IssuanceTime(f.w.cfg.Audit.IssuanceTime)}
	var earlier []io.Reader
	var sums []hash.Hash
	for _, b := range f.chain {
		file, err := os.Open(b.dir.Path(docPopulation))
		if err != nil {
			return fmt.Errorf("reading the population of audit %s: %w", b.id, err)
		}
		defer file.Close()
		sum := sha256.New()
		sums = append(sums, sum)
		earlier = append(earlier, io.TeeReader(file, sum))
		if err := f.reported(b); err != nil {
			return err
		}
	}
	pop, err := f.a.dir.Create(docPopulation)
	if err != nil {
		return err
	}
	defer pop.Abort()
	items, err := f.a.dir.Create(docItems)
	if err != nil {
		return err
	}
	defer items.Abort()
	rows := sampler.NewPopulationWriter(pop)
	lines := bufio.NewWriter(items)
	if f.records, err = f.useRecords(ctx); err != nil {
		return err
	}
	defer f.records.abort()
	if f.scts, err = f.useSCTs(); err != nil {
		return err
	}
	defer f.scts.abort()
	if f.pairings, err = f.usePairings(); err != nil {
		return err
	}
	defer f.pairings.abort()
	if f.outside, err = f.useOutside(f.pairings.past); err != nil {
		f.outside.abort()
		return err
	}
	defer f.outside.abort()
	f.result, err = f.collected.Population(ctx, m, earlier, rows.Write, func(x sampler.ItemFinding) error {
		line, err := x.Line()
		if err == nil {
			_, err = lines.Write(line)
		}
		return err
	})
	if err != nil {
		return err
	}
	for i, b := range f.chain {
		if sampler.DocHash(sums[i].Sum(nil)) != b.commitment.PopulationHash {
			return &exitError{code: exitVerify, id: "not_committed", err: fmt.Errorf("%s is not the population that audit %s committed to", b.dir.Path(docPopulation), b.id),
				hint: "bring the original back, from that audit's package: without it an item could get into two populations"}
		}
	}
	if err := f.records.finish(); err != nil {
		return err
	}
	if err := f.scts.finish(); err != nil {
		return err
	}
	if err := f.pairings.finish(); err != nil {
		return err
	}
	if err := f.outside.finish(f.result.Outside); err != nil {
		return err
	}
	if err := errors.Join(rows.Flush(), lines.Flush()); err != nil {
		return err
	}
	f.popHash, f.popCount = rows.Hash(), rows.Count()
	return errors.Join(pop.Commit(), items.Commit())
}

// reported tells the collection what the findings of an earlier audit have named already.
func (f *freezing) reported(b *audit) error {
	raw, err := b.dir.Read(docItems)
	if err != nil {
		return fmt.Errorf("reading the findings of audit %s: %w", b.id, err)
	}
	recorded, err := b.recorded()
	if err != nil {
		return err
	}
	if want := recorded[docItems]; want != sampler.HashDoc(raw).String() {
		return &exitError{code: exitVerify, id: "document_changed", err: fmt.Errorf("%s is not what audit %s recorded when it was frozen", b.dir.Path(docItems), b.id),
			hint: "bring the original back, from that audit's package"}
	}
	return f.collected.Reported(bytes.NewReader(raw))
}
