package testlog

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"selfaudit/internal/testpki"
	"selfaudit/sampler/ct"
)

// StaticOptions describe a static-ct log and how it lies.
type StaticOptions struct {
	Key    *testpki.Key
	Origin string

	// Edit, when set, sees every file below the log's folder before it is written
	// (slash path, such as "tile/data/000", "tile/0/000.p/12", "checkpoint",
	// "issuer/<hash>") and returns what to write instead; nil leaves the file out.
	// Hashes above it are those of the unedited bytes.
	Edit func(path string, content []byte) []byte

	// LeafIndex, when set, returns the extensions of the entry at index in place
	// of leaf_index; the tree is built over them.
	LeafIndex func(index uint64) []byte

	// ExtraBefore and ExtraAfter are signature lines around the log's own.
	ExtraBefore, ExtraAfter []string
}

// Static writes a static-ct log (c2sp.org/static-ct-api) into a folder.
type Static struct {
	dir string
	o   StaticOptions

	size    uint64
	data    []byte      // records of the data tile being filled
	levels  [][]ct.Hash // hashes of the tile being filled, by level
	tree    *ct.Range
	issuers map[ct.Fingerprint]bool
}

// NewStatic begins an empty log in dir, which is made if need be. Nothing is
// published until Publish.
func NewStatic(dir string, o StaticOptions) (*Static, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making log folder: %w", err)
	}
	w := &Static{dir: dir, o: o, tree: ct.NewRange(0), issuers: map[ct.Fingerprint]bool{}}
	if err := writeKey(dir, o.Key); err != nil {
		return nil, err
	}
	return w, nil
}

// writeKey writes the log's public key as the fixtures have it.
func writeKey(dir string, key *testpki.Key) error {
	if err := os.WriteFile(filepath.Join(dir, "key.pub.pem"), key.PublicPEM(), 0o644); err != nil {
		return fmt.Errorf("writing log key: %w", err)
	}
	b64 := base64.StdEncoding.EncodeToString(key.SPKI) + "\n"
	if err := os.WriteFile(filepath.Join(dir, "key.pub.b64"), []byte(b64), 0o644); err != nil {
		return fmt.Errorf("writing log key: %w", err)
	}
	return nil
}

// Size returns the number of entries added.
func (w *Static) Size() uint64 { return w.size }

// Root returns the root over the entries added.
func (w *Static) Root() ct.Hash {
	root, err := w.tree.Root()
	if err != nil {
		panic("testlog: " + err.Error())
	}
	return root
}

// Add appends an entry and returns its index.
func (w *Static) Add(e Entry) (uint64, error) {
	index := w.size
	extensions := leafIndex(index)
	if w.o.LeafIndex != nil {
		extensions = w.o.LeafIndex(index)
	}
	record := e.timestampedEntry(extensions)
	leaf := ct.HashLeaf(append([]byte{0, 0}, record...))
	w.data = append(w.data, record...)
	if e.Certificate == nil {
		w.data = appendVector24(w.data, e.Precert)
	}
	var chain []byte
	for _, cert := range e.Chain {
		fp := ct.FingerprintOf(cert)
		chain = append(chain, fp[:]...)
		if err := w.addIssuer(fp, cert); err != nil {
			return 0, err
		}
	}
	w.data = appendVector16(w.data, chain)
	w.size++
	w.tree.Append(leaf)
	if w.size%ct.TileWidth == 0 {
		if err := w.write(ct.TilePath("data", index/ct.TileWidth, ct.TileWidth), w.data); err != nil {
			return 0, err
		}
		w.data = w.data[:0]
	}
	return index, w.addHash(0, leaf)
}

func (w *Static) addIssuer(fp ct.Fingerprint, cert []byte) error {
	if w.issuers[fp] {
		return nil
	}
	w.issuers[fp] = true
	return w.write("issuer/"+fp.String(), cert)
}

// addHash appends a hash to the tile being filled at level, and writes the tile
// and carries its root up when that fills it.
func (w *Static) addHash(level int, h ct.Hash) error {
	if level == len(w.levels) {
		w.levels = append(w.levels, nil)
	}
	w.levels[level] = append(w.levels[level], h)
	if len(w.levels[level]) < ct.TileWidth {
		return nil
	}
	tile := w.levels[level]
	n := w.size>>(8*(level+1)) - 1
	if err := w.write(ct.TilePath(strconv.Itoa(level), n, ct.TileWidth), joinHashes(tile)); err != nil {
		return err
	}
	w.levels[level] = tile[:0]
	// A full tile is a complete subtree of 256 nodes.
	r := ct.NewRange(0)
	for _, h := range tile[:ct.TileWidth] {
		r.Append(h)
	}
	root, err := r.Root()
	if err != nil {
		return err
	}
	return w.addHash(level+1, root)
}

func joinHashes(hashes []ct.Hash) []byte {
	b := make([]byte, 0, len(hashes)*sha256.Size)
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	return b
}

// Publish writes the partial tiles and the checkpoint of the present size. More
// entries may be added and published after it; old partial tiles stay, as on real logs.
func (w *Static) Publish(timestampMS uint64) error {
	if width := int(w.size % ct.TileWidth); width > 0 {
		if err := w.write(ct.TilePath("data", w.size/ct.TileWidth, width), w.data); err != nil {
			return err
		}
	}
	for level, tile := range w.levels {
		if len(tile) == 0 {
			continue
		}
		n := w.size >> (8 * (level + 1))
		if err := w.write(ct.TilePath(strconv.Itoa(level), n, len(tile)), joinHashes(tile)); err != nil {
			return err
		}
	}
	note := Checkpoint(w.o.Key, w.o.Origin, w.size, w.Root(), timestampMS, w.o.ExtraBefore, w.o.ExtraAfter)
	return w.write("checkpoint", note)
}

func (w *Static) write(path string, content []byte) error {
	if w.o.Edit != nil {
		if content = w.o.Edit(path, append([]byte(nil), content...)); content == nil {
			return nil
		}
	}
	return writeBelow(w.dir, path, content)
}

// writeBelow writes a file under dir, making its folder.
func writeBelow(dir, path string, content []byte) error {
	full := filepath.Join(dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.WriteFile(full, content, 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
