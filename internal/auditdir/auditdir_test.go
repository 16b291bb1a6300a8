package auditdir

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantContent(t *testing.T, d Dir, name, want string) {
	t.Helper()
	raw, err := d.Read(name)
	if err != nil || string(raw) != want {
		t.Errorf("%s holds %q (%v), want %q", name, raw, err, want)
	}
}

// names lists every file below the folder, slash-separated.
func names(t *testing.T, d Dir) []string {
	t.Helper()
	var out []string
	must(t, fs.WalkDir(d.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			out = append(out, path)
		}
		return err
	}))
	return out
}

func TestWriteOnce(t *testing.T) {
	d := At(filepath.Join(t.TempDir(), "2026-Q3"))
	if d.Exists() || d.Has("draw/commitment.txt") {
		t.Error("the folder is there before anything was written")
	}
	must(t, d.WriteOnce("draw/commitment.txt", []byte("one\n")))
	must(t, d.WriteOnce("draw/commitment.txt", []byte("one\n"))) // the stage is repeated
	for _, other := range []string{"two\n", "one", "one\n\n", ""} {
		if err := d.WriteOnce("draw/commitment.txt", []byte(other)); !errors.Is(err, ErrFrozen) || !strings.Contains(err.Error(), "commitment.txt") {
			t.Errorf("writing %q over it: %v", other, err)
		}
	}
	wantContent(t, d, "draw/commitment.txt", "one\n")
	if !d.Exists() || !d.Has("draw/commitment.txt") || d.Has("draw") {
		t.Error("Exists or Has is wrong")
	}
	if err := d.WriteOnce("draw", nil); err == nil {
		t.Error("a document took the name of a folder")
	}
	if got := names(t, d); len(got) != 1 {
		t.Errorf("files %q", got)
	}
}

func TestReplaceAndRemove(t *testing.T) {
	d := At(t.TempDir())
	must(t, d.Replace("a/b", []byte("1")))
	must(t, d.Replace("a/b", []byte("22")))
	wantContent(t, d, "a/b", "22")
	must(t, d.Remove("a/b"))
	must(t, d.Remove("a/b"))
	if err := d.Remove("a"); err != nil && !errors.Is(err, fs.ErrNotExist) && d.Has("a/b") {
		t.Error(err)
	}
	if got := names(t, d); len(got) != 0 {
		t.Errorf("files %q", got)
	}
}

// TestPending shows that a document is there whole or not at all.
func TestPending(t *testing.T) {
	d := At(t.TempDir())
	must(t, os.WriteFile(d.Path("doc.partial"), []byte("of a killed process, and longer"), 0o666))
	p, err := d.Create("doc")
	must(t, err)
	_, err = p.Write([]byte("half"))
	must(t, err)
	if d.Has("doc") {
		t.Error("the document is there before Commit")
	}
	_, err = p.Write([]byte(" and half"))
	must(t, err)
	_, err = p.WriteAt([]byte("H"), 0)
	must(t, err)
	must(t, p.Commit())
	p.Abort() // as a deferred call does
	wantContent(t, d, "doc", "Half and half")

	p, err = d.Create("doc")
	must(t, err)
	_, err = p.Write([]byte("never"))
	must(t, err)
	p.Abort()
	wantContent(t, d, "doc", "Half and half")
	if got := names(t, d); len(got) != 1 {
		t.Errorf("files %q", got)
	}
	if err := p.Commit(); err == nil {
		t.Error("Commit after Abort succeeds")
	}
	wantContent(t, d, "doc", "Half and half")
}

func TestSweep(t *testing.T) {
	d := At(filepath.Join(t.TempDir(), "audit"))
	must(t, d.Sweep()) // not there yet
	must(t, d.WriteOnce("draw/population.tsv", []byte("x")))
	must(t, d.WriteOnce("work/logs/1.unit", []byte("x")))
	for _, name := range []string{"draw/commitment.txt.partial", "work/logs/2.unit.partial", "top.partial"} {
		must(t, os.WriteFile(d.Path(name), []byte("half"), 0o666))
	}
	must(t, os.MkdirAll(d.Path("work/folder.partial"), 0o777))
	must(t, os.WriteFile(d.Path("work/folder.partial/kept"), []byte("x"), 0o666))
	must(t, d.Sweep())
	want := []string{"draw/population.tsv", "work/folder.partial/kept", "work/logs/1.unit"}
	if got := names(t, d); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("files %q, want %q", got, want)
	}
}

func TestHashDocuments(t *testing.T) {
	d := At(t.TempDir())
	must(t, d.WriteOnce("a", []byte("abc")))
	got, err := d.HashDocuments("a")
	if err != nil || got["a"] != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Error(got, err)
	}
	if _, err := d.HashDocuments("a", "missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	var b bytes.Buffer
	if err := d.CopyTo(&b, "a"); err != nil || b.String() != "abc" {
		t.Error(b.String(), err)
	}
}
