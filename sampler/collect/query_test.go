package collect_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"

	"selfaudit/internal/auditdir"
	"selfaudit/internal/testpki"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
)

// TestQueryAgrees compares Query with Population and Extract over the bundled logs: the
// same members with the same rows, every other item accounted for, the same sightings
// with the same proofs.
func TestQueryAgrees(t *testing.T) {
	logs, _ := alphaLogs(t)
	dir := auditdir.At(t.TempDir())
	c := harvestAll(t, dir, alphaIssuers(t), logs)
	first := sampler.Membership{ChainStart: day("2026-08-01"), PeriodStart: day("2026-08-01"), PeriodEnd: day("2026-09-01"), Setting: sampler.IssuedByNotBefore}
	second := sampler.Membership{ChainStart: day("2026-08-01"), PeriodStart: day("2026-09-01"), PeriodEnd: day("2026-10-01"), Setting: sampler.IssuedByNotBefore}
	earlier := freeze(t, c, first)
	for name, tc := range map[string]struct {
		m       sampler.Membership
		earlier []string
	}{"first": {first, nil}, "second": {second, []string{earlier.population}}} {
		want := freeze(t, c, tc.m, tc.earlier...)
		want.draw(t, c, dir)
		var pop, sightings bytes.Buffer
		w := sampler.NewPopulationWriter(&pop)
		var got collect.Counts
		err := c.Query(context.Background(), tc.m, readers(tc.earlier...), func(f *collect.Found) error {
			got.ItemsSeen++
			der, err := f.Certificate()
			if err != nil || sampler.HashCert(der) != f.Row.Cert || !f.Has(f.Row.Cert) || f.Has(sampler.CertHash{}) {
				t.Errorf("item %s: its certificate: %v", f.Row.Item, err)
			}
			switch {
			case f.Earlier >= 0:
				got.InEarlier++
				return nil
			case f.Verdict == sampler.Waiting:
				got.Waiting++
				return nil
			case f.Verdict == sampler.TooOld:
				got.TooOld++
				return nil
			case f.Verdict == sampler.Predated:
				got.Predated++
				return nil
			case f.Verdict == sampler.Late:
				got.Late++
			}
			got.Population++
			if f.CTSource() == "" || f.DatedBy != sampler.SourceNotBefore && f.DatedBy != sampler.SourceCT {
				t.Errorf("item %s: dated by %q, CT source %q", f.Row.Item, f.DatedBy, f.CTSource())
			}
			err = f.Sightings(true, func(s sampler.Sighting, cert []byte) error {
				if !f.Has(s.Cert) || sampler.HashCert(cert) != s.Cert {
					t.Errorf("item %s: a sighting of another certificate", f.Row.Item)
				}
				line, err := s.Line()
				sightings.Write(line)
				return err
			})
			if err != nil {
				return err
			}
			return w.Write(f.Row)
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		n := want.res.Counts
		if got != (collect.Counts{ItemsSeen: n.ItemsSeen, Population: n.Population, Late: n.Late, TooOld: n.TooOld, Predated: n.Predated, Waiting: n.Waiting, InEarlier: n.InEarlier}) {
			t.Errorf("%s: counted %+v, Population %+v", name, got, n)
		}
		if got.Population == 0 || name == "second" && got.InEarlier == 0 {
			t.Errorf("%s: shows nothing: %+v", name, got)
		}
		if pop.String() != want.population {
			t.Errorf("%s: the members' rows are not those of the population", name)
		}
		if sightings.String() != want.sightings {
			t.Errorf("%s: the members' sightings are not those of the evidence", name)
		}
	}
}

// TestQueryStops shows that errors and cancellation come through.
func TestQueryStops(t *testing.T) {
	got := newCollection(t, newIssuers(t, ourCA), openLog(t, static, writeLog(t, static, mixedEntries(40)), access{})).collect(t)
	if err := got.Query(context.Background(), ever, nil, func(*collect.Found) error { return io.ErrUnexpectedEOF }); err != io.ErrUnexpectedEOF {
		t.Errorf("Query = %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := got.Query(ctx, ever, nil, func(*collect.Found) error { return nil }); err != context.Canceled {
		t.Errorf("cancelled: Query = %v", err)
	}
	if err := got.Query(context.Background(), ever, readers("no population"), func(*collect.Found) error { return nil }); err == nil {
		t.Error("a broken earlier population was read")
	}
}

// TestQueryLeavesTheFolderAlone merges in passes while a collect of the same audit sweeps
// its folder: what Query writes for itself is elsewhere, and gone afterwards.
func TestQueryLeavesTheFolderAlone(t *testing.T) {
	temp := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, temp)
	}
	c := newCollection(t, newIssuers(t, ourCA))
	for i := range 5 {
		files, _ := filesOnly(t, nil, map[string][]byte{"a.pem": pemOf(ourCA.Certificate(testpki.Template{Seed: fmt.Sprint(i)}))})
		c.files = append(c.files, files.files...)
	}
	got := c.collect(t)
	collect.SetMergeWidth(got, 2)
	before := os.DirFS(c.dir.Path("work"))
	names := func(fsys fs.FS) string {
		var list []string
		must(t, fs.WalkDir(fsys, ".", func(path string, e fs.DirEntry, err error) error {
			list = append(list, path)
			return err
		}))
		return strings.Join(list, "\n")
	}
	want, items := names(before), 0
	err := got.Query(context.Background(), ever, nil, func(*collect.Found) error {
		items++
		if now := names(before); now != want {
			t.Errorf("the work folder holds\n%s\ninstead of\n%s", now, want)
		}
		if items == 1 && names(os.DirFS(temp)) == "." {
			t.Error("nothing was merged in passes")
		}
		return c.dir.Sweep()
	})
	if err != nil || items != 5 {
		t.Errorf("%d items, %v", items, err)
	}
	if left := names(os.DirFS(temp)); left != "." {
		t.Errorf("Query leaves\n%s", left)
	}
}
