package requirements

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// kept returns the files of tables as a folder.
func kept(t testing.TB, tables *Tables) fstest.MapFS {
	t.Helper()
	files, err := tables.Files()
	if err != nil {
		t.Fatal(err)
	}
	folder := fstest.MapFS{}
	for name, data := range files {
		folder[name] = &fstest.MapFile{Data: data}
	}
	return folder
}

func TestFilesReadBackTheSame(t *testing.T) {
	newer := copyOf(t)
	newer[LaterFile].Data = append(newer[LaterFile].Data, "TLS-BR,2.2.8,SC100,Something,2026-12-01,2027-01-15,test\n"...)
	delete(newer, HistoryFile)
	newer["zlint-3.8.0-br-coverage.csv"] = newer["zlint-3.7.3-br-coverage.csv"]
	delete(newer, "zlint-3.7.3-br-coverage.csv")
	loaded, err := Load(newer, "newer")
	if err != nil {
		t.Fatal(err)
	}
	for name, tables := range map[string]*Tables{"embedded": Embedded(), "loaded": loaded} {
		folder := kept(t, tables)
		again, err := LoadFiles(folder)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if again.Edition() != tables.Edition() || !again.Date().Equal(tables.Date()) {
			t.Errorf("%s: %s, want %s", name, again.Edition(), tables.Edition())
		}
		files, err := again.Files()
		if err != nil || !slices.Equal(slices.Sorted(maps.Keys(files)), slices.Sorted(maps.Keys(folder))) {
			t.Fatalf("%s: files %v, %v", name, slices.Sorted(maps.Keys(files)), err)
		}
		for file, data := range files {
			if !bytes.Equal(data, folder[file].Data) {
				t.Errorf("%s: %s changed", name, file)
			}
		}
		for _, document := range Documents() {
			a, _ := again.InForce(document, day("2027-02-01"))
			b, _ := tables.InForce(document, day("2027-02-01"))
			if a.Number != b.Number {
				t.Errorf("%s: %s %s in force, want %s", name, document, a.Number, b.Number)
			}
		}
	}
	folder := kept(t, loaded)
	if _, there := folder[HistoryFile]; there {
		t.Error("a table of dates without history was filled up with the program's history")
	}
	if _, there := folder["zlint-3.7.3-br-coverage.csv"]; there {
		t.Error("the program's coverage is kept beside the one that replaced it")
	}
}

func TestLoadFilesRefuses(t *testing.T) {
	for name, change := range map[string]func(f fstest.MapFS){
		"no edition": func(f fstest.MapFS) { delete(f, EditionFile) },
		"one line":   func(f fstest.MapFS) { f[EditionFile].Data = []byte("2026-11-21\n") },
		"another day": func(f fstest.MapFS) {
			f[EditionFile].Data = bytes.Replace(f[EditionFile].Data, []byte("2026"), []byte("2027"), 1)
		},
		"control in text": func(f fstest.MapFS) {
			f[EditionFile].Data = append(bytes.TrimSuffix(f[EditionFile].Data, []byte("\n")), "\x1b[2J\n"...)
		},
		"no versions":      func(f fstest.MapFS) { delete(f, VersionsFile) },
		"no dates":         func(f fstest.MapFS) { delete(f, DatesFile) },
		"no coverage":      func(f fstest.MapFS) { delete(f, "zlint-3.7.3-br-coverage.csv") },
		"two coverages":    func(f fstest.MapFS) { f["zlint-3-br-coverage.csv"] = f["zlint-3.7.3-br-coverage.csv"] },
		"broken coverages": func(f fstest.MapFS) { f["zlint-3.7.3-br-coverage.csv"].Data = []byte("x") },
	} {
		folder := kept(t, Embedded())
		change(folder)
		if _, err := LoadFiles(folder); err == nil || !strings.Contains(err.Error(), "kept tables") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
