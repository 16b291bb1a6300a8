package workbook

import (
	"fmt"
	"strings"

	"github.com/xuri/excelize/v2"
)

// Row heights, in points.
const (
	rowData  = 18.0
	rowHead  = 28.0
	rowTitle = 28.0
)

// page is how a sheet is laid out on paper.
type page struct {
	name      string
	portrait  bool
	onePage   bool // fit to one page; otherwise one page wide and any number tall
	breaks    bool // pages are broken before blocks that would not fit; see pages
	widths    []float64
	headFirst int    // first row to repeat on every page, 0 for none
	headLast  int    // last row to repeat
	freezeCol int    // columns that stay in view; rows up to headLast do when it is set
	filter    int    // rows below headLast under the filter buttons, 0 for none
	tab       string // colour of the sheet's tab
}

// cell is a value with its look. Text must have passed plain if it comes from outside.
type cell struct {
	v any // string, int, int64, float64, []excelize.RichTextRun, nil for an empty styled cell
	l look
	f string // formula, only ever a constant of this package
}

// sheet writes one sheet row by row. Everything about the sheet that is not a row
// must be set before the first row (the stream writer loses it otherwise).
type sheet struct {
	b    *book
	p    page
	sw   *excelize.StreamWriter
	row  int // the last row written
	fail error

	pages pages
}

// addSheet makes a sheet and sets it up. configure may be nil; it runs before
// the first row.
func (b *book) addSheet(p page, configure func(f *excelize.File) error) (*sheet, error) {
	s := &sheet{b: b, p: p}
	if p.breaks {
		s.pages = newPages(p)
	}
	steps := []func() error{
		func() error { _, err := b.file.NewSheet(p.name); return err },
		s.setColumns,
		s.setFilter, // overwrites the sheet properties, so it comes before them
		s.setPage,
		s.setView,
		func() error {
			if configure == nil {
				return nil
			}
			return configure(b.file)
		},
		func() (err error) { s.sw, err = b.file.NewStreamWriter(p.name); return err },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, fmt.Errorf("setting up sheet %s: %w", p.name, err)
		}
	}
	return s, nil
}

func (s *sheet) setColumns() error {
	for i, w := range s.p.widths {
		name, err := excelize.ColumnNumberToName(i + 1)
		if err != nil {
			return err
		}
		if err := s.b.file.SetColWidth(s.p.name, name, name, w); err != nil {
			return err
		}
	}
	return nil
}

func (s *sheet) setFilter() error {
	if s.p.filter == 0 {
		return nil
	}
	return s.b.file.AutoFilter(s.p.name, fmt.Sprintf("%s:%s", at(1, s.p.headLast), at(len(s.p.widths), s.p.headLast+s.p.filter)), nil)
}

func (s *sheet) setPage() error {
	f, yes, a4, one, tall := s.b.file, true, 9, 1, 0
	orientation := "landscape"
	if s.p.portrait {
		orientation = "portrait"
	}
	if s.p.onePage {
		tall = 1
	}
	tab := s.p.tab
	if tab == "" {
		tab = navy
	}
	fit, layout := !s.p.breaks, &excelize.PageLayoutOptions{Size: &a4, Orientation: &orientation, FitToWidth: &one, FitToHeight: &tall}
	if s.p.breaks {
		layout = &excelize.PageLayoutOptions{Size: &a4, Orientation: &orientation, AdjustTo: &s.pages.scale}
	}
	if err := f.SetSheetProps(s.p.name, &excelize.SheetPropsOptions{FitToPage: &fit, TabColorRGB: &tab}); err != nil {
		return err
	}
	if err := f.SetPageLayout(s.p.name, layout); err != nil {
		return err
	}
	side, top, bottom, edge := 0.5, 0.75, 0.7, 0.3
	if err := f.SetPageMargins(s.p.name, &excelize.PageLayoutMarginsOptions{Left: &side, Right: &side, Top: &top, Bottom: &bottom,
		Header: &edge, Footer: &edge, Horizontally: &yes}); err != nil {
		return err
	}
	if err := f.SetHeaderFooter(s.p.name, &excelize.HeaderFooterOptions{OddHeader: s.b.header, OddFooter: s.b.footer}); err != nil {
		return err
	}
	if s.p.headFirst == 0 {
		return nil
	}
	return f.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Titles", Scope: s.p.name,
		RefersTo: fmt.Sprintf("'%s'!$%d:$%d", s.p.name, s.p.headFirst, s.p.headLast)})
}

