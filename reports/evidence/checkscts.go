package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// sctSeen is an entry that a log proves, by the certificate with the SCT that promises it or by the
// precertificate in it; without a time, an SCT that the list of what is not proven names.
type sctSeen struct {
	cert  sampler.CertHash
	logID string
	ms    uint64
}

// sctLints are the findings that contradictory outcomes must have become, by outcome; the others
// are findings of the certificate's own check.
var sctLints = map[sampler.SCTOutcome]string{
	sampler.SCTNoEntry:    "e_embedded_sct_without_log_entry",
	sampler.SCTOtherEntry: "e_embedded_sct_names_another_entry",
	sampler.SCTNoIndex:    "e_embedded_sct_without_leaf_index",
	sampler.SCTInvalid:    "e_embedded_sct_invalid",
	sampler.SCTUnreadable: "e_embedded_sct_invalid",
}

// checkSCTEntry checks a sighting with source sct: the certificate embeds an SCT of the log with this
// time, which verifies; the leaf is that of the precertificate that the SCT promises, rebuilt from the
// certificate; and it is in the tree.
func (v *verifier) checkSCTEntry(s sampler.Sighting, cert *ct.Certificate) error {
	l, iss := v.docs.logs[s.LogID], v.docs.issuers[s.ItemID.Issuer]
	switch {
	case v.docs.snapshot.SCTs == nil:
		return errors.New("snapshot.json says that no SCTs were looked up")
	case l == nil:
		return errors.New("snapshot.json does not list the log")
	case !l.proven:
		return errors.New("the log has no verified tree head")
	}
	list, err := cert.SCTs()
	if err != nil {
		return err
	}
	tbs, err := cert.PairingTBS()
	if err != nil {
		return err
	}
	for _, sct := range list {
		if sct.LogID != l.id || sct.Timestamp != s.TimestampMS {
			continue
		}
		for _, key := range iss.keys {
			if !bytes.Equal(ct.PrecertLeaf(sct.Timestamp, key, tbs, sct.Extensions), s.Leaf) {
				continue
			}
			if err := ct.VerifySCT(l.listed.PublicKey, sct, key, tbs); err != nil {
				return err
			}
			if index, err := ct.LeafIndex(sct.Extensions); l.static() && (err != nil || index != s.Index) {
				return fmt.Errorf("index %d, the SCT says %d (%v)", s.Index, index, err)
			}
			if err := ct.VerifyInclusion(ct.HashLeaf(s.Leaf), s.Index, l.head.Size, hashes(s.Proof), l.head.Root); err != nil {
				return fmt.Errorf("inclusion proof: %w", err)
			}
			return nil
		}
	}
	return errors.New("the certificate has no SCT of this log and time whose entry is the leaf")
}

// hashes of 32 bytes each: ReadSightings has checked it.
func hashes(list [][]byte) []ct.Hash {
	out := make([]ct.Hash, len(list))
	for i, h := range list {
		copy(out[i][:], h)
	}
	return out
}

// logged notes what a sighting in a log proves of the item.
func (it *itemSightings) logged(s sampler.Sighting) {
	if it.proven == nil {
		it.proven = map[sctSeen]bool{}
	}
	it.sct = it.sct || s.Source == sampler.SightingSCT
	if s.Source == sampler.SightingLog {
		it.inLogs = append(it.inLogs, s.Cert)
		if s.Form == sampler.FormFinal {
			return // SCTs promise the entry of the precertificate
		}
	}
	it.proven[sctSeen{s.Cert, s.LogID, s.TimestampMS}] = true
}

