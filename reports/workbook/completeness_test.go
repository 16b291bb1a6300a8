package workbook

import (
	"fmt"
	"strings"
	"testing"

	"selfaudit/sampler"
)

func TestCompletenessStatement(t *testing.T) {
	b := new(book)
	if got := b.completenessStatement([]string{"One.", "Two."}); got != "One.\nTwo." {
		t.Errorf("got %q", got)
	}
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf("Log %d: %s.", i, strings.Repeat("x", 5000)))
	}
	many = append(many, "The population is complete against nothing.")
	got := b.completenessStatement(many)
	if !strings.Contains(got, many[100]) || !strings.HasSuffix(got, "\n41 sentences more of this statement in draw/snapshot.json.") {
		t.Errorf("the end of a long statement is %q", got[len(got)-200:])
	}
	if len(got) > maxCellText {
		t.Errorf("%d bytes do not fit a cell", len(got))
	}
}

func TestLookedUpText(t *testing.T) {
	l := &sampler.SnapshotLog{LookedUp: 3000, ProvenSCTs: 2999, TimestampMS: 1_793_664_000_000}
	if got := lookedUpText("Alpha", l); !strings.Contains(got, "2,999 of 3,000 SCTs") || !strings.Contains(got, "2026-11-03 00:00:00 UTC") {
		t.Errorf("got %q", got)
	}
	if got := lookedUpText("Beta", &sampler.SnapshotLog{}); !strings.Contains(got, "Not asked") {
		t.Errorf("got %q", got)
	}
}
