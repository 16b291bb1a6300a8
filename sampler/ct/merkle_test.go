package ct_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"pgregory.net/rapid"

	"selfaudit/sampler/ct"
)

// leafHashes returns the hashes of n distinct leaves.
func leafHashes(n uint64) []ct.Hash {
	out := make([]ct.Hash, n)
	for i := range out {
		out[i] = ct.HashLeaf(binary.BigEndian.AppendUint64(nil, uint64(i)))
	}
	return out
}

// mth is the definition of RFC 6962 section 2.1, word for word.
func mth(leaves []ct.Hash) ct.Hash {
	switch len(leaves) {
	case 0:
		return ct.EmptyRoot
	case 1:
		return leaves[0]
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	return ct.HashNode(mth(leaves[:k]), mth(leaves[k:]))
}

func nodeOf(leaves []ct.Hash) ct.NodeFunc {
	return func(level uint, index uint64) (ct.Hash, error) {
		begin, end := index<<level, (index+1)<<level
		if end > uint64(len(leaves)) {
			return ct.Hash{}, errors.New("subtree is not complete")
		}
		return mth(leaves[begin:end]), nil
	}
}

func rangeOver(leaves []ct.Hash, begin, end uint64) *ct.Range {
	r := ct.NewRange(begin)
	for _, h := range leaves[begin:end] {
		r.Append(h)
	}
	return r
}

func raw(hashes []ct.Hash) [][]byte {
	var out [][]byte
	for _, h := range hashes {
		out = append(out, append([]byte(nil), h[:]...))
	}
	return out
}

func TestHashesAsPublished(t *testing.T) {
	if got, want := ct.HashLeaf([]byte("L123456")), rfc6962.DefaultHasher.HashLeaf([]byte("L123456")); !bytes.Equal(got[:], want) {
		t.Errorf("leaf hash %s, want %x", got, want)
	}
	l, r := ct.HashLeaf([]byte{1}), ct.HashLeaf([]byte{2})
	if got, want := ct.HashNode(l, r), rfc6962.DefaultHasher.HashChildren(l[:], r[:]); !bytes.Equal(got[:], want) {
		t.Errorf("node hash %s, want %x", got, want)
	}
	if want := rfc6962.DefaultHasher.EmptyRoot(); !bytes.Equal(ct.EmptyRoot[:], want) {
		t.Errorf("empty root %s, want %x", ct.EmptyRoot, want)
	}
	big := bytes.Repeat([]byte{7}, 1<<18) // longer than pooled buffers
	if got, want := ct.HashLeaf(big), rfc6962.DefaultHasher.HashLeaf(big); !bytes.Equal(got[:], want) {
		t.Errorf("leaf hash of a long leaf %s, want %x", got, want)
	}
}

func TestRangeAgreesWithDefinition(t *testing.T) {
	leaves := leafHashes(130)
	r := ct.NewRange(0)
	for n := range leaves {
		if got, err := r.Root(); err != nil || got != mth(leaves[:n]) {
			t.Fatalf("size %d: root %s (%v), want %s", n, got, err, mth(leaves[:n]))
		}
		r.Append(leaves[n])
	}
}

func TestRangeJoin(t *testing.T) {
	leaves := leafHashes(600)
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Uint64Range(0, 600).Draw(t, "a")
		b := rapid.Uint64Range(a, 600).Draw(t, "b")
		c := rapid.Uint64Range(b, 600).Draw(t, "c")
		joined, whole := rangeOver(leaves, a, b), rangeOver(leaves, a, c)
		if err := joined.Join(rangeOver(leaves, b, c)); err != nil {
			t.Fatal(err)
		}
		x, err1 := joined.MarshalBinary()
		y, err2 := whole.MarshalBinary()
		if err1 != nil || err2 != nil || !bytes.Equal(x, y) {
			t.Fatalf("[%d,%d)+[%d,%d) differs from [%d,%d): %v %v", a, b, b, c, a, c, err1, err2)
		}
		var back ct.Range
		if err := back.UnmarshalBinary(x); err != nil {
			t.Fatal(err)
		}
		if root, err := back.Root(); a == 0 && (err != nil || root != mth(leaves[:c])) {
			t.Fatalf("root after decoding is %s: %v", root, err)
		} else if a > 0 && err == nil {
			t.Fatal("a range that does not begin at 0 has a root")
		}
	})
}

