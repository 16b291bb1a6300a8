package sampler

import "testing"

// TestRegistrationAuthorityDoubles: where a registration authority does the final
// cross-correlation, or the CA does not say that none does, six percent of EV (EVG 8.1.1)
// and of each kind of code signing certificates (CSBR 8.7) are due; with the declaration
// three. No other class is touched, and no setting goes below it.
func TestRegistrationAuthorityDoubles(t *testing.T) {
	low := []SnapshotStratumRule{{Label: "ra", RateBP: 300}}
	for _, tc := range []struct {
		evRA  string
		rules []SnapshotStratumRule
		want  map[Class]int64 // drawn of 1000 each
	}{
		{"", nil, map[Class]int64{ClassDV: 30, ClassEV: 60, ClassCS: 60, ClassCSEV: 60, ClassSMIME: 30}},
		{"North RA", nil, map[Class]int64{ClassDV: 30, ClassEV: 60, ClassCS: 60, ClassCSEV: 60, ClassSMIME: 30}},
		{"", low, map[Class]int64{ClassDV: 30, ClassEV: 60, ClassCS: 60, ClassCSEV: 60, ClassSMIME: 30}},
		{EVRANone, nil, map[Class]int64{ClassDV: 30, ClassEV: 30, ClassCS: 30, ClassCSEV: 30, ClassSMIME: 30}},
	} {
		counts := map[StratumID]int64{}
		for class := range tc.want {
			counts[StratumID{Issuer: KeyHash{1}, Class: class, Label: "ra"}] = 1000
		}
		plan, err := Rules{EVRA: tc.evRA, Strata: tc.rules}.Plan(counts)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range plan {
			if s.Sample != tc.want[s.ID.Class] {
				t.Errorf("ev_ra %q, rules %v: %d of 1000 %s drawn, want %d", tc.evRA, tc.rules, s.Sample, s.ID.Class, tc.want[s.ID.Class])
			}
		}
	}
}
