package collect

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// citations of the findings that looking up SCTs makes.
const (
	citeMergeDelay = "RFC 6962 3"
	citeLeafIndex  = "static-ct-api, SCT Extension"
)

// sctFindings are the contradictions that become findings of their item, by outcome. What is
// wrong with the SCT itself is a finding of the certificate already (flagSCTInvalid).
var sctFindings = map[sampler.SCTOutcome]struct{ lint, cite string }{
	sampler.SCTNoEntry:    {"e_embedded_sct_without_log_entry", citeMergeDelay},
	sampler.SCTOtherEntry: {"e_embedded_sct_names_another_entry", citeLeafIndex},
	sampler.SCTNoIndex:    {"e_embedded_sct_without_leaf_index", citeLeafIndex},
}

// shown leaves out the records that are no sightings to show: SCTs without a proof of their own.
func (c *Collected) shown(r *record) (bool, error) {
	if !c.units[r.unit].src.isSCT {
		return true, nil
	}
	if r.outcome() != sampler.SCTProven {
		return false, nil
	}
	_, _, raw, err := c.units[r.unit].bytes(r)
	if err != nil {
		return false, err
	}
	body, err := parseSCTBody(raw)
	return body.own, err
}

// sctSighting rebuilds the sighting of a proven SCT.
func (c *Collected) sctSighting(r *record) (s sampler.Sighting, der []byte, err error) {
	u := c.units[r.unit]
	der, _, raw, err := u.bytes(r)
	if err != nil {
		return s, nil, err
	}
	body, err := parseSCTBody(raw)
	if err != nil {
		return s, nil, fmt.Errorf("%s: %w", u.path, err)
	}
	cert, err := ct.ParseCertificate(der)
	if err != nil {
		return s, nil, err
	}
	list, err := cert.SCTs()
	if err != nil || body.number >= len(list) {
		return s, nil, fmt.Errorf("%s: %w", u.path, errRecord)
	}
	tbs, err := cert.PairingTBS()
	if err != nil {
		return s, nil, err
	}
	sct := list[body.number]
	return sampler.Sighting{ItemID: r.item, Cert: r.cert, Form: r.form, Source: sampler.SightingSCT, LogID: u.src.log.String(), Index: r.index,
		TimestampMS: r.entryMS, Leaf: ct.PrecertLeaf(sct.Timestamp, body.key, tbs, sct.Extensions), Proof: append([][]byte{}, body.path...)}, der, nil
}

// sctCounts gathers what becomes of the population's SCTs.
type sctCounts struct {
	sum      sampler.SnapshotSCTs
	outcomes map[sampler.SCTOutcomeCount]int64 // by log and outcome, SCTs being 0
}

func newSCTCounts(mode string) *sctCounts {
	return &sctCounts{sum: sampler.SnapshotSCTs{Mode: mode}, outcomes: map[sampler.SCTOutcomeCount]int64{}}
}

// result is the summary for the snapshot; hash and lines of the list are the caller's to add.
func (s *sctCounts) result() *sampler.SnapshotSCTs {
	if s == nil {
		return nil
	}
	out := s.sum
	for _, k := range slices.SortedFunc(maps.Keys(s.outcomes), sampler.SCTOutcomeCount.Compare) {
		out.Outcomes = append(out.Outcomes, sampler.SCTOutcomeCount{LogID: k.LogID, Outcome: k.Outcome, SCTs: s.outcomes[k]})
	}
	return &out
}

