package workbook

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
)

// Bounds of what Values reads; a workbook of this program stays far below them.
const (
	maxPartBytes = 1 << 30 // uncompressed XML of all parts together
	maxColumns   = 64
	maxRows      = 1 << 20
)

// Values reads every cell of a workbook: sheet name to rows of cell values, both
// without trailing empties. Numbers come as they are stored (dates as day counts), text
// as text. A formula cell comes as U+0001, "=", the formula, U+0001 and its
// stored value, which no text cell can be. The reader is strict and bounded, because the
// workbook may come from anywhere; it takes what this package and common
// spreadsheet programs write.
func Values(xlsx []byte) (map[string][][]string, error) {
	r, err := newReader(xlsx)
	if err != nil {
		return nil, fmt.Errorf("reading a workbook: %w", err)
	}
	out := map[string][][]string{}
	for _, s := range r.sheets {
		if _, twice := out[s.name]; twice {
			return nil, fmt.Errorf("reading a workbook: sheet %q is there twice", s.name)
		}
		rows, err := r.sheet(s.part)
		if err != nil {
			return nil, fmt.Errorf("reading a workbook: sheet %q: %w", s.name, err)
		}
		out[s.name] = rows
	}
	return out, nil
}

type sheetPart struct{ name, part string }

type reader struct {
	parts  map[string]*zip.File
	left   int64 // bytes that may still be read
	shared []string
	sheets []sheetPart
}

func newReader(xlsx []byte) (*reader, error) {
	z, err := zip.NewReader(bytes.NewReader(xlsx), int64(len(xlsx)))
	if err != nil {
		return nil, err
	}
	r := &reader{parts: map[string]*zip.File{}, left: maxPartBytes}
	for _, f := range z.File {
		if r.parts[f.Name] != nil {
			return nil, fmt.Errorf("%s is there twice", f.Name)
		}
		r.parts[f.Name] = f
	}
	targets, err := r.relationships()
	if err != nil {
		return nil, err
	}
	if err := r.listSheets(targets); err != nil {
		return nil, err
	}
	return r, r.sharedStrings()
}

// open returns a decoder over a part; done must be called.
func (r *reader) open(name string) (d *xml.Decoder, done func() error, err error) {
	f := r.parts[name]
	if f == nil {
		return nil, nil, fmt.Errorf("%s: no such part", name)
	}
	rc, err := f.Open()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return xml.NewDecoder(&metered{rc, r}), rc.Close, nil
}

// metered stops a reader that would exceed the bound of all parts.
type metered struct {
	io.Reader
	r *reader
}

func (m *metered) Read(p []byte) (int, error) {
	if m.r.left <= 0 {
		return 0, errors.New("the parts are larger than a workbook may be")
	}
	n, err := m.Reader.Read(p)
	m.r.left -= int64(n)
	return n, err
}

