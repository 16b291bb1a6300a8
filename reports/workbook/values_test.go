package workbook

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"selfaudit/internal/testaudit"
	"selfaudit/reports"
)

func parseTime(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// A workbook saved by another program keeps text in a table and has other cell types.
func TestValuesOfAnotherProgram(t *testing.T) {
	f := excelize.NewFile()
	defer f.Close()
	for cell, v := range map[string]any{"A1": "text", "B1": 12.5, "C3": true, "D3": "_x0041_ <&>", "B3": []excelize.RichTextRun{{Text: "rich "}, {Text: "text"}}} {
		var err error
		if runs, ok := v.([]excelize.RichTextRun); ok {
			err = f.SetCellRichText("Sheet1", cell, runs)
		} else {
			err = f.SetCellValue("Sheet1", cell, v)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := f.SetCellFormula("Sheet1", "A2", "SUM(B1:B1)"); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	got, err := Values(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][][]string{"Sheet1": {{"text", "12.5"}, {"\x01=SUM(B1:B1)\x01"}, {"", "rich text", "1", "_x0041_ <&>"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("values %q, want %q", got, want)
	}
}

func TestValuesRefuses(t *testing.T) {
	good := rewrite(t, "", "", "")
	if _, err := Values(good); err != nil {
		t.Fatalf("the unchanged workbook: %v", err)
	}
	for name, c := range map[string][3]string{
		"columns":     {"xl/worksheets/sheet1.xml", `r="B1"`, `r="ZZ1"`},
		"row numbers": {"xl/worksheets/sheet1.xml", `<row r="2"`, `<row r="1"`},
		"far row":     {"xl/worksheets/sheet1.xml", `<row r="2"`, `<row r="20000000"`},
		"other row":   {"xl/worksheets/sheet1.xml", `r="B1"`, `r="B7"`},
		"broken XML":  {"xl/worksheets/sheet1.xml", `</row>`, `</raw>`},
		"lost sheet":  {"xl/_rels/workbook.xml.rels", "worksheets/sheet1.xml", "worksheets/sheet99.xml"},
		"twin sheet":  {"xl/workbook.xml", `name="Summary"`, `name="Cover"`},
	} {
		if v, err := Values(rewrite(t, c[0], c[1], c[2])); err == nil {
			t.Errorf("%s: read %d sheets", name, len(v))
		}
	}
	if _, err := Values([]byte("no zip")); err == nil {
		t.Error("read what is no zip")
	}
}

// rewrite returns a small workbook with one string of one part replaced.
func rewrite(t *testing.T, part, old, new string) []byte {
	t.Helper()
	o := testaudit.Options{Empty: true}
	a, err := reports.Load(testaudit.Build(t, o))
	if err != nil {
		t.Fatal(err)
	}
	data, err := Write(a, a.Summary(o.ReportedAt(), "given"), "test")
	if err != nil {
		t.Fatal(err)
	}
	if part == "" {
		return data
	}
	return edited(t, data, part, old, new)
}

func FuzzValues(f *testing.F) {
	x := excelize.NewFile()
	if err := x.SetCellValue("Sheet1", "B2", "text"); err != nil {
		f.Fatal(err)
	}
	var b bytes.Buffer
	if err := x.Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Values(data)
		if err != nil && v != nil {
			t.Error("values beside an error")
		}
	})
}
