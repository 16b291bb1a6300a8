package collect

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"selfaudit/sampler"
	"selfaudit/sampler/records"
)

// formRow is the form of a record that is a row of the CA's records: it is sorted behind
// an item's certificates and precertificates and never stands for the item.
const formRow sampler.Form = "row"

// recordsRow is what a row of the CA's records says besides issuer and serial, which are
// the record's item. The record's cert is the fingerprint that the row states, zero if it
// states none; index counts the rows of the export from 0; nb and na are the row's.
type recordsRow struct {
	export  uint32 // position of the export in the configuration
	number  uint64 // of the row in the export, from 1
	line    uint64 // in its file, 0 for a certificate
	issued  int64  // Unix seconds, noTime if the row does not say
	carried bool   // a certificate came with the row
	file    string // inside the export
	serial  string // as written
	issuer  string // as written
	free    [len(records.FreeColumns)]string
}

// appendRow encodes the row behind the rest of its record.
func appendRow(b []byte, r *recordsRow) []byte {
	b = binary.BigEndian.AppendUint32(b, r.export)
	b = binary.BigEndian.AppendUint64(b, r.number)
	b = binary.BigEndian.AppendUint64(b, r.line)
	b = binary.BigEndian.AppendUint64(b, uint64(r.issued))
	carried := byte(0)
	if r.carried {
		carried = 1
	}
	b = append(b, carried)
	for _, s := range append([]string{r.file, r.serial, r.issuer}, r.free[:]...) {
		b = appendString(b, s)
	}
	return b
}

func (d *decoder) recordsRow() *recordsRow {
	r := &recordsRow{export: d.u32(), number: d.u64(), line: d.u64(), issued: int64(d.u64())}
	if b := d.take(1); b != nil {
		r.carried = b[0] == 1
	}
	r.file, r.serial, r.issuer = d.text(), d.text(), d.text()
	for i := range r.free {
		r.free[i] = d.text()
	}
	return r
}

// splitRows tells an item's certificates from what the CA's records say of it. The rows
// are brought into the order of the exports.
func splitRows(group []record) item {
	n := len(group)
	for n > 0 && group[n-1].form == formRow {
		n--
	}
	it := item{sightings: group[:n:n], rows: group[n:]}
	slices.SortStableFunc(it.rows, func(a, b record) int {
		if a.row.export != b.row.export {
			return int(a.row.export) - int(b.row.export)
		}
		return int(int64(a.row.number) - int64(b.row.number))
	})
	return it
}

// recordTime is the earliest issuance time in the CA's records, zero if they give none.
func recordTime(rows []record) time.Time {
	first := int64(noTime)
	for i := range rows {
		if at := rows[i].row.issued; at != noTime && (first == noTime || at < first) {
			first = at
		}
	}
	return unixOrZero(first)
}

// rowNotBefore is the notBefore that the records give, for an item without certificate.
func rowNotBefore(rows []record) time.Time {
	for i := range rows {
		if rows[i].nb != noTime {
			return unixOrZero(rows[i].nb)
		}
	}
	return time.Time{}
}

// fingerprints are the distinct ones that the rows state, ascending.
func fingerprints(rows []record) []sampler.CertHash {
	var out []sampler.CertHash
	for i := range rows {
		if h := rows[i].cert; !h.IsZero() && !slices.Contains(out, h) {
			out = append(out, h)
		}
	}
	slices.SortFunc(out, func(a, b sampler.CertHash) int { return slices.Compare(a[:], b[:]) })
	return out
}

// recordRow is the row as documents have it.
func (r *record) recordRow() sampler.RecordRow {
	out := sampler.RecordRow{ItemID: r.item, Export: int(r.row.export), File: r.row.file, Row: int64(r.row.number), Line: int64(r.row.line),
		Serial: r.row.serial, Issuer: r.row.issuer, Fingerprint: r.cert, Carried: r.row.carried,
		NotBefore: timeOrEmpty(r.nb), NotAfter: timeOrEmpty(r.na), IssuedAt: timeOrEmpty(r.row.issued)}
	for i, text := range r.row.free {
		if text == "" {
			continue
		}
		if out.Columns == nil {
			out.Columns = map[string]string{}
		}
		out.Columns[records.FreeColumns[i]] = text
	}
	return out
}

func timeOrEmpty(sec int64) string {
	if sec == noTime {
		return ""
	}
	return timeWord(sec)
}

// RecordRows passes the rows of the wanted items on, in the order of sampler.RecordRow.
// Rows that were left out by hand and had that effect are not among them.
func (c *Collected) RecordRows(ctx context.Context, want map[sampler.ItemID]bool, fn func(sampler.RecordRow) error) error {
	return c.everything(ctx, c.workFolder(), func(it item) error {
		if !want[it.id()] {
			return nil
		}
		for i := range it.rows {
			if err := fn(it.rows[i].recordRow()); err != nil {
				return err
			}
		}
		return nil
	})
}
