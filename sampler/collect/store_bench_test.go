package collect

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"selfaudit/internal/auditdir"
	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// storedSightings is how many sightings the benchmarks of the work folder store and merge;
// SELFAUDIT_BENCH_SIGHTINGS sets another number, such as 10000000.
func storedSightings(b *testing.B) int {
	n, err := strconv.Atoi(os.Getenv("SELFAUDIT_BENCH_SIGHTINGS"))
	if err != nil {
		return 200_000
	}
	return n
}

// store writes units of sightings of items in random order, each with a body of 1.5 kB of
// which a third differs from all others, as keys, signatures and SCTs do.
func store(b *testing.B, dir auditdir.Dir, total, perUnit int) []*unit {
	body := make([]byte, 1504)
	random := rand.New(rand.NewPCG(1, 2))
	var units []*unit
	for start := 0; start < total; start += perUnit {
		name := fmt.Sprintf("work/logs/x/%d.unit", start)
		w, err := newUnit(dir, name, uint64(start), "")
		if err != nil {
			b.Fatal(err)
		}
		for i := range min(perUnit, total-start) {
			var serial [16]byte
			binary.BigEndian.PutUint64(serial[:], random.Uint64()>>1|1<<62)
			binary.BigEndian.PutUint64(serial[8:], uint64(start+i))
			copy(body, serial[:])
			for at := 1000; at < len(body); at += 8 {
				binary.LittleEndian.PutUint64(body[at:], random.Uint64())
			}
			item := sampler.ItemID{Serial: sampler.SerialFromInteger(serial[:])}
			w.keep(record{item: item, form: sampler.FormFinal, class: sampler.ClassDV, cert: sha256.Sum256(serial[:]), index: uint64(start + i),
				entryMS: 1, nb: 1, na: 2, others: []ct.LogID{{1}}}, body, nil, body[:8])
		}
		if err := w.commit(); err != nil {
			b.Fatal(err)
		}
		u, err := openUnit(dir.Path(name))
		if err != nil {
			b.Fatal(err)
		}
		units = append(units, u)
	}
	return units
}

// BenchmarkStore writes the units of a log of which one entry in ten is kept; it does all
// that storing does, but no entry is verified.
func BenchmarkStore(b *testing.B) {
	n := storedSightings(b)
	for b.Loop() {
		dir := b.TempDir()
		store(b, auditdir.At(dir), n, unitEntries/10)
		os.RemoveAll(dir)
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "stored/s")
}

// BenchmarkMerge merges such units, more of them than are merged at a time.
func BenchmarkMerge(b *testing.B) {
	n := storedSightings(b)
	dir := auditdir.At(b.TempDir())
	c := &Collected{dir: dir, units: store(b, dir, n, min(unitEntries/10, n/400))}
	for b.Loop() {
		items := 0
		if err := c.items(context.Background(), c.workFolder(), func([]record) error { items++; return nil }); err != nil || items != n {
			b.Fatal(items, err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "sightings/s")
	b.ReportMetric(float64(len(c.units)), "units")
}
