package evidence

import (
	"errors"
	"io"
	"io/fs"
	"slices"

	"selfaudit/sampler"
)

// recordList is one list of the reconciliation on its way through the population.
type recordList struct {
	name  string
	file  fs.File
	r     *sampler.ReconciliationReader
	cur   sampler.ReconciliationItem
	done  bool
	want  sampler.ReconciliationList
	items []sampler.ItemID // that findings say must be here, ascending; nil for a list without findings
}

// walk goes through the population and all lists in step: every item of a list must be a
// member, with the same certificate and time, and the numbers must be those that
// reconciliation.json gives.
func (r *recordsCheck) walk() {
	lists := r.openLists()
	defer func() {
		for _, l := range lists {
			l.file.Close()
		}
	}()
	if lists == nil || r.v.docs.population == nil || r.doc == nil {
		return
	}
	f, err := r.v.data.Open("draw/population.tsv")
	if err != nil {
		r.bad.add("%v", err)
		return
	}
	defer f.Close()
	r.listed = map[string]map[sampler.ItemID]bool{}
	for _, l := range lists {
		r.listed[l.name] = map[sampler.ItemID]bool{}
	}
	sums := map[sampler.KeyHash]*sampler.ReconciliationIssuer{}
	rows := sampler.NewPopulationReader(f)
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && rows.Count()%65536 == 0 {
			err = cancelled(r.v.ctx)
		}
		if err != nil {
			r.bad.add("population.tsv: %v", err)
			return
		}
		sum := sums[row.Item.Issuer]
		if sum == nil {
			sum = &sampler.ReconciliationIssuer{Issuer: row.Item.Issuer}
			sums[row.Item.Issuer] = sum
		}
		sum.Population++
		for _, l := range lists {
			if err := r.step(l, row, sum); err != nil {
				r.bad.add("%s: %v", sampler.ReconciliationListFile(l.name), err)
				return
			}
		}
	}
	r.endOfLists(lists)
	r.sums(sums)
	if c := r.doc.Counts; r.details[sampler.SeenInCT] != c.OnlyInCT || r.details[sampler.SeenInFile] != c.OnlyInFiles {
		r.bad.add("reconciliation.json counts %d items that only a log shows and %d that only a file shows, the list has %d and %d", c.OnlyInCT, c.OnlyInFiles,
			r.details[sampler.SeenInCT], r.details[sampler.SeenInFile])
	}
}

// openLists opens the lists in the order of the documents.
func (r *recordsCheck) openLists() []*recordList {
	var out []*recordList
	names := sampler.ReconciliationLists()
	if len(r.s.Reconciliation.Lists) != len(names) {
		r.bad.add("snapshot.json names %d lists, there are %d", len(r.s.Reconciliation.Lists), len(names))
		return nil
	}
	for i, name := range names {
		want := r.s.Reconciliation.Lists[i]
		if want.Name != name {
			r.bad.add("list %d of snapshot.json is %q, want %q", i+1, want.Name, name)
			return nil
		}
		file, err := r.v.data.Open(sampler.ReconciliationListFile(name))
		if err != nil {
			r.bad.add("%s is missing", sampler.ReconciliationListFile(name))
			for _, l := range out {
				l.file.Close()
			}
			return nil
		}
		l := &recordList{name: name, file: file, r: sampler.NewReconciliationReader(file), want: want}
		switch name {
		case sampler.ListNotInRecords:
			l.items = r.foundItems(lintNotInRecords)
		case sampler.ListOtherBytes:
			l.items = r.foundItems(lintOtherBytes)
		}
		out = append(out, l)
	}
	for _, l := range out {
		if err := l.next(); err != nil {
			r.bad.add("%s: %v", sampler.ReconciliationListFile(l.name), err)
			l.done = true
		}
	}
	return out
}

// foundItems are the items of this population that a finding names, ascending.
func (r *recordsCheck) foundItems(lint string) []sampler.ItemID {
	out := []sampler.ItemID{}
	for _, f := range r.v.docs.findings {
		if f.Lint == lint && f.InPopulation {
			out = append(out, f.ItemID)
		}
	}
	return out
}

func (l *recordList) next() error {
	i, err := l.r.Next()
	if errors.Is(err, io.EOF) {
		l.done = true
		return nil
	}
	l.cur = i
	return err
}

