package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"selfaudit/sampler"
	"selfaudit/sampler/draw"
)

// drawItems is the population that is drawn from.
const drawItems = 1_000_000

func drawSection(b *bench) error {
	dir := filepath.Join(b.dir, "draw")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if _, err := b.child("prepare-draw", spec{Dir: dir, N: drawItems}); err != nil {
		return err
	}
	lines := []contender{
		{label: "selfaudit draw.Select, population.tsv read from disk", child: "draw", spec: spec{Dir: dir}},
		{label: "  of it: reading and checking population.tsv", child: "draw-read", spec: spec{Dir: dir}, base: 1},
	}
	if err := b.compete(lines); err != nil {
		return err
	}
	b.write(fmt.Sprintf("draw: %s items in 6 strata, %s drawn", group(drawItems), group(lines[0].samples[0].Found)), "item", "items", lines)
	return nil
}

// prepareDraw writes a population of N items and its strata.
func prepareDraw(s spec) (_ sample, err error) {
	f, err := os.Create(filepath.Join(s.Dir, "population.tsv"))
	if err != nil {
		return sample{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := sampler.NewPopulationWriter(f)
	counts := map[sampler.StratumID]int64{}
	const issuers = 3
	classes := []sampler.Class{sampler.ClassDV, sampler.ClassOV}
	for i := range s.N {
		issuer := i * issuers / s.N
		row := populationRow(byte(0x20+issuer), i, classes[i%2])
		counts[row.Stratum]++
		if err := w.Write(row); err != nil {
			return sample{}, err
		}
	}
	if err := w.Flush(); err != nil {
		return sample{}, err
	}
	strata, err := sampler.Rules{}.Plan(counts)
	if err != nil {
		return sample{}, err
	}
	raw, err := sampler.FormatStrata(strata)
	if err != nil {
		return sample{}, err
	}
	return sample{Work: w.Count()}, os.WriteFile(filepath.Join(s.Dir, "strata.tsv"), raw, 0o644)
}

// populationRow is row i: serials of 16 octets, ascending with i.
func populationRow(issuer byte, i int, class sampler.Class) sampler.Row {
	var serial [16]byte
	binary.BigEndian.PutUint64(serial[:], 1<<62+uint64(i)<<40)
	copy(serial[8:], stream(fmt.Sprint(i), 8))
	var key sampler.KeyHash
	for j := range key {
		key[j] = issuer
	}
	at := logStart.Add(time.Duration(i) * time.Second)
	return sampler.Row{Item: sampler.ItemID{Issuer: key, Serial: sampler.SerialFromInteger(serial[:])}, Stratum: sampler.StratumID{Issuer: key, Class: class},
		Form: sampler.FormFinal, Cert: sampler.HashCert(serial[:]), Issued: at, NotBefore: at.Add(-time.Hour), NotAfter: at.AddDate(0, 0, 90)}
}

// drawChild draws the sample, streaming the population from disk.
func drawChild(s spec) (sample, error) {
	raw, err := os.ReadFile(filepath.Join(s.Dir, "strata.tsv"))
	if err != nil {
		return sample{}, err
	}
	strata, err := sampler.ParseStrata(raw)
	if err != nil {
		return sample{}, err
	}
	var items int64
	for _, st := range strata {
		items += st.Population
	}
	return withPopulation(s, func(pop *sampler.PopulationReader) (int64, int64, error) {
		rows, err := draw.Select(pop, strata, strings.Repeat("5a", 32))
		return items, int64(len(rows)), err
	})
}

// drawRead is the floor under drawing: the population read to its end and nothing done with it.
func drawRead(s spec) (sample, error) {
	return withPopulation(s, func(pop *sampler.PopulationReader) (items, _ int64, _ error) {
		for ; ; items++ {
			if _, err := pop.Next(); err == io.EOF {
				return items, 0, nil
			} else if err != nil {
				return 0, 0, err
			}
		}
	})
}

func withPopulation(s spec, f func(*sampler.PopulationReader) (int64, int64, error)) (sample, error) {
	file, err := os.Open(filepath.Join(s.Dir, "population.tsv"))
	if err != nil {
		return sample{}, err
	}
	defer file.Close()
	return measure(s, func() (int64, int64, error) {
		return f(sampler.NewPopulationReader(bufio.NewReaderSize(file, 1<<16)))
	})
}
