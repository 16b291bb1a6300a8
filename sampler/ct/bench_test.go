package ct_test

import (
	"path/filepath"
	"testing"

	"selfaudit/sampler/ct"
)

// The benchmarks work on a tile of a real log; ns/entry is the figure to compare.

func benchTile(b *testing.B, fn func(*ct.Entry) error) {
	b.Helper()
	tile := readFile(b, filepath.Join(moduleRoot, "testdata", "ctlogs", "navigli-sample", "tile", "data", "000"))
	b.ReportAllocs()
	for b.Loop() {
		if err := ct.ParseDataTile(tile, 0, 256, fn); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/256, "ns/entry")
}

func BenchmarkTileParse(b *testing.B) { benchTile(b, ignore) }

func BenchmarkTileParseHash(b *testing.B) {
	r := ct.NewRange(0)
	benchTile(b, func(e *ct.Entry) error { r.Append(e.LeafHash()); return nil })
}

func BenchmarkTileParseHashLeaf(b *testing.B) {
	benchTile(b, func(e *ct.Entry) error { ct.HashLeaf(e.Leaf); return nil })
}

func BenchmarkParseTBS(b *testing.B) {
	benchTile(b, func(e *ct.Entry) error { _, err := ct.ParseTBS(e.TBS); return err })
}

func BenchmarkPrecertTBS(b *testing.B) {
	benchTile(b, func(e *ct.Entry) error {
		c, err := ct.ParseCertificate(e.Precertificate)
		if err != nil {
			return err
		}
		_, err = c.PrecertTBS(nil)
		return err
	})
}
