package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"

	"selfaudit/sampler"
)

// documentSource searches a frozen audit's documents, in its folder or in a package.
type documentSource struct {
	f      *frozenAudit
	known  *knownIssuers
	prover *prover
}

func newDocumentSource(f *frozenAudit) populationSource {
	return &documentSource{f: f, known: issuersOfSnapshot(f.snapshot), prover: newProver(f.fsys, f.snapshot.Logs)}
}

func (d *documentSource) close() error { return d.f.close() }

func (d *documentSource) about() populationAbout {
	c := d.f.commitment
	a := populationAbout{Schema: "selfaudit.population/v1", AuditID: c.AuditID, Mode: c.Mode, Source: sourceDocuments, Frozen: true, Drawn: d.f.drawn, Population: &c.PopulationCount,
		Searched: []string{fmt.Sprintf("%s, %d items", docPopulation, c.PopulationCount)},
		Cannot: []string{
			"what was collected and left out (waiting, too old, predated, in an earlier population): only the CA's work folder knows",
			"names, other certificates, sightings and inclusion proofs of items that were not sampled and that no finding names",
			"what dated an item, beyond the setting issuance_time = " + string(d.f.snapshot.IssuanceTime),
		}}
	if d.f.exists(docSightings) {
		a.Searched = append(a.Searched, docSightings)
	} else {
		a.Cannot = append(a.Cannot, "names, sightings and inclusion proofs of any item: the sample's certificates are not gathered yet")
	}
	return a
}

// each walks through population and sightings, which are both in the order of the items.
func (d *documentSource) each(ctx context.Context, q *populationQuery, fn func(*populationItem) error) error {
	rows, end, err := d.f.population()
	if err != nil {
		return err
	}
	next, stop := iter.Pull2(d.sightings())
	defer stop()
	seen := &sightingStep{next: next}
	if err := seen.advance(); err != nil {
		return err
	}
	for {
		row, err := rows.Next()
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return d.f.broken(docPopulation, err)
		}
		if rows.Count()%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		for seen.more && (last || seen.cur.ItemID.Compare(row.Item) < 0) {
			if err := d.outside(q, seen, fn); err != nil {
				return err
			}
		}
		if last {
			return end()
		}
		var here []sampler.Sighting
		if seen.more && seen.cur.ItemID == row.Item {
			if here, err = seen.take(); err != nil {
				return err
			}
		}
		status := string(sampler.Current)
		if row.Issued.Before(d.f.commitment.PeriodStart) {
			status = string(sampler.Late)
		}
		if err := d.offer(q, row, status, here, fn); err != nil {
			return err
		}
	}
}

// outside deals with sightings of an item that is not in the population: a finding names it.
func (d *documentSource) outside(q *populationQuery, seen *sightingStep, fn func(*populationItem) error) error {
	here, err := seen.take()
	if err != nil {
		return err
	}
	s := here[0]
	row := sampler.Row{Item: s.ItemID, Stratum: sampler.StratumID{Issuer: s.ItemID.Issuer, Class: sampler.ClassOther}, Form: s.Form, Cert: s.Cert}
	return d.offer(q, row, statusEarlier, here, fn)
}

// offer passes the item on if the query wants it.
func (d *documentSource) offer(q *populationQuery, row sampler.Row, status string, here []sampler.Sighting, fn func(*populationItem) error) error {
	if !q.wants(row, status) || q.cert != nil && row.Cert != *q.cert && !hasCert(here, *q.cert) {
		return nil
	}
	it := newItem(row, status, whyOf(status, ""), d.known)
	if status == statusEarlier {
		it.Stratum, it.StratumID = "-", "-" // no document says
	}
	it.drawn(d.f, row.Item, row.Stratum)
	for _, s := range here {
		der, err := d.certificate(s.Cert)
		if err != nil {
			return err
		}
		it.keep(der)
		if s.Cert == row.Cert && it.Name == "" {
			it.describe(der)
		}
		if !q.detail {
			continue
		}
		seen := it.sighted(s, d.prover.logs)
		if q.proof && s.Source != sampler.SightingFile {
			if seen.Proof, err = d.prover.proof(s); err != nil {
				return err
			}
		}
	}
	if !q.named(it.namesOf()) {
		return nil
	}
	return fn(it)
}

func hasCert(list []sampler.Sighting, h sampler.CertHash) bool {
	for _, s := range list {
		if s.Cert == h {
			return true
		}
	}
	return false
}

// certificate reads a certificate of the evidence.
func (d *documentSource) certificate(h sampler.CertHash) ([]byte, error) {
	name := "certificates/" + h.String() + ".der"
	der, err := d.f.read(name)
	if err == nil && sampler.HashCert(der) != h {
		err = d.f.broken(name, errors.New("its SHA-256 is another"))
	}
	return der, err
}

// sightings streams ct/sightings.jsonl; without the document there are none.
func (d *documentSource) sightings() iter.Seq2[sampler.Sighting, error] {
	return func(yield func(sampler.Sighting, error) bool) {
		f, err := d.f.fsys.Open(docSightings)
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			yield(sampler.Sighting{}, err)
			return
		}
		defer f.Close() // only read from: nothing is lost if closing fails
		enough := errors.New("enough")
		err = sampler.ReadSightings(f, func(s sampler.Sighting) error {
			if !yield(s, nil) {
				return enough
			}
			return nil
		})
		if err != nil && !errors.Is(err, enough) {
			yield(sampler.Sighting{}, d.f.broken(docSightings, err))
		}
	}
}

// sightingStep walks through the sightings item by item.
type sightingStep struct {
	next func() (sampler.Sighting, error, bool)
	cur  sampler.Sighting
	more bool
}

// maxSightings bounds the sightings of one item that a hostile document can pile up.
const maxSightings = 100_000

func (s *sightingStep) advance() error {
	before := s.cur.ItemID
	had := s.more
	var err error
	s.cur, err, s.more = s.next()
	if err == nil && had && s.more && s.cur.ItemID.Compare(before) < 0 {
		err = &exitError{code: exitVerify, id: "not_committed", err: fmt.Errorf("%s: item %s is not in order", docSightings, s.cur.ItemID)}
	}
	return err
}

// take returns all sightings of the current item.
func (s *sightingStep) take() ([]sampler.Sighting, error) {
	id := s.cur.ItemID
	var out []sampler.Sighting
	for s.more && s.cur.ItemID == id {
		if len(out) == maxSightings {
			return nil, fmt.Errorf("%s: item %s has more than %d sightings", docSightings, id, maxSightings)
		}
		out = append(out, s.cur)
		if err := s.advance(); err != nil {
			return nil, err
		}
	}
	return out, nil
}
