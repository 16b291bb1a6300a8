package collect

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"

	"selfaudit/sampler"
)

// Rules of the findings that the reconciliation makes.
const (
	citeRecords     = "BR 5.4.1; BR 8.7"
	citeRecordsTwin = "BR 5.4.1; MRSP 5.2; RFC 5280 4.1.2.2"
)

// RecordsOutput receives what reconciling the CA's records gives, in the order of the items.
type RecordsOutput struct {
	// List receives a line of one of the lists, sampler.ReconciliationLists.
	List func(name string, i sampler.ReconciliationItem) error
	// Missing receives the rows of an item of which no certificate is known anywhere.
	Missing func(sampler.RecordRow) error
}

// RecordsResult is the reconciliation of the population with the CA's records.
type RecordsResult struct {
	Counts     sampler.ReconciliationCounts
	Issuers    []sampler.ReconciliationIssuer
	Missing    int64                   // items in the records without any certificate
	Labels     []sampler.SnapshotLabel // of the members' strata
	Exclusions map[sampler.ItemID]ExclusionResult
}

// ExclusionResult is what became of one exclusion.
type ExclusionResult struct {
	Rows   int64
	Effect string // one of the Exclusion constants of sampler
}

// reconciling compares items with the CA's records as Population passes them.
type reconciling struct {
	c       *Collected
	s       *recordsState
	out     RecordsOutput
	n       sampler.ReconciliationCounts
	issuers map[sampler.KeyHash]*sampler.ReconciliationIssuer
	missing int64
}

func newReconciling(c *Collected) *reconciling {
	if c.rec == nil {
		return nil
	}
	return &reconciling{c: c, s: c.rec, out: c.Reconciled, issuers: map[sampler.KeyHash]*sampler.ReconciliationIssuer{}}
}

// seen counts the rows of an item, before anything is decided about it.
func (r *reconciling) seen(it item, leftOut int) {
	if r == nil {
		return
	}
	r.n.Rows += int64(len(it.rows) + leftOut)
	r.n.RowsExcluded += int64(leftOut)
	if len(it.rows) > 0 {
		r.n.ItemsInRecords++
	}
}

// elsewhere counts an item in the records that is not a member.
func (r *reconciling) elsewhere(it item, v sampler.Verdict, earlier bool) {
	switch {
	case r == nil || len(it.rows) == 0:
	case earlier:
		r.n.RecordsEarlier++
	case v == sampler.Waiting:
		r.n.RecordsWaiting++
	default:
		r.n.RecordsTooOld++
	}
}

// alone takes an item that would be a member but of which no certificate is known.
func (r *reconciling) alone(it item) error {
	r.missing++
	for i := range it.rows {
		if err := r.out.Missing(it.rows[i].recordRow()); err != nil {
			return err
		}
	}
	return nil
}

// member compares a member with the records and returns what contradicts them.
func (r *reconciling) member(it item, row sampler.Row) ([]sampler.ItemFinding, error) {
	f := findingList{item: it.id()}
	list := func(name, detail string) error {
		return r.out.List(name, sampler.ReconciliationItem{Item: row.Item, Cert: row.Cert, Form: row.Form, Issued: row.Issued, Detail: detail})
	}
	logged := it.logged()
	i := r.issuers[row.Item.Issuer]
	if i == nil {
		i = &sampler.ReconciliationIssuer{Issuer: row.Item.Issuer, Covered: r.s.covered[row.Item.Issuer]}
		r.issuers[row.Item.Issuer] = i
	}
	r.n.Population++
	i.Population++
	var err error
	switch {
	case len(it.rows) > 0 || i.Covered:
		r.n.Covered++
		err = r.covered(it, i, logged, &f, list)
	default:
		r.n.NotCovered++
	}
	if err == nil && len(it.rows) > 0 {
		err = r.rows(it, &f, list)
	}
	if err == nil {
		err = r.forms(it, list)
	}
	return f.list, err
}

func (r *reconciling) covered(it item, i *sampler.ReconciliationIssuer, logged bool, f *findingList, list func(name, detail string) error) error {
	switch {
	case len(it.rows) > 0 && logged:
		r.n.InRecords++
		r.n.InBoth++
		i.InRecords++
		i.InBoth++
		return nil
	case len(it.rows) > 0:
		r.n.InRecords++
		r.n.NotProven++
		i.InRecords++
		i.NotProven++
		return list(sampler.ListNotInCT, it.whyNotLogged())
	}
	r.n.NotInRecords++
	i.NotInRecords++
	where := sampler.SeenInFile
	if logged {
		where = sampler.SeenInCT
		r.n.OnlyInCT++
	} else {
		r.n.OnlyInFiles++
	}
	f.add("e_certificate_not_in_ca_records", "error", citeRecords, hashes(append(it.certs(sampler.FormFinal), it.certs(sampler.FormPrecert)...)),
		"the item was "+where+", but the CA's own records, which are said to be complete for this issuer, do not have it")
	return list(sampler.ListNotInRecords, where)
}

