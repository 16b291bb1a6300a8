package sampler

import (
	"encoding/hex"
	"fmt"
	"io"
	"time"
)

const populationHeader = "#selfaudit-population-v1\titem_id\tstratum_id\tform\tcert_sha256\tissued\tnot_before\tnot_after\n"

// Form says which encoding of an item was obtained (protocol section 3).
type Form string

// The forms of an item.
const (
	FormFinal   Form = "final"   // the certificate itself was obtained
	FormPrecert Form = "precert" // only the precertificate was
)

// Row is one line of population.tsv: one item (protocol section 3).
type Row struct {
	Item                ItemID
	Stratum             StratumID // its issuer must be the item's
	Form                Form
	Cert                CertHash  // of the certificate or precertificate that Form names
	Issued              time.Time // section 3.1; written rounded down to whole seconds
	NotBefore, NotAfter time.Time // from the same DER; zero where unreadable, written "-"
}

// PopulationWriter writes population.tsv row by row.
type PopulationWriter struct {
	tsvWriter
	prev ItemID
	buf  []byte
}

// NewPopulationWriter returns a writer whose header line is already buffered,
// so an empty population needs only Flush.
func NewPopulationWriter(w io.Writer) *PopulationWriter {
	return &PopulationWriter{tsvWriter: newTSVWriter(w, "writing population", populationHeader)}
}

// Write appends one item. Items must come strictly ascending by item id; a row
// that a reader would refuse is refused here, and after any error so is
// everything that follows. A validity time outside the years 1 to 9999 is
// written "-": the format cannot hold it.
func (p *PopulationWriter) Write(r Row) error {
	if p.err != nil {
		return p.err
	}
	if err := p.check(r); err != nil {
		p.err = fmt.Errorf("writing population item %s: %w", r.Item, err)
		return p.err
	}
	b := r.Item.Append(p.buf[:0])
	b = append(b, '\t')
	b = r.Stratum.Append(b)
	b = append(b, '\t')
	b = append(b, r.Form...)
	b = append(b, '\t')
	b = hex.AppendEncode(b, r.Cert[:])
	b = append(b, '\t')
	b = r.Issued.UTC().AppendFormat(b, timeLayout)
	b = append(b, '\t')
	b = appendValidity(b, r.NotBefore)
	b = append(b, '\t')
	b = appendValidity(b, r.NotAfter)
	p.buf = append(b, '\n')
	p.prev = r.Item
	return p.row(p.buf)
}

func (p *PopulationWriter) check(r Row) error {
	if err := checkSerial(string(r.Item.Serial)); err != nil {
		return fmt.Errorf("serial number: %w", err)
	}
	if err := r.Stratum.check(); err != nil {
		return fmt.Errorf("stratum: %w", err)
	}
	switch {
	case r.Stratum.Issuer != r.Item.Issuer:
		return fmt.Errorf("issuer of item and stratum %s differ", r.Stratum)
	case r.Form != FormFinal && r.Form != FormPrecert:
		return fmt.Errorf("bad form %.40q", r.Form)
	case r.Issued.IsZero() || !expressible(r.Issued):
		return fmt.Errorf("no issuance time that the format can hold")
	case p.count > 0 && r.Item.Compare(p.prev) <= 0:
		return fmt.Errorf("not strictly ascending: comes after %s", p.prev)
	}
	return nil
}

func appendValidity(b []byte, t time.Time) []byte {
	if t.IsZero() || !expressible(t) {
		return append(b, '-')
	}
	return t.UTC().AppendFormat(b, timeLayout)
}
