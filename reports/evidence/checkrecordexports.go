package evidence

import (
	"bytes"
	"slices"

	"selfaudit/sampler"
)

// exports compares what the snapshot says of the exports and of rows left out by hand with
// the counts of the reconciliation.
func (r *recordsCheck) exports() {
	audited := map[sampler.KeyHash]bool{}
	for _, i := range r.s.Issuers {
		audited[i.KeySHA256] = true
	}
	rows := map[sampler.KeyHash]int64{} // kept ones by issuer
	for _, e := range r.s.Records {
		var kept int64
		for i, x := range e.Issuers {
			if !audited[x.Issuer] || x.Rows < 1 || i > 0 && bytes.Compare(x.Issuer[:], e.Issuers[i-1].Issuer[:]) <= 0 {
				r.bad.add("%s: %s of issuer %s, which is not audited, or not in order", e.Path, sampler.Counted(x.Rows, "row", "rows"), x.Issuer)
			}
			rows[x.Issuer] += x.Rows
			kept += x.Rows
		}
		if kept != e.Kept {
			r.bad.add("%s: %s of audited issuers, by issuer there are %d", e.Path, sampler.Counted(e.Kept, "row", "rows"), kept)
		}
		for i, key := range e.Covers {
			if !audited[key] || i > 0 && bytes.Compare(key[:], e.Covers[i-1][:]) <= 0 {
				r.bad.add("%s is said to be complete for issuer %s, which is not audited, or not in order", e.Path, key)
			}
		}
	}
	var leftOut int64
	for _, x := range r.s.Exclusions {
		if x.Effect == sampler.ExclusionApplied {
			leftOut += x.Rows
		}
		if (x.Rows == 0) != (x.Effect == sampler.ExclusionUnused) {
			r.bad.add("record of serial %s, issuer %s: excluded with effect %s, and %d rows have it", x.Serial, x.Issuer, x.Effect, x.Rows)
		}
	}
	if r.doc == nil {
		return
	}
	if leftOut != r.doc.Counts.RowsExcluded {
		r.bad.add("%d rows were left out, the exclusions give %d", r.doc.Counts.RowsExcluded, leftOut)
	}
	for _, i := range r.doc.Issuers {
		if i.InRecords > rows[i.Issuer] {
			r.bad.add("reconciliation.json: %s of issuer %s are in the records, which have %s of it", sampler.Counted(i.InRecords, "item", "items"), i.Issuer, sampler.Counted(rows[i.Issuer], "row", "rows"))
		}
	}
}

// certificateOnly says whether an item is known by final certificates alone, though their
// SCTs promise a precertificate and no entry of them was proven.
func (r *recordsCheck) certificateOnly(it *itemSightings) bool {
	finals, precerts := r.v.split(it)
	if len(finals) == 0 || len(precerts) > 0 || it.sct {
		return false
	}
	return slices.ContainsFunc(finals, func(h sampler.CertHash) bool {
		cert, _, err := r.v.readCertificate("certificates/" + h.String() + ".der")
		if err != nil {
			return false // the check of the certificates has said so
		}
		if _, err := cert.PairingTBS(); err != nil {
			return false // nothing can be said of a precertificate then
		}
		list, err := cert.SCTs()
		return len(list) > 0 || err != nil
	})
}

// disagreeing says whether the rows of an item would put it into different strata.
func (r *recordsCheck) disagreeing(rows []sampler.RecordRow) bool {
	by := r.s.StrataBy
	return len(by) > 0 && slices.ContainsFunc(rows, func(row sampler.RecordRow) bool {
		return sampler.LabelText(by, row.Values(by)) != sampler.LabelText(by, rows[0].Values(by))
	})
}

// seenIn is what not-in-records says of an item.
func seenIn(it *itemSightings) string {
	if it.earliest.IsZero() {
		return sampler.SeenInFile
	}
	return sampler.SeenInCT
}