// rows compares the rows of an item with each other and with its certificates.
func (r *reconciling) rows(it item, f *findingList, list func(name, detail string) error) error {
	stated := fingerprints(it.rows)
	finals := it.certs(sampler.FormFinal)
	known := hashes(append(slices.Clone(finals), it.certs(sampler.FormPrecert)...))
	foreign := slices.DeleteFunc(slices.Clone(stated), func(h sampler.CertHash) bool { return slices.Contains(known, h) })
	if len(foreign) > 0 && len(finals) > 0 {
		r.n.OtherBytes++
		detail := fmt.Sprintf("the CA's records state the fingerprint %s, which is of none of the certificates seen under this issuer key and serial number", foreign[0])
		f.add("e_ca_record_names_other_certificate", "error", citeRecords, hashes(finals), detail)
		if err := list(sampler.ListOtherBytes, "the records state "+foreign[0].String()); err != nil {
			return err
		}
	}
	if len(it.rows) > 1 {
		r.n.Duplicates++
		if len(stated) > 1 {
			r.n.Contradicting++
			f.add("e_ca_records_name_several_certificates", "error", citeRecordsTwin, known,
				fmt.Sprintf("%d rows of the CA's records name %d different certificates under this issuer key and serial number", len(it.rows), len(stated)))
		}
		if err := list(sampler.ListDuplicates, fmt.Sprintf("%d rows, %d different fingerprints; %s", len(it.rows), len(stated), it.places())); err != nil {
			return err
		}
		return r.disagreeing(it, list)
	}
	return nil
}

// disagreeing lists items whose rows would put them into different strata.
func (r *reconciling) disagreeing(it item, list func(name, detail string) error) error {
	if len(r.s.by) == 0 {
		return nil
	}
	labels := map[string]bool{}
	for i := range it.rows {
		labels[r.s.labelOf(&it.rows[i])] = true
	}
	if len(labels) < 2 {
		return nil
	}
	all := slices.Sorted(maps.Keys(labels))
	return list(sampler.ListDisagreeing, fmt.Sprintf("%s; the first row decides: %s", bytes.Join(byteSlices(all), []byte(", ")), r.s.labelOf(&it.rows[0])))
}

func byteSlices(list []string) [][]byte {
	out := make([][]byte, len(list))
	for i, s := range list {
		out[i] = []byte(s)
	}
	return out
}

// forms lists precertificates without certificate, and the other way round.
func (r *reconciling) forms(it item, list func(name, detail string) error) error {
	finals, precerts := it.certs(sampler.FormFinal), it.certs(sampler.FormPrecert)
	switch {
	case len(finals) == 0:
		r.n.PrecertOnly++
		detail := "no certificate was seen"
		if stated := fingerprints(it.rows); len(stated) > 0 {
			detail = "the records state the certificate " + stated[0].String() + ", which was not found"
		}
		return list(sampler.ListPrecertOnly, detail)
	case len(precerts) == 0 && slices.ContainsFunc(finals, hasSCTs) && !r.provenSCT(it):
		r.n.CertificateOnly++
		return list(sampler.ListCertificateOnly, "it has embedded SCTs, so a precertificate was made")
	}
	return nil
}

// provenSCT says whether the entry of an embedded SCT was proven: the precertificate is then
// in the log, though its bytes were not fetched.
func (r *reconciling) provenSCT(it item) bool {
	return slices.ContainsFunc(it.sightings, func(s record) bool { return s.entryMS != 0 && r.c.units[s.unit].src.isSCT })
}

func hasSCTs(r *record) bool { return r.hasSCT() || len(r.others) > 0 || r.flags&flagSCTInvalid != 0 }

// logged says whether an entry of a log is known to hold the item.
func (it item) logged() bool {
	return slices.ContainsFunc(it.sightings, func(r record) bool { return r.entryMS != 0 })
}

// whyNotLogged says what the certificates say of logs that should have the item.
func (it item) whyNotLogged() string {
	read, others := false, false
	for i := range it.sightings {
		read = read || it.sightings[i].hasSCT()
		others = others || len(it.sightings[i].others) > 0
	}
	switch {
	case read:
		return "an SCT of a configured log is embedded, but the item was not found there"
	case others:
		return "its SCTs are of logs that are not configured"
	}
	return "it has no embedded SCT"
}

// places names the first rows of an item.
func (it item) places() string {
	var b []byte
	for i := range it.rows[:min(len(it.rows), 5)] {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = fmt.Appendf(b, "export %d row %d", it.rows[i].row.export+1, it.rows[i].row.number)
	}
	return string(b)
}

// result is what was found in all.
func (r *reconciling) result() *RecordsResult {
	if r == nil {
		return nil
	}
	out := &RecordsResult{Counts: r.n, Missing: r.missing, Exclusions: map[sampler.ItemID]ExclusionResult{}}
	for _, i := range r.issuers {
		out.Issuers = append(out.Issuers, *i)
	}
	slices.SortFunc(out.Issuers, func(a, b sampler.ReconciliationIssuer) int { return bytes.Compare(a.Issuer[:], b.Issuer[:]) })
	for label, text := range r.s.used {
		out.Labels = append(out.Labels, sampler.SnapshotLabel{Label: label, Text: text})
	}
	slices.SortFunc(out.Labels, func(a, b sampler.SnapshotLabel) int { return cmp.Compare(a.Label, b.Label) })
	for id, x := range r.s.excluded {
		e := ExclusionResult{Rows: x.rows, Effect: sampler.ExclusionUnused}
		switch {
		case x.rows > 0 && x.certain:
			e.Effect = sampler.ExclusionNoEffect
		case x.rows > 0:
			e.Effect = sampler.ExclusionApplied
		}
		out.Exclusions[id] = e
	}
	return out
}
