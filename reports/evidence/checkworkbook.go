package evidence

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"selfaudit/reports/workbook"
	"selfaudit/sampler"
)

// workbookUnseen is what the comparison with the workbook of another build leaves out.
const workbookUnseen = "compared were cell values and number formats, merged cells, and hidden or visible sheets, rows and columns; NOT compared were fonts, colours and fills (text can be made invisible with them), conditional formats, data validation, links, comments, drawings, charts, macros, headers, filters, print settings and properties: do not rely on those, render the workbook again with the program of audit.json"

// checkWorkbook renders the workbook again and compares it: byte by byte if this very
// build wrote it, else as far as another build must give the same.
func (v *verifier) checkWorkbook() {
	const name = "workbook"
	raw := v.read(name, "report/workbook.xlsx")
	if raw == nil {
		return
	}
	if v.docs.summary == nil || v.docs.opening == nil {
		v.refused(name, "report/summary.json or audit.json")
		return
	}
	a := v.loadAudit(name)
	if a == nil {
		return
	}
	opened := v.docs.opening.Program
	want, err := workbook.Write(a, *v.docs.summary, opened.Name+" "+opened.Version)
	if err != nil {
		v.fail(name, "making it again: %v", err)
		return
	}
	switch {
	case bytes.Equal(raw, want):
		v.ok(name, "made again with the same bytes")
		return
	case v.ownBuild():
		v.fail(name, "made again its bytes differ, although this very build (%s, %s) opened and sealed the audit%s", formatAgent(v.bag.Program), v.bag.Compressor, describeCells(raw, want))
		return
	}
	if err := compareCells(raw, want); err != nil {
		v.fail(name, "%v", err)
		return
	}
	if sameParts(raw, want) {
		v.ok(name, "made again with the same content, compressed otherwise")
		return
	}
	if err := compareAppearance(raw, want); err != nil {
		v.fail(name, "%v", err)
		return
	}
	v.ok(name, "made again with the same value and number format in every cell of every sheet, and the same hidden parts")
	v.note(name, "its bytes are not those that this program makes: %s", workbookUnseen)
}

// ownBuild says whether the audit was opened and sealed by the build that is running now,
// which then wrote everything in between as well.
func (v *verifier) ownBuild() bool {
	own := cleanProgram(v.options.Program)
	return identified(own) && own.Go == ownCompressor() && v.bag.Compressor == ownCompressor() &&
		v.bag.Program == bagProgram(own) && bagProgram(cleanProgram(v.docs.opening.Program)) == bagProgram(own)
}

// bagProgram is a program as bag-info.txt gives it back.
func bagProgram(p sampler.ProgramInfo) sampler.ProgramInfo {
	words, err := parseAgent(formatAgent(p))
	if err != nil {
		return sampler.ProgramInfo{}
	}
	return words
}

// identified says whether a program's version or revision stands for one source text: a
// development build, or one of changed files, could be any.
func identified(p sampler.ProgramInfo) bool {
	named := func(s string) bool { return s != "" && s != "unknown" && s != "none" && !strings.Contains(s, "devel") }
	return p.Name != "" && (named(p.Revision) || named(p.Version)) && !strings.Contains(p.Version, "dirty")
}

// describeCells adds which cell differs first, if one does.
func describeCells(raw, want []byte) string {
	err := compareCells(raw, want)
	if err == nil {
		err = compareAppearance(raw, want)
	}
	if err == nil {
		return ""
	}
	return fmt.Sprintf(": %v", err)
}

// sameParts says whether two workbooks hold the same parts in the same order, however
// they are compressed.
func sameParts(raw, want []byte) bool {
	got, err1 := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	due, err2 := zip.NewReader(bytes.NewReader(want), int64(len(want)))
	if err1 != nil || err2 != nil {
		return false
	}
	return slices.EqualFunc(got.File, due.File, func(x, y *zip.File) bool {
		return x.Name == y.Name && x.UncompressedSize64 == y.UncompressedSize64 && samePart(x, y)
	})
}

