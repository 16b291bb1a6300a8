package evidence

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"selfaudit/sampler"
)

// lintSeveralFinals names the finding of an item with several final certificates.
const lintSeveralFinals = "e_several_certificates_with_one_serial"

// list reads the list beside the population: both are in the order of the items. Members that
// are not in it as not proven are proven.
func (c *sctCheck) list() error {
	pop, err := c.v.data.Open("draw/population.tsv")
	if err != nil {
		return err
	}
	defer pop.Close()
	f, err := c.v.data.Open(sampler.NotProvenFile)
	if err != nil {
		return err
	}
	defer f.Close()
	if c.records, err = c.openRecords(); err != nil {
		return err
	}
	defer c.records.close()
	members := sampler.NewPopulationReader(pop)
	var rows []sampler.NotProven // of one item
	n := int64(0)
	err = sampler.ReadNotProven(f, func(row sampler.NotProven) error {
		if n++; n%1024 == 0 {
			if err := cancelled(c.v.ctx); err != nil {
				return err
			}
		}
		if len(rows) > 0 && rows[0].Item != row.Item {
			if err := c.upTo(members, rows); err != nil {
				return err
			}
			rows = rows[:0]
		}
		rows = append(rows, row)
		c.line(row)
		return nil
	})
	if err == nil {
		err = c.upTo(members, rows)
	}
	if err == nil {
		err = c.upTo(members, nil)
	}
	if err != nil {
		return err
	}
	if hash := c.v.hashes[payloadFolder+"/"+sampler.NotProvenFile]; hash != c.s.SCTs.List || n != c.s.SCTs.ListRows {
		c.bad.add("%s has %s and hash %s, snapshot.json says %d and %s", sampler.NotProvenFile, sampler.Counted(n, "line", "lines"), hash, c.s.SCTs.ListRows, c.s.SCTs.List)
	}
	return nil
}

// upTo reads the population up to the item of these lines, or to its end without any.
func (c *sctCheck) upTo(members *sampler.PopulationReader, rows []sampler.NotProven) error {
	for {
		row, err := members.Next()
		if errors.Is(err, io.EOF) && len(rows) == 0 {
			return nil
		}
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("item %s is not in the population", rows[0].Item)
		}
		if err == nil && members.Count()%65536 == 0 {
			err = cancelled(c.v.ctx)
		}
		if err != nil {
			return err
		}
		order := -1
		if len(rows) > 0 {
			order = row.Item.Compare(rows[0].Item)
		}
		switch {
		case order > 0:
			return fmt.Errorf("item %s is not in the population", rows[0].Item)
		case order == 0:
			return c.member(row, rows)
		}
		if err := c.member(row, nil); err != nil {
			return err
		}
	}
}

// member takes an item of the population with its lines.
func (c *sctCheck) member(row sampler.Row, lines []sampler.NotProven) error {
	proven := len(lines) == 0 || lines[0].Proven
	if !proven {
		c.notProven++
		if c.v.docs.items[row.Item] != nil {
			c.unproven[row.Item] = true
		}
	}
	ofCert := func(l sampler.NotProven) bool { return l.Cert == row.Cert }
	switch {
	case row.Form == sampler.FormFinal:
		if c.finals++; !proven && !slices.ContainsFunc(lines, ofCert) {
			c.bad.add("item %s is not proven, and %s says nothing of its certificate %s", row.Item, sampler.NotProvenFile, row.Cert)
		}
	case len(lines) == 0:
		// Only an entry that was read proves a precertificate: SCTs are those of certificates.
		if c.s.SCTs.Mode == sampler.CollectRecords {
			c.bad.add("item %s: only its precertificate is known, no log was read, and it is not in %s", row.Item, sampler.NotProvenFile)
		}
	case proven || len(lines) > 1 || lines[0].Outcome != sampler.SCTNone || lines[0].LogID != sampler.NoLog || !ofCert(lines[0]):
		c.bad.add("item %s: only its precertificate is known, and %s says something of SCTs or of another certificate", row.Item, sampler.NotProvenFile)
	default:
		c.precerts++
	}
	return c.records.member(c, row.Item, proven)
}

// sctRecords are two lists of the reconciliation on their way beside the population: they say of the
// same items whether a log has them.
type sctRecords struct {
	notInCT, notInRecords *recordList
	covered               map[sampler.KeyHash]bool
	onlyInFiles           int64
}

func (c *sctCheck) openRecords() (*sctRecords, error) {
	if c.s.Reconciliation == nil {
		return nil, nil
	}
	r := &sctRecords{covered: map[sampler.KeyHash]bool{}}
	for _, e := range c.s.Records {
		for _, key := range e.Covers {
			r.covered[key] = true
		}
	}
	for name, list := range map[string]**recordList{sampler.ListNotInCT: &r.notInCT, sampler.ListNotInRecords: &r.notInRecords} {
		f, err := c.v.data.Open(sampler.ReconciliationListFile(name))
		if err != nil {
			r.close()
			return nil, err
		}
		*list = &recordList{name: name, file: f, r: sampler.NewReconciliationReader(f)}
		if err := (*list).next(); err != nil {
			r.close()
			return nil, fmt.Errorf("%s: %w", sampler.ReconciliationListFile(name), err)
		}
	}
	return r, nil
}

func (r *sctRecords) close() {
	if r == nil {
		return
	}
	for _, l := range []*recordList{r.notInCT, r.notInRecords} {
		if l != nil {
			l.file.Close()
		}
	}
}

// member compares what the lists say of an item.
func (r *sctRecords) member(c *sctCheck, item sampler.ItemID, proven bool) error {
	if r == nil {
		return nil
	}
	var in [2]bool
	for i, l := range []*recordList{r.notInCT, r.notInRecords} {
		if in[i] = !l.done && l.cur.Item == item; !in[i] {
			continue
		}
		if err := l.next(); err != nil {
			return fmt.Errorf("%s: %w", sampler.ReconciliationListFile(l.name), err)
		}
	}
	notInCT, notInRecords := in[0], in[1]
	switch {
	case proven && notInCT:
		c.bad.add("item %s is in %s, and not among the items of %s that no log proves", item, sampler.ReconciliationListFile(sampler.ListNotInCT), sampler.NotProvenFile)
	case !proven && !notInCT && !notInRecords && r.covered[item.Issuer]:
		c.bad.add("item %s is in the records and proven in no log by %s, and not in %s", item, sampler.NotProvenFile, sampler.ReconciliationListFile(sampler.ListNotInCT))
	case !proven && notInRecords:
		r.onlyInFiles++
	}
	return nil
}
