package collect_test

import (
	"context"
	"path/filepath"
	"testing"

	"selfaudit/internal/testpki"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
)

// growingIndex is an index that knows more each time it is asked.
type growingIndex struct{ ders [][]byte }

func (g *growingIndex) Name() string { return "crt.sh" }
func (g *growingIndex) Kind() string { return sampler.FileIndex }

func (g *growingIndex) Read(_ context.Context, cert func(collect.FileCertificate) error, problem func(collect.FileProblem) error) error {
	for i, der := range g.ders {
		if err := cert(collect.FileCertificate{Path: string(rune('1' + i)), DER: der}); err != nil {
			return err
		}
	}
	return problem(collect.FileProblem{Path: "99", Block: -1, Err: context.Canceled})
}

// TestIndex takes over what an index answers, also when it answers more than before; what
// it gave before leaves nothing behind.
func TestIndex(t *testing.T) {
	leaf := func(seed string) []byte { return ourCA.Certificate(testpki.Template{Seed: seed}) }
	forged := foreignCA.Certificate(testpki.Template{Seed: "x"})
	index := &growingIndex{ders: [][]byte{leaf("1"), forged}}
	c, _ := filesOnly(t, newIssuers(t, ourCA), map[string][]byte{"a.pem": pemOf(leaf("0"), leaf("1"))})
	c.files = append(c.files, index)
	for range 2 {
		_, _, results, err := c.harvest(context.Background())
		must(t, err)
		if r := results[1]; r.Kind != sampler.FileIndex || results[0].Kind != "" || r.Kept != 1 || r.OtherIssuers != 1 || r.UnreadableCount != 1 || r.Unreadable[0].Where != "99" {
			t.Errorf("%+v", r)
		}
		index.ders = [][]byte{leaf("2"), leaf("1"), forged, leaf("3")}
		_, _, results, err = c.harvest(context.Background())
		must(t, err)
		if r := results[1]; r.Kept != 3 || r.Certificates != 4 {
			t.Errorf("%+v", r)
		}
		if units, _ := filepath.Glob(c.dir.Path("work/files/index/*.unit")); len(units) != 1 {
			t.Errorf("units: %q", units)
		}
		index.ders = index.ders[1:3] // and less: a damaged answer was removed
	}
	index.ders = [][]byte{leaf("1"), leaf("2")}
	got := c.collect(t)
	d := freeze(t, got, ever)
	for seed, want := range map[string]bool{"0": true, "1": true, "2": true, "3": false} {
		if row := d.row(itemOf(ourCA, testpki.Template{Seed: seed})); (row != nil) != want {
			t.Errorf("item %s: %v", seed, row)
		}
	}
}
