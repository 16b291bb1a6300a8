package testlog

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"selfaudit/internal/testpki"
	"selfaudit/sampler/ct"
)

// digitallySigned returns the DigitallySigned structure over msg.
func digitallySigned(key *testpki.Key, msg []byte) []byte {
	alg := byte(3) // ECDSA
	if key.IsRSA() {
		alg = 1
	}
	return appendVector16([]byte{4, alg}, key.Sign(msg))
}

// SignTreeHead returns the signature of a tree head as get-sth answers it.
func SignTreeHead(key *testpki.Key, size uint64, root ct.Hash, timestampMS uint64) []byte {
	b := []byte{0, 1}
	b = binary.BigEndian.AppendUint64(b, timestampMS)
	b = binary.BigEndian.AppendUint64(b, size)
	return digitallySigned(key, append(b, root[:]...))
}

// SignSCT returns a serialized SCT over a precertificate entry, for embedding.
// extensions is empty for RFC 6962 logs and LeafIndexExtension for static-ct ones.
func SignSCT(key *testpki.Key, issuerKeyHash [32]byte, tbs []byte, timestampMS uint64, extensions []byte) []byte {
	e := Entry{TimestampMS: timestampMS, IssuerKeyHash: issuerKeyHash, TBS: tbs}
	signed := digitallySigned(key, append([]byte{0, 0}, e.timestampedEntry(extensions)...))
	id := key.Hash()
	b := append([]byte{0}, id[:]...)
	b = binary.BigEndian.AppendUint64(b, timestampMS)
	return append(appendVector16(b, extensions), signed...)
}

// LeafIndexExtension returns the SCT extensions of a static-ct log for the entry at index.
func LeafIndexExtension(index uint64) []byte { return leafIndex(index) }

// Checkpoint returns the signed note of a static-ct log. before and after are
// further signature lines, without newline, put around the log's own.
func Checkpoint(key *testpki.Key, origin string, size uint64, root ct.Hash, timestampMS uint64, before, after []string) []byte {
	note := fmt.Sprintf("%s\n%d\n%s\n\n", origin, size, base64.StdEncoding.EncodeToString(root[:]))
	sig := binary.BigEndian.AppendUint64(nil, timestampMS)
	sig = append(sig, SignTreeHead(key, size, root, timestampMS)...)
	id := key.Hash()
	keyID := sha256.Sum256(append([]byte(origin+"\n\x05"), id[:]...))
	for _, line := range before {
		note += line + "\n"
	}
	note += NoteSignatureLine(origin, [4]byte(keyID[:4]), sig) + "\n"
	for _, line := range after {
		note += line + "\n"
	}
	return []byte(note)
}

// NoteSignatureLine returns one signature line of a signed note, without newline.
func NoteSignatureLine(name string, keyID [4]byte, sig []byte) string {
	return "— " + name + " " + base64.StdEncoding.EncodeToString(append(keyID[:], sig...))
}
