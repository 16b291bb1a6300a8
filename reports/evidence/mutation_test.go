package evidence

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"selfaudit/sampler"
)

// folderUnderTest is a package folder that is damaged and repaired again and again.
type folderUnderTest struct {
	dir   string
	files map[string][]byte
	names []string
}

func newFolderUnderTest(t testing.TB) *folderUnderTest {
	t.Helper()
	res := sealed(t, small())
	f := &folderUnderTest{dir: copyDir(t, res.Dir), files: map[string][]byte{}}
	root, err := os.OpenRoot(f.dir)
	must(t, err)
	defer root.Close()
	sizes, err := listFolder(t.Context(), root, defaultLimits, true, nil)
	must(t, err)
	f.names = sortedKeys(sizes)
	for _, name := range f.names {
		f.files[name], err = os.ReadFile(f.path(name))
		must(t, err)
	}
	return f
}

func (f *folderUnderTest) path(name string) string {
	return filepath.Join(f.dir, filepath.FromSlash(name))
}

// refused verifies the damaged folder, and its files as a zip, and returns how it was
// accepted, or "".
func (f *folderUnderTest) refused(t testing.TB) string {
	r, err := Verify(t.Context(), f.dir, Options{integrityOnly: true})
	if err == nil && !r.Failed() {
		return "the folder is accepted"
	}
	zip := filepath.Join(t.TempDir(), "package.zip")
	if err := zipFolder(f.dir, zip); err != nil {
		return "" // nothing that can be a zip
	}
	r, err = Verify(t.Context(), zip, Options{integrityOnly: true})
	if err != nil || !r.Failed() {
		return fmt.Sprintf("the folder is refused, but not a zip of it: %v", err)
	}
	return ""
}

// zipFolder makes a canonical zip of whatever regular files lie in a folder.
func zipFolder(dir, path string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	files, err := listFolder(context.Background(), root, defaultLimits, true, nil)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	err = writeZip(&b, filepath.Base(dir), sortedKeys(files), func(name string) (io.ReadCloser, error) { return openIn(root, name) })
	if err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// repair puts every file back as it was.
func (f *folderUnderTest) repair(t testing.TB, extra ...string) {
	for _, name := range extra {
		must(t, os.RemoveAll(f.path(name)))
	}
	for _, name := range f.names {
		must(t, os.MkdirAll(filepath.Dir(f.path(name)), 0o755))
		info, err := os.Lstat(f.path(name))
		if err == nil && !info.Mode().IsRegular() {
			must(t, os.Remove(f.path(name)))
		}
		if now, err := os.ReadFile(f.path(name)); err != nil || !bytes.Equal(now, f.files[name]) {
			f.write(t, name, f.files[name])
		}
	}
}

// TestEveryChangeIsRefused damages a package at random, with and without keeping the
// manifests of the damaged file right, and expects every damage to be refused.
func TestEveryChangeIsRefused(t *testing.T) {
	f := newFolderUnderTest(t)
	if r := verify(t, f.dir, Options{integrityOnly: true}); r.Failed() {
		t.Fatalf("the undamaged package is refused:\n%s", text(t, r))
	}
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom(f.names).Draw(rt, "file")
		data := f.files[name]
		at := rapid.IntRange(0, max(0, len(data)-1)).Draw(rt, "at")
		var extra []string
		ops := []string{"insert byte", "append", "remove", "swap", "rename", "case", "add", "link", "folder"}
		if len(data) > 0 {
			ops = append(ops, "change", "remove byte", "truncate")
		}
		op := rapid.SampledFrom(ops).Draw(rt, "op")
		switch op {
		case "change":
			f.write(t, name, replaced(data, at, data[at]^byte(rapid.IntRange(1, 255).Draw(rt, "xor"))))
		case "remove byte":
			f.write(t, name, append(append([]byte{}, data[:at]...), data[at+1:]...))
		case "insert byte":
			b := rapid.Byte().Draw(rt, "byte")
			f.write(t, name, append(append(append([]byte{}, data[:at]...), b), data[at:]...))
		case "append":
			f.write(t, name, append(append([]byte{}, data...), rapid.Byte().Draw(rt, "byte")))
		case "truncate":
			f.write(t, name, data[:at])
		case "remove":
			must(t, os.Remove(f.path(name)))
		case "swap":
			other := rapid.SampledFrom(f.names).Filter(func(o string) bool { return !bytes.Equal(f.files[o], data) }).Draw(rt, "other")
			f.write(t, name, f.files[other])
			f.write(t, other, data)
		case "rename":
			extra = []string{name + ".old"}
			must(t, os.Rename(f.path(name), f.path(extra[0])))
		case "case":
			extra = []string{filepath.ToSlash(filepath.Join(filepath.Dir(name), "X"+filepath.Base(name)))}
			f.write(t, extra[0], data)
		case "add":
			folder := rapid.SampledFrom([]string{"", "data/", "data/draw/", "data/certificates/", "seal/", "data/void-1/", "meta/"}).Draw(rt, "folder")
			file := rapid.SampledFrom([]string{"x", "fetch.txt", "manifest-sha512.txt", "README.md", ".hidden", "tagmanifest-sha256.txt.sig", "notes.json",
				"0000000000000000000000000000000000000000000000000000000000000000.der"}).Draw(rt, "added")
			extra = []string{folder + file}
			must(t, os.MkdirAll(filepath.Dir(f.path(extra[0])), 0o755))
			f.write(t, extra[0], []byte("x"))
			defer func() {
				for _, made := range []string{"seal", "data/void-1", "meta"} {
					must(t, os.RemoveAll(f.path(made)))
				}
			}()
		case "link":
			must(t, os.Rename(f.path(name), filepath.Join(t.TempDir(), "moved")))
			target := filepath.Join(t.TempDir(), "target")
			must(t, os.WriteFile(target, data, 0o644))
			must(t, os.Symlink(target, f.path(name)))
		case "folder":
			// An empty folder cannot be in a zip, so only the folder is looked at.
			empty := rapid.SampledFrom([]string{"seal", "empty", "data/empty", "data/draw/void-1"}).Draw(rt, "empty")
			must(t, os.MkdirAll(f.path(empty), 0o755))
			r, err := Verify(t.Context(), f.dir, Options{integrityOnly: true})
			must(t, os.RemoveAll(f.path(empty)))
			if err != nil || !r.Failed() {
				rt.Errorf("an empty folder %s is accepted: %v", empty, err)
			}
			return
		}
		problem := f.refused(t)
		f.repair(t, extra...)
		if problem != "" {
			rt.Errorf("%s of %s at %d: %s", op, name, at, problem)
		}
	})
	if r := verify(t, f.dir, Options{integrityOnly: true}); r.Failed() {
		t.Fatalf("the repaired package is refused, so the test proved nothing:\n%s", text(t, r))
	}
}

