package ct_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler/ct"
)

func TestTilePath(t *testing.T) {
	for _, tc := range []struct {
		level string
		n     uint64
		width int
		want  string
	}{
		{"data", 0, 256, "tile/data/000"},
		{"data", 11, 60, "tile/data/011.p/60"},
		{"0", 999, 256, "tile/0/999"},
		{"1", 1000, 1, "tile/1/x001/000.p/1"},
		{"data", 1234067, 256, "tile/data/x001/x234/067"},
		{"2", 1000000, 256, "tile/2/x001/x000/000"},
	} {
		if got := ct.TilePath(tc.level, tc.n, tc.width); got != tc.want {
			t.Errorf("%s %d %d: %s, want %s", tc.level, tc.n, tc.width, got, tc.want)
		}
	}
}

var testCA = testpki.NewRoot("Root", testpki.CAOptions{}).NewCA("CA", testpki.CAOptions{})

// smallTile returns a tile of two precertificates around a final certificate;
// extensions replaces leaf_index when it is set.
func smallTile(t testing.TB, extensions func(uint64) []byte) []byte {
	t.Helper()
	dir := t.TempDir()
	w, err := testlog.NewStatic(dir, testlog.StaticOptions{Key: logKey, Origin: testOrigin, LeafIndex: extensions})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range []testlog.Entry{
		testlog.PrecertEntry(testCA, testpki.Template{Seed: "0"}, 1000),
		testlog.FinalEntry(testCA, testCA.Certificate(testpki.Template{Seed: "1"}), 1001),
		testlog.PrecertEntry(testCA, testpki.Template{Seed: "2"}, 1002),
	} {
		if index, err := w.Add(e); err != nil || index != uint64(i) {
			t.Fatal(index, err)
		}
	}
	if err := w.Publish(1); err != nil {
		t.Fatal(err)
	}
	tile, err := os.ReadFile(filepath.Join(dir, "tile", "data", "000.p", "3"))
	if err != nil {
		t.Fatal(err)
	}
	return tile
}

func ignore(*ct.Entry) error { return nil }

func TestDataTile(t *testing.T) {
	tile := smallTile(t, nil)
	var got []ct.Entry
	err := ct.ParseDataTile(tile, 0, 3, func(e *ct.Entry) error {
		if h := ct.HashLeaf(e.Leaf); h != e.LeafHash() {
			t.Errorf("entry %d: LeafHash is %s, HashLeaf %s", e.Index, e.LeafHash(), h)
		}
		var again ct.Entry
		if err := ct.ParseLeafInput(e.Leaf, &again); err != nil || again.Timestamp != e.Timestamp || !bytes.Equal(again.TBS, e.TBS) || again.LeafHash() != e.LeafHash() {
			t.Errorf("entry %d: its leaf reads as %+v: %v", e.Index, again, err)
		}
		kept := *e
		kept.ChainFingerprints = append([]ct.Fingerprint(nil), e.ChainFingerprints...)
		got = append(got, kept)
		return nil
	})
	if err != nil || len(got) != 3 {
		t.Fatalf("%d entries: %v", len(got), err)
	}
	chain := []ct.Fingerprint{ct.FingerprintOf(testCA.Cert), ct.FingerprintOf(testCA.Parent.Cert)}
	for i, e := range got {
		if e.Index != uint64(i) || e.Timestamp != uint64(1000+i) || len(e.ChainFingerprints) != 2 || e.ChainFingerprints[0] != chain[0] || e.ChainFingerprints[1] != chain[1] {
			t.Errorf("entry %d: index %d, time %d, chain %v", i, e.Index, e.Timestamp, e.ChainFingerprints)
		}
	}
	if got[0].Type != ct.PrecertEntry || got[0].IssuerKeyHash != testCA.IssuerKeyHash() || got[0].Certificate != nil ||
		!bytes.Equal(got[0].TBS, testCA.TBS(testpki.Template{Seed: "0"})) || !bytes.Equal(got[0].Precertificate, testCA.Precertificate(testpki.Template{Seed: "0"})) {
		t.Error("entry 0 is not the precertificate submitted")
	}
	if got[1].Type != ct.X509Entry || got[1].TBS != nil || got[1].Precertificate != nil || got[1].IssuerKeyHash != [32]byte{} ||
		!bytes.Equal(got[1].Certificate, testCA.Certificate(testpki.Template{Seed: "1"})) {
		t.Error("entry 1 is not the certificate submitted, or keeps fields of entry 0")
	}
}

