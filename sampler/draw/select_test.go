package draw

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"selfaudit/sampler"
)

// audit is a generated population with its strata, rows ascending.
type audit struct {
	rows   []sampler.Row
	strata []sampler.Stratum
}

// population returns the document.
func (a audit) population(t fataler) []byte {
	var b bytes.Buffer
	w := sampler.NewPopulationWriter(&b)
	for _, r := range a.rows {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type fataler interface{ Fatal(...any) }

var allClasses = []sampler.Class{sampler.ClassDV, sampler.ClassOV, sampler.ClassIV, sampler.ClassEV, sampler.ClassSMIME,
	sampler.ClassCS, sampler.ClassCSEV, sampler.ClassCA, sampler.ClassOCSP, sampler.ClassOther}

// genAudit draws a population of a few issuers and strata issued in [start, end).
func genAudit(start, end time.Time) *rapid.Generator[audit] {
	return rapid.Custom(func(t *rapid.T) audit {
		var a audit
		counts := map[sampler.StratumID]int64{}
		for s := range rapid.IntRange(0, 6).Draw(t, "strata") {
			id := sampler.StratumID{
				Issuer: sampler.KeyHash{31: byte(s / 2)},
				Class:  rapid.SampledFrom(allClasses).Draw(t, "class"),
				Label:  rapid.SampledFrom([]string{"", "", "ra-1", "z"}).Draw(t, "label"),
			}
			for i := range rapid.IntRange(1, 120).Draw(t, "items") {
				item := sampler.ItemID{Issuer: id.Issuer, Serial: sampler.SerialFromInteger(fmt.Appendf(nil, "%d/%d", s, i))}
				a.rows = append(a.rows, sampler.Row{
					Item: item, Stratum: id, Form: sampler.FormFinal, Cert: sampler.HashCert([]byte(item.String())),
					Issued: start.Add(time.Duration(rapid.Int64Range(0, int64(end.Sub(start))-1).Draw(t, "issued"))),
				})
				counts[id]++
			}
		}
		slices.SortFunc(a.rows, func(x, y sampler.Row) int { return x.Item.Compare(y.Item) })
		rules := sampler.Rules{
			RateBP: rapid.SampledFrom([]int{0, 300, 700, 10000}).Draw(t, "rate"),
			Floor:  rapid.SampledFrom([]int64{0, 1, 5, 59}).Draw(t, "floor"),
			EVRA:   rapid.SampledFrom([]string{"", sampler.EVRANone}).Draw(t, "ev_ra"),
		}
		var err error
		if a.strata, err = rules.Plan(counts); err != nil {
			t.Fatal(err)
		}
		return a
	})
}

func genSeed() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string { return SeedHex([]byte(rapid.String().Draw(t, "seed"))) })
}

// naive draws by sorting everything by (ticket hex, item id) as text.
func naive(rows []sampler.Row, strata []sampler.Stratum, seed string) []sampler.SampleRow {
	var out []sampler.SampleRow
	for _, s := range strata {
		var in []sampler.SampleRow
		for _, r := range rows {
			if r.Stratum == s.ID {
				in = append(in, sampler.SampleRow{Stratum: s.ID, Ticket: Ticket(seed, r.Item), Item: r.Item, Cert: r.Cert})
			}
		}
		slices.SortFunc(in, func(a, b sampler.SampleRow) int {
			return strings.Compare(fmt.Sprintf("%x %s", a.Ticket, a.Item), fmt.Sprintf("%x %s", b.Ticket, b.Item))
		})
		for i := range min(len(in), int(s.Sample+s.Reserve)) {
			in[i].Rank, in[i].Role = int64(i+1), sampler.RoleReserve
			if int64(i) < s.Sample {
				in[i].Role = sampler.RoleSample
			}
			out = append(out, in[i])
		}
	}
	return out
}

// rowsInOrder feeds rows to the selection in any order, which a population
// document cannot have.
func rowsInOrder(rows []sampler.Row) func() (sampler.Row, error) {
	return func() (sampler.Row, error) {
		if len(rows) == 0 {
			return sampler.Row{}, io.EOF
		}
		r := rows[0]
		rows = rows[1:]
		return r, nil
	}
}

var (
	testStart = time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	testEnd   = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
)

func TestSelectProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, seed := genAudit(testStart, testEnd).Draw(t, "audit"), genSeed().Draw(t, "seed")
		got, err := Select(sampler.NewPopulationReader(bytes.NewReader(a.population(t))), a.strata, seed)
		if err != nil {
			t.Fatal(err)
		}
		if want := naive(a.rows, a.strata, seed); !slices.Equal(got, want) {
			t.Fatalf("got\n%s\nwant\n%s", sampler.FormatSample(got), sampler.FormatSample(want))
		}
		if _, err := sampler.ParseSample(sampler.FormatSample(got)); err != nil {
			t.Fatalf("sample breaks its own rules: %v", err)
		}
		var sample, reserve, wantSample, wantReserve int64
		for _, r := range got {
			if r.Role == sampler.RoleSample {
				sample++
			} else {
				reserve++
			}
		}
		for _, s := range a.strata {
			wantSample += s.Sample
			wantReserve += s.Reserve
		}
		if sample != wantSample || reserve != wantReserve {
			t.Fatalf("%d and %d drawn, want %d and %d", sample, reserve, wantSample, wantReserve)
		}
		shuffled := rapid.Permutation(a.rows).Draw(t, "order")
		workers := rapid.IntRange(1, 5).Draw(t, "workers")
		again, err := selectRows(rowsInOrder(shuffled), a.strata, seed, workers)
		if err != nil || !slices.Equal(again, got) {
			t.Fatalf("another order and %d workers give another sample (%v)", workers, err)
		}
	})
}

