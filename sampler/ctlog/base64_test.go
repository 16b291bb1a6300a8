package ctlog

import (
	"bytes"
	"encoding/base64"
	"testing"

	"pgregory.net/rapid"
)

// agree compares decodeBase64 with the package it replaces: results and errors are the same.
func agree(t interface{ Fatalf(string, ...any) }, text []byte) {
	want, got := make([]byte, len(text)), make([]byte, len(text))
	n, err := base64.StdEncoding.Strict().Decode(want, text)
	m, again := decodeBase64(got, text)
	if m != n || !bytes.Equal(got[:m], want[:n]) || (err == nil) != (again == nil) || err != nil && err.Error() != again.Error() {
		t.Fatalf("%q: %x, %v; want %x, %v", text, got[:m], again, want[:n], err)
	}
}

func TestDecodeBase64(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(base64.StdEncoding.EncodeToString(rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "bytes")))
		agree(t, text)
		if len(text) > 0 {
			text[rapid.IntRange(0, len(text)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "other")
		}
		agree(t, text)
	})
}

func FuzzDecodeBase64(f *testing.F) {
	for _, s := range []string{"", "AAAA", "AAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAB=", "AAAAAAAA\nAAAA", "AAAAAAAA====", "AAAAAAAAA", "AAA-AAAA"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) { agree(t, text) })
}