func TestDataTileRefused(t *testing.T) {
	good := smallTile(t, nil)
	changed := func(i int, b byte) []byte { c := bytes.Clone(good); c[i] = b; return c }
	for name, tc := range map[string]struct {
		tile  []byte
		first uint64
		count int
		want  string
	}{
		"one entry too few":  {good, 0, 4, "ends after 3 entries, want 4 (entry 3 is missing)"},
		"one entry too many": {good, 0, 2, "bytes after entry 1"},
		"trailing byte":      {append(bytes.Clone(good), 0), 0, 3, "1 bytes after entry 2"},
		"cut":                {good[:len(good)-1], 0, 3, "entry 2: certificate_chain is cut short"},
		"cut in the chain":   {good[:len(good)-40], 0, 3, "entry 2"},
		"empty":              {nil, 0, 3, "entry 0 is missing"},
		"wrong position":     {good, 256, 3, "entry 256: extensions: leaf_index says 0, the position is 256"},
		"unknown type":       {changed(9, 2), 0, 3, "entry 0: unknown entry type 2"},
		"count of none":      {nil, 0, 0, "a tile holds 1 to 256"},
		"count of too many":  {good, 0, 257, "a tile holds 1 to 256"},
		"index overflow":     {good, 1 << 63, 3, "out of range"},
		"no leaf_index":      {smallTile(t, func(uint64) []byte { return nil }), 0, 3, "leaf_index is missing"},
		"leaf_index twice": {smallTile(t, func(i uint64) []byte {
			return append(testlog.LeafIndexExtension(i), testlog.LeafIndexExtension(i)...)
		}), 0, 3, "leaf_index is there twice"},
		"leaf_index of 4 octets": {smallTile(t, func(uint64) []byte { return []byte{0, 0, 4, 0, 0, 0, 0} }), 0, 3, "want 5"},
		"extension cut short":    {smallTile(t, func(uint64) []byte { return []byte{0, 0, 9, 0} }), 0, 3, "cut short"},
	} {
		err := ct.ParseDataTile(tc.tile, tc.first, tc.count, ignore)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %q", name, err, tc.want)
		}
	}
	other := smallTile(t, func(i uint64) []byte { return append([]byte{7, 0, 1, 9}, testlog.LeafIndexExtension(i)...) })
	if err := ct.ParseDataTile(other, 0, 3, ignore); err != nil {
		t.Errorf("an unknown extension beside leaf_index: %v", err)
	}
	stop := errors.New("stop")
	if err := ct.ParseDataTile(good, 0, 3, func(*ct.Entry) error { return stop }); err != stop {
		t.Errorf("error of the callback came back as %v", err)
	}
}

// TestDataTileWant: foreign precertificates are hashed and left out, nothing else is.
func TestDataTileWant(t *testing.T) {
	tile := readFile(t, filepath.Join(moduleRoot, "testdata", "ctlogs", "navigli-sample", "tile", "data", "000"))
	var all, some ct.DataTile
	some.OnlyHashes = true
	some.Want = func(h [32]byte) bool { return h[5] < 100 }
	if err := errors.Join(all.Parse(tile, 0, 256), some.Parse(tile, 0, 256)); err != nil {
		t.Fatal(err)
	}
	if len(all.Hashes) != 256 || !slices.Equal(all.Hashes, some.Hashes) {
		t.Errorf("%d and %d hashes, which should be the same 256", len(all.Hashes), len(some.Hashes))
	}
	left := some.Entries
	dropped := 0
	for i := range all.Entries {
		e := &all.Entries[i]
		if e.LeafHash() != all.Hashes[i] {
			t.Errorf("the hash of entry %d differs", i)
		}
		if e.Type == ct.PrecertEntry && e.IssuerKeyHash[5] >= 100 {
			dropped++
			continue
		}
		if len(left) == 0 || left[0].Index != e.Index || left[0].LeafHash() != all.Hashes[i] || !bytes.Equal(left[0].TBS, e.TBS) ||
			!bytes.Equal(left[0].Certificate, e.Certificate) || !slices.Equal(left[0].ChainFingerprints, e.ChainFingerprints) {
			t.Fatalf("entry %d is missing, or differs", i)
		}
		left = left[1:]
	}
	if len(left) > 0 || dropped == 0 || dropped == 256 {
		t.Errorf("%d entries too many, %d left out", len(left), dropped)
	}
}

