package sampler

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestLabels(t *testing.T) {
	by := []string{"registration_authority"}
	got, err := Labels(by, [][]string{{"North RA"}, {"north-ra"}, {"South/RA"}, {""}, {"Unassigned"}, {"東京"}, {strings.Repeat("long ", 20)}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"South/RA": "south-ra", "": "unassigned"}
	for text, label := range want {
		if l := got[LabelText(by, []string{text})]; l != label {
			t.Errorf("%q has label %q, want %q", text, l, label)
		}
	}
	for text, prefix := range map[string]string{"North RA": "north-ra-", "north-ra": "north-ra-", "Unassigned": "unassigned-", "東京": "x-", strings.Repeat("long ", 20): "long-long-long-long-lon-"} {
		l := got[LabelText(by, []string{text})]
		if !strings.HasPrefix(l, prefix) || len(l) != len(prefix)+8 {
			t.Errorf("%q has label %q, want %s and a hash", text, l, prefix)
		}
	}
	german := []string{"Größe Süd", "Große Sud", "GRÖSSE SÜD", "Bureau d’enregistrement Île-de-France", "Łódź", "Zürich", "Zu\u0308rich", "Ǆ", "İstanbul"}
	var values [][]string
	for _, text := range german {
		values = append(values, []string{text})
	}
	if got, err = Labels(by, values); err != nil {
		t.Fatal(err)
	}
	for i, label := range []string{"groesse-sued-*", "grosse-sud", "groesse-sued-*", "bureau-d-enregistrement-*", "lodz", "zuerich-*", "zuerich-*", "x-*", "istanbul"} {
		prefix, hashed := strings.CutSuffix(label, "*")
		if l := got[LabelText(by, values[i])]; !strings.HasPrefix(l, prefix) || hashed && len(l) != len(prefix)+8 || !hashed && l != label {
			t.Errorf("%q has label %q, want %s", german[i], l, label)
		}
	}
	two := []string{"registration_authority", "profile"}
	if plain, _ := LabelForms(two, []string{"North", ""}); plain != "north-unassigned" {
		t.Errorf("of two columns: %q", plain)
	}
	if LabelText(two, []string{`a"; profile="b`, ""}) == LabelText(two, []string{"a", "b"}) {
		t.Error("different values have one text")
	}
}

// TestLabelsProperties: labels are valid, one for each text, and do not depend on the order.
func TestLabelsProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.SampledFrom([]string{"", "A", "a", "A B", "a-b", "a--b", "ü", "ue", "u\u0308", "unassigned", strings.Repeat("x", 40), strings.Repeat("x", 41), "a;b", "x\x1b[0m"}), 0, 12).Draw(t, "texts")
		by := []string{"profile"}
		var forward, backward [][]string
		for i := range texts {
			forward = append(forward, []string{texts[i]})
			backward = append(backward, []string{texts[len(texts)-1-i]})
		}
		a, err := Labels(by, forward)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Labels(by, backward)
		if err != nil || len(a) != len(b) {
			t.Fatalf("%v, %v: %v", a, b, err)
		}
		seen := map[string]bool{}
		for text, label := range a {
			if b[text] != label || !validLabel(label) || seen[label] {
				t.Fatalf("%q has label %q, and %q backwards", text, label, b[text])
			}
			seen[label] = true
			found := false
			for _, v := range forward {
				plain, hashed := LabelForms(by, v)
				found = found || LabelText(by, v) == text && (label == plain || label == hashed)
			}
			if !found {
				t.Fatalf("%q: %q is none of its two forms", text, label)
			}
		}
	})
}

// TestStratumRules decides rate and floor of single strata, never below what a class
// requires.
func TestStratumRules(t *testing.T) {
	one, two := KeyHash{1}, KeyHash{2}
	counts := map[StratumID]int64{
		{Issuer: one, Class: ClassDV, Label: "a"}: 1000, {Issuer: one, Class: ClassDV, Label: "b"}: 1000, {Issuer: two, Class: ClassEV}: 1000,
		{Issuer: one, Class: ClassSMIME, Label: "a"}: 30, {Issuer: one, Class: ClassSMIME, Label: "b"}: 10,
	}
	r := Rules{RateBP: 500, Strata: []SnapshotStratumRule{{RateBP: 1000}, {Class: ClassDV, Label: "a", RateBP: 300}, {Issuer: two, RateBP: 300, Floor: 7}, {Label: "b", Floor: 200}}}
	plan, err := r.Plan(counts)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	var smime int64
	for _, s := range plan {
		got[string(s.ID.Class)+"/"+s.ID.Label] = s.Sample
		if s.ID.Class == ClassSMIME {
			smime += s.Sample
		}
	}
	if got["dv/a"] != 30 || got["dv/b"] != 200 || got["ev/"] != 60 || smime < 30 {
		t.Errorf("samples %v", got)
	}
	for _, bad := range []struct {
		rule SnapshotStratumRule
		want string
	}{
		{SnapshotStratumRule{RateBP: 200}, "BR 8.7"}, {SnapshotStratumRule{Class: ClassEV, RateBP: 300}, "EVG 8.1.1"}, {SnapshotStratumRule{Class: ClassCSEV, RateBP: 300}, "CSBR 8.7"},
		{SnapshotStratumRule{Class: ClassCS, RateBP: 599}, "CSBR 8.7"},
		{SnapshotStratumRule{Class: ClassOther, RateBP: 300}, "draw protocol 4"}, {SnapshotStratumRule{Class: ClassDV}, "neither rate nor floor"}, {SnapshotStratumRule{Floor: -1}, "floor"},
	} {
		if err := (Rules{Strata: []SnapshotStratumRule{bad.rule}}).Validate(); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%+v: %v, want %s", bad.rule, err, bad.want)
		}
	}
	if err := (Rules{EVRA: EVRANone, Strata: []SnapshotStratumRule{{Class: ClassEV, RateBP: 300}, {Class: ClassCS, RateBP: 300}, {Class: ClassCSEV, RateBP: 300}}}).Validate(); err != nil {
		t.Error(err)
	}
}

// TestSMIMEOverLabels: however the S/MIME items of a CA are divided, at least 30 are drawn,
// or all (SBR 8.7 counts per CA).
func TestSMIMEOverLabels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counts := map[StratumID]int64{}
		var all int64
		for i, n := range rapid.SliceOfN(rapid.Int64Range(1, 2000), 1, 8).Draw(t, "sizes") {
			counts[StratumID{Issuer: KeyHash{byte(i % 3)}, Class: ClassSMIME, Label: string(rune('a' + i))}] = n
			all += n
		}
		plan, err := (Rules{}).Plan(counts)
		if err != nil {
			t.Fatal(err)
		}
		var sample int64
		for _, s := range plan {
			sample += s.Sample
		}
		if sample < min(all, max(30, (3*all+99)/100)) {
			t.Fatalf("%d of %d drawn", sample, all)
		}
	})
}
