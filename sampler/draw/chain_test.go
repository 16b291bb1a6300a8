package draw

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"selfaudit/sampler"
)

// chainOfThree makes three linked audits, newest first, with given populations.
func chainOfThree(t *testing.T, audits [3]audit) [3]fstest.MapFS {
	t.Helper()
	var out [3]fstest.MapFS
	var previous sampler.DocHash
	for i := range 3 {
		start := time.Date(2026, time.Month(1+3*i), 1, 0, 0, 0, 0, time.UTC)
		files := drawFolder(t, dicePlan{audit: audits[i], mode: sampler.ModeAudit, start: start, end: start.AddDate(0, 3, 0),
			chainStart: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), previous: previous, lag: 48 * time.Hour})
		previous = sampler.HashDoc(files["commitment.txt"].Data)
		out[2-i] = files
	}
	return out
}

// slice returns the audit with the rows [from, to) of one larger population,
// dated into quarter q.
func slice(t *testing.T, rows []sampler.Row, q int) audit {
	t.Helper()
	a := audit{rows: slices.Clone(rows)}
	counts := map[sampler.StratumID]int64{}
	for i := range a.rows {
		a.rows[i].Issued = time.Date(2026, time.Month(1+3*q), 5, 0, 0, 0, 0, time.UTC)
		counts[a.rows[i].Stratum]++
	}
	var err error
	if a.strata, err = (sampler.Rules{}).Plan(counts); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestCheckChain(t *testing.T) {
	rows := synthetic(300, 3).rows // one issuer per hundred
	good := [3]audit{slice(t, rows[:150], 0), slice(t, rows[150:160], 1), slice(t, rows[160:], 2)}
	chain := chainOfThree(t, good)
	notes, err := CheckChain(chain[0], chain[1], chain[2])
	if err != nil || len(notes) != 0 {
		t.Errorf("%q, %v", notes, err)
	}
	notes, err = CheckChain(chain[1], chain[2])
	if err != nil || !slices.Equal(notes, []string{"1 issuer keys of the previous audit have no item in this one"}) {
		t.Errorf("%q, %v", notes, err)
	}
	notes, err = CheckChain(chain[0], chain[1])
	if err != nil || len(notes) != 1 || !strings.HasPrefix(notes[0], "chain not checked before 2026-04-01T00:00:00Z") {
		t.Errorf("%q, %v", notes, err)
	}
	twice := chainOfThree(t, [3]audit{good[0], good[1], slice(t, rows[140:], 2)})
	changed := fstest.MapFS{"commitment.txt": chain[1]["commitment.txt"], "population.tsv": chain[2]["population.tsv"]}
	for name, folders := range map[string][]fstest.MapFS{
		"an audit left out":      {chain[0], chain[2]},
		"itself":                 {chain[0], chain[0]},
		"an item twice":          {twice[0], twice[1], twice[2]},
		"another population":     {chain[0], changed},
		"an empty folder":        {chain[0], {}},
		"no current audit":       {{}, chain[1]},
		"no earlier population":  {chain[0], {"commitment.txt": chain[1]["commitment.txt"]}},
		"beyond the first audit": {chain[2], chain[1]},
	} {
		var earlier []fstest.MapFS
		earlier = append(earlier, folders[1:]...)
		if notes, err := checkChainOf(folders[0], earlier); err == nil {
			t.Errorf("%s: accepted with notes %q", name, notes)
		}
	}
}

// TestChainOrder says which order is wanted, or what is missing.
func TestChainOrder(t *testing.T) {
	rows := synthetic(300, 3).rows
	chain := chainOfThree(t, [3]audit{slice(t, rows[:150], 0), slice(t, rows[150:160], 1), slice(t, rows[160:], 2)})
	ids := make([]string, 3)
	for i, folder := range chain {
		_, c, err := readCommitment(folder)
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = fmt.Sprintf("%s (from %s)", c.AuditID, c.PeriodStart.Format(time.DateOnly))
	}
	for _, tt := range []struct {
		current, first, second int
		want                   string
	}{
		{0, 2, 1, "must be given newest first: " + ids[1] + ", " + ids[2] + "; given were " + ids[2] + ", " + ids[1]},
		{0, 1, 1, "earlier audit 2, test-1, is given twice"},
		{0, 2, 2, "is given twice"},
		{2, 1, 0, "the chain begins with audit test-1: "},
		{0, 1, 0, "follows the commitment with SHA-256 "},
	} {
		_, err := CheckChain(chain[tt.current], chain[tt.first], chain[tt.second])
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("audit %d after %d and %d: %v, want %s", tt.current, tt.first, tt.second, err, tt.want)
		}
	}
	if _, err := CheckChain(chain[0], chain[2]); err == nil || !strings.Contains(err.Error(), "give all earlier audits, newest first, without a gap") {
		t.Errorf("a gap: %v", err)
	}
}

