package collect

import (
	"context"
	"fmt"
	"io"
	"time"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// Found is one collected item with what the rules of membership say of it. It is valid
// only until the function that was given it returns.
type Found struct {
	// Row is the item as population.tsv has it or would have it if it belonged there.
	Row     sampler.Row
	DatedBy string // what dated it: sampler.SourceCT, SourceRecord, SourceNotBefore, SourceUnknown
	Verdict sampler.Verdict
	// Earlier is the position, among the earlier populations given to Query, of the one
	// that has the item; -1 if none has. Such an item is never a member again.
	Earlier int

	q  *querying
	it item
}

type querying struct {
	c     *Collected
	trees treeReader
}

// Query runs through everything that was collected, in the order of the items, members of
// the population or not, and decides each item's membership as Population does. It only
// reads the audit's folder, where it may run beside a collect: what it has to write to merge
// many units goes to a folder of its own among the system's temporary files. populations
// are those of the chain's earlier audits.
func (c *Collected) Query(ctx context.Context, m sampler.Membership, populations []io.Reader, fn func(*Found) error) error {
	before := make([]*earlier, 0, len(populations))
	for _, r := range populations {
		e, err := newEarlier(r)
		if err != nil {
			return err
		}
		before = append(before, e)
	}
	known, err := newPairings(c.pairingsOf)
	if err != nil {
		return err
	}
	q := &querying{c: c, trees: treeReader{c: c, unit: -1}}
	return c.everything(ctx, "", func(it item) error {
		it.rows, _ = c.rec.rowsOf(it)
		if len(it.sightings) == 0 {
			return nil // known to the CA's records alone, without a certificate
		}
		f := &Found{Earlier: -1, q: q, it: it}
		r := f.it.chosen()
		f.Row = sampler.Row{Item: r.item, Stratum: sampler.StratumID{Issuer: r.item.Issuer, Class: r.class, Label: c.rec.label(it)}, Form: r.form, Cert: r.cert,
			NotBefore: unixOrZero(r.nb), NotAfter: unixOrZero(r.na)}
		for i, e := range before {
			_, found, err := e.find(r.item)
			if err != nil {
				return err
			}
			if found && f.Earlier < 0 {
				f.Earlier = i
			}
		}
		ctTime, ownTime := c.ctTimes(f.it)
		if here, err := known.of(r.item); err != nil {
			return err
		} else if f.Earlier < 0 {
			ctTime = beforeChain(here, ctTime, m)
		}
		f.Row.Issued, f.DatedBy, f.Verdict = m.Decide(sampler.Times{CT: ctTime, OwnCT: ownTime, Record: recordTime(it.rows), NotBefore: unixOrZero(r.nb)})
		return fn(f)
	})
}

// Has says whether the item was seen with this certificate or precertificate.
func (f *Found) Has(h sampler.CertHash) bool {
	for i := range f.it.sightings {
		if f.it.sightings[i].cert == h {
			return true
		}
	}
	return false
}

// CTSource says what gave the item's CT time, the earliest of a log that the CA does not
// operate unless its own dates the item: the time stamp of a log entry, or of an embedded
// SCT. It is "" if CT does not know the item.
func (f *Found) CTSource() string {
	first, own := f.q.c.ctTimes(f.it)
	ofOwn := first.IsZero() || !own.IsZero() && own.Truncate(time.Second).Equal(f.Row.Issued)
	if ofOwn {
		first = own
	}
	for i := range f.it.sightings {
		r := &f.it.sightings[i]
		log := f.q.c.units[r.unit].src.log
		others, its := f.q.c.ctMS(r)
		if ofOwn {
			others = its
		}
		if first.IsZero() || !timeOfMS(others).Equal(first) {
			continue
		}
		if r.entryMS == others && f.q.c.own[log] == ofOwn {
			return fmt.Sprintf("entry %d of log %s", r.index, log)
		}
		return "an SCT embedded in certificate " + r.cert.String()
	}
	return ""
}

// Certificate returns the certificate or precertificate that stands for the item, DER.
func (f *Found) Certificate() ([]byte, error) {
	r := f.it.chosen()
	der, _, _, err := f.q.c.units[r.unit].bytes(r)
	return der, err
}

// Sightings calls fn with every sighting of the item and its certificate, finals before
// precertificates. With prove, sightings in logs carry their inclusion proof under the
// pinned tree head.
func (f *Found) Sightings(prove bool, fn func(s sampler.Sighting, cert []byte) error) error {
	for i := range f.it.sightings {
		r := &f.it.sightings[i]
		if show, err := f.q.c.shown(r); err != nil {
			return err
		} else if !show {
			continue
		}
		s, cert, _, err := f.q.c.sighting(r)
		if err == nil && prove {
			err = f.q.prove(r, &s)
		}
		if err != nil {
			return fmt.Errorf("item %s: %w", f.Row.Item, err)
		}
		if err := fn(s, cert); err != nil {
			return err
		}
	}
	return nil
}

// prove adds the inclusion proof of a log's sighting.
func (q *querying) prove(r *record, s *sampler.Sighting) error {
	src := q.c.units[r.unit].src
	if !src.isLog {
		return nil
	}
	path, err := ct.InclusionProof(r.index, q.c.sizes[src.log], func(level uint, idx uint64) (ct.Hash, error) {
		return q.trees.node(src.log, level, idx)
	})
	if err != nil {
		return fmt.Errorf("proving entry %d of log %s: %w", r.index, src.log, err)
	}
	s.Proof = make([][]byte, len(path))
	for i := range path {
		s.Proof[i] = path[i][:]
	}
	if err := q.c.checkProof(r, s); err != nil {
		return fmt.Errorf("%s: entry %d: %w", q.c.units[r.unit].path, r.index, err)
	}
	return nil
}
