package ccadb

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// Bounds of a report. In 2026 the largest one had 9 MB, 90 columns, fields of up to 40 kB
// and 12,000 records.
const (
	maxField   = 1 << 20
	maxRecord  = 4 << 20
	maxColumns = 1000
)

// csvReader reads RFC 4180: commas, double quotes, LF or CRLF, line ends inside quotes. A
// record never takes more memory than maxRecord, which encoding/csv cannot promise: one
// missing quote makes it read the rest of the file as one field.
type csvReader struct {
	r     *bufio.Reader
	line  int // of the next byte, from 1
	start int // line on which the record began
	field []byte
}

func newCSV(r io.Reader) *csvReader {
	br := bufio.NewReaderSize(r, 1<<16)
	if bom, _ := br.Peek(3); string(bom) == "\xef\xbb\xbf" {
		_, _ = br.Discard(3) // peeked at, so it cannot fail
	}
	return &csvReader{r: br, line: 1}
}

// record returns the next record, blank lines passed over; io.EOF after the last.
func (c *csvReader) record() ([]string, error) {
	var out []string
	size := 0
	c.start = c.line
	for {
		last, err := c.next()
		if err != nil {
			if err == io.EOF && len(out) == 0 {
				return nil, io.EOF
			}
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, fmt.Errorf("line %d: %w", c.start, err)
		}
		if last && len(out) == 0 && len(c.field) == 0 {
			c.start = c.line // a blank line
			continue
		}
		size += len(c.field)
		switch {
		case size > maxRecord:
			return nil, fmt.Errorf("line %d: a record of more than %d bytes", c.start, maxRecord)
		case len(out) == maxColumns:
			return nil, fmt.Errorf("line %d: more than %d columns", c.start, maxColumns)
		}
		out = append(out, string(c.field))
		if last {
			return out, nil
		}
	}
}

// row returns the next record, which must have as many columns as the header.
func (c *csvReader) row(columns int) ([]string, error) {
	fields, err := c.record()
	if err == nil && len(fields) != columns {
		err = fmt.Errorf("line %d: %d columns, the header has %d", c.start, len(fields), columns)
	}
	return fields, err
}

// next reads one field into c.field. last says that it ends its record. At the end of the
// input it returns io.EOF, unless there is a field without a line end.
func (c *csvReader) next() (last bool, err error) {
	c.field = c.field[:0]
	b, err := c.r.ReadByte()
	switch {
	case err != nil:
		return true, err
	case b == '"':
		return c.quoted()
	}
	for ; ; b, err = c.r.ReadByte() {
		switch {
		case err == io.EOF:
			c.field = trimCR(c.field)
			return true, nil
		case err != nil:
			return true, err
		case b == ',':
			return c.comma()
		case b == '\n':
			c.line++
			c.field = trimCR(c.field)
			return true, nil
		case b == '"':
			return true, errors.New("a quotation mark inside a field without quotes")
		case len(c.field) == maxField:
			return true, fmt.Errorf("a field of more than %d bytes", maxField)
		}
		c.field = append(c.field, b)
	}
}

// comma ends a field that is not the last. A comma at the very end of the input is
// followed by one more, empty field.
func (c *csvReader) comma() (last bool, err error) {
	if _, err := c.r.Peek(1); err == io.EOF {
		return true, errors.New("the file ends in the middle of a record")
	}
	return false, nil
}

// quoted reads the rest of a field that began with a quotation mark.
func (c *csvReader) quoted() (last bool, err error) {
	for {
		b, err := c.r.ReadByte()
		switch {
		case err == io.EOF:
			return true, errors.New("a quotation mark is not closed")
		case err != nil:
			return true, err
		case b == '\n':
			c.line++
		case b == '"':
			if next, _ := c.r.Peek(1); len(next) == 0 || next[0] != '"' {
				return c.afterQuote()
			}
			_, _ = c.r.Discard(1) // peeked at, so it cannot fail
		}
		if len(c.field) == maxField {
			return true, fmt.Errorf("a field of more than %d bytes", maxField)
		}
		c.field = append(c.field, b)
	}
}

// afterQuote reads what ends a quoted field: a comma, a line end, or the end of the input.
func (c *csvReader) afterQuote() (last bool, err error) {
	b, err := c.r.ReadByte()
	if err == nil && b == '\r' {
		if b, err = c.r.ReadByte(); err == nil && b != '\n' {
			return true, errors.New("text behind a closing quotation mark")
		}
	}
	switch {
	case err == io.EOF:
		return true, nil
	case err != nil:
		return true, err
	case b == ',':
		return c.comma()
	case b == '\n':
		c.line++
		return true, nil
	}
	return true, errors.New("text behind a closing quotation mark")
}

func trimCR(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\r' {
		return b[:n-1]
	}
	return b
}