// each calls fn for every start element of a part; fn may consume its content.
func (r *reader) each(name string, fn func(d *xml.Decoder, e xml.StartElement) error) error {
	d, done, err := r.open(name)
	if err != nil {
		return err
	}
	defer done()
	for {
		token, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if e, ok := token.(xml.StartElement); ok {
			if err := fn(d, e); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
}

func (r *reader) relationships() (map[string]string, error) {
	targets := map[string]string{}
	err := r.each("xl/_rels/workbook.xml.rels", func(_ *xml.Decoder, e xml.StartElement) error {
		if e.Name.Local == "Relationship" {
			target := attr(e, "Target")
			if !strings.HasPrefix(target, "/") {
				target = "xl/" + target
			}
			targets[attr(e, "Id")] = strings.TrimPrefix(path.Clean(target), "/")
		}
		return nil
	})
	return targets, err
}

func (r *reader) listSheets(targets map[string]string) error {
	return r.each("xl/workbook.xml", func(_ *xml.Decoder, e xml.StartElement) error {
		if e.Name.Local != "sheet" {
			return nil
		}
		id := ""
		for _, a := range e.Attr {
			if a.Name.Local == "id" {
				id = a.Value
			}
		}
		r.sheets = append(r.sheets, sheetPart{attr(e, "name"), targets[id]})
		return nil
	})
}

// sharedStrings reads the table that spreadsheet programs keep text in; this package
// writes none.
func (r *reader) sharedStrings() error {
	const name = "xl/sharedStrings.xml"
	if r.parts[name] == nil {
		return nil
	}
	return r.each(name, func(d *xml.Decoder, e xml.StartElement) error {
		if e.Name.Local != "si" {
			return nil
		}
		text, err := richText(d, e)
		r.shared = append(r.shared, text)
		return err
	})
}

// richText joins the <t> elements inside an <is> or <si>, without phonetic hints.
func richText(d *xml.Decoder, start xml.StartElement) (string, error) {
	var b strings.Builder
	inText := false
	for depth := 1; depth > 0; {
		token, err := d.Token()
		if err != nil {
			return "", err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if t.Name.Local == "rPh" {
				if err := d.Skip(); err != nil {
					return "", err
				}
				continue
			}
			inText = t.Name.Local == "t"
			depth++
		case xml.EndElement:
			inText = false
			depth--
		case xml.CharData:
			if inText {
				b.Write(t)
			}
		}
	}
	// Writers protect text that looks like the format's own escapes (ECMA-376 part 1,
	// 22.9.2.19); the protection alone is undone.
	return strings.ReplaceAll(b.String(), "_x005F_", "_"), nil
}

// sheet reads the rows of one sheet.
func (r *reader) sheet(part string) ([][]string, error) {
	var rows [][]string
	row := 0
	err := r.each(part, func(d *xml.Decoder, e xml.StartElement) error {
		switch e.Name.Local {
		case "row":
			next, err := strconv.Atoi(attr(e, "r"))
			if err != nil || next <= row || next > maxRows {
				return fmt.Errorf("row %q after row %d", attr(e, "r"), row)
			}
			row = next
		case "c":
			col, err := column(attr(e, "r"), row)
			if err != nil {
				return err
			}
			value, err := r.cell(d, e)
			if err != nil {
				return fmt.Errorf("cell %s: %w", attr(e, "r"), err)
			}
			if value == "" {
				return nil
			}
			for len(rows) < row {
				rows = append(rows, nil)
			}
			for len(rows[row-1]) < col {
				rows[row-1] = append(rows[row-1], "")
			}
			rows[row-1][col-1] = value
		}
		return nil
	})
	return rows, err
}

// cell reads one cell's formula and value.
func (r *reader) cell(d *xml.Decoder, start xml.StartElement) (string, error) {
	var formula, value string
	for {
		token, err := d.Token()
		if err != nil {
			return "", err
		}
		switch t := token.(type) {
		case xml.EndElement: // of the cell: inner elements are consumed whole
			if attr(start, "t") == "s" && value != "" {
				i, err := strconv.Atoi(value)
				if err != nil || i < 0 || i >= len(r.shared) {
					return "", fmt.Errorf("shared string %q does not exist", value)
				}
				value = r.shared[i]
			}
			if formula != "" {
				return "\x01=" + formula + "\x01" + value, nil
			}
			return value, nil
		case xml.StartElement:
			switch t.Name.Local {
			case "is":
				value, err = richText(d, t)
			case "v":
				err = d.DecodeElement(&value, &t)
			case "f":
				err = d.DecodeElement(&formula, &t)
				if formula == "" {
					formula = "shared" // repeats another cell's formula, and is one too
				}
			default:
				err = d.Skip()
			}
			if err != nil {
				return "", err
			}
		}
	}
}

// column reads the column of a cell's name, counting from 1.
func column(name string, row int) (int, error) {
	letters := strings.TrimRight(name, "0123456789")
	col := 0
	for _, c := range letters {
		if c < 'A' || c > 'Z' || col > maxColumns {
			return 0, fmt.Errorf("cell %q: no such column here", name)
		}
		col = col*26 + int(c-'A'+1)
	}
	if col < 1 || col > maxColumns || name[len(letters):] != strconv.Itoa(row) {
		return 0, fmt.Errorf("cell %q in row %d: no such cell here", name, row)
	}
	return col, nil
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}
