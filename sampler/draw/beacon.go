package draw

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/cloudflare/circl/sign/bls"

	"selfaudit/sampler"
)

// maxBeacon bounds a relay's answer; a real one has fewer than 700 bytes.
const maxBeacon = 64 << 10

// Lengths of compressed points of BLS12-381 in bytes.
const (
	g1Bytes = 48
	g2Bytes = 96
)

// Beacon is one round of a drand chain as a relay answers it (protocol section 6.1).
type Beacon struct {
	Round             uint64
	Randomness        []byte // 32 bytes: SHA-256 of Signature
	Signature         []byte // compressed point: 48 bytes unchained, 96 chained
	PreviousSignature []byte // chained networks only
}

// ParseBeacon reads drand's JSON answer, the content of beacon.json. Keys that
// drand may add are ignored; wrong types, upper-case hex and answers of more than
// 64 KiB are refused. Nothing is verified: that is VerifyBeacon's task.
func ParseBeacon(raw []byte) (Beacon, error) {
	b, err := parseBeacon(raw)
	if err != nil {
		return Beacon{}, fmt.Errorf("beacon.json: %w", err)
	}
	return b, nil
}

func parseBeacon(raw []byte) (Beacon, error) {
	if len(raw) > maxBeacon {
		return Beacon{}, fmt.Errorf("larger than %d bytes", maxBeacon)
	}
	if !utf8.Valid(raw) {
		return Beacon{}, errors.New("not UTF-8")
	}
	// A map, not a struct: encoding/json would match struct keys without
	// regard to case, and another reader would not.
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return Beacon{}, fmt.Errorf("not a drand answer: %w", err)
	}
	var b Beacon
	round, ok := fields["round"]
	if !ok {
		return Beacon{}, errors.New("no round")
	}
	if err := json.Unmarshal(round, &b.Round); err != nil || string(round) == "null" {
		return Beacon{}, errors.New("round is not a whole number")
	}
	var err error
	if b.Randomness, err = hexField(fields, "randomness", true); err != nil {
		return Beacon{}, err
	}
	if b.Signature, err = hexField(fields, "signature", true); err != nil {
		return Beacon{}, err
	}
	b.PreviousSignature, err = hexField(fields, "previous_signature", false)
	return b, err
}

// hexField decodes a lowercase hex string of at most a G2 point's length.
func hexField(fields map[string]json.RawMessage, key string, required bool) ([]byte, error) {
	raw, ok := fields[key]
	if !ok {
		if required {
			return nil, fmt.Errorf("no %s", key)
		}
		return nil, nil
	}
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		return nil, fmt.Errorf("%s is not a string", key)
	}
	b, err := hex.DecodeString(*s)
	if err != nil || hex.EncodeToString(b) != *s || len(b) > g2Bytes {
		return nil, fmt.Errorf("%s is not lowercase hex of at most %d bytes", key, g2Bytes)
	}
	return b, nil
}

// VerifyBeacon checks that b is the given round of the chain: the round, the
// randomness as SHA-256 of the signature, and the BLS signature under the
// chain's pinned public key (protocol sections 6.1 and 12).
func VerifyBeacon(c sampler.Chain, round uint64, b Beacon) error {
	if b.Round != round {
		return fmt.Errorf("verifying beacon of chain %s: answer is for round %d, want round %d", c.Name, b.Round, round)
	}
	sum := sha256.Sum256(b.Signature)
	if string(sum[:]) != string(b.Randomness) {
		return fmt.Errorf("verifying beacon of chain %s, round %d: randomness is not SHA-256 of the signature", c.Name, round)
	}
	if err := verifyBLS(c, round, b); err != nil {
		return fmt.Errorf("verifying beacon of chain %s, round %d: %w; fetch the round from another relay", c.Name, round, err)
	}
	return nil
}

func verifyBLS(c sampler.Chain, round uint64, b Beacon) error {
	counter := binary.BigEndian.AppendUint64(nil, round)
	if !c.Chained {
		if len(b.PreviousSignature) != 0 {
			return errors.New("previous_signature in an answer of an unchained network")
		}
		message := sha256.Sum256(counter)
		return verifyPoint[bls.KeyG2SigG1](c.PublicKey, message[:], b.Signature, g1Bytes)
	}
	if len(b.PreviousSignature) != g2Bytes {
		return fmt.Errorf("previous_signature has %d bytes, want %d", len(b.PreviousSignature), g2Bytes)
	}
	message := sha256.Sum256(append(b.PreviousSignature[:g2Bytes:g2Bytes], counter...))
	return verifyPoint[bls.KeyG1SigG2](c.PublicKey, message[:], b.Signature, g2Bytes)
}

// verifyPoint verifies a signature of exactly size bytes. The length matters:
// the library would take the uncompressed form of the same point too, whose
// hash, the randomness, is another one.
func verifyPoint[K bls.KeyGroup](key, message, signature []byte, size int) error {
	if len(signature) != size {
		return fmt.Errorf("signature has %d bytes, want %d", len(signature), size)
	}
	var public bls.PublicKey[K]
	if err := public.UnmarshalBinary(key); err != nil {
		return fmt.Errorf("public key of the chain: %w", err)
	}
	if !bls.Verify(&public, message, signature) {
		return errors.New("BLS signature is not valid under the chain's key")
	}
	return nil
}
