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
	got := map[string]int{}
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
	for _, h := range nodes {
		if err := tiles.add(1, h); err != nil {
			t.Fatal(err)
		}
	}
	if err := tiles.finish(); err != nil {
		t.Fatal(err)
	}
	if len(got) != 256+1+1+1 || got["1/0"] != 256 || got["1/255"] != 256 || got["1/256"] != 3 || got["2/0"] != 256 || got["3/0"] != 1 {
		t.Errorf("%d tiles were compared: %v", len(got), got)
	}
}
