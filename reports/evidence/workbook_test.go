package evidence

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"selfaudit/sampler"
)

// TestWorkbookOfAnotherBuild: other bytes with the same cells are fine.
func TestWorkbookOfAnotherBuild(t *testing.T) {
	res := sealed(t, small())
	a := &attacked{T: t, dir: copyDir(t, res.Dir)}
	before := a.read("report/workbook.xlsx")
	a.edit(func(*excelize.File) {})
	if bytes.Equal(before, a.read("report/workbook.xlsx")) {
		t.Fatal("the bytes are the same, so nothing is tested")
	}
	rebagWithoutEvents(a)
	r := verify(t, a.dir, Options{})
	if out := text(t, r); r.Failed() || !strings.Contains(out, "the same value and number format in every cell") || !strings.Contains(out, "NOT compared were fonts, colours") {
		t.Errorf("%s", out)
	}
	// Only compressed otherwise.
	zr, err := zip.NewReader(bytes.NewReader(before), int64(len(before)))
	must(t, err)
	var stored bytes.Buffer
	zw := zip.NewWriter(&stored)
	for _, f := range zr.File {
		w, err := zw.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Store})
		must(t, err)
		part, err := f.Open()
		must(t, err)
		_, err = io.Copy(w, part)
		must(t, err)
	}
	must(t, zw.Close())
	a.write("report/workbook.xlsx", stored.Bytes())
	rebagWithoutEvents(a)
	r = verify(t, a.dir, Options{})
	if out := text(t, r); r.Failed() || strings.Contains(out, "NOT compared") {
		t.Errorf("%s", out)
	}
}

// disguises change what a reader sees of a workbook, and no cell's value.
var disguises = []struct {
	name string
	make func(t *testing.T, f *excelize.File)
	seen bool // by the comparison with another build's workbook
}{
	{"row", func(t *testing.T, f *excelize.File) { must(t, f.SetRowVisible("Summary", 9, false)) }, true},
	{"row of no height", func(t *testing.T, f *excelize.File) { must(t, f.SetRowHeight("Summary", 9, 0.5)) }, true},
	{"column", func(t *testing.T, f *excelize.File) { must(t, f.SetColVisible("Sample", "C", false)) }, true},
	{"narrow column", func(t *testing.T, f *excelize.File) { must(t, f.SetColWidth("Sample", "C", "C", 0.1)) }, true},
	{"sheet", func(t *testing.T, f *excelize.File) { must(t, f.SetSheetVisible("Findings", false)) }, true},
	{"very hidden sheet", func(t *testing.T, f *excelize.File) { must(t, f.SetSheetVisible("Findings", false, true)) }, true},
	{"merged cells", func(t *testing.T, f *excelize.File) { must(t, f.MergeCell("Sample", "A9", "D9")) }, true},
	{"sheets exchanged", func(t *testing.T, f *excelize.File) { must(t, f.MoveSheet("Sample", "Findings")) }, true},
	{"number format", func(t *testing.T, f *excelize.File) {
		format := `"none"`
		style, err := f.NewStyle(&excelize.Style{CustomNumFmt: &format})
		must(t, err)
		must(t, f.SetCellStyle("Summary", "A1", "H40", style))
	}, true},
	{"white text", func(t *testing.T, f *excelize.File) {
		id, err := f.GetCellStyle("Summary", "C9")
		must(t, err)
		look, err := f.GetStyle(id)
		must(t, err)
		look.Font = &excelize.Font{Color: "FFFFFF"}
		style, err := f.NewStyle(look)
		must(t, err)
		must(t, f.SetCellStyle("Summary", "C9", "C9", style))
	}, false},
}

