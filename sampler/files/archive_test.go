package files

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type packed struct{ name, content string }

func zipOf(t testing.TB, entries ...packed) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if strings.HasSuffix(e.name, ".link") {
			h.SetMode(os.ModeSymlink | 0o777)
		}
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = io.WriteString(w, e.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func tarOf(t testing.TB, entries ...packed) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: tar.TypeReg, Mode: 0o600, Size: int64(len(e.content))}
		if strings.HasSuffix(e.name, ".link") {
			h.Typeflag, h.Linkname, h.Size, e.content = tar.TypeSymlink, "/etc/passwd", 0, ""
		}
		err := w.WriteHeader(h)
		if err == nil {
			_, err = io.WriteString(w, e.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func gzipOf(t testing.TB, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestArchives reads archives in place of folders: every entry is a certificate or a
// problem with its name, and nothing ends the reading of what comes after.
func TestArchives(t *testing.T) {
	c := fixtures(t)
	pem1, pem2 := armour("CERTIFICATE", c[0]), armour("CERTIFICATE", c[1])
	two := []packed{{"a/1.pem", pem1}, {"../../2.der", string(c[1])}}
	tests := []struct {
		name, content string
		want          []string
	}{
		{"zip", zipOf(t, two...), []string{"export/a/1.pem 0: certificate 1", "export/../../2.der 0: certificate 2"}},
		{"tar", tarOf(t, two...), []string{"export/a/1.pem 0: certificate 1", "export/../../2.der 0: certificate 2"}},
		{"tar.gz", gzipOf(t, tarOf(t, two...)), []string{"export/a/1.pem 0: certificate 1", "export/../../2.der 0: certificate 2"}},
		{"gz", gzipOf(t, pem1+pem2), []string{"export/export 0: certificate 1", "export/export 1: certificate 2"}},
		{"empty zip", zipOf(t), nil},
		{"archive in an archive", zipOf(t, packed{"in.zip", zipOf(t, two...)}, two[0]), []string{"export/in.zip -1: unreadable: zip archive inside", "export/a/1.pem 0: certificate 1"}},
		{"gzip in a tar", tarOf(t, packed{"in.gz", gzipOf(t, pem1)}, two[0]), []string{"export/in.gz -1: unreadable: gzip file inside", "export/a/1.pem 0: certificate 1"}},
		{"link in a zip", zipOf(t, packed{"x.link", "/etc/passwd"}, two[0]), []string{"export/x.link -1: unreadable: entry is a link", "export/a/1.pem 0: certificate 1"}},
		{"link in a tar", tarOf(t, packed{"x.link", ""}, two[0]), []string{"export/x.link -1: unreadable: entry is a link", "export/a/1.pem 0: certificate 1"}},
		{"zip cut short", zipOf(t, two...)[:60], []string{"export -1: unreadable: zip archive cannot be read"}},
		{"tar cut short", tarOf(t, two...)[:1600], []string{"export/a/1.pem 0: certificate 1", "export -1: unreadable: tar archive cannot be read to its end: unexpected EOF"}},
		{"gzip cut short", gzipOf(t, pem1)[:80], []string{"export/export -1: unreadable: unpacking: unexpected EOF"}},
		{"gzip head only", "\x1f\x8b\x08\x00", []string{"export -1: unreadable: gzip file cannot be read"}},
		{"zip damaged", strings.Replace(zipOf(t, packed{"1.pem", strings.Repeat(pem1, 40)}), "1.pem", "1.pem", 1)[:900] + "xxxx", []string{"export -1: unreadable: zip archive cannot be read"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "export")
			write(t, path, tt.content)
			got, _ := read(t, path, c)
			if len(got) != len(tt.want) {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], tt.want[i]) {
					t.Errorf("got %q, want %q", got[i], tt.want[i])
				}
			}
		})
	}
}

// zeros is an endless content.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestBomb stops reading a content that unpacks to far more than its size.
func TestBomb(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bomb.gz")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := gzip.NewWriter(f)
	if _, err := io.CopyN(w, zeros{}, 2*ratioFree); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var read int64
	var problems []string
	err = Each(context.Background(), path, func(p Problem) error { problems = append(problems, p.String()); return nil },
		func(_ string, r io.Reader) error {
			n, err := io.Copy(io.Discard, r)
			read = n
			return err
		})
	if err != nil || len(problems) != 1 || !strings.Contains(problems[0], "times its size") || read > ratioFree+1<<20 {
		t.Errorf("read %d bytes, problems %q, error %v", read, problems, err)
	}
}

// TestTooManyEntries reads the number of entries before the directory is in memory.
func TestTooManyEntries(t *testing.T) {
	z := []byte(zipOf(t, packed{"a", "b"}))
	i := bytes.LastIndex(z, []byte("PK\x05\x06"))
	if n := zipEntries(bytes.NewReader(z), int64(len(z))); n != 1 {
		t.Errorf("%d entries, want 1", n)
	}
	z[i+10], z[i+11] = 0x34, 0x12
	if n := zipEntries(bytes.NewReader(z), int64(len(z))); n != 0x1234 {
		t.Errorf("%d entries, want %d", n, 0x1234)
	}
}

// FuzzEach gives archives of all kinds: no panic, and every content or a reason.
func FuzzEach(f *testing.F) {
	f.Add([]byte(zipOf(f, packed{"a.pem", "x"}, packed{"b.link", "y"})))
	f.Add([]byte(tarOf(f, packed{"a.pem", "x"}, packed{"b.link", "y"})))
	f.Add([]byte(gzipOf(f, tarOf(f, packed{"a.pem", "x"}))))
	path := filepath.Join(f.TempDir(), "x") // each worker is a process with its own
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		err := Each(context.Background(), path, func(p Problem) error {
			if p.Err == nil {
				return fmt.Errorf("problem without a reason: %+v", p)
			}
			return nil
		}, func(_ string, r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
		if err != nil {
			t.Fatal(err)
		}
	})
}
