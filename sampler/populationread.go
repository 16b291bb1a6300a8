package sampler

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

// maxPopulationLine bounds one line of population.tsv. The longest valid line
// (a serial of 128 bytes, a label of 32 characters) has 562 bytes.
const maxPopulationLine = 1024

// PopulationReader reads population.tsv strictly, in one pass and constant memory.
type PopulationReader struct {
	tsvReader
	prev ItemID
}

// NewPopulationReader returns a reader; the header is checked by the first Next.
func NewPopulationReader(r io.Reader) *PopulationReader {
	return &PopulationReader{tsvReader: newTSVReader(r, "population.tsv: ", populationHeader, "population version 1", maxPopulationLine)}
}

// Next returns the next item, io.EOF after the last one, or an error that
// names the line. After an error it returns the same error again.
func (p *PopulationReader) Next() (Row, error) {
	var out Row
	err := p.row(func(line []byte) error {
		row, err := parsePopulationRow(line)
		if err == nil && p.count > 0 && row.Item.Compare(p.prev) <= 0 {
			err = fmt.Errorf("item %s is not strictly ascending", row.Item)
		}
		if err == nil {
			out, p.prev = row, row.Item
		}
		return err
	})
	return out, err
}

// parsePopulationRow reads the seven fields of a line. The field rules leave no
// room for a control character, a CR or a byte outside ASCII.
func parsePopulationRow(line []byte) (Row, error) {
	var f [7][]byte
	rest := line
	for i := range len(f) - 1 {
		end := bytes.IndexByte(rest, '\t')
		if end < 0 {
			return Row{}, fmt.Errorf("want 7 fields, have %d", i+1)
		}
		f[i], rest = rest[:end], rest[end+1:]
	}
	if f[6] = rest; bytes.IndexByte(rest, '\t') >= 0 {
		return Row{}, errors.New("want 7 fields, have more")
	}
	var row Row
	var err error
	if row.Item, err = parseItemID(f[0]); err != nil {
		return Row{}, fmt.Errorf("bad item_id: %w", err)
	}
	if row.Stratum, err = parseStratumID(f[1]); err != nil {
		return Row{}, fmt.Errorf("bad stratum_id: %w", err)
	}
	if row.Item.Issuer != row.Stratum.Issuer {
		return Row{}, errors.New("issuer of item and stratum differ")
	}
	switch string(f[2]) {
	case string(FormFinal):
		row.Form = FormFinal
	case string(FormPrecert):
		row.Form = FormPrecert
	default:
		return Row{}, fmt.Errorf("bad form %.40q", f[2])
	}
	if row.Cert, err = parseHex32(f[3]); err != nil {
		return Row{}, fmt.Errorf("bad cert_sha256: %w", err)
	}
	var ok bool
	if row.Issued, ok = parseTime(f[4]); !ok {
		return Row{}, fmt.Errorf("bad issued %.40q", f[4])
	}
	for i, t := range []*time.Time{&row.NotBefore, &row.NotAfter} {
		v := f[5+i]
		if len(v) == 1 && v[0] == '-' {
			continue
		}
		if *t, ok = parseTime(v); !ok {
			return Row{}, fmt.Errorf("bad validity %.40q", v)
		}
	}
	return row, nil
}
