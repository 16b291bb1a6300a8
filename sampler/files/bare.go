package files

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
)

// outside handles a line that is in no PEM block: part of an unarmoured base64 certificate, or stray text.
//
// A certificate without armour may be on one line or wrapped. Its first characters hold the DER length, so it is known from them where
// it ends; and a line that is a certificate of its own ends an unfinished one, so that one bad line does not spoil its neighbours.
func (t *text) outside(line []byte, offset int64, n int, tooLong bool) {
	size := 0
	if !tooLong {
		size = bareLength(line)
	}
	length := len(bytes.TrimRight(line, "="))
	if t.bareSize > 0 && size != length {
		switch {
		case !tooLong && isBase64(line) && len(t.bare)+length <= t.bareSize:
			t.bare = append(t.bare, line...)
			if len(bytes.TrimRight(t.bare, "=")) == t.bareSize {
				t.closeBare()
			}
			return
		case !tooLong && isBase64(line) && size == 0:
			t.bareSize = 0
			t.problem("", fmt.Errorf("base64 certificate at line %d: longer than its DER length says", t.bareLine))
			return
		}
	}
	t.endBare()
	if size == 0 {
		t.strayLine(n)
		return
	}
	t.sawBase64 = true
	if !t.sawPEM {
		t.flushStray()
	}
	t.bareSize, t.bareOffset, t.bareLine = size, offset, n
	t.bare = append(t.bare[:0], line...)
	switch {
	case size == length:
		t.closeBare()
	case length > size:
		t.bareSize = 0
		t.problem("", fmt.Errorf("base64 certificate at line %d: longer than its DER length says", n))
	}
}

func (t *text) closeBare() {
	t.bareSize = 0
	der, err := decodeBase64(t.bare)
	if err == nil {
		err = checkShape(der)
	}
	if err != nil {
		t.problem("", fmt.Errorf("base64 certificate at line %d: %w", t.bareLine, err))
		return
	}
	t.certificate(t.bareOffset, der, "")
}

// endBare reports a certificate without armour that stopped too early.
func (t *text) endBare() {
	if t.bareSize > 0 {
		size := t.bareSize
		t.bareSize = 0
		t.problem("", fmt.Errorf("base64 certificate at line %d: truncated, %d of %d characters", t.bareLine, len(t.bare), size))
	}
}

// strayLine notes a line that is neither. In a file of base64 lines it is a lost certificate, so it is reported at once.
func (t *text) strayLine(n int) {
	if t.sawPEM {
		return
	}
	if t.stray.count == 0 {
		t.stray.first = n
	}
	t.stray.last = n
	t.stray.count++
	if t.sawBase64 {
		t.flushStray()
	}
}

func (t *text) flushStray() {
	if t.stray.count == 0 {
		return
	}
	what := fmt.Sprintf("line %d is", t.stray.first)
	if t.stray.count > 1 {
		what = fmt.Sprintf("%d lines from %d to %d are", t.stray.count, t.stray.first, t.stray.last)
	}
	t.stray = lineRange{}
	t.problem("", errors.New(what+" not base64 of a certificate"))
}

// bareLength returns how many base64 characters, without padding, the DER SEQUENCE has that starts with line; 0 when line does
// not start like the base64 of one ("M" is 0x30 and the top bits of a length in its long form).
func bareLength(line []byte) int {
	if len(line) < 8 || line[0] != 'M' || !isBase64(line) {
		return 0
	}
	var head [6]byte
	if n, err := base64.StdEncoding.Decode(head[:], line[:8]); err != nil || n != 6 {
		return 0
	}
	size, err := derLength(head[:])
	if err != nil || size < 0x80 || size > MaxCertificate {
		return 0
	}
	return int(size*8+5) / 6
}

func isBase64(line []byte) bool {
	for _, c := range line {
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '+', c == '/', c == '=':
		default:
			return false
		}
	}
	return len(line) > 0
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) }
