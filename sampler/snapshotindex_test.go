package sampler

import (
	"strings"
	"testing"
)

func TestSnapshotIndex(t *testing.T) {
	good := func() *SnapshotIndex {
		return &SnapshotIndex{Name: "crt.sh", Server: "postgresql://guest@crt.sh:5432/certwatch", AskedAt: "2026-10-02T08:00:00Z",
			NotBeforeFrom: "2026-06-29T00:00:00Z", NotBeforeUntil: "2026-10-03T00:00:00Z", Certificates: 5, Kept: 4, Complete: true,
			Issuers: []SnapshotIndexIssuer{{}, {CAs: []SnapshotIndexCA{{ID: 1, Certificates: 2, AskedUntil: "2026-10-03T00:00:00Z"}, {ID: 2, Certificates: 3, AskedUntil: "2026-10-03T00:00:00Z"}}}}}
	}
	if err := good().check(); err != nil {
		t.Error(err)
	}
	if err := (*SnapshotIndex)(nil).check(); err != nil {
		t.Error(err)
	}
	if got := good().complete(); got.Issuers[0].CAs == nil {
		t.Error("a list is missing")
	}
	for want, change := range map[string]func(*SnapshotIndex){
		"asked_at":                        func(x *SnapshotIndex) { x.AskedAt = "yesterday" },
		"not_before_until":                func(x *SnapshotIndex) { x.NotBeforeUntil = "" },
		"no name":                         func(x *SnapshotIndex) { x.Name = "" },
		"complete, and yet a reason":      func(x *SnapshotIndex) { x.Reason = "tired" },
		"not complete, and no reason":     func(x *SnapshotIndex) { x.Complete, x.Reason = false, " " },
		"5 certificates, of which 6 kept": func(x *SnapshotIndex) { x.Kept = 6 },
		"6 certificates, but its CAs":     func(x *SnapshotIndex) { x.Certificates = 6 },
		"was asked only until":            func(x *SnapshotIndex) { x.Issuers[1].CAs[0].AskedUntil = "2026-07-01T00:00:00Z" },
		"CA 2: asked_until":               func(x *SnapshotIndex) { x.Issuers[1].CAs[1].AskedUntil = "x" },
		"CA 1 with -2 certificates":       func(x *SnapshotIndex) { x.Issuers[1].CAs[0].Certificates = -2 },
	} {
		x := good()
		change(x)
		if err := x.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestIndexOfAllIssuers: complete is said only of an index that was asked for every issuer.
func TestIndexOfAllIssuers(t *testing.T) {
	s := &Snapshot{Issuers: []SnapshotIssuer{{KeySHA256: KeyHash{1}}, {KeySHA256: KeyHash{2}}}, Index: &SnapshotIndex{Complete: true, Issuers: []SnapshotIndexIssuer{{KeySHA256: KeyHash{1}}, {KeySHA256: KeyHash{2}}}}}
	if err := s.checkIndexIssuers(); err != nil {
		t.Error(err)
	}
	s.Index.Issuers = s.Index.Issuers[:1]
	if err := s.checkIndexIssuers(); err == nil || !strings.Contains(err.Error(), "complete, and yet") {
		t.Errorf("one of two issuers: %v", err)
	}
	s.Index.Complete = false
	if err := s.checkIndexIssuers(); err != nil {
		t.Error(err)
	}
}

// TestNegativeCounts: sums that add up only with numbers below zero are refused.
func TestNegativeCounts(t *testing.T) {
	for name, c := range map[string]ReconciliationCounts{
		"not covered": {Population: 10, NotCovered: -5, Covered: 15, InRecords: 15, InBoth: 15, ItemsInRecords: 15},
		"not proven":  {Population: 10, Covered: 10, InRecords: 10, InBoth: 12, NotProven: -2, ItemsInRecords: 10},
		"only in CT":  {Population: 10, Covered: 10, InRecords: 9, InBoth: 9, NotInRecords: 1, OnlyInCT: -1, OnlyInFiles: 2, ItemsInRecords: 9},
		"waiting":     {Population: 1, Covered: 1, InRecords: 1, InBoth: 1, ItemsInRecords: 1, RecordsWaiting: -1},
	} {
		if err := c.check(); err == nil || !strings.Contains(err.Error(), "below zero") {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := &Reconciliation{Schema: ReconciliationSchema, Counts: ReconciliationCounts{Rows: 2, Population: 2, NotCovered: 0, Covered: 2, InRecords: 2, InBoth: 2, ItemsInRecords: 2},
		Issuers: []ReconciliationIssuer{{Population: 1, InRecords: 2, InBoth: 2}, {Population: 1}}}
	if err := r.check(); err == nil || !strings.Contains(err.Error(), "2 of its 1 items") {
		t.Errorf("more in the records than there are: %v", err)
	}
	records := ReconciliationCounts{Rows: 9, RowsExcluded: 1, ItemsInRecords: 7, RecordsWaiting: 2, RecordsTooOld: 1, RecordsEarlier: 1, Population: 3, Covered: 3, InRecords: 3, InBoth: 3, Duplicates: 1}
	if err := records.check(); err != nil {
		t.Error(err)
	}
	for name, edit := range map[string]func(c *ReconciliationCounts){
		"one more in the records": func(c *ReconciliationCounts) { c.ItemsInRecords++ },
		"one waits less":          func(c *ReconciliationCounts) { c.RecordsWaiting-- },
		"fewer rows than items":   func(c *ReconciliationCounts) { c.Rows-- },
		"one more with two rows":  func(c *ReconciliationCounts) { c.Duplicates++ },
	} {
		c := records
		if edit(&c); c.check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := (SnapshotCounts{ItemsSeen: 1, Population: 2, Waiting: -1}).check(); err == nil {
		t.Error("a negative number of waiting items is accepted")
	}
}
