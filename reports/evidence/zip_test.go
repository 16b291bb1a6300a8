package evidence

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// zipFile is one entry of a hand-made zip.
type zipFile struct {
	name   string
	data   []byte
	change func(h *zip.FileHeader)
}

// rawZip writes entries as they are, with canonical headers unless changed.
func rawZip(t testing.TB, files ...zipFile) []byte {
	t.Helper()
	var b bytes.Buffer
	zw := zip.NewWriter(&b)
	for _, f := range files {
		h := canonicalHeader(f.name)
		packed := deflated(t, f.data)
		h.CRC32, h.CompressedSize64, h.UncompressedSize64 = crc32.ChecksumIEEE(f.data), uint64(len(packed)), uint64(len(f.data))
		if f.change != nil {
			f.change(h)
		}
		if h.Method == zip.Store {
			packed = f.data
			h.CompressedSize64 = uint64(len(packed))
		}
		w, err := zw.CreateRaw(h)
		must(t, err)
		if !strings.HasSuffix(f.name, "/") {
			_, err = w.Write(packed)
			must(t, err)
		}
	}
	must(t, zw.Close())
	return b.Bytes()
}

func deflated(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, zipLevel)
	must(t, err)
	_, err = w.Write(data)
	must(t, err)
	must(t, w.Close())
	return b.Bytes()
}

func openBytes(raw []byte, limits Limits) (*zipPackage, error) {
	return openZip(bytes.NewReader(raw), int64(len(raw)), limits.withDefaults())
}

// scanAll reads every entry to its end.
func scanAll(z *zipPackage) (recompressed bool, err error) {
	recompressed = true
	buf := make([]byte, 4096)
	d := &reusedDeflater{}
	for _, name := range sortedKeys(z.entries) {
		_, same, err := z.scan(name, d, buf)
		if err != nil {
			return false, err
		}
		recompressed = recompressed && same
	}
	return recompressed, nil
}

func TestCanonicalZipIsAccepted(t *testing.T) {
	for _, files := range [][]zipFile{
		{},
		{{name: "a"}},
		{{name: "a", data: []byte("x")}, {name: "b/c", data: bytes.Repeat([]byte("abc"), 50_000)}},
		{{name: "top/a"}, {name: "top/b"}},
	} {
		raw := rawZip(t, files...)
		z, err := openBytes(raw, Limits{})
		must(t, err)
		if same, err := scanAll(z); err != nil || !same {
			t.Errorf("%d files: %v %v", len(files), same, err)
		}
		for _, f := range files {
			r, err := z.open(strings.TrimPrefix(f.name, prefixOf(z.top)))
			must(t, err)
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, f.data) {
				t.Errorf("%s: %v", f.name, err)
			}
		}
	}
}

