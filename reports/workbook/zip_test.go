package workbook

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"
	"testing"
)

// edited returns a workbook with the first occurrence of a string in one part replaced.
func edited(t *testing.T, data []byte, part, old, new string) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range in.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name == part {
			if !strings.Contains(string(content), old) {
				t.Fatalf("%s has no %q to change", part, old)
			}
			content = []byte(strings.Replace(string(content), old, new, 1))
		}
		entry, err := w.Create(f.Name)
		if err == nil {
			_, err = entry.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestSortDefaults(t *testing.T) {
	const one = `<Types><Override/><Default Extension="xml"></Default><Default Extension="png"/><Override a=""/><Default Extension="rels"/></Types>`
	const want = `<Types><Override/><Default Extension="png"/><Default Extension="rels"/><Default Extension="xml"></Default><Override a=""/></Types>`
	if got := string(sortDefaults([]byte(one))); got != want {
		t.Errorf("sorted %s, want %s", got, want)
	}
}
