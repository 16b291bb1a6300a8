package sampler

import (
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestLabelWords(t *testing.T) {
	long := strings.Repeat("ü", 200)
	two := []string{"registration_authority", "profile"}
	for _, tc := range []struct {
		by     []string
		values []string
		want   string
	}{
		{two[:1], []string{"Zürich Nord"}, "Zürich Nord"},
		{two, []string{"Zürich Nord", "3.2.2.4.7"}, "Zürich Nord / 3.2.2.4.7"},
		{two, []string{`"; profile="`, ""}, `"; profile=" / unassigned`},
		{two[:1], []string{long}, long[:2*97] + "..."},
		{two[:1], []string{"a\tb\nc"}, "a\tb\nc"},
	} {
		got := LabelWords(tc.by, []SnapshotLabel{{"slug", LabelText(tc.by, tc.values)}, {"unassigned", "nothing in these columns, or no row"}})
		if !maps.Equal(got, map[string]string{"slug": tc.want}) {
			t.Errorf("%q gives %q, want %q", tc.values, got, tc.want)
		}
	}
	for _, bad := range []string{"", "Zürich", `registration_authority="x`, `registration_authority="x"; profile="y"`, `profile="x"`} {
		if got := LabelWords(two[:1], []SnapshotLabel{{"slug", bad}}); len(got) != 0 {
			t.Errorf("%q gives %q", bad, got)
		}
	}
}

// TestStratumNamesTheText: the label of a stratum has the CA's own text, escaped as the
// protocol says (section 4), and people read it as it was written; the id keeps the slug.
func TestStratumNamesTheText(t *testing.T) {
	id := StratumID{Issuer: KeyHash{1}, Class: ClassDV, Label: "zuerich-nord"}
	r := Rules{Issuers: map[KeyHash]IssuerRule{{1}: {Label: "DV1"}}, Labels: map[string]string{"zuerich-nord": "Zürich Nord \U0001f510"}}
	plan, err := r.Plan(map[StratumID]int64{id: 1, {Issuer: KeyHash{1}, Class: ClassDV, Label: "other-ra"}: 1})
	if err != nil {
		t.Fatal(err)
	}
	if s := plan[1]; s.Label != `DV1 DV Z\u00fcrich Nord \ud83d\udd10` || s.Text() != "DV1 DV Zürich Nord \U0001f510" || s.ID != id {
		t.Errorf("%+v, read as %q", s, s.Text())
	}
	if plan[0].Label != "DV1 DV other-ra" {
		t.Errorf("a label without text is %q", plan[0].Label)
	}
	if _, err := FormatStrata(plan); err != nil {
		t.Error(err)
	}
}

// TestUnescapeLabel: what has no backslash comes back as it was.
func TestUnescapeLabel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[^\\]+`).Draw(t, "text")
		if got := unescapeLabel(EscapeLabel(s)); got != s {
			t.Fatalf("%q came back as %q", s, got)
		}
	})
	for _, s := range []string{`\`, `\u`, `\u12`, `\uzzzz`, `\ud83d`, `\ud83d\u0041`, `\ud83dx`} {
		unescapeLabel(s) // no panic; what it shows is for people
	}
}
