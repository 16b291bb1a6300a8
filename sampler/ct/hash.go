package ct

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
)

// Hash is a node of a log's Merkle tree (SHA-256, RFC 6962 section 2.1).
type Hash [sha256.Size]byte

// String returns the hash in lower-case hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// LogID identifies a log: the SHA-256 of its SubjectPublicKeyInfo (RFC 6962 section 3.2).
type LogID [sha256.Size]byte

// String returns the log ID in lower-case hexadecimal.
func (id LogID) String() string { return hex.EncodeToString(id[:]) }

// LogIDOf returns the ID of the log that signs with the key in spki, a DER SubjectPublicKeyInfo.
func LogIDOf(spki []byte) LogID { return sha256.Sum256(spki) }

// ParseLogID reads the form written by LogID.String: exactly 64 lower-case
// hexadecimal digits.
func ParseLogID(s string) (LogID, error) {
	var id LogID
	if len(s) != 2*len(id) {
		return LogID{}, fmt.Errorf("log ID %q: want 64 lower-case hexadecimal digits, have %d characters", s, len(s))
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil || id.String() != s {
		return LogID{}, fmt.Errorf("log ID %q: want 64 lower-case hexadecimal digits", s)
	}
	return id, nil
}

// Fingerprint is the SHA-256 of a DER certificate, as static-ct-api names the
// certificates of a chain and the files below issuer/.
type Fingerprint [sha256.Size]byte

// String returns the fingerprint in lower-case hexadecimal, the name of the file below issuer/.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }

// FingerprintOf returns the fingerprint of a DER certificate.
func FingerprintOf(der []byte) Fingerprint { return sha256.Sum256(der) }

// EmptyRoot is the root of the tree without entries: SHA-256 of nothing (RFC 6962 section 2.1).
var EmptyRoot = Hash(sha256.Sum256(nil))

// Domain separation bytes of RFC 6962 section 2.1.
const (
	leafPrefix = 0x00
	nodePrefix = 0x01
)

// leafBuffers holds the buffers in which HashLeaf puts the prefix byte before a
// leaf. Hashing one contiguous buffer costs no allocation; feeding a hash.Hash
// in two writes costs more than copying a leaf of usual size.
var leafBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

// maxPooledLeaf keeps one entry of megabytes from pinning memory for ever.
const maxPooledLeaf = 1 << 17

// HashLeaf returns the leaf hash of a MerkleTreeLeaf structure: SHA-256(00 ‖ leaf).
func HashLeaf(merkleTreeLeaf []byte) Hash {
	buf := leafBuffers.Get().(*[]byte)
	b := append(append((*buf)[:0], leafPrefix), merkleTreeLeaf...)
	h := sha256.Sum256(b)
	if cap(b) <= maxPooledLeaf {
		*buf = b
		leafBuffers.Put(buf)
	}
	return h
}

// HashNode returns the hash of an inner node: SHA-256(01 ‖ left ‖ right).
func HashNode(l, r Hash) Hash {
	var b [1 + 2*sha256.Size]byte
	b[0] = nodePrefix
	copy(b[1:], l[:])
	copy(b[1+sha256.Size:], r[:])
	return sha256.Sum256(b[:])
}
