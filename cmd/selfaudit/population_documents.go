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
		Searched: []string{fmt.Sprintf("%s, %s", docPopulation, sampler.Counted(c.PopulationCount, "item", "items"))}, outside: d.f.snapshot.Outside != nil}
	if a.outside {
		a.Searched = append(a.Searched, docOutside)
		a.Cannot = append(a.Cannot, "what was collected and is in an earlier population already: only the CA's work folder knows",
			"names, certificates and strata of items in "+docOutside+": ask for them by serial number")
	} else {
		a.Cannot = append(a.Cannot, "what was collected and left out (waiting, too old, predated, in an earlier population): only the CA's work folder knows")
	}
	a.Cannot = append(a.Cannot, "names, other certificates, sightings and inclusion proofs of items that were not sampled and that no finding names",
		"what dated an item, beyond the setting issuance_time = "+string(d.f.snapshot.IssuanceTime))
	if d.f.exists(docSightings) {
		a.Searched = append(a.Searched, docSightings)
	} else {
		a.Cannot = append(a.Cannot, "names, sightings and inclusion proofs of any item: the sample's certificates are not gathered yet")
	}
	return a
}

// documentWalk goes through sightings and what is outside in step with the population: all
// are in the order of the items.
type documentWalk struct {
	d    *documentSource
	q    *populationQuery
	fn   func(*populationItem) error
	seen *sightingStep
	out  *outsideStep
}

// each walks through the documents.
func (d *documentSource) each(ctx context.Context, q *populationQuery, fn func(*populationItem) error) error {
	rows, end, err := d.f.population()
	if err != nil {
		return err
	}
	next, stop := iter.Pull2(d.sightings())
	defer stop()
	w := &documentWalk{d: d, q: q, fn: fn, seen: &sightingStep{next: next}}
	if err := w.seen.advance(); err != nil {
		return err
	}
	if w.out, err = d.f.outside(); err != nil {
		return err
	}
	defer w.out.close()
	for {
		row, err := rows.Next()
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return d.f.broken(docPopulation, err)
		}
		if rows.Count()%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if last {
			if err := w.before(nil); err != nil {
				return err
			}
			return end()
		}
		if err := w.member(row); err != nil {
			return err
		}
	}
}

// member deals with a row of the population, after all items before it.
func (w *documentWalk) member(row sampler.Row) error {
	err := w.before(&row.Item)
	if err != nil {
		return err
	}
	var here []sampler.Sighting
	if w.seen.more && w.seen.cur.ItemID == row.Item {
		if here, err = w.seen.take(); err != nil {
			return err
		}
	}
	status := string(sampler.Current)
	if row.Issued.Before(w.d.f.commitment.PeriodStart) {
		status = string(sampler.Late)
	}
	return w.d.offer(w.q, row, status, here, w.fn)
}

// before deals with what is not in the population and comes before its item id; all that is
// left if it is nil.
func (w *documentWalk) before(id *sampler.ItemID) error {
	for w.seen.more && (id == nil || w.seen.cur.ItemID.Compare(*id) < 0) {
		item := w.seen.cur.ItemID
		if err := w.outsideTo(&item); err != nil {
			return err
		}
		if err := w.d.outside(w.q, w.seen, w.fn); err != nil {
			return err
		}
	}
	return w.outsideTo(id)
}

// outsideTo offers the items of ct/outside.tsv before id, which must not be one itself.
func (w *documentWalk) outsideTo(id *sampler.ItemID) error {
	both, err := w.out.below(id, func(lines []sampler.Outside) error {
		if !w.q.wantsOutside(lines) {
			return nil
		}
		return w.fn(outsideItem(lines, w.d.known))
	})
	if err == nil && both != nil {
		err = w.d.f.broken(docOutside, fmt.Errorf("item %s is in a population", id))
	}
	return err
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
