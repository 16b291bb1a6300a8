// Package jsonlines is the JSON of an audit's documents, and JSON Lines with one value to a
// line. A value is written in exactly one way (docs/format-documents.md, "Rules for all JSON
// documents"), so that a reader can refuse what is written in any other: two readers must
// not see different values in the same bytes.
package jsonlines

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Line writes a value as one compact line: no HTML escaping, a line feed at its end.
func Line(v any) ([]byte, error) { return write(v, "") }

// Document writes a value as a document of its own: indented by two spaces, no HTML
// escaping, a line feed at its end.
func Document(v any) ([]byte, error) { return write(v, "  ") }

func write(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("writing JSON: %w", err)
	}
	return b.Bytes(), nil
}

// Decode reads one JSON value into a pointer. Unknown keys, and anything but white space
// behind the value, are errors. Repeated and differently spelled keys pass, as they do in
// encoding/json: who must refuse those compares with what is written again, as Exact does.
func Decode(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the JSON value")
	}
	return nil
}

// Exact reads one line, with its line feed, that must be written the way Line writes the
// value.
func Exact(line []byte, into any) error {
	if err := Decode(line, into); err != nil {
		return err
	}
	again, err := Line(into)
	if err == nil && !bytes.Equal(again, line) {
		err = errors.New("not written the way this program writes it")
	}
	return err
}

// ReadLine returns the next line with its line feed, which counts towards the limit in
// bytes, or io.EOF behind the last one. No more than the limit and r's buffer is held of a
// line that is too long.
func ReadLine(r *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > limit:
			return nil, fmt.Errorf("a line of more than %d bytes", limit)
		case err == nil:
			return line, nil
		case err == io.EOF && len(line) > 0:
			return nil, errors.New("the last line has no line feed: the document is cut short")
		case err != bufio.ErrBufferFull:
			return nil, err
		}
	}
}

// Each calls fn with every line of r, as ReadLine gives them, and its number from 1. Errors,
// fn's too, name the line.
func Each(r io.Reader, limit int, fn func(n int, line []byte) error) error {
	lines := bufio.NewReaderSize(r, 64<<10)
	for n := 1; ; n++ {
		line, err := ReadLine(lines, limit)
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = fn(n, line)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
}
