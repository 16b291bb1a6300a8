package sampler

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
)

// tsvWriter writes a protocol file (protocol section 2) line by line and hashes it on the way.
type tsvWriter struct {
	what  string // of errors: "writing population"
	w     *bufio.Writer
	h     hash.Hash
	count int64
	err   error // sticky
}

func newTSVWriter(w io.Writer, what, header string) tsvWriter {
	t := tsvWriter{what: what, w: bufio.NewWriterSize(w, 1<<16), h: sha256.New()}
	t.emit([]byte(header))
	return t
}

// row writes one line, LF included.
func (t *tsvWriter) row(line []byte) error {
	t.emit(line)
	t.count++
	return t.err
}

func (t *tsvWriter) emit(line []byte) {
	t.h.Write(line)
	if _, err := t.w.Write(line); err != nil && t.err == nil {
		t.err = fmt.Errorf("%s: %w", t.what, err)
	}
}

// Flush hands everything written so far to the underlying writer.
func (t *tsvWriter) Flush() error {
	if t.err != nil {
		return t.err
	}
	if err := t.w.Flush(); err != nil {
		t.err = fmt.Errorf("%s: %w", t.what, err)
	}
	return t.err
}

// Count returns the number of lines written, without the header.
func (t *tsvWriter) Count() int64 { return t.count }

// Hash returns the SHA-256 of the bytes so far, header included.
func (t *tsvWriter) Hash() DocHash { return DocHash(t.h.Sum(nil)) }

// tsvReader reads a protocol file strictly, in one pass and constant memory.
type tsvReader struct {
	prefix  string // of errors: "population.tsv: ", or ""
	header  string // with LF
	version string // of errors: "population version 1"
	max     int    // bytes of a line
	r       *bufio.Reader
	h       hash.Hash
	line    int
	count   int64
	err     error // sticky, io.EOF included
}

// maxTSVLine bounds the buffer, so also what max may be.
const maxTSVLine = 1 << 16

func newTSVReader(r io.Reader, prefix, header, version string, max int) tsvReader {
	return tsvReader{prefix: prefix, header: header, version: version, max: max, r: bufio.NewReaderSize(r, maxTSVLine), h: sha256.New()}
}

// row gives the next line, without its LF and valid during the call, to take, which parses it
// and checks its place. After an error it returns the same error again; it names the line,
// and is io.EOF after the last one.
func (t *tsvReader) row(take func(line []byte) error) error {
	if t.err != nil {
		return t.err
	}
	line, err := t.body()
	if err == nil {
		err = take(line)
	}
	if err != nil {
		if err != io.EOF {
			err = fmt.Errorf("%sline %d: %w", t.prefix, t.line, err)
		}
		t.err = err
		return err
	}
	t.count++
	return nil
}

// body returns the next line after the header.
func (t *tsvReader) body() ([]byte, error) {
	if t.line == 0 {
		header, err := t.readLine()
		if err == io.EOF {
			return nil, errors.New("empty file; not even a header line")
		} else if err != nil {
			return nil, err
		}
		if string(header) != t.header[:len(t.header)-1] {
			return nil, errors.New("header differs from that of " + t.version)
		}
	}
	return t.readLine()
}

func (t *tsvReader) readLine() ([]byte, error) {
	b, err := t.r.ReadSlice('\n')
	if err == io.EOF && len(b) == 0 {
		return nil, io.EOF
	}
	t.line++
	switch {
	case err == io.EOF:
		return nil, errors.New("last line does not end in LF")
	case errors.Is(err, bufio.ErrBufferFull) || err == nil && len(b) > t.max:
		return nil, fmt.Errorf("line is longer than %d bytes", t.max)
	case err != nil:
		return nil, err
	}
	t.h.Write(b)
	return b[:len(b)-1], nil
}

// Count returns the number of lines read so far, without the header.
func (t *tsvReader) Count() int64 { return t.count }

// Hash returns the SHA-256 of the lines read so far: after io.EOF that of the whole file.
func (t *tsvReader) Hash() DocHash { return DocHash(t.h.Sum(nil)) }
