package sampler

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Bounds of JSON documents, so that a hostile package cannot exhaust memory.
const (
	maxJSONDocument = 64 << 20
	maxJSONLine     = 16 << 20
)

// encodeDocument writes a JSON document: two spaces of indentation, no HTML
// escaping, LF at the end.
func encodeDocument(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// encodeLine writes one compact JSON object and a LF, without HTML escaping.
func encodeLine(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// decodeStrict reads exactly one JSON value into v. Unlike json.Unmarshal it
// refuses unknown, repeated and differently spelled keys: two readers must not
// be able to see different values in one document.
func decodeStrict(b []byte, v any) error {
	if !utf8.Valid(b) {
		return errors.New("not UTF-8")
	}
	if err := checkKeys(b); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// checkKeys walks the tokens and refuses repeated keys and keys outside
// printable lower-case ASCII, which encoding/json would match without regard to case.
func checkKeys(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	type frame struct {
		keys    map[string]bool // nil in an array
		wantKey bool
	}
	var stack []frame
	for first := true; first || len(stack) > 0; first = false {
		token, err := d.Token()
		if err != nil {
			return err
		}
		var top *frame
		if len(stack) > 0 {
			top = &stack[len(stack)-1]
		}
		if key, ok := token.(string); ok && top != nil && top.wantKey {
			if err := checkKey(key, top.keys); err != nil {
				return err
			}
			top.keys[key], top.wantKey = true, false
			continue
		}
		if top != nil && token != json.Delim('}') && token != json.Delim(']') {
			top.wantKey = top.keys != nil // a value begins; after it comes a key
		}
		switch token {
		case json.Delim('{'):
			stack = append(stack, frame{keys: map[string]bool{}, wantKey: true})
		case json.Delim('['):
			stack = append(stack, frame{})
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:len(stack)-1]
		}
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("data after the JSON value")
	}
	return nil
}

func checkKey(key string, seen map[string]bool) error {
	for i := range len(key) {
		if c := key[i]; c < ' ' || c > '~' || c >= 'A' && c <= 'Z' {
			return fmt.Errorf("key %.80q is not lower-case ASCII", key)
		}
	}
	if seen[key] {
		return fmt.Errorf("key %.80q is there twice", key)
	}
	return nil
}

// readLines calls fn with each line of a JSONL document; name begins every
// error. Blank lines and a missing last LF are refused.
func readLines(r io.Reader, name string, fn func(line []byte) error) error {
	br := bufio.NewReaderSize(r, 1<<16)
	for n := 1; ; n++ {
		line, err := readBoundedLine(br)
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = fn(line)
		}
		if err != nil {
			return fmt.Errorf("%s: line %d: %w", name, n, err)
		}
	}
}

func readBoundedLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxJSONLine:
			return nil, fmt.Errorf("longer than %d bytes", maxJSONLine)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == io.EOF && len(line) == 0:
			return nil, io.EOF
		case err == io.EOF:
			return nil, errors.New("last line does not end in LF")
		case err != nil:
			return nil, err
		case len(line) == 1:
			return nil, errors.New("blank line")
		}
		return line[:len(line)-1], nil
	}
}
