package workbook

import (
	"fmt"
	"strings"
	"testing"

	"selfaudit/internal/testaudit"
	"selfaudit/reports"
)

func TestCapsAreSaid(t *testing.T) {
	o := testaudit.Options{RateBP: 3000}
	a, err := reports.Load(testaudit.Build(t, o))
	if err != nil {
		t.Fatal(err)
	}
	data, err := write(a, a.Summary(o.ReportedAt(), "given"), "test", limits{population: 20, rows: 10, links: 2})
	if err != nil {
		t.Fatal(err)
	}
	v, err := Values(data)
	if err != nil {
		t.Fatal(err)
	}
	for sheet, want := range map[string]struct {
		rows int
		last string
	}{
		sheetPopulation: {4 + 20 + 1, "The table ends here: 20 of 318 rows. All are in draw/population.tsv."},
		sheetSample:     {4 + 10 + 1, "The table ends here: 10 of 97 rows. All are in draw/sample.tsv."},
		sheetReview:     {5 + 10 + 1, "The table ends here: 10 of 97 rows. All are in draw/sample.tsv."},
		sheetLint:       {4 + 10 + 1, fmt.Sprintf("The table ends here: 10 of %d rows. All are in lint/results.jsonl and findings/items.jsonl.", remarks(a))},
		sheetFindings:   {10 + 1, "The table ends here at 10 rows. All certificates are in findings/findings.json."},
	} {
		rows := v[sheet]
		if len(rows) != want.rows || rows[len(rows)-1][0] != want.last {
			t.Errorf("%s: %d rows, the last %q; want %d, %q", sheet, len(rows), rows[len(rows)-1], want.rows, want.last)
		}
	}
	if got := v[sheetPopulation][1][0]; !strings.Contains(got, "The first 20 of 318 rows") {
		t.Errorf("the Population sheet says %q", got)
	}
}

func remarks(a *reports.Audit) int {
	n := 0
	for _, it := range a.FindingItems() {
		n += len(it.Findings)
	}
	return n
}

func TestPlainCuts(t *testing.T) {
	long := strings.Repeat("a", maxCellText+1)
	if got := plain(long, "X"); got != long[:maxCellText]+" [cut, see X]" {
		t.Errorf("%d characters become %d: …%q", len(long), len(got), got[len(got)-20:])
	}
	if got := plain(long[1:], "X"); got != long[1:] {
		t.Errorf("text of exactly the limit is cut to %d", len(got))
	}
	// Two UTF-16 units for each: the limit counts units.
	if got := plain(strings.Repeat("\U0001f512", 20_000), "X"); got != strings.Repeat("\U0001f512", maxCellText/2)+" [cut, see X]" {
		t.Errorf("characters beyond the basic plane are cut at %d bytes", len(got))
	}
	if got := brief("ab\u202ecd", 3, "X"); got != `ab\ [cut, see X]` {
		t.Errorf("brief text %q", got)
	}
}

func TestWrapped(t *testing.T) {
	for _, test := range []struct {
		text  string
		width float64
		lines int
	}{
		{"", 10, 1}, {"one", 10, 1}, {"one\ntwo", 10, 2}, {"several words that go on", 10, 3},
		{strings.Repeat("0", 64), 44, 2}, {strings.Repeat("0123456789 ", 10), 44, 3},
	} {
		if got := wrapped(test.text, look{size: 10}, test.width); got != test.lines {
			t.Errorf("%q in width %g: %d lines, want %d", test.text, test.width, got, test.lines)
		}
	}
}

func TestDateCell(t *testing.T) {
	for text, want := range map[string]any{
		"2026-10-06T23:59:59Z": int64(46301), "1970-01-01T00:00:00Z": int64(25569), "1969-12-31T12:00:00Z": int64(25568),
		"9999-12-31T23:59:59Z": int64(2958465), "1900-01-01T00:00:00Z": "1900-01-01",
	} {
		if got := dateCell(parseTime(t, text)); got != want {
			t.Errorf("%s is %v, want %v", text, got, want)
		}
	}
}
