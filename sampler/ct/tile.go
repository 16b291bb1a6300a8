package ct

import (
	"errors"
	"fmt"
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
	if count < 1 || count > TileWidth {
		return fmt.Errorf("data tile of %d entries: a tile holds 1 to %d", count, TileWidth)
	}
	if first > maxTreeSize-TileWidth {
		return fmt.Errorf("data tile: index %d is out of range", first)
	}
	var e Entry
	// Leaf is rebuilt here because the record in the tile lacks the three bytes
	// before it (hash prefix, version, leaf type); the copy is small beside the hash.
	scratch := make([]byte, 3, 4096)
	in := input(tile)
	for i := range count {
		e.Index = first + uint64(i)
		if len(in) == 0 {
			return fmt.Errorf("data tile: ends after %d entries, want %d (entry %d is missing)", i, count, e.Index)
		}
		var err error
		if scratch, err = in.tileRecord(&e, scratch); err != nil {
			return fmt.Errorf("data tile: entry %d: %w", e.Index, err)
		}
		if err := fn(&e); err != nil {
			return err
		}
	}
	if len(in) != 0 {
		return fmt.Errorf("data tile: %d bytes after entry %d, the last of %d", len(in), first+uint64(count)-1, count)
	}
	return nil
}

// tileRecord reads the record of entry e.Index. scratch begins with the three
// zero bytes of hash prefix, version and leaf type, and is returned grown.
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
	scratch = append(scratch[:3], record...)
	e.prefixed, e.Leaf = scratch, scratch[1:]
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
