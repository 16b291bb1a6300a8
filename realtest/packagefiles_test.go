package realtest

import (
	"archive/zip"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// walk calls fn with every file below dir, with slashes.
func walk(dir string, fn func(name string) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return fn(filepath.ToSlash(name))
	})
}

// packageFiles returns the hash of the sealed zip, of everything in it, and of everything in the
// audit's folder but the working files.
func packageFiles(w *workspace, audit string) (map[string][32]byte, error) {
	out := map[string][32]byte{}
	dir := w.path("audits/" + audit)
	err := walk(dir, func(name string) error {
		if strings.HasPrefix(name, "work/") {
			return nil
		}
		raw, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		out[name] = sha256.Sum256(raw)
		return err
	})
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "sealed", audit+".zip")
	z, err := zip.OpenReader(file)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		raw, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		out["zip!"+f.Name] = sha256.Sum256(raw)
	}
	return out, nil
}

// differences lists what differs between two packages.
func differences(got, want map[string][32]byte) []string {
	var out []string
	for name, h := range want {
		if g, ok := got[name]; !ok {
			out = append(out, fmt.Sprintf("%s is missing", name))
		} else if g != h {
			out = append(out, fmt.Sprintf("%s differs", name))
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			out = append(out, fmt.Sprintf("%s should not be there", name))
		}
	}
	slices.Sort(out)
	return out
}

// zipNames lists a zip.
func zipNames(file string) ([]string, error) {
	z, err := zip.OpenReader(file)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	var out []string
	for _, f := range z.File {
		out = append(out, f.Name)
	}
	return out, nil
}
