package collect_test

import (
	"testing"

	"selfaudit/internal/auditdir"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/ct"
)

// TestFinalTree harvests a log of ten entries of which a list says how it ended.
func TestFinalTree(t *testing.T) {
	dir := writeLog(t, static, mixedEntries(10))
	log := openLog(t, static, dir, access{})
	_, head, err := log.Head(t.Context())
	must(t, err)
	for _, tt := range []struct {
		name  string
		final *collect.FinalTree
		want  string
	}{
		{"nothing stated", nil, proven},
		{"as stated", &collect.FinalTree{Size: 10, Root: head.Root}, proven},
		{"another root", &collect.FinalTree{Size: 10, Root: ct.Hash{2}}, failed},
		{"it grew", &collect.FinalTree{Size: 9, Root: ct.Hash{3}}, failed},
		{"an old front end", &collect.FinalTree{Size: 11, Root: ct.Hash{4}}, unreachable},
	} {
		h := &collect.Harvest{Dir: auditdir.At(t.TempDir()), Issuers: newIssuers(t, ourCA), LogKeys: map[ct.LogID][]byte{log.ID(): log.key}, Observer: quiet{}, Parallel: 1}
		source := collect.Source{Log: log.Log, HeadFile: "ct/heads/x", HashTiles: true, Final: tt.final}
		results, err := h.Logs(t.Context(), []collect.Source{source})
		must(t, err)
		if got := verdict(results[0]); got != tt.want {
			t.Errorf("%s: the log is %s, want %s: %v", tt.name, got, tt.want, results[0].Err)
		}
	}
}
