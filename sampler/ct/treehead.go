package ct

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// TreeHead is a signed tree head whose signature has been verified.
type TreeHead struct {
	LogID     LogID
	Size      uint64
	Root      Hash
	Timestamp uint64 // ms since 1970
	Origin    string // static-ct: the checkpoint's first line; "" for RFC 6962
	Signature []byte // DigitallySigned: hash and signature algorithm, uint16 length, signature
}

// maxTreeHeadBytes bounds a checkpoint or get-sth answer. Witnesses may add many
// post-quantum cosignatures of some kilobytes each, so it is generous.
const maxTreeHeadBytes = 1 << 20

// signatureInput returns the TreeHeadSignature structure of RFC 6962 section 3.5,
// which get-sth answers and static-ct checkpoints both sign.
func (h *TreeHead) signatureInput() []byte {
	b := make([]byte, 0, 50)
	b = append(b, 0, 1) // v1, tree_hash
	b = binary.BigEndian.AppendUint64(b, h.Timestamp)
	b = binary.BigEndian.AppendUint64(b, h.Size)
	return append(b, h.Root[:]...)
}

// verify checks the head's signature and what its values must satisfy.
func (h *TreeHead) verify(spki []byte) error {
	if h.Size > maxTreeSize {
		return fmt.Errorf("tree size %d is out of range", h.Size)
	}
	if h.Size == 0 && h.Root != EmptyRoot {
		return fmt.Errorf("the empty tree has root %s, want %s", h.Root, EmptyRoot)
	}
	return NewPublicKey(spki).verifyDigitallySigned(h.signatureInput(), h.Signature)
}

// ParseSTH reads the JSON answer to RFC 6962 get-sth and verifies its signature
// with the log's SubjectPublicKeyInfo. Unknown keys are ignored.
func ParseSTH(raw []byte, spki []byte) (TreeHead, error) {
	if len(raw) > maxTreeHeadBytes {
		return TreeHead{}, fmt.Errorf("signed tree head of %d bytes: limit is %d", len(raw), maxTreeHeadBytes)
	}
	var sth struct {
		TreeSize  *uint64 `json:"tree_size"`
		Timestamp *uint64 `json:"timestamp"`
		Root      []byte  `json:"sha256_root_hash"`
		Signature []byte  `json:"tree_head_signature"`
	}
	if err := json.Unmarshal(raw, &sth); err != nil {
		return TreeHead{}, fmt.Errorf("signed tree head: not the JSON of get-sth: %w", err)
	}
	if sth.TreeSize == nil || sth.Timestamp == nil {
		return TreeHead{}, errors.New("signed tree head: tree_size or timestamp is missing")
	}
	if len(sth.Root) != len(Hash{}) {
		return TreeHead{}, fmt.Errorf("signed tree head: sha256_root_hash of %d bytes, want 32", len(sth.Root))
	}
	h := TreeHead{
		LogID: LogIDOf(spki), Size: *sth.TreeSize, Root: Hash(sth.Root),
		Timestamp: *sth.Timestamp, Signature: sth.Signature,
	}
	if err := h.verify(spki); err != nil {
		return TreeHead{}, fmt.Errorf("signed tree head of size %d: %w", h.Size, err)
	}
	return h, nil
}

// STH returns the tree head as an answer to RFC 6962 get-sth. A checkpoint carries the same
// signature, so its head can be given in this form too.
func (h *TreeHead) STH() []byte {
	raw, err := json.Marshal(struct {
		TreeSize  uint64 `json:"tree_size"`
		Timestamp uint64 `json:"timestamp"`
		Root      []byte `json:"sha256_root_hash"`
		Signature []byte `json:"tree_head_signature"`
	}{h.Size, h.Timestamp, h.Root[:], h.Signature})
	if err != nil {
		panic("ct: " + err.Error()) // numbers and bytes always have a form
	}
	return append(raw, '\n')
}
