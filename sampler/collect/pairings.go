package collect

import (
	"errors"
	"io"
	"slices"
	"time"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// Pairings gives Population and Query what earlier audits of the chain wrote into
// ct/pairings.tsv, and says where Population writes this audit's lines; nil writes none.
func (c *Collected) Pairings(earlier []io.Reader, write func(sampler.Pairing) error) {
	c.pairingsOf, c.pairing = earlier, write
}

// pairings walks through the pairings of earlier audits in step with the merge.
type pairings struct {
	walks []*pairingsWalk
	here  []sampler.Pairing // of the item asked for last
}

type pairingsWalk struct {
	r    *sampler.PairingReader
	cur  sampler.Pairing
	done bool
}

func newPairings(readers []io.Reader) (*pairings, error) {
	p := &pairings{}
	for _, r := range readers {
		w := &pairingsWalk{r: sampler.NewPairingReader(r)}
		if err := w.next(); err != nil {
			return nil, err
		}
		p.walks = append(p.walks, w)
	}
	return p, nil
}

func (w *pairingsWalk) next() error {
	cur, err := w.r.Next()
	if errors.Is(err, io.EOF) {
		w.done = true
		return nil
	}
	w.cur = cur
	return err
}

// of returns all lines about an item; items are asked for in ascending order.
func (p *pairings) of(id sampler.ItemID) ([]sampler.Pairing, error) {
	p.here = p.here[:0]
	for _, w := range p.walks {
		for !w.done && w.cur.Item.Compare(id) <= 0 {
			if w.cur.Item == id {
				p.here = append(p.here, w.cur)
			}
			if err := w.next(); err != nil {
				return nil, err
			}
		}
	}
	return p.here, nil
}

// drain reads to the end, so that the caller can compare the hashes of what was read.
func (p *pairings) drain() error {
	for _, w := range p.walks {
		for !w.done {
			if err := w.next(); err != nil {
				return err
			}
		}
	}
	return nil
}

// beforeChain is what an earlier audit knew of an item that is in no population: CT saw it
// before the chain began. That audit read the log entry, or an SCT of it, and this one need
// not have. ctTime is that of logs that the CA does not operate: its own never put an item
// into pairings, and give it no time here.
func beforeChain(known []sampler.Pairing, ctTime time.Time, m sampler.Membership) time.Time {
	if old := m.ChainStart.Add(-time.Second); len(known) > 0 && (ctTime.IsZero() || old.Before(ctTime)) {
		return old
	}
	return ctTime
}

// remember writes the certificates of one form as lines for later audits, but for those
// that are known already.
func (p *populating) remember(list []*record, known []sampler.CertHash) error {
	if p.c.pairing == nil {
		return nil
	}
	for _, r := range list {
		if slices.Contains(known, r.cert) {
			continue
		}
		if err := p.c.pairing(sampler.Pairing{Item: r.item, Form: r.form, Cert: r.cert, Key: r.pairingKey()}); err != nil {
			return err
		}
	}
	return nil
}

// pairingKey is the key by which precertificate and certificate recognise each other; zero
// if none could be built.
func (r *record) pairingKey() [32]byte {
	if r.flags&flagPairingFailed != 0 {
		return [32]byte{}
	}
	return r.pairing
}

// member remembers of an item of this population what a certificate that is logged later
// will be compared with: its precertificates, as long as no certificate was seen. The
// population itself records a certificate.
func (p *populating) member(it item) error {
	if len(it.certs(sampler.FormFinal)) > 0 {
		return nil
	}
	return p.remember(it.certs(sampler.FormPrecert), nil)
}

// pairingKeys returns the pairing keys that a certificate of an item of an earlier
// population is compared with: that of the precertificate recorded there, or, if nobody
// knows it, those of all precertificates.
func pairingKeys(it item, recorded sampler.Row, known []sampler.Pairing) [][32]byte {
	var all, own [][32]byte
	for _, r := range it.certs(sampler.FormPrecert) {
		all = append(all, r.pairing)
		if r.cert == recorded.Cert {
			own = append(own, r.pairing)
		}
	}
	for _, k := range known {
		if k.Form != sampler.FormPrecert {
			continue
		}
		all = append(all, k.Key)
		if k.Cert == recorded.Cert {
			own = append(own, k.Key)
		}
	}
	if len(own) > 0 {
		return own
	}
	return all
}

// knownFinals returns the certificates of an item of an earlier population that earlier
// audits recorded.
func knownFinals(recorded sampler.Row, known []sampler.Pairing) []sampler.CertHash {
	var out []sampler.CertHash
	if recorded.Form == sampler.FormFinal {
		out = append(out, recorded.Cert)
	}
	for _, k := range known {
		if k.Form == sampler.FormFinal {
			out = append(out, k.Cert)
		}
	}
	return out
}

// unrecorded leaves out the certificates that earlier audits recorded.
func unrecorded(finals []*record, recorded []sampler.CertHash) []*record {
	return slices.DeleteFunc(slices.Clone(finals), func(r *record) bool { return slices.Contains(recorded, r.cert) })
}

// older counts members that may have older log entries, which were not read because a log
// was not read from its start: their notBefore is long before the chain's start.
func (p *populating) older(ctTime, ownTime, notBefore time.Time) {
	if !notBefore.IsZero() && notBefore.Before(p.m.ChainStart.Add(-notBeforeSlack)) && !(ctTime.IsZero() && ownTime.IsZero()) {
		p.res.Older++
	}
}

// allFinals returns the certificates seen now and those recorded, ascending.
func allFinals(finals []*record, recorded []sampler.CertHash) []sampler.CertHash {
	out := append(hashes(finals), recorded...)
	slices.SortFunc(out, func(a, b sampler.CertHash) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(out)
}

// CursorOf is the first entry of a log that the next audit must read again.
func (r *Result) CursorOf(log ct.LogID, treeSize uint64) uint64 {
	if first, ok := r.Cursors[log]; ok {
		return first
	}
	return treeSize
}
