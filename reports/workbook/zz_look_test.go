package workbook_test

import (
	"os"
	"testing"

	"selfaudit/internal/testaudit"
	"selfaudit/reports/workbook"
	"selfaudit/sampler"
)

func TestLook(t *testing.T) {
	big := []testaudit.Issuer{
		{Label: "Alpha DV CA 1", Class: sampler.ClassDV, Count: 4180}, {Label: "Alpha DV CA 2", Class: sampler.ClassDV, Count: 1312},
		{Label: "Alpha OV CA 1", Class: sampler.ClassOV, Count: 964}, {Label: "Alpha EV CA 1", Class: sampler.ClassEV, Count: 242}}
	o := testaudit.Options{Audit: true, Issuers: big, OneIn: 150}
	a, _ := build(t, o)
	data, _ := workbook.Write(a, a.Summary(o.ReportedAt(), "system"), "selfaudit v0.1.0")
	os.WriteFile("/tmp/wb/img.xlsx", data, 0o644)
	os.WriteFile("/tmp/wb/rehearsal.xlsx", write(t, testaudit.Options{RateBP: 3000, Excluded: true}), 0o644)
	os.WriteFile("/tmp/wb/frozen.xlsx", write(t, testaudit.Options{Stage: testaudit.Frozen, Drand: true}), 0o644)
	os.WriteFile("/tmp/wb/voided.xlsx", write(t, testaudit.Options{Issuers: few, Audit: true, Voided: true}), 0o644)
}
