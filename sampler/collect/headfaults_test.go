package collect_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"strings"
	"testing"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler/ct"
)

func remove(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { must(t, os.Remove(dir+"/"+name)) }
}

func swap(a, b string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { must(t, testlog.Swap(dir+"/"+a, dir+"/"+b)) }
}

func flip(name string, bit int64) func(*testing.T, string) {
	return func(t *testing.T, dir string) { must(t, testlog.FlipBit(dir+"/"+name, bit)) }
}

// replace edits a file as text.
func replace(name, old, new string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		raw := readFile(t, dir+"/"+name)
		if !bytes.Contains(raw, []byte(old)) {
			t.Fatalf("%s does not hold %q", name, old)
		}
		writeFile(t, dir+"/"+name, bytes.Replace(raw, []byte(old), []byte(new), 1))
	}
}

// line edits one line of the checkpoint.
func line(n int, edit func(string) string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		lines := strings.Split(string(readFile(t, dir+"/checkpoint")), "\n")
		lines[n] = edit(lines[n])
		writeFile(t, dir+"/checkpoint", []byte(strings.Join(lines, "\n")))
	}
}

// inSignature flips a bit in the decoded part of the checkpoint's signature line: 4 bytes
// of key ID, 8 of time stamp, then the signature.
func inSignature(octet int) func(*testing.T, string) {
	return line(4, func(s string) string {
		i := strings.LastIndexByte(s, ' ')
		raw, err := base64.StdEncoding.DecodeString(s[i+1:])
		if err != nil {
			panic(err)
		}
		raw[octet] ^= 1
		return s[:i+1] + base64.StdEncoding.EncodeToString(raw)
	})
}

// cosigned signs the same tree again with other signature lines around the log's own.
func cosigned(before, after []string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		head, err := ct.ParseCheckpoint(readFile(t, dir+"/checkpoint"), logOrigin, logKey.SPKI)
		must(t, err)
		writeFile(t, dir+"/checkpoint", testlog.Checkpoint(logKey, logOrigin, head.Size, head.Root, head.Timestamp, before, after))
	}
}

var cosignatures = []string{
	testlog.NoteSignatureLine("witness.example/w1", [4]byte{1, 2, 3, 4}, make([]byte, 72)),
	testlog.NoteSignatureLine("grease.example", [4]byte{9, 9, 9, 9}, []byte("x")),
	testlog.NoteSignatureLine("pq.example/ml-dsa", [4]byte{5, 6, 7, 8}, make([]byte, 4600)),
	testlog.NoteSignatureLine(logOrigin, [4]byte{0xde, 0xad, 0xbe, 0xef}, []byte("another key of the log")),
}

// headFaults are those of tree heads, keys and origins.
var headFaults = []fault{
	{name: "checkpoint origin", only: static, files: replace("checkpoint", "log.example", "lag.example"), want: failed,
		reason: []string{`checkpoint: origin is "lag.example/2026h2", want "log.example/2026h2"`}},
	{name: "checkpoint size", only: static, files: replace("checkpoint", "\n300\n", "\n299\n"), want: failed,
		reason: []string{"checkpoint: signature is wrong"}},
	{name: "checkpoint root", only: static, files: line(2, func(s string) string {
		if s[0] == 'A' {
			return "B" + s[1:]
		}
		return "A" + s[1:]
	}), want: failed, reason: []string{"checkpoint: signature is wrong"}},
	{name: "checkpoint signature", only: static, files: inSignature(40), want: failed, reason: []string{"checkpoint: signature is wrong"}},
	{name: "checkpoint time stamp", only: static, files: inSignature(9), want: failed, reason: []string{"checkpoint: signature is wrong"}},
	{name: "checkpoint key ID", only: static, files: inSignature(0), want: failed, reason: []string{"checkpoint: no signature line of log.example/2026h2"}},
	{name: "checkpoint cut short", only: static, files: func(t *testing.T, dir string) { must(t, testlog.Truncate(dir+"/checkpoint", 20)) }, want: failed,
		reason: []string{"checkpoint: not a signed note"}},
	{name: "checkpoint empty", only: static, files: func(t *testing.T, dir string) { writeFile(t, dir+"/checkpoint", nil) }, want: failed,
		reason: []string{"checkpoint: not a signed note"}},
	{name: "checkpoint with an extension line", only: static, files: replace("checkpoint", "\n\n", "\nextension\n\n"), want: failed, reason: []string{"checkpoint: "}},
	{name: "checkpoint missing", only: static, files: remove("checkpoint"), want: unreachable, reason: []string{"checkpoint"}},
	{name: "cosignatures before and after", only: static, files: cosigned(cosignatures[:2], cosignatures[2:]), want: proven},
	{name: "cosignatures after", only: static, files: cosigned(nil, cosignatures), want: proven},
	{name: "own signature twice", only: static, files: func(t *testing.T, dir string) {
		lines := strings.Split(string(readFile(t, dir+"/checkpoint")), "\n")
		cosigned(nil, []string{lines[4]})(t, dir)
	}, want: failed, reason: []string{"checkpoint: the log's own signature is there twice"}},
	{name: "wrong key", access: access{key: testpki.ECKey("another log")}, only: static, want: failed,
		reason: []string{"checkpoint: no signature line of log.example/2026h2", "is the public key the log's?"}},
	{name: "wrong origin", access: access{origin: "log.example/2027h1"}, only: static, want: failed,
		reason: []string{`checkpoint: origin is "log.example/2026h2", want "log.example/2027h1"`}},

	{name: "wrong key", access: access{key: testpki.ECKey("another log")}, only: rfc, want: failed,
		reason: []string{"ct/v1/get-sth", "signature is wrong"}},
	{name: "get-sth size", only: rfc, files: replace("get-sth.json", `"tree_size":300`, `"tree_size":299`), want: failed,
		reason: []string{"ct/v1/get-sth", "signature is wrong"}},
	{name: "get-sth time stamp", only: rfc, files: replace("get-sth.json", `"timestamp":179`, `"timestamp":178`), want: failed,
		reason: []string{"ct/v1/get-sth", "signature is wrong"}},
	{name: "get-sth root", only: rfc, files: replace("get-sth.json", `"sha256_root_hash":"`, `"sha256_root_hash":"AAAA`), want: failed,
		reason: []string{"ct/v1/get-sth", "sha256_root_hash of 35 bytes"}},
	{name: "get-sth without signature", only: rfc, files: replace("get-sth.json", `"tree_head_signature"`, `"signature"`), want: failed,
		reason: []string{"ct/v1/get-sth", "signature is not a DigitallySigned structure"}},
	{name: "get-sth that is no JSON", only: rfc, files: func(t *testing.T, dir string) { writeFile(t, dir+"/get-sth.json", []byte("tree")) }, want: failed,
		reason: []string{"ct/v1/get-sth", "not the JSON of get-sth"}},
}
