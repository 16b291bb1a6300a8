package loglist

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"selfaudit/internal/testpki"
)

func rootsAnswer(t testing.TB, certs ...[]byte) []byte {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"certificates": certs, "unknown": 1})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestParseRoots(t *testing.T) {
	got, err := ParseRoots(rootsAnswer(t, []byte("one"), []byte("two")))
	if err != nil || !reflect.DeepEqual(got, [][]byte{[]byte("one"), []byte("two")}) {
		t.Errorf("%q, error %v", got, err)
	}
	for _, tt := range []struct{ raw, want string }{
		{`{"certificates":[]}`, "no certificate"},
		{`{}`, "no certificate"},
		{`{"certificates":[""]}`, "has 0 bytes"},
		{`{"certificates":["%%"]}`, "get-roots:"},
		{`{"certificates":"AA=="}`, "get-roots:"},
		{`<html>`, "get-roots:"},
		{"\"\xff\"", "not UTF-8"},
		{`{"certificates":[` + strings.Repeat(`"AA==",`, maxRoots) + `"AA=="]}`, "more than"},
		{strings.Repeat(" ", MaxRootsBytes+1), "larger than"},
	} {
		if _, err := ParseRoots([]byte(tt.raw)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.40s: error %v, want %q", tt.raw, err, tt.want)
		}
	}
}