// TestLargerSampleContainsSmaller: the protocol's extension (section 9) takes
// the next ranks of the same draw.
func TestLargerSampleContainsSmaller(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, seed := genAudit(testStart, testEnd).Draw(t, "audit"), genSeed().Draw(t, "seed")
		larger := slices.Clone(a.strata)
		for i, s := range larger {
			var err error
			larger[i], err = sampler.NewStratum(s.ID, s.Population, s.RateBP, s.Floor+rapid.Int64Range(0, 50).Draw(t, "more"), s.Label)
			if err != nil {
				t.Fatal(err)
			}
		}
		small, err := selectRows(rowsInOrder(a.rows), a.strata, seed, 2)
		if err != nil {
			t.Fatal(err)
		}
		large, err := selectRows(rowsInOrder(a.rows), larger, seed, 2)
		if err != nil {
			t.Fatal(err)
		}
		ranks := map[sampler.ItemID]sampler.SampleRow{}
		for _, r := range large {
			ranks[r.Item] = r
		}
		for _, r := range small {
			l, ok := ranks[r.Item]
			if r.Role == sampler.RoleSample && (!ok || l.Role != sampler.RoleSample || l.Rank != r.Rank) {
				t.Fatalf("item %s, rank %d, is not in the larger sample", r.Item, r.Rank)
			}
		}
	})
}

func TestSelectManyBatches(t *testing.T) {
	a := synthetic(3*batchSize+17, 3)
	seed := SeedHex(nil)
	got, err := selectRows(rowsInOrder(a.rows), a.strata, seed, 4)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, naive(a.rows, a.strata, seed)) {
		t.Error("many batches give another sample than a full sort")
	}
}

func TestSelectRefuses(t *testing.T) {
	a := synthetic(100, 2)
	seed := SeedHex(nil)
	more := slices.Clone(a.strata)
	more[0].Population++
	impossible := slices.Clone(a.strata)
	impossible[0].Sample = 1 << 60
	for name, tc := range map[string]struct {
		next   func() (sampler.Row, error)
		strata []sampler.Stratum
		seed   string
	}{
		"short seed":           {rowsInOrder(a.rows), a.strata, seed[1:]},
		"upper-case seed":      {rowsInOrder(a.rows), a.strata, strings.Repeat("A", 64)},
		"stratum not listed":   {rowsInOrder(a.rows), a.strata[1:], seed},
		"stratum without item": {rowsInOrder(a.rows), more, seed},
		"item missing":         {rowsInOrder(a.rows[1:]), a.strata, seed},
		"strata not ascending": {rowsInOrder(a.rows), []sampler.Stratum{a.strata[1], a.strata[0]}, seed},
		"impossible sizes":     {rowsInOrder(a.rows), impossible, seed},
		"reader fails":         {func() (sampler.Row, error) { return sampler.Row{}, io.ErrUnexpectedEOF }, a.strata, seed},
	} {
		if rows, err := selectRows(tc.next, tc.strata, tc.seed, 2); err == nil {
			t.Errorf("%s: %d rows drawn", name, len(rows))
		}
	}
}

// synthetic makes n items in the given number of strata of one issuer each.
func synthetic(n, strata int) audit {
	var a audit
	counts := map[sampler.StratumID]int64{}
	for i := range n {
		id := sampler.StratumID{Issuer: sampler.KeyHash{byte(i * strata / n)}, Class: sampler.ClassDV}
		serial := sampler.SerialFromInteger(fmt.Appendf(nil, "%016d", i))
		a.rows = append(a.rows, sampler.Row{Item: sampler.ItemID{Issuer: id.Issuer, Serial: serial}, Stratum: id, Form: sampler.FormFinal,
			Issued: testStart, NotBefore: testStart, NotAfter: testEnd})
		counts[id]++
	}
	var err error
	if a.strata, err = (sampler.Rules{}).Plan(counts); err != nil {
		panic(err) // a mistake in this test's own data
	}
	return a
}

// BenchmarkSelect reads, hashes and selects from a population document.
func BenchmarkSelect(b *testing.B) {
	const items = 200_000
	a := synthetic(items, 8)
	doc := a.population(b)
	seed := SeedHex(nil)
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		if _, err := Select(sampler.NewPopulationReader(bytes.NewReader(doc)), a.strata, seed); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*items/b.Elapsed().Seconds(), "items/s")
}
