package ct

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
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
	return verifyDigitallySigned(spki, h.signatureInput(), h.Signature)
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

// Algorithm numbers of RFC 5246 section 7.4.1.4.1 that RFC 6962 allows logs.
const (
	tlsSHA256 = 4
	tlsRSA    = 1
	tlsECDSA  = 3
)

// verifyDigitallySigned checks a log's signature over msg. RFC 6962 section 2.1.4
// allows logs ECDSA on P-256 and RSA of at least 2048 bits, both with SHA-256.
func verifyDigitallySigned(spki, msg, signed []byte) error {
	in := input(signed)
	hashAlg, ok1 := in.uint8()
	sigAlg, ok2 := in.uint8()
	sig, ok3 := in.vector16()
	if !ok1 || !ok2 || !ok3 || len(in) != 0 {
		return errors.New("signature is not a DigitallySigned structure")
	}
	key, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return fmt.Errorf("log key is not a SubjectPublicKeyInfo: %w", err)
	}
	digest := sha256.Sum256(msg)
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return errors.New("log key is ECDSA on another curve than P-256")
		}
		if hashAlg != tlsSHA256 || sigAlg != tlsECDSA {
			return fmt.Errorf("signature algorithms %d/%d, want 4/3 for an ECDSA log key", hashAlg, sigAlg)
		}
		if !ecdsa.VerifyASN1(key, digest[:], sig) {
			return fmt.Errorf("%w: it does not verify with the log key %s", ErrBadSignature, LogIDOf(spki))
		}
	case *rsa.PublicKey:
		if key.Size() < 256 {
			return fmt.Errorf("log key is RSA of %d bits, want 2048 or more", key.N.BitLen())
		}
		if hashAlg != tlsSHA256 || sigAlg != tlsRSA {
			return fmt.Errorf("signature algorithms %d/%d, want 4/1 for an RSA log key", hashAlg, sigAlg)
		}
		if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], sig); err != nil {
			return fmt.Errorf("%w: it does not verify with the log key %s", ErrBadSignature, LogIDOf(spki))
		}
	default:
		return fmt.Errorf("log key is neither ECDSA nor RSA but %T", key)
	}
	return nil
}