// step compares a list with one item of the population.
func (r *recordsCheck) step(l *recordList, row sampler.Row, sum *sampler.ReconciliationIssuer) error {
	here := !l.done && l.cur.Item == row.Item
	if l.name == sampler.ListPrecertOnly && here != (row.Form == sampler.FormPrecert) {
		r.bad.add("item %s has form %s; that it is in %s is %v", row.Item, row.Form, sampler.ReconciliationListFile(l.name), here)
	}
	if !here {
		return nil
	}
	if l.cur.Cert != row.Cert || l.cur.Form != row.Form || !l.cur.Issued.Equal(row.Issued) {
		r.bad.add("%s: item %s: certificate, form or time are not those of population.tsv", sampler.ReconciliationListFile(l.name), row.Item)
	}
	switch l.name {
	case sampler.ListNotInRecords:
		sum.NotInRecords++
		r.details[l.cur.Detail]++
		if !r.covered[row.Item.Issuer] {
			r.bad.add("%s: item %s: no export covers its issuer", sampler.ReconciliationListFile(l.name), row.Item)
		}
	case sampler.ListNotInCT:
		sum.NotProven++
	}
	if l.items != nil {
		if len(l.items) == 0 || l.items[0] != row.Item {
			r.bad.add("item %s is in %s, and no finding says so", row.Item, sampler.ReconciliationListFile(l.name))
		} else {
			l.items = l.items[1:]
		}
	}
	if _, wanted := r.v.docs.population.rows[row.Item]; wanted {
		r.listed[l.name][row.Item] = true
		if l.name == sampler.ListNotInRecords {
			r.seenIn[row.Item] = l.cur.Detail
		}
	}
	return l.next()
}

// endOfLists checks that nothing is left, and the lists' hashes and numbers.
func (r *recordsCheck) endOfLists(lists []*recordList) {
	numbers := map[string]int64{sampler.ListNotInRecords: r.doc.Counts.NotInRecords, sampler.ListNotInCT: r.doc.Counts.NotProven,
		sampler.ListOtherBytes: r.doc.Counts.OtherBytes, sampler.ListDuplicates: r.doc.Counts.Duplicates,
		sampler.ListPrecertOnly: r.doc.Counts.PrecertOnly, sampler.ListCertificateOnly: r.doc.Counts.CertificateOnly}
	for _, l := range lists {
		file := sampler.ReconciliationListFile(l.name)
		if !l.done {
			r.bad.add("%s: item %s is not in the population, or not in its order", file, l.cur.Item)
			continue
		}
		if got := l.r.Hash(); got != l.want.SHA256 {
			r.bad.add("%s is not the committed one: its SHA-256 is %s, snapshot.json says %s", file, got, l.want.SHA256)
		}
		if l.r.Count() != l.want.Rows {
			r.bad.add("%s has %s, snapshot.json says %d", file, sampler.Counted(l.r.Count(), "row", "rows"), l.want.Rows)
		}
		if n, counted := numbers[l.name]; counted && n != l.r.Count() {
			r.bad.add("%s has %s, reconciliation.json counts %d", file, sampler.Counted(l.r.Count(), "row", "rows"), n)
		}
		if len(l.items) > 0 {
			r.bad.add("item %s has the finding that belongs to %s, but is not there", l.items[0], file)
		}
	}
	if twins := int64(len(r.foundItems(lintSeveralRows))); twins != r.doc.Counts.Contradicting {
		r.bad.add("%s %s, reconciliation.json counts %d", sampler.Counted(twins, "finding", "findings"), lintSeveralRows, r.doc.Counts.Contradicting)
	}
}

// sums compares the numbers of each issuer.
func (r *recordsCheck) sums(sums map[sampler.KeyHash]*sampler.ReconciliationIssuer) {
	if len(sums) != len(r.doc.Issuers) {
		r.bad.add("reconciliation.json has %s, the population has items of %d", sampler.Counted(len(r.doc.Issuers), "issuer", "issuers"), len(sums))
	}
	for _, i := range r.doc.Issuers {
		sum := sums[i.Issuer]
		switch {
		case sum == nil:
			r.bad.add("reconciliation.json: issuer %s has no items", i.Issuer)
		case i.Population != sum.Population || i.NotInRecords != sum.NotInRecords || i.NotProven != sum.NotProven:
			r.bad.add("reconciliation.json: issuer %s has %s, %d not in the records and %d not in CT; the lists say %d, %d, %d", i.Issuer,
				sampler.Counted(i.Population, "item", "items"), i.NotInRecords, i.NotProven, sum.Population, sum.NotInRecords, sum.NotProven)
		case i.Covered && i.InRecords+i.NotInRecords != i.Population, i.InBoth+i.NotProven != i.InRecords:
			r.bad.add("reconciliation.json: the numbers of issuer %s do not add up", i.Issuer)
		}
	}
	if slices.ContainsFunc(r.doc.Issuers, func(i sampler.ReconciliationIssuer) bool { return !i.Covered && i.NotInRecords > 0 }) {
		r.bad.add("reconciliation.json: items of an issuer that no export covers are said to be missing there")
	}
}
