package workbook

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
)

const contentTypes = "[Content_Types].xml"

var defaultElement = regexp.MustCompile(`<Default [^>]*(?:/>|></Default>)`)

// canonical rewrites a workbook's zip so that equal workbooks are equal bytes: the
// library writes the entries and the Default elements of [Content_Types].xml
// in the order of a map. Entries are sorted with [Content_Types].xml first, as
// readers expect, with one fixed time and one compression level.
func canonical(raw []byte) ([]byte, error) {
	in, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, fmt.Errorf("making the workbook canonical: %w", err)
	}
	slices.SortFunc(in.File, func(x, y *zip.File) int {
		if first := x.Name == contentTypes; first != (y.Name == contentTypes) {
			if first {
				return -1
			}
			return 1
		}
		return strings.Compare(x.Name, y.Name)
	})
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(out, flate.DefaultCompression)
	})
	for _, f := range in.File {
		if err := copyEntry(w, f); err != nil {
			return nil, fmt.Errorf("making the workbook canonical: %s: %w", f.Name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("making the workbook canonical: %w", err)
	}
	return out.Bytes(), nil
}

func copyEntry(w *zip.Writer, f *zip.File) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	entry, err := w.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		return err
	}
	if f.Name != contentTypes {
		_, err = io.Copy(entry, r)
		return err
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, err = entry.Write(sortDefaults(data))
	return err
}

// sortDefaults puts the Default elements of [Content_Types].xml in order, at the
// place of the first one.
func sortDefaults(data []byte) []byte {
	found := defaultElement.FindAll(data, -1)
	if len(found) < 2 {
		return data
	}
	place := defaultElement.FindIndex(data)[0]
	slices.SortFunc(found, bytes.Compare)
	rest := defaultElement.ReplaceAll(data, nil)
	return slices.Concat(rest[:place], bytes.Join(found, nil), rest[place:])
}
