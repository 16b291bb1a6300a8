package testaudit

import (
	"bytes"
	"encoding/json"
)

// document writes JSON as all documents have it.
func document(v any) ([]byte, error) { return encode(v, "  ") }

// line writes one line of a JSON Lines document.
func line(v any) ([]byte, error) { return encode(v, "") }

func encode(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	err := e.Encode(v)
	return b.Bytes(), err
}
