package workbook

import (
	"fmt"
	"strings"
	"time"

	"selfaudit/sampler"
)

// maxCompleteness is how many sentences of the statement a cell takes: at most briefDetail bytes each,
// so that they fit.
const maxCompleteness = 60

// completenessStatement is the snapshot's own statement, in its words.
func (b *book) completenessStatement(sentences []string) string {
	const where = "draw/snapshot.json"
	var lines []string
	for i, s := range sentences {
		// The last sentence says what all of them amount to: it must not be cut.
		if i >= maxCompleteness-1 && i < len(sentences)-1 {
			continue
		}
		lines = append(lines, brief(s, briefDetail, where))
	}
	if cut := len(sentences) - len(lines); cut > 0 {
		lines = append(lines, fmt.Sprintf("%s more of this statement in %s.", counted(cut, "sentence", "sentences"), where))
	}
	return strings.Join(lines, "\n")
}

// lookedUpText describes a log in which single entries were looked up.
func lookedUpText(name string, l *sampler.SnapshotLog) string {
	if l.LookedUp == 0 {
		return name + "\nNot asked: no certificate at hand names it"
	}
	return fmt.Sprintf("%s\nNot read: %s of %s SCTs that were looked up in it are proven, each with an inclusion proof; tree head of %s verified; signed root hash:",
		name, number(l.ProvenSCTs), number(l.LookedUp), time.UnixMilli(int64(min(l.TimestampMS, 253402300799999))).UTC().Format("2006-01-02 15:04:05 UTC"))
}
