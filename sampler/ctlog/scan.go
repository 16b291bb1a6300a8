package ctlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// pageScan reads get-entries answers (RFC 6962, 4.6). Almost all of such an answer is base64 in two strings per entry, so it is scanned
// for those and not decoded generically, which costs more than ten times as much. Everything else in it is still checked to be JSON.
//
// The extra_data of entries that nobody wants, more than half of an answer, are not decoded: no tree covers them, so what is wrong with
// them says nothing about the log's other entries.
//
// It is stricter than encoding/json where leniency would hide something: keys are compared exactly, a key that matters may not come
// twice, and base64 must have its padding and no line ends.
type pageScan struct {
	b       []byte
	i       int
	decoded []byte // all decoded strings of a page; never grows while a page is read
	entries []rawEntry
	want    wanted // whose extra_data are decoded
}

// errPageShort means that a page has fewer entries than were to be skipped.
var errPageShort = errors.New("get-entries answer: the page ends before the entry")

// page returns the entries of an answer after the first skip, at most most of them; the result is valid until the next call.
// An answer without such entries is an error.
func (s *pageScan) page(body []byte, skip, most int) ([]rawEntry, error) {
	s.b, s.i, s.entries = body, 0, s.entries[:0]
	if cap(s.decoded) < len(body) || cap(s.decoded) > keepBuffer {
		s.decoded = make([]byte, 0, len(body))
	}
	s.decoded = s.decoded[:0]
	found, count := false, 0
	err := s.object(func(key string) error {
		if key != "entries" {
			return s.skipValue()
		}
		if found {
			return s.bad(`"entries" comes twice`)
		}
		found = true
		return s.array(func() error {
			count++
			return s.entry(count > skip && len(s.entries) < most)
		})
	})
	if err == nil {
		if s.space(); s.i != len(s.b) {
			err = s.bad("data after the end of the answer")
		}
	}
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, errors.New(`get-entries answer: no "entries"`)
	case count == 0:
		return nil, errors.New("get-entries answer: empty page")
	case len(s.entries) == 0:
		return nil, fmt.Errorf("%w: it has %d entries", errPageShort, count)
	}
	return s.entries, nil
}

// entry reads one element of "entries". If keep is false it is only checked.
func (s *pageScan) entry(keep bool) error {
	var e rawEntry
	var haveLeaf, haveExtra bool
	extraAt := 0
	err := s.object(func(key string) (err error) {
		switch key {
		case "leaf_input":
			if haveLeaf {
				return s.bad(`"leaf_input" comes twice`)
			}
			haveLeaf = true
			e.leaf, err = s.base64()
		case "extra_data":
			if haveExtra {
				return s.bad(`"extra_data" comes twice`)
			}
			haveExtra = true
			extraAt = s.i
			_, err = s.quoted() // decoded when it is known whose it is
		default:
			err = s.skipValue()
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case !haveLeaf || !haveExtra:
		return s.bad(`an entry without "leaf_input" or "extra_data"`)
	case s.want.leaf(e.leaf):
		after := s.i
		s.i = extraAt
		if e.extra, err = s.base64(); err != nil {
			return err
		}
		s.i = after
	}
	if keep {
		s.entries = append(s.entries, e)
	}
	return nil
}

// object reads { "key": value, … } and calls member at each value.
func (s *pageScan) object(member func(key string) error) error {
	if err := s.expect('{'); err != nil {
		return err
	}
	if s.space(); s.next('}') {
		return nil
	}
	for {
		s.space()
		key, err := s.key()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		s.space()
		if err := member(key); err != nil {
			return err
		}
		if s.space(); s.next('}') {
			return nil
		}
		if err := s.expect(','); err != nil {
			return err
		}
	}
}

func (s *pageScan) array(element func() error) error {
	if err := s.expect('['); err != nil {
		return err
	}
	if s.space(); s.next(']') {
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		if s.space(); s.next(']') {
			return nil
		}
		if err := s.expect(','); err != nil {
			return err
		}
	}
}

func (s *pageScan) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\r', '\n':
			s.i++
		default:
			return
		}
	}
}

func (s *pageScan) next(c byte) bool {
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

func (s *pageScan) expect(c byte) error {
	if s.space(); !s.next(c) {
		return s.bad(fmt.Sprintf("expected %q", c))
	}
	return nil
}

// key reads a member's name. The three that matter cost no allocation.
func (s *pageScan) key() (string, error) {
	raw, err := s.quoted()
	if err != nil {
		return "", err
	}
	switch string(raw) {
	case `"leaf_input"`:
		return "leaf_input", nil
	case `"extra_data"`:
		return "extra_data", nil
	case `"entries"`:
		return "entries", nil
	}
	var key string
	if err := json.Unmarshal(raw, &key); err != nil {
		return "", s.bad("a key is not a JSON string")
	}
	return key, nil
}

// quoted returns the string literal at s.i with its quotes. What is between them is not checked.
func (s *pageScan) quoted() ([]byte, error) {
	if s.i >= len(s.b) || s.b[s.i] != '"' {
		return nil, s.bad("expected a string")
	}
	for end := s.i + 1; ; end++ {
		n := bytes.IndexByte(s.b[end:], '"')
		if n < 0 {
			return nil, s.bad("a string has no end")
		}
		end += n
		slashes := 0
		for s.b[end-1-slashes] == '\\' { // stops at the opening quote
			slashes++
		}
		if slashes%2 == 0 {
			raw := s.b[s.i : end+1]
			s.i = end + 1
			return raw, nil
		}
	}
}

// base64 decodes the string at s.i. Servers whose JSON library escapes "/", "+" or "=" take the slow way.
func (s *pageScan) base64() ([]byte, error) {
	at := s.i
	raw, err := s.quoted()
	if err != nil {
		return nil, err
	}
	text := raw[1 : len(raw)-1]
	from := len(s.decoded)
	n, err := decodeBase64(s.decoded[from:cap(s.decoded)], text)
	if err != nil && bytes.IndexByte(text, '\\') >= 0 {
		var plain string
		if json.Unmarshal(raw, &plain) == nil {
			text = []byte(plain)
			n, err = decodeBase64(s.decoded[from:cap(s.decoded)], text)
		}
	}
	// The decoder passes over line ends. They would be invalid JSON, and shorten the result.
	if err == nil && n != decodedLen(text) {
		err = errors.New("line ends")
	}
	if err != nil {
		s.i = at
		return nil, s.bad("bad base64: " + err.Error())
	}
	s.decoded = s.decoded[:from+n]
	return s.decoded[from : from+n : from+n], nil
}

// decodedLen returns how many bytes padded base64 gives; -1 if it cannot be that.
func decodedLen(text []byte) int {
	if len(text)%4 != 0 {
		return -1
	}
	n := len(text) / 4 * 3
	for i := len(text); i > 0 && text[i-1] == '='; i-- {
		n--
	}
	return n
}

// skipValue passes over a value of any kind, checking it with encoding/json.
func (s *pageScan) skipValue() error {
	d := json.NewDecoder(bytes.NewReader(s.b[s.i:]))
	var value json.RawMessage
	if err := d.Decode(&value); err != nil {
		return s.bad("not JSON")
	}
	s.i += int(d.InputOffset())
	return nil
}

func (s *pageScan) bad(what string) error {
	rest := s.b[min(s.i, len(s.b)):]
	return fmt.Errorf("get-entries answer: byte %d: %s at %q", s.i, what, rest[:min(len(rest), 40)])
}
