package ct

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// TileWidth is the number of entries or hashes in a full tile (static-ct-api).
const TileWidth = 256

// TilePath returns the path of a tile below a log's monitoring prefix:
// "tile/<level>/<n>" for a full tile and "tile/<level>/<n>.p/<width>" for a
// narrower one. level is "data" or the decimal tile level; n is written in groups
// of three digits, all but the last with "x" in front: 1234067 is x001/x234/067.
func TilePath(level string, n uint64, width int) string {
	b := make([]byte, 0, 48)
	b = append(b, "tile/"...)
	b = append(b, level...)
	b = append(b, '/')
	b = appendTileNumber(b, n)
	if width < TileWidth {
		b = append(b, ".p/"...)
		b = strconv.AppendInt(b, int64(width), 10)
	}
	return string(b)
}

func appendTileNumber(b []byte, n uint64) []byte {
	if n >= 1000 {
		b = appendTileGroups(b, n/1000)
	}
	return appendThreeDigits(b, n%1000)
}

func appendTileGroups(b []byte, n uint64) []byte {
	if n >= 1000 {
		b = appendTileGroups(b, n/1000)
	}
	b = append(b, 'x')
	b = appendThreeDigits(b, n%1000)
	return append(b, '/')
}

func appendThreeDigits(b []byte, n uint64) []byte {
	return append(b, '0'+byte(n/100), '0'+byte(n/10%10), '0'+byte(n%10))
}

// leafIndexExtension is the CtExtension type static-ct-api defines for the
// position of an entry; its data are the index in five octets.
const leafIndexExtension = 0

// ParseDataTile reads a data tile of exactly count entries, the first of which
// has index first, and calls fn for each in order. The entry and its slices are
// reused: fn must copy what it keeps. An error of fn ends the reading and is
// returned as it is.
//
// The tile must hold exactly count records with nothing after them, and every
// record must carry the leaf_index extension with its own position: hashes alone
// would not notice an index that lies.
func ParseDataTile(tile []byte, first uint64, count int, fn func(*Entry) error) error {
	var e Entry
	// Leaf is rebuilt here because the record in the tile lacks the three bytes
	// before it (hash prefix, version, leaf type); the copy is small beside the hash.
	scratch := make([]byte, 0, 4096)
	return parseTile(tile, first, count, func(in *input, index uint64) (err error) {
		e.Index = index
		if scratch, err = in.tileRecord(&e, scratch[:0]); err != nil {
			return fmt.Errorf("data tile: entry %d: %w", index, err)
		}
		return fn(&e)
	})
}

// DataTile is a data tile read whole, with the leaf hash of every entry computed. Its
// memory is used again by the next Parse.
type DataTile struct {
	Entries []Entry
	// OnlyHashes leaves Leaf nil: where LeafHash is all that is asked, the leaves need not
	// be in memory a second time, which costs more than hashing once they do not fit the cache.
	OnlyHashes bool

	leaves []byte // what the entries' Leaf aliases
}

// Parse reads a data tile under the rules of ParseDataTile. The entries alias tile. After
// an error, Entries are those before the defect.
func (t *DataTile) Parse(tile []byte, first uint64, count int) error {
	t.Entries = t.Entries[:0]
	if most := len(tile) + 3*TileWidth; !t.OnlyHashes && cap(t.leaves) < most || cap(t.leaves) > 4*most+1<<20 {
		t.leaves = make([]byte, 0, most)
	}
	t.leaves = t.leaves[:0] // large enough for all, if Leaf is wanted: entries alias it while it is filled
	return parseTile(tile, first, count, func(in *input, index uint64) (err error) {
		if len(t.Entries) == cap(t.Entries) {
			t.Entries = slices.Grow(t.Entries, TileWidth)
		}
		t.Entries = t.Entries[:len(t.Entries)+1]
		e := &t.Entries[len(t.Entries)-1]
		e.Index = index
		if t.leaves, err = in.tileRecord(e, t.leaves); err != nil {
			t.Entries = t.Entries[:len(t.Entries)-1]
			return fmt.Errorf("data tile: entry %d: %w", index, err)
		}
		e.KeepLeafHash()
		if t.OnlyHashes {
			e.Leaf, e.prefixed, t.leaves = nil, nil, t.leaves[:0]
		}
		return nil
	})
}

