package ctlog

import (
	"encoding/base64"
	"encoding/binary"
)

// strictBase64 has the last word on what is base64.
var strictBase64 = base64.StdEncoding.Strict()

// sextets gives, for each of four letters in a row, its bits where they belong in the 24 that the four stand for; notBase64 if it is none
// of the alphabet.
var sextets = func() (t [4][256]uint32) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" // RFC 4648, table 1
	for place := range t {
		for c := range t[place] {
			t[place][c] = notBase64
		}
		for value := range len(alphabet) {
			t[place][alphabet[value]] = uint32(value) << (18 - 6*place)
		}
	}
	return t
}()

const notBase64 = 1 << 31

// decodeBase64 is strictBase64.Decode, about three times as fast on what is valid: base64 was the largest part of reading an RFC 6962
// log after the copy out of the kernel.
func decodeBase64(dst, text []byte) (int, error) {
	n, at := 0, 0
	for len(text)-at >= 8 && len(dst)-n >= 8 {
		s := text[at : at+8]
		a := sextets[0][s[0]] | sextets[1][s[1]] | sextets[2][s[2]] | sextets[3][s[3]]
		b := sextets[0][s[4]] | sextets[1][s[5]] | sextets[2][s[6]] | sextets[3][s[7]]
		if (a|b)&notBase64 != 0 {
			break
		}
		binary.BigEndian.PutUint64(dst[n:], uint64(a)<<40|uint64(b)<<16) // two bytes more than there are
		n, at = n+6, at+8
	}
	rest, err := strictBase64.Decode(dst[n:], text[at:])
	if err != nil && at > 0 {
		return strictBase64.Decode(dst, text) // says where in the text it is wrong
	}
	return n + rest, err
}
