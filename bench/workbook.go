package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"selfaudit/internal/testaudit"
	"selfaudit/reports"
	"selfaudit/reports/workbook"
	"selfaudit/sampler"
)

// workbookItems is the population of the audit whose workbook is written.
const workbookItems = 20_000

func workbookOptions(items int) testaudit.Options {
	return testaudit.Options{Issuers: []testaudit.Issuer{
		{Label: "Bench DV CA 1", Class: sampler.ClassDV, Count: items / 2},
		{Label: "Bench OV CA 2", Class: sampler.ClassOV, Count: items * 3 / 10},
		{Label: "Bench EV CA 1", Class: sampler.ClassEV, Count: items / 5},
	}}
}

func workbookSection(b *bench) error {
	dir := filepath.Join(b.dir, "audit")
	defer os.RemoveAll(dir)
	if _, err := b.child("prepare-audit", spec{Dir: dir, N: workbookItems}); err != nil {
		return err
	}
	lines := []contender{{label: "selfaudit workbook.Write", child: "workbook", spec: spec{Dir: dir}}}
	if err := b.compete(lines); err != nil {
		return err
	}
	b.write(fmt.Sprintf("workbook: %s rows in all sheets, population of %s, 3 %% of it sampled", group(lines[0].samples[0].Work), group(workbookItems)), "row", "rows", lines)
	return nil
}

// failing is a test for code that wants one: what would fail a test ends up in err.
type failing struct {
	testing.TB
	err error
}

func (f *failing) Helper()                  {}
func (f *failing) Context() context.Context { return context.Background() }
func (f *failing) Fatalf(format string, args ...any) {
	panic(&failing{err: fmt.Errorf(format, args...)})
}

// prepareAudit writes the folder of a complete, linted audit of N items.
func prepareAudit(s spec) (_ sample, err error) {
	defer func() {
		if r := recover(); r != nil {
			f, ok := r.(*failing)
			if !ok {
				panic(r)
			}
			err = f.err
		}
	}()
	audit := testaudit.Build(&failing{}, workbookOptions(s.N))
	return sample{}, os.CopyFS(s.Dir, audit)
}

// workbookChild writes the workbook of an audit that is in memory.
func workbookChild(s spec) (sample, error) {
	audit, err := reports.Load(os.DirFS(s.Dir))
	if err != nil {
		return sample{}, err
	}
	summary := audit.Summary(workbookOptions(0).ReportedAt(), sampler.ClockGiven)
	var book []byte
	m, err := measure(s, func() (int64, int64, error) {
		book, err = workbook.Write(audit, summary, "bench")
		return 1, 0, err
	})
	if err != nil {
		return sample{}, err
	}
	m.Work, err = countRows(book)
	return m, err
}

// countRows counts the rows of all sheets.
func countRows(book []byte) (int64, error) {
	z, err := zip.NewReader(bytes.NewReader(book), int64(len(book)))
	if err != nil {
		return 0, err
	}
	var rows int64
	for _, f := range z.File {
		if !strings.HasPrefix(f.Name, "xl/worksheets/sheet") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return 0, err
		}
		sheet, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil {
			return 0, err
		}
		rows += int64(bytes.Count(sheet, []byte("<row ")))
	}
	return rows, nil
}
