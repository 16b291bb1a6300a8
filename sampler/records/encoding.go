package records

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// Encodings of a CSV.
const (
	UTF8        = "utf-8"
	UTF16LE     = "utf-16le"
	UTF16BE     = "utf-16be"
	Windows1252 = "windows-1252"
)

// sniffed is what the bytes of a text say about its encoding.
type sniffed struct {
	bom     string // encoding that a byte order mark names, "" without one
	invalid bool   // not UTF-8
	nul     bool   // has zero bytes
}

// sniffer looks at all bytes that pass through it.
type sniffer struct {
	sniffed
	head []byte
	rest []byte // the beginning of a character whose end is still to come
}

func (s *sniffer) Write(p []byte) (int, error) {
	if len(s.head) < 3 {
		s.head = append(s.head, p[:min(len(p), 3-len(s.head))]...)
	}
	s.nul = s.nul || bytes.IndexByte(p, 0) >= 0
	if s.invalid {
		return len(p), nil
	}
	n := len(p)
	if len(s.rest) > 0 {
		p = append(s.rest, p...)
	}
	s.rest = nil
	if utf8.Valid(p) {
		return n, nil
	}
	// A character may be cut at the end.
	for cut := 1; cut < utf8.UTFMax && cut <= len(p); cut++ {
		if tail := p[len(p)-cut:]; utf8.RuneStart(tail[0]) {
			if utf8.Valid(p[:len(p)-cut]) && !utf8.FullRune(tail) {
				s.rest = bytes.Clone(tail)
				return n, nil
			}
			break
		}
	}
	s.invalid = true
	return n, nil
}

func (s *sniffer) result() sniffed {
	out := s.sniffed
	out.invalid = out.invalid || len(s.rest) > 0
	switch {
	case bytes.HasPrefix(s.head, []byte{0xef, 0xbb, 0xbf}):
		out.bom = UTF8
	case bytes.HasPrefix(s.head, []byte{0xff, 0xfe}):
		out.bom = UTF16LE
	case bytes.HasPrefix(s.head, []byte{0xfe, 0xff}):
		out.bom = UTF16BE
	}
	return out
}

// encoding decides what the text is in, with a remark for people.
func (s sniffed) encoding(configured string) (encoding, note string, err error) {
	switch {
	case configured != "" && s.bom != "" && configured != s.bom:
		return "", "", errors.New("the file begins with the byte order mark of " + s.bom + ", but encoding = \"" + configured + "\": take the key out")
	case configured != "":
		return configured, "", nil
	case s.bom != "":
		return s.bom, "encoding " + s.bom + ", by its byte order mark", nil
	case s.nul:
		return "", "", errors.New("the file has zero bytes, as UTF-16 without a byte order mark has: set encoding = \"utf-16le\" or \"utf-16be\", or export it as UTF-8")
	case s.invalid:
		return Windows1252, "the file is not UTF-8; it is read as windows-1252, as spreadsheets write: set encoding if it is another", nil
	}
	return UTF8, "", nil
}

// decode returns the text as UTF-8, without byte order mark.
func decode(r io.Reader, encoding string) io.Reader {
	switch encoding {
	case UTF16LE, UTF16BE:
		return &utf16Reader{r: r, big: encoding == UTF16BE}
	case Windows1252:
		return &windowsReader{r: r}
	}
	return &bomReader{r: r}
}

// bomReader takes the byte order mark off UTF-8.
type bomReader struct {
	r       io.Reader
	begun   bool
	pending []byte
}

func (b *bomReader) Read(p []byte) (int, error) {
	if !b.begun {
		b.begun = true
		head := make([]byte, 3)
		n, err := io.ReadFull(b.r, head)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return 0, err
		}
		b.pending = bytes.TrimPrefix(head[:n], []byte{0xef, 0xbb, 0xbf})
	}
	if len(b.pending) > 0 {
		n := copy(p, b.pending)
		b.pending = b.pending[n:]
		return n, nil
	}
	return b.r.Read(p)
}

// windowsReader turns windows-1252 into UTF-8.
type windowsReader struct {
	r   io.Reader
	out []byte
	err error
}

// windowsHigh are the characters 0x80 to 0x9f; the five that do not exist stay controls.
var windowsHigh = [32]rune{'€', 0x81, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0x8d, 'Ž', 0x8f,
	0x90, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0x9d, 'ž', 'Ÿ'}

func (w *windowsReader) Read(p []byte) (int, error) {
	for len(w.out) == 0 && w.err == nil {
		var buf [4096]byte
		var n int
		n, w.err = w.r.Read(buf[:])
		for _, c := range buf[:n] {
			switch {
			case c >= 0x80 && c < 0xa0:
				w.out = utf8.AppendRune(w.out, windowsHigh[c-0x80])
			default:
				w.out = utf8.AppendRune(w.out, rune(c))
			}
		}
	}
	if len(w.out) == 0 {
		return 0, w.err
	}
	n := copy(p, w.out)
	w.out = w.out[n:]
	return n, nil
}

// utf16Reader turns UTF-16 into UTF-8. Halves without their partner become U+FFFD, which
// the reader of rows refuses.
type utf16Reader struct {
	r     io.Reader
	big   bool
	begun bool
	in    []byte
	out   []byte
	high  uint16
	err   error
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.out) == 0 && u.err == nil {
		var buf [4096]byte
		var n int
		n, u.err = u.r.Read(buf[:])
		u.in = append(u.in, buf[:n]...)
		for len(u.in) >= 2 {
			u.unit(u.in[0], u.in[1])
			u.in = u.in[2:]
		}
		if u.err != nil && (len(u.in) > 0 || u.high != 0) {
			u.out, u.in, u.high = utf8.AppendRune(u.out, utf8.RuneError), nil, 0
		}
	}
	if len(u.out) == 0 {
		return 0, u.err
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

func (u *utf16Reader) unit(a, b byte) {
	c := uint16(b)<<8 | uint16(a)
	if u.big {
		c = uint16(a)<<8 | uint16(b)
	}
	if !u.begun {
		u.begun = true
		if c == 0xfeff {
			return
		}
	}
	if u.high != 0 {
		r := utf16.DecodeRune(rune(u.high), rune(c))
		u.high = 0
		u.out = utf8.AppendRune(u.out, r)
		if r != utf8.RuneError {
			return
		}
	}
	switch {
	case c >= 0xd800 && c < 0xdc00:
		u.high = c
	case c >= 0xdc00 && c < 0xe000:
		u.out = utf8.AppendRune(u.out, utf8.RuneError)
	default:
		u.out = utf8.AppendRune(u.out, rune(c))
	}
}
