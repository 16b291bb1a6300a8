package workbook

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
)

// Appearance is what decides whether a reader sees a sheet's values, and as what: hidden
// parts and number formats. Fonts, colours, conditional formats, drawings and everything
// else are not in it.
type Appearance struct {
	Sheet   string
	State   string     // visible, hidden or veryHidden
	Rows    []int      // hidden rows, from 1; 0 = all rows that are not written
	Columns []int      // hidden columns, from 1
	Merged  []string   // merged ranges, which show their first cell only, ascending
	Formats [][]string // number formats by row and column; "" where there is no cell
}

// Invisible below these sizes: points of a row, characters of a column.
const (
	leastRow    = 2
	leastColumn = 0.5
)

// Appearances reads the appearance of every sheet, in the workbook's order. The reader is
// as strict and bounded as Values.
func Appearances(xlsx []byte) ([]Appearance, error) {
	r, err := newReader(xlsx)
	if err != nil {
		return nil, fmt.Errorf("reading a workbook: %w", err)
	}
	formats, err := r.formats()
	if err != nil {
		return nil, fmt.Errorf("reading a workbook: %w", err)
	}
	states, err := r.states()
	if err != nil {
		return nil, fmt.Errorf("reading a workbook: %w", err)
	}
	var out []Appearance
	for i, s := range r.sheets {
		a := Appearance{Sheet: s.name, State: states[i]}
		if err := r.appearance(s.part, formats, &a); err != nil {
			return nil, fmt.Errorf("reading a workbook: sheet %q: %w", s.name, err)
		}
		out = append(out, a)
	}
	return out, nil
}

// states reads the sheets' states in the order of r.sheets.
func (r *reader) states() ([]string, error) {
	var out []string
	err := r.each("xl/workbook.xml", func(_ *xml.Decoder, e xml.StartElement) error {
		if e.Name.Local == "sheet" {
			out = append(out, orElse(attr(e, "state"), "visible"))
		}
		return nil
	})
	return out, err
}

// formats reads the number format of every cell style.
func (r *reader) formats() ([]string, error) {
	const name = "xl/styles.xml"
	if r.parts[name] == nil {
		return nil, nil
	}
	codes, styles := map[string]string{}, []string(nil)
	inCells := false
	err := r.each(name, func(_ *xml.Decoder, e xml.StartElement) error {
		switch e.Name.Local {
		case "numFmt":
			codes[attr(e, "numFmtId")] = attr(e, "formatCode")
		case "cellXfs":
			inCells = true
		case "cellStyleXfs", "cellStyles", "dxfs":
			inCells = false
		case "xf":
			if inCells {
				styles = append(styles, attr(e, "numFmtId"))
			}
		}
		return nil
	})
	for i, id := range styles {
		if code, ok := codes[id]; ok {
			styles[i] = code
		} else {
			styles[i] = "number " + orElse(id, "0") // one of the format's own
		}
	}
	return styles, err
}

// appearance reads one sheet.
func (r *reader) appearance(part string, formats []string, a *Appearance) error {
	row := 0
	err := r.each(part, func(_ *xml.Decoder, e xml.StartElement) error {
		switch e.Name.Local {
		case "sheetFormatPr":
			if isTrue(attr(e, "zeroHeight")) || below(attr(e, "defaultRowHeight"), leastRow) {
				a.Rows = append(a.Rows, 0)
			}
		case "col":
			return a.column(e)
		case "row":
			next, err := strconv.Atoi(attr(e, "r"))
			if err != nil || next <= row || next > maxRows {
				return fmt.Errorf("row %q after row %d", attr(e, "r"), row)
			}
			if row = next; isTrue(attr(e, "hidden")) || below(attr(e, "ht"), leastRow) {
				a.Rows = append(a.Rows, row)
			}
		case "c":
			col, err := column(attr(e, "r"), row)
			if err != nil {
				return err
			}
			a.format(row, col, formatOf(formats, attr(e, "s")))
		case "mergeCell":
			a.Merged = append(a.Merged, attr(e, "ref"))
		}
		return nil
	})
	slices.Sort(a.Rows)
	slices.Sort(a.Columns)
	slices.Sort(a.Merged)
	return err
}

// column notes hidden columns; those beyond what Values reads hold nothing.
func (a *Appearance) column(e xml.StartElement) error {
	first, err1 := strconv.Atoi(attr(e, "min"))
	last, err2 := strconv.Atoi(attr(e, "max"))
	if err1 != nil || err2 != nil || first < 1 {
		return fmt.Errorf("columns %q to %q", attr(e, "min"), attr(e, "max"))
	}
	if isTrue(attr(e, "hidden")) || below(attr(e, "width"), leastColumn) {
		for c := first; c <= min(last, maxColumns); c++ {
			a.Columns = append(a.Columns, c)
		}
	}
	return nil
}

func (a *Appearance) format(row, col int, format string) {
	for len(a.Formats) < row {
		a.Formats = append(a.Formats, nil)
	}
	for len(a.Formats[row-1]) < col {
		a.Formats[row-1] = append(a.Formats[row-1], "")
	}
	a.Formats[row-1][col-1] = format
}

func formatOf(formats []string, style string) string {
	i, err := strconv.Atoi(orElse(style, "0"))
	if err != nil || i < 0 || i >= len(formats) {
		return "style " + style + ", which does not exist"
	}
	return formats[i]
}

func isTrue(s string) bool { return s == "1" || s == "true" || s == "on" }

func below(s string, limit float64) bool {
	n, err := strconv.ParseFloat(s, 64)
	return err == nil && n < limit
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
