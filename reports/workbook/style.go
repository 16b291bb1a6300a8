package workbook

import (
	"fmt"

	"github.com/xuri/excelize/v2"
)

// The palette. Status is always a word as well, so that everything stays legible
// in grey (format document, "Look").
const (
	navy     = "1F3864" // titles, table heads, rules
	teal     = "2F6F8F" // heads of input columns, links
	ink      = "1F2933"
	muted    = "5F6B7A"
	hairline = "C9D1DC"
	band     = "F4F6FA"
	totalRow = "E4E9F2"
	input    = "FFFBEB"
	white    = "FFFFFF"
	red      = "8E1B1F"
	barBound = "B7C4D8"

	textFont = "Calibri"
	monoFont = "Consolas"
)

// status is a pair of colours for one of the words a result can have.
type status struct {
	word, fill, ink string
	bold            bool
}

var (
	statusPass = status{"Pass", "E3F3E8", "1B5E34", false}
	statusFail = status{"Fail", "F9DEDF", "8E1B1F", true}
	statusOpen = status{"Open", "FFF0CC", "7A4F00", false}
	statusNA   = status{"N/A", "ECEFF3", "5F6B7A", false}
)

// Kinds of rules around a cell.
const (
	ruleNone   = iota
	ruleHair   // a hairline below: data cells
	ruleTotal  // navy line above: total rows
	ruleBlock  // navy line below: block titles
	ruleBoxed  // hairlines all around: cells to be filled in
	ruleBanded // thick navy line on the left: key figures
)

// look is everything that makes a cell style; equal looks are one style.
type look struct {
	font   string // "" is textFont
	size   float64
	bold   bool
	color  string // "" is ink
	fill   string
	align  string // "" left, "right", "center"
	top    bool   // aligned to the top instead of the middle
	wrap   bool
	format string // number format, "" general
	rule   int
	indent int
	unlock bool
	link   bool
}

// Looks that many sheets share.
var (
	lookTitle    = look{size: 15, bold: true, color: navy}
	lookSentence = look{size: 9.5, color: muted, wrap: true, top: true}
	lookHead     = look{size: 9.5, bold: true, color: white, fill: navy, wrap: true, indent: 1}
	lookHeadNum  = look{size: 9.5, bold: true, color: white, fill: navy, wrap: true, align: "right"}
	lookInput    = look{size: 9.5, bold: true, color: white, fill: teal, wrap: true, indent: 1}
	lookCell     = look{size: 9.5, rule: ruleHair, indent: 1}
	lookWrap     = look{size: 9.5, rule: ruleHair, indent: 1, wrap: true}
	lookMono     = look{font: monoFont, size: 8.5, rule: ruleHair, indent: 1}
	lookInt      = look{size: 9.5, rule: ruleHair, align: "right", format: "#,##0"}
	lookRate     = look{size: 9.5, rule: ruleHair, align: "right", format: "0.0%"}
	lookDate     = look{size: 9.5, rule: ruleHair, indent: 1, format: "yyyy-mm-dd"}
	lookBlock    = look{size: 11, bold: true, color: navy, rule: ruleBlock}
	lookNote     = look{size: 8.5, color: muted, wrap: true}
)

// total is the same look in a total row.
func (l look) total() look {
	l.fill, l.rule, l.bold = totalRow, ruleTotal, true
	return l
}

// ink is the same look in the ink of a status, without its fill.
func (l look) ink(s status) look {
	l.color, l.bold = s.ink, s.bold
	return l
}

// as is the same look in the colours of a status.
func (l look) as(s status) look {
	l.fill, l.color, l.bold = s.fill, s.ink, s.bold
	return l
}

// styles makes each look a style of the file once, in order of first use.
type styles struct {
	file *excelize.File
	ids  map[look]int
}

func (s *styles) id(l look) (int, error) {
	if id, ok := s.ids[l]; ok {
		return id, nil
	}
	id, err := s.file.NewStyle(l.style())
	if err != nil {
		return 0, fmt.Errorf("making a cell style: %w", err)
	}
	s.ids[l] = id
	return id, nil
}

func (l look) style() *excelize.Style {
	font := &excelize.Font{Family: textFont, Size: l.size, Bold: l.bold, Color: ink}
	if l.font != "" {
		font.Family = l.font
	}
	if l.color != "" {
		font.Color = l.color
	}
	if l.link {
		font.Underline = "single"
	}
	st := &excelize.Style{Font: font, Border: l.borders(), Protection: &excelize.Protection{Locked: !l.unlock},
		Alignment: &excelize.Alignment{Horizontal: l.align, Vertical: "center", WrapText: l.wrap, Indent: l.indent}}
	if l.indent > 0 && l.align == "" {
		st.Alignment.Horizontal = "left" // an indent counts from a stated side only
	}
	if l.top {
		st.Alignment.Vertical = "top"
	}
	if l.fill != "" {
		st.Fill = excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{l.fill}}
	}
	if l.format != "" {
		st.CustomNumFmt = &l.format
	}
	return st
}

func (l look) borders() []excelize.Border {
	const thin, medium, thick = 1, 2, 5
	switch l.rule {
	case ruleHair:
		return []excelize.Border{{Type: "bottom", Color: hairline, Style: thin}}
	case ruleTotal:
		return []excelize.Border{{Type: "top", Color: navy, Style: thin}}
	case ruleBlock:
		return []excelize.Border{{Type: "bottom", Color: navy, Style: medium}}
	case ruleBoxed:
		return []excelize.Border{{Type: "left", Color: hairline, Style: thin}, {Type: "right", Color: hairline, Style: thin},
			{Type: "top", Color: hairline, Style: thin}, {Type: "bottom", Color: hairline, Style: thin}}
	case ruleBanded:
		return []excelize.Border{{Type: "left", Color: navy, Style: thick}}
	}
	return nil
}
