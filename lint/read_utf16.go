package lint

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
)

// fromUTF16 gives text in UTF-16 as UTF-8: Windows tools write PEM files so. It is recognized by
// its byte order mark, or by five hyphens in it, as a PEM file has them; everything else, DER
// above all, is nil. No DER begins with such a mark, and PEM holds no NUL.
func fromUTF16(data []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		order, data = binary.LittleEndian, data[2:]
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		order, data = binary.BigEndian, data[2:]
	case len(data) > 0 && data[0] == derSequence && bytes.IndexByte(data[:min(len(data), 2)], 0) < 0:
		return nil
	case bytes.Contains(data[:min(len(data), maxPreface)], []byte("-\x00-\x00-\x00-\x00-\x00")) && data[0] != 0:
		order = binary.LittleEndian
	case bytes.Contains(data[:min(len(data), maxPreface)], []byte("\x00-\x00-\x00-\x00-\x00-")) && data[0] == 0:
		order = binary.BigEndian
	default:
		return nil
	}
	units := make([]uint16, 0, len(data)/2)
	for ; len(data) >= 2; data = data[2:] {
		units = append(units, order.Uint16(data))
	}
	return []byte(string(utf16.Decode(units)))
}

// maxPreface is how far into a file its first PEM block is looked for.
const maxPreface = 64 << 10
