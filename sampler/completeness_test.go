package sampler_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"selfaudit/sampler"
)

var updateGolden = flag.Bool("update-completeness", false, "write the golden files of TestCompleteness")

// Root hashes and log ids of the snapshots below.
var (
	rootA = strings.Repeat("a1", 32)
	rootB = strings.Repeat("b2", 32)
	logID = strings.Repeat("c3", 32)
)

const (
	lateHead  = 1_793_664_000_000 // 2026-11-03T00:00:00Z
	earlyHead = 1_793_491_200_000 // 2026-11-01T00:00:00Z
)

func base(population int64) *sampler.Snapshot {
	return &sampler.Snapshot{Period: sampler.SnapshotPeriod{Start: "2026-08-01T00:00:00Z", End: "2026-11-01T00:00:00Z"},
		Counts: sampler.SnapshotCounts{Population: population, ItemsSeen: population}}
}

func whole(label string, size uint64) sampler.SnapshotLog {
	return sampler.SnapshotLog{Label: label, Status: sampler.LogProven, TreeSize: size, Entries: int64(size), RootHash: rootA, TimestampMS: lateHead,
		Coverage: sampler.CoverageWhole, FirstReason: "from the start: the configuration says so"}
}

func partly(label string, first, size uint64) sampler.SnapshotLog {
	l := whole(label, size)
	l.Coverage, l.FirstEntry, l.Entries = sampler.CoverageRange, first, int64(size-first)
	l.FirstReason = "cursor of audit 2026-Q2"
	return l
}

func lookedUp(label string, proven, asked int64) sampler.SnapshotLog {
	l := sampler.SnapshotLog{Label: label, Status: sampler.LogLookedUp, Coverage: sampler.CoverageEntries, LookedUp: asked, ProvenSCTs: proven}
	if asked > 0 {
		l.TreeSize, l.RootHash, l.TimestampMS = 1_000_000, rootB, lateHead
	}
	return l
}

func export(rows int64) []sampler.SnapshotRecords {
	return []sampler.SnapshotRecords{{Path: "exports/2026Q3.csv", Rows: rows, Kept: rows,
		Provenance: sampler.RecordsProvenance{System: "EJBCA 9.2", ExtractedAt: "2026-11-02T08:00:00Z"}}}
}

