package sampler

import (
	"strings"
	"testing"
	"time"
)

// chainRule is that of an audit whose chain began in 2026.
func chainRule() StartRule {
	return StartRule{NoCursor: NoCursorYet, Since: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
}

func afterCursor(next uint64) StartRule {
	r := chainRule()
	r.Cursor, r.NoCursor = &LogCursor{AuditID: "before", Next: next}, ""
	return r
}

// readFrom is a log of 100,000 entries that was read from first on, after one of 70,000 entries.
func readFrom(first uint64, reason string) *SnapshotLog {
	l := &SnapshotLog{Status: LogProven, Coverage: CoverageWhole, TreeSize: 100_000, RootHash: strings.Repeat("ab", 32), FirstEntry: first, FirstReason: reason,
		Previous: &SnapshotPrevious{AuditID: "before", TreeSize: 70_000}}
	if first > 0 {
		l.Coverage = CoverageRange
	}
	return l
}

func TestCheckStart(t *testing.T) {
	cursor, unsure := afterCursor(60_000), afterCursor(40_000)
	unsure.NoCursor = "audit before did not look for all issuers of this one (certificate x of y), so its cursor does not say enough"
	unknown := chainRule()
	unknown.Unknown = true
	own, ownCursor := chainRule(), cursor
	own.Own, ownCursor.Own = true, true
	quick := chainRule()
	quick.MergeDelay = time.Minute
	const bound = "; and not after the 70000 entries that audit before knew"
	for name, c := range map[string]struct {
		rule StartRule
		log  *SnapshotLog
		want string // in the error; "" for none
	}{
		"cursor":                         {cursor, readFrom(49_152, cursor.CursorReason()), ""},
		"everything":                     {cursor, readFrom(0, ReadAllAsked), ""},
		"of before ranges":               {cursor, &SnapshotLog{Status: LogProven, TreeSize: 7}, ""},
		"search":                         {chainRule(), readFrom(32_768, chainRule().SearchReason(50_000)), ""},
		"search, nothing early":          {chainRule(), readFrom(0, chainRule().SearchReason(200)), ""},
		"search beside a cursor":         {unsure, readFrom(32_768, unsure.SearchReason(60_000)), ""},
		"search, bounded":                {chainRule(), readFrom(65_536, chainRule().SearchReason(99_000)+bound), ""},
		"another cursor, not at hand":    {unknown, readFrom(49_152, cursor.CursorReason()), ""},
		"a log of the CA":                {own, readFrom(0, ReadAllOwn), ""},
		"a log of the CA, read on":       {ownCursor, readFrom(49_152, cursor.CursorReason()), ""},
		"a log of the CA, searched":      {own, readFrom(32_768, chainRule().SearchReason(50_000)), "its time stamps cannot say where to begin"},
		"a log that is not the CA's":     {chainRule(), readFrom(0, ReadAllOwn), "no log of the CA is meant"},
		"no multiple":                    {cursor, readFrom(49_153, cursor.CursorReason()), "no multiple of 16384"},
		"a unit too late":                {cursor, readFrom(65_536, cursor.CursorReason()), "gives 49152"},
		"a unit too early":               {cursor, readFrom(32_768, cursor.CursorReason()), "gives 49152"},
		"all, from the middle on":        {cursor, readFrom(49_152, ReadAll), "first_reason says"},
		"another cursor":                 {cursor, readFrom(65_536, afterCursor(66_000).CursorReason()), "the audits before give"},
		"search instead of the cursor":   {cursor, readFrom(32_768, chainRule().SearchReason(33_000)), "the audits before give"},
		"a cursor that was not enough":   {unsure, readFrom(32_768, unsure.CursorReason()), "did not look for all issuers"},
		"search after such a cursor":     {unsure, readFrom(49_152, unsure.SearchReason(60_000)), "gives 32768"},
		"a cursor of nobody":             {chainRule(), readFrom(49_152, cursor.CursorReason()), NoCursorYet},
		"search, after what was found":   {chainRule(), readFrom(49_152, chainRule().SearchReason(40_000)), "gives 32768"},
		"search, another chain's start":  {chainRule(), readFrom(32_768, strings.Replace(chainRule().SearchReason(50_000), "2025-12-29", "2026-02-01", 1)), "the chain's start and the audits before give"},
		"search, a shorter merge delay":  {chainRule(), readFrom(32_768, quick.SearchReason(50_000)), "the chain's start and the audits before give"},
		"search, no number":              {chainRule(), readFrom(32_768, strings.Replace(chainRule().SearchReason(50_000), "50000", "fifty", 1)), "no number"},
		"search, more words":             {chainRule(), readFrom(32_768, chainRule().SearchReason(50_000)+", or so"), "give"},
		"bound that was not needed":      {cursor, readFrom(65_536, cursor.CursorReason()+bound), "would have begun at entry 49152 anyway"},
		"bound, not there":               {chainRule(), readFrom(49_152, chainRule().SearchReason(99_000)+bound), "first_reason says"},
		"after the tree of before":       {chainRule(), readFrom(81_920, chainRule().SearchReason(99_000)), "after the 70000 entries"},
		"made up":                        {unknown, readFrom(49_152, "it seemed enough"), "not one that this program writes"},
		"made up, no cursor":             {chainRule(), readFrom(49_152, "it seemed enough"), NoCursorYet},
		"another cursor, other first":    {unknown, readFrom(65_536, cursor.CursorReason()), "gives 49152"},
		"another cursor, other sentence": {unknown, readFrom(49_152, cursor.CursorReason()+" indeed"), "not one that this program writes"},
	} {
		if err := c.log.CheckStart(c.rule); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// Follow takes the newest cursor, and says why it is not enough.
func TestFollow(t *testing.T) {
	one, two := SnapshotIssuer{Label: "One", Certificates: []CertHash{{1}}}, SnapshotIssuer{Label: "Two", Certificates: []CertHash{{2}}}
	log := strings.Repeat("ab", 32)
	audit := func(id string, next uint64, setting IssuanceTime) EarlierSnapshot {
		l := SnapshotLog{LogID: log, Status: LogLookedUp, RootHash: "x"}
		if next > 0 {
			l.Status, l.Cursor = LogProven, &SnapshotCursor{NextFirstEntry: next}
		}
		return EarlierSnapshot{id, &Snapshot{IssuanceTime: setting, Issuers: []SnapshotIssuer{one}, Logs: []SnapshotLog{l}}}
	}
	for name, c := range map[string]struct {
		log     string
		issuers []SnapshotIssuer
		earlier []EarlierSnapshot
		id      string
		why     string
		unknown bool
	}{
		"first audit":     {log, nil, nil, "", NoCursorYet, false},
		"the newest":      {log, []SnapshotIssuer{one}, []EarlierSnapshot{audit("b", 7, IssuedByCT), audit("a", 3, IssuedByCT)}, "b", "", false},
		"one looked into": {log, []SnapshotIssuer{one}, []EarlierSnapshot{audit("b", 0, IssuedByCT), audit("a", 3, IssuedByCT)}, "a", "", false},
		"another log":     {"x", []SnapshotIssuer{one}, []EarlierSnapshot{audit("b", 7, IssuedByCT)}, "", NoCursorYet, false},
		"a new issuer":    {log, []SnapshotIssuer{one, two}, []EarlierSnapshot{audit("b", 7, IssuedByCT)}, "b", "did not look for all issuers of this one (certificate 02", false},
		"by notBefore":    {log, []SnapshotIssuer{one}, []EarlierSnapshot{audit("b", 7, IssuedByNotBefore)}, "b", "left items out by their notBefore", false},
		"not at hand":     {log, []SnapshotIssuer{one}, []EarlierSnapshot{{AuditID: "c"}, audit("b", 7, IssuedByCT)}, "", NoCursorYet, true},
	} {
		var r StartRule
		r.Follow(c.log, c.issuers, IssuedByCT, c.earlier)
		id := ""
		if r.Cursor != nil {
			id = r.Cursor.AuditID
		}
		if id != c.id || (r.NoCursor == "") != (c.why == "") || !strings.Contains(r.NoCursor, c.why) || r.Unknown != c.unknown {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// FuzzCheckStart: whatever is accepted begins between two units, in the tree that the audit before knew.
func FuzzCheckStart(f *testing.F) {
	f.Add(uint64(49_152), afterCursor(60_000).CursorReason(), true)
	f.Add(uint64(32_768), chainRule().SearchReason(50_000), false)
	f.Add(uint64(0), ReadAll, true)
	f.Fuzz(func(t *testing.T, first uint64, reason string, cursor bool) {
		l := readFrom(first, reason)
		rule := chainRule()
		if rule.Unknown = true; cursor {
			rule = afterCursor(60_000)
		}
		if l.CheckStart(rule) == nil && (first%RangeUnit != 0 || first > 65_536) {
			t.Errorf("begins at %d: %q", first, reason)
		}
	})
}

// An earlier tree head belongs to a log with a tree head, read or looked into.
func TestPreviousOfLog(t *testing.T) {
	id, root := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	previous := &SnapshotPrevious{AuditID: "before", TreeSize: 5, RootHash: root, Consistency: [][]byte{make([]byte, 32)}}
	looked := SnapshotLog{LogID: id, Status: LogLookedUp, Coverage: CoverageEntries, TreeSize: 9, RootHash: root, LookedUp: 1, Previous: previous}
	for name, c := range map[string]struct {
		edit func(l *SnapshotLog)
		want string
	}{
		"looked up":    {func(*SnapshotLog) {}, ""},
		"no tree head": {func(l *SnapshotLog) { l.LookedUp, l.RootHash = 0, "" }, "of which this audit has none"},
		"excluded":     {func(l *SnapshotLog) { l.Status, l.Reason, l.Coverage = LogExcluded, "gone", "" }, "of which this audit has none"},
		"larger":       {func(l *SnapshotLog) { l.TreeSize = 4 }, "larger than tree_size"},
		"no hash":      {func(l *SnapshotLog) { l.Previous = &SnapshotPrevious{AuditID: "before"} }, "previous.root_hash"},
		"a cursor":     {func(l *SnapshotLog) { l.Cursor = &SnapshotCursor{} }, "cursor of a log that was not read"},
	} {
		l := looked
		c.edit(&l)
		if err := l.check(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
