package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

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
	Unread   []sampler.UnreadLog // logs that embedded SCTs name but nobody configured, with the number of items
}

// Population decides membership item by item (draw protocol 3.1) and writes the rows of
// population.tsv in order. earlier are the populations of the chain's earlier audits; an
// item of one of them is never a member again. finding receives, in the order of the
// items, the findings of members and, for items of earlier populations, what has come to
// light since.
func (c *Collected) Population(ctx context.Context, m sampler.Membership, earlier []io.Reader,
	row func(sampler.Row) error, finding func(sampler.ItemFinding) error) (*Result, error) {
	p := &populating{c: c, m: m, row: row, finding: finding, unread: map[ct.LogID]int64{},
		res: &Result{Strata: map[sampler.StratumID]int64{}, Findings: map[string]int64{}}}
	for _, r := range earlier {
		e, err := newEarlier(r)
		if err != nil {
			return nil, err
		}
		p.earlier = append(p.earlier, e)
	}
	if err := c.items(ctx, c.workFolder(), func(s []record) error { return p.item(item{s}) }); err != nil {
		return nil, err
	}
	for _, e := range p.earlier {
		if err := e.drain(); err != nil {
			return nil, err
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(p.unread), func(a, b ct.LogID) int { return slices.Compare(a[:], b[:]) }) {
		p.res.Unread = append(p.res.Unread, sampler.UnreadLog{LogID: id.String(), SCTs: p.unread[id]})
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
	res     *Result
}

func (p *populating) item(it item) error {
	n := &p.res.Counts
	n.ItemsSeen++
	for _, e := range p.earlier {
		row, found, err := e.find(it.id())
		if err != nil {
			return err
		}
		if found {
			n.InEarlier++
			return p.again(it, row)
		}
	}
	r := it.chosen()
	issued, how, verdict := p.m.Decide(sampler.Times{CT: it.ctTime(), NotBefore: unixOrZero(r.nb)})
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
	stratum := sampler.StratumID{Issuer: it.id().Issuer, Class: r.class}
	p.res.Strata[stratum]++
	err := p.row(sampler.Row{Item: it.id(), Stratum: stratum, Form: r.form, Cert: r.cert, Issued: issued,
		NotBefore: unixOrZero(r.nb), NotAfter: unixOrZero(r.na)})
	if err != nil {
		return err
	}
	return p.report(it.findings(), true)
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
	if d := p.news(it, differing(it, recorded)); len(d) > 0 {
		f.add("e_certificate_differs_from_earlier_population", "error", citeProtocol, append([]sampler.CertHash{recorded.Cert}, hashes(d)...),
			"an earlier audit's population recorded another certificate under this issuer key and serial number")
	} else if recorded.Form == sampler.FormPrecert && len(finals) > 1 && len(p.news(it, finals)) > 0 {
		f.several(finals)
	}
	return p.report(f.list, false)
}

// differing returns the final certificates that are not what an earlier population
// recorded: not the certificate, or not a certificate to the precertificate.
func differing(it item, recorded sampler.Row) []*record {
	finals := it.certs(sampler.FormFinal)
	if recorded.Form == sampler.FormFinal {
		return slices.DeleteFunc(finals, func(r *record) bool { return r.cert == recorded.Cert })
	}
	precerts := it.certs(sampler.FormPrecert)
	if i := slices.IndexFunc(precerts, func(p *record) bool { return p.cert == recorded.Cert }); i >= 0 {
		precerts = precerts[i : i+1]
	}
	return slices.DeleteFunc(finals, func(r *record) bool {
		return len(precerts) == 0 || slices.ContainsFunc(precerts, func(p *record) bool { return p.pairing == r.pairing })
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
