package ctlog

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"selfaudit/sampler/ct"
)

func TestFolderReadsWholeTree(t *testing.T) {
	absolute, err := filepath.Abs(alphaC)
	if err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]Config{
		"static-ct":        folderConfig(t, StaticCT, alphaC, alphaC),
		"rfc6962":          folderConfig(t, RFC6962, alphaB, alphaB),
		"file url":         folderConfig(t, StaticCT, alphaC, "file://"+filepath.ToSlash(absolute)),
		"file url, base":   withBase(folderConfig(t, StaticCT, alphaC, "file://alpha/c"), "../../testdata/ctlogs"),
		"relative to base": withBase(folderConfig(t, RFC6962, alphaB, "alpha/b"), "../../testdata/ctlogs"),
	} {
		t.Run(name, func(t *testing.T) {
			l := open(t, cfg)
			if err := readAllEntries(t, l); err != nil {
				t.Fatal(err)
			}
			if l.ID() != ct.LogIDOf(cfg.PublicKey) {
				t.Error("ID is not the hash of the key")
			}
		})
	}
}

func withBase(cfg Config, base string) Config {
	cfg.BaseDir = base
	return cfg
}

func TestReadRanges(t *testing.T) {
	for _, cfg := range []Config{folderConfig(t, StaticCT, alphaC, alphaC), folderConfig(t, RFC6962, alphaB, alphaB)} {
		l := open(t, cfg)
		_, head, err := l.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var all []ct.Hash
		collect := func(list *[]ct.Hash) func(*ct.Entry) error {
			return func(e *ct.Entry) error { *list = append(*list, e.LeafHash()); return nil }
		}
		if err := l.Read(t.Context(), head, 0, head.Size, collect(&all)); err != nil {
			t.Fatal(err)
		}
		for _, r := range [][2]uint64{{0, 1}, {0, 256}, {1, 257}, {255, 256}, {255, 258}, {300, 300}, {10, 900}, {767, 769}, {head.Size - 1, head.Size}, {head.Size, head.Size}} {
			var got []ct.Hash
			if err := l.Read(t.Context(), head, r[0], r[1], collect(&got)); err != nil {
				t.Fatalf("%s %v: %v", cfg.Type, r, err)
			}
			want := all[r[0]:r[1]]
			if len(got) != len(want) {
				t.Fatalf("%s %v: %d entries", cfg.Type, r, len(got))
			}
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("%s %v: entry %d differs", cfg.Type, r, r[0]+uint64(i))
				}
			}
		}
		for _, r := range [][2]uint64{{2, 1}, {0, head.Size + 1}} {
			if err := l.Read(t.Context(), head, r[0], r[1], func(*ct.Entry) error { return nil }); err == nil {
				t.Errorf("%s: range %v accepted", cfg.Type, r)
			}
		}
	}
}

