package collect_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"selfaudit/internal/auditdir"
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
