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
		record, err := in.tileRecord(&e, false)
		if err != nil {
			return fmt.Errorf("data tile: entry %d: %w", index, err)
		}
		scratch = e.aliasLeaf(record, scratch[:0])
		return fn(&e)
	})
}

// DataTile is a data tile read whole, with the leaf hash of every entry computed. Its
// memory is used again by the next Parse.
type DataTile struct {
	Entries []Entry
	Hashes  []Hash // the leaf hash of every entry
	// OnlyHashes leaves Leaf nil: where LeafHash is all that is asked, the leaves need not
	// be in memory a second time, which costs more than hashing once they do not fit the cache.
	OnlyHashes bool
	// Want, if set, leaves precertificate entries for whose issuer_key_hash it is false out of
	// Entries: they have their hash, and the place of the next one is used for them.
	Want func(issuerKeyHash [32]byte) bool
	// AnyExtensions asks for no leaf_index: RFC 6962 logs that are served or archived as tiles have none.
	AnyExtensions bool

	leaves []byte // what the entries' Leaf aliases
}

// Parse reads a data tile under the rules of ParseDataTile. The entries alias tile, which with
// OnlyHashes nobody else may read at the same time: the bytes before a record are borrowed
// while it is hashed. After an error, Entries and Hashes are those before the defect.
func (t *DataTile) Parse(tile []byte, first uint64, count int) error {
	t.Entries, t.Hashes = t.Entries[:0], t.Hashes[:0]
	if most := len(tile) + 3*TileWidth; !t.OnlyHashes && cap(t.leaves) < most || cap(t.leaves) > 4*most+1<<20 {
		t.leaves = make([]byte, 0, most)
	}
	t.leaves = t.leaves[:0] // large enough for all, if Leaf is wanted: entries alias it while it is filled
	return parseTile(tile, first, count, func(in *input, index uint64) (err error) {
		if len(t.Entries) == cap(t.Entries) {
			t.Entries = slices.Grow(t.Entries, TileWidth)
		}
		e := &t.Entries[:len(t.Entries)+1][len(t.Entries)]
		e.Index = index
		start := len(tile) - len(*in)
		record, err := in.tileRecord(e, t.AnyExtensions)
		if err != nil {
			return fmt.Errorf("data tile: entry %d: %w", index, err)
		}
		if t.OnlyHashes {
			t.hashRecord(e, tile, start, len(record))
		} else {
			t.leaves = e.aliasLeaf(record, t.leaves)
			e.KeepLeafHash()
		}
		t.Hashes = append(t.Hashes, e.hash)
		if t.Want == nil || e.Type != PrecertEntry || t.Want(e.IssuerKeyHash) {
			t.Entries = t.Entries[:len(t.Entries)+1]
		}
		return nil
	})
}

// hashRecord hashes the record at tile[start:start+n] where it lies: copying it behind the
// prefix would cost a third of what hashing costs.
func (t *DataTile) hashRecord(e *Entry, tile []byte, start, n int) {
	if start < len(leafHeader) {
		t.leaves = append(append(t.leaves[:0], leafHeader[:]...), tile[start:start+n]...)
		e.hash, e.hashed = hashPrefixed(t.leaves), true
		return
	}
	before := (*[len(leafHeader)]byte)(tile[start-len(leafHeader):])
	saved := *before
	*before = leafHeader
	e.hash, e.hashed = hashPrefixed(tile[start-len(leafHeader):start+n]), true
	*before = saved
}

// leafHeader is what a leaf has before its record when it is hashed: the prefix of RFC 6962
// section 2.1, then version and leaf type of section 3.4.
var leafHeader = [3]byte{leafPrefix, 0, 0}

// aliasLeaf appends the leaf of a record to scratch, behind the hash prefix, and makes
// e.Leaf alias it.
func (e *Entry) aliasLeaf(record, scratch []byte) []byte {
	from := len(scratch)
	scratch = append(append(scratch, leafHeader[:]...), record...)
	e.prefixed = scratch[from:len(scratch):len(scratch)]
	e.Leaf = e.prefixed[1:]
	return scratch
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

// tileRecord reads the record of entry e.Index, and returns what of it the leaf holds.
func (in *input) tileRecord(e *Entry, anyExtensions bool) ([]byte, error) {
	e.reset()
	before := *in
	if err := in.timestampedEntry(e); err != nil {
		return nil, err
	}
	record := before[:len(before)-len(*in)]
	if !anyExtensions {
		if err := checkLeafIndex(e.Extensions, e.Index); err != nil {
			return nil, err
		}
	}
	if e.Type == PrecertEntry {
		pre, ok := in.vector24()
		if !ok || len(pre) == 0 {
			return nil, errors.New("pre_certificate is empty or cut short")
		}
		e.Precertificate = pre
	}
	chain, ok := in.vector16()
	if !ok {
		return nil, errors.New("certificate_chain is cut short")
	}
	if len(chain)%len(Fingerprint{}) != 0 {
		return nil, fmt.Errorf("certificate_chain of %d bytes is not whole fingerprints", len(chain))
	}
	for ; len(chain) > 0; chain = chain[len(Fingerprint{}):] {
		e.ChainFingerprints = append(e.ChainFingerprints, Fingerprint(chain[:len(Fingerprint{})]))
	}
	return record, nil
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
