package main

import (
	"regexp"
	"strings"

	"selfaudit/internal/terminal"
	"selfaudit/sampler/records"
)

// previewWidth is how much of a text the preview shows on a terminal.
const previewWidth = 64

// fullHash is a SHA-256 in a text.
var fullHash = regexp.MustCompile(`\b[0-9a-f]{64}\b`)

// preview shortens a text for a terminal, and its hashes as hashes are; elsewhere all of it
// is shown.
func (e *env) preview(text string) string {
	if !e.StdoutTTY {
		return text
	}
	return clipText(fullHash.ReplaceAllStringFunc(text, terminal.ShortHash), previewWidth)
}

// render writes the document for people.
func (d *recordsDocument) render(e *env) {
	for i := range d.Exports {
		if i > 0 {
			e.printf("\n")
		}
		d.Exports[i].render(e)
	}
}

func (x *recordsExport) render(e *env) {
	if x.Kind == "" { // not even opened
		e.printf("%s\ncannot be used as it is: %s\n", terminal.Escape(x.Path), terminal.Escape(x.Error))
		return
	}
	e.printf("%s: %s, %s bytes, SHA-256 %s\n", terminal.Escape(x.Path), x.Kind, terminal.Count(x.Bytes), e.hash(x.SHA256))
	if x.Kind == records.KindCSV {
		e.printf("encoding %s, delimiter %s", x.Encoding, terminal.Escape(x.Delimiter))
		if x.SerialFormat != "" {
			e.printf(", serial numbers in %s", x.SerialFormat)
		}
		e.printf("\n")
	}
	for _, n := range x.Notes {
		e.printf("note: %s\n", terminal.Escape(n))
	}
	if len(x.Columns) > 0 {
		word := "mapping"
		if x.Suggestion != "" {
			word = "guessed mapping"
		}
		e.printf("\n%s\n", word)
		t := e.table()
		t.Header("field", "column")
		for _, field := range records.Fields() {
			if text, ok := x.Columns[field]; ok {
				t.Row(field, terminal.Escape(text))
			}
		}
		_ = t.Flush() // a failed write shows at the end, in Main
	}
	if len(x.Ignored) > 0 {
		e.printf("not used: %s\n", terminal.Escape(clipText(strings.Join(x.Ignored, ", "), 300)))
	}
	x.rows(e)
	e.printf("\n%s, %s readable, %s not\n", rowsText(x.Rows), terminal.Count(x.Readable), terminal.Count(x.Unreadable))
	for _, i := range x.Issuers {
		who := "not an audited issuer"
		switch {
		case i.Error != "":
			who = i.Error
		case i.Text == "" && i.Issuer == "":
			who = "decided by the certificates' signatures"
		case i.Issuer != "":
			who = "issuer " + i.Issuer
		}
		of := "without an issuer's name"
		if i.Text != "" {
			of = `of "` + terminal.Escape(i.Text) + `"`
		}
		e.printf("  %s %s: %s\n", rowsText(i.Rows), of, terminal.Escape(who))
	}
	for _, p := range x.Problems {
		what := "rows as a whole"
		if p.Column != "" {
			what = "column " + p.Column
		}
		e.printf("problem: %s: %s; the first: %s\n", terminal.Escape(what), rowsText(p.Rows), terminal.Escape(p.First))
	}
	if x.Error != "" {
		e.printf("cannot be used as it is: %s\n", terminal.Escape(x.Error))
	}
	if x.Suggestion != "" {
		e.printf("\nto paste into selfaudit.toml:\n\n%s", x.Suggestion)
	}
}

func rowsText(n int64) string {
	if n == 1 {
		return "1 row"
	}
	return terminal.Count(n) + " rows"
}

// rows shows the first rows, one field per line: certificates and fingerprints are too
// wide for columns.
func (x *recordsExport) rows(e *env) {
	for _, p := range x.Preview {
		e.printf("\nrow %d", p.Row)
		if p.Line > 0 {
			e.printf(" (line %d)", p.Line)
		}
		e.printf("\n")
		t := e.table()
		for _, field := range records.Fields() {
			if text, ok := p.Fields[field]; ok {
				t.Row("  "+field, terminal.Escape(e.preview(text)))
			}
		}
		_ = t.Flush() // as above
	}
}