// checkSCTs checks what snapshot.json and records/not-proven.tsv say of the SCTs that were looked up:
// the list is the committed one and of members, its lines add up to the counts, contradictions are
// findings, and of every certificate that is here each SCT is proven or listed, with an outcome that
// the SCT itself does not refute.
func (v *verifier) checkSCTs() {
	const name = "scts"
	s := v.docs.snapshot
	if s == nil || v.docs.logs == nil {
		v.refused(name, "snapshot or logs")
		return
	}
	has := v.data.has(sampler.NotProvenFile)
	switch {
	case s.SCTs == nil && has:
		v.fail(name, "%s is here, and snapshot.json says that no SCTs were looked up", sampler.NotProvenFile)
		return
	case s.SCTs == nil:
		return
	case !has:
		v.fail(name, "%s is missing, which snapshot.json names", sampler.NotProvenFile)
		return
	}
	c := &sctCheck{v: v, s: s, counts: map[sampler.SCTOutcomeCount]int64{}, rows: map[sctSeen][]sampler.NotProven{}, unproven: map[sampler.ItemID]bool{}}
	if err := c.list(); err != nil {
		v.fail(name, "%v", err)
		return
	}
	c.numbers()
	c.here()
	c.bad.close(v, name, "%s proven in CT and %d not, %s in %s: the list is the committed one, adds up, and fits the %s here",
		sampler.Counted(s.SCTs.ItemsProven, "item", "items"), s.SCTs.ItemsNotProven, sampler.Counted(s.SCTs.ListRows, "line", "lines"), sampler.NotProvenFile, sampler.Counted(c.checked, "certificate", "certificates"))
	for _, o := range s.SCTs.Outcomes {
		if o.Outcome != sampler.SCTProven && o.Outcome != sampler.SCTUnknownLog {
			v.note(name, "%s of log %s: %s", sampler.Counted(o.SCTs, "SCT", "SCTs"), o.LogID, o.Outcome)
		}
	}
}

type sctCheck struct {
	v      *verifier
	s      *sampler.Snapshot
	bad    failures
	counts map[sampler.SCTOutcomeCount]int64 // lines by log and outcome, SCTs being 0

	finals    int64                           // members with a final certificate
	precerts  int64                           // lines of members without one
	notProven int64                           // members that no log proves
	rows      map[sctSeen][]sampler.NotProven // of items whose certificates are here
	unproven  map[sampler.ItemID]bool         // of these: members that no log proves, by the list
	checked   int                             // certificates that are here
	records   *sctRecords                     // nil without the CA's records
}

// line takes one line of the list.
func (c *sctCheck) line(row sampler.NotProven) {
	c.counts[sampler.SCTOutcomeCount{LogID: row.LogID, Outcome: row.Outcome}]++
	if known := c.v.docs.logs[row.LogID] != nil; row.LogID != sampler.NoLog && known == (row.Outcome == sampler.SCTUnknownLog) {
		c.bad.add("item %s: outcome %s of log %s", row.Item, row.Outcome, row.LogID)
	}
	if c.v.docs.items[row.Item] != nil {
		key := sctSeen{cert: row.Cert, logID: row.LogID}
		c.rows[key] = append(c.rows[key], row)
	}
	lint, contradiction := sctLints[row.Outcome]
	if !contradiction || c.v.docs.findings == nil {
		return
	}
	for _, f := range c.v.docs.findings {
		if f.ItemID == row.Item && slices.Contains(f.Certificates, row.Cert) && (f.Lint == lint || row.Outcome == sampler.SCTUnreadable) {
			return
		}
	}
	c.bad.add("item %s, certificate %s: the outcome %s is no finding", row.Item, row.Cert, row.Outcome)
}