// parseTile calls record at each of the tile's records.
func parseTile(tile []byte, first uint64, count int, record func(in *input, index uint64) error) error {
	if count < 1 || count > TileWidth {
		return fmt.Errorf("data tile of %d entries: a tile holds 1 to %d", count, TileWidth)
	}
	if first > maxTreeSize-TileWidth {
		return fmt.Errorf("data tile: index %d is out of range", first)
	}
	in := input(tile)
	for i := range count {
		index := first + uint64(i)
		if len(in) == 0 {
			return fmt.Errorf("data tile: ends after %d entries, want %d (entry %d is missing)", i, count, index)
		}
		if err := record(&in, index); err != nil {
			return err
		}
	}
	if len(in) != 0 {
		return fmt.Errorf("data tile: %d bytes after entry %d, the last of %d", len(in), first+uint64(count)-1, count)
	}
	return nil
}

// tileRecord reads the record of entry e.Index. What e.Leaf aliases is appended to
// scratch, behind the hash prefix.
func (in *input) tileRecord(e *Entry, scratch []byte) ([]byte, error) {
	e.reset()
	before := *in
	if err := in.timestampedEntry(e); err != nil {
		return scratch, err
	}
	record := before[:len(before)-len(*in)]
	if err := checkLeafIndex(e.Extensions, e.Index); err != nil {
		return scratch, err
	}
	if e.Type == PrecertEntry {
		pre, ok := in.vector24()
		if !ok || len(pre) == 0 {
			return scratch, errors.New("pre_certificate is empty or cut short")
		}
		e.Precertificate = pre
	}
	chain, ok := in.vector16()
	if !ok {
		return scratch, errors.New("certificate_chain is cut short")
	}
	if len(chain)%len(Fingerprint{}) != 0 {
		return scratch, fmt.Errorf("certificate_chain of %d bytes is not whole fingerprints", len(chain))
	}
	for ; len(chain) > 0; chain = chain[len(Fingerprint{}):] {
		e.ChainFingerprints = append(e.ChainFingerprints, Fingerprint(chain[:len(Fingerprint{})]))
	}
	from := len(scratch)
	scratch = append(scratch, leafPrefix, 0, 0) // then version and leaf type of RFC 6962 section 3.4
	scratch = append(scratch, record...)
	e.prefixed = scratch[from:len(scratch):len(scratch)]
	e.Leaf = e.prefixed[1:]
	return scratch, nil
}

// checkLeafIndex requires exactly one leaf_index extension saying want. Other
// extensions are left alone: static-ct-api lets them be added later.
func checkLeafIndex(extensions []byte, want uint64) error {
	found := false
	for in := input(extensions); len(in) > 0; {
		typ, _ := in.uint8()
		data, ok := in.vector16()
		if !ok {
			return errors.New("extensions: an extension is cut short")
		}
		if typ != leafIndexExtension {
			continue
		}
		if found {
			return errors.New("extensions: leaf_index is there twice")
		}
		found = true
		if len(data) != 5 {
			return fmt.Errorf("extensions: leaf_index of %d bytes, want 5", len(data))
		}
		got := uint64(data[0])<<32 | uint64(data[1])<<24 | uint64(data[2])<<16 | uint64(data[3])<<8 | uint64(data[4])
		if got != want {
			return fmt.Errorf("extensions: leaf_index says %d, the position is %d", got, want)
		}
	}
	if !found {
		return errors.New("extensions: leaf_index is missing")
	}
	return nil
}
