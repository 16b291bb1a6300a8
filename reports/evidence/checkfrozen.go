package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"selfaudit/sampler"
)

// checkCommitment reads draw/commitment.txt, which everything after it hangs on.
func (v *verifier) checkCommitment() {
	const name = "commitment"
	raw := v.read(name, "draw/commitment.txt")
	if raw == nil {
		return
	}
	c, err := sampler.ParseCommitment(raw)
	if err != nil {
		v.fail(name, "%v", err)
		return
	}
	if c.AuditID != v.bag.AuditID || c.Mode != v.bag.Mode {
		v.fail(name, "audit %s in mode %s, bag-info.txt says %s in mode %s", c.AuditID, c.Mode, v.bag.AuditID, v.bag.Mode)
		return
	}
	if o := v.docs.opening; o != nil {
		if got, want := spanOf(c), [3]string{o.ChainStart, o.PeriodStart, o.PeriodEnd}; got != want {
			v.fail(name, "chain and period %v, audit.json says %v", got, want)
			return
		}
	}
	if v.bag.SealedAt.Before(c.CommittedAt) {
		v.note(name, "bag-info.txt says sealed %s, before the commitment's %s", sampler.FormatTime(v.bag.SealedAt), sampler.FormatTime(c.CommittedAt))
	}
	v.docs.commitment, v.docs.commitHash = c, sampler.HashDoc(raw)
	v.ok(name, "parses and keeps the protocol's rules; %s", describeBeacon(c))
}

func spanOf(c *sampler.Commitment) [3]string {
	return [3]string{sampler.FormatTime(c.ChainStart), sampler.FormatTime(c.PeriodStart), sampler.FormatTime(c.PeriodEnd)}
}

func describeBeacon(c *sampler.Commitment) string {
	if c.Beacon == sampler.BeaconDice {
		return "dice at " + sampler.FormatTime(c.BeaconTime)
	}
	return fmt.Sprintf("round %d by rule, %s", c.BeaconRound, sampler.FormatTime(c.BeaconTime))
}

// committed reads a document and compares its hash with the committed one.
func (v *verifier) committed(check, name string, want sampler.DocHash) []byte {
	raw := v.read(check, name)
	if raw == nil {
		return nil
	}
	if got := sampler.HashDoc(raw); got != want {
		v.fail(check, "%s is not the committed one: its SHA-256 is %s, commitment.txt says %s", name, got, want)
		return nil
	}
	return raw
}

// checkSnapshot reads draw/snapshot.json and compares it with commitment and counts.
func (v *verifier) checkSnapshot() {
	const name = "snapshot"
	c := v.docs.commitment
	if c == nil {
		v.refused(name, "the commitment")
		return
	}
	raw := v.committed(name, "draw/snapshot.json", c.SnapshotHash)
	if raw == nil {
		return
	}
	s, err := sampler.ParseSnapshot(raw)
	if err == nil {
		err = sameBytes(raw, s.Bytes)
	}
	if err != nil {
		v.fail(name, "%v", err)
		return
	}
	v.docs.snapshot = s
	var bad failures
	if s.AuditID != c.AuditID || s.Mode != c.Mode {
		bad.add("audit %s in mode %s, the commitment says %s in mode %s", s.AuditID, s.Mode, c.AuditID, c.Mode)
	}
	if got := [3]string{s.Chain.Start, s.Period.Start, s.Period.End}; got != spanOf(c) {
		bad.add("chain and period %v, the commitment says %v", got, spanOf(c))
	}
	if o := v.docs.opening; o != nil {
		got := [...]any{s.OpenedAt, s.Clock, s.Program, s.Chain.PreviousAudit}
		if want := [...]any{o.OpenedAt, o.Clock, o.Program, o.PreviousAudit}; got != want {
			bad.add("opening time, clock, program and previous audit %q, audit.json says %q", got, want)
		}
	}
	if len(s.Filters) > 0 {
		bad.add("%d filters beside issuer key and time, the first is %q: nothing else may select items", len(s.Filters), s.Filters[0])
	}
	n := s.Counts
	if n.Population != c.PopulationCount {
		bad.add("counts %s in the population, the commitment %d", sampler.Counted(n.Population, "item", "items"), c.PopulationCount)
	}
	if sum := n.Population + n.Predated + n.TooOld + n.Waiting + n.InEarlier; sum != n.ItemsSeen {
		bad.add("of %d items seen, %d are accounted for", n.ItemsSeen, sum)
	}
	if n.IssuedByCT+n.IssuedByRecord+n.IssuedByNotBefore != n.Population {
		bad.add("issued_by counts do not add up to %s", sampler.Counted(n.Population, "item", "items"))
	}
	if n.PrecertOnly+n.FinalOnly+n.Both != n.Population {
		bad.add("counts of forms do not add up to %s", sampler.Counted(n.Population, "item", "items"))
	}
	bad.close(v, name, "is the committed one; %s seen, %d in the population, %s, %s", sampler.Counted(n.ItemsSeen, "item", "items"), n.Population, sampler.Counted(len(s.Issuers), "issuer", "issuers"), sampler.Counted(len(s.Logs), "log", "logs"))
}

