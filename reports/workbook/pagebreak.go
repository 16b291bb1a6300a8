package workbook

import "math"

// Printing area of A4 with the margins of setPage, in points.
const (
	a4Long, a4Short = 841.9, 595.3
	marginsAcross   = 2 * 0.5 * 72
	marginsAlong    = (0.75 + 0.7) * 72
)

// pages follows where on a printed page the next row comes, so that a heading does not stand alone
// at the foot of one. The formats know no "keep with the next row", only breaks before a row; and
// breaks count only on sheets with a scale of their own, not on those that are fitted to a page.
type pages struct {
	scale    uint    // per cent; 0: the sheet is fitted, and nothing is followed
	capacity float64 // height of a page, in points of the sheet
	used     float64 // of the page
}

// newPages finds the scale at which the columns fit on the width of a page.
func newPages(p page) pages {
	along, across := a4Short, a4Long
	if p.portrait {
		along, across = across, along
	}
	width := 0.0
	for _, w := range p.widths {
		width += (math.Floor(w*7) + 5) * 0.75 // 7 pixels for a digit, and the cell's edges; 96 pixels are 72 points
	}
	scale := math.Floor(min(1, (across-marginsAcross)/width) * 91) // less: digits are up to 8 per cent wider where the font is another
	return pages{scale: uint(scale), capacity: (along - marginsAlong) * 100 / scale * 0.97}
}

// add counts a row.
func (p *pages) add(height float64) {
	if p.used += height; p.used > p.capacity {
		p.used = height
	}
}

// block keeps the next rows, of this height together, on one page: it breaks the page before them if they do not fit.
func (s *sheet) block(height float64) {
	if s.pages.scale == 0 || s.pages.used == 0 || s.pages.used+height <= s.pages.capacity {
		return
	}
	s.pages.used = 0
	if s.fail == nil {
		s.fail = s.sw.InsertPageBreak(at(1, s.row+1))
	}
}

// blockHead is the height of a block's heading, its column titles and a first row of two lines.
const blockHead = 24 + 24 + 36
