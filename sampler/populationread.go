package sampler

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
)

// maxPopulationLine bounds one line of population.tsv. The longest valid line
// (a serial of 128 bytes, a label of 32 characters) has 562 bytes.
const maxPopulationLine = 1024

// PopulationReader reads population.tsv strictly, in one pass and constant memory.
type PopulationReader struct {
	r     *bufio.Reader
	h     hash.Hash
	line  int
	count int64
	prev  ItemID
	err   error // sticky, io.EOF included
}

// NewPopulationReader returns a reader; the header is checked by the first Next.
func NewPopulationReader(r io.Reader) *PopulationReader {
	return &PopulationReader{r: bufio.NewReaderSize(r, 1<<16), h: sha256.New()}
}

// Next returns the next item, io.EOF after the last one, or an error that
// names the line. After an error it returns the same error again.
func (p *PopulationReader) Next() (Row, error) {
	if p.err != nil {
		return Row{}, p.err
	}
	row, err := p.next()
	if err != nil {
		if err != io.EOF {
			err = fmt.Errorf("population.tsv: line %d: %w", p.line, err)
		}
		p.err = err
		return Row{}, err
	}
	p.count++
	p.prev = row.Item
	return row, nil
}

func (p *PopulationReader) next() (Row, error) {
	if p.line == 0 {
		header, err := p.readLine()
		if err == io.EOF {
			return Row{}, errors.New("empty file; not even a header line")
		} else if err != nil {
			return Row{}, err
		}
		if string(header) != populationHeader[:len(populationHeader)-1] {
			return Row{}, errors.New("header differs from that of population version 1")
		}
	}
	line, err := p.readLine()
	if err != nil {
		return Row{}, err
	}
	row, err := parsePopulationRow(line)
	if err != nil {
		return Row{}, err
	}
	if p.count > 0 && row.Item.Compare(p.prev) <= 0 {
		return Row{}, fmt.Errorf("item %s is not strictly ascending", row.Item)
	}
	return row, nil
}

// readLine returns the next line without its LF; it is valid until the next call.
func (p *PopulationReader) readLine() ([]byte, error) {
	b, err := p.r.ReadSlice('\n')
	if err == io.EOF && len(b) == 0 {
		return nil, io.EOF
	}
	p.line++
	switch {
	case err == io.EOF:
		return nil, errors.New("last line does not end in LF")
	case errors.Is(err, bufio.ErrBufferFull) || err == nil && len(b) > maxPopulationLine:
		return nil, fmt.Errorf("line is longer than %d bytes", maxPopulationLine)
	case err != nil:
		return nil, err
	}
	p.h.Write(b)
	return b[:len(b)-1], nil
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

// Count returns the number of items read so far.
func (p *PopulationReader) Count() int64 { return p.count }

// Hash returns the SHA-256 of the lines read so far: after io.EOF that of the
// whole file.
func (p *PopulationReader) Hash() DocHash { return DocHash(p.h.Sum(nil)) }