// scts counts and lists what became of the SCTs of an item of the population.
func (p *populating) scts(it item) error {
	if p.sct == nil {
		return nil
	}
	p.sct.sum.Items++
	var rows []sampler.NotProven
	proven := false
	finals := it.certs(sampler.FormFinal)
	for _, r := range finals {
		p.sct.sum.Certificates++
		list, in, err := p.certificateOutcomes(it, r)
		if err != nil {
			return err
		}
		proven = proven || in
		for _, row := range list {
			p.sct.outcomes[sampler.SCTOutcomeCount{LogID: row.LogID, Outcome: row.Outcome}]++
			if row.Outcome != sampler.SCTProven && (!in || row.Outcome.Contradicts()) {
				rows = append(rows, row)
			}
		}
	}
	for i := range it.sightings {
		proven = proven || p.c.units[it.sightings[i].unit].src.isLog
	}
	if proven {
		p.sct.sum.ItemsProven++
	} else {
		p.sct.sum.ItemsNotProven++
	}
	if len(finals) == 0 && !proven {
		rows = append(rows, sampler.NotProven{Item: it.id(), Cert: it.chosen().cert, LogID: sampler.NoLog, Outcome: sampler.SCTNone,
			Detail: "only the precertificate is known, and not from a log"})
	}
	slices.SortFunc(rows, sampler.NotProven.Compare)
	for _, row := range rows {
		row.Proven = proven
		if err := p.c.NotProven(row); err != nil {
			return err
		}
	}
	return p.report(sctItemFindings(it.id(), rows), true)
}

// certificateOutcomes lists the outcomes of one final certificate's SCTs, and says whether any
// log proves it: an SCT's entry, or its own or its precertificate's among the entries read.
func (p *populating) certificateOutcomes(it item, r *record) (list []sampler.NotProven, proven bool, err error) {
	add := func(log string, o sampler.SCTOutcome, detail string) {
		list = append(list, sampler.NotProven{Item: r.item, Cert: r.cert, LogID: log, Outcome: o, Detail: detail})
	}
	for i := range it.sightings {
		s := &it.sightings[i]
		src := p.c.units[s.unit].src
		switch {
		case src.isLog && (s.cert == r.cert || s.form == sampler.FormPrecert && s.pairing == r.pairing):
			proven = true
		case !src.isSCT || s.cert != r.cert:
		case s.outcome() == sampler.SCTProven:
			proven = true
			add(src.log.String(), sampler.SCTProven, "")
		default:
			detail, err := p.sctDetail(s)
			if err != nil {
				return nil, false, err
			}
			add(src.log.String(), s.outcome(), detail)
		}
	}
	for i, id := range r.others {
		add(id.String(), sampler.SCTUnknownLog, fmt.Sprintf("no log with this id is configured (%d of the certificate's %d such SCTs)", i+1, len(r.others)))
	}
	switch {
	case r.flags&flagSCTList != 0:
		list = append([]sampler.NotProven(nil), sampler.NotProven{Item: r.item, Cert: r.cert, LogID: sampler.NoLog, Outcome: sampler.SCTUnreadable,
			Detail: "the certificate's list of SCTs cannot be read"})
	case r.flags&flagPairingFailed != 0 && len(list) == 0:
		add(sampler.NoLog, sampler.SCTUnreadable, "the entry that the certificate's SCTs promise cannot be rebuilt from it")
	case len(list) == 0:
		add(sampler.NoLog, sampler.SCTNone, "the certificate has no SCT")
	}
	return list, proven, nil
}

// sctDetail reads what was noted of an SCT.
func (p *populating) sctDetail(r *record) (string, error) {
	u := p.c.units[r.unit]
	_, _, raw, err := u.bytes(r)
	if err != nil {
		return "", err
	}
	body, err := parseSCTBody(raw)
	if err != nil {
		return "", fmt.Errorf("%s: %w", u.path, err)
	}
	return fmt.Sprintf("SCT %d: %s", body.number+1, body.detail), nil
}

// sctItemFindings makes findings of the contradictions: one for each certificate and kind.
func sctItemFindings(id sampler.ItemID, rows []sampler.NotProven) []sampler.ItemFinding {
	f := findingList{item: id}
	for i, row := range rows {
		kind, ok := sctFindings[row.Outcome]
		if !ok || slices.ContainsFunc(rows[:i], func(o sampler.NotProven) bool { return o.Outcome == row.Outcome && bytes.Equal(o.Cert[:], row.Cert[:]) }) {
			continue
		}
		f.add(kind.lint, "error", kind.cite, []sampler.CertHash{row.Cert}, fmt.Sprintf("log %s, %s", row.LogID, row.Detail))
	}
	return f.list
}