// TestDataTileEveryCut: no beginning of a tile passes for the tile.
// TestDataTileWhole reads tiles of different sizes with the same memory: the entries are
// those of ParseDataTile, with their hashes.
func TestDataTileWhole(t *testing.T) {
	large := readFile(t, filepath.Join(moduleRoot, "testdata", "ctlogs", "navigli-sample", "tile", "data", "000"))
	var full, thin ct.DataTile
	thin.OnlyHashes = true
	for _, tc := range []struct {
		tile  []byte
		count int
	}{{smallTile(t, nil), 3}, {large, 256}, {smallTile(t, nil), 3}} {
		if err := errors.Join(full.Parse(tc.tile, 0, tc.count), thin.Parse(tc.tile, 0, tc.count)); err != nil {
			t.Fatal(err)
		}
		i := 0
		err := ct.ParseDataTile(tc.tile, 0, tc.count, func(e *ct.Entry) error {
			a, b := &full.Entries[i], &thin.Entries[i]
			hash := ct.HashLeaf(e.Leaf)
			if !bytes.Equal(a.Leaf, e.Leaf) || b.Leaf != nil || a.LeafHash() != hash || b.LeafHash() != hash || e.LeafHash() != hash {
				t.Errorf("entry %d: leaf or leaf hash differ", i)
			}
			for _, o := range []*ct.Entry{a, b} {
				if o.Index != e.Index || o.Timestamp != e.Timestamp || o.Type != e.Type || o.IssuerKeyHash != e.IssuerKeyHash ||
					!bytes.Equal(o.TBS, e.TBS) || !bytes.Equal(o.Certificate, e.Certificate) || !bytes.Equal(o.Extensions, e.Extensions) ||
					!bytes.Equal(o.Precertificate, e.Precertificate) || !slices.Equal(o.ChainFingerprints, e.ChainFingerprints) {
					t.Errorf("entry %d differs", i)
				}
			}
			i++
			return nil
		})
		if err != nil || i != len(full.Entries) || i != len(thin.Entries) {
			t.Errorf("%d, %d and %d entries: %v", i, len(full.Entries), len(thin.Entries), err)
		}
	}
}

func TestDataTileEveryCut(t *testing.T) {
	good := smallTile(t, nil)
	for n := range good {
		if ct.ParseDataTile(good[:n], 0, 3, ignore) == nil {
			t.Fatalf("the first %d of %d bytes were accepted", n, len(good))
		}
	}
}

func TestLeafInputAndExtraData(t *testing.T) {
	leaf, extra := captureEntry(t)
	var e ct.Entry
	e.Index = 5
	if err := ct.ParseLeafInput(leaf, &e); err != nil {
		t.Fatal(err)
	}
	if err := ct.ParseExtraData(extra, &e); err != nil {
		t.Fatal(err)
	}
	if e.Index != 5 || e.Type != ct.PrecertEntry || len(e.Chain) != 2 || !bytes.Equal(e.Chain[0], testCA.Cert) ||
		!bytes.Equal(e.Precertificate, testCA.Precertificate(testpki.Template{})) {
		t.Errorf("%s with a chain of %d", e.Type, len(e.Chain))
	}
	for n := range leaf {
		if ct.ParseLeafInput(leaf[:n], new(ct.Entry)) == nil {
			t.Fatalf("the first %d of %d bytes of a leaf were accepted", n, len(leaf))
		}
	}
	for n := range extra {
		if ct.ParseExtraData(extra[:n], &ct.Entry{Type: ct.PrecertEntry}) == nil {
			t.Fatalf("the first %d of %d bytes of extra_data were accepted", n, len(extra))
		}
	}
	if ct.ParseLeafInput(append(bytes.Clone(leaf), 0), &e) == nil || ct.ParseExtraData(append(bytes.Clone(extra), 0), &e) == nil {
		t.Error("a trailing byte was accepted")
	}
	for i := range 2 {
		bad := bytes.Clone(leaf)
		bad[i] = 1
		if ct.ParseLeafInput(bad, new(ct.Entry)) == nil {
			t.Errorf("a leaf of unknown version or type was accepted (%s)", hex.EncodeToString(bad[:2]))
		}
	}
}

