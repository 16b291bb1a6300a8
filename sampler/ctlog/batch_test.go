package ctlog

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"selfaudit/sampler/ct"
)

// ReadHashes delivers what Read does, whatever the log is and wherever the range begins.
func TestReadHashes(t *testing.T) {
	h, err := newHybrid(t).Serve(true, false)
	if err != nil {
		t.Fatal(err)
	}
	page := newRFCServer(t, 100)
	for name, l := range map[string]*Log{
		"static":          open(t, webConfig(t, StaticCT, alphaC, serve(t, static(alphaC, nil)), newClock())),
		"static folder":   open(t, folderConfig(t, StaticCT, alphaC, alphaC)),
		"RFC 6962":        open(t, webConfig(t, RFC6962, alphaB, serve(t, page.ServeHTTP)+"/log", newClock())),
		"RFC 6962 folder": open(t, folderConfig(t, RFC6962, alphaB, alphaB)),
		"hybrid":          open(t, hybridConfig(serve(t, h.ServeHTTP), newClock())),
	} {
		t.Run(name, func(t *testing.T) {
			_, head, err := l.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			chosen := func(e *ct.Entry) bool { return e.Timestamp%3 == 0 }
			for _, r := range [][2]uint64{{0, head.Size}, {3, 5}, {250, 520}, {256, 512}, {head.Size - 1, head.Size}, {7, 7}} {
				var hashes, got []ct.Hash
				var leaves [][]byte
				var indexes, gotIndexes []uint64
				var gotLeaves [][]byte
				err := l.Read(t.Context(), head, r[0], r[1], func(e *ct.Entry) error {
					hashes = append(hashes, e.LeafHash())
					if chosen(e) {
						indexes, leaves = append(indexes, e.Index), append(leaves, append(bytes.Clone(e.TBS), e.Certificate...))
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				next := r[0]
				err = l.ReadHashes(t.Context(), head, r[0], r[1], nil, func(_ context.Context, e *ct.Entry) bool { return chosen(e) }, func(b *Batch) error {
					if b.First != next || len(b.Hashes) == 0 {
						t.Errorf("a batch of %d from %d, want from %d", len(b.Hashes), b.First, next)
					}
					next += uint64(len(b.Hashes))
					got = append(got, b.Hashes...)
					for _, e := range b.Entries {
						gotIndexes, gotLeaves = append(gotIndexes, e.Index), append(gotLeaves, append(bytes.Clone(e.TBS), e.Certificate...))
					}
					b.Hashes, b.Entries = nil, nil // the caller's to cut up
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if len(got) != len(hashes) || len(gotIndexes) != len(indexes) {
					t.Fatalf("%v: %d hashes and %d entries, want %d and %d", r, len(got), len(gotIndexes), len(hashes), len(indexes))
				}
				for i := range hashes {
					if got[i] != hashes[i] {
						t.Fatalf("%v: hash %d differs", r, i)
					}
				}
				for i := range indexes {
					if gotIndexes[i] != indexes[i] || !bytes.Equal(gotLeaves[i], leaves[i]) {
						t.Fatalf("%v: entry %d differs", r, indexes[i])
					}
				}
			}
		})
	}
}

// With want, foreign precertificates are hashed and nobody looks at them; everything else is looked at.
func TestReadHashesFor(t *testing.T) {
	h, err := newHybrid(t).Serve(true, false)
	if err != nil {
		t.Fatal(err)
	}
	page := newRFCServer(t, 100)
	for name, l := range map[string]*Log{
		"static":        open(t, webConfig(t, StaticCT, alphaC, serve(t, static(alphaC, nil)), newClock())),
		"static folder": open(t, folderConfig(t, StaticCT, alphaC, alphaC)),
		"RFC 6962":      open(t, webConfig(t, RFC6962, alphaB, serve(t, page.ServeHTTP)+"/log", newClock())),
		"hybrid":        open(t, hybridConfig(serve(t, h.ServeHTTP), newClock())),
	} {
		t.Run(name, func(t *testing.T) {
			_, head, err := l.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want := func(h [32]byte) bool { return h[0]%2 == 0 }
			var hashes, got []ct.Hash
			var indexes, gotIndexes []uint64
			err = l.Read(t.Context(), head, 5, head.Size-1, func(e *ct.Entry) error {
				hashes = append(hashes, e.LeafHash())
				if e.Type == ct.X509Entry || want(e.IssuerKeyHash) {
					indexes = append(indexes, e.Index)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			var foreign atomic.Int32
			look := func(_ context.Context, e *ct.Entry) bool {
				if e.Type == ct.PrecertEntry && !want(e.IssuerKeyHash) {
					foreign.Add(1)
				}
				return true
			}
			err = l.ReadHashes(t.Context(), head, 5, head.Size-1, want, look, func(b *Batch) error {
				got = append(got, b.Hashes...)
				for _, e := range b.Entries {
					if e.LeafHash() != hashes[e.Index-5] {
						t.Errorf("the hash of entry %d differs", e.Index)
					}
					gotIndexes = append(gotIndexes, e.Index)
				}
				return nil
			})
			if err != nil || !slices.Equal(got, hashes) || !slices.Equal(gotIndexes, indexes) || foreign.Load() > 0 {
				t.Errorf("%d hashes, %d entries, %d looked at in vain, %v; want %d and %d", len(got), len(gotIndexes), foreign.Load(), err, len(hashes), len(indexes))
			}
			if len(indexes) == 0 || len(indexes) == len(hashes) {
				t.Errorf("%d of %d entries are wanted, so nothing is tried", len(indexes), len(hashes))
			}
		})
	}
}

// A defect comes after the entries before it, and an error of the caller ends the reading.
func TestReadHashesEnds(t *testing.T) {
	dir := copyLog(t, alphaC)
	edit(t, dir, "tile/data/001", func(b []byte) []byte { return b[:recordEnd(t, b, 256, 100)] })
	l := open(t, folderConfig(t, StaticCT, alphaC, dir))
	_, head, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	all := func(context.Context, *ct.Entry) bool { return true }
	err = l.ReadHashes(t.Context(), head, 0, head.Size, nil, all, func(b *Batch) error { n += len(b.Hashes); return nil })
	wantError(t, err, Invalid, "tile/data/001")
	if n != 256+100 {
		t.Errorf("%d entries before the defect", n)
	}
	stop := errors.New("stop")
	if err := l.ReadHashes(t.Context(), head, 0, head.Size, nil, all, func(*Batch) error { return stop }); err != stop {
		t.Errorf("the caller's error came back as %v", err)
	}
}
