package workbook

import "testing"

// TestPages: the columns fit on the width of a page, and a heading is not left alone at its foot.
func TestPages(t *testing.T) {
	p := newPages(page{widths: []float64{46, 16, 26, 22, 62}})
	if p.scale < 70 || p.scale > 80 || p.capacity < 550 || p.capacity > 700 {
		t.Errorf("%+v", p)
	}
	if narrow := newPages(page{portrait: true, widths: []float64{20}}); narrow.scale != 91 {
		t.Errorf("a narrow sheet is printed at %d per cent", narrow.scale)
	}
	p.add(p.capacity - blockHead + 1)
	if p.used+blockHead <= p.capacity {
		t.Error("a block would fit")
	}
	p.add(blockHead)
	if p.used != blockHead {
		t.Errorf("a row that does not fit begins a page: %v are used", p.used)
	}
}
