package ctlog

import (
	"context"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"sync"

	"selfaudit/sampler/ct"
)

const (
	tileHeight = 8 // levels of the tree in a tile: 2^8 = ct.TileWidth
	// maxTilesKept bounds the cache: full tiles have 8 kB, so it takes 32 MB.
	maxTilesKept = 4096
	// maxEdgesKept bounds for how many tree heads the right edge is remembered as verified.
	maxEdgesKept = 4
)

// tileKey names a hash tile. Tree heads of different sizes give the same tile different widths.
type tileKey struct {
	level uint
	n     uint64
	width int
}

// keptTile is a hash tile that is, or is being, fetched.
type keptTile struct {
	mu     sync.Mutex // held while it is fetched: whoever else needs it waits
	hashes []ct.Hash  // nil until then
}

// tileCache keeps hash tiles that were compared with the hashes above them.
type tileCache struct {
	mu    sync.Mutex
	tiles map[tileKey]*keptTile
	order []tileKey // oldest first, for forgetting

	edgeMu sync.Mutex
	edges  []ct.TreeHead // whose right edges were verified, oldest first
}

// slot returns the place of a tile. The tile fetched longest ago makes room.
func (c *tileCache) slot(k tileKey) *keptTile {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t, ok := c.tiles[k]; ok {
		return t
	}
	if c.tiles == nil {
		c.tiles = make(map[tileKey]*keptTile)
	}
	if len(c.order) >= maxTilesKept {
		delete(c.tiles, c.order[0])
		c.order = c.order[1:]
	}
	t := new(keptTile)
	c.tiles[k] = t
	c.order = append(c.order, k)
	return t
}

func (c *tileCache) forget(k tileKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.tiles, k)
	c.order = slices.DeleteFunc(c.order, func(o tileKey) bool { return o == k })
}

// tileNode returns the root of the complete subtree of 2^level leaves from index<<level on, in the tree of head.
func (l *Log) tileNode(ctx context.Context, head ct.TreeHead, level uint, index uint64) (ct.Hash, error) {
	if err := l.checkEdge(ctx, head); err != nil {
		return ct.Hash{}, err
	}
	return l.nodeOf(ctx, head, level, index)
}

// nodeOf is tileNode without the check of the right edge.
func (l *Log) nodeOf(ctx context.Context, head ct.TreeHead, level uint, index uint64) (ct.Hash, error) {
	k := level % tileHeight
	first := index << k // of the 2^k hashes below, all in one tile
	hashes, err := l.hashTile(ctx, head, level/tileHeight, first/ct.TileWidth)
	if err != nil {
		return ct.Hash{}, err
	}
	at := first % ct.TileWidth
	if at+1<<k > uint64(len(hashes)) {
		return ct.Hash{}, fmt.Errorf("log %s: subtree %d at level %d is not complete in a tree of %d", l.name, index, level, head.Size)
	}
	return foldNodes(slices.Clone(hashes[at : at+1<<k])), nil
}

// hashTile returns hash tile n of a tile level, cut to the width that it has in the tree of head. A full tile is compared with the hash
// above it; the partial ones, which make up the right edge of the tree, are what checkEdge compares with the root.
func (l *Log) hashTile(ctx context.Context, head ct.TreeHead, level uint, n uint64) ([]ct.Hash, error) {
	count := head.Size >> (level * tileHeight) // of the hashes at this level
	if n > count/ct.TileWidth || n*ct.TileWidth == count {
		return nil, fmt.Errorf("log %s: a tree of %d has no hash tile %d at level %d", l.name, head.Size, n, level)
	}
	width := int(min(count-n*ct.TileWidth, ct.TileWidth))
	slot := l.proofs.tiles.slot(tileKey{level, n, width})
	slot.mu.Lock()
	defer slot.mu.Unlock()
	if slot.hashes != nil {
		return slot.hashes, nil
	}
	var above *ct.Hash
	if width == ct.TileWidth {
		parent, err := l.hashTile(ctx, head, level+1, n/ct.TileWidth) // locks go upwards only
		if err != nil {
			return nil, err
		}
		above = &parent[n%ct.TileWidth]
	}
	hashes, err := l.fetchProofTile(ctx, tileKey{level, n, width}, above)
	slot.hashes = hashes
	return hashes, err
}

