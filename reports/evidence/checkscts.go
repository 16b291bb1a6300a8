package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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
	c := &sctCheck{v: v, s: s, counts: map[sampler.SCTOutcomeCount]int64{}, rows: map[sctSeen][]sampler.NotProven{}}
	if err := c.list(); err != nil {
		v.fail(name, "%v", err)
		return
	}
	c.numbers()
	c.here()
	c.bad.close(v, name, "%d items proven in CT and %d not, %d lines in %s: the list is the committed one, adds up, and fits the %d certificates here",
		s.SCTs.ItemsProven, s.SCTs.ItemsNotProven, s.SCTs.ListRows, sampler.NotProvenFile, c.checked)
	for _, o := range s.SCTs.Outcomes {
		if o.Outcome != sampler.SCTProven && o.Outcome != sampler.SCTUnknownLog {
			v.note(name, "%d SCTs of log %s: %s", o.SCTs, o.LogID, o.Outcome)
		}
	}
}

type sctCheck struct {
	v       *verifier
	s       *sampler.Snapshot
	bad     failures
	counts  map[sampler.SCTOutcomeCount]int64 // lines by log and outcome, SCTs being 0
	rows    map[sctSeen][]sampler.NotProven   // of items whose certificates are here
	items   int64                             // distinct items in the list
	checked int                               // certificates that are here
}

// list reads the list beside the population: both are in the order of the items.
func (c *sctCheck) list() error {
	pop, err := c.v.data.Open("draw/population.tsv")
	if err != nil {
		return err
	}
	defer pop.Close()
	members := sampler.NewPopulationReader(pop)
	var member sampler.Row
	f, err := c.v.data.Open(sampler.NotProvenFile)
	if err != nil {
		return err
	}
	defer f.Close()
	n := int64(0)
	var previous sampler.ItemID
	err = sampler.ReadNotProven(f, func(row sampler.NotProven) error {
		if n++; n%1024 == 0 {
			if err := cancelled(c.v.ctx); err != nil {
				return err
			}
		}
		for n == 1 || member.Item.Compare(row.Item) < 0 {
			next, err := members.Next()
			if errors.Is(err, io.EOF) {
				return fmt.Errorf("item %s is not in the population", row.Item)
			}
			if err != nil {
				return err
			}
			member = next
			if member.Item.Compare(row.Item) >= 0 {
				break
			}
		}
		if member.Item != row.Item {
			return fmt.Errorf("item %s is not in the population", row.Item)
		}
		if row.Item != previous {
			c.items++
			previous = row.Item
		}
		c.line(row)
		return nil
	})
	if err != nil {
		return err
	}
	if hash := c.v.hashes[payloadFolder+"/"+sampler.NotProvenFile]; hash != c.s.SCTs.List || n != c.s.SCTs.ListRows {
		c.bad.add("%s has %d lines and hash %s, snapshot.json says %d and %s", sampler.NotProvenFile, n, hash, c.s.SCTs.ListRows, c.s.SCTs.List)
	}
	return nil
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
	if c.items < c.s.SCTs.ItemsNotProven {
		c.bad.add("%d items in %s, but %d are not proven", c.items, sampler.NotProvenFile, c.s.SCTs.ItemsNotProven)
	}
	counted := map[sampler.SCTOutcomeCount]int64{}
	proven := map[string]int64{}
	for _, o := range c.s.SCTs.Outcomes {
		key := sampler.SCTOutcomeCount{LogID: o.LogID, Outcome: o.Outcome}
		counted[key] = o.SCTs
		if o.Outcome == sampler.SCTProven {
			proven[o.LogID] = o.SCTs
		}
		if listed := c.counts[key]; o.Outcome.Contradicts() && listed != o.SCTs {
			c.bad.add("%d SCTs of log %s with outcome %s, %d are listed", o.SCTs, o.LogID, o.Outcome, listed)
		}
	}
	for _, key := range slices.SortedFunc(mapKeys(c.counts), sampler.SCTOutcomeCount.Compare) {
		// What has only a precertificate is listed, but no SCT of a certificate.
		if key.Outcome != sampler.SCTNone && c.counts[key] > counted[key] {
			c.bad.add("%d SCTs of log %s with outcome %s are listed, snapshot.json counts %d", c.counts[key], key.LogID, key.Outcome, counted[key])
		}
	}
	for id, n := range proven {
		if l := c.v.docs.logs[id]; l == nil || n > l.listed.ProvenSCTs {
			c.bad.add("%d proven SCTs of log %s, more than were proven in it", n, id)
		}
	}
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
