package crtsh

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/auditdir"
)

// FuzzParsePage reads page files that anything has been done to. What is accepted is
// exactly what would be written.
func FuzzParsePage(f *testing.F) {
	dir := auditdir.At(f.TempDir())
	after := position{from, noID}
	w, err := newPage(dir, "p", 17, after)
	if err != nil {
		f.Fatal(err)
	}
	for i, r := range []row{{position{from, 3}, 4, []byte("DER\x00")}, {position{from, 5}, MaxCertificate + 1, nil}, {position{from.Add(time.Second), 1}, 1, []byte("x")}} {
		if err := w.row(r); err != nil {
			f.Fatal(i, err)
		}
	}
	if err := w.commit(position{until, noID}); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(dir.Path("p"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(bytes.TrimSuffix(good, []byte("\n")))
	f.Add([]byte(pageMagic + " 1 2026-08-30T00:00:00.000000 -1\n#end 2026-08-30T00:00:00.000000 -1 0 x\n"))
	f.Add([]byte(strings.Repeat("A", 100)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var kept []row
		info, err := parsePage(bytes.NewReader(raw), func(r row) error { kept = append(kept, r); return nil })
		if err != nil {
			return
		}
		w, err := newPage(dir, "again", info.ca, info.after)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range kept {
			if err := w.row(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.commit(info.until); err != nil {
			t.Fatal(err)
		}
		again, err := os.ReadFile(dir.Path("again"))
		if err != nil || !bytes.Equal(again, raw) {
			t.Fatalf("%v: %q was accepted, and is written as %q", err, raw, again)
		}
	})
}

// FuzzParseRow reads what a server sends for a certificate.
func FuzzParseRow(f *testing.F) {
	f.Add([]byte("1"), []byte("2026-08-30T00:00:00.000000"), []byte("4"), []byte("REVSAA=="))
	f.Add([]byte("9223372036854775807"), []byte("infinity"), []byte("-1"), []byte(""))
	f.Add([]byte("1"), []byte("2026-08-30T00:00:00.000000"), []byte("1048577"), []byte(nil))
	f.Fuzz(func(t *testing.T, id, at, size, body []byte) {
		r, err := parseRow([][]byte{id, at, size, body})
		if err != nil {
			if s := oneLine(err.Error()); strings.ContainsAny(s, "\x00\x1b\n") {
				t.Fatalf("%q", s)
			}
			return
		}
		if r.at.id < 0 || r.der == nil && r.size <= MaxCertificate || r.der != nil && int64(len(r.der)) != r.size {
			t.Fatalf("%+v", r)
		}
	})
}