func (s *sheet) setView() error {
	no, zoom := false, 100.0
	if err := s.b.file.SetSheetView(s.p.name, 0, &excelize.ViewOptions{ShowGridLines: &no, ZoomScale: &zoom}); err != nil {
		return err
	}
	if s.p.headLast == 0 {
		return nil
	}
	pane := "bottomLeft"
	if s.p.freezeCol > 0 {
		pane = "bottomRight"
	}
	corner := at(s.p.freezeCol+1, s.p.headLast+1)
	return s.b.file.SetPanes(s.p.name, &excelize.Panes{Freeze: true, XSplit: s.p.freezeCol, YSplit: s.p.headLast, TopLeftCell: corner,
		ActivePane: pane, Selection: []excelize.Selection{{SQRef: corner, ActiveCell: corner, Pane: pane}}})
}

// write adds a row of the given height below the last one. The first error stays
// and is returned by close.
func (s *sheet) write(height float64, cells ...cell) {
	s.row++
	s.pages.add(height)
	if s.fail != nil {
		return
	}
	values := make([]any, len(cells))
	for i, c := range cells {
		if c.l == (look{}) {
			continue // outside the table: no cell at all
		}
		id, err := s.b.styles.id(c.l)
		if err != nil {
			s.fail = err
			return
		}
		values[i] = excelize.Cell{StyleID: id, Formula: c.f, Value: c.v}
	}
	s.fail = s.sw.SetRow(at(1, s.row), values, excelize.RowOpts{Height: height})
}

// skip leaves rows empty.
func (s *sheet) skip(rows int) {
	s.row += rows
	s.pages.add(float64(rows) * 15)
}

// merge joins the cells of the last written row from column first to column last.
func (s *sheet) merge(first, last int) {
	if s.fail == nil && first < last {
		s.fail = s.sw.MergeCell(at(first, s.row), at(last, s.row))
	}
}

// wide writes one text over the columns first to last, as high as it needs, with
// the columns before first left empty.
func (s *sheet) wide(first, last int, text any, l look, atLeast float64) {
	width := 0.0
	for _, w := range s.p.widths[first-1 : last] {
		width += w
	}
	cells := make([]cell, last)
	for i := first - 1; i < last; i++ {
		cells[i] = cell{l: l}
	}
	cells[first-1].v = text
	h := atLeast
	if l.wrap {
		h = max(h, height(wrapped(flat(text), l, width), l.size))
	}
	s.write(h, cells...)
	s.merge(first, last)
}

// flat is the text of a cell value.
func flat(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []excelize.RichTextRun:
		var b strings.Builder
		for _, r := range v {
			b.WriteString(r.Text)
		}
		return b.String()
	}
	return fmt.Sprint(v)
}

// title writes the first three rows that every table sheet has: title, one sentence
// on what the sheet is (with the mark of a rehearsal before it), and an empty row.
func (s *sheet) title(title, sentence string) {
	s.wide(1, len(s.p.widths), title, lookTitle, rowTitle)
	if s.b.rehearsal != "" {
		s.wide(1, len(s.p.widths), []excelize.RichTextRun{
			{Text: s.b.rehearsal + ". ", Font: &excelize.Font{Family: textFont, Size: 9.5, Bold: true, Color: red}},
			{Text: sentence, Font: &excelize.Font{Family: textFont, Size: 9.5, Color: muted}},
		}, lookSentence, rowData)
	} else {
		s.wide(1, len(s.p.widths), sentence, lookSentence, rowData)
	}
	s.skip(1)
}

// nothing says in one row why the table is empty or ends; what is still open says so
// with its first word.
func (s *sheet) nothing(text string) {
	l := lookCell.as(statusNA)
	if strings.HasPrefix(text, statusOpen.word) {
		l = lookCell.as(statusOpen)
	}
	l.wrap = true
	s.wide(1, len(s.p.widths), text, l, 24)
}

// close ends the sheet.
func (s *sheet) close() error {
	if s.fail == nil {
		s.fail = s.sw.Flush()
	}
	if s.fail != nil {
		return fmt.Errorf("writing sheet %s, row %d: %w", s.p.name, s.row, s.fail)
	}
	return nil
}

// at names a cell; col and row count from 1.
func at(col, row int) string {
	name, err := excelize.CoordinatesToCellName(col, row)
	if err != nil { // only for numbers outside the format, which the sizes here never are
		return "A1"
	}
	return name
}