// populationFacts is what one pass over the population established.
type populationFacts struct {
	late    int64
	strata  map[sampler.StratumID]int64
	rows    map[sampler.ItemID]sampler.Row // of sampled, reserve and finding-named items
	issuers map[sampler.KeyHash]bool
}

// checkPopulation streams draw/population.tsv: order, hash, count, membership window,
// issuers and forms. It also reads the documents that name items, to keep their rows.
func (v *verifier) checkPopulation() {
	v.readSample()
	v.readItemFindings()
	const name = "population"
	c := v.docs.commitment
	if c == nil {
		v.refused(name, "the commitment")
		return
	}
	wanted := v.namedItems()
	f, err := v.data.Open("draw/population.tsv")
	if err != nil {
		v.missing(name, "draw/population.tsv")
		return
	}
	defer f.Close()
	facts := &populationFacts{strata: map[sampler.StratumID]int64{}, rows: map[sampler.ItemID]sampler.Row{}, issuers: map[sampler.KeyHash]bool{}}
	var bad failures
	r := sampler.NewPopulationReader(f)
	forms := map[sampler.Form]int64{}
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && r.Count()%65536 == 0 {
			err = cancelled(v.ctx)
			v.progress("population")(r.Count(), c.PopulationCount)
		}
		if err != nil {
			v.fail(name, "%v", err)
			return
		}
		if row.Issued.Before(c.ChainStart) || !row.Issued.Before(c.PeriodEnd) {
			bad.add("item %s is outside the chain or the period: issued %s", row.Item, sampler.FormatTime(row.Issued))
		}
		if row.Issued.Before(c.PeriodStart) {
			facts.late++
		}
		forms[row.Form]++
		facts.strata[row.Stratum]++
		facts.issuers[row.Item.Issuer] = true
		if wanted[row.Item] {
			facts.rows[row.Item] = row
		}
	}
	if r.Hash() != c.PopulationHash {
		bad.add("is not the committed one: its SHA-256 is %s, commitment.txt says %s", r.Hash(), c.PopulationHash)
	}
	if r.Count() != c.PopulationCount {
		bad.add("%s, commitment.txt says %d", sampler.Counted(r.Count(), "item", "items"), c.PopulationCount)
	}
	v.comparePopulation(facts, forms, &bad)
	v.docs.population = facts
	bad.close(v, name, "is the committed one; %s in strict order, each inside the chain and before the period's end", sampler.Counted(r.Count(), "item", "items"))
}

// comparePopulation compares what the population holds with what the snapshot says of it.
func (v *verifier) comparePopulation(facts *populationFacts, forms map[sampler.Form]int64, bad *failures) {
	s := v.docs.snapshot
	if s == nil {
		return
	}
	if facts.late != s.Counts.Late {
		bad.add("%d late items, snapshot.json counts %d", facts.late, s.Counts.Late)
	}
	if forms[sampler.FormPrecert] != s.Counts.PrecertOnly {
		bad.add("%d items of which only a precertificate was seen, snapshot.json counts %d", forms[sampler.FormPrecert], s.Counts.PrecertOnly)
	}
	known := map[sampler.KeyHash]bool{}
	for _, i := range s.Issuers {
		known[i.KeySHA256] = true
	}
	keys := slices.SortedFunc(maps.Keys(facts.issuers), func(a, b sampler.KeyHash) int { return bytes.Compare(a[:], b[:]) })
	for _, key := range keys {
		if !known[key] {
			bad.add("items of issuer key %s, which snapshot.json does not list", key)
		}
	}
}