// samePart compares two parts; want's size bounds how much is read.
func samePart(raw, want *zip.File) bool {
	a, err := raw.Open()
	if err != nil {
		return false
	}
	defer a.Close()
	b, err := want.Open()
	if err != nil {
		return false
	}
	defer b.Close()
	cmp := &comparer{src: a}
	n, err := io.Copy(onlyWriter{cmp}, b)
	if err != nil || n != int64(want.UncompressedSize64) {
		return false
	}
	_, err = io.ReadFull(a, make([]byte, 1))
	return err == io.EOF
}

// compareCells compares the values of all cells of two workbooks.
func compareCells(raw, want []byte) error {
	got, err := workbook.Values(raw)
	if err != nil {
		return err
	}
	due, err := workbook.Values(want)
	if err != nil {
		return err
	}
	for _, sheet := range sortedKeys(due) {
		rows, there := got[sheet]
		if !there {
			return fmt.Errorf("sheet %q is missing", sheet)
		}
		if row, column, differ := firstCell(rows, due[sheet]); differ {
			return fmt.Errorf("sheet %q, row %d, column %d: %.200q, made again it is %.200q", sheet, row+1, column+1,
				cell(rows, row, column), cell(due[sheet], row, column))
		}
	}
	for _, sheet := range sortedKeys(got) {
		if _, there := due[sheet]; !there {
			return fmt.Errorf("sheet %q does not belong to it", sheet)
		}
	}
	return nil
}

// compareAppearance compares what makes cells visible, and as what.
func compareAppearance(raw, want []byte) error {
	got, err := workbook.Appearances(raw)
	if err != nil {
		return err
	}
	due, err := workbook.Appearances(want)
	if err != nil {
		return err
	}
	if len(got) != len(due) {
		return fmt.Errorf("%d sheets, made again there are %d", len(got), len(due))
	}
	for i, g := range got {
		d := due[i]
		switch {
		case g.Sheet != d.Sheet:
			return fmt.Errorf("sheet %d is %q, made again it is %q", i+1, g.Sheet, d.Sheet)
		case g.State != d.State:
			return fmt.Errorf("sheet %q is %s, made again it is %s", g.Sheet, g.State, d.State)
		case !slices.Equal(g.Rows, d.Rows):
			return fmt.Errorf("sheet %q: hidden rows %s, made again %s", g.Sheet, few(g.Rows), few(d.Rows))
		case !slices.Equal(g.Columns, d.Columns):
			return fmt.Errorf("sheet %q: hidden columns %s, made again %s", g.Sheet, few(g.Columns), few(d.Columns))
		case !slices.Equal(g.Merged, d.Merged):
			return fmt.Errorf("sheet %q: other cells are merged than in the one made again", g.Sheet)
		}
		if row, column, differ := firstCell(g.Formats, d.Formats); differ {
			return fmt.Errorf("sheet %q, row %d, column %d: number format %.200q, made again it is %.200q", g.Sheet, row+1, column+1,
				cell(g.Formats, row, column), cell(d.Formats, row, column))
		}
	}
	return nil
}

// few shows the first numbers of a list.
func few(list []int) string {
	if len(list) > maxNamed {
		return fmt.Sprintf("%v and %d more", list[:maxNamed], len(list)-maxNamed)
	}
	return fmt.Sprint(list)
}

func firstCell(a, b [][]string) (row, column int, differ bool) {
	for row := range max(len(a), len(b)) {
		width := 0
		if row < len(a) {
			width = len(a[row])
		}
		if row < len(b) {
			width = max(width, len(b[row]))
		}
		for column := range width {
			if cell(a, row, column) != cell(b, row, column) {
				return row, column, true
			}
		}
	}
	return 0, 0, false
}

// cell returns a value; a missing cell is an empty one.
func cell(rows [][]string, row, column int) string {
	if row >= len(rows) || column >= len(rows[row]) {
		return ""
	}
	return rows[row][column]
}
