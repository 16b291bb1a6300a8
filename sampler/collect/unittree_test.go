package collect

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"selfaudit/sampler/ct"
)

// Whatever is kept of a unit, its proofs lead to the root of the whole tree.
func TestUnitTreeProvesWhatWasKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Uint64Range(1, 1500).Draw(t, "size")
		share := rapid.Uint64Range(0, 100).Draw(t, "share")
		random := rand.New(rand.NewPCG(size, share))
		var b treeBuilder
		var kept []uint64
		var all []ct.Hash
		for i := range size {
			all = append(all, ct.HashLeaf(binary.BigEndian.AppendUint64(nil, i)))
			if random.Uint64N(100) < share {
				kept = append(kept, i)
			}
		}
		for tile := range slices.Chunk(all, ct.TileWidth) {
			if len(tile) < ct.TileWidth {
				b.tail = tile
			} else if got := b.full(tile); got != rootOf(tile) {
				t.Fatal("root of a full tile")
			}
		}
		tree, err := parseUnitTree(b.encode(kept))
		if err != nil {
			t.Fatal(err)
		}
		span, err := tree.span(0)
		if err != nil {
			t.Fatal(err)
		}
		whole := ct.NewRange(0)
		for _, h := range all {
			whole.Append(h)
		}
		if span.End != size || !slices.Equal(span.Nodes, whole.Nodes) {
			t.Fatalf("span ends at %d with %d nodes, want %d with %d", span.End, len(span.Nodes), size, len(whole.Nodes))
		}
		root, err := whole.Root()
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range kept {
			path, err := ct.InclusionProof(k, size, tree.node)
			if err != nil {
				t.Fatal(err)
			}
			if err := ct.VerifyInclusion(all[k], k, size, path, root); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestUnitTreeDamaged(t *testing.T) {
	var b treeBuilder
	leaves := make([]ct.Hash, ct.TileWidth)
	b.full(leaves)
	b.tail = leaves[:3]
	raw := b.encode([]uint64{7})
	for n := range raw {
		if _, err := parseUnitTree(raw[:n]); err == nil {
			t.Fatalf("cut to %d of %d bytes: no error", n, len(raw))
		}
	}
	if _, err := parseUnitTree(append(raw, 0)); err == nil {
		t.Fatal("a byte too many: no error")
	}
}

func TestBodyBlocks(t *testing.T) {
	var file bytes.Buffer
	w := bodyWriter{w: &file}
	type at struct {
		block  uint64
		within uint32
		body   []byte
	}
	var all []at
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 500 {
		body := bytes.Repeat([]byte{byte(i)}, random.IntN(2000))
		block, within, err := w.put(body[:len(body)/2], body[len(body)/2:])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, at{block, within, body})
	}
	if err := w.flush(); err != nil {
		t.Fatal(err)
	}
	if w.at != uint64(file.Len()) {
		t.Fatalf("wrote %d bytes, counted %d", file.Len(), w.at)
	}
	for i, a := range all {
		raw, err := readBlock(bytes.NewReader(file.Bytes()), a.block, w.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := raw[a.within:][:len(a.body)]; !bytes.Equal(got, a.body) {
			t.Fatalf("body %d differs", i)
		}
	}
	for _, limit := range []uint64{0, 4, 8, 9} {
		if _, err := readBlock(bytes.NewReader(file.Bytes()), 0, limit); err == nil {
			t.Errorf("a section of %d bytes: no error", limit)
		}
	}
	if _, err := readBlock(bytes.NewReader(file.Bytes()), 3, w.at); err == nil {
		t.Error("a block that begins in the middle of one: no error")
	}
}
