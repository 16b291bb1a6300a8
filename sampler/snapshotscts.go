package sampler

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// SCTOutcome says what became of one SCT that is embedded in a certificate.
type SCTOutcome string

// The outcomes of looking up an SCT (RFC 6962 sections 3.2 and 3.3; static-ct-api).
const (
	SCTProven     SCTOutcome = "proven"          // its entry was proven to be in the log's tree
	SCTNoEntry    SCTOutcome = "no-such-entry"   // the log has no such entry, though it was due
	SCTNotDue     SCTOutcome = "not-yet-due"     // no entry yet; the tree head is younger than the SCT by less than the maximum merge delay
	SCTAfterHead  SCTOutcome = "after-tree-head" // no entry in this tree; the SCT is younger than the tree head
	SCTOtherEntry SCTOutcome = "another-entry"   // something else is at the index that the SCT names
	SCTNoIndex    SCTOutcome = "no-index"        // SCT of a static-ct log without a leaf_index that can be read
	SCTInvalid    SCTOutcome = "invalid"         // the log's key did not sign it, or its time is none
	SCTExcluded   SCTOutcome = "log-excluded"    // valid, but the log was excluded
	SCTUnknownLog SCTOutcome = "unknown-log"     // of a log that is not configured
	SCTUnreadable SCTOutcome = "list-unreadable" // the certificate's SCT list cannot be read
	SCTNone       SCTOutcome = "no-sct"          // the certificate has no SCT
)

// sctOutcomes are all outcomes, in the order of the documents.
var sctOutcomes = []SCTOutcome{SCTProven, SCTNoEntry, SCTNotDue, SCTAfterHead, SCTOtherEntry, SCTNoIndex, SCTInvalid, SCTExcluded, SCTUnknownLog, SCTUnreadable, SCTNone}

// Contradicts says whether the outcome is one that cannot be of a log and a CA that do what they promise.
func (o SCTOutcome) Contradicts() bool {
	switch o {
	case SCTNoEntry, SCTOtherEntry, SCTNoIndex, SCTInvalid, SCTUnreadable:
		return true
	}
	return false
}

func (o SCTOutcome) valid() bool { return slices.Contains(sctOutcomes, o) }

// SnapshotSCTs says what looking up the SCTs of the population's certificates gave (collect mode records or both).
//
//	Items = ItemsProven + ItemsNotProven
type SnapshotSCTs struct {
	Mode           string            `json:"mode"`             // CollectRecords or CollectBoth
	Items          int64             `json:"items"`            // of the population
	ItemsProven    int64             `json:"items_proven"`     // a certificate of it, or its precertificate, is proven to be in a log
	ItemsNotProven int64             `json:"items_not_proven"` // each has lines in records/not-proven.tsv
	Certificates   int64             `json:"certificates"`     // final certificates of these items
	Outcomes       []SCTOutcomeCount `json:"outcomes"`         // ascending by log, then in the order of the outcomes
	List           DocHash           `json:"list_sha256"`      // of records/not-proven.tsv
	ListRows       int64             `json:"list_rows"`        // without the header
}

// SCTOutcomeCount counts SCTs by log and outcome; LogID is "-" for what concerns no log.
type SCTOutcomeCount struct {
	LogID   string     `json:"log_id"`
	Outcome SCTOutcome `json:"outcome"`
	SCTs    int64      `json:"scts"`
}

// What collect does with logs.
const (
	CollectLogs    = "logs"    // reads them
	CollectRecords = "records" // looks up the SCTs of the certificates in records and files
	CollectBoth    = "both"    // does both
)

// CoverageEntries is the coverage of a log in which single entries were looked up.
const CoverageEntries = "entries"

// NoLog stands for the log where an outcome concerns none.
const NoLog = "-"

// Compare orders counts as the document has them.
func (c SCTOutcomeCount) Compare(o SCTOutcomeCount) int {
	if n := strings.Compare(c.LogID, o.LogID); n != 0 {
		return n
	}
	return slices.Index(sctOutcomes, c.Outcome) - slices.Index(sctOutcomes, o.Outcome)
}

func validLogOrNone(id string) bool { return id == NoLog || len(id) == 64 && isLowerHex(id) }

// complete returns a copy without nil lists.
func (x *SnapshotSCTs) complete() *SnapshotSCTs {
	if x == nil {
		return nil
	}
	doc := *x
	doc.Outcomes = append([]SCTOutcomeCount{}, x.Outcomes...)
	return &doc
}

// checkSCTs checks what snapshot.json says of SCTs.
func (s *Snapshot) checkSCTs() error {
	x := s.SCTs
	for i := range s.Logs {
		if x == nil && s.Logs[i].Coverage == CoverageEntries {
			return errors.New("a log was looked into for SCTs, and nothing is said of them")
		}
	}
	if x == nil {
		return nil
	}
	switch {
	case x.Mode != CollectRecords && x.Mode != CollectBoth:
		return fmt.Errorf("scts: unknown mode %.40q; want records or both", x.Mode)
	case x.Items != x.ItemsProven+x.ItemsNotProven || x.ItemsProven < 0 || x.ItemsNotProven < 0:
		return fmt.Errorf("scts: %d items, but %d proven and %d not", x.Items, x.ItemsProven, x.ItemsNotProven)
	case x.Items != s.Counts.Population:
		return fmt.Errorf("scts: of %d items; the population has %d", x.Items, s.Counts.Population)
	case x.ListRows < x.ItemsNotProven:
		return fmt.Errorf("scts: %d lines for %d items that are not proven", x.ListRows, x.ItemsNotProven)
	}
	for i, c := range x.Outcomes {
		if !validLogOrNone(c.LogID) || !c.Outcome.valid() || c.SCTs < 1 {
			return fmt.Errorf("scts: outcome %.40q of log %.80q, %d times", c.Outcome, c.LogID, c.SCTs)
		}
		if i > 0 && c.Compare(x.Outcomes[i-1]) <= 0 {
			return errors.New("scts: outcomes are not in order")
		}
	}
	return nil
}

// checkLookedUp checks a log in which single entries were looked up.
func (l *SnapshotLog) checkLookedUp() error {
	if l.Status != LogLookedUp {
		if l.Coverage == CoverageEntries {
			return fmt.Errorf("coverage entries with status %.40q", l.Status)
		}
		if l.LookedUp < 0 || l.ProvenSCTs < 0 || l.ProvenSCTs > l.LookedUp {
			return fmt.Errorf("%d of %d SCTs proven", l.ProvenSCTs, l.LookedUp)
		}
		return nil
	}
	switch {
	case l.Coverage != CoverageEntries:
		return fmt.Errorf("status looked-up with coverage %.40q", l.Coverage)
	case l.ProvenSCTs < 0 || l.LookedUp < l.ProvenSCTs:
		return fmt.Errorf("%d of %d SCTs proven", l.ProvenSCTs, l.LookedUp)
	case l.LookedUp > 0 && l.RootHash == "":
		return errors.New("SCTs were looked up without a tree head")
	case l.Entries != 0 || l.Kept != 0:
		return errors.New("looked-up, and yet entries were read")
	}
	return nil
}
