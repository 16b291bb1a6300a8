package collect_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"selfaudit/sampler/ct"
	"selfaudit/sampler/ctlog"
)

// tamper rewrites the entries of a log in a folder behind its tree's back: edit gets all
// entries, in order, and changes them in place; it must keep their number.
func tamper(t testing.TB, kind, dir string, size int, edit func(list []*ct.Entry)) {
	t.Helper()
	var list []*ct.Entry
	keep := func(e *ct.Entry) { list = append(list, cloneEntry(e)) }
	if kind == ctlog.StaticCT {
		for first := 0; first < size; first += ct.TileWidth {
			count := min(size-first, ct.TileWidth)
			err := ct.ParseDataTile(readFile(t, dataTile(dir, first, count)), uint64(first), count, func(e *ct.Entry) error { keep(e); return nil })
			if err != nil {
				t.Fatal(err)
			}
		}
	} else {
		for first := 0; first < size; first += 256 {
			for i, raw := range readPage(t, capturedPage(dir, first)) {
				e := ct.Entry{Index: uint64(first + i)}
				if err := ct.ParseLeafInput(raw.Leaf, &e); err != nil {
					t.Fatal(err)
				}
				if err := ct.ParseExtraData(raw.Extra, &e); err != nil {
					t.Fatal(err)
				}
				keep(&e)
			}
		}
	}
	edit(list)
	for first := 0; first < size; first += 256 {
		part := list[first:min(first+256, size)]
		if kind == ctlog.StaticCT {
			var tile []byte
			for _, e := range part {
				tile = append(tile, encodeRecord(e)...)
			}
			writeFile(t, dataTile(dir, first, len(part)), tile)
			continue
		}
		var page []pageEntry
		for _, e := range part {
			page = append(page, pageEntry{append([]byte{0, 0}, encodeTimestamped(e)...), encodeExtra(e)})
		}
		writePage(t, capturedPage(dir, first), page)
	}
}

func dataTile(dir string, first, count int) string {
	return filepath.Join(dir, filepath.FromSlash(ct.TilePath("data", uint64(first/ct.TileWidth), count)))
}

func capturedPage(dir string, first int) string {
	return filepath.Join(dir, fmt.Sprintf("get-entries-%06d.json", first))
}

type pageEntry struct {
	Leaf  []byte `json:"leaf_input"`
	Extra []byte `json:"extra_data"`
}

type pageDocument struct {
	Entries []pageEntry `json:"entries"`
}

func readPage(t testing.TB, path string) []pageEntry {
	t.Helper()
	var page pageDocument
	if err := json.Unmarshal(readFile(t, path), &page); err != nil {
		t.Fatal(err)
	}
	return page.Entries
}

func writePage(t testing.TB, path string, entries []pageEntry) {
	t.Helper()
	raw, err := json.Marshal(pageDocument{entries})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, raw)
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func writeFile(t testing.TB, path string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
}

func cloneEntry(e *ct.Entry) *ct.Entry {
	c := *e
	c.TBS, c.Certificate, c.Extensions = bytes.Clone(e.TBS), bytes.Clone(e.Certificate), bytes.Clone(e.Extensions)
	c.Precertificate, c.ChainFingerprints = bytes.Clone(e.Precertificate), slices.Clone(e.ChainFingerprints)
	c.Chain = nil
	for _, der := range e.Chain {
		c.Chain = append(c.Chain, bytes.Clone(der))
	}
	return &c
}

func encodeTimestamped(e *ct.Entry) []byte {
	b := binary.BigEndian.AppendUint64(nil, e.Timestamp)
	b = binary.BigEndian.AppendUint16(b, uint16(e.Type))
	if e.Type == ct.PrecertEntry {
		b = append(b, e.IssuerKeyHash[:]...)
		b = vector24(b, e.TBS)
	} else {
		b = vector24(b, e.Certificate)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(e.Extensions)))
	return append(b, e.Extensions...)
}

// encodeRecord is the entry's record in a data tile (static-ct-api).
func encodeRecord(e *ct.Entry) []byte {
	b := encodeTimestamped(e)
	if e.Type == ct.PrecertEntry {
		b = vector24(b, e.Precertificate)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(32*len(e.ChainFingerprints)))
	for _, fp := range e.ChainFingerprints {
		b = append(b, fp[:]...)
	}
	return b
}

// encodeExtra is the entry's extra_data (RFC 6962 section 4.6).
func encodeExtra(e *ct.Entry) []byte {
	var b, chain []byte
	if e.Type == ct.PrecertEntry {
		b = vector24(b, e.Precertificate)
	}
	for _, der := range e.Chain {
		chain = vector24(chain, der)
	}
	return vector24(b, chain)
}

func vector24(b, v []byte) []byte {
	b = append(b, byte(len(v)>>16), byte(len(v)>>8), byte(len(v)))
	return append(b, v...)
}

// swapLeaves exchanges what the tree covers of two entries and keeps their extensions, and
// with them leaf_index, in place.
func swapLeaves(a, b *ct.Entry) {
	index, ext := a.Index, a.Extensions
	*a, *b = *b, *a
	b.Index, b.Extensions, a.Index, a.Extensions = a.Index, a.Extensions, index, ext
}

func swapChains(a, b *ct.Entry) {
	a.ChainFingerprints, b.ChainFingerprints = b.ChainFingerprints, a.ChainFingerprints
	a.Chain, b.Chain = b.Chain, a.Chain
}
