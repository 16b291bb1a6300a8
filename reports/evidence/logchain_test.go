package evidence

import (
	"strings"
	"testing"
	"time"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

var chainLogA, chainLogB = strings.Repeat("ab", 32), strings.Repeat("cd", 32)

// headOf is a log as a snapshot has it that looked into it.
func headOf(id string, size uint64, root string) sampler.SnapshotLog {
	return sampler.SnapshotLog{LogID: id, URL: "https://" + id[:2], Status: sampler.LogLookedUp, Coverage: sampler.CoverageEntries, TreeSize: size, RootHash: root, LookedUp: 1}
}

func auditBefore(id string, logs ...sampler.SnapshotLog) *earlierDocs {
	return &earlierDocs{commitment: &sampler.Commitment{AuditID: id}, snapshot: &sampler.Snapshot{AuditID: id, Logs: logs}}
}

// chainOf is a verifier of an audit that has these logs, after others, newest first.
func chainOf(earlier []*earlierDocs, logs ...sampler.SnapshotLog) *verifier {
	v := &verifier{report: &Report{}, data: newTree(nil, nil), docs: documentSet{earlier: earlier, snapshot: &sampler.Snapshot{AuditID: "now", Logs: logs},
		commitment: &sampler.Commitment{AuditID: "now", ChainStart: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}, logs: map[string]*log{}}}
	for i := range logs {
		v.docs.logs[logs[i].LogID] = &log{listed: &v.docs.snapshot.Logs[i], proven: logs[i].HasHead()}
	}
	return v
}

func tiedTo(l sampler.SnapshotLog, audit string, size uint64, root string) sampler.SnapshotLog {
	l.Previous = &sampler.SnapshotPrevious{AuditID: audit, TreeSize: size, RootHash: root}
	return l
}

// TestLogChain tells whether what the audits of a chain say of their logs can be of one tree each.
func TestLogChain(t *testing.T) {
	r := func(c string) string { return strings.Repeat(c, 64) }
	excluded := sampler.SnapshotLog{LogID: chainLogA, URL: "https://ab", Status: sampler.LogExcluded, Reason: "it was shut down"}
	unnamed := sampler.SnapshotLog{LogID: chainLogA, Status: sampler.LogLookedUp, Coverage: sampler.CoverageEntries}
	readOn := func(first uint64, cursor sampler.LogCursor) sampler.SnapshotLog {
		l := headOf(chainLogA, 60_000, r("6"))
		l.Status, l.Coverage, l.LookedUp, l.FirstEntry, l.FirstReason = sampler.LogProven, sampler.CoverageRange, 0, first, sampler.StartRule{Cursor: &cursor}.CursorReason()
		return tiedTo(l, "before", 50_000, r("5"))
	}
	before := headOf(chainLogA, 50_000, r("5"))
	before.Status, before.Coverage, before.LookedUp, before.Cursor = sampler.LogProven, sampler.CoverageWhole, 0, &sampler.SnapshotCursor{NextFirstEntry: 40_000}
	partly := auditBefore("before", headOf(chainLogB, 9, r("9")))
	partly.commitment.PreviousCommitment = sampler.DocHash{1}
	for name, c := range map[string]struct {
		earlier []*earlierDocs
		log     sampler.SnapshotLog
		want    string // in a failure, or in a note
	}{
		"looked into, and grown":       {[]*earlierDocs{auditBefore("before", headOf(chainLogA, 50_000, r("5")))}, tiedTo(headOf(chainLogA, 60_000, r("6")), "before", 50_000, r("5")), "ok: 1 log contains"},
		"looked into, not tied":        {[]*earlierDocs{auditBefore("before", headOf(chainLogA, 50_000, r("5")))}, headOf(chainLogA, 60_000, r("6")), "FAIL: does not say that the log only grew since"},
		"looked into, tied to another": {[]*earlierDocs{auditBefore("before", headOf(chainLogA, 50_000, r("5")))}, tiedTo(headOf(chainLogA, 60_000, r("6")), "before", 50_000, r("4")), "FAIL: previous is audit before"},
		"tied to an audit without it":  {[]*earlierDocs{auditBefore("before", headOf(chainLogB, 9, r("9")))}, tiedTo(headOf(chainLogA, 60_000, r("6")), "before", 50_000, r("5")), "FAIL: has no tree head of the log"},
		"tied to one that is not given, and given in part": {[]*earlierDocs{partly},
			tiedTo(headOf(chainLogA, 60_000, r("6")), "first", 50_000, r("5")), "ok: 1 log contains"},
		"tied to one given that lacks it, and given in part": {[]*earlierDocs{partly}, tiedTo(headOf(chainLogA, 60_000, r("6")), "before", 50_000, r("5")), "FAIL: has no tree head of the log"},
		"excluded":         {[]*earlierDocs{auditBefore("before", headOf(chainLogA, 50_000, r("5")))}, excluded, "note: was used by audit before and is not read in this one: it was shut down"},
		"excluded for two": {[]*earlierDocs{auditBefore("before", excluded), auditBefore("first", headOf(chainLogA, 50_000, r("5")))}, excluded, "note: was used by audit first and is not read in this one: it was shut down"},
		"not asked":        {[]*earlierDocs{auditBefore("before", headOf(chainLogA, 50_000, r("5")))}, unnamed, "note: was used by audit before and was not asked in this one"},
		"not configured":   {[]*earlierDocs{auditBefore("before", headOf(chainLogA, 50_000, r("5")))}, headOf(chainLogB, 3, r("3")), "note: was used by audit before and is not in this one"},
		"another root two audits ago": {[]*earlierDocs{auditBefore("before", headOf(chainLogA, 50_000, r("5"))), auditBefore("first", headOf(chainLogA, 50_000, r("4")))},
			tiedTo(headOf(chainLogA, 50_000, r("5")), "before", 50_000, r("5")), "FAIL: two trees of 50000 entries"},
		"two audits before contradict each other": {[]*earlierDocs{auditBefore("before", tiedTo(headOf(chainLogA, 50_000, r("5")), "first", 30_000, r("3"))), auditBefore("first", headOf(chainLogA, 30_000, r("2")))},
			tiedTo(headOf(chainLogA, 60_000, r("6")), "before", 50_000, r("5")), "FAIL: two trees of 30000 entries"},
		"two audits before, of a log that is not used": {[]*earlierDocs{auditBefore("before", headOf(chainLogB, 50_000, r("5"))), auditBefore("first", headOf(chainLogB, 50_000, r("2")))},
			headOf(chainLogA, 60_000, r("6")), "FAIL: two trees of 50000 entries"},
		"smaller than two audits ago": {[]*earlierDocs{auditBefore("before", headOf(chainLogA, 50_000, r("5"))), auditBefore("first", headOf(chainLogA, 70_000, r("7")))},
			tiedTo(headOf(chainLogA, 60_000, r("6")), "before", 50_000, r("5")), "FAIL: 70,000 entries in audit first, and only"},
		"read on":                 {[]*earlierDocs{auditBefore("before", before)}, readOn(32_768, sampler.LogCursor{AuditID: "before", Next: 40_000}), "ok: 1 log contains"},
		"read on from between":    {[]*earlierDocs{auditBefore("before", before)}, readOn(33_000, sampler.LogCursor{AuditID: "before", Next: 40_000}), "FAIL: no multiple of 16384"},
		"read on from too early":  {[]*earlierDocs{auditBefore("before", before)}, readOn(16_384, sampler.LogCursor{AuditID: "before", Next: 40_000}), "FAIL: gives 32768"},
		"read on, another cursor": {[]*earlierDocs{auditBefore("before", before)}, readOn(32_768, sampler.LogCursor{AuditID: "before", Next: 33_000}), "FAIL: the audits before give"},
		"between, on its own":     {nil, readOn(33_000, sampler.LogCursor{AuditID: "before", Next: 40_000}), "FAIL: no multiple of 16384"},
		"a cursor, on its own":    {nil, readOn(32_768, sampler.LogCursor{AuditID: "before", Next: 40_000}), "FAIL: " + sampler.NoCursorYet},
	} {
		v := chainOf(c.earlier, c.log)
		v.checkLogChain()
		var got []string
		for _, check := range v.report.Checks {
			got = append(got, string(check.Status)+": "+check.Detail)
		}
		state, text, _ := strings.Cut(c.want, ": ")
		if !strings.Contains(strings.Join(got, "\n"), text) || v.report.Failed() != (state == "FAIL") {
			t.Errorf("%s: want %q, got\n%s", name, c.want, strings.Join(got, "\n"))
		}
	}
}

// TestSearchedByTheList: the slack of a searched start is the merge delay of the archived log list.
func TestSearchedByTheList(t *testing.T) {
	v := chainOf(nil, headOf(chainLogA, 60_000, strings.Repeat("6", 64)))
	rule := sampler.StartRule{NoCursor: sampler.NoCursorYet, Since: v.docs.commitment.ChainStart, MergeDelay: time.Minute}
	l := v.docs.logs[chainLogA].listed
	l.Status, l.Coverage, l.LookedUp, l.FirstEntry, l.FirstReason = sampler.LogProven, sampler.CoverageRange, 0, 16_384, rule.SearchReason(20_000)
	if err := l.CheckStart(v.startRule(l, time.Minute)); err != nil {
		t.Error(err)
	}
	if err := l.CheckStart(v.startRule(l, 0)); err == nil || !strings.Contains(err.Error(), "merge delay of 24 hours") {
		t.Errorf("%v", err)
	}
}

// TestCheckLookedUp verifies the proof of a log that was looked into.
func TestCheckLookedUp(t *testing.T) {
	leaves, root := treeOf(t, "", 40)
	_, before := treeOf(t, "", 21)
	_, other := treeOf(t, "other", 21)
	good := func() *log {
		l := tiedTo(headOf(chainLogA, 40, root.String()), "before", 21, before.String())
		l.Previous.Consistency = consistencyOf(t, leaves, 21)
		return &log{listed: &l, head: ct.TreeHead{Size: 40, Root: root}}
	}
	for name, c := range map[string]struct {
		edit func(p *sampler.SnapshotPrevious)
		want string
	}{
		"good":         {func(*sampler.SnapshotPrevious) {}, ""},
		"another tree": {func(p *sampler.SnapshotPrevious) { p.RootHash = other.String() }, "with audit before"},
		"no proof":     {func(p *sampler.SnapshotPrevious) { p.Consistency = nil }, "the proof is empty"},
		"same size":    {func(p *sampler.SnapshotPrevious) { p.TreeSize, p.Consistency = 40, nil }, "one size, two roots"},
	} {
		l := good()
		c.edit(l.listed.Previous)
		if err := l.checkRange(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