// readSample reads draw/sample.tsv; whether it is the right sample checkSample tells.
func (v *verifier) readSample() {
	if !v.data.has("draw/sample.tsv") {
		return
	}
	raw := v.read("sample", "draw/sample.tsv")
	if raw == nil {
		return
	}
	rows, err := sampler.ParseSample(raw)
	if err != nil {
		v.fail("sample", "%v", err)
		return
	}
	v.docs.sample = rows
}

// readItemFindings reads findings/items.jsonl, which is not under the commitment.
func (v *verifier) readItemFindings() {
	const name = "findings/items.jsonl"
	raw := v.read(name, name)
	if raw == nil {
		return
	}
	list, err := parseLines(raw, sampler.ParseItemFindings, sampler.ItemFinding.Line)
	if err != nil {
		v.fail(name, "%v", err)
		return
	}
	v.docs.findings = list
	if v.docs.findings == nil {
		v.docs.findings = []sampler.ItemFinding{}
	}
	v.ok(name, "%d contradictions inside items, found while collecting", len(list))
}

// checkStrata compares draw/strata.tsv with the counts of the population and with what
// the snapshot's rules make of them.
func (v *verifier) checkStrata() {
	const name = "strata"
	c, p := v.docs.commitment, v.docs.population
	if c == nil {
		v.refused(name, "the commitment")
		return
	}
	raw := v.committed(name, "draw/strata.tsv", c.StrataHash)
	if raw == nil {
		return
	}
	strata, err := sampler.ParseStrata(raw)
	if err != nil {
		v.fail(name, "%v", err)
		return
	}
	v.docs.strata = strata
	if strata == nil {
		v.docs.strata = []sampler.Stratum{}
	}
	if p == nil || v.docs.snapshot == nil {
		v.refused(name, "population or snapshot")
		return
	}
	var bad failures
	if int64(len(strata)) != c.StrataCount {
		bad.add("%s, commitment.txt says %d", sampler.Counted(len(strata), "stratum", "strata"), c.StrataCount)
	}
	counted := map[sampler.StratumID]int64{}
	var sampled int64
	for _, s := range strata {
		counted[s.ID] = s.Population
		sampled += s.Sample
		if got := p.strata[s.ID]; got != s.Population {
			bad.add("stratum %s says %s, the population has %d", s.ID, sampler.Counted(s.Population, "item", "items"), got)
		}
	}
	if len(counted) != len(p.strata) {
		bad.add("%s, the population has items in %d", sampler.Counted(len(counted), "stratum", "strata"), len(p.strata))
	}
	if plan, err := rulesOf(v.docs.snapshot).Plan(p.strata); err != nil {
		bad.add("the snapshot's rules: %v", err)
	} else if want, err := sampler.FormatStrata(plan); err != nil || !bytes.Equal(want, raw) {
		bad.add("are not what the snapshot's rules and the protocol's minimum give (line %d)", firstDifference(want, raw))
	}
	bad.close(v, name, "are the committed ones; %s with the population's counts, sizes by rule: %d of %d items to draw", sampler.Counted(len(strata), "stratum", "strata"), sampled, c.PopulationCount)
}

// rulesOf returns the sampling rules that the snapshot records.
func rulesOf(s *sampler.Snapshot) sampler.Rules {
	r := sampler.Rules{RateBP: s.Rules.RateBP, Floor: s.Rules.Floor, EVRA: s.Rules.EVRA, Minimum: s.Rules.Minimum, Strata: s.Rules.Strata, Labels: s.Words(), Issuers: map[sampler.KeyHash]sampler.IssuerRule{}}
	for _, i := range s.Issuers {
		r.Issuers[i.KeySHA256] = sampler.IssuerRule{Label: i.Label, RateBP: i.RateBP, Floor: i.Floor}
	}
	return r
}

// membershipOf returns the rule by which the audit's items were dated and chosen.
func membershipOf(c *sampler.Commitment, s *sampler.Snapshot) sampler.Membership {
	return sampler.Membership{ChainStart: c.ChainStart, PeriodStart: c.PeriodStart, PeriodEnd: c.PeriodEnd, Setting: s.IssuanceTime}
}

// mergeDelay is RFC 6962's maximum merge delay as root programmes demand it: a log must
// be read at a tree head at least so much later than the period's end (protocol 3.1).
const mergeDelay = 24 * time.Hour
