package draw

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"

	"selfaudit/sampler"
)

// batchSize is how many items go to a worker at once: enough that handing them
// over costs nothing beside hashing them.
const batchSize = 2048

// Select draws the sample: within each stratum the sample+reserve items with
// the lowest (ticket, item_id), ranks from 1 (protocol section 8). It reads the
// population once to its end, hashes on all processors and keeps only the items
// that may still be drawn. The rows come in the order of sample.tsv; they
// depend on neither the order nor the partition of the work.
//
// It is an error if an item's stratum is not listed or a stratum has not the
// number of items that it lists.
func Select(pop *sampler.PopulationReader, strata []sampler.Stratum, seedHex string) ([]sampler.SampleRow, error) {
	return selectRows(pop.Next, strata, seedHex, runtime.GOMAXPROCS(0))
}

// entry is one item on its way to a worker.
type entry struct {
	stratum int
	item    sampler.ItemID
	cert    sampler.CertHash
}

func selectRows(next func() (sampler.Row, error), strata []sampler.Stratum, seedHex string, workers int) ([]sampler.SampleRow, error) {
	if len(seedHex) != 64 || !isHex(seedHex) {
		return nil, errors.New("drawing sample: seed is not 64 lowercase hex digits")
	}
	for i, s := range strata {
		if i > 0 && s.ID.Compare(strata[i-1].ID) <= 0 {
			return nil, fmt.Errorf("drawing sample: stratum %s is not strictly ascending", s.ID)
		}
		if s.Sample < 0 || s.Reserve < 0 || s.Sample > s.Population || s.Reserve > s.Population-s.Sample {
			return nil, fmt.Errorf("drawing sample: stratum %s has impossible sizes", s.ID)
		}
	}
	batches := make(chan []entry, workers)
	kept := make([][]lowest, workers)
	var wg sync.WaitGroup
	for w := range kept {
		kept[w] = newLowest(strata)
		wg.Go(func() { rank(kept[w], seedHex, batches) })
	}
	err := feed(next, strata, batches)
	close(batches)
	wg.Wait()
	if err != nil {
		return nil, fmt.Errorf("drawing sample: %w", err)
	}
	return merge(strata, kept), nil
}

func newLowest(strata []sampler.Stratum) []lowest {
	out := make([]lowest, len(strata))
	for i, s := range strata {
		out[i].k = int(s.Sample + s.Reserve)
	}
	return out
}

// feed reads the population to its end, sends it to the workers in batches and
// checks the strata's item counts.
func feed(next func() (sampler.Row, error), strata []sampler.Stratum, batches chan<- []entry) error {
	index := make(map[sampler.StratumID]int, len(strata))
	for i, s := range strata {
		index[s.ID] = i
	}
	counts := make([]int64, len(strata))
	batch := make([]entry, 0, batchSize)
	for {
		row, err := next()
		if err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		i, ok := index[row.Stratum]
		if !ok {
			return fmt.Errorf("stratum %s of item %s is not in strata.tsv", row.Stratum, row.Item)
		}
		counts[i]++
		batch = append(batch, entry{i, row.Item, row.Cert})
		if len(batch) == batchSize {
			batches <- batch
			batch = make([]entry, 0, batchSize)
		}
	}
	batches <- batch
	for i, s := range strata {
		if counts[i] != s.Population {
			return fmt.Errorf("stratum %s has %d items in population.tsv, %d in strata.tsv", s.ID, counts[i], s.Population)
		}
	}
	return nil
}

// rank is one worker: it keeps the lowest-ranked of the items that it gets.
func rank(kept []lowest, seedHex string, batches <-chan []entry) {
	t := newTicketer(seedHex)
	for batch := range batches {
		for _, e := range batch {
			kept[e.stratum].offer(drawn{t.ticket(e.item), e.item, e.cert})
		}
	}
}

// merge ranks what the workers kept. Each of them has kept the lowest of its
// share, so the lowest of all are among them.
func merge(strata []sampler.Stratum, kept [][]lowest) []sampler.SampleRow {
	var rows []sampler.SampleRow
	for i, s := range strata {
		var all []drawn
		for _, worker := range kept {
			all = append(all, worker[i].heap...)
			worker[i].heap = nil
		}
		slices.SortFunc(all, func(a, b drawn) int { return a.compare(&b) })
		for j, d := range all[:min(len(all), int(s.Sample+s.Reserve))] {
			role := sampler.RoleSample
			if int64(j) >= s.Sample {
				role = sampler.RoleReserve
			}
			rows = append(rows, sampler.SampleRow{Stratum: s.ID, Rank: int64(j) + 1, Role: role, Ticket: d.ticket, Item: d.item, Cert: d.cert})
		}
	}
	return rows
}
