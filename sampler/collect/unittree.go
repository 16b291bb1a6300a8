package collect

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"sync"

	"selfaudit/sampler/ct"
)

// A unit keeps of its Merkle tree what the inclusion proofs of its sightings need: the root
// of every full tile, and of a tile with sightings the hashes beside their paths, or all its
// leaf hashes where that is less. As bytes:
//
//	full tiles (2 bytes) | leaves of the partial tile at the end (2 bytes)
//	for each full tile: root | paths (2 bytes; allLeaves: 256 leaf hashes follow) |
//	                    for each path: position in the tile (1 byte) | 8 hashes, leaf's sibling first
//	the leaf hashes of the partial tile
const (
	allLeaves = 0xffff
	pathSize  = 1 + tileLevel*len(ct.Hash{})
	tileLevel = 8 // a full tile is a complete subtree of this level
)

// treeBuilder collects the hashes of a unit's tiles while it is read.
type treeBuilder struct {
	tiles [][]ct.Hash // of each full tile all nodes: 256 leaves, 128 above them, …, the root
	tail  []ct.Hash   // leaf hashes of the partial tile
}

// tileMemory is that of tiles whose unit is written.
var tileMemory = sync.Pool{New: func() any { return new([2*ct.TileWidth - 1]ct.Hash) }}

// done gives the memory of the tiles back.
func (b *treeBuilder) done() {
	for _, nodes := range b.tiles {
		tileMemory.Put((*[2*ct.TileWidth - 1]ct.Hash)(nodes))
	}
	b.tiles = nil
}

// full adds a full tile and returns its root.
func (b *treeBuilder) full(leaves []ct.Hash) ct.Hash {
	nodes := append(tileMemory.Get().(*[2*ct.TileWidth - 1]ct.Hash)[:0], leaves...)
	for from := 0; len(nodes) < cap(nodes); from += 2 {
		nodes = append(nodes, ct.HashNode(nodes[from], nodes[from+1]))
	}
	b.tiles = append(b.tiles, nodes)
	return nodes[len(nodes)-1]
}

// encode returns what proofs of the entries at these positions of the unit need; ascending.
func (b *treeBuilder) encode(kept []uint64) []byte {
	out := binary.BigEndian.AppendUint16(nil, uint16(len(b.tiles)))
	out = binary.BigEndian.AppendUint16(out, uint16(len(b.tail)))
	for t, nodes := range b.tiles {
		out = append(out, nodes[len(nodes)-1][:]...)
		from, _ := slices.BinarySearch(kept, uint64(t)*ct.TileWidth)
		to, _ := slices.BinarySearch(kept, uint64(t+1)*ct.TileWidth)
		here := slices.Compact(slices.Clone(kept[from:to]))
		if len(here)*pathSize >= ct.TileWidth*len(ct.Hash{}) {
			out = binary.BigEndian.AppendUint16(out, allLeaves)
			for _, h := range nodes[:ct.TileWidth] {
				out = append(out, h[:]...)
			}
			continue
		}
		out = binary.BigEndian.AppendUint16(out, uint16(len(here)))
		for _, k := range here {
			pos := int(k % ct.TileWidth)
			out = append(out, byte(pos))
			for level, base := 0, 0; level < tileLevel; level++ {
				h := nodes[base+pos>>level^1]
				out = append(out, h[:]...)
				base += ct.TileWidth >> level
			}
		}
	}
	for _, h := range b.tail {
		out = append(out, h[:]...)
	}
	return out
}

// unitTree answers for the nodes of a unit's part of the tree.
type unitTree struct {
	tops  [][]ct.Hash // of complete subtrees of full tiles, by level above tileLevel
	tiles []tileNodes
	tail  []ct.Hash // leaf hashes of the partial tile
}

type tileNodes struct {
	leaves []byte // of a tile kept whole, else nil
	paths  []byte
}