// TestDisguisedWorkbook: the workbook of another build may differ in what is named, but
// not in what it shows; the workbook of this very build may not differ at all.
func TestDisguisedWorkbook(t *testing.T) {
	res := sealed(t, small())
	for _, d := range disguises {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			a := &attacked{T: t, dir: copyDir(t, res.Dir)}
			a.edit(func(f *excelize.File) { d.make(t, f) })
			rebagWithoutEvents(a)
			r := verify(t, a.dir, Options{})
			got := strings.Join(lines(r, "workbook"), "\n")
			if d.seen != slices.Contains(failed(r), "workbook") || !d.seen && !strings.Contains(got, "NOT compared were fonts, colours") {
				t.Errorf("another build's: %s", got)
			}
			if got := ownWorkbook(t, a.dir); !strings.HasPrefix(got, "FAIL made again its bytes differ, although this very build") {
				t.Errorf("this build's: %s", got)
			}
		})
	}
	if got := ownWorkbook(t, res.Dir); got != "ok made again with the same bytes" {
		t.Errorf("undisguised: %s", got)
	}
}

// ownWorkbook checks a package's workbook as if this very build had opened and sealed it.
func ownWorkbook(t *testing.T, dir string) string {
	t.Helper()
	own := sampler.ProgramInfo{Name: "selfaudit", Version: "test", Revision: "0123abcd", Go: runtime.Version()}
	pack, err := open(context.Background(), dir, defaultLimits)
	must(t, err)
	defer pack.Close()
	v := &verifier{ctx: context.Background(), report: &Report{}, pack: pack, data: pack.tree.sub(payloadFolder), options: Options{Program: own}}
	if !v.integrity() {
		t.Fatal(v.report.Checks)
	}
	v.checkDocuments()
	v.checkSummary()
	v.docs.opening.Program, v.bag.Program = own, cleanProgram(own)
	v.checkWorkbook()
	return strings.Join(lines(v.report, "workbook"), "\n")
}

// TestOwnBuild: only a build that can be told from all others is taken for the same one.
func TestOwnBuild(t *testing.T) {
	release := sampler.ProgramInfo{Name: "selfaudit", Version: "v1.2.3", Go: runtime.Version()}
	for name, tt := range map[string]struct {
		own, opened, sealed sampler.ProgramInfo
		want                bool
	}{
		"release":           {release, release, release, true},
		"unknown":           {},
		"opened by another": {release, sampler.ProgramInfo{Name: "selfaudit", Version: "v1.2.2", Go: runtime.Version()}, release, false},
		"sealed by another": {release, release, sampler.ProgramInfo{Name: "selfaudit", Version: "v1.2.4", Go: runtime.Version()}, false},
		"another Go":        {release, sampler.ProgramInfo{Name: "selfaudit", Version: "v1.2.3", Go: "go1.1"}, release, false},
	} {
		v := &verifier{options: Options{Program: tt.own}, bag: BagInfo{Program: bagProgram(cleanProgram(tt.sealed)), Compressor: ownCompressor()}}
		v.docs.opening = &sampler.Opening{Program: tt.opened}
		if got := v.ownBuild(); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, version := range []string{"", "(devel)", "unknown", "v0.0.0-20261121200937-49f840c5c6ff+dirty"} {
		if identified(sampler.ProgramInfo{Name: "selfaudit", Version: version}) {
			t.Errorf("version %q identifies a build", version)
		}
	}
}

// TestSealedByAnotherProgram: bag-info.txt names the program that sealed, audit.json the
// one that opened the audit; they need not be the same.
func TestSealedByAnotherProgram(t *testing.T) {
	dir := makeAudit(t, small())
	info := infoOf(t, dir, small())
	info.Program = sampler.ProgramInfo{Name: "selfaudit", Version: "v9.9.9", Revision: "fedcba", Go: "go9.9"}
	res, err := Seal(context.Background(), dir, t.TempDir(), info)
	must(t, err)
	for _, own := range []sampler.ProgramInfo{{}, info.Program} {
		r := verify(t, res.Zip, Options{Program: own})
		if got := lines(r, "workbook"); r.Failed() || !slices.Equal(got, []string{"ok made again with the same bytes"}) {
			t.Errorf("%s", text(t, r))
		}
	}
}