func TestFolderFaults(t *testing.T) {
	const partial = "tile/data/003.p/218"
	tests := []struct {
		name  string
		harm  func(t *testing.T, dir string)
		kind  Kind
		parts []string
	}{
		{"missing tile", func(t *testing.T, dir string) { remove(t, dir, "tile/data/001") }, Invalid, []string{"tile/data/001", "is missing"}},
		{"missing partial tile", func(t *testing.T, dir string) { remove(t, dir, partial) }, Invalid, []string{partial, "is missing", "full tile"}},
		{"truncated tile", func(t *testing.T, dir string) {
			edit(t, dir, "tile/data/002", func(b []byte) []byte { return b[:len(b)-1] })
		}, Invalid, []string{"tile/data/002"}},
		{"tile one record short", func(t *testing.T, dir string) {
			edit(t, dir, partial, func(b []byte) []byte { return b[:recordEnd(t, b, 768, 217)] })
		}, Invalid, []string{partial, "218"}},
		{"tile with a byte too many", func(t *testing.T, dir string) {
			edit(t, dir, "tile/data/000", func(b []byte) []byte { return append(b, 0) })
		}, Invalid, []string{"tile/data/000", "1 bytes after"}},
		{"empty tile", func(t *testing.T, dir string) { edit(t, dir, "tile/data/000", func(b []byte) []byte { return nil }) }, Invalid, []string{"tile/data/000"}},
		{"swapped tiles", func(t *testing.T, dir string) {
			a := readFile(t, filepath.Join(dir, "tile/data/000"))
			b := readFile(t, filepath.Join(dir, "tile/data/001"))
			writeFile(t, filepath.Join(dir, "tile/data/000"), b)
			writeFile(t, filepath.Join(dir, "tile/data/001"), a)
		}, Invalid, []string{"tile/data/000", "leaf_index"}},
		{"tile is a folder", func(t *testing.T, dir string) {
			remove(t, dir, "tile/data/001")
			writeFile(t, filepath.Join(dir, "tile/data/001/x"), nil)
		}, Invalid, []string{"tile/data/001", "not a file"}},
		{"broken gzip", func(t *testing.T, dir string) {
			edit(t, dir, "tile/data/001", func(b []byte) []byte { z := packed(b); return z[:len(z)/2] })
		}, Invalid, []string{"tile/data/001", "ends too early"}},
		{"gzip bomb", func(t *testing.T, dir string) {
			edit(t, dir, "checkpoint", func([]byte) []byte { return packed(make([]byte, maxHead+1)) })
		}, Invalid, []string{"checkpoint", "too large"}},
		{"checkpoint bit", func(t *testing.T, dir string) {
			edit(t, dir, "checkpoint", func(b []byte) []byte { b[len(b)-10] ^= 1; return b })
		}, Invalid, []string{"checkpoint"}},
		{"missing checkpoint", func(t *testing.T, dir string) { remove(t, dir, "checkpoint") }, Unreachable, []string{"checkpoint", "is missing", "monitoring prefix"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := copyLog(t, alphaC)
			tt.harm(t, dir)
			wantError(t, readAllEntries(t, open(t, folderConfig(t, StaticCT, alphaC, dir))), tt.kind, append(tt.parts, origin)...)
		})
	}
}

func TestFolderGone(t *testing.T) {
	_, _, err := open(t, folderConfig(t, StaticCT, alphaC, filepath.Join(t.TempDir(), "nothing"))).Head(t.Context())
	wantError(t, err, Unreachable, "nothing")
	_, _, err = open(t, folderConfig(t, RFC6962, alphaB, t.TempDir())).Head(t.Context())
	wantError(t, err, Unreachable, "index.json")
}

func TestFolderLinkToOutside(t *testing.T) {
	dir := copyLog(t, alphaC)
	outside := filepath.Join(t.TempDir(), "tile")
	if err := os.Rename(filepath.Join(dir, "tile/data/001"), outside); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "tile/data/001")); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	wantError(t, readAllEntries(t, open(t, folderConfig(t, StaticCT, alphaC, dir))), Unreachable, "escapes")
}

// A mirror may hold compressed files, and only the full tile of what was partial when the tree head was signed.
func TestFolderVariants(t *testing.T) {
	dir := copyLog(t, alphaC)
	for _, name := range []string{"checkpoint", "tile/data/000", "tile/data/003.p/218", "tile/0/001"} {
		edit(t, dir, name, packed)
	}
	l := open(t, folderConfig(t, StaticCT, alphaC, dir))
	if err := readAllEntries(t, l); err != nil {
		t.Error(err)
	}
	if err := checkAllHashTiles(t, l); err != nil {
		t.Error(err)
	}
}

