package workbook_test

import (
	"archive/zip"
	"bytes"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"selfaudit/internal/terminal"
	"selfaudit/internal/testaudit"
	"selfaudit/reports"
	"selfaudit/reports/workbook"
	"selfaudit/sampler"
)

var update = flag.Bool("update", false, "write the golden files anew")

// few is an audit small enough to be read in a golden file.
var few = []testaudit.Issuer{
	{Label: "Alpha DV CA 1", Class: sampler.ClassDV, Count: 12},
	{Label: "Alpha OV CA 2", Class: sampler.ClassOV, Count: 6},
	{Label: "Alpha EV CA 1", Class: sampler.ClassEV, Count: 4, Tag: "ra-north"},
}

func build(t testing.TB, o testaudit.Options) (*reports.Audit, reports.Summary) {
	t.Helper()
	a, err := reports.Load(testaudit.Build(t, o))
	if err != nil {
		t.Fatal(err)
	}
	return a, a.Summary(o.ReportedAt(), sampler.ClockGiven)
}

func write(t testing.TB, o testaudit.Options) []byte {
	t.Helper()
	a, s := build(t, o)
	data, err := workbook.Write(a, s, "selfaudit test")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func values(t testing.TB, data []byte) map[string][][]string {
	t.Helper()
	v, err := workbook.Values(data)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// sheets are the names that the format document lays down, in its order.
var sheets = []string{"Cover", "Summary", "Findings", "Sample", "Review", "Draw record", "Population", "Lint results", "If issued today", "Waivers", "Methodology", "Sign-off"}

func TestGoldenValues(t *testing.T) {
	for name, o := range map[string]testaudit.Options{
		"rehearsal": {Issuers: few, RateBP: 5000, Excluded: true},
		"audit":     {Issuers: few, RateBP: 3000, Audit: true, Voided: true, Flawless: true},
		"frozen":    {Issuers: few, Drand: true, Stage: testaudit.Frozen},
		"empty":     {Issuers: few, Empty: true},
	} {
		t.Run(name, func(t *testing.T) {
			got := listing(values(t, write(t, o)))
			file := filepath.Join("testdata", name+".golden.txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("cell values differ from %s (go test -update writes it anew): first in line %d", file, firstDifference(got, string(want)))
			}
		})
	}
}

// listing prints every cell on a line of its own.
func listing(v map[string][][]string) string {
	var b strings.Builder
	for _, sheet := range sheets {
		for row, cells := range v[sheet] {
			for col, value := range cells {
				if value != "" {
					fmt.Fprintf(&b, "%s\t%c%d\t%q\n", sheet, 'A'+col, row+1, value)
				}
			}
		}
	}
	return b.String()
}

func firstDifference(a, b string) int {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return i + 1
		}
	}
	return min(len(x), len(y)) + 1
}

func TestSameBytes(t *testing.T) {
	a, s := build(t, testaudit.Options{Issuers: few, RateBP: 5000})
	var first []byte
	for i := range 10 {
		data, err := workbook.Write(a, s, "selfaudit test")
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = data
		}
		if !bytes.Equal(first, data) {
			t.Fatalf("run %d gives other bytes", i+1)
		}
	}
}

// part returns the XML of every part of a kind, by name.
func parts(t testing.TB, data []byte, prefix string) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range z.File {
		if !strings.HasPrefix(f.Name, prefix) || !strings.HasSuffix(f.Name, ".xml") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out[f.Name] = string(content)
	}
	return out
}

func TestHostileTextStaysText(t *testing.T) {
	data := write(t, testaudit.Options{Issuers: few, Hostile: true, RateBP: 10000})
	formula := regexp.MustCompile(`<f>([^<]*)</f>`)
	ours := regexp.MustCompile(`^(SUM\([C-G]9:[C-G]11\)|D12/C12|SUMPRODUCT\(C9:C11,H9:H11\)/C12)$`)
	for name, xml := range parts(t, data, "xl/worksheets/") {
		for _, f := range formula.FindAllStringSubmatch(xml, -1) {
			if name != "xl/worksheets/sheet2.xml" || !ours.MatchString(f[1]) {
				t.Errorf("%s has the formula %q", name, f[1])
			}
		}
	}
	shown := map[string]bool{}
	for sheet, rows := range values(t, data) {
		for row, cells := range rows {
			for _, value := range cells {
				shown[value] = true
				if strings.HasPrefix(value, "\x01=") && sheet == "Summary" {
					continue
				}
				for _, line := range strings.Split(value, "\n") {
					if safe := terminal.Escape(line); safe != line {
						t.Errorf("%s row %d: %q shows hidden characters", sheet, row+1, value)
					}
				}
				if len(value) > 4000 {
					t.Errorf("%s row %d: a cell of %d bytes", sheet, row+1, len(value))
				}
			}
		}
	}
	for _, want := range []string{`=HYPERLINK("https://evil.test","click")`, "-2+3", `\x09=1+1`, `admin\u202egnp.exe`, `<f>1+1</f>&amp;"'`} {
		if !shown[want] && !shown[strings.ReplaceAll(want, "-2+3", "+1+1")] {
			t.Errorf("no cell shows %q", want)
		}
	}
	for name, xml := range parts(t, data, "xl/worksheets/_rels/") {
		t.Errorf("unexpected part %s: %.100s", name, xml)
	}
}