func TestHostileZips(t *testing.T) {
	a, b := zipFile{name: "top/a", data: []byte("aaaa")}, zipFile{name: "top/b", data: []byte("bbbb")}
	with := func(f zipFile, change func(h *zip.FileHeader)) zipFile { f.change = change; return f }
	named := func(name string) zipFile { return zipFile{name: name, data: []byte("x")} }
	good := rawZip(t, a, b)
	comment := bytes.Clone(good)
	comment[len(comment)-2] = 1
	for name, raw := range map[string][]byte{
		"traversal":       rawZip(t, named("../a")),
		"deep traversal":  rawZip(t, named("top/../../a")),
		"absolute":        rawZip(t, named("/a")),
		"drive":           rawZip(t, named("C:/a")),
		"backslash":       rawZip(t, named(`top\a`)),
		"dot":             rawZip(t, named("./a")),
		"empty segment":   rawZip(t, named("top//a")),
		"control":         rawZip(t, named("top/a\x1b[31m")),
		"device":          rawZip(t, named("top/con.txt")),
		"trailing dot":    rawZip(t, named("top/a.")),
		"long":            rawZip(t, named(strings.Repeat("a/", 300)+"a")),
		"duplicate":       rawZip(t, a, a),
		"other case":      rawZip(t, named("top/A"), named("top/a")),
		"folder's case":   rawZip(t, named("Top/a"), named("top/b")),
		"file and folder": rawZip(t, named("top/a"), named("top/a/b")),
		"folder entry":    rawZip(t, zipFile{name: "top/"}, a),
		"order":           rawZip(t, b, a),
		"symbolic link":   rawZip(t, with(a, func(h *zip.FileHeader) { h.ExternalAttrs = 0o120777 << 16 })),
		"device node":     rawZip(t, with(a, func(h *zip.FileHeader) { h.ExternalAttrs = 0o020666 << 16 })),
		"set-uid":         rawZip(t, with(a, func(h *zip.FileHeader) { h.ExternalAttrs = 0o104755 << 16 })),
		"executable":      rawZip(t, with(a, func(h *zip.FileHeader) { h.ExternalAttrs = 0o100755 << 16 })),
		"stored":          rawZip(t, with(a, func(h *zip.FileHeader) { h.Method = zip.Store })),
		"encrypted":       rawZip(t, with(a, func(h *zip.FileHeader) { h.Flags |= 1 })),
		"no descriptor":   rawZip(t, with(a, func(h *zip.FileHeader) { h.Flags &^= 8 })),
		"no UTF-8 flag":   rawZip(t, with(a, func(h *zip.FileHeader) { h.Flags &^= 0x800 })),
		//lint:ignore SA1019 the field that the canonical header sets
		"time": rawZip(t, with(a, func(h *zip.FileHeader) { h.ModifiedTime = 1 })),
		//lint:ignore SA1019 the field that the canonical header sets
		"date":             rawZip(t, with(a, func(h *zip.FileHeader) { h.ModifiedDate++ })),
		"extra field":      rawZip(t, with(a, func(h *zip.FileHeader) { h.Extra = []byte{1, 0, 0, 0} })),
		"entry comment":    rawZip(t, with(a, func(h *zip.FileHeader) { h.Comment = "x" })),
		"version":          rawZip(t, with(a, func(h *zip.FileHeader) { h.CreatorVersion++ })),
		"bytes before":     append([]byte("#!/bin/sh\n"), good...),
		"bytes after":      append(bytes.Clone(good), 'x'),
		"zip comment":      append(comment, 'x'),
		"comment length":   comment,
		"another zip":      append(bytes.Clone(good), good...),
		"cut short":        good[:len(good)-1],
		"empty":            {},
		"no zip":           []byte(strings.Repeat("no zip at all ", 10)),
		"too many entries": manyEntries(good),
		"entries overlap":  overlapping(t),
	} {
		if z, err := openBytes(raw, Limits{}); err == nil {
			t.Errorf("%s: accepted with files %v", name, sortedKeys(z.entries))
		}
	}
}

// manyEntries claims four billion entries in a zip64 end record.
func manyEntries(good []byte) []byte {
	end := bytes.Clone(good[len(good)-22:])
	binary.LittleEndian.PutUint16(end[8:], 0xffff)
	binary.LittleEndian.PutUint16(end[10:], 0xffff)
	end64 := make([]byte, 56+20)
	binary.LittleEndian.PutUint32(end64, 0x06064b50)
	binary.LittleEndian.PutUint64(end64[24:], 1<<32)
	binary.LittleEndian.PutUint64(end64[32:], 1<<32)
	binary.LittleEndian.PutUint32(end64[56:], 0x07064b50)
	return append(append(bytes.Clone(good[:len(good)-22]), end64...), end...)
}

// overlapping is a zip in which the second central entry points at the first entry's data.
func overlapping(t testing.TB) []byte {
	raw := rawZip(t, zipFile{name: "a", data: []byte("aaaa")}, zipFile{name: "b", data: []byte("aaaa")})
	second := bytes.LastIndex(raw, []byte{'P', 'K', 1, 2})
	binary.LittleEndian.PutUint32(raw[second+42:], 0)
	return raw
}