// parseUnitTree reads what encode wrote. It aliases raw.
func parseUnitTree(raw []byte) (*unitTree, error) {
	if len(raw) < 4 {
		return nil, errDamaged
	}
	full, tail := int(binary.BigEndian.Uint16(raw)), int(binary.BigEndian.Uint16(raw[2:]))
	raw = raw[4:]
	t := &unitTree{tops: [][]ct.Hash{nil}}
	take := func(n int) []byte {
		if len(raw) < n {
			return nil
		}
		out := raw[:n:n]
		raw = raw[n:]
		return out
	}
	for range full {
		head := take(len(ct.Hash{}) + 2)
		if head == nil {
			return nil, errDamaged
		}
		t.tops[0] = append(t.tops[0], ct.Hash(head[:len(ct.Hash{})]))
		var nodes tileNodes
		if n := int(binary.BigEndian.Uint16(head[len(ct.Hash{}):])); n == allLeaves {
			nodes.leaves = take(ct.TileWidth * len(ct.Hash{}))
			if nodes.leaves == nil {
				return nil, errDamaged
			}
		} else if nodes.paths = take(n * pathSize); nodes.paths == nil {
			return nil, errDamaged
		}
		t.tiles = append(t.tiles, nodes)
	}
	if tail >= ct.TileWidth || len(raw) != tail*len(ct.Hash{}) {
		return nil, errDamaged
	}
	for len(raw) > 0 {
		t.tail = append(t.tail, ct.Hash(take(len(ct.Hash{}))))
	}
	for below := t.tops[0]; len(below) > 1; {
		above := make([]ct.Hash, len(below)/2)
		for i := range above {
			above[i] = ct.HashNode(below[2*i], below[2*i+1])
		}
		t.tops = append(t.tops, above)
		below = above
	}
	return t, nil
}

// node returns the root of a complete subtree of the unit, by its level and its index among
// those of the unit. Below tileLevel it is known for what the kept sightings' proofs need.
func (t *unitTree) node(level uint, index uint64) (ct.Hash, error) {
	if level >= tileLevel {
		if l := level - tileLevel; l < uint(len(t.tops)) && index < uint64(len(t.tops[l])) {
			return t.tops[l][index], nil
		}
		return ct.Hash{}, noNode(level, index)
	}
	tile, pos := index>>(tileLevel-level), index&(ct.TileWidth>>level-1)
	switch {
	case tile < uint64(len(t.tiles)):
		return t.tiles[tile].node(level, pos)
	case tile == uint64(len(t.tiles)) && (pos+1)<<level <= uint64(len(t.tail)):
		return rootOf(t.tail[pos<<level : (pos+1)<<level]), nil
	}
	return ct.Hash{}, noNode(level, index)
}

func (n *tileNodes) node(level uint, pos uint64) (ct.Hash, error) {
	if n.leaves != nil {
		from, to := pos<<level, (pos+1)<<level
		leaves := make([]ct.Hash, 0, to-from)
		for i := from; i < to; i++ {
			leaves = append(leaves, ct.Hash(n.leaves[i*uint64(len(ct.Hash{})):][:len(ct.Hash{})]))
		}
		return rootOf(leaves), nil
	}
	for rest := n.paths; len(rest) > 0; rest = rest[pathSize:] {
		if uint64(rest[0])>>level^1 == pos {
			return ct.Hash(rest[1+int(level)*len(ct.Hash{}):][:len(ct.Hash{})]), nil
		}
	}
	return ct.Hash{}, noNode(level, pos)
}

func noNode(level uint, index uint64) error {
	return fmt.Errorf("the subtree %d at level %d is not among what was kept: %w", index, level, errDamaged)
}

// rootOf hashes a complete subtree; the number of leaves is a power of two.
func rootOf(leaves []ct.Hash) ct.Hash {
	if len(leaves) == 1 {
		return leaves[0]
	}
	half := 1 << (bits.Len(uint(len(leaves)-1)) - 1)
	return ct.HashNode(rootOf(leaves[:half]), rootOf(leaves[half:]))
}

// span returns the compact range that the unit's entries, from first on, hash to.
func (t *unitTree) span(first uint64) (*ct.Range, error) {
	r := ct.NewRange(first)
	for i, top := range t.tops[0] {
		begin := first + uint64(i)*ct.TileWidth
		if err := r.Join(&ct.Range{Begin: begin, End: begin + ct.TileWidth, Nodes: []ct.Hash{top}}); err != nil {
			return nil, err
		}
	}
	for _, h := range t.tail {
		r.Append(h)
	}
	return r, nil
}