// completenessCases are the combinations of what an audit can have done.
func completenessCases() map[string]*sampler.Snapshot {
	cases := map[string]*sampler.Snapshot{}

	s := base(0)
	s.Logs = []sampler.SnapshotLog{{Label: "Gone", Status: sampler.LogExcluded, Reason: "shut down\non 2026-09-30"}}
	cases["nothing"] = s

	s = base(1)
	s.Logs = []sampler.SnapshotLog{whole("Alpha 2026h2", 2876)}
	cases["one-log-whole"] = s

	s = base(3010)
	s.Records = export(3010)
	s.Reconciliation = &sampler.SnapshotReconciliation{Counts: sampler.ReconciliationCounts{Rows: 3010, ItemsInRecords: 3010, Population: 3010, Covered: 3010, InRecords: 3010, InBoth: 2998, NotProven: 12}}
	s.Logs = []sampler.SnapshotLog{lookedUp("Alpha 2026h2", 2990, 2995), lookedUp("Beta 2026h2", 2998, 2998), lookedUp("Gamma 2026h2", 0, 0)}
	s.SCTs = &sampler.SnapshotSCTs{Mode: sampler.CollectRecords, Items: 3010, ItemsProven: 2998, ItemsNotProven: 12, Certificates: 3010, ListRows: 17}
	cases["records-first"] = s

	s = base(20)
	s.Files = []sampler.SnapshotFile{{Path: "certs", Certificates: 25, Kept: 20}}
	again := lookedUp("Alpha 2026h2", 20, 20)
	again.Previous = &sampler.SnapshotPrevious{AuditID: "2026-Q2", TreeSize: 900_000}
	s.Logs = []sampler.SnapshotLog{again, lookedUp("Gamma 2026h2", 0, 0), lookedUp("Delta 2026h2", 0, 0)}
	s.SCTs = &sampler.SnapshotSCTs{Mode: sampler.CollectRecords, Items: 20, ItemsProven: 20, Certificates: 20}
	cases["files-first"] = s

	s = base(20)
	s.Files = []sampler.SnapshotFile{{Path: "certs", Certificates: 20, Kept: 20}}
	s.Logs = []sampler.SnapshotLog{lookedUp("Alpha 2026h2", 19, 20)}
	s.SCTs = &sampler.SnapshotSCTs{Mode: sampler.CollectRecords, Items: 20, ItemsProven: 20, Certificates: 20, ListRows: 1}
	cases["files-first-contradiction"] = s

	s = base(100)
	l := partly("Beta 2026h2", 1_048_576, 2_000_001)
	l.Previous = &sampler.SnapshotPrevious{AuditID: "2026-Q2", TreeSize: 1_500_000}
	unchanged := partly("Still", 500, 500)
	empty := whole("Empty", 0)
	early := whole("Early", 7)
	early.TimestampMS = earlyHead
	s.Logs = []sampler.SnapshotLog{whole("Alpha 2026h2", 2876), l, unchanged, empty, early, {URL: "https://gone.example", Status: sampler.LogExcluded, Reason: "shut down"}}
	s.UnreadLogs = []sampler.UnreadLog{{LogID: logID, SCTs: 4}}
	s.Counts.Unreadable = 2
	cases["ranges"] = s

	s = base(105)
	s.Records = export(101)
	s.Records[0].Unreadable = 1
	s.Reconciliation = &sampler.SnapshotReconciliation{Counts: sampler.ReconciliationCounts{Rows: 101, RowsExcluded: 1, ItemsInRecords: 100, Population: 105, NotCovered: 1, Covered: 104, InRecords: 100, InBoth: 98, NotProven: 2,
		NotInRecords: 4, OnlyInCT: 3, OnlyInFiles: 1}}
	both := whole("Alpha 2026h2", 2876)
	both.LookedUp, both.ProvenSCTs = 98, 97
	s.Logs = []sampler.SnapshotLog{both}
	s.Files = []sampler.SnapshotFile{{Path: "extra.pem", Certificates: 1, Kept: 1}, {Path: "crt.sh", Certificates: 50, Kept: 49, Kind: sampler.FileIndex}}
	s.Index = &sampler.SnapshotIndex{Name: "crt.sh", Server: "crt.sh:5432", NotBeforeFrom: "2026-07-30T00:00:00Z", NotBeforeUntil: "2026-11-03T00:00:00Z", Certificates: 50, Kept: 49, Reason: "the server closed the connection."}
	s.SCTs = &sampler.SnapshotSCTs{Mode: sampler.CollectBoth, Items: 105, ItemsProven: 101, ItemsNotProven: 4, Certificates: 105, ListRows: 5}
	cases["both-with-index"] = s

	s = base(5)
	for range 12 {
		s.UnreadLogs = append(s.UnreadLogs, sampler.UnreadLog{LogID: logID, SCTs: 1})
	}
	s.Index = &sampler.SnapshotIndex{Name: "crt.sh", Server: "crt.sh:5432", NotBeforeFrom: "2026-07-30T00:00:00Z", NotBeforeUntil: "2026-11-03T00:00:00Z", Certificates: 1, Kept: 1, Complete: true}
	s.Files = []sampler.SnapshotFile{{Path: "one.pem", Certificates: 1, Kept: 1}}
	cases["files-and-index"] = s

	s = base(5)
	s.Logs = []sampler.SnapshotLog{whole("Alpha 2026h2", 2876)}
	s.Outside = &sampler.SnapshotOutside{Previous: "2026-Q2", Carried: 1200}
	cases["carried"] = s
	return cases
}

// The statement of every combination is as it stands in testdata/completeness.
func TestCompleteness(t *testing.T) {
	for name, s := range completenessCases() {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(sampler.Completeness(s), "\n") + "\n"
			path := filepath.Join("testdata", "completeness", name+".txt")
			if *updateGolden {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// Nothing is called complete without saying against what, and nothing excluded or not read
// is claimed.
func TestCompletenessClaims(t *testing.T) {
	for name, s := range completenessCases() {
		for _, line := range sampler.Completeness(s) {
			if strings.Contains(line, "complete") && !strings.Contains(line, "complete against") && !strings.Contains(line, "not completely") {
				t.Errorf("%s: %q", name, line)
			}
			if strings.ContainsAny(line, "\n\r\t") {
				t.Errorf("%s: %q is not one line", name, line)
			}
		}
		text := strings.Join(sampler.Completeness(s), "\n")
		for i := range s.Logs {
			l := &s.Logs[i]
			if _, read := l.First(); !read && strings.Contains(text, "Log "+l.Label+": every entry") {
				t.Errorf("%s: log %s was not read", name, l.Label)
			}
		}
	}
}