// numbers compares the list with the counts, and these with those of the logs.
func (c *sctCheck) numbers() {
	if c.notProven != c.s.SCTs.ItemsNotProven {
		c.bad.add("%s in %s not proven, snapshot.json counts %d", sampler.Counted(c.notProven, "item", "items"), sampler.NotProvenFile, c.s.SCTs.ItemsNotProven)
	}
	if n, known := c.certificates(); known && n != c.s.SCTs.Certificates {
		c.bad.add("%d final certificates, population and findings give %d", c.s.SCTs.Certificates, n)
	}
	if c.records != nil && c.records.onlyInFiles != c.s.Reconciliation.Counts.OnlyInFiles {
		c.bad.add("%d items that the records lack are proven in no log, the reconciliation counts %d", c.records.onlyInFiles, c.s.Reconciliation.Counts.OnlyInFiles)
	}
	counted := map[sampler.SCTOutcomeCount]int64{}
	logs := map[string]*sctSums{}
	var all int64
	for _, o := range c.s.SCTs.Outcomes {
		key := sampler.SCTOutcomeCount{LogID: o.LogID, Outcome: o.Outcome}
		counted[key] = o.SCTs
		all += o.SCTs
		if logs[o.LogID] == nil {
			logs[o.LogID] = &sctSums{}
		}
		logs[o.LogID].add(o)
		listed := c.listed(key)
		// Each is listed, whatever the others prove; without log entries, what has no SCT is never proven.
		exact := o.Outcome.Contradicts() || o.Outcome == sampler.SCTNone && c.s.SCTs.Mode == sampler.CollectRecords
		if exact && listed != o.SCTs {
			c.bad.add("%s of log %s with outcome %s, %d are listed", sampler.Counted(o.SCTs, "SCT", "SCTs"), o.LogID, o.Outcome, listed)
		}
	}
	if all < c.s.SCTs.Certificates {
		c.bad.add("%d outcomes of %d certificates: each has one at least", all, c.s.SCTs.Certificates)
	}
	for _, key := range slices.SortedFunc(mapKeys(c.counts), sampler.SCTOutcomeCount.Compare) {
		if listed := c.listed(key); listed > counted[key] {
			c.bad.add("%s of log %s with outcome %s are listed, snapshot.json counts %d", sampler.Counted(listed, "SCT", "SCTs"), key.LogID, key.Outcome, counted[key])
		}
	}
	for _, id := range sortedKeys(logs) {
		if err := logs[id].check(c.v.docs.logs[id]); err != nil {
			c.bad.add("log %s: %v", id, err)
		}
	}
}

// listed is the number of lines about SCTs of final certificates, or about those without any.
// What has only a precertificate is listed too, but has no certificate to count.
func (c *sctCheck) listed(key sampler.SCTOutcomeCount) int64 {
	if key.LogID == sampler.NoLog && key.Outcome == sampler.SCTNone {
		return c.counts[key] - c.precerts
	}
	return c.counts[key]
}

// certificates is how many final certificates the members have: one each, and those that the
// findings name besides it.
func (c *sctCheck) certificates() (n int64, known bool) {
	n = c.finals
	for _, f := range c.v.docs.findings {
		if f.Lint == lintSeveralFinals && f.InPopulation {
			n += int64(len(f.Certificates)) - 1
		}
	}
	return n, c.v.docs.findings != nil
}

// sctSums are the outcomes of one log's SCTs in the population's certificates.
type sctSums struct{ proven, others int64 }

func (x *sctSums) add(o sampler.SCTOutcomeCount) {
	switch o.Outcome {
	case sampler.SCTInvalid, sampler.SCTExcluded: // nothing was asked
	case sampler.SCTProven:
		x.proven += o.SCTs
	default:
		x.others += o.SCTs
	}
}

// check compares them with what was looked up in the log, for all certificates of the CA.
func (x *sctSums) check(l *log) error {
	if l == nil && x.proven > 0 {
		return fmt.Errorf("%d SCTs are proven, and snapshot.json does not list it", x.proven)
	}
	if l == nil {
		return nil
	}
	e := l.listed
	if x.proven > e.ProvenSCTs || x.others > e.LookedUp-e.ProvenSCTs {
		return fmt.Errorf("%d SCTs are proven and %d are not, more than were looked up in it: %d, of these %d proven", x.proven, x.others, e.LookedUp, e.ProvenSCTs)
	}
	return nil
}

func mapKeys[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}