func TestEscapesOfTheFormatAreShownAsTheyAre(t *testing.T) {
	data := write(t, testaudit.Options{Issuers: few, CA: "A _x0041_ B"})
	if got := values(t, data)["Cover"][6][2]; got != "A _x0041_ B" {
		t.Errorf("the name of the CA reads %q", got)
	}
	f, err := excelize.OpenReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := f.GetCellValue("Cover", "C7"); err != nil || got != "A _x0041_ B" {
		t.Errorf("the name of the CA reads %q elsewhere (%v)", got, err)
	}
}

func TestEverySheetSaysRehearsal(t *testing.T) {
	for _, o := range []testaudit.Options{{Issuers: few}, {Issuers: few, Audit: true}, {Issuers: few, Empty: true}} {
		data := write(t, o)
		rehearsal := !o.Audit
		for name, xml := range parts(t, data, "xl/worksheets/") {
			_, header, _ := strings.Cut(xml, "<oddHeader>")
			header, _, _ = strings.Cut(header, "</oddHeader>")
			if got := strings.Contains(header, reports.RehearsalNotice); got != rehearsal {
				t.Errorf("%s: rehearsal %v, header %q", name, rehearsal, header)
			}
		}
		v := values(t, data)
		for _, sheet := range sheets {
			top := strings.Join(slices.Concat(v[sheet][0], v[sheet][1]), " ")
			if got := strings.Contains(top, reports.RehearsalNotice); got != rehearsal {
				t.Errorf("%s: rehearsal %v, first rows %q", sheet, rehearsal, top)
			}
		}
	}
}

func TestSheetsAndProperties(t *testing.T) {
	o := testaudit.Options{Issuers: few, CA: "R&D Trust &P"}
	a, s := build(t, o)
	data, err := workbook.Write(a, s, "selfaudit test")
	if err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := f.GetSheetList(); !slices.Equal(got, sheets) {
		t.Errorf("sheets %q, want %q", got, sheets)
	}
	p, err := f.GetDocProps()
	if err != nil || p.Created != s.ReportedAt || p.Modified != s.ReportedAt || p.Creator != "selfaudit test" {
		t.Errorf("properties %+v, %v", p, err)
	}
	custom, err := f.GetCustomProps()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	for _, c := range custom {
		got[c.Name] = c.Value
	}
	want := map[string]any{"selfaudit.audit-id": "2026-Q3", "selfaudit.commitment": s.Commitment, "selfaudit.schema": "workbook-v1"}
	if !maps.Equal(got, want) {
		t.Errorf("custom properties %v, want %v", got, want)
	}
	for _, sheet := range sheets {
		h, err := f.GetHeaderFooter(sheet)
		if err != nil || !strings.Contains(h.OddHeader, "R&&D Trust &&P: self-audit 2026-Q3") || !strings.Contains(h.OddFooter, "commitment "+s.Commitment[:8]) {
			t.Errorf("%s: header and footer %+v, %v", sheet, h, err)
		}
		props, err := f.GetSheetProps(sheet)
		if err != nil || props.FitToPage == nil || !*props.FitToPage {
			t.Errorf("%s does not fit to the page's width (%v)", sheet, err)
		}
	}
}

func TestReviewSheet(t *testing.T) {
	o := testaudit.Options{Issuers: few, RateBP: 10000}
	a, s := build(t, o)
	data, err := workbook.Write(a, s, "selfaudit test")
	if err != nil {
		t.Fatal(err)
	}
	rows := values(t, data)["Review"]
	if rows[4][3] != "Row key" {
		t.Fatalf("head %q", rows[4])
	}
	for i, it := range a.SampleItems() {
		row := rows[5+i]
		if row[3] != it.ID.RowKey() {
			t.Errorf("row %d: row key %q, want %q", 6+i, row[3], it.ID.RowKey())
		}
		prefilled := slices.Contains(row[4:], "N/A")
		if dv := it.Row.Stratum.Class == sampler.ClassDV; prefilled != dv || dv && row[7] != "N/A" {
			t.Errorf("row %d, %s: %q", 6+i, it.Row.Stratum.Class, row)
		}
	}
	xml := parts(t, data, "xl/worksheets/")["xl/worksheets/sheet5.xml"]
	last := fmt.Sprint(5 + len(a.SampleItems()))
	for _, want := range []string{
		`<sheetProtection`, `sqref="E6:K` + last + `"`, `Pass,Fail,N/A`, `sqref="N6:N` + last + `"`, `<autoFilter ref="$A$5:$O$` + last, `ySplit="5"`, `xSplit="4"`,
	} {
		if !strings.Contains(xml, want) {
			t.Errorf("the Review sheet has no %s", want)
		}
	}
	if strings.Contains(xml, "password") || strings.Contains(xml, "hashValue") {
		t.Error("the protection has a password")
	}
}
