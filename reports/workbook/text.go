package workbook

import (
	"math"
	"strings"
	"unicode/utf16"

	"selfaudit/internal/terminal"
)

// maxCellText is where text is cut; the format's own limit is 32,767 UTF-16 units,
// and writers cut there without a word.
const maxCellText = 32_000

// plain makes text from outside fit for a cell: control and bidirectional characters
// as visible escapes, cut at maxCellText with the place where the whole text is.
// Text that looks like a formula stays text, because no cell made from data is
// ever a formula cell.
func plain(s, whole string) string {
	s = terminal.Escape(s)
	if len(s) <= maxCellText {
		return s
	}
	units := 0
	for i, r := range s {
		units += utf16.RuneLen(r)
		if units > maxCellText {
			return s[:i] + " [cut, see " + whole + "]"
		}
	}
	return s
}

// What a table cell shows of text from certificates, in characters: more makes rows
// of half a page, and the whole text is in the documents.
const (
	briefName   = 160
	briefDetail = 400
)

// brief is plain for cells of tables: cut after a number of characters.
func brief(s string, most int, whole string) string {
	s = plain(s, whole)
	n := 0
	for i := range s {
		if n++; n > most {
			return s[:i] + " [cut, see " + whole + "]"
		}
	}
	return s
}

// calibri holds the widths of Calibri's printable ASCII characters, from the space
// on, in thousandths of the font size.
var calibri = [...]float64{
	226, 326, 401, 498, 507, 715, 682, 221, 303, 303, 498, 498, 250, 306, 252, 386, 507, 507, 507, 507, 507, 507, 507, 507,
	507, 507, 268, 268, 498, 498, 498, 463, 894, 579, 544, 533, 615, 488, 459, 631, 623, 252, 319, 520, 420, 855, 646, 662,
	517, 673, 543, 459, 487, 642, 567, 890, 519, 487, 468, 307, 386, 307, 498, 498, 291, 479, 525, 423, 525, 498, 305, 471,
	525, 229, 239, 455, 229, 799, 525, 527, 525, 525, 349, 391, 335, 525, 452, 715, 433, 453, 395, 314, 460, 314, 498,
}

// emWidth is how wide a character of Calibri is, in units of the font size; beyond
// ASCII about.
func emWidth(r rune) float64 {
	switch {
	case r >= ' ' && r <= '~':
		return calibri[r-' '] / 1000
	case r < 0x1100:
		return 0.55
	}
	return 1.1 // East Asian and other wide scripts
}

// wrapped is about how many lines text takes in a cell of the given column width
// (in the unit of column widths). Spreadsheet programs do not agree on the height
// of rows that they did not write, so every row of wrapped text states its height.
func wrapped(text string, l look, width float64) int {
	space := (width*7 - 4 - float64(l.indent)*9) * 0.75 / l.size // ems in a line
	if space <= 1 {
		return 1
	}
	lines := 0
	for _, paragraph := range strings.Split(text, "\n") {
		lines++
		used := 0.0
		for i, word := range strings.SplitAfter(paragraph, " ") {
			w := wordWidth(word, l)
			if i > 0 && used+w > space {
				lines++
				used = 0
			}
			if over := used + w; over > space { // a word longer than the line is broken
				lines += int(math.Ceil(over/space)) - 1
				used = math.Mod(over, space)
				continue
			}
			used += w
		}
	}
	return lines
}

func wordWidth(word string, l look) float64 {
	w := 0.0
	for _, r := range word {
		if l.font == monoFont {
			w += 0.605 // Consolas is 0.55; what stands in for it elsewhere is wider
		} else {
			w += emWidth(r)
		}
	}
	if l.bold {
		w *= 1.035
	}
	return w * 1.02 // programs do not place characters quite alike
}

// maxRowHeight is the format's limit, in points.
const maxRowHeight = 409

// height is the row height that a number of lines needs.
func height(lines int, size float64) float64 {
	return math.Min(maxRowHeight, math.Round(float64(lines)*size*1.24+7))
}
