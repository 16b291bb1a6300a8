package sampler

import (
	"strings"
	"testing"
)

func TestEvidence(t *testing.T) {
	h := HashDoc([]byte("x"))
	for _, name := range []string{"last.pdf", "a b.pdf", "odd sha256:name.pdf", "="} {
		got, hash, ok := ParseEvidence(FormatEvidence(name, h))
		if !ok || got != name || hash != h {
			t.Errorf("%q came back as %q, %s, %v", name, got, hash, ok)
		}
	}
	for _, bad := range []string{"", "none", "a letter of the auditor", " sha256:" + h.String(), "x sha256:" + strings.ToUpper(h.String()), "x sha256:12"} {
		if _, _, ok := ParseEvidence(bad); ok {
			t.Errorf("%q was taken for a document's name and hash", bad)
		}
	}
}

func TestChainRemarks(t *testing.T) {
	evidence := FormatEvidence("q2.pdf", HashDoc([]byte("x")))
	const start = "2026-07-01T00:00:00Z"
	for _, tc := range []struct {
		name                   string
		evidence, reason, last string
		open                   int
		want                   []string
	}{
		{"nothing", NoEvidence, NoChainReason, "", 1, []string{"WITHOUT EVIDENCE"}},
		{"no reason at all", "", "", "", 1, []string{"WITHOUT EVIDENCE"}},
		{"reason", NoEvidence, "a new CA", "", 0, []string{"reason: a new CA"}},
		{"document", evidence, "first", "", 0, []string{`"q2.pdf"`, "would not show"}},
		{"no gap", evidence, "first", start, 0, []string{"no gap"}},
		{"gap of days", evidence, "", "2026-06-20T00:00:00Z", 1, []string{"GAP of 11 days", "(BR 8.7); the CA gives no reason"}},
		{"gap, the program's words", evidence, FirstAuditReason, "2026-06-20T00:00:00Z", 1, []string{"GAP of 11 days", "(BR 8.7); the CA gives no reason"}},
		{"gap of hours, explained", evidence, "nobody was there", "2026-06-30T12:00:00Z", 1, []string{"GAP of 12 hours", "; the CA's reason: nobody was there"}},
		{"gap of a second", NoEvidence, "x", "2026-06-30T23:59:59Z", 1, []string{"GAP of 1 second:"}},
		{"overlap", evidence, "", "2026-07-01T00:05:00Z", 0, []string{"overlap of 5 minutes"}},
		{"gap without evidence", NoEvidence, NoChainReason, "2026-06-01T00:00:00Z", 2, []string{"WITHOUT EVIDENCE", "GAP of 30 days"}},
		{"no hash", "a letter", "", "", 1, []string{"no document's name and hash"}},
	} {
		s := &Snapshot{Chain: SnapshotChain{Start: start, Evidence: tc.evidence, Reason: tc.reason, LastSample: tc.last}}
		open, text := 0, ""
		for _, r := range s.ChainRemarks() {
			if r.Open {
				open++
			}
			text += r.Text + "\n"
		}
		if open != tc.open {
			t.Errorf("%s: %d open, want %d:\n%s", tc.name, open, tc.open, text)
		}
		for _, w := range tc.want {
			if !strings.Contains(text, w) {
				t.Errorf("%s: %q is missing in:\n%s", tc.name, w, text)
			}
		}
	}
}

// TestMinimum compares the setting with the formula of the proposal, max(min(5, N), ceil(3 %)).
func TestMinimum(t *testing.T) {
	id := StratumID{Class: ClassDV}
	for _, n := range []int64{1, 4, 5, 6, 34, 166, 167, 200, 1000} {
		for _, own := range []int64{0, 1, 3, 8} {
			r := Rules{Minimum: 5, Issuers: map[KeyHash]IssuerRule{{}: {Floor: own}}}
			plan, err := r.Plan(map[StratumID]int64{id: n})
			if err != nil {
				t.Fatal(err)
			}
			want := max(min(5, n), (3*n+99)/100, min(own, n))
			if plan[0].Sample != want {
				t.Errorf("%d items, own floor %d: %d drawn, want %d", n, own, plan[0].Sample, want)
			}
		}
	}
	if err := (Rules{Minimum: -1}).Validate(); err == nil || !strings.Contains(err.Error(), "issue 83") {
		t.Errorf("a negative minimum: %v", err)
	}
}