func TestRangeRefuses(t *testing.T) {
	leaves := leafHashes(10)
	r := rangeOver(leaves, 0, 5)
	if err := r.Join(rangeOver(leaves, 6, 8)); err == nil {
		t.Error("joined over a gap")
	}
	if err := r.Join(&ct.Range{Begin: 5, End: 9}); err == nil {
		t.Error("joined a range without its hashes")
	}
	good, err := r.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	wrap := append([]byte(nil), good...)
	wrap[8] = 0x80 // End beyond 2^63
	for name, b := range map[string][]byte{
		"short": good[:len(good)-1], "no hashes": good[:16], "one more": append(append([]byte(nil), good...), good[16:48]...),
		"empty": nil, "end": wrap,
	} {
		if err := new(ct.Range).UnmarshalBinary(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestInclusion compares proofs both ways with an independent implementation,
// and asks that nothing else verifies.
func TestInclusion(t *testing.T) {
	leaves := leafHashes(300)
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Uint64Range(1, 300).Draw(t, "size")
		index := rapid.Uint64Range(0, size-1).Draw(t, "index")
		root := mth(leaves[:size])
		p, err := ct.InclusionProof(index, size, nodeOf(leaves[:size]))
		if err != nil {
			t.Fatal(err)
		}
		if err := ct.VerifyInclusion(leaves[index], index, size, p, root); err != nil {
			t.Fatal(err)
		}
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, size, leaves[index][:], raw(p), root[:]); err != nil {
			t.Fatal(err)
		}
		other := rapid.Uint64Range(0, size+2).Filter(func(i uint64) bool { return i != index }).Draw(t, "other index")
		if ct.VerifyInclusion(leaves[index], other, size, p, root) == nil {
			t.Fatalf("proof for %d verifies for %d", index, other)
		}
		tampered := tamper(t, p)
		mine := ct.VerifyInclusion(leaves[index], index, size, tampered, root)
		theirs := proof.VerifyInclusion(rfc6962.DefaultHasher, index, size, leaves[index][:], raw(tampered), root[:])
		if mine == nil || theirs == nil {
			t.Fatalf("a tampered proof verifies: %v, %v", mine, theirs)
		}
	})
}

func TestConsistency(t *testing.T) {
	leaves := leafHashes(300)
	rapid.Check(t, func(t *rapid.T) {
		size2 := rapid.Uint64Range(1, 300).Draw(t, "size2")
		size1 := rapid.Uint64Range(0, size2).Draw(t, "size1")
		root1, root2 := mth(leaves[:size1]), mth(leaves[:size2])
		p, err := ct.ConsistencyProof(size1, size2, nodeOf(leaves[:size2]))
		if err != nil {
			t.Fatal(err)
		}
		if err := ct.VerifyConsistency(size1, size2, root1, root2, p); err != nil {
			t.Fatal(err)
		}
		if size1 > 0 {
			if err := proof.VerifyConsistency(rfc6962.DefaultHasher, size1, size2, raw(p), root1[:], root2[:]); err != nil {
				t.Fatal(err)
			}
		}
		if ct.VerifyConsistency(size1, size2, root1, root2, tamper(t, p)) == nil {
			t.Fatal("a tampered proof verifies")
		}
		wrong := ct.HashLeaf(nil)
		if ct.VerifyConsistency(size1, size2, wrong, root2, p) == nil {
			t.Fatal("another first root verifies")
		}
		// The empty tree says nothing of what follows it.
		if size1 > 0 && ct.VerifyConsistency(size1, size2, root1, wrong, p) == nil {
			t.Fatal("another second root verifies")
		}
		if size1 < size2 && ct.VerifyConsistency(size2, size1, root2, root1, p) == nil {
			t.Fatal("a shrinking tree verifies")
		}
	})
}

// tamper changes, drops or adds one hash.
func tamper(t *rapid.T, p []ct.Hash) []ct.Hash {
	out := append([]ct.Hash(nil), p...)
	kind := rapid.IntRange(0, 2).Draw(t, "kind of tampering")
	if len(out) == 0 {
		kind = 2
	}
	switch kind {
	case 0:
		out[rapid.IntRange(0, len(out)-1).Draw(t, "hash")][rapid.IntRange(0, 31).Draw(t, "octet")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
	case 1:
		i := rapid.IntRange(0, len(out)-1).Draw(t, "hash")
		out = append(out[:i], out[i+1:]...)
	default:
		i := rapid.IntRange(0, len(out)).Draw(t, "place")
		out = append(out[:i], append([]ct.Hash{ct.EmptyRoot}, out[i:]...)...)
	}
	return out
}

func TestProofErrors(t *testing.T) {
	node := nodeOf(leafHashes(4))
	if _, err := ct.InclusionProof(4, 4, node); err == nil {
		t.Error("a proof for an entry outside the tree")
	}
	if _, err := ct.InclusionProof(0, 8, node); err == nil {
		t.Error("an error of the node source was lost")
	}
	if _, err := ct.ConsistencyProof(5, 4, node); err == nil {
		t.Error("a proof for a shrinking tree")
	}
	if _, err := ct.ConsistencyProof(3, 8, node); err == nil {
		t.Error("an error of the node source was lost")
	}
}

func FuzzRange(f *testing.F) {
	good, err := rangeOver(leafHashes(7), 1, 7).MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var r ct.Range
		if r.UnmarshalBinary(b) != nil {
			return
		}
		back, err := r.MarshalBinary()
		if err != nil || !bytes.Equal(back, b) {
			t.Fatalf("decoded %x, encoded %x: %v", b, back, err)
		}
	})
}
