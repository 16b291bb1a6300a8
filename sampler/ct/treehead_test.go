package ct_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler/ct"
)

const testOrigin = "log.example/2026h2"

var (
	logKey   = testpki.ECKey("log")
	testRoot = ct.HashLeaf([]byte("root"))
	witness  = testlog.NoteSignatureLine("witness.example/w", [4]byte{9, 9, 9, 9}, make([]byte, 5000))
	grease   = testlog.NoteSignatureLine(testOrigin, [4]byte{1, 2, 3, 4}, []byte("?"))
)

func checkpoint(before, after []string) []byte {
	return testlog.Checkpoint(logKey, testOrigin, 1234, testRoot, 5678, before, after)
}

func TestCheckpoint(t *testing.T) {
	for name, raw := range map[string][]byte{
		"alone":             checkpoint(nil, nil),
		"witness before":    checkpoint([]string{witness}, nil),
		"witness after":     checkpoint(nil, []string{witness, grease}),
		"grease before":     checkpoint([]string{grease, witness}, []string{witness}),
		"a great many more": checkpoint(slicesRepeat(witness, 100), nil),
	} {
		head, err := ct.ParseCheckpoint(raw, testOrigin, logKey.SPKI)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if head.Size != 1234 || head.Root != testRoot || head.Timestamp != 5678 || head.Origin != testOrigin || head.LogID != ct.LogIDOf(logKey.SPKI) {
			t.Errorf("%s: %+v", name, head)
		}
	}
}

func slicesRepeat(s string, n int) []string {
	return strings.Split(strings.TrimSuffix(strings.Repeat(s+"\n", n), "\n"), "\n")
}

func TestCheckpointRefused(t *testing.T) {
	good := string(checkpoint(nil, nil))
	lines := strings.Split(good, "\n")
	edit := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	elsewhere := testlog.Checkpoint(logKey, "other.example", 1234, testRoot, 5678, nil, nil)
	for name, tc := range map[string]struct{ raw, want string }{
		"empty":                  {"", "not a signed note"},
		"HTML":                   {"<html>\n\n</html>\n", "want origin, size and root only"},
		"other origin":           {string(elsewhere), `origin is "other.example", want "log.example/2026h2"`},
		"origin line changed":    {edit(testOrigin, "x.example"), "origin is"},
		"size changed":           {edit("1234\n", "1235\n"), "signature is wrong"},
		"leading zero":           {edit("1234\n", "01234\n"), "leading zeros"},
		"plus sign":              {edit("1234\n", "+1234\n"), "leading zeros"},
		"extension line":         {edit("\n\n", "\nextension\n\n"), "4 lines"},
		"short root":             {edit(lines[2], lines[2][:40]), "not the base64 of 32 bytes"},
		"no final newline":       {strings.TrimSuffix(good, "\n"), "no newline at the end"},
		"trailing line":          {good + "x\n", "is not a signature line"},
		"carriage return":        {edit("\n", "\r\n"), "control character"},
		"not UTF-8":              {good + "\xff\n", "not UTF-8"},
		"own line twice":         {good + lines[4] + "\n", "there twice"},
		"signature not base64":   {good + "— witness.example/w !\n", "not the base64"},
		"signature without name": {good + "—  AAAAAAA=\n", "no valid name"},
		"too long":               {good + strings.Repeat(witness+"\n", 200), "limit is"},
		"only a witness":         {strings.Join(lines[:4], "\n") + "\n" + witness + "\n", "no signature line of log.example/2026h2"},
		"time stamp cut":         {strings.Join(lines[:4], "\n") + "\n" + lines[4][:40] + "\n", ""},
	} {
		_, err := ct.ParseCheckpoint([]byte(tc.raw), testOrigin, logKey.SPKI)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %q", name, err, tc.want)
		}
	}
	if _, err := ct.ParseCheckpoint([]byte(good), "other.example", logKey.SPKI); err == nil || strings.Contains(err.Error(), "checkpoint") {
		t.Errorf("another origin: %v: the caller names the object", err)
	}
	if _, err := ct.ParseCheckpoint([]byte(good), testOrigin, testpki.ECKey("another").SPKI); err == nil {
		t.Error("accepted with another key")
	}
	empty := testlog.Checkpoint(logKey, testOrigin, 0, testRoot, 1, nil, nil)
	if _, err := ct.ParseCheckpoint(empty, testOrigin, logKey.SPKI); err == nil {
		t.Error("an empty tree with a root of something was accepted")
	}
	empty = testlog.Checkpoint(logKey, testOrigin, 0, ct.EmptyRoot, 1, nil, nil)
	if _, err := ct.ParseCheckpoint(empty, testOrigin, logKey.SPKI); err != nil {
		t.Errorf("empty tree: %v", err)
	}
}

