package requirements

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func TestUpcomingDates(t *testing.T) {
	dates, err := Embedded().UpcomingDates(TLSBR, day("2026-11-21"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, d := range dates {
		if i > 0 && d.Date.Before(dates[i-1].Date) {
			t.Errorf("%v is not in order", d)
		}
		if d.Section == "6.3.2" {
			got = append(got, d.Date.Format("2006-01-02")+" "+d.Requirement)
		}
	}
	want := "2027-03-15 Maximum validity period of Subscriber Certificates is 100 days.|2029-03-15 Maximum validity period of Subscriber Certificates is 47 days."
	if strings.Join(got, "|") != want {
		t.Errorf("got %v", got)
	}
	// BR 2.1.5 announced 47 days for 2026-03-15; that was replaced and must not come back.
	dates, _ = Embedded().UpcomingDates(TLSBR, day("2026-01-01"))
	for _, d := range dates {
		if d.Date.Equal(day("2026-03-15")) && strings.Contains(d.Requirement, "47 days") {
			t.Errorf("given up, yet announced: %+v", d)
		}
	}
}

func TestDatesOfEveryDocument(t *testing.T) {
	total := 0
	for _, document := range Documents() {
		dates, err := Embedded().Dates(document)
		if err != nil || len(dates) == 0 {
			t.Errorf("%s: %d dates, %v", document, len(dates), err)
		}
		total += len(dates)
	}
	if total != 56+53 {
		t.Errorf("%d dates, the two files have %d rows", total, 56+53)
	}
}

func TestPending(t *testing.T) {
	for document, want := range map[string]string{TLSBR: "SC098v2", EVG: "SC087v2"} {
		pending, err := Embedded().Pending(document)
		if err != nil || len(pending) != 1 || pending[0].Ballot != want {
			t.Errorf("%s: %+v, %v", document, pending, err)
		}
	}
	pending, err := Embedded().Pending(SMIMEBR)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pending {
		if p.number == "1.0.13" {
			t.Errorf("1.0.13 is part of 1.0.16, yet pending: %+v", p)
		}
	}
}

func TestCoverage(t *testing.T) {
	c, err := Embedded().Coverage()
	if err != nil {
		t.Fatal(err)
	}
	sections, with := 0, 0
	for _, s := range c.Sections {
		if s.Document == "BR 2.2.6" {
			sections++
			if len(s.Lints) > 0 {
				with++
			}
		}
		for _, name := range s.Lints {
			if strings.HasPrefix(name, "backdated") || name == "e_excessively" {
				t.Errorf("%s %s: a name is cut at its space", s.Document, s.Number)
			}
		}
	}
	if c.Linter != "zlint 3.7.3" || sections != 406 || with != 44 {
		t.Errorf("%s: %d sections, %d with lints; want 406 and 44", c.Linter, sections, with)
	}
	if last := c.Sections[len(c.Sections)-1]; last.Document != "EVG <2.0 numbering" && !strings.HasPrefix(last.Document, "EVG") {
		t.Errorf("last row: %+v", last)
	}
}

// copyOf returns the embedded tables as a folder.
func copyOf(t testing.TB) fstest.MapFS {
	t.Helper()
	folder := fstest.MapFS{EditionFile: {Data: []byte("2027-01-31\n")}}
	for _, name := range []string{VersionsFile, LaterFile, DatesFile, HistoryFile, "zlint-3.7.3-br-coverage.csv"} {
		data, err := fs.ReadFile(files, "data/"+name)
		if err != nil {
			t.Fatal(err)
		}
		folder[name] = &fstest.MapFile{Data: data}
	}
	return folder
}

func TestLoad(t *testing.T) {
	folder := copyOf(t)
	later := folder[LaterFile]
	later.Data = append(later.Data, "TLS-BR,2.2.8,SC100,Something,2026-12-01,2027-01-15,test\n"...)
	tables, err := Load(folder, "tables")
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := tables.InForce(TLSBR, day("2027-01-15")); v.Number != "2.2.8" {
		t.Errorf("in force: %s", v.Number)
	}
	if v, _ := Embedded().InForce(TLSBR, day("2027-01-15")); v.Number != "2.2.7" {
		t.Errorf("the embedded table has changed: %s", v.Number)
	}
	if e := tables.Edition(); !strings.Contains(e, "2027-01-31") || !strings.Contains(e, "versions, dates, coverage") {
		t.Errorf("edition: %s", e)
	}
	// One table alone: the others stay those of the build, and the edition says so.
	tables, err = Load(fstest.MapFS{EditionFile: folder[EditionFile], VersionsFile: folder[VersionsFile]}, "tables")
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := tables.InForce(TLSBR, day("2026-06-01")); v.Number != "2.2.6" {
		t.Errorf("a folder without the later file: %s", v.Number)
	}
	if dates, err := tables.UpcomingDates(TLSBR, day("2026-11-21")); err != nil || len(dates) == 0 {
		t.Errorf("dates of the build: %v, %v", dates, err)
	}
	if e := tables.Edition(); !strings.Contains(e, "tables: versions;") || !strings.Contains(e, "2026-11-21") {
		t.Errorf("edition: %s", e)
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, change := range map[string]func(f fstest.MapFS){
		"no edition":      func(f fstest.MapFS) { delete(f, EditionFile) },
		"bad edition":     func(f fstest.MapFS) { f[EditionFile] = &fstest.MapFile{Data: []byte("today")} },
		"broken versions": func(f fstest.MapFS) { f[VersionsFile] = &fstest.MapFile{Data: []byte("x\n")} },
		"broken dates": func(f fstest.MapFS) {
			f[DatesFile] = &fstest.MapFile{Data: []byte("document,date,section,requirement\nTLS-BR,x,1,y\n")}
		},
		"unknown document": func(f fstest.MapFS) {
			f[DatesFile] = &fstest.MapFile{Data: []byte("document,date,section,requirement\nX,2020-01-01,1,y\n")}
		},
		"wrong count": func(f fstest.MapFS) {
			f["zlint-3.7.3-br-coverage.csv"] = &fstest.MapFile{Data: []byte("document,section,heading_now,lints,lint_names,note\nBR,1,x,2,e_a,\n")}
		},
		"two coverages": func(f fstest.MapFS) { f["zlint-3.8.0-br-coverage.csv"] = f["zlint-3.7.3-br-coverage.csv"] },
		"nothing":       func(f fstest.MapFS) { clear(f); f[EditionFile] = &fstest.MapFile{Data: []byte("2027-01-31")} },
	} {
		folder := copyOf(t)
		change(folder)
		if _, err := Load(folder, "tables"); err == nil || !strings.Contains(err.Error(), "tables") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRemark(t *testing.T) {
	if Remark(EVG, day("2024-05-06")) == "" || Remark(EVG, day("2024-05-14")) == "" {
		t.Error("no remark about the days on which the EVG's table contradicts itself")
	}
	if Remark(EVG, day("2024-05-15")) != "" || Remark(EVG, day("2024-05-05")) != "" || Remark(TLSBR, day("2024-05-06")) != "" {
		t.Error("a remark about an ordinary day")
	}
}

func FuzzLoad(f *testing.F) {
	folder := copyOf(f)
	f.Add(folder[LaterFile].Data, folder[DatesFile].Data[:2000], folder["zlint-3.7.3-br-coverage.csv"].Data[:400], []byte("2027-01-31"))
	f.Fuzz(func(t *testing.T, versions, dates, coverage, edition []byte) {
		tables, err := Load(fstest.MapFS{
			EditionFile: {Data: edition}, VersionsFile: {Data: versions}, DatesFile: {Data: dates}, "zlint-1-br-coverage.csv": {Data: coverage},
		}, "tables")
		if err != nil {
			return
		}
		for _, document := range Documents() {
			tables.InForce(document, tables.Date())
			if _, err := tables.Pending(document); err != nil {
				t.Error(err)
			}
			if _, err := tables.UpcomingDates(document, tables.Date()); err != nil {
				t.Error(err)
			}
		}
		if _, err := tables.Coverage(); err != nil {
			t.Error(err)
		}
	})
}
