package evidence

import (
	"bytes"
	"io"
	"testing"
	"time"

	"selfaudit/sampler"
)

// FuzzManifest: what is accepted is written back as it was, so that no two manifests
// mean the same.
func FuzzManifest(f *testing.F) {
	good := formatManifest([]manifestEntry{{sampler.HashDoc([]byte("a")), "data/a"}, {sampler.HashDoc(nil), "data/b/c.txt"}})
	f.Add(good)
	f.Add(bytes.ToUpper(good))
	f.Add([]byte(nil))
	f.Add([]byte("\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		entries, err := parseManifest(raw)
		if err != nil {
			return
		}
		if again := formatManifest(entries); !bytes.Equal(again, raw) {
			t.Errorf("%q is accepted and written as %q", raw, again)
		}
	})
}

// FuzzBagInfo: likewise for bag-info.txt.
func FuzzBagInfo(f *testing.F) {
	for _, b := range sampleBagInfos() {
		raw, err := b.Bytes()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := ParseBagInfo(raw)
		if err != nil {
			return
		}
		if again, err := b.Bytes(); err != nil || !bytes.Equal(again, raw) {
			t.Errorf("%q is accepted and written as %q: %v", raw, again, err)
		}
	})
}

func sampleBagInfos() []BagInfo {
	at := time.Date(2026, 11, 3, 6, 0, 0, 0, time.UTC)
	program := sampler.ProgramInfo{Name: "selfaudit", Version: "(devel)", Revision: "unknown", Go: "go1.26.8"}
	return []BagInfo{
		{SourceOrganization: "Example CA: Ünïcode, Inc.", AuditID: "2026-Q3", SealedAt: at, Clock: "system", PayloadBytes: 12, PayloadFiles: 3, Program: program, Compressor: "go1.26.8", Mode: sampler.ModeAudit},
		{SourceOrganization: "x", AuditID: "a", SealedAt: at, Clock: "given", Program: program, Compressor: "go1.26.8", Mode: sampler.ModeRehearsal, Incomplete: true, OpenStages: []string{"lint", "report"}},
	}
}

func TestBagInfoRoundTrip(t *testing.T) {
	for _, b := range sampleBagInfos() {
		raw, err := b.Bytes()
		must(t, err)
		got, err := ParseBagInfo(raw)
		must(t, err)
		again, err := got.Bytes()
		if err != nil || !bytes.Equal(again, raw) || got.Incomplete != b.Incomplete || got.Mode != b.Mode || !got.SealedAt.Equal(b.SealedAt) {
			t.Errorf("%+v, want %+v", got, b)
		}
	}
}

func TestBagInfoRefuses(t *testing.T) {
	good, err := sampleBagInfos()[0].Bytes()
	must(t, err)
	for name, raw := range map[string][]byte{
		"empty":        nil,
		"continuation": bytes.Replace(good, []byte("Example CA"), []byte("Example\n CA"), 1),
		"extra line":   append(bytes.Clone(good), "Selfaudit-Status: complete\n"...),
		"order":        bytes.Join([][]byte{bytes.SplitAfter(good, []byte("\n"))[1], good}, nil),
		"other format": bytes.Replace(good, []byte("package-v1"), []byte("package-v2"), 1),
		"other day":    bytes.Replace(good, []byte("Date: 2026-11-03"), []byte("Date: 2026-11-04"), 1),
		"status":       bytes.Replace(good, []byte("Status: complete"), []byte("Status: incomplete"), 1),
		"oxum sign":    bytes.Replace(good, []byte("12.3"), []byte("+12.3"), 1),
		"oxum zero":    bytes.Replace(good, []byte("12.3"), []byte("012.3"), 1),
		"CR":           bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")),
		"not UTF-8":    bytes.Replace(good, []byte("Example"), []byte("\xff\xfe"), 1),
		"no last LF":   bytes.TrimSuffix(good, []byte("\n")),
		"comment":      bytes.Replace(good, []byte("on purpose"), []byte("by mistake"), 1),
	} {
		if _, err := ParseBagInfo(raw); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// FuzzZip: opening never panics, and what is accepted can be read within what its
// headers say.
func FuzzZip(f *testing.F) {
	f.Add(rawZip(f, zipFile{name: "top/a", data: []byte("x")}, zipFile{name: "top/b/c", data: bytes.Repeat([]byte("abc"), 100)}))
	f.Add(rawZip(f))
	f.Add(rawZip(f, zipFile{name: "../a"}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		limits := Limits{Files: 100, File: mib, Total: mib}.withDefaults()
		z, err := openZip(bytes.NewReader(raw), int64(len(raw)), limits)
		if err != nil {
			return
		}
		_, scanErr := scanAll(z)
		for _, name := range sortedKeys(z.entries) {
			if err := checkPath(name); err != nil {
				t.Errorf("accepted: %v", err)
			}
			r, err := z.open(name)
			if err != nil {
				t.Fatal(err)
			}
			n, err := io.Copy(io.Discard, r)
			if scanErr == nil && (err != nil || n != z.entries[name].uncompressed) {
				t.Errorf("%s: scan reads it, open gives %d bytes: %v", name, n, err)
			}
		}
	})
}