func hashOf(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

func known(source string, der []byte) CACertificate {
	return CACertificate{SHA256: hashOf(der), Source: source, DER: der}
}

func caSet(t testing.TB, given ...CACertificate) *CASet {
	t.Helper()
	s, err := NewCASet(given)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCASet(t *testing.T) {
	root := testpki.NewRoot("R", testpki.CAOptions{})
	middle := root.NewCA("M", testpki.CAOptions{})
	issuing := middle.NewCA("I", testpki.CAOptions{})
	other := testpki.NewRoot("O", testpki.CAOptions{})
	cross := other.CrossSign(root, testpki.CAOptions{})
	stranger := testpki.NewRoot("S", testpki.CAOptions{})
	issuer := hashOf(issuing.Cert)

	for _, tt := range []struct {
		name   string
		given  []CACertificate
		rooted bool
	}{
		{"the issuer alone", nil, false},
		{"without the root", []CACertificate{known(FromConfig, middle.Cert)}, false},
		{"without what is between", []CACertificate{known(FromConfig, root.Cert)}, false},
		{"all", []CACertificate{known(FromConfig, middle.Cert), known(FromConfig, root.Cert)}, true},
		{"a cross-certificate is no root", []CACertificate{known(FromConfig, middle.Cert), known(FromConfig, cross.Cert)}, false},
		{"with what signed it", []CACertificate{known(FromConfig, middle.Cert), known(FromConfig, cross.Cert), known(FromConfig, other.Cert)}, true},
		{"by the CCADB", []CACertificate{{SHA256: issuer, Source: FromCCADB, Parent: hashOf(middle.Cert)}, {SHA256: hashOf(middle.Cert), Source: FromCCADB, Parent: hashOf(root.Cert)},
			{SHA256: hashOf(root.Cert), Source: FromCCADB, Root: true}}, true},
		{"by the CCADB in a circle", []CACertificate{{SHA256: issuer, Source: FromCCADB, Parent: hashOf(middle.Cert)}, {SHA256: hashOf(middle.Cert), Source: FromCCADB, Parent: issuer}}, false},
	} {
		s := caSet(t, append([]CACertificate{known(FromIssuer, issuing.Cert)}, tt.given...)...)
		if got := s.Rooted(issuer); got != tt.rooted {
			t.Errorf("%s: rooted %t", tt.name, got)
		}
	}

	s := caSet(t, known(FromIssuer, issuing.Cert), known(FromConfig, middle.Cert), known(FromConfig, root.Cert), CACertificate{SHA256: hashOf(stranger.Cert), Source: FromCCADB, Root: true})
	for _, tt := range []struct {
		name  string
		certs [][]byte
		want  int
	}{
		{"nothing of it", [][]byte{other.Cert, []byte("rubbish")}, -1},
		{"the root", [][]byte{other.Cert, root.Cert}, 1},
		{"an issuer", [][]byte{issuing.Cert}, 0},
		{"a cross-certificate: the same name and key", [][]byte{cross.Cert}, 0},
		{"another certificate with the name", [][]byte{testpki.NewRoot("R", testpki.CAOptions{}).NewCA("X", testpki.CAOptions{}).Cert}, 0},
		{"by its fingerprint alone", [][]byte{other.Cert, other.Cert, stranger.Cert}, 2},
	} {
		if got := s.Match(tt.certs); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}

	for _, tt := range []struct {
		bad  CACertificate
		want string
	}{
		{CACertificate{SHA256: "AB", Source: FromIssuer}, "not a SHA-256"},
		{CACertificate{SHA256: hashOf(nil), Source: "nobody"}, "unknown source"},
		{CACertificate{SHA256: hashOf(nil), Source: FromIssuer, DER: root.Cert}, "its SHA-256 is"},
		{known(FromIssuer, []byte("rubbish")), "certificate"},
	} {
		if _, err := NewCASet([]CACertificate{tt.bad}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error %v, want %q", tt.bad, err, tt.want)
		}
	}
}

func rootsDocument(t testing.TB) (*RootsDocument, []byte) {
	hash := func(c string) string { return strings.Repeat(c, 64) }
	d := &RootsDocument{CA: caSet(t, known(FromIssuer, testpki.NewRoot("R", testpki.CAOptions{}).Cert)).List(), Logs: []RootsAnswer{
		{LogID: hash("1"), URL: "https://a.example", AskedAt: "2026-11-22T09:00:00Z", Outcome: RootsSkipped, SHA256: hash("a"), Certificates: 3},
		{LogID: hash("2"), URL: "https://b.example", AskedAt: "2026-11-22T09:00:00Z", Outcome: RootsFound, SHA256: hash("b"), Certificates: 3, Match: hash("c")},
		{LogID: hash("3"), URL: "https://c.example", AskedAt: "2026-11-22T09:00:00Z", Outcome: RootsNoAnswer, Error: "404 <&>"}}}
	raw, err := d.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return d, raw
}

func TestRootsDocument(t *testing.T) {
	d, raw := rootsDocument(t)
	again, err := ParseRootsDocument(raw)
	if err != nil || !reflect.DeepEqual(again.Logs, d.Logs) || again.Of(d.Logs[1].LogID).Match != d.Logs[1].Match || again.Of("x") != nil || (*RootsDocument)(nil).Of("x") != nil {
		t.Errorf("%+v, error %v", again, err)
	}
	for _, tt := range []struct{ old, new, want string }{
		{RootsSchema, "other/v1", "schema"},
		{`"skipped"`, `"ignored"`, "outcome"},
		{`"skipped"`, `"found"`, "outcome"},
		{`"skipped"`, `"no_answer"`, "outcome"},
		{strings.Repeat("1", 64), strings.Repeat("9", 64), "ascending"},
		{strings.Repeat("1", 64), strings.Repeat("2", 64), "ascending"},
		{strings.Repeat("1", 64), "1", "do not fit"},
		{`"asked_at": "2026`, `"asked_at": "soon, 2026`, "asked_at"},
		{`  "logs"`, `   "logs"`, "not written"},
		{`"url"`, `"uri"`, "unknown field"},
		{`"certificates": 3`, `"certificates": 0`, "do not fit"},
	} {
		changed := strings.Replace(string(raw), tt.old, tt.new, 1)
		if _, err := ParseRootsDocument([]byte(changed)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.new, err, tt.want)
		}
	}
}

func FuzzParseRoots(f *testing.F) {
	f.Add(rootsAnswer(f, []byte("one")))
	f.Add([]byte(`{"certificates":[null,"AA=="]}`))
	set := caSet(f, known(FromIssuer, testpki.NewRoot("R", testpki.CAOptions{}).Cert))
	f.Fuzz(func(t *testing.T, raw []byte) {
		certs, err := ParseRoots(raw)
		if err == nil && len(certs) == 0 {
			t.Error("an answer without certificates")
		}
		if i := set.Match(certs); i >= len(certs) {
			t.Error(i)
		}
	})
}

func FuzzRootsDocument(f *testing.F) {
	_, raw := rootsDocument(f)
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := ParseRootsDocument(raw)
		if err != nil {
			return
		}
		again, err := d.Bytes()
		if err != nil || !bytes.Equal(raw, again) {
			t.Errorf("two spellings, error %v", err)
		}
	})
}
