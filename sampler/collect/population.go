package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// Counts says what became of every item that was collected.
type Counts struct {
	ItemsSeen, Population, Late, Predated, TooOld, Waiting, InEarlier int64
	ByCT, ByRecord, ByNotBefore                                       int64 // how the population's items were dated
	PrecertOnly, FinalOnly, Both                                      int64 // of the population
}

// Result is what freezing found besides the rows it wrote.
type Result struct {
	Counts   Counts
	Strata   map[sampler.StratumID]int64
	Findings map[string]int64
	// Cursors are, of the logs that hold items which wait for the next audit, the first
	// entries of such an item. Older counts members with a notBefore more than 48 hours
	// before the chain's start.
	Cursors map[ct.LogID]uint64
	Older   int64
	Unread  []sampler.UnreadLog // logs that embedded SCTs name but nobody configured, with the number of items
	// SCTs is nil if none were looked up; the hash and the lines of its list are the caller's to add.
	SCTs    *sampler.SnapshotSCTs
	Records *RecordsResult // nil without UseRecords
	Outside OutsideResult
}

// Population decides membership item by item (draw protocol 3.1) and writes the rows of
// population.tsv in order. earlier are the populations of the chain's earlier audits; an
// item of one of them is never a member again. finding receives, in the order of the
// items, the findings of members and, for items of earlier populations, what has come to
// light since.
func (c *Collected) Population(ctx context.Context, m sampler.Membership, earlier []io.Reader,
	row func(sampler.Row) error, finding func(sampler.ItemFinding) error) (*Result, error) {
	p := &populating{c: c, m: m, row: row, finding: finding, unread: map[ct.LogID]int64{},
		res: &Result{Strata: map[sampler.StratumID]int64{}, Findings: map[string]int64{}, Cursors: map[ct.LogID]uint64{}}}
	if c.sctMode != "" {
		p.sct = newSCTCounts(c.sctMode)
	}
	for _, r := range earlier {
		e, err := newEarlier(r)
		if err != nil {
			return nil, err
		}
		p.earlier = append(p.earlier, e)
	}
	var err error
	if p.pairings, err = newPairings(c.pairingsOf); err != nil {
		return nil, err
	}
	if p.out, err = newOutside(c.outside); err != nil {
		return nil, err
	}
	p.rec, p.spans = newReconciling(c), spans(c.issuers)
	if err := c.everything(ctx, c.workFolder(), p.item); err != nil {
		return nil, err
	}
	if _, err := p.upTo(nil); err != nil {
		return nil, err
	}
	for _, e := range p.earlier {
		if err := e.drain(); err != nil {
			return nil, err
		}
	}
	if err := p.pairings.drain(); err != nil {
		return nil, err
	}
	for _, id := range slices.SortedFunc(maps.Keys(p.unread), func(a, b ct.LogID) int { return slices.Compare(a[:], b[:]) }) {
		p.res.Unread = append(p.res.Unread, sampler.UnreadLog{LogID: id.String(), SCTs: p.unread[id]})
	}
	p.res.SCTs = p.sct.result()
	p.res.Records = p.rec.result()
	if p.out != nil {
		p.res.Outside = p.out.res
	}
	return p.res, nil
}

type populating struct {
	c       *Collected
	m       sampler.Membership
	earlier []*earlier
	row     func(sampler.Row) error
	finding func(sampler.ItemFinding) error
	unread  map[ct.LogID]int64
	sct     *sctCounts   // nil if no SCTs were looked up
	rec     *reconciling // nil without the CA's records
	spans   map[sampler.KeyHash]span
	res     *Result

	pairings *pairings
	known    []sampler.Pairing // of the item at hand
	out      *outside          // nil without Outside
}