func TestZipLimits(t *testing.T) {
	zeros := make([]byte, 80*mib)
	one := rawZip(t, zipFile{name: "a", data: zeros})
	small := make([]byte, 16*mib)
	var files []zipFile
	for n := range 5 {
		files = append(files, zipFile{name: fmt.Sprint(n), data: small})
	}
	many := rawZip(t, files...)
	for name, c := range map[string]struct {
		raw    []byte
		limits Limits
		want   string
	}{
		"ratio":          {one, Limits{}, "a: 83886080 bytes compressed to"},
		"ratio together": {many, Limits{}, "83886080 bytes in 5 files compressed to"},
		"file":           {many, Limits{Ratio: 5000, File: mib}, "at most 1048576"},
		"total":          {many, Limits{Ratio: 5000, Total: 5 * mib}, "all files together"},
		"files":          {many, Limits{Ratio: 5000, Files: 1}, "at most 1"},
	} {
		if _, err := openBytes(c.raw, c.limits); err == nil || !strings.Contains(err.Error(), c.want) || strings.HasPrefix(name, "ratio") != strings.Contains(err.Error(), "zip bomb") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := openBytes(one, Limits{Ratio: 5000}); err != nil {
		t.Errorf("within the limits: %v", err)
	}
}

// TestRepetitiveCertificate: a logged certificate with a name of a million equal letters
// compresses far better than any limit, and is evidence all the same.
func TestRepetitiveCertificate(t *testing.T) {
	cert := []byte(strings.Repeat("A", 1_049_200))
	files := []zipFile{{name: "top/certificates/a.der", data: cert}, {name: "top/certificates/b.der", data: make([]byte, 16*mib)}}
	if z, err := openBytes(rawZip(t, files...), Limits{}); err != nil {
		t.Error(err)
	} else if _, err := scanAll(z); err != nil {
		t.Error(err)
	}
}

// TestZipSizesAreNotBelieved: a header may say less than the data gives, or more.
func TestZipSizesAreNotBelieved(t *testing.T) {
	for name, change := range map[string]func(h *zip.FileHeader){
		"less":  func(h *zip.FileHeader) { h.UncompressedSize64 = 10 },
		"more":  func(h *zip.FileHeader) { h.UncompressedSize64 = 100_000 },
		"CRC":   func(h *zip.FileHeader) { h.CRC32++ },
		"empty": func(h *zip.FileHeader) { h.UncompressedSize64 = 0 },
	} {
		raw := rawZip(t, zipFile{name: "a", data: bytes.Repeat([]byte("abcd"), 1000), change: change})
		z, err := openBytes(raw, Limits{})
		must(t, err)
		if _, err := scanAll(z); err == nil {
			t.Errorf("%s: scan accepts it", name)
		}
		r, err := z.open("a")
		must(t, err)
		if got, err := io.ReadAll(r); err == nil && name != "CRC" {
			t.Errorf("%s: read gives %d bytes and no error", name, len(got))
		}
	}
}

// TestCompressedDataHidesNothing: bytes after the end of the deflate stream, a stream
// with empty blocks, and unused bits in its last byte are all seen.
func TestCompressedDataHidesNothing(t *testing.T) {
	data := []byte("the quick brown fox jumps over the lazy dog")
	packed := deflated(t, data)
	make := func(packed []byte) []byte {
		var b bytes.Buffer
		zw := zip.NewWriter(&b)
		h := canonicalHeader("a")
		h.CRC32, h.CompressedSize64, h.UncompressedSize64 = crc32.ChecksumIEEE(data), uint64(len(packed)), uint64(len(data))
		w, err := zw.CreateRaw(h)
		must(t, err)
		_, err = w.Write(packed)
		must(t, err)
		must(t, zw.Close())
		return b.Bytes()
	}
	z, err := openBytes(make(append(bytes.Clone(packed), "hidden"...)), Limits{})
	must(t, err)
	if _, err := scanAll(z); err == nil || !strings.Contains(err.Error(), "after the end") {
		t.Errorf("hidden bytes: %v", err)
	}
	var other bytes.Buffer
	w, err := flate.NewWriter(&other, flate.NoCompression)
	must(t, err)
	_, err = w.Write(data)
	must(t, err)
	must(t, w.Flush()) // an empty block
	must(t, w.Close())
	z, err = openBytes(make(other.Bytes()), Limits{})
	must(t, err)
	if same, err := scanAll(z); err != nil || same {
		t.Errorf("another compression: recompressed %v, %v", same, err)
	}
	unseen := 0
	for i := range packed {
		for bit := range 8 {
			z, err := openBytes(make(replaced(packed, i, packed[i]^1<<bit)), Limits{})
			must(t, err)
			if same, err := scanAll(z); err == nil && same {
				t.Errorf("bit %d of byte %d changes nothing", bit, i)
			} else if err == nil {
				unseen++ // decompresses to the same: only the comparison sees it
			}
		}
	}
	if unseen == 0 {
		t.Error("no bit is unused in this stream, so the comparison was not tested: choose other data")
	}
}

// TestEveryByteOfTheZip changes bytes of a sealed zip at random, and every byte of its
// central directory.
func TestEveryByteOfTheZip(t *testing.T) {
	res := sealed(t, small())
	raw, err := os.ReadFile(res.Zip)
	must(t, err)
	refused := func(raw []byte) bool {
		pack, err := openZipPackage(bytes.NewReader(raw), int64(len(raw)), defaultLimits)
		return err != nil || integrityOf(t, pack).Failed()
	}
	if refused(raw) {
		t.Fatal("the undamaged zip is refused")
	}
	check := func(at int, b byte) bool { return refused(replaced(raw, at, b)) }
	directory := bytes.Index(raw, []byte{'P', 'K', 1, 2})
	for at := directory; at < len(raw); at += 3 {
		if !check(at, raw[at]^0x40) {
			t.Errorf("byte %d of %d may change", at, len(raw))
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		at := rapid.IntRange(0, len(raw)-1).Draw(rt, "at")
		if b := raw[at] ^ byte(rapid.IntRange(1, 255).Draw(rt, "xor")); !check(at, b) {
			rt.Errorf("byte %d of %d may be %#x instead of %#x", at, len(raw), b, raw[at])
		}
	})
}

// TestZipWithoutTopFolder: RFC 8493 wants one, but a package is still a package.
func TestZipWithoutTopFolder(t *testing.T) {
	res := sealed(t, small())
	root, err := os.OpenRoot(res.Dir)
	must(t, err)
	defer root.Close()
	sizes, err := listFolder(t.Context(), root, defaultLimits, false, nil)
	must(t, err)
	var files []zipFile
	for _, name := range sortedKeys(sizes) {
		data, err := os.ReadFile(filepath.Join(res.Dir, name))
		must(t, err)
		files = append(files, zipFile{name: name, data: data})
	}
	write := func(prefix string) string {
		renamed := slices.Clone(files)
		for i := range renamed {
			renamed[i].name = prefix + renamed[i].name
		}
		path := filepath.Join(t.TempDir(), "package.zip")
		must(t, os.WriteFile(path, rawZip(t, renamed...), 0o644))
		return path
	}
	if r := verify(t, write(""), Options{integrityOnly: true}); r.Failed() {
		t.Errorf("without top folder:\n%s", text(t, r))
	}
	if r := verify(t, write(filepath.Base(res.Dir)+"/"), Options{integrityOnly: true}); r.Failed() {
		t.Errorf("with its top folder:\n%s", text(t, r))
	}
	r := verify(t, write("another-name/"), Options{integrityOnly: true})
	if got := failed(r); !slices.Equal(got, []string{"package name"}) {
		t.Errorf("with another top folder, failed: %v", got)
	}
	// Two levels: the bag is not directly below the top folder.
	if r := verify(t, write("a/b/"), Options{integrityOnly: true}); !r.Failed() {
		t.Error("a bag two folders down is accepted")
	}
}

// TestManyEntries: from 65,535 entries on, a zip has a zip64 end record.
func TestManyEntries(t *testing.T) {
	var names []string
	for n := range 1<<16 + 10 {
		names = append(names, fmt.Sprintf("data/%06d", n))
	}
	var b bytes.Buffer
	must(t, writeZip(&b, "top", names, func(name string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(name)), nil
	}))
	z, err := openBytes(b.Bytes(), Limits{})
	must(t, err)
	r, err := z.open(names[len(names)-1])
	must(t, err)
	if got, err := io.ReadAll(r); err != nil || string(got) != names[len(names)-1] || len(z.entries) != len(names) {
		t.Errorf("%d entries, the last is %q: %v", len(z.entries), got, err)
	}
	if _, err := openBytes(b.Bytes(), Limits{Files: 1 << 16}); err == nil || !strings.Contains(err.Error(), "at most 65536") {
		t.Errorf("more than the limit: %v", err)
	}
}

func ExampleZipName() {
	fmt.Println(ZipName("2026-Q3", "audit", false))
	// Output: 2026-Q3.zip
}