// At size 600 tile 2 was partial; today only the full one exists.
func TestPartialTileGrown(t *testing.T) {
	dir := copyLog(t, alphaC)
	small := ct.TreeHead{Size: 600}
	l := open(t, folderConfig(t, StaticCT, alphaC, dir))
	n := 0
	if err := l.Read(t.Context(), small, 0, small.Size, func(*ct.Entry) error { n++; return nil }); err != nil || n != 600 {
		t.Errorf("%d entries of 600: %v", n, err)
	}
	if err := checkHashTile(t, l, small, 2); err != nil {
		t.Error(err)
	}
	edit(t, dir, "tile/data/002", func(b []byte) []byte { return b[:recordEnd(t, b, 512, 100)] })
	err := l.Read(t.Context(), small, 0, small.Size, func(*ct.Entry) error { return nil })
	wantError(t, err, Invalid, "tile/data/002", "want 256")
}

func TestIssuer(t *testing.T) {
	dir := copyLog(t, alphaC)
	l := open(t, folderConfig(t, StaticCT, alphaC, dir))
	names, err := os.ReadDir(filepath.Join(dir, "issuer"))
	if err != nil || len(names) == 0 {
		t.Fatal("no issuer files in the fixture", err)
	}
	var fps []ct.Fingerprint
	for _, n := range names {
		fp := ct.FingerprintOf(readFile(t, filepath.Join(dir, "issuer", n.Name())))
		if fp.String() != n.Name() {
			t.Fatalf("fixture: issuer file %s has hash %s", n.Name(), fp)
		}
		fps = append(fps, fp)
	}
	der, err := l.Issuer(t.Context(), fps[0])
	if err != nil || ct.FingerprintOf(der) != fps[0] {
		t.Fatal(err)
	}
	remove(t, dir, "issuer/"+fps[0].String())
	if again, err := l.Issuer(t.Context(), fps[0]); err != nil || !bytes.Equal(again, der) {
		t.Error("not kept:", err)
	}
	remove(t, dir, "issuer/"+fps[1].String())
	_, err = l.Issuer(t.Context(), fps[1])
	wantError(t, err, Invalid, "issuer/"+fps[1].String(), "is missing")
	writeFile(t, filepath.Join(dir, "issuer", fps[2].String()), der)
	_, err = l.Issuer(t.Context(), fps[2])
	wantError(t, err, Invalid, "issuer/"+fps[2].String(), fps[0].String())
	if _, err := open(t, folderConfig(t, RFC6962, alphaB, alphaB)).Issuer(t.Context(), fps[0]); err == nil {
		t.Error("issuer file of an RFC 6962 log")
	}
}

func checkAllHashTiles(t *testing.T, l *Log) error {
	t.Helper()
	_, head, err := l.Head(t.Context())
	if err != nil {
		return err
	}
	for n := range (head.Size + 255) / 256 {
		if err := checkHashTile(t, l, head, n); err != nil {
			return err
		}
	}
	return nil
}

func checkHashTile(t *testing.T, l *Log, head ct.TreeHead, n uint64) error {
	t.Helper()
	var hashes []ct.Hash
	err := l.Read(t.Context(), head, n*256, min(head.Size, (n+1)*256), func(e *ct.Entry) error {
		hashes = append(hashes, e.LeafHash())
		return nil
	})
	if err != nil {
		return err
	}
	return l.CheckHashTile(t.Context(), n, len(hashes), hashes)
}

func TestCheckHashTileFaults(t *testing.T) {
	tests := []struct {
		name  string
		harm  func(t *testing.T, dir string)
		parts []string
	}{
		{"bit flipped", func(t *testing.T, dir string) {
			edit(t, dir, "tile/0/001", func(b []byte) []byte { b[32] ^= 1; return b })
		}, []string{"tile/0/001", "entry 257"}},
		{"missing", func(t *testing.T, dir string) { remove(t, dir, "tile/0/001") }, []string{"tile/0/001", "is missing"}},
		{"short", func(t *testing.T, dir string) { edit(t, dir, "tile/0/001", func(b []byte) []byte { return b[:8160] }) }, []string{"tile/0/001", "8160 bytes"}},
		{"long", func(t *testing.T, dir string) {
			edit(t, dir, "tile/0/001", func(b []byte) []byte { return append(b, b[:32]...) })
		}, []string{"tile/0/001", "8224 bytes"}},
		{"partial missing", func(t *testing.T, dir string) { remove(t, dir, "tile/0/003.p/218") }, []string{"tile/0/003.p/218", "is missing"}},
		{"partial long", func(t *testing.T, dir string) {
			edit(t, dir, "tile/0/003.p/218", func(b []byte) []byte { return append(b, b[:32]...) })
		}, []string{"tile/0/003.p/218"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := copyLog(t, alphaC)
			l := open(t, folderConfig(t, StaticCT, alphaC, dir))
			if err := checkAllHashTiles(t, l); err != nil {
				t.Fatal("untouched:", err)
			}
			tt.harm(t, dir)
			wantError(t, checkAllHashTiles(t, l), Invalid, tt.parts...)
		})
	}
}

