package files

import (
	"bytes"
	"io"
	"strconv"
)

// maxLine is the longest line that is kept whole: base64 of the largest certificate, with room for padding.
const maxLine = (MaxCertificate+2)/3*4 + 64

// input is a buffered reader that knows its offset and cuts lines of bounded length at LF, CR LF or CR.
type input struct {
	r          io.Reader
	buf        []byte
	start, end int   // unread bytes are buf[start:end]
	offset     int64 // of buf[start] in the file
	line       int   // lines cut so far
	afterCR    bool  // the previous line ended with CR: a LF that follows belongs to it
	err        error // sticky; io.EOF at the end
}

func newInput(r io.Reader) *input { return &input{r: r, buf: make([]byte, 64<<10)} }

// peek returns at least n unread bytes, fewer only at the end of the file or on a read error. The slice is valid until the next call.
func (in *input) peek(n int) []byte {
	for in.end-in.start < n && in.err == nil {
		in.fill()
	}
	return in.buf[in.start:in.end]
}

func (in *input) fill() {
	if in.start > 0 {
		copy(in.buf, in.buf[in.start:in.end])
		in.end -= in.start
		in.start = 0
	}
	if in.end == len(in.buf) {
		in.buf = append(in.buf, make([]byte, len(in.buf))...)
	}
	n, err := in.r.Read(in.buf[in.end:])
	in.end += n
	in.err = err
}

func (in *input) skip(n int) {
	in.start += n
	in.offset += int64(n)
}

// nextLine returns the next line without its end and its offset. tooLong means that the line was longer than maxLine and
// only its head is returned. ok is false at the end of the file.
func (in *input) nextLine() (line []byte, offset int64, tooLong, ok bool) {
	if in.afterCR {
		in.afterCR = false
		if b := in.peek(1); len(b) > 0 && b[0] == '\n' {
			in.skip(1)
		}
	}
	offset = in.offset
	searched := 0
	for {
		b := in.buf[in.start:in.end]
		if i := lineEnd(b[searched:]); i >= 0 {
			i += searched
			in.afterCR = b[i] == '\r'
			in.skip(i + 1)
			in.line++
			return b[:i], offset, false, true
		}
		searched = len(b)
		if len(b) > maxLine {
			head := bytes.Clone(b[:256])
			in.discardLine()
			in.line++
			return head, offset, true, true
		}
		if in.err != nil {
			in.skip(len(b))
			in.line++
			return b, offset, false, len(b) > 0
		}
		in.fill()
	}
}

func (in *input) discardLine() {
	for {
		b := in.buf[in.start:in.end]
		if i := lineEnd(b); i >= 0 {
			in.afterCR = b[i] == '\r'
			in.skip(i + 1)
			return
		}
		in.skip(len(b))
		if in.err != nil {
			return
		}
		in.fill()
	}
}

func lineEnd(b []byte) int {
	i := bytes.IndexByte(b, '\n')
	if i >= 0 {
		b = b[:i]
	}
	if j := bytes.IndexByte(b, '\r'); j >= 0 {
		return j
	}
	return i
}

// discard reads to the end of the file, so that size and digest cover all of it.
func (in *input) discard() {
	for {
		in.skip(in.end - in.start)
		if in.err != nil {
			return
		}
		in.fill()
	}
}

// printable quotes a path that holds characters a terminal should not see.
func printable(path string) string {
	if q := strconv.Quote(path); q != `"`+path+`"` {
		return q
	}
	return path
}