func (p *populating) item(it item) (err error) {
	n := &p.res.Counts
	id := it.id()
	waited, err := p.upTo(&id)
	if err != nil {
		return err
	}
	if p.known, err = p.pairings.of(id); err != nil {
		return err
	}
	rows, leftOut := p.c.rec.rowsOf(it)
	it.rows = rows
	p.rec.seen(it, leftOut)
	switch {
	case len(it.sightings) > 0:
	case len(rows) == 0:
		return p.leftOut(waited)
	default:
		return p.onlyRecords(it)
	}
	n.ItemsSeen++
	for _, e := range p.earlier {
		row, found, err := e.find(it.id())
		if err != nil {
			return err
		}
		if found {
			n.InEarlier++
			p.rec.elsewhere(it, "", true)
			return p.again(it, row)
		}
	}
	r := it.chosen()
	ctTime, ownTime := p.c.ctTimes(it)
	ctTime = beforeChain(p.known, ctTime, p.m)
	issued, how, verdict := p.m.Decide(sampler.Times{CT: ctTime, OwnCT: ownTime, Record: recordTime(it.rows), NotBefore: unixOrZero(r.nb)})
	if verdict != sampler.Late && verdict != sampler.Current {
		p.rec.elsewhere(it, verdict, false)
		if err := p.stays(it, verdict, issued); err != nil {
			return err
		}
	}
	switch verdict {
	case sampler.TooOld:
		n.TooOld++
		return nil
	case sampler.Predated:
		n.Predated++
		return nil
	case sampler.Waiting:
		n.Waiting++
		return nil
	case sampler.Late:
		n.Late++
	case sampler.Current:
	default:
		return fmt.Errorf("item %s: unknown verdict %q", it.id(), verdict)
	}
	n.Population++
	p.count(it, how)
	p.older(ctTime, ownTime, unixOrZero(r.nb))
	if err := p.member(it); err != nil {
		return err
	}
	stratum := sampler.StratumID{Issuer: it.id().Issuer, Class: r.class, Label: p.c.rec.label(it)}
	p.c.rec.use(it, stratum.Label)
	p.res.Strata[stratum]++
	row := sampler.Row{Item: it.id(), Stratum: stratum, Form: r.form, Cert: r.cert, Issued: issued, NotBefore: unixOrZero(r.nb), NotAfter: unixOrZero(r.na)}
	if err := p.row(row); err != nil {
		return err
	}
	if err := p.report(slices.Concat(it.findings(), p.spans[it.id().Issuer].outside(it)), true); err != nil {
		return err
	}
	if err := p.reconcile(it, row); err != nil {
		return err
	}
	return p.scts(it)
}

// onlyRecords takes an item that the CA's records have and of which no certificate was
// seen. If it belongs here it cannot be a member: a member has the hash of a certificate
// (draw protocol section 3). The caller refuses to go on.
func (p *populating) onlyRecords(it item) error {
	for _, e := range p.earlier {
		_, found, err := e.find(it.id())
		if err != nil {
			return err
		}
		if found {
			p.rec.elsewhere(it, "", true)
			return nil
		}
	}
	issued, _, verdict := p.m.Decide(sampler.Times{CT: beforeChain(p.known, time.Time{}, p.m), Record: recordTime(it.rows), NotBefore: rowNotBefore(it.rows)})
	if verdict == sampler.Late || verdict == sampler.Current {
		if p.rec == nil {
			return fmt.Errorf("item %s is in the CA's records, which nobody asked for", it.id())
		}
		return p.rec.alone(it)
	}
	p.rec.elsewhere(it, verdict, false)
	return p.stays(it, verdict, issued)
}

// reconcile compares a member with the CA's records.
func (p *populating) reconcile(it item, row sampler.Row) error {
	if p.rec == nil {
		return nil
	}
	found, err := p.rec.member(it, row)
	if err != nil {
		return err
	}
	return p.report(found, true)
}

func (p *populating) count(it item, how string) {
	n := &p.res.Counts
	switch how {
	case "ct":
		n.ByCT++
	case "record":
		n.ByRecord++
	default:
		n.ByNotBefore++
	}
	finals, precerts := it.certs(sampler.FormFinal), it.certs(sampler.FormPrecert)
	switch {
	case len(precerts) == 0:
		n.FinalOnly++
	case len(finals) == 0:
		n.PrecertOnly++
	default:
		n.Both++
	}
	named := map[ct.LogID]bool{}
	for i := range it.sightings {
		for _, id := range it.sightings[i].others {
			named[id] = true
		}
	}
	for id := range named {
		p.unread[id]++
	}
}

