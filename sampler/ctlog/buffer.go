package ctlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip" // 1.7 times as fast as the standard library's, see docs/performance.md
)

const (
	// keepBuffer is the largest buffer that is kept for the next object; a hostile log must not make every buffer huge for ever.
	keepBuffer = 16 << 20
	// trustLength is how much of a Content-Length is believed before bytes have arrived.
	trustLength = 4 << 20
)

var errTooLarge = errors.New("too large")

// buffer holds one object as it arrived and, if it was compressed, as it is. It is reused from object to object.
type buffer struct {
	raw, plain []byte
	src        bytes.Reader
	gz         *gzip.Reader
}

func (b *buffer) trim() {
	if cap(b.raw) > keepBuffer {
		b.raw = nil
	}
	if cap(b.plain) > keepBuffer {
		b.plain = nil
	}
}

// fill reads r to its end. size is the expected number of bytes, or -1; more than limit bytes are errTooLarge.
func (b *buffer) fill(r io.Reader, size, limit int64) ([]byte, error) {
	var err error
	b.raw, err = readAll(b.raw[:0], r, size, limit)
	return b.raw, err
}

// inflate undoes gzip. The result is at most limit bytes, else errTooLarge.
func (b *buffer) inflate(packed []byte, limit int64) ([]byte, error) {
	b.src.Reset(packed)
	if b.gz == nil {
		z, err := gzip.NewReader(&b.src)
		if err != nil {
			return nil, err
		}
		b.gz = z
	} else if err := b.gz.Reset(&b.src); err != nil {
		return nil, err
	}
	var err error
	// Tiles and pages shrink to about a quarter; guessing a little more saves the last growth.
	b.plain, err = readAll(b.plain[:0], b.gz, int64(len(packed))*5, limit)
	return b.plain, err
}

// unpack returns the plain form of raw. A static-ct log may compress without being asked (Content-Encoding), and a mirror may hold
// the compressed bytes themselves; both at once happen too. exact is the size the plain object must have, if known: a hash tile may
// begin with any bytes, those of gzip included.
func (b *buffer) unpack(raw []byte, encoded bool, exact, limit int64) ([]byte, error) {
	if encoded {
		plain, err := b.inflate(raw, limit)
		if err != nil {
			return nil, err
		}
		if !isGzip(plain) || int64(len(plain)) == exact {
			return plain, nil
		}
		b.raw, b.plain = b.plain, b.raw
		return b.inflate(b.raw, limit)
	}
	if !isGzip(raw) || int64(len(raw)) == exact {
		return raw, nil
	}
	return b.inflate(raw, limit)
}

func isGzip(b []byte) bool { return len(b) > 2 && b[0] == 0x1f && b[1] == 0x8b && b[2] == 8 }

func readAll(dst []byte, r io.Reader, size, limit int64) ([]byte, error) {
	// One byte more than announced lets the end be seen without growing.
	if want := min(max(size, 0), trustLength, limit) + 1; int64(cap(dst)) < want {
		dst = make([]byte, 0, want)
	}
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		switch {
		case int64(len(dst)) > limit:
			return dst, fmt.Errorf("%w: more than %d bytes", errTooLarge, limit)
		case err == io.EOF:
			return dst, nil
		case err != nil:
			return dst, err
		}
	}
}
