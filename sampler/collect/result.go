package collect

import "selfaudit/sampler"

// Describe fills in what snapshot.json says of a log that was read and proven.
func (r LogResult) Describe(l *sampler.SnapshotLog) {
	l.Status, l.TreeSize, l.RootHash, l.TimestampMS = sampler.LogProven, r.Head.Size, r.Head.Root.String(), r.Head.Timestamp
	l.HeadFile, l.Entries, l.Kept = r.HeadFile, int64(r.Entries), int64(r.Kept)
	l.Coverage, l.FirstEntry, l.FirstReason = sampler.CoverageWhole, r.Start.First, r.Start.Reason
	if r.Start.First > 0 {
		l.Coverage = sampler.CoverageRange
	}
	l.Previous = r.Previous
}
