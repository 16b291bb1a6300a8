package ctlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"selfaudit/sampler/ct"
)

// tile is one data tile on its way from the log to the caller.
type tile struct {
	n     uint64
	width int // entries that the tree head commits to
	where string
	buf   buffer
	data  ct.DataTile // parsed and hashed where it was fetched, while it is in the core's cache
	bad   error       // what is wrong with the entry after data's last
	digest

	hashBuf buffer
	hashes  []byte // the level-0 hash tile, or nil
}

// readTiles reads the data tiles of [start, end) of a tree with the given size.
func (l *Log) readTiles(ctx context.Context, size, start, end uint64, want wanted, to *sink) error {
	n, last := start/ct.TileWidth, (end-1)/ct.TileWidth
	next := func() task[*tile] {
		if n > last {
			return nil
		}
		number := n
		n++
		return func(ctx context.Context, _ func(*tile) error) (*tile, error) {
			t := l.spareTiles.get()
			t.data.OnlyHashes, t.data.Want, t.data.AnyExtensions = want != nil, nil, l.cfg.Type == RFC6962
			if to.batch != nil {
				t.data.Want = want
			}
			if err := l.fetchTile(ctx, number, tileWidth(number, size), t); err != nil {
				return nil, err
			}
			t.take(ctx, number*ct.TileWidth, t.data.Hashes, t.data.Entries, start, t.end(end), to)
			return t, nil
		}
	}
	consume := func(t *tile) error {
		defer l.spareTiles.put(t)
		return l.consumeTile(ctx, t, start, end, to)
	}
	return inOrder(ctx, l.workers(), next, consume)
}

// tileWidth returns how many entries tile n has in a tree of the given size.
func tileWidth(n, size uint64) int {
	return int(min(size-n*ct.TileWidth, ct.TileWidth))
}

func (l *Log) fetchTile(ctx context.Context, n uint64, width int, t *tile) error {
	t.buf.trim()
	t.n, t.width, t.hashes = n, width, nil
	r := tileRequest{level: "data", n: n, width: width, limit: maxBody}
	r.check = func(body []byte, width int) error {
		t.bad = t.data.Parse(body, n*ct.TileWidth, width)
		if l.remote {
			return t.bad
		}
		return nil // a file does not get better when it is read again; consumeTile says what is wrong with it
	}
	answer, err := l.tileOrFull(ctx, r, &t.buf)
	if l.cfg.Tiles && (err == nil || errors.Is(err, errNoTile)) {
		l.hybrid.gotTile(width, err == nil)
	}
	if err != nil {
		return err
	}
	t.where = answer.where
	if l.cfg.HashTiles && l.remote && l.cfg.Type == StaticCT {
		// If this fails, CheckHashTile asks again and reports it at its turn.
		t.hashes, _, _ = l.fetchHashes(ctx, 0, n, width, &t.hashBuf)
	}
	return nil
}

// tileRequest names a tile of either sort.
type tileRequest struct {
	level string // "data" or the number of a level of hashes
	n     uint64
	width int
	entry int64                              // bytes of an entry, when all have the same; else 0
	limit int64                              // bytes of the tile
	check func(body []byte, width int) error // nil: none
}

// tileAnswer is the tile that came: the one asked for, or the full one in its place.
type tileAnswer struct {
	body  []byte
	width int
	where string
}

// tileOrFull fetches a tile. A partial tile may be deleted once the full one exists, so that one is tried next (static-ct-api,
// "Partial Tiles").
func (l *Log) tileOrFull(ctx context.Context, r tileRequest, b *buffer) (tileAnswer, error) {
	get := func(width int, mustExist bool) (tileAnswer, error) {
		where := ct.TilePath(r.level, r.n, width)
		one := request{path: where, limit: r.limit, exact: int64(width) * r.entry, retryMissing: mustExist}
		if r.check != nil {
			one.check = func(body []byte) error { return r.check(body, width) }
		}
		body, err := l.src.get(ctx, one, b)
		return tileAnswer{body, width, where}, err
	}
	var partial error
	if r.width < ct.TileWidth {
		answer, err := get(r.width, false)
		if !isMissing(err) {
			return answer, l.failedIf(ctx, answer.where, err)
		}
		partial = err
	}
	answer, err := get(ct.TileWidth, !l.cfg.Tiles)
	if isMissing(err) {
		if l.cfg.Tiles {
			return answer, errNoTile
		}
		if partial != nil {
			err = fmt.Errorf("%w, and so is the full tile", partial)
		}
		answer.where = ct.TilePath(r.level, r.n, r.width)
		err = fail(missing, Invalid, "the tree head commits the log to this tile: %w", err)
	}
	return answer, l.failedIf(ctx, answer.where, err)
}

func (l *Log) failedIf(ctx context.Context, where string, err error) error {
	if err == nil {
		return nil
	}
	return l.failed(ctx, where, err)
}

// end cuts a full tile in place of a partial one to the tree's size.
func (t *tile) end(end uint64) uint64 { return min(end, t.n*ct.TileWidth+uint64(t.width)) }

