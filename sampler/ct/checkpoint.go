package ct

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// rfc6962NoteSignature is the signature type static-ct-api registers for tree
// heads signed as in RFC 6962 (c2sp.org/signed-note).
const rfc6962NoteSignature = 0x05

// ParseCheckpoint reads a static-ct-api checkpoint and verifies it: the note
// format, the origin line and the log's own signature, made with the key in spki.
//
// The signature covers size, root and timestamp but not the origin, so the origin
// is compared. Signature lines of others (witness cosignatures, grease) are
// ignored wherever they stand. Extension lines are refused: this signature type
// does not cover them. Errors do not say "checkpoint": callers name the object.
func ParseCheckpoint(raw []byte, origin string, spki []byte) (TreeHead, error) {
	body, sigs, err := splitNote(raw)
	if err != nil {
		return TreeHead{}, err
	}
	h, err := parseCheckpointBody(body)
	if err != nil {
		return TreeHead{}, err
	}
	if h.Origin != origin {
		return TreeHead{}, fmt.Errorf("origin is %q, want %q", h.Origin, origin)
	}
	h.LogID = LogIDOf(spki)
	keyID := noteKeyID(origin, h.LogID)
	found := false
	for _, line := range sigs {
		name, blob, err := parseNoteSignature(line)
		if err != nil {
			return TreeHead{}, err
		}
		if name != origin || !bytes.Equal(blob[:4], keyID[:]) {
			continue
		}
		signed := h
		if err := signed.setNoteSignature(blob[4:]); err != nil {
			return TreeHead{}, err
		}
		if err := signed.verify(spki); err != nil {
			return TreeHead{}, err
		}
		if found {
			return TreeHead{}, errors.New("the log's own signature is there twice")
		}
		found = true
		h.Timestamp, h.Signature = signed.Timestamp, signed.Signature
	}
	if !found {
		return TreeHead{}, fmt.Errorf("no signature line of %s with key ID %x: is the public key the log's?", origin, keyID)
	}
	return h, nil
}

// CheckpointOrigin returns the first line of a checkpoint, for reading one of which no origin
// is known; nothing about it is verified.
func CheckpointOrigin(raw []byte) string {
	line, _, _ := strings.Cut(string(raw[:min(len(raw), maxTreeHeadBytes)]), "\n")
	return line
}

// splitNote divides a signed note into its text, which ends in a newline, and
// its signature lines without theirs.
func splitNote(raw []byte) (body string, sigs []string, err error) {
	if len(raw) > maxTreeHeadBytes {
		return "", nil, fmt.Errorf("%d bytes, limit is %d", len(raw), maxTreeHeadBytes)
	}
	if !utf8.Valid(raw) {
		return "", nil, errors.New("not UTF-8")
	}
	for _, b := range raw {
		if b < 0x20 && b != '\n' {
			return "", nil, fmt.Errorf("control character %#02x", b)
		}
	}
	note := string(raw)
	i := strings.LastIndex(note, "\n\n")
	if i < 0 {
		return "", nil, errors.New("not a signed note: no empty line before the signatures")
	}
	body, rest := note[:i+1], note[i+2:]
	if !strings.HasSuffix(rest, "\n") {
		return "", nil, errors.New("not a signed note: no newline at the end of the last signature line")
	}
	return body, strings.Split(strings.TrimSuffix(rest, "\n"), "\n"), nil
}

// parseCheckpointBody reads the three lines origin, size and root.
func parseCheckpointBody(body string) (TreeHead, error) {
	lines := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
	if len(lines) != 3 {
		return TreeHead{}, fmt.Errorf("%d lines before the signatures, want origin, size and root only", len(lines))
	}
	if lines[0] == "" {
		return TreeHead{}, errors.New("the origin line is empty")
	}
	size, err := strconv.ParseUint(lines[1], 10, 64)
	if err != nil || strconv.FormatUint(size, 10) != lines[1] {
		return TreeHead{}, fmt.Errorf("tree size %q is not a decimal number without leading zeros", lines[1])
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != len(Hash{}) {
		return TreeHead{}, fmt.Errorf("root hash %q is not the base64 of 32 bytes", lines[2])
	}
	return TreeHead{Origin: lines[0], Size: size, Root: Hash(root)}, nil
}

// parseNoteSignature reads one signature line: "— name base64(key ID ‖ signature)".
func parseNoteSignature(line string) (name string, blob []byte, err error) {
	rest, ok := strings.CutPrefix(line, "— ")
	if !ok {
		return "", nil, fmt.Errorf("line %q is not a signature line", line)
	}
	name, encoded, ok := strings.Cut(rest, " ")
	if !ok || name == "" || strings.ContainsFunc(name, unicode.IsSpace) || strings.Contains(name, "+") {
		return "", nil, fmt.Errorf("signature line %q has no valid name", line)
	}
	blob, err = base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(blob) < 5 {
		return "", nil, fmt.Errorf("signature line of %s is not the base64 of a key ID and a signature", name)
	}
	return name, blob, nil
}

// noteKeyID returns the key ID of a log's own signature line:
// SHA-256(name ‖ 0A ‖ 05 ‖ LogID), first four octets (static-ct-api).
func noteKeyID(name string, id LogID) [4]byte {
	b := append([]byte(name), '\n', rfc6962NoteSignature)
	sum := sha256.Sum256(append(b, id[:]...))
	return [4]byte(sum[:4])
}

// setNoteSignature reads the log's signature: uint64 timestamp, DigitallySigned.
func (h *TreeHead) setNoteSignature(sig []byte) error {
	if len(sig) < 8 {
		return errors.New("the log's signature ends before its time stamp")
	}
	h.Timestamp = binary.BigEndian.Uint64(sig)
	h.Signature = sig[8:]
	return nil
}
