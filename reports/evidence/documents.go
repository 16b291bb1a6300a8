package evidence

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"selfaudit/reports"
	"selfaudit/sampler"
)

// documentSet holds what the checks have read so far. A nil field means that the
// document is missing or was refused; the check that refused it has said so.
type documentSet struct {
	opening    *sampler.Opening
	commitment *sampler.Commitment
	commitHash sampler.DocHash
	snapshot   *sampler.Snapshot
	strata     []sampler.Stratum
	sample     []sampler.SampleRow
	seedHex    string
	findings   []sampler.ItemFinding

	audit   *reports.Audit   // the picture that reports are made from
	summary *reports.Summary // report/summary.json, verified

	auditDay time.Time // of lint/linter.json; zero if it has none
	sameOwn  bool      // lint/linter.json is of this state of our own checks, rule sets and waivers

	earlier    []*earlierDocs // of the chain, as given, newest first
	population *populationFacts
	issuers    map[sampler.KeyHash]*issuer
	logs       map[string]*log // by log id, 64 hex
	certs      map[sampler.CertHash]*certificate
	items      map[sampler.ItemID]*itemSightings
	rows       map[sampler.ItemID][]sampler.RecordRow // of records/rows.jsonl, in order
}

// read returns a document, or nil after saying under the check's name why there is
// none: skipped when it is missing from an incomplete package, failed otherwise.
func (v *verifier) read(check, name string) []byte {
	if !v.data.has(name) {
		v.missing(check, name)
		return nil
	}
	raw, err := v.data.ReadFile(name)
	if err != nil {
		v.fail(check, "%v", err)
		return nil
	}
	return raw
}

// missing says that a document is not there. What a complete package must have was
// already a failure of checkDocuments.
func (v *verifier) missing(check, name string) {
	d, _ := findDocument(name)
	v.skip(check, "%s is missing: %s has not been done", name, d.stage)
}

// refused says that a check needs something that an earlier check did not establish.
func (v *verifier) refused(check, what string) {
	v.skip(check, "%s could not be read", what)
}

// checkDocuments checks that the package holds the documents that it says it holds, and
// audit.json, which opens an audit.
func (v *verifier) checkDocuments() {
	var bad failures
	missing := missingDocuments(v.data.has, v.peekDice())
	open := openStages(missing)
	switch {
	case len(missing) > 0 && !v.bag.Incomplete:
		bad.add("missing %s, but the package says that it is complete", describeMissing(missing))
	case !slices.Equal(open, v.bag.OpenStages):
		bad.add("the package says that these stages are open: %q; missing documents say: %q", strings.Join(v.bag.OpenStages, " "), strings.Join(open, " "))
	}
	if v.data.has("draw/beacon.json") && v.peekDice() {
		bad.add("draw/beacon.json: a draw by dice has none")
	}
	if bad.close(v, "documents", "all documents of the stages that were done are there") && v.bag.Incomplete {
		v.report.add("documents", Open, "INCOMPLETE: missing %s", describeMissing(missing))
	}
	raw := v.read("audit.json", "audit.json")
	if raw == nil {
		return
	}
	opening, err := sampler.ParseOpening(raw)
	if err == nil {
		err = sameBytes(raw, opening.Bytes)
	}
	if err == nil && (opening.AuditID != v.bag.AuditID || opening.Mode != v.bag.Mode) {
		err = fmt.Errorf("audit %q in mode %q, bag-info.txt says %q in mode %q", opening.AuditID, opening.Mode, v.bag.AuditID, v.bag.Mode)
	}
	if err != nil {
		v.fail("audit.json", "%v", err)
		return
	}
	v.docs.opening = opening
	v.ok("audit.json", "mode %s, period %s to %s", opening.Mode, opening.PeriodStart, opening.PeriodEnd)
}

// peekDice says whether the commitment names dice, without judging it.
func (v *verifier) peekDice() bool {
	raw, err := v.data.ReadFile("draw/commitment.txt")
	return err == nil && bytes.Contains(raw, []byte("\nbeacon: "+sampler.BeaconDice+"\n"))
}

// sameBytes checks that a document is written the one way in which it can be written:
// what two readers could read differently is refused.
func sameBytes(raw []byte, again func() ([]byte, error)) error {
	b, err := again()
	if err == nil && !bytes.Equal(raw, b) {
		err = fmt.Errorf("not written the way this program writes it: line %d differs", firstDifference(raw, b))
	}
	return err
}

// parseLines reads a document of JSON lines, which must be written the way the values are.
func parseLines[T any](raw []byte, parse func(io.Reader) ([]T, error), line func(T) ([]byte, error)) ([]T, error) {
	list, err := parse(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	return list, sameBytes(raw, func() ([]byte, error) {
		var again []byte
		for _, v := range list {
			text, err := line(v)
			if err != nil {
				return nil, err
			}
			again = append(again, text...)
		}
		return again, nil
	})
}

// firstDifference returns the number of the first line that differs, from 1.
func firstDifference(a, b []byte) int {
	line := 1
	for i := 0; i < len(a) && i < len(b) && a[i] == b[i]; i++ {
		if a[i] == '\n' {
			line++
		}
	}
	return line
}
