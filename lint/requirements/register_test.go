package requirements

import (
	"bytes"
	"strings"
	"testing"
)

func review(version, effective, by, on string) Review {
	return Review{Document: TLSBR, Version: version, Effective: effective, ReviewedBy: by, ReviewedOn: on, Impact: "none", Change: "", ApprovedBy: "Head of PKI"}
}

func TestRegisterKeepsItsRowsSorted(t *testing.T) {
	r := NewRegister()
	for _, v := range []Review{
		review("2.0.10", "", "", ""), // refused below
		review("2.2.6", effectiveOf(t, TLSBR, "2.2.6"), "A. Müller", "2026-05-02"),
		{Document: EVG, Version: "2.0.1", Effective: effectiveOf(t, EVG, "2.0.1"), ReviewedBy: "B", ReviewedOn: "2026-01-01", Impact: "=HYPERLINK(1)"},
		{Document: CSBR, Version: "3.9", Effective: effectiveOf(t, CSBR, "3.9"), ReviewedBy: "C", ReviewedOn: "2026-01-01", Impact: "x"},
		{Document: CSBR, Version: "3.10", Effective: effectiveOf(t, CSBR, "3.10"), ReviewedBy: "C", ReviewedOn: "2025-12-01", Impact: "x"},
	} {
		if err := r.Add(v, Embedded()); (err != nil) != (v.ReviewedBy == "") {
			t.Fatalf("%+v: %v", v, err)
		}
	}
	raw, err := r.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for line := range strings.Lines(string(raw)) {
		order = append(order, strings.Join(strings.Split(line, ",")[:2], " "))
	}
	if got := strings.Join(order, "|"); got != "\ufeffdocument version|TLS-BR 2.2.6|EVG 2.0.1|CS-BR 3.9|CS-BR 3.10" {
		t.Errorf("rows: %s", got)
	}
	if !bytes.Contains(raw, []byte(",'=HYPERLINK(1),")) {
		t.Errorf("a formula is left alive:\n%s", raw)
	}
	again, err := ParseRegister(raw)
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Of(EVG, "2.0.1"); len(got) != 1 || got[0].Impact != "=HYPERLINK(1)" {
		t.Errorf("read back: %+v", got)
	}
	if b, _ := again.Bytes(); !bytes.Equal(b, raw) {
		t.Errorf("written again it differs:\n%s", b)
	}
}

func effectiveOf(t *testing.T, document, number string) string {
	t.Helper()
	v, ok := Embedded().Find(document, number)
	if !ok {
		t.Fatalf("the table has no %s %s", document, number)
	}
	return v.Effective.Format("2006-01-02")
}

