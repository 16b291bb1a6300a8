package ct_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"selfaudit/internal/testlog"
	"selfaudit/sampler/ct"
)

// madeLeaves returns n leaf hashes that all differ.
func madeLeaves(n uint64) []ct.Hash {
	out := make([]ct.Hash, n)
	for i := range out {
		out[i] = sha256.Sum256(fmt.Appendf(nil, "leaf %d", i))
	}
	return out
}

func spanOver(begin uint64, leaves []ct.Hash) *ct.Range {
	r := ct.NewRange(begin)
	for _, h := range leaves {
		r.Append(h)
	}
	return r
}

// The left siblings of an audit path are the compact range before the leaf.
func TestLeftRange(t *testing.T) {
	for size := uint64(1); size <= 70; size++ {
		leaves := madeLeaves(size)
		for index := range size {
			path, err := ct.InclusionProof(index, size, testlog.NodesOf(leaves))
			if err != nil {
				t.Fatal(err)
			}
			got, err := ct.LeftRange(index, size, path)
			if err != nil {
				t.Fatalf("entry %d of %d: %v", index, size, err)
			}
			want := spanOver(0, leaves[:index])
			if got.Begin != 0 || got.End != index || !slices.Equal(got.Nodes, want.Nodes) {
				t.Fatalf("entry %d of %d: range [%d, %d) of %d nodes", index, size, got.Begin, got.End, len(got.Nodes))
			}
			root, proof, err := ct.ConsistencyOfPath(leaves[index], index, size, path)
			if err != nil {
				t.Fatal(err)
			}
			wantProof, err := ct.ConsistencyProof(index, size, testlog.NodesOf(leaves))
			if wantRoot, e := want.Root(); err != nil || e != nil || root != wantRoot || !slices.Equal(proof, wantProof) {
				t.Fatalf("entry %d of %d: consistency proof %v, want %v (%v, %v)", index, size, proof, wantProof, err, e)
			}
			if len(path) == 0 {
				continue
			}
			if _, err := ct.LeftRange(index, size, path[:len(path)-1]); err == nil {
				t.Fatalf("entry %d of %d: a path that is too short is taken", index, size)
			}
			if _, err := ct.LeftRange(index, size, append(slices.Clone(path), path[0])); err == nil {
				t.Fatalf("entry %d of %d: a path that is too long is taken", index, size)
			}
		}
	}
	if _, err := ct.LeftRange(3, 3, nil); err == nil {
		t.Error("an entry outside the tree has a range before it")
	}
}

// The proof made of two ranges is that of RFC 6962, whatever ranges they were joined from.
func TestConsistencyOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Uint64Range(0, 300).Draw(t, "size")
		at := rapid.Uint64Range(0, size).Draw(t, "at")
		cut := rapid.Uint64Range(at, size).Draw(t, "cut")
		leaves := madeLeaves(size)
		before, after := spanOver(0, leaves[:at]), spanOver(at, leaves[at:cut])
		if err := after.Join(spanOver(cut, leaves[cut:])); err != nil {
			t.Fatal(err)
		}
		got, err := ct.ConsistencyOf(before, after)
		if err != nil {
			t.Fatal(err)
		}
		want, err := ct.ConsistencyProof(at, size, testlog.NodesOf(leaves))
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("sizes %d and %d: %v, want %v (%v)", at, size, got, want, err)
		}
		if _, err := ct.ConsistencyOf(before, spanOver(at+1, nil)); err == nil {
			t.Fatal("ranges with a gap make a proof")
		}
	})
}
