package workbook

import (
	"bytes"
	"slices"
	"testing"

	"github.com/xuri/excelize/v2"
)

// disguised is a workbook in which everything that Appearances sees is out of the ordinary.
func disguised(t testing.TB) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	format := `"none"`
	style, err := f.NewStyle(&excelize.Style{CustomNumFmt: &format})
	if err != nil {
		t.Fatal(err)
	}
	dates, err := f.NewStyle(&excelize.Style{NumFmt: 14})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		f.SetSheetRow("Sheet1", "A1", &[]any{1, "two", 3}), f.SetSheetRow("Sheet1", "A3", &[]any{1, "two", 3}),
		f.SetCellStyle("Sheet1", "C1", "C1", style), f.SetCellStyle("Sheet1", "A3", "A3", dates),
		f.SetRowVisible("Sheet1", 3, false), f.SetRowHeight("Sheet1", 1, 0.5), f.SetColVisible("Sheet1", "B", false), f.SetColWidth("Sheet1", "E", "F", 0.2),
		f.MergeCell("Sheet1", "A5", "C5"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.NewSheet("Other"); err != nil {
		t.Fatal(err)
	}
	if err := f.SetSheetVisible("Other", false, true); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAppearances(t *testing.T) {
	list, err := Appearances(disguised(t))
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	a := list[0]
	if a.Sheet != "Sheet1" || a.State != "visible" || list[1].State != "veryHidden" {
		t.Errorf("sheets %q %s, %q %s", a.Sheet, a.State, list[1].Sheet, list[1].State)
	}
	if !slices.Equal(a.Rows, []int{1, 3}) || !slices.Equal(a.Columns, []int{2, 5, 6}) || !slices.Equal(a.Merged, []string{"A5:C5"}) {
		t.Errorf("hidden rows %v, columns %v, merged %v", a.Rows, a.Columns, a.Merged)
	}
	if len(a.Formats) < 3 || a.Formats[0][2] != `"none"` || a.Formats[0][0] != "number 0" || a.Formats[2][0] != "number 14" {
		t.Errorf("formats %q", a.Formats)
	}
	if _, err := Appearances([]byte("no workbook")); err == nil {
		t.Error("no workbook is read as one")
	}
}

func FuzzAppearances(f *testing.F) {
	f.Add(disguised(f))
	f.Add([]byte("PK"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if list, err := Appearances(data); err != nil && list != nil {
			t.Error("an error and a result")
		}
	})
}