func TestRegisterInventsNothing(t *testing.T) {
	good := review("2.2.6", effectiveOf(t, TLSBR, "2.2.6"), "A", "2026-05-02")
	for name, change := range map[string]func(v *Review){
		"no such version":   func(v *Review) { v.Version = "2.2.66" },
		"no such document":  func(v *Review) { v.Document = "BR" },
		"another day":       func(v *Review) { v.Effective = "2026-01-01" },
		"nobody":            func(v *Review) { v.ReviewedBy = "" },
		"no day":            func(v *Review) { v.ReviewedOn = "2.5.2026" },
		"no impact":         func(v *Review) { v.Impact = "" },
		"a line feed":       func(v *Review) { v.Impact = "a\nb" },
		"a hidden reversal": func(v *Review) { v.ApprovedBy = "a\u202eb" },
		"very long":         func(v *Review) { v.Change = strings.Repeat("x", 5000) },
	} {
		v := good
		change(&v)
		if err := NewRegister().Add(v, Embedded()); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	r := NewRegister()
	if err := r.Add(good, Embedded()); err != nil {
		t.Fatal(err)
	}
	if err := r.Add(good, Embedded()); err == nil {
		t.Error("the same review twice is taken")
	}
}

func TestParseRegisterTakesWhatSpreadsheetsWrite(t *testing.T) {
	const head = "document,version,effective,reviewed_by,reviewed_on,impact,change,approved_by"
	const row = "TLS-BR,2.2.6,2026-01-01,A,2026-05-02,none,,B"
	excel := "\ufeff" + strings.ReplaceAll(head, ",", ";") + "\r\n" + strings.ReplaceAll(row, ",", ";") + "\r\n;;;;;;;\r\n"
	for name, text := range map[string]string{
		"plain": head + "\n" + row + "\n", "no end": head + "\n" + row, "quoted": head + "\n\"TLS-BR\",2.2.6,2026-01-01,A,2026-05-02,\"none\",,B\n",
		"excel": excel, "tabs": strings.ReplaceAll(head+"\n"+row+"\n", ",", "\t"),
	} {
		r, err := ParseRegister([]byte(text))
		if err != nil || len(r.Reviews) != 1 || r.Reviews[0].ApprovedBy != "B" {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	r, err := ParseRegister([]byte(excel))
	if err != nil {
		t.Fatal(err)
	}
	out, err := r.Bytes()
	if want := strings.TrimSuffix(excel, ";;;;;;;\r\n"); err != nil || string(out) != want {
		t.Errorf("the spreadsheet's form is not kept: %q, want %q", out, want)
	}
}

func TestParseRegisterRefuses(t *testing.T) {
	const head = "document,version,effective,reviewed_by,reviewed_on,impact,change,approved_by\n"
	const row = "TLS-BR,2.2.6,2026-01-01,A,2026-05-02,none,,B\n"
	for name, text := range map[string]string{
		"empty": "", "no header": row, "Latin-1": head + "TLS-BR,2.2.6,2026-01-01,M\xfcller,2026-05-02,none,,B\n",
		"short": head + "TLS-BR,2.2.6\n", "twice": head + row + row, "date of a spreadsheet": head + strings.Replace(row, "2026-05-02", "02.05.2026", 1),
		"no reviewer": head + strings.Replace(row, ",A,", ",,", 1), "control": head + strings.Replace(row, "none", "a\x07b", 1), "version": head + strings.Replace(row, "2.2.6", "2.x", 1),
	} {
		if r, err := ParseRegister([]byte(text)); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestBetween(t *testing.T) {
	var got []string
	for _, v := range Embedded().Between(TLSBR, day("2020-02-01"), day("2020-07-01")) {
		got = append(got, v.Number+" "+v.Effective.Format("2006-01-02"))
	}
	if len(got) == 0 || !strings.HasPrefix(got[0], "1.6.8 ") {
		t.Errorf("between: %v", got)
	}
	first := Embedded().Between(TLSBR, day("2020-02-01"), day("2020-07-01"))[0].Effective
	if len(Embedded().Between(TLSBR, first, first.AddDate(0, 0, 1))) == 0 {
		t.Error("a version that became effective in the first second of the period is not in it")
	}
	for _, v := range Embedded().Between(TLSBR, day("2020-01-01"), first) {
		if v.Effective.Equal(first) {
			t.Error("the end of the period belongs to the next one")
		}
	}
	if after := Embedded().After(TLSBR, "2.2.6"); len(after) == 0 || after[0].Number != "2.2.7" {
		t.Errorf("after 2.2.6: %v", after)
	}
}

func FuzzParseRegister(f *testing.F) {
	f.Add([]byte("\ufeffdocument;version;effective;reviewed_by;reviewed_on;impact;change;approved_by\r\nTLS-BR;2.2.6;2026-01-01;A;2026-05-02;'=1;;B\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseRegister(data)
		if err != nil {
			return
		}
		raw, err := r.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseRegister(raw)
		if err != nil {
			t.Fatalf("%v of\n%q", err, raw)
		}
		if len(again.Reviews) != len(r.Reviews) {
			t.Errorf("%d reviews, read again %d", len(r.Reviews), len(again.Reviews))
		}
		for i := range r.Reviews {
			if again.Reviews[i] != r.Reviews[i] {
				t.Errorf("%+v reads back as %+v", r.Reviews[i], again.Reviews[i])
			}
		}
	})
}
