package collect

import (
	"context"
	"errors"
	"testing"

	"selfaudit/sampler/ct"
)

// newTestJudging judges entries that cannot be parsed, which is quickly said.
func newTestJudging(t *testing.T) *judging {
	issuer := &Issuer{keys: [][32]byte{{1}}}
	j := newJudging(context.Background(), &checker{issuers: &Issuers{byKey: map[[32]byte]*Issuer{{1}: issuer}}})
	t.Cleanup(j.stop)
	return j
}

func testEntry(index uint64, size int) *ct.Entry {
	return &ct.Entry{Index: index, Type: ct.PrecertEntry, IssuerKeyHash: [32]byte{1}, Precertificate: make([]byte, size)}
}

// TestJudgingKeepsOrderAndBounds hands over more than may be pending: outcomes come in
// order, what waits for its turn between them too, and neither many entries nor large ones
// pile up.
func TestJudgingKeepsOrderAndBounds(t *testing.T) {
	for _, size := range []int{1, maxPendingBytes / 3} {
		j := newTestJudging(t)
		next := uint64(0)
		turn := func(want uint64) error {
			if next != want {
				t.Errorf("outcome %d comes when %d is due", want, next)
			}
			next++
			return nil
		}
		n := uint64(300)
		if size > 1 {
			n = 20
		}
		e := testEntry(0, size)
		for i := range n {
			e.Index = i
			if err := j.add(e, glance{}, func(got *judged) error {
				if got.entry.Index != i || got.err == nil || len(got.entry.Precertificate) != size {
					t.Errorf("entry %d arrives as %d with %d bytes, error %v", i, got.entry.Index, len(got.entry.Precertificate), got.err)
				}
				return turn(2 * i)
			}); err != nil {
				t.Fatal(err)
			}
			if err := j.then(func() error { return turn(2*i + 1) }); err != nil {
				t.Fatal(err)
			}
			if len(j.pending) >= j.most || j.bytes > maxPendingBytes {
				t.Fatalf("%d outcomes and %d bytes are pending", len(j.pending), j.bytes)
			}
		}
		if err := j.finish(); err != nil || next != 2*n || len(j.pending) != 0 || j.bytes != 0 {
			t.Errorf("after the end %d of %d outcomes, %d pending: %v", next, 2*n, len(j.pending), err)
		}
	}
}

// TestJudgingStopsAtTheFirstError: nothing is applied after an error, and every later call
// gives the same one.
func TestJudgingStopsAtTheFirstError(t *testing.T) {
	j := newTestJudging(t)
	own := errors.New("full")
	applied := 0
	for i := range uint64(3) {
		if err := j.add(testEntry(i, 1), glance{}, func(got *judged) error {
			applied++
			if got.entry.Index == 1 {
				return own
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := j.finish(); err != own {
			t.Errorf("finish: %v", err)
		}
	}
	if err := j.then(func() error { applied++; return nil }); err != own || applied != 2 {
		t.Errorf("after the error: %v, %d outcomes were applied, want 2", err, applied)
	}
	if err := j.add(testEntry(9, 1), glance{}, nil); err != own {
		t.Errorf("add after the error: %v", err)
	}
}
