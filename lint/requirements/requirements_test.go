package requirements

import (
	"strings"
	"testing"
	"time"
)

func day(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestInForce(t *testing.T) {
	for _, c := range []struct{ document, day, want string }{
		{TLSBR, "2020-02-10", "1.6.7"},
		{EVG, "2020-02-10", "1.7.1"},
		{TLSBR, "2012-06-30", "1.0.3"},
		{TLSBR, "2012-06-07", ""},
		{TLSBR, "2024-03-20", "2.0.2"}, // not 2.0.1, whose effective date is later
		{TLSBR, "2024-03-14", "2.0.2"},
		{TLSBR, "2026-05-18", "2.2.6"},
		{TLSBR, "2026-05-19", "2.2.7"}, // the second file continues the first
		{EVG, "2012-05-28", ""},
		{EVG, "2017-06-10", "1.6.2"}, // 1.6.3 was declared invalid
		{EVG, "2024-05-05", "1.8.1"},
		{EVG, "2024-05-06", "2.0.1"}, // effective before 2.0.0
		{EVG, "2024-05-15", "2.0.1"},
		{SMIMEBR, "2025-07-02", "1.0.10"}, // 10 > 9
		{SMIMEBR, "2026-09-28", "1.0.16"}, // 1.0.13 has no date
		{SMIMEBR, "2022-12-31", ""},
		{CSBR, "2024-02-28", "3.7"}, // 3.6 and 3.7 share a date
		{CSBR, "2025-11-07", "3.10"},
		{"NCSSR", "2026-01-01", ""},
	} {
		v, ok := Embedded().InForce(c.document, day(c.day))
		if v.Number != c.want || ok != (c.want != "") {
			t.Errorf("InForce(%s, %s) = %q, %v; want %q", c.document, c.day, v.Number, ok, c.want)
		}
	}
}

func TestInForceIgnoresTimeOfDayAndZone(t *testing.T) {
	zone := time.FixedZone("", 5*3600)
	before := time.Date(2026, 5, 19, 4, 59, 59, 0, zone) // 2026-05-18T23:59:59Z
	if v, _ := Embedded().InForce(TLSBR, before); v.Number != "2.2.6" {
		t.Errorf("InForce at %v = %s, want 2.2.6", before, v.Number)
	}
	if v, _ := Embedded().InForce(TLSBR, before.Add(time.Second)); v.Number != "2.2.7" {
		t.Errorf("InForce one second later = %s, want 2.2.7", v.Number)
	}
}

func TestNewest(t *testing.T) {
	for document, want := range map[string]string{TLSBR: "2.2.7", EVG: "2.0.2", SMIMEBR: "1.0.16", CSBR: "3.10"} {
		v, ok := Newest(document)
		if !ok || v.Number != want {
			t.Errorf("Newest(%s) = %q, %v; want %q", document, v.Number, ok, want)
		}
		if v.Effective.After(TableDate) {
			t.Errorf("%s %s is effective after the date of the table", document, v.Number)
		}
	}
	if _, ok := Newest("none"); ok {
		t.Error("Newest of an unknown document is ok")
	}
}

func TestBallots(t *testing.T) {
	v, _ := Embedded().InForce(TLSBR, day("2020-02-10"))
	if got := strings.Join(v.Ballots, " "); got != "SC023 SC024" {
		t.Errorf("ballots of BR 1.6.7: %q, want SC023 SC024", got)
	}
	v.Ballots[0] = "changed"
	if again, _ := Embedded().InForce(TLSBR, day("2020-02-10")); again.Ballots[0] != "SC023" {
		t.Error("a caller could change the table")
	}
}

func TestUpcoming(t *testing.T) {
	var got []string
	for _, v := range Embedded().Upcoming(SMIMEBR, day("2026-05-05")) {
		got = append(got, v.Number)
	}
	if strings.Join(got, " ") != "1.0.15 1.0.16" {
		t.Errorf("upcoming after 2026-05-05: %v", got)
	}
	if len(Embedded().Upcoming(TLSBR, TableDate)) != 0 {
		t.Error("the table knows a version later than its own date")
	}
}

func TestEveryRowIsReadOrLeftOutByRule(t *testing.T) {
	versions, err := Embedded().versions()
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, v := range versions {
		rows += len(v.Ballots)
	}
	// 192 + 10 rows; left out: BR row 6, EVG 1.6.3 and 4 later rows without version or date.
	if want := 196; rows != want {
		t.Errorf("%d rows are candidates, want %d", rows, want)
	}
}

func TestReadTableRefuses(t *testing.T) {
	const head = "document,version,ballot,description,adopted,effective,source\n"
	for name, text := range map[string]string{
		"no header":        "TLS-BR,1.0.0,62,d,,2012-07-01,s\n",
		"empty":            "",
		"unknown document": head + "XY,1.0.0,62,d,,2012-07-01,s\n",
		"bad number":       head + "TLS-BR,1.x,62,d,,2012-07-01,s\n",
		"bad date":         head + "TLS-BR,1.0,62,d,,2012-7-1,s\n",
		"two dates":        head + "TLS-BR,1.0,62,d,,2012-07-01,s\nTLS-BR,1.0,63,d,,2012-07-02,s\n",
		"short row":        head + "TLS-BR,1.0\n",
	} {
		if _, err := readTable(nil, name, text); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestEdition(t *testing.T) {
	if want := "2026-11-21"; !strings.Contains(Edition(), want) {
		t.Errorf("Edition() = %q, want the date %s in it", Edition(), want)
	}
}