func TestCallerErrorAndCancel(t *testing.T) {
	for _, cfg := range []Config{folderConfig(t, StaticCT, alphaC, alphaC), folderConfig(t, RFC6962, alphaB, alphaB)} {
		l := open(t, cfg)
		_, head, err := l.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		own := errors.New("mine")
		if err := l.Read(t.Context(), head, 0, head.Size, func(e *ct.Entry) error {
			if e.Index == 300 {
				return own
			}
			return nil
		}); err != own {
			t.Errorf("%s: got %v, want the caller's own error", cfg.Type, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		err = l.Read(ctx, head, 0, head.Size, func(e *ct.Entry) error {
			if n++; e.Index == 300 {
				cancel()
			}
			return nil
		})
		var e *Error
		if !errors.Is(err, context.Canceled) || errors.As(err, &e) {
			t.Errorf("%s: got %v after cancel", cfg.Type, err)
		}
		if n > 301+64 {
			t.Errorf("%s: %d entries delivered, cancelled at 300", cfg.Type, n)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	good := folderConfig(t, StaticCT, alphaC, alphaC)
	for name, tt := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"type":       {func(c *Config) { c.Type = "rfc9162" }, "unknown type"},
		"no origin":  {func(c *Config) { c.Origin = "" }, "origin"},
		"key":        {func(c *Config) { c.PublicKey = c.PublicKey[1:] }, "public key"},
		"no url":     {func(c *Config) { c.URL = "" }, "empty"},
		"scheme":     {func(c *Config) { c.URL = "ftp://x/" }, "scheme"},
		"no clock":   {func(c *Config) { c.URL = "https://x/" }, "needs Transport"},
		"no host":    {func(c *Config) { c.URL = "https:///x" }, "no host"},
		"with query": {func(c *Config) { c.URL = "https://x/?a=b" }, "query"},
		"bad escape": {func(c *Config) { c.URL = "file:///a%zz" }, "%25"},
	} {
		cfg := good
		tt.change(&cfg)
		if _, err := Open(cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want something about %q", name, err, tt.want)
		}
	}
}

func remove(t testing.TB, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func edit(t testing.TB, dir, name string, change func([]byte) []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	writeFile(t, path, change(readFile(t, path)))
}

func packed(b []byte) []byte {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	z.Write(b)
	z.Close()
	return buf.Bytes()
}

// recordEnd returns the offset at which the n-th record of a data tile ends. It walks the layout of static-ct-api.
func recordEnd(t testing.TB, tile []byte, first uint64, n int) int {
	t.Helper()
	i := 0
	vector := func(lengthBytes int) {
		size := 0
		for _, b := range tile[i : i+lengthBytes] {
			size = size<<8 | int(b)
		}
		i += lengthBytes + size
	}
	for range n {
		precert := tile[i+9] == 1
		if i += 10; precert {
			i += 32
		}
		vector(3)
		vector(2)
		if precert {
			vector(3)
		}
		vector(2)
	}
	if err := ct.ParseDataTile(tile[:i], first, n, func(*ct.Entry) error { return nil }); err != nil {
		t.Fatal(err)
	}
	return i
}
