package files

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const issuers = "../../testdata/ctlogs/alpha"

// fixtures returns the four issuer certificates of the fixture, in DER.
func fixtures(t testing.TB) [][]byte {
	t.Helper()
	var list [][]byte
	for i := 1; i <= 4; i++ {
		b, err := os.ReadFile(fmt.Sprintf("%s/issuer-%d.pem", issuers, i))
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(b)
		if block == nil {
			t.Fatal("fixture is not PEM")
		}
		list = append(list, block.Bytes)
	}
	return list
}

func armour(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func line64(der []byte) string { return base64.StdEncoding.EncodeToString(der) }

func wrap(s string, width int) string {
	var b strings.Builder
	for ; len(s) > width; s = s[width:] {
		b.WriteString(s[:width] + "\n")
	}
	return b.String() + s + "\n"
}

// found is what a read gave, in a form to compare: certificates by number, problems by their text.
func read(t testing.TB, root string, certs [][]byte) (found []string, files []File) {
	t.Helper()
	number := func(der []byte) int {
		for i, c := range certs {
			if bytes.Equal(c, der) {
				return i + 1
			}
		}
		return 0
	}
	err := Walk(t.Context(), root, Visitor{
		Certificate: func(c Certificate) error {
			found = append(found, fmt.Sprintf("%s %d: certificate %d", c.Path, c.Index, number(c.DER)))
			return nil
		},
		Problem: func(p Problem) error {
			skipped := "unreadable"
			if errors.Is(p.Err, ErrNotCertificate) {
				skipped = "skipped"
			}
			found = append(found, fmt.Sprintf("%s %d: %s: %v", p.Path, p.Index, skipped, p.Err))
			return nil
		},
		File: func(f File) error { files = append(files, f); return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, files
}

func TestReadFile(t *testing.T) {
	c := fixtures(t)
	pem1, pem2 := armour("CERTIFICATE", c[0]), armour("CERTIFICATE", c[1])
	crl := mustDecode(t, "../../testdata/zlint-pems/crlEmpty.pem")
	bare := func(n int) string { return line64(c[n]) }
	tests := []struct {
		name, content string
		want          []string // "cert N" or part of a problem
	}{
		{"one PEM", pem1, []string{"0: certificate 1"}},
		{"two PEM", pem1 + pem2, []string{"0: certificate 1", "1: certificate 2"}},
		{"joined without line end", strings.TrimSpace(pem1) + pem2, []string{"0: certificate 1", "1: certificate 2"}},
		{"CRLF", strings.ReplaceAll(pem1+pem2, "\n", "\r\n"), []string{"0: certificate 1", "1: certificate 2"}},
		{"CR", strings.ReplaceAll(pem1+pem2, "\n", "\r"), []string{"0: certificate 1", "1: certificate 2"}},
		{"no line end at the end", strings.TrimSpace(pem1), []string{"0: certificate 1"}},
		{"byte order mark", "\xef\xbb\xbf" + pem1, []string{"0: certificate 1"}},
		{"text between", "subject=/CN=x\n\n" + pem1 + "\nBag Attributes: 1\n" + pem2 + "end of export\n", []string{"0: certificate 1", "1: certificate 2"}},
		{"indented", "  " + strings.ReplaceAll(pem1, "\n", "\n\t "), []string{"0: certificate 1"}},
		{"one long line", "-----BEGIN CERTIFICATE-----\n" + bare(0) + "\n-----END CERTIFICATE-----\n", []string{"0: certificate 1"}},
		{"X509 CERTIFICATE", armour("X509 CERTIFICATE", c[0]), []string{"0: certificate 1"}},
		{"TRUSTED CERTIFICATE", armour("TRUSTED CERTIFICATE", append(bytes.Clone(c[0]), 0x30, 0)), []string{"0: certificate 1"}},
		{"headers", strings.Replace(pem1, "-----\n", "-----\nX-Order: 17\n\n", 1), []string{"0: certificate 1"}},
		{"key and CRL between", pem1 + armour("PRIVATE KEY", []byte{0x30, 0}) + armour("X509 CRL", crl) + pem2,
			[]string{"0: certificate 1", `1: skipped: PEM block "PRIVATE KEY"`, `2: skipped: PEM block "X509 CRL"`, "3: certificate 2"}},
		{"hostile type", armour("A\x1b]0;x\aB", []byte{1}) + pem1, []string{`0: skipped: PEM block "A\x1b]0;x\aB"`, "1: certificate 1"}},
		{"CRL under another name", armour("CERTIFICATE", crl), []string{"0: skipped: PEM block \"CERTIFICATE\" at line 1: certificate revocation list"}},
		{"bad base64", strings.Replace(pem1, "MII", "M*I", 1) + pem2, []string{"0: unreadable: PEM block \"CERTIFICATE\" at line 1: bad base64", "1: certificate 2"}},
		{"bytes missing", armour("CERTIFICATE", c[0][:len(c[0])-2]) + pem2, []string{"0: unreadable: PEM block \"CERTIFICATE\" at line 1: truncated", "1: certificate 2"}},
		{"bytes too many", armour("CERTIFICATE", append(bytes.Clone(c[0]), 5)) + pem2, []string{"bytes after the end", "1: certificate 2"}},
		{"empty block", armour("CERTIFICATE", nil), []string{"0: unreadable"}},
		{"no END", pem1[:len(pem1)/2] + "\n" + pem2, []string{"0: unreadable: PEM block \"CERTIFICATE\" at line 1: no END line", "1: certificate 2"}},
		{"no END at all", pem1[:len(pem1)/2], []string{"0: unreadable: PEM block \"CERTIFICATE\" at line 1: the file ends"}},
		{"no BEGIN", "-----END CERTIFICATE-----\n" + pem1, []string{"END line without", "1: certificate 1"}},
		{"other END", strings.Replace(pem1, "END CERT", "END KEY", 1) + pem2, []string{"does not match", "1: certificate 2"}},
		{"too long", "-----BEGIN CERTIFICATE-----\n" + strings.Repeat("AAAA", maxLine/4) + "\n" + strings.Repeat("AAAA\n", 99) + "-----END CERTIFICATE-----\n" + pem2,
			[]string{"longer than the limit", "1: certificate 2"}},
		{"line without end", "-----BEGIN CERTIFICATE-----\n" + strings.Repeat("A", 3*maxLine) + "\n-----END CERTIFICATE-----\n" + pem2, []string{"longer than the limit", "1: certificate 2"}},

		{"DER", string(c[0]), []string{"0: certificate 1"}},
		{"DER twice", string(c[0]) + string(c[1]), []string{"0: certificate 1", "1: certificate 2"}},
		{"DER and line end", string(c[0]) + "\r\n", []string{"0: certificate 1"}},
		{"DER and something", string(c[0]) + "x", []string{"0: certificate 1", "1: unreadable: bytes after"}},
		{"DER truncated", string(c[0][:300]), []string{"0: unreadable: truncated"}},
		{"DER huge", "\x30\x84\x7f\xff\xff\xff", []string{"0: unreadable: DER value of 2147483653 bytes"}},
		{"DER length not shortest", "\x30\x82\x00\x05\x30\x30\x30\x30\x30", []string{"shortest form"}},
		{"BER", "\x30\x80\x30\x00\x00\x00", []string{"indefinite"}},
		{"CRL in DER", string(crl), []string{"0: skipped: certificate revocation list"}},
		{"PKCS #7", "\x30\x81\x80\x06\x02\x2a\x03\xa0\x7a" + strings.Repeat("\x00", 0x7a), []string{"0: skipped: PKCS #7"}},

		{"base64 line", bare(0), []string{"0: certificate 1"}},
		{"base64 lines", bare(0) + "\n\r\n# a comment\n" + bare(1) + "\r\n" + bare(2) + "\n", []string{"0: certificate 1", "1: certificate 2", "2: certificate 3"}},
		{"base64 without padding", strings.TrimRight(bare(0), "=") + "\n" + strings.TrimRight(bare(1), "="), []string{"0: certificate 1", "1: certificate 2"}},
		{"base64 wrapped", wrap(bare(0), 64) + wrap(bare(1), 76), []string{"0: certificate 1", "1: certificate 2"}},
		{"base64 line cut", bare(0) + "\n" + bare(1)[:400] + "\n" + bare(2) + "\n", []string{"0: certificate 1", "1: unreadable: base64 certificate at line 2: truncated", "2: certificate 3"}},
		{"base64 line too long", bare(0) + "\n" + strings.TrimRight(bare(1), "=") + "AAAA\n" + bare(2), []string{"0: certificate 1", "1: unreadable: base64 certificate at line 2: longer", "2: certificate 3"}},
		{"base64 line that is no certificate", bare(0) + "\nhello\n" + bare(2), []string{"0: certificate 1", "1: unreadable: line 2 is not base64", "2: certificate 3"}},
		{"base64 after a heading", "certificate\n" + bare(0) + "\n", []string{"0: unreadable: line 1 is not base64", "1: certificate 1"}},
		{"base64 at the end cut", bare(0) + "\n" + bare(1)[:400], []string{"0: certificate 1", "1: unreadable: base64 certificate at line 2: truncated"}},

		{"empty", "", []string{"-1: skipped: empty file"}},
		{"text", "Dear auditor,\nplease find attached.\n", []string{"-1: skipped: no PEM, DER or base64"}},
		{"starts with a zero digit", "0 certificates\n", []string{"-1: skipped: no PEM, DER or base64"}},
		{"UTF-16", "\xff\xfe-\x00-\x00", []string{"-1: unreadable: text in UTF-16"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "export")
			write(t, path, tt.content)
			got, files := read(t, path, c)
			if len(got) != len(tt.want) {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], "export ") || !strings.Contains(got[i], tt.want[i]) {
					t.Errorf("got %q, want %q", got[i], tt.want[i])
				}
			}
			if len(files) != 1 || files[0].Bytes != int64(len(tt.content)) || files[0].SHA256 != sha256.Sum256([]byte(tt.content)) {
				t.Errorf("file %+v", files)
			}
			certs := 0
			for i := range c {
				certs += strings.Count(strings.Join(got, "\n")+"\n", fmt.Sprintf(": certificate %d\n", i+1))
			}
			if files[0].Certificates != certs || files[0].Problems != len(got)-certs {
				t.Errorf("counted %+v for %q", files[0], got)
			}
		})
	}
}

func mustDecode(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		t.Fatalf("%s is not PEM", path)
	}
	return block.Bytes
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestWalkFolder(t *testing.T) {
	c := fixtures(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "b/2.pem"), armour("CERTIFICATE", c[1]))
	write(t, filepath.Join(dir, "b/10.der"), string(c[2]))
	write(t, filepath.Join(dir, "a.pem"), armour("CERTIFICATE", c[0])+armour("CERTIFICATE", c[1]))
	write(t, filepath.Join(dir, "README"), "no certificate")
	want := []string{"README -1: skipped: no PEM, DER or base64 certificate in the file: not a certificate",
		"a.pem 0: certificate 1", "a.pem 1: certificate 2", "b/10.der 0: certificate 3", "b/2.pem 0: certificate 2"}
	got, files := read(t, dir, c)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	digests, err := Digest(t.Context(), dir)
	if err != nil || len(digests) != len(files) || len(files) != 4 {
		t.Fatalf("%d digests, %d files, %v", len(digests), len(files), err)
	}
	for i, d := range digests {
		if f := files[i]; f.Path != d.Path || f.SHA256 != d.SHA256 || f.Bytes != d.Bytes {
			t.Errorf("digest %+v, file %+v", d, f)
		}
	}
	// Read is Walk without files.
	n := 0
	if err := Read(t.Context(), dir, func(Certificate) error { n++; return nil }, nil); err != nil || n != 4 {
		t.Errorf("Read gave %d certificates, %v", n, err)
	}
}