func (l *Log) consumeTile(ctx context.Context, t *tile, start, end uint64, to *sink) error {
	if t.hashes != nil {
		l.stash.put(t.n, t.hashes)
		defer l.stash.drop(t.hashes)
	}
	if err := t.deliver(ctx, t.data.Entries, start, t.end(end), to); err != nil {
		return err
	}
	return l.failedIf(ctx, t.where, t.bad)
}

// CheckHashTile compares the leaf hashes of the data tile tileIndex with the log's level-0 hash tile. width is the number of entries that
// the tree head gives the tile, and of leafHashes. A tile that is missing, has another size or another hash is an *Error of kind Invalid.
// Static-ct only. With Config.HashTiles the tiles that Read just delivered are at hand and cost no request.
func (l *Log) CheckHashTile(ctx context.Context, tileIndex uint64, width int, leafHashes []ct.Hash) error {
	if l.cfg.Type != StaticCT {
		return fmt.Errorf("log %s: hash tiles exist in static-ct logs only", l.name)
	}
	if width < 1 || width > ct.TileWidth || len(leafHashes) != width {
		return fmt.Errorf("log %s: hash tile %d: width %d with %d leaf hashes", l.name, tileIndex, width, len(leafHashes))
	}
	t := l.spareTiles.get()
	defer l.spareTiles.put(t)
	where := ct.TilePath("0", tileIndex, width)
	hashes := l.stash.take(tileIndex, width, &t.hashBuf)
	if hashes == nil {
		var err error
		if hashes, where, err = l.fetchHashes(ctx, 0, tileIndex, width, &t.hashBuf); err != nil {
			return err
		}
	}
	for i := range leafHashes {
		if theirs := hashes[i*len(ct.Hash{}):][:len(ct.Hash{})]; !bytes.Equal(theirs, leafHashes[i][:]) {
			err := fmt.Errorf("hash of entry %d is %x, the data tile gives %s", tileIndex*ct.TileWidth+uint64(i), theirs, leafHashes[i])
			return &Error{Log: l.name, Kind: Invalid, Where: where, Err: err}
		}
	}
	return nil
}

// CheckNodeTile compares the roots of the subtrees of 256^level entries that lie below hash tile tileIndex of that level, 1 or above, with
// the tile. A tile that is missing, has another size or another hash is an *Error of kind Invalid. Static-ct only.
func (l *Log) CheckNodeTile(ctx context.Context, level uint, tileIndex uint64, nodes []ct.Hash) error {
	if l.cfg.Type != StaticCT {
		return fmt.Errorf("log %s: hash tiles exist in static-ct logs only", l.name)
	}
	if level < 1 || len(nodes) < 1 || len(nodes) > ct.TileWidth {
		return fmt.Errorf("log %s: hash tile %d of level %d with %d hashes", l.name, tileIndex, level, len(nodes))
	}
	hashes, where, err := l.fetchHashes(ctx, level, tileIndex, len(nodes), new(buffer))
	if err != nil {
		return err
	}
	for i := range nodes {
		if theirs := hashes[i*len(ct.Hash{}):][:len(ct.Hash{})]; !bytes.Equal(theirs, nodes[i][:]) {
			err := fmt.Errorf("hash %d is %x, the entries below it give %s", i, theirs, nodes[i])
			return &Error{Log: l.name, Kind: Invalid, Where: where, Err: err}
		}
	}
	return nil
}

// fetchHashes returns the first width hashes of a hash tile.
func (l *Log) fetchHashes(ctx context.Context, level uint, n uint64, width int, b *buffer) ([]byte, string, error) {
	const size = len(ct.Hash{})
	answer, err := l.tileOrFull(ctx, tileRequest{
		level: strconv.FormatUint(uint64(level), 10), n: n, width: width, entry: int64(size), limit: maxHashTile,
		check: func(body []byte, width int) error {
			if len(body) != width*size {
				return fmt.Errorf("hash tile of %d bytes, want %d (%d hashes)", len(body), width*size, width)
			}
			return nil
		},
	}, b)
	if err != nil {
		return nil, answer.where, err
	}
	return answer.body[:width*size], answer.where, nil
}

// hashStash has the hash tiles that Read fetched beside the data tiles which it delivers now.
type hashStash struct {
	mu    sync.Mutex
	tiles []stashed
}

type stashed struct {
	n      uint64
	hashes []byte
}

func (s *hashStash) put(n uint64, hashes []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tiles = append(s.tiles, stashed{n, hashes})
}

// drop forgets a tile: its memory is used again.
func (s *hashStash) drop(hashes []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.tiles, func(t stashed) bool { return &t.hashes[0] == &hashes[0] }); i >= 0 {
		s.tiles = slices.Delete(s.tiles, i, i+1)
	}
}

// take returns a copy of a tile, for which it uses the memory of b; nil if it is not here.
func (s *hashStash) take(n uint64, width int, b *buffer) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tiles {
		if t.n == n && len(t.hashes) == width*len(ct.Hash{}) {
			b.plain = append(b.plain[:0], t.hashes...)
			return b.plain
		}
	}
	return nil
}