// captureEntry returns leaf_input and extra_data of a precertificate entry.
func captureEntry(t testing.TB) (leafInput, extraData []byte) {
	t.Helper()
	c, err := testlog.NewCapture(t.TempDir(), testlog.CaptureOptions{Key: logKey, EditEntry: func(_ uint64, l, x []byte) ([]byte, []byte) {
		leafInput, extraData = l, x
		return l, x
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Add(testlog.PrecertEntry(testCA, testpki.Template{}, 1)); err != nil {
		t.Fatal(err)
	}
	return leafInput, extraData
}

func FuzzDataTile(f *testing.F) {
	f.Add(smallTile(f, nil), uint8(3))
	f.Add([]byte{}, uint8(1))
	f.Fuzz(func(t *testing.T, tile []byte, count uint8) {
		n, size := 0, 0
		var hashes []ct.Hash
		err := ct.ParseDataTile(tile, 0, int(count), func(e *ct.Entry) error {
			n++
			hashes = append(hashes, ct.HashLeaf(e.Leaf))
			size += len(e.Leaf) - 2 + 2 + 32*len(e.ChainFingerprints)
			if e.Type == ct.PrecertEntry {
				size += 3 + len(e.Precertificate)
			}
			return nil
		})
		for _, only := range []bool{false, true} {
			whole := ct.DataTile{OnlyHashes: only}
			borrowed := bytes.Clone(tile)
			again := whole.Parse(borrowed, 0, int(count))
			if !bytes.Equal(borrowed, tile) {
				t.Fatal("the tile was changed")
			}
			for i := range min(len(whole.Entries), len(hashes)) {
				if whole.Entries[i].LeafHash() != hashes[i] {
					t.Fatalf("the hash of entry %d differs", i)
				}
			}
			if fmt.Sprint(again) != fmt.Sprint(err) || len(whole.Entries) != n || !slices.Equal(whole.Hashes, hashes) {
				t.Fatalf("read whole: %d entries and %v, one by one: %d and %v", len(whole.Entries), again, n, err)
			}
			whole.Want = func(h [32]byte) bool { return h[0]%2 == 0 }
			again = whole.Parse(borrowed, 0, int(count))
			if fmt.Sprint(again) != fmt.Sprint(err) || !slices.Equal(whole.Hashes, hashes) {
				t.Fatalf("with some wanted: %d hashes and %v, without: %d and %v", len(whole.Hashes), again, len(hashes), err)
			}
			for i := range whole.Entries {
				e := &whole.Entries[i]
				if e.LeafHash() != hashes[e.Index] || e.Type == ct.PrecertEntry && e.IssuerKeyHash[0]%2 == 1 {
					t.Fatalf("entry %d is not as it should be", e.Index)
				}
			}
		}
		free := ct.DataTile{AnyExtensions: true}
		if free.Parse(bytes.Clone(tile), 0, int(count)) != nil && err == nil {
			t.Fatal("with any extensions less is accepted")
		}
		if err == nil && (n != int(count) || size != len(tile)) {
			t.Fatalf("%d entries of %d bytes from a tile of %d entries and %d bytes", n, size, count, len(tile))
		}
	})
}

func FuzzLeafInput(f *testing.F) {
	leaf, _ := captureEntry(f)
	f.Add(leaf)
	f.Fuzz(func(t *testing.T, leaf []byte) {
		var e ct.Entry
		if ct.ParseLeafInput(leaf, &e) == nil && e.LeafHash() != ct.HashLeaf(leaf) {
			t.Fatal("the leaf hash is not that of the input")
		}
	})
}

func FuzzExtraData(f *testing.F) {
	_, extra := captureEntry(f)
	f.Add(extra, true)
	f.Fuzz(func(t *testing.T, extra []byte, precert bool) {
		var e ct.Entry
		if precert {
			e.Type = ct.PrecertEntry
		}
		if ct.ParseExtraData(extra, &e) != nil {
			return
		}
		size := 3
		if precert {
			size += 3 + len(e.Precertificate)
		}
		for _, cert := range e.Chain {
			size += 3 + len(cert)
		}
		if size != len(extra) {
			t.Fatalf("parts of %d bytes from %d", size, len(extra))
		}
	})
}
