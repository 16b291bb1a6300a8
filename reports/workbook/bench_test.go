package workbook_test

import (
	"testing"

	"selfaudit/internal/testaudit"
	"selfaudit/reports/workbook"
	"selfaudit/sampler"
)

// BenchmarkWrite reports rows of all tables per second.
func BenchmarkWrite(b *testing.B) {
	a, s := build(b, testaudit.Options{Issuers: []testaudit.Issuer{{Label: "Alpha DV CA 1", Class: sampler.ClassDV, Count: 6000}}})
	var rows int
	for b.Loop() {
		data, err := workbook.Write(a, s, "selfaudit test")
		if err != nil {
			b.Fatal(err)
		}
		if rows == 0 {
			b.StopTimer()
			for _, sheet := range values(b, data) {
				rows += len(sheet)
			}
			b.StartTimer()
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
