package evidence

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"selfaudit/sampler"
)

// checkItems derives the population line of every drawn item again from its
// certificates and sightings, and compares findings/items.jsonl with the contradictions
// that can be seen here.
func (v *verifier) checkItems() {
	v.checkRows()
	v.checkItemFindings()
}

// checkRows checks the items of the sample. Reserve items have no certificates here
// until one is promoted.
func (v *verifier) checkRows() {
	const name = "items"
	switch {
	case !v.data.has("ct/sightings.jsonl"):
		v.missing(name, "ct/sightings.jsonl")
		return
	case v.docs.sample == nil || v.docs.population == nil || v.docs.items == nil || v.docs.snapshot == nil:
		v.refused(name, "sample, population, snapshot or sightings")
		return
	}
	var bad failures
	checked := 0
	for _, r := range v.docs.sample {
		it := v.docs.items[r.Item]
		if it == nil {
			if r.Role == sampler.RoleSample {
				bad.add("item %s was drawn, but no certificate of it is here", r.Item)
			}
			continue
		}
		checked++
		if err := v.checkRow(v.docs.population.rows[r.Item], it); err != nil {
			bad.add("item %s: %v", r.Item, err)
		}
	}
	bad.close(v, name, "%d drawn items: class, form, certificate, validity and issuance time follow from their certificates and sightings", checked)
}

// checkRow derives one population line again (protocol section 3).
func (v *verifier) checkRow(row sampler.Row, it *itemSightings) error {
	chosen, c := v.chosen(it)
	if c == nil {
		return fmt.Errorf("its sightings failed")
	}
	want := sampler.Row{Item: row.Item, Stratum: sampler.StratumID{Issuer: row.Item.Issuer, Class: c.class, Label: row.Stratum.Label},
		Form: c.form, Cert: chosen, NotBefore: c.nb, NotAfter: c.na}
	switch {
	case row.Form != want.Form:
		return fmt.Errorf("form %s, its certificates say %s", row.Form, want.Form)
	case row.Cert != want.Cert:
		return fmt.Errorf("cert_sha256 %s, the lowest %s one is %s", row.Cert, want.Form, want.Cert)
	case row.Stratum != want.Stratum:
		return fmt.Errorf("stratum %s, its certificate says %s", row.Stratum, want.Stratum)
	case validityText(row.NotBefore) != validityText(want.NotBefore) || validityText(row.NotAfter) != validityText(want.NotAfter):
		return fmt.Errorf("validity %s to %s, its certificate says %s to %s", validityText(row.NotBefore), validityText(row.NotAfter),
			validityText(want.NotBefore), validityText(want.NotAfter))
	}
	others, own := v.ctTimes(it)
	times := sampler.Times{CT: others, OwnCT: own, Record: v.recordTime(row.Item), NotBefore: c.nb}
	issued, source, verdict := membershipOf(v.docs.commitment, v.docs.snapshot).Decide(times)
	if issued.Equal(row.Issued) && (verdict == sampler.Current || verdict == sampler.Late) {
		return nil
	}
	return fmt.Errorf("issued %s, its times give %s by %s (%s)", sampler.FormatTime(row.Issued), sampler.FormatTime(issued), source, verdict)
}

// chosen returns the certificate that stands for the item: of the final ones, else of the
// precertificates, the one with the lowest hash.
func (v *verifier) chosen(it *itemSightings) (hash sampler.CertHash, best *certificate) {
	for _, h := range it.certs {
		c := v.docs.certs[h]
		if c == nil {
			continue
		}
		better := best == nil || c.form == sampler.FormFinal && best.form != sampler.FormFinal ||
			c.form == best.form && strings.Compare(h.String(), hash.String()) < 0
		if better {
			hash, best = h, c
		}
	}
	return hash, best
}

// ctTimes are the item's earliest CT times, log entries and verified embedded SCTs: of logs
// that the CA does not operate, and of its own (protocol 3.1).
func (v *verifier) ctTimes(it *itemSightings) (others, own time.Time) {
	others, own = it.ofOthers, it.ofOwn
	for _, h := range it.certs {
		if c := v.docs.certs[h]; c != nil {
			others, own = earlier(others, c.scts), earlier(own, c.ownSCTs)
		}
	}
	return others, own
}

