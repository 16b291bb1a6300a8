package draw

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"selfaudit/sampler"
)

// checkOrder says what is wrong with the earlier audits that were given, when they do not follow on each other:
// which order is wanted, or which audit is missing between them. Whether they fit is for checkLink to say.
func checkOrder(current *sampler.Commitment, earlier []fs.FS) error {
	var given, wanted []sampler.DocHash
	byHash := map[sampler.DocHash]*sampler.Commitment{}
	for i, folder := range earlier {
		hash, c, err := readCommitment(folder)
		if err != nil {
			return fmt.Errorf("earlier audit %d: %w", i+1, err)
		}
		if byHash[hash] != nil {
			return fmt.Errorf("earlier audit %d, %s, is given twice", i+1, c.AuditID)
		}
		byHash[hash] = c
		given = append(given, hash)
	}
	names := func(hashes []sampler.DocHash) string {
		var out []string
		for _, h := range hashes {
			out = append(out, fmt.Sprintf("%s (from %s)", byHash[h].AuditID, byHash[h].PeriodStart.Format(time.DateOnly)))
		}
		return strings.Join(out, ", ")
	}
	last := current
	for hash := current.PreviousCommitment; byHash[hash] != nil; hash = last.PreviousCommitment { // hashes make no circle
		wanted = append(wanted, hash)
		last = byHash[hash]
	}
	switch {
	case slices.Equal(wanted, given):
		return nil
	case len(wanted) == len(given):
		return fmt.Errorf("the earlier audits must be given newest first: %s; given were %s", names(wanted), names(given))
	case last.PreviousCommitment.IsZero():
		return fmt.Errorf("the chain begins with audit %s: nothing of an earlier period belongs to it; given were %s", last.AuditID, names(given))
	}
	return fmt.Errorf("audit %s follows the commitment with SHA-256 %s, and none of those given (%s) has it: give all earlier audits, newest first, without a gap",
		last.AuditID, last.PreviousCommitment, names(given))
}
