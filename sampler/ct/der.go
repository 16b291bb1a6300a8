package ct

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
)

// DER tags this package meets.
const (
	tagBoolean         = 0x01
	tagInteger         = 0x02
	tagBitString       = 0x03
	tagOctetString     = 0x04
	tagOID             = 0x06
	tagUTCTime         = 0x17
	tagGeneralizedTime = 0x18
	tagSequence        = 0x30
	tagVersion         = 0xa0 // TBSCertificate [0]
	tagIssuerUniqueID  = 0x81 // TBSCertificate [1]
	tagSubjectUniqueID = 0x82 // TBSCertificate [2]
	tagExtensions      = 0xa3 // TBSCertificate [3]
)

var errTruncated = errors.New("an element runs past the end")

// element is one tag-length-value of DER.
type element struct {
	tag     byte
	content []byte
	full    []byte // tag, length and content
}

// readElement reads the element at the start of b. Lengths longer than needed
// are accepted, because the bytes meant are still unambiguous; indefinite
// lengths and tag numbers above 30 are not, as no certificate field uses them.
func readElement(b []byte) (e element, rest []byte, err error) {
	if len(b) < 2 {
		return element{}, nil, errTruncated
	}
	if b[0]&0x1f == 0x1f {
		return element{}, nil, fmt.Errorf("tag %#02x has a multi-octet number", b[0])
	}
	n, header := int(b[1]), 2
	if n >= 0x80 {
		octets := n & 0x7f
		if octets == 0 || octets > 4 {
			return element{}, nil, fmt.Errorf("length octet %#02x is indefinite or too long", b[1])
		}
		header += octets
		if len(b) < header {
			return element{}, nil, errTruncated
		}
		length := uint64(0)
		for _, o := range b[2:header] {
			length = length<<8 | uint64(o)
		}
		if length > uint64(len(b)-header) {
			return element{}, nil, errTruncated
		}
		n = int(length)
	}
	end := header + n
	if end > len(b) {
		return element{}, nil, errTruncated
	}
	return element{tag: b[0], content: b[header:end:end], full: b[:end:end]}, b[end:], nil
}

// readTagged reads an element that must have the given tag.
func readTagged(b []byte, tag byte) (e element, rest []byte, err error) {
	e, rest, err = readElement(b)
	if err == nil && e.tag != tag {
		return element{}, nil, fmt.Errorf("tag %#02x, want %#02x", e.tag, tag)
	}
	return e, rest, err
}

// appendElement appends an element with the shortest length.
func appendElement(dst []byte, tag byte, content []byte) []byte {
	dst = appendHeader(dst, tag, len(content))
	return append(dst, content...)
}

func appendHeader(dst []byte, tag byte, n int) []byte {
	dst = append(dst, tag)
	switch {
	case n < 0x80:
		return append(dst, byte(n))
	case n < 1<<8:
		return append(dst, 0x81, byte(n))
	case n < 1<<16:
		return append(dst, 0x82, byte(n>>8), byte(n))
	case n < 1<<24:
		return append(dst, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
	return append(dst, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// maxOIDOctets bounds an object identifier: far above any in use, low enough
// that printing arcs of arbitrary size stays cheap.
const maxOIDOctets = 128

// oidString returns the dotted form of an OBJECT IDENTIFIER's content octets, or
// "" when they are not one. Non-minimal arcs (leading 80) are refused: they would
// let two encodings pass for one identifier.
func oidString(content []byte) string {
	if s := knownOID(content); s != "" {
		return s
	}
	if len(content) == 0 || len(content) > maxOIDOctets || content[len(content)-1]&0x80 != 0 {
		return ""
	}
	out := make([]byte, 0, 32)
	for first := true; len(content) > 0; first = false {
		if content[0] == 0x80 {
			return ""
		}
		n := 1
		for content[n-1]&0x80 != 0 {
			n++
		}
		out = appendArc(out, content[:n], first)
		content = content[n:]
	}
	return string(out)
}

// appendArc appends one base-128 arc; the first stands for two (X.690 8.19.4).
func appendArc(out, octets []byte, first bool) []byte {
	if len(octets) > 9 { // more than 63 bits
		v := new(big.Int)
		for _, o := range octets {
			v.Or(v.Lsh(v, 7), big.NewInt(int64(o&0x7f)))
		}
		if first {
			return append(append(out, "2."...), v.Sub(v, big.NewInt(80)).String()...)
		}
		return append(append(out, '.'), v.String()...)
	}
	v := uint64(0)
	for _, o := range octets {
		v = v<<7 | uint64(o&0x7f)
	}
	if first {
		root := min(v/40, 2)
		out = strconv.AppendUint(out, root, 10)
		v -= root * 40
	}
	return strconv.AppendUint(append(out, '.'), v, 10)
}
