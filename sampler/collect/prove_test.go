package collect

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"selfaudit/internal/testlog"
	"selfaudit/sampler/ct"
)

// TestNodeTiles assembles the hash tiles above level 0 of a tree that has three levels of
// them, and compares them with the tree's nodes.
func TestNodeTiles(t *testing.T) {
	const tops = 256*256 + 3 // roots of full tiles of level 0
	var nodes []ct.Hash
	for i := range tops {
		nodes = append(nodes, ct.Hash(sha256.Sum256(fmt.Appendf(nil, "%d", i))))
	}
	node := testlog.NodesOf(nodes)
	var got map[string]int
	tiles := nodeTiles{check: func(level uint, tile uint64, nodes []ct.Hash) error {
		got[fmt.Sprintf("%d/%d", level, tile)] = len(nodes)
		for i, h := range nodes {
			want, err := node(8*(level-1), tile*256+uint64(i))
			if err != nil || h != want {
				return fmt.Errorf("level %d, tile %d, hash %d is %s, want %s (%v)", level, tile, i, h, want, err)
			}
		}
		return nil
	}}
	for _, c := range []struct {
		first uint64   // root of a full tile with which reading begins
		count int      // tiles that can be compared
		some  []string // of them
	}{
		{0, 256 + 1 + 1 + 1, []string{"1/0", "1/255", "1/256", "2/0", "3/0"}},
		{64, 255 + 1, []string{"1/1", "1/255", "1/256"}}, // the first tile of every level was begun before
		{256, 255 + 1, []string{"1/1", "1/256"}},         // and so were those of level 2 and 3
		{256 * 255, 1 + 1, []string{"1/255", "1/256"}},
		{256 * 256, 1, []string{"1/256"}},
		{256*256 + 1, 0, nil},
	} {
		got = map[string]int{}
		tiles.first, tiles.levels = c.first*256, nil
		for _, h := range nodes[c.first:] {
			if err := tiles.add(1, h); err != nil {
				t.Fatal(err)
			}
		}
		if err := tiles.finish(); err != nil {
			t.Fatal(err)
		}
		if len(got) != c.count {
			t.Errorf("from %d on: %d tiles were compared: %v", c.first, len(got), got)
		}
		for _, name := range c.some {
			if want := map[string]int{"1/256": 3, "3/0": 1}[name]; got[name] != max(want, 256) && got[name] != want {
				t.Errorf("from %d on: tile %s was compared with %d hashes", c.first, name, got[name])
			}
		}
	}
}