// fetchProofTile fetches a hash tile. With above, the root over its 256 hashes must be that.
func (l *Log) fetchProofTile(ctx context.Context, k tileKey, above *ct.Hash) ([]ct.Hash, error) {
	const size = len(ct.Hash{})
	var hashes []ct.Hash
	_, err := l.tileOrFull(ctx, tileRequest{
		level: strconv.FormatUint(uint64(k.level), 10), n: k.n, width: k.width, entry: int64(size), limit: maxHashTile,
		// Compared inside the request, because a cache or proxy may have mangled this answer and not the next.
		check: func(body []byte, width int) error {
			if len(body) != width*size {
				return fmt.Errorf("hash tile of %d bytes, want %d (%d hashes)", len(body), width*size, width)
			}
			hashes = make([]ct.Hash, k.width)
			for i := range hashes {
				hashes[i] = ct.Hash(body[i*size:])
			}
			if above == nil {
				return nil
			}
			if root := foldNodes(slices.Clone(hashes)); root != *above {
				return fmt.Errorf("the tile's hashes lead to %s, the tile above it says %s", root, *above)
			}
			return nil
		},
	}, new(buffer))
	if err != nil {
		return nil, err
	}
	return hashes, nil
}

// checkEdge compares the right edge of a tree, the partial tiles, with the root of its head, once per head. When they do not agree they
// are fetched once more: a mangled answer is not a wrong log.
func (l *Log) checkEdge(ctx context.Context, head ct.TreeHead) error {
	c := &l.proofs.tiles
	c.edgeMu.Lock()
	defer c.edgeMu.Unlock()
	same := func(h ct.TreeHead) bool { return h.Size == head.Size && h.Root == head.Root }
	if slices.ContainsFunc(c.edges, same) {
		return nil
	}
	root, err := l.edgeRoot(ctx, head)
	if err == nil && root != head.Root {
		l.forgetEdge(head)
		root, err = l.edgeRoot(ctx, head)
	}
	if err != nil {
		return err
	}
	if root != head.Root {
		l.forgetEdge(head)
		err := fmt.Errorf("the last hash tiles of the tree of %d lead to root %s, the tree head says %s", head.Size, root, head.Root)
		return &Error{Log: l.name, Kind: Invalid, Where: "hash tiles", Err: err}
	}
	if len(c.edges) == maxEdgesKept {
		c.edges = slices.Delete(c.edges, 0, 1)
	}
	c.edges = append(c.edges, head)
	return nil
}

// edgeRoot computes the root of head's tree from its partial tiles: every complete subtree of the tree's compact range lies in one.
func (l *Log) edgeRoot(ctx context.Context, head ct.TreeHead) (ct.Hash, error) {
	whole := ct.Range{End: head.Size}
	for rest := head.Size; rest > 0; {
		level := uint(bits.Len64(rest)) - 1
		rest -= 1 << level
		node, err := l.nodeOf(ctx, head, level, head.Size>>level-1)
		if err != nil {
			return ct.Hash{}, err
		}
		whole.Nodes = append(whole.Nodes, node)
	}
	root, err := whole.Root()
	if err != nil {
		return ct.Hash{}, fmt.Errorf("log %s: %w", l.name, err)
	}
	return root, nil
}

func (l *Log) forgetEdge(head ct.TreeHead) {
	for level := uint(0); head.Size>>(level*tileHeight) > 0; level++ {
		count := head.Size >> (level * tileHeight)
		l.proofs.tiles.forget(tileKey{level, count / ct.TileWidth, int(count % ct.TileWidth)})
	}
}