func (f *folderUnderTest) write(t testing.TB, name string, data []byte) {
	must(t, os.WriteFile(f.path(name), data, 0o644))
}

func replaced(data []byte, at int, b byte) []byte {
	out := bytes.Clone(data)
	out[at] = b
	return out
}

// integrityOf checks form and hashes of a package in memory.
func integrityOf(t testing.TB, pack *opened) *Report {
	t.Helper()
	v := &verifier{ctx: t.Context(), report: &Report{}, pack: pack, data: pack.tree.sub(payloadFolder)}
	v.integrity()
	must(t, v.fatal)
	return v.report
}

// TestEveryByteOfTheTagFiles changes every single byte of the files that no manifest
// above them covers, or that the whole chain hangs on.
func TestEveryByteOfTheTagFiles(t *testing.T) {
	f := newFolderUnderTest(t)
	files := maps.Clone(f.files)
	name := filepath.Base(sealed(t, small()).Dir)
	if r := integrityOf(t, &opened{tree: memoryTree(files), name: name}); r.Failed() {
		t.Fatalf("the undamaged package is refused:\n%s", text(t, r))
	}
	for _, tag := range []string{fileTagManifest, fileBagIt, fileBagInfo} {
		for at, b := range f.files[tag] {
			files[tag] = replaced(f.files[tag], at, b^[]byte{1, 0x20, 0x80}[at%3])
			if r := integrityOf(t, &opened{tree: memoryTree(files), name: name}); !r.Failed() {
				t.Errorf("%s: byte %d may be %q instead of %q", tag, at, files[tag][at], b)
			}
		}
		files[tag] = f.files[tag]
	}
}

// TestOtherSpellingsOfManifests tries manifests that mean the same to BagIt.
func TestOtherSpellingsOfManifests(t *testing.T) {
	f := newFolderUnderTest(t)
	manifest, info := f.files[fileManifest], f.files[fileBagInfo]
	lines := bytes.SplitAfter(manifest, []byte("\n"))
	for name, other := range map[string][]byte{
		"upper case":      append(bytes.ToUpper(manifest[:64]), manifest[64:]...),
		"binary mark":     replaced(manifest, 65, '*'),
		"tab":             replaced(manifest, 64, '\t'),
		"order":           append(append(bytes.Clone(lines[1]), lines[0]...), bytes.Join(lines[2:], nil)...),
		"twice":           append(bytes.Clone(lines[0]), manifest...),
		"CRLF":            bytes.ReplaceAll(manifest, []byte("\n"), []byte("\r\n")),
		"blank line":      append(bytes.Clone(manifest), '\n'),
		"no last LF":      bytes.TrimSuffix(manifest, []byte("\n")),
		"dot path":        bytes.Replace(manifest, []byte("  data/"), []byte("  ./data/"), 1),
		"dot-dot path":    bytes.Replace(manifest, []byte("  data/"), []byte("  data/../data/"), 1),
		"encoded path":    bytes.Replace(manifest, []byte("  data/audit.json"), []byte("  data/audit%2ejson"), 1),
		"line of another": append(bytes.Clone(manifest), (sampler.HashDoc(f.files[fileBagIt]).String() + "  " + fileBagIt + "\n")...),
	} {
		rebagTags(t, f.dir, info, other)
		if r := verify(t, f.dir, Options{integrityOnly: true}); !r.Failed() {
			t.Errorf("%s: accepted", name)
		}
	}
	rebagTags(t, f.dir, info, manifest)
	if r := verify(t, f.dir, Options{integrityOnly: true}); r.Failed() {
		t.Errorf("the manifest itself is refused:\n%s", text(t, r))
	}
}
