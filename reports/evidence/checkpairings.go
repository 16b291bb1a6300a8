package evidence

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"selfaudit/internal/auditdir"
	"selfaudit/sampler"
)

// checkPairings reads ct/pairings.tsv: it is the one that the snapshot names, every line is
// in its place, and the lines about items whose certificates are here are right: the
// population's items without a certificate have one for each precertificate, those with one
// have none.
func (v *verifier) checkPairings() {
	const name, file = "pairings", "ct/pairings.tsv"
	s := v.docs.snapshot
	switch {
	case s == nil:
		v.refused(name, "the snapshot")
		return
	case s.Pairings == nil && !v.data.has(file):
		if v.ofNow() {
			v.fail(name, "snapshot.json names no %s, which the program that made it or the audits before it always writes", file)
		}
		return // frozen before there were any
	case s.Pairings == nil:
		v.fail(name, "%s: snapshot.json does not name it", file)
		return
	case !v.data.has(file):
		v.missing(name, file)
		return
	}
	f, err := v.data.Open(file)
	if err != nil {
		v.fail(name, "%v", err)
		return
	}
	defer f.Close()
	p := &pairingsCheck{v: v, lines: map[sampler.ItemID][]sampler.Pairing{}}
	r := sampler.NewPairingReader(f)
	for {
		line, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && r.Count()%65536 == 0 {
			err = cancelled(v.ctx)
		}
		if err != nil {
			v.fail(name, "%v", err)
			return
		}
		p.line(line)
	}
	if r.Hash() != s.Pairings.SHA256 || r.Count() != s.Pairings.Lines {
		p.bad.add("%s with SHA-256 %s, snapshot.json says %d with %s", sampler.Counted(r.Count(), "line", "lines"), r.Hash(), s.Pairings.Lines, s.Pairings.SHA256)
	}
	p.members()
	p.bad.close(v, name, "is the one that snapshot.json names; %s in strict order, %d of them about certificates that are here", sampler.Counted(r.Count(), "line", "lines"), p.here)
}

// pairings adds ct/pairings.tsv to what a freeze leaves behind.
func (r *eventRecord) pairings(e auditdir.Event, c *frozenCommitment, due map[string]string) {
	_, named := e.Documents["ct/pairings.tsv"]
	s := r.v.docs.snapshot
	if named || c.void == nil && s != nil && s.Pairings != nil {
		due["ct/pairings.tsv"] = "ct/pairings.tsv"
	}
}

type pairingsCheck struct {
	v     *verifier
	bad   failures
	here  int
	lines map[sampler.ItemID][]sampler.Pairing // of items with sightings here
}

// line compares a line with the certificate, if it is here.
func (p *pairingsCheck) line(l sampler.Pairing) {
	it := p.v.docs.items[l.Item]
	if it == nil {
		return
	}
	p.lines[l.Item] = append(p.lines[l.Item], l)
	c := p.v.docs.certs[l.Cert]
	if c == nil || c.item != l.Item {
		if _, member := p.v.docs.population.row(l.Item); member {
			p.bad.add("item %s: certificate %s is not among its sightings", l.Item, l.Cert)
		}
		return
	}
	p.here++
	if c.form != l.Form || c.pairKey != l.Key {
		p.bad.add("item %s, certificate %s: form %s and key %x, the certificate gives %s and %x", l.Item, l.Cert, l.Form, l.Key, c.form, c.pairKey)
	}
}

// members compares the lines with the population's items whose sightings are here.
func (p *pairingsCheck) members() {
	ids := make([]sampler.ItemID, 0, len(p.v.docs.items))
	for id := range p.v.docs.items {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, sampler.ItemID.Compare)
	for _, id := range ids {
		row, member := p.v.docs.population.row(id)
		if !member {
			continue
		}
		_, precerts := p.v.split(p.v.docs.items[id])
		if row.Form == sampler.FormFinal {
			precerts = nil
		}
		have := map[sampler.CertHash]bool{}
		for _, l := range p.lines[id] {
			have[l.Cert] = true
		}
		if err := sameCerts(precerts, have); err != nil {
			p.bad.add("item %s: %v", id, err)
		}
	}
}

func sameCerts(want []sampler.CertHash, have map[sampler.CertHash]bool) error {
	for _, h := range want {
		if !have[h] {
			return fmt.Errorf("no line for precertificate %s", h)
		}
	}
	if len(have) != len(want) {
		return fmt.Errorf("%d lines, it has %d precertificates without a certificate", len(have), len(want))
	}
	return nil
}

// row returns the population's line of an item, if it is a member and its line was kept.
func (p *populationFacts) row(id sampler.ItemID) (sampler.Row, bool) {
	if p == nil {
		return sampler.Row{}, false
	}
	row, member := p.rows[id]
	return row, member
}
