package ct

import (
	"crypto/sha256"
	"encoding/binary"
)

// input is what is left to read of a structure in TLS presentation language
// (RFC 8446 section 3). Every method reports false, and consumes nothing of use,
// when the structure ends first.
type input []byte

func (in *input) take(n int) ([]byte, bool) {
	if n > len(*in) {
		return nil, false
	}
	b := (*in)[:n:n]
	*in = (*in)[n:]
	return b, true
}

func (in *input) uint8() (uint8, bool) {
	b, ok := in.take(1)
	if !ok {
		return 0, false
	}
	return b[0], true
}

func (in *input) uint16() (uint16, bool) {
	b, ok := in.take(2)
	if !ok {
		return 0, false
	}
	return binary.BigEndian.Uint16(b), true
}

func (in *input) uint64() (uint64, bool) {
	b, ok := in.take(8)
	if !ok {
		return 0, false
	}
	return binary.BigEndian.Uint64(b), true
}

// vector16 reads an opaque<0..2^16-1>.
func (in *input) vector16() ([]byte, bool) {
	n, ok := in.uint16()
	if !ok {
		return nil, false
	}
	return in.take(int(n))
}

// vector24 reads an opaque<0..2^24-1>.
func (in *input) vector24() ([]byte, bool) {
	b, ok := in.take(3)
	if !ok {
		return nil, false
	}
	return in.take(int(b[0])<<16 | int(b[1])<<8 | int(b[2]))
}

func appendUint24(b []byte, n int) []byte {
	return append(b, byte(n>>16), byte(n>>8), byte(n))
}

func hashPrefixed(b []byte) Hash { return sha256.Sum256(b) }
