package testpki

import (
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"
)

// TLV returns one DER element: tag, shortest length, the parts as content.
func TLV(tag byte, parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	b := make([]byte, 0, n+6)
	b = append(b, tag)
	switch {
	case n < 0x80:
		b = append(b, byte(n))
	case n < 1<<8:
		b = append(b, 0x81, byte(n))
	case n < 1<<16:
		b = append(b, 0x82, byte(n>>8), byte(n))
	case n < 1<<24:
		b = append(b, 0x83, byte(n>>16), byte(n>>8), byte(n))
	default:
		b = append(b, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// Sequence returns a SEQUENCE of the given elements.
func Sequence(parts ...[]byte) []byte { return TLV(0x30, parts...) }

// oids remembers encoded identifiers: large test logs encode the same few millions of times.
var oids sync.Map

// OID returns the OBJECT IDENTIFIER element of a dotted string. The result is
// shared and must not be changed.
func OID(dotted string) []byte {
	if der, ok := oids.Load(dotted); ok {
		return der.([]byte)
	}
	der := encodeOID(dotted)
	oids.Store(dotted, der)
	return der
}

func encodeOID(dotted string) []byte {
	var arcs []*big.Int
	for _, s := range strings.Split(dotted, ".") {
		v, ok := new(big.Int).SetString(s, 10)
		if !ok || v.Sign() < 0 {
			panic(fmt.Sprintf("testpki: %q is not an object identifier", dotted))
		}
		arcs = append(arcs, v)
	}
	if len(arcs) < 2 {
		panic(fmt.Sprintf("testpki: %q is not an object identifier", dotted))
	}
	first := new(big.Int).Add(new(big.Int).Mul(arcs[0], big.NewInt(40)), arcs[1])
	content := base128(first)
	for _, v := range arcs[2:] {
		content = append(content, base128(v)...)
	}
	return TLV(0x06, content)
}

func base128(v *big.Int) []byte {
	n := max((v.BitLen()+6)/7, 1)
	out := make([]byte, n)
	rest := new(big.Int).Set(v)
	for i := n - 1; i >= 0; i-- {
		out[i] = byte(new(big.Int).And(rest, big.NewInt(0x7f)).Uint64())
		if i < n-1 {
			out[i] |= 0x80
		}
		rest.Rsh(rest, 7)
	}
	return out
}

// Time returns a UTCTime, or a GeneralizedTime from 2050 (RFC 5280 section 4.1.2.5).
func Time(t time.Time) []byte {
	t = t.UTC()
	if t.Year() < 1950 || t.Year() >= 2050 {
		return TLV(0x18, []byte(t.Format("20060102150405Z")))
	}
	return TLV(0x17, []byte(t.Format("060102150405Z")))
}

func bitString(b []byte) []byte { return TLV(0x03, []byte{0}, b) }

var derTrue = []byte{0x01, 0x01, 0xff}

// Extension returns one X.509 extension.
func Extension(oid string, critical bool, value []byte) []byte {
	if critical {
		return Sequence(OID(oid), derTrue, TLV(0x04, value))
	}
	return Sequence(OID(oid), TLV(0x04, value))
}

// Attribute is one AttributeTypeAndValue of a name, in an RDN of its own.
type Attribute struct {
	OID   string
	Value string // any bytes: nothing is checked
	Tag   byte   // 0: UTF8String
}

// CN returns a commonName.
func CN(v string) Attribute { return Attribute{OID: "2.5.4.3", Value: v} }

// O returns an organizationName.
func O(v string) Attribute { return Attribute{OID: "2.5.4.10", Value: v} }

// OU returns an organizationalUnitName.
func OU(v string) Attribute { return Attribute{OID: "2.5.4.11", Value: v} }

// C returns a countryName, a PrintableString.
func C(v string) Attribute { return Attribute{OID: "2.5.4.6", Value: v, Tag: 0x13} }

// ST returns a stateOrProvinceName.
func ST(v string) Attribute { return Attribute{OID: "2.5.4.8", Value: v} }

// Business returns a businessCategory.
func Business(v string) Attribute { return Attribute{OID: "2.5.4.15", Value: v} }

// Name returns the DER of a Name.
func Name(attributes ...Attribute) []byte {
	var rdns [][]byte
	for _, a := range attributes {
		tag := a.Tag
		if tag == 0 {
			tag = 0x0c
		}
		rdns = append(rdns, TLV(0x31, Sequence(OID(a.OID), TLV(tag, []byte(a.Value)))))
	}
	return Sequence(rdns...)
}