// TestCheckpointEveryBit flips each bit of a checkpoint: nothing else may verify.
func TestCheckpointEveryBit(t *testing.T) {
	good := checkpoint(nil, nil)
	want, err := ct.ParseCheckpoint(good, testOrigin, logKey.SPKI)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(good) * 8 {
		bad := bytes.Clone(good)
		bad[i/8] ^= 1 << (i % 8)
		if head, err := ct.ParseCheckpoint(bad, testOrigin, logKey.SPKI); err == nil {
			t.Fatalf("bit %d flipped: accepted as %+v, was %+v", i, head, want)
		}
	}
}

func sth(key *testpki.Key, size uint64) map[string]any {
	return map[string]any{
		"tree_size": size, "timestamp": 99, "sha256_root_hash": testRoot[:],
		"tree_head_signature": testlog.SignTreeHead(key, size, testRoot, 99),
	}
}

func TestSTH(t *testing.T) {
	for _, key := range []*testpki.Key{logKey, testpki.RSAKey(0)} {
		raw, err := json.Marshal(sth(key, 7))
		if err != nil {
			t.Fatal(err)
		}
		head, err := ct.ParseSTH(raw, key.SPKI)
		if err != nil || head.Size != 7 || head.Timestamp != 99 || head.Root != testRoot || head.Origin != "" {
			t.Errorf("%+v: %v", head, err)
		}
		if _, err := ct.ParseSTH(raw, testpki.ECKey("another").SPKI); err == nil {
			t.Error("accepted with another key")
		}
	}
	for name, change := range map[string]func(map[string]any){
		"size":            func(m map[string]any) { m["tree_size"] = 8 },
		"time":            func(m map[string]any) { m["timestamp"] = 98 },
		"root":            func(m map[string]any) { m["sha256_root_hash"] = ct.EmptyRoot[:] },
		"no size":         func(m map[string]any) { delete(m, "tree_size") },
		"no time":         func(m map[string]any) { delete(m, "timestamp") },
		"no root":         func(m map[string]any) { delete(m, "sha256_root_hash") },
		"no signature":    func(m map[string]any) { delete(m, "tree_head_signature") },
		"negative size":   func(m map[string]any) { m["tree_size"] = -1 },
		"signature grows": func(m map[string]any) { m["tree_head_signature"] = append(m["tree_head_signature"].([]byte), 0) },
		"MD5":             func(m map[string]any) { m["tree_head_signature"].([]byte)[0] = 1 },
	} {
		m := sth(logKey, 7)
		change(m)
		raw, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ct.ParseSTH(raw, logKey.SPKI); err == nil {
			t.Errorf("%s changed: accepted", name)
		}
	}
	if _, err := ct.ParseSTH([]byte("<html>busy</html>"), logKey.SPKI); err == nil {
		t.Error("HTML was accepted")
	}
	raw, err := json.Marshal(sth(testpki.ECKey("forger"), 7))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ct.ParseSTH(raw, logKey.SPKI); !errors.Is(err, ct.ErrBadSignature) {
		t.Errorf("error %v, want ErrBadSignature", err)
	}
}

func TestParseLogID(t *testing.T) {
	id := ct.LogIDOf(logKey.SPKI)
	if got, err := ct.ParseLogID(id.String()); err != nil || got != id {
		t.Errorf("%s: %v", got, err)
	}
	for _, s := range []string{"", "00", strings.ToUpper(id.String()), id.String() + "00", strings.Repeat("g", 64)} {
		if _, err := ct.ParseLogID(s); err == nil {
			t.Errorf("%q: accepted", s)
		}
	}
}

func FuzzCheckpoint(f *testing.F) {
	f.Add(checkpoint(nil, nil))
	f.Add(checkpoint([]string{grease}, []string{witness}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		head, err := ct.ParseCheckpoint(raw, testOrigin, logKey.SPKI)
		if err == nil && (head.Size != 1234 || head.Root != testRoot || head.Timestamp != 5678) {
			t.Fatalf("a head nobody signed was accepted: %+v", head)
		}
	})
}

func FuzzSTH(f *testing.F) {
	raw, err := json.Marshal(sth(logKey, 7))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		head, err := ct.ParseSTH(raw, logKey.SPKI)
		if err == nil && (head.Size != 7 || head.Root != testRoot || head.Timestamp != 99) {
			t.Fatalf("a head nobody signed was accepted: %+v", head)
		}
	})
}