func (p *populating) report(list []sampler.ItemFinding, member bool) error {
	for _, f := range list {
		f.InPopulation = member
		p.res.Findings[f.Lint]++
		if err := p.finding(f); err != nil {
			return err
		}
	}
	return nil
}

// again looks at an item of an earlier population: another certificate under it than was
// recorded there is a finding of the audit in which it is first seen, because its ticket
// was already public when it could be issued (draw protocol section 3).
func (p *populating) again(it item, recorded sampler.Row) error {
	f := findingList{item: it.id()}
	finals := it.certs(sampler.FormFinal)
	before := knownFinals(recorded, p.known)
	if err := p.remember(finals, before); err != nil {
		return err
	}
	if d := p.news(it, differing(it, recorded, p.known)); len(d) > 0 {
		f.add("e_certificate_differs_from_earlier_population", "error", citeProtocol, append([]sampler.CertHash{recorded.Cert}, hashes(d)...),
			"an earlier audit's population recorded another certificate under this issuer key and serial number")
	} else if all := allFinals(finals, before); recorded.Form == sampler.FormPrecert && len(all) > 1 && len(p.news(it, unrecorded(finals, before))) > 0 {
		f.several(all)
	}
	return p.report(f.list, false)
}

// differing returns the final certificates that are not what an earlier population
// recorded: not the certificate, or not a certificate to the precertificate.
func differing(it item, recorded sampler.Row, known []sampler.Pairing) []*record {
	finals := it.certs(sampler.FormFinal)
	if recorded.Form == sampler.FormFinal {
		return slices.DeleteFunc(finals, func(r *record) bool { return r.cert == recorded.Cert })
	}
	keys := pairingKeys(it, recorded, known)
	return slices.DeleteFunc(finals, func(r *record) bool {
		return len(keys) == 0 || slices.Contains(keys, [32]byte(r.pairing))
	})
}

// news leaves out the certificates that findings of earlier audits have named.
func (p *populating) news(it item, list []*record) []*record {
	known := p.c.reported[it.id()]
	return slices.DeleteFunc(slices.Clone(list), func(r *record) bool { return slices.Contains(known, r.cert) })
}

// Reported reads the findings (findings/items.jsonl) of an earlier audit of the chain:
// certificates of an item that they name were seen then, and Population reports them no
// more.
func (c *Collected) Reported(findings io.Reader) error {
	list, err := sampler.ParseItemFindings(findings)
	if err != nil {
		return err
	}
	if c.reported == nil {
		c.reported = map[sampler.ItemID][]sampler.CertHash{}
	}
	for _, f := range list {
		c.reported[f.ItemID] = append(c.reported[f.ItemID], f.Certificates...)
	}
	return nil
}

// earlier walks through an earlier population in step with the merge.
type earlier struct {
	r    *sampler.PopulationReader
	cur  sampler.Row
	done bool
}

func newEarlier(r io.Reader) (*earlier, error) {
	e := &earlier{r: sampler.NewPopulationReader(r)}
	return e, e.next()
}

func (e *earlier) next() error {
	row, err := e.r.Next()
	if errors.Is(err, io.EOF) {
		e.done = true
		return nil
	}
	e.cur = row
	return err
}

// drain reads to the end: what comes after the last item asked for counts too when the
// caller compares the hash of what was read, and a damaged end must not pass unnoticed.
func (e *earlier) drain() error {
	for !e.done {
		if err := e.next(); err != nil {
			return err
		}
	}
	return nil
}

// find says whether the population has the item; items are asked for in ascending order.
func (e *earlier) find(id sampler.ItemID) (sampler.Row, bool, error) {
	for !e.done && e.cur.Item.Compare(id) < 0 {
		if err := e.next(); err != nil {
			return sampler.Row{}, false, err
		}
	}
	return e.cur, !e.done && e.cur.Item == id, nil
}
