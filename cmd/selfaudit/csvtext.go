package main

import (
	"encoding/csv"
	"io"
	"strings"

	"selfaudit/internal/terminal"
)

// csvWriter writes CSV for spreadsheets. Text of certificates is hostile: a field that
// begins with = + - @ or TAB would be run as a formula when the file is opened, so it gets
// a ' in front, and control characters are shown escaped.
type csvWriter struct{ w *csv.Writer }

func newCSVWriter(w io.Writer) csvWriter { return csvWriter{csv.NewWriter(w)} }

func (c csvWriter) row(fields ...string) error {
	for i, f := range fields {
		fields[i] = csvField(f)
	}
	return c.w.Write(fields)
}

func (c csvWriter) flush() error {
	c.w.Flush()
	return c.w.Error()
}

// csvField makes a text safe for a spreadsheet.
func csvField(s string) string {
	// A TAB is looked for before it is escaped: the rule is about what was there.
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		s = "'" + s
	}
	return terminal.Escape(s)
}
