package sampler

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// maxSerialBytes is the longest serial number that a population can name
// (protocol section 3). RFC 5280 section 4.1.2.2 allows 20 bytes; more is a finding.
const maxSerialBytes = 128

// Serial is a certificate serial number as the protocol writes it (section 3):
// the minimal big-endian magnitude in lowercase hex, two digits per byte, no
// leading 00 byte, zero as "00", a leading "-" for a negative number.
type Serial string

// SerialFromInteger converts the content octets of a DER INTEGER (two's
// complement). It tolerates encodings that DER forbids, because certificates
// with them exist: superfluous leading bytes are stripped and no content at
// all counts as zero. A number of more than 128 bytes is converted too, but
// ParseSerial and the population writer refuse it.
func SerialFromInteger(content []byte) Serial {
	if len(content) == 0 {
		return "00"
	}
	if content[0]&0x80 == 0 {
		return Serial(magnitudeHex(content))
	}
	// Negative: the magnitude is the two's complement of the octets.
	magnitude := make([]byte, len(content))
	carry := true
	for i := len(content) - 1; i >= 0; i-- {
		magnitude[i] = ^content[i]
		if carry {
			magnitude[i]++
			carry = magnitude[i] == 0
		}
	}
	return Serial("-" + magnitudeHex(magnitude))
}

func magnitudeHex(b []byte) string {
	b = bytes.TrimLeft(b, "\x00")
	if len(b) == 0 {
		return "00"
	}
	return hex.EncodeToString(b)
}

// ParseSerial reads a serial number in the protocol's spelling. It refuses
// leading 00 bytes, "-00", upper case, half bytes and more than 128 bytes.
func ParseSerial(s string) (Serial, error) {
	if err := checkSerial(s); err != nil {
		return "", fmt.Errorf("parsing serial number %.80q: %w", s, err)
	}
	return Serial(s), nil
}

func checkSerial[T string | []byte](s T) error {
	digits := s
	negative := len(s) > 0 && s[0] == '-'
	if negative {
		digits = s[1:]
	}
	switch {
	case len(digits) == 0:
		return fmt.Errorf("no digits")
	case len(digits)%2 != 0:
		return fmt.Errorf("odd number of hex digits")
	case len(digits) > 2*maxSerialBytes:
		return fmt.Errorf("longer than %d bytes", maxSerialBytes)
	case !isLowerHex(digits):
		return fmt.Errorf("not lowercase hex")
	case digits[0] == '0' && digits[1] == '0' && (negative || len(digits) > 2):
		return fmt.Errorf("leading 00 byte")
	}
	return nil
}

// ItemID names one item of a population: one issuer key and serial number
// (protocol section 3). Precertificate and certificate share it.
type ItemID struct {
	Issuer KeyHash
	Serial Serial
}

// ParseItemID reads "<64 hex>:<serial>".
func ParseItemID(s string) (ItemID, error) {
	id, err := parseItemID([]byte(s))
	if err != nil {
		return ItemID{}, fmt.Errorf("parsing item id %.120q: %w", s, err)
	}
	return id, nil
}

func parseItemID(b []byte) (ItemID, error) {
	if len(b) < 66 || b[64] != ':' {
		return ItemID{}, fmt.Errorf("want issuer key hash, colon, serial")
	}
	issuer, err := parseHex32(b[:64])
	if err != nil {
		return ItemID{}, fmt.Errorf("issuer key hash: %w", err)
	}
	if err := checkSerial(b[65:]); err != nil {
		return ItemID{}, fmt.Errorf("serial number: %w", err)
	}
	return ItemID{Issuer: issuer, Serial: Serial(b[65:])}, nil
}

// String returns the item_id column: "<issuer key hash>:<serial>".
func (id ItemID) String() string { return string(id.Append(nil)) }

// Append appends the item_id text to b, for callers that hash or write many.
func (id ItemID) Append(b []byte) []byte {
	b = hex.AppendEncode(b, id.Issuer[:])
	b = append(b, ':')
	return append(b, id.Serial...)
}

// Compare orders item ids as their strings, byte by byte ("ascending" in
// protocol section 2).
func (id ItemID) Compare(other ItemID) int {
	// The issuer part has a fixed length, so comparing the parts in turn
	// gives the order of the whole strings.
	if c := bytes.Compare(id.Issuer[:], other.Issuer[:]); c != 0 {
		return c
	}
	return strings.Compare(string(id.Serial), string(other.Serial))
}

// RowKey returns the first 16 hex digits of SHA-256(item_id): a short name for
// the item in workbooks, not an identity for protocol documents.
func (id ItemID) RowKey() string {
	sum := sha256.Sum256(id.Append(nil))
	return hex.EncodeToString(sum[:8])
}

// MarshalText writes the item_id text.
func (id ItemID) MarshalText() ([]byte, error) { return id.Append(nil), nil }

// UnmarshalText reads the item_id text, as strict as ParseItemID.
func (id *ItemID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseItemID(string(b))
	return err
}
