package lint

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"
)

// TestReadArtifactsUTF16 reads what Windows tools write, with byte order mark or without.
func TestReadArtifactsUTF16(t *testing.T) {
	cert, crl := der(t, "subCAWBothURL.pem"), der(t, "crlEmpty.pem")
	two := string(armour("CERTIFICATE", cert)) + string(armour("X509 CRL", crl))
	for _, text := range []string{two, "Subject: Größe\r\n" + strings.ReplaceAll(two, "\n", "\r\n")} {
		want, err := ReadArtifacts("utf8.pem", strings.NewReader(text))
		if err != nil || len(want) != 2 {
			t.Fatalf("%d artifacts, %v", len(want), err)
		}
		for name, order := range map[string]binary.AppendByteOrder{"little": binary.LittleEndian, "big": binary.BigEndian} {
			for _, mark := range []bool{true, false} {
				var b []byte
				if mark {
					b = order.AppendUint16(b, 0xfeff)
				}
				for _, u := range utf16.Encode([]rune(text)) {
					b = order.AppendUint16(b, u)
				}
				got, err := ReadArtifacts("utf8.pem", bytes.NewReader(b))
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%s, mark %t: %d artifacts, %v; want %d", name, mark, len(got), err, len(want))
				}
				if _, err := ReadArtifacts("odd.pem", bytes.NewReader(b[:len(b)-1])); err != nil {
					t.Error(err)
				}
			}
		}
	}
	for _, none := range []string{"\xff\xfe", "\xfe\xff\x00", "0\x82-\x00-\x00-\x00-\x00-\x00", "-\x00-\x00-\x00-\x00-\x00"} {
		if got, err := ReadArtifacts("none", strings.NewReader(none)); err != nil || len(got) != 1 || got[0].Kind != KindUnknown {
			t.Errorf("%q: %v, %v", none, got, err)
		}
	}
}