// earlier is the earlier of two times; zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// recordTime is the earliest issuance time that the CA's rows of the item state.
func (v *verifier) recordTime(id sampler.ItemID) time.Time {
	var first time.Time
	for _, row := range v.docs.rows[id] {
		if at := row.Issued(); !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// validityText is a validity bound as population.tsv writes it.
func validityText(t time.Time) string {
	if t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return "-"
	}
	return sampler.FormatTime(t)
}

// checkItemFindings compares findings/items.jsonl with the population, the snapshot's
// counts and the certificates: what a finding names must be here, and a contradiction that
// can be seen here must be a finding.
func (v *verifier) checkItemFindings() {
	const name = "contradictions"
	switch {
	case !v.data.has("findings/items.jsonl"):
		v.missing(name, "findings/items.jsonl")
		return
	case v.docs.findings == nil || v.docs.population == nil || v.docs.snapshot == nil:
		v.refused(name, "findings/items.jsonl, population or snapshot")
		return
	}
	var bad failures
	counts := map[string]int64{}
	named := map[sampler.ItemID][]sampler.CertHash{}
	for i, f := range v.docs.findings {
		counts[f.Lint]++
		named[f.ItemID] = append(named[f.ItemID], f.Certificates...)
		if i > 0 && f.ItemID.Compare(v.docs.findings[i-1].ItemID) < 0 {
			bad.add("item %s: not in the order of the items", f.ItemID)
		}
		if _, member := v.docs.population.rows[f.ItemID]; member != f.InPopulation {
			bad.add("item %s: in_population is %v", f.ItemID, f.InPopulation)
		}
		if v.docs.items != nil {
			if err := v.checkFinding(f); err != nil {
				bad.add("item %s, %s: %v", f.ItemID, f.Lint, err)
			}
		}
	}
	for _, lint := range unionKeys(counts, v.docs.snapshot.Findings) {
		if counts[lint] != v.docs.snapshot.Findings[lint] {
			bad.add("%s %s, snapshot.json counts %d", sampler.Counted(counts[lint], "finding", "findings"), lint, v.docs.snapshot.Findings[lint])
		}
	}
	if v.docs.items == nil {
		v.skip(name, "certificates are not compared: there are no sightings")
	} else {
		v.findContradictions(named, &bad)
		v.checkValidities(&bad)
	}
	bad.close(v, name, "%d findings are those that the snapshot counts, and no item here has contradictory certificates without one", len(v.docs.findings))
}

// checkFinding checks that the certificates that a finding names are here, as
// certificates of its item. A certificate of an earlier population need not be.
func (v *verifier) checkFinding(f sampler.ItemFinding) error {
	it := v.docs.items[f.ItemID]
	if f.Lint == sampler.LintWaitingNotFound {
		if it != nil || len(f.Certificates) > 0 || f.InPopulation {
			return fmt.Errorf("says that nothing shows the item, and is about certificates")
		}
		return nil // checkOutside has what it is about
	}
	if it == nil {
		return fmt.Errorf("no certificate of the item is here")
	}
	here := 0
	for _, hash := range f.Certificates {
		if slices.Contains(it.certs, hash) {
			here++
		} else if f.InPopulation {
			return fmt.Errorf("certificate %s is not here", hash)
		}
	}
	if here == 0 && len(f.Certificates) > 0 {
		return fmt.Errorf("none of its certificates is here")
	}
	return nil
}

// seenMembers are the items of the population of which there are sightings, ascending.
func (v *verifier) seenMembers() []sampler.ItemID {
	var ids []sampler.ItemID
	for id := range v.docs.items {
		if _, member := v.docs.population.rows[id]; member {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, sampler.ItemID.Compare)
	return ids
}

// findContradictions looks for items of the population whose certificates contradict each
// other: several final certificates, precertificates of different content, or a final one
// that is not that of any precertificate.
func (v *verifier) findContradictions(named map[sampler.ItemID][]sampler.CertHash, bad *failures) {
	for _, id := range v.seenMembers() {
		finals, precerts := v.split(v.docs.items[id])
		missing := func(hash sampler.CertHash) bool { return !slices.Contains(named[id], hash) }
		if len(finals) > 1 && slices.ContainsFunc(finals, missing) {
			bad.add("item %s has %d different final certificates, and no finding says so", id, len(finals))
		}
		for _, p := range precerts {
			if !v.pair(p, precerts[0]) && missing(p) {
				bad.add("item %s has precertificates of different content, and no finding says so", id)
				break
			}
		}
		for _, f := range finals {
			pairs := func(p sampler.CertHash) bool { return v.pair(f, p) }
			if len(precerts) > 0 && !slices.ContainsFunc(precerts, pairs) && missing(f) {
				bad.add("item %s: certificate %s is not that of its precertificate, and no finding says so", id, f)
			}
		}
	}
}

// split returns an item's final certificates and its precertificates.
func (v *verifier) split(it *itemSightings) (finals, precerts []sampler.CertHash) {
	for _, h := range it.certs {
		c := v.docs.certs[h]
		switch {
		case c == nil:
		case c.form == sampler.FormFinal:
			finals = append(finals, h)
		default:
			precerts = append(precerts, h)
		}
	}
	return finals, precerts
}

// pair says whether two certificates have the same TBSCertificate but for poison and SCTs.
func (v *verifier) pair(a, b sampler.CertHash) bool {
	x, y := v.docs.certs[a], v.docs.certs[b]
	return x.pairable && y.pairable && x.pairing == y.pairing
}

// unionKeys returns the keys of both maps, ascending.
func unionKeys(a, b map[string]int64) []string {
	all := map[string]bool{}
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	return sortedKeys(all)
}