func checkChainOf(current fstest.MapFS, earlier []fstest.MapFS) ([]string, error) {
	switch len(earlier) {
	case 1:
		return CheckChain(current, earlier[0])
	default:
		return CheckChain(current, earlier[0], earlier[1])
	}
}

func TestReferenceAcceptsOurChain(t *testing.T) {
	ref := findReference(t)
	rows := synthetic(300, 3).rows
	chain := chainOfThree(t, [3]audit{slice(t, rows[:150], 0), slice(t, rows[150:160], 1), slice(t, rows[160:], 2)})
	if _, output, ok := ref.verify(t, t.TempDir(), chain[0], chain[1], chain[2]); !ok {
		t.Error(output)
	}
}

func TestNotes(t *testing.T) {
	c := &sampler.Commitment{Mode: sampler.ModeAudit, PreviousCommitment: sampler.DocHash{1}, PeriodEnd: testEnd,
		Beacon: sampler.BeaconDrand, BeaconChain: sampler.Quicknet.Hash, DrawLeadDays: 3, BeaconTime: testEnd.AddDate(0, 0, 3)}
	if notes := append(Notes(c, nil, 0), ClosingNotes(c)...); len(notes) != 0 {
		t.Errorf("an audit with all defaults has notes %q", notes)
	}
	c.DrawLeadDays, c.BeaconChain = 20, sampler.DefaultChain.Hash
	c.BeaconTime = testEnd.AddDate(0, 0, 20)
	strata := []sampler.Stratum{
		{ID: sampler.StratumID{Class: sampler.ClassEV}, Population: 9, RateBP: 300, Sample: 1},
		{ID: sampler.StratumID{Class: sampler.ClassOther, Label: "x"}, Population: 9, RateBP: 300, Sample: 1},
		{ID: sampler.StratumID{Class: sampler.ClassSMIME}, Population: 90, RateBP: 300, Sample: 3},
	}
	want := []string{
		"beacon is not drand quicknet", "draw-lead-days is not 3", "7 late items (issued before period-start)",
		"1 strata with a label of the CA's own", "1 strata of class ev below 600 basis points",
		"1 strata of class other below 10000 basis points", "fewer than 30 S/MIME certificates drawn",
		"drawn 20 days after the period ended",
	}
	if notes := append(Notes(c, strata, 7), ClosingNotes(c)...); !slices.Equal(notes, want) {
		t.Errorf("notes are %q", notes)
	}
}

// TestCodeSigningNotes: CSBR 8.7 doubles the rate of Non-EV code signing certificates too.
func TestCodeSigningNotes(t *testing.T) {
	strata := []sampler.Stratum{{ID: sampler.StratumID{Class: sampler.ClassCS}, RateBP: 600}, {ID: sampler.StratumID{Class: sampler.ClassDV}, RateBP: 300}}
	if notes := CodeSigningNotes(strata); notes != nil {
		t.Errorf("notes %q", notes)
	}
	strata[0].RateBP = 599
	if notes := CodeSigningNotes(strata); !slices.Equal(notes, []string{"1 strata of class cs below 600 basis points"}) {
		t.Errorf("notes %q", notes)
	}
}
