package terminal

import (
	"bufio"
	"io"
	"strings"
)

// Cell is one field of a table.
type Cell struct {
	Text  string
	Style Style
	Right bool // aligned to the right: numbers
}

// Table collects rows and writes them at Flush: aligned columns that shrink to
// the width of a terminal, or, when piped, one line per row with TAB between
// uncut fields and no header colours. Every text is escaped, so no cell can
// break out of its place.
type Table struct {
	w       io.Writer
	width   int
	palette Palette
	head    []Cell
	rows    [][]Cell
}

// columnGap is the space between two columns.
const columnGap = 2

// minColumn is what shrinking leaves of a column at least.
const minColumn = 8

// NewTable starts a table. width is that of the terminal in columns; 0 means
// that the output is piped.
func NewTable(w io.Writer, width int, p Palette) *Table {
	return &Table{w: w, width: width, palette: p}
}

// Header sets the titles of the columns.
func (t *Table) Header(titles ...string) {
	t.head = nil
	for _, title := range titles {
		t.head = append(t.head, Cell{Text: Escape(title), Style: Strong})
	}
}

// Row adds a row of plain text.
func (t *Table) Row(texts ...string) {
	cells := make([]Cell, len(texts))
	for i, s := range texts {
		cells[i].Text = s
	}
	t.Cells(cells...)
}

// Cells adds a row.
func (t *Table) Cells(cells ...Cell) {
	row := make([]Cell, len(cells))
	for i, c := range cells {
		c.Text = Escape(c.Text)
		row[i] = c
	}
	t.rows = append(t.rows, row)
}

// Flush writes the table.
func (t *Table) Flush() error {
	rows := t.rows
	if t.head != nil {
		rows = append([][]Cell{t.head}, rows...)
	}
	out := bufio.NewWriter(t.w)
	if t.width <= 0 {
		for _, row := range rows {
			for i, c := range row {
				if i > 0 {
					out.WriteByte('\t')
				}
				out.WriteString(c.Text)
			}
			out.WriteByte('\n')
		}
		return out.Flush()
	}
	widths := shrink(columnWidths(rows), t.width)
	for _, row := range rows {
		out.WriteString(t.line(row, widths))
		out.WriteByte('\n')
	}
	return out.Flush()
}

// line lays out one row, without trailing space.
func (t *Table) line(row []Cell, widths []int) string {
	var b strings.Builder
	for i, c := range row {
		text := Shorten(c.Text, widths[i])
		pad := strings.Repeat(" ", widths[i]-Columns(text))
		painted := t.palette.Paint(c.Style, text)
		last := i == len(row)-1
		switch {
		case c.Right || last && pad == "":
			b.WriteString(pad + painted)
		case last:
			b.WriteString(painted)
		default:
			b.WriteString(painted + pad)
		}
		if !last {
			b.WriteString(strings.Repeat(" ", columnGap))
		}
	}
	return strings.TrimRight(b.String(), " ")
}

func columnWidths(rows [][]Cell) []int {
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], Columns(c.Text))
		}
	}
	return widths
}

// shrink takes columns away from the widest column, one at a time, until the
// table fits or every column is at its least.
func shrink(widths []int, total int) []int {
	sum := columnGap * max(len(widths)-1, 0)
	for _, w := range widths {
		sum += w
	}
	for sum > total {
		widest := -1
		for i, w := range widths {
			if w > minColumn && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
		sum--
	}
	return widths
}
