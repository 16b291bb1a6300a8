package evidence

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"selfaudit/internal/testaudit"
	"selfaudit/sampler"
)

// TestOpenDocuments reads the same documents from an audit folder, a package and its zip.
func TestOpenDocuments(t *testing.T) {
	o := small()
	o.Audit, o.Stage = true, testaudit.Frozen
	want := sampler.HashDoc(testaudit.Build(t, o)["draw/population.tsv"].Data)
	res := sealedVoid(t, o, nil)
	folder := testaudit.Dir(t, o)
	for path, isPackage := range map[string]bool{folder: false, res.Dir: true, res.Zip: true} {
		d, err := OpenDocuments(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := fs.ReadFile(d.FS, "draw/population.tsv")
		if err != nil || sampler.HashDoc(raw) != want || d.Package != isPackage {
			t.Errorf("%s: %v, package %v", path, err, d.Package)
		}
		if _, err := fs.Stat(d.FS, "draw/no-such"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a document that is not there: %v", path, err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenDocumentsRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.zip")
	if err := os.WriteFile(text, []byte("no zip"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, text, filepath.Join(dir, "missing")} {
		if d, err := OpenDocuments(context.Background(), path); err == nil {
			d.Close()
			t.Errorf("%s was opened", path)
		}
	}
	// A link must not lead out of the folder.
	o := small()
	o.Stage = testaudit.Frozen
	folder := testaudit.Dir(t, o)
	population := filepath.Join(folder, "draw/population.tsv")
	if err := os.Remove(population); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(text, population); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	d, err := OpenDocuments(context.Background(), folder)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := fs.ReadFile(d.FS, "draw/population.tsv"); err == nil {
		t.Error("a link out of the folder was followed")
	}
}