func TestLinksAreNotFollowedOutside(t *testing.T) {
	c := fixtures(t)
	outside := filepath.Join(t.TempDir(), "secret.pem")
	write(t, outside, armour("CERTIFICATE", c[0]))
	dir := t.TempDir()
	write(t, filepath.Join(dir, "real.pem"), armour("CERTIFICATE", c[1]))
	for link, target := range map[string]string{"inside.pem": "real.pem", "outside.pem": outside, "folder": filepath.Dir(outside), "nowhere": "gone"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	got, _ := read(t, dir, c)
	want := []string{"folder -1: unreadable: symbolic link", "nowhere -1: unreadable: symbolic link", "outside.pem -1: unreadable: symbolic link", "real.pem 0: certificate 2"}
	if len(got) != len(want) {
		t.Fatalf("got %q", got)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("got %q, want %q", got[i], want[i])
		}
	}
	// Named by the user, a link is followed.
	if got, _ := read(t, filepath.Join(dir, "outside.pem"), c); len(got) != 1 || got[0] != "outside.pem 0: certificate 1" {
		t.Errorf("got %q", got)
	}
}

func TestWalkErrors(t *testing.T) {
	if err := Walk(t.Context(), filepath.Join(t.TempDir(), "gone"), Visitor{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing root: %v", err)
	}
	c := fixtures(t)
	path := filepath.Join(t.TempDir(), "x.pem")
	write(t, path, armour("CERTIFICATE", c[0])+armour("KEY", c[0])+armour("CERTIFICATE", c[0]))
	own := errors.New("mine")
	for name, v := range map[string]Visitor{
		"certificate": {Certificate: func(Certificate) error { return own }},
		"problem":     {Problem: func(Problem) error { return own }},
		"file":        {File: func(File) error { return own }},
	} {
		if err := Walk(t.Context(), path, v); err != own {
			t.Errorf("%s: got %v, want the visitor's own error", name, err)
		}
	}
	calls := 0
	v := Visitor{Certificate: func(Certificate) error { calls++; return own }}
	if _ = Walk(t.Context(), path, v); calls != 1 {
		t.Errorf("visitor called %d times after its error", calls)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Walk(ctx, path, Visitor{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestOffsets(t *testing.T) {
	c := fixtures(t)
	content := "heading\r\n" + armour("CERTIFICATE", c[0]) + "text\n" + armour("CERTIFICATE", c[1])
	path := filepath.Join(t.TempDir(), "x.pem")
	write(t, path, content)
	err := Read(t.Context(), path, func(cert Certificate) error {
		block, _ := pem.Decode([]byte(content[cert.Offset:]))
		if !strings.HasPrefix(content[cert.Offset:], beginMark) || block == nil || !bytes.Equal(block.Bytes, cert.DER) {
			t.Errorf("offset %d of block %d is wrong", cert.Offset, cert.Index)
		}
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
}

func TestProblemString(t *testing.T) {
	for _, tt := range []struct {
		p    Problem
		want string
	}{
		{Problem{Path: "a/b.pem", Index: 2, Err: errors.New("bad")}, "a/b.pem, block 3: bad"},
		{Problem{Path: "a\x1bb", Index: -1, Err: errors.New("bad")}, `"a\x1bb": bad`},
	} {
		if got := tt.p.String(); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

// A file far larger than any buffer is read in bounded memory.
func TestLargeFileIsStreamed(t *testing.T) {
	c := fixtures(t)
	const blocks = 8000
	block := []byte(armour("CERTIFICATE", c[0]))
	n := 0
	s := &scan{path: "x", visitor: Visitor{Certificate: func(Certificate) error { n++; return nil }}}
	in := newInput(&repeated{b: block, times: blocks})
	if err := s.read(in); err != nil || n != blocks {
		t.Fatalf("%d certificates of %d: %v", n, blocks, err)
	}
	if len(in.buf) > 1<<20 || in.offset != int64(blocks*len(block)) {
		t.Errorf("buffer of %d bytes for a file of %d, offset %d", len(in.buf), blocks*len(block), in.offset)
	}
}
