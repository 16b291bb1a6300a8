package sampler

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

const pairingsHeader = "#selfaudit-pairings-v1\titem_id\tform\tcert_sha256\tpairing_sha256\n"

// maxPairingLine bounds one line of ct/pairings.tsv. The longest valid one has 460 bytes.
const maxPairingLine = 1024

// Pairing is one line of ct/pairings.tsv: what a later audit, which does not read this
// audit's log entries again, needs to know of a certificate to judge one that is logged
// later.
type Pairing struct {
	Item ItemID
	Form Form
	Cert CertHash
	// Key is the SHA-256 of issuer key hash and TBSCertificate without poison and SCT list,
	// equal for a precertificate and its certificate; zero, written "-", where none can be built.
	Key [32]byte
}

// Compare orders lines by item, form and certificate.
func (p Pairing) Compare(o Pairing) int {
	return cmp.Or(p.Item.Compare(o.Item), strings.Compare(string(p.Form), string(o.Form)), bytes.Compare(p.Cert[:], o.Cert[:]))
}

// PairingWriter writes ct/pairings.tsv line by line.
type PairingWriter struct {
	tsvWriter
	prev Pairing
	buf  []byte
}

// NewPairingWriter returns a writer whose header line is already buffered.
func NewPairingWriter(w io.Writer) *PairingWriter {
	return &PairingWriter{tsvWriter: newTSVWriter(w, "writing pairings", pairingsHeader)}
}

// Write appends one line. Lines must come strictly ascending; after any error everything
// that follows is refused too.
func (p *PairingWriter) Write(r Pairing) error {
	if p.err != nil {
		return p.err
	}
	err := checkSerial(string(r.Item.Serial))
	switch {
	case err != nil:
	case r.Form != FormFinal && r.Form != FormPrecert:
		err = fmt.Errorf("bad form %.40q", r.Form)
	case p.count > 0 && r.Compare(p.prev) <= 0:
		err = fmt.Errorf("not strictly ascending: comes after %s", p.prev.Item)
	}
	if err != nil {
		p.err = fmt.Errorf("writing pairing of item %s: %w", r.Item, err)
		return p.err
	}
	b := append(r.Item.Append(p.buf[:0]), '\t')
	b = append(append(b, r.Form...), '\t')
	b = append(hex.AppendEncode(b, r.Cert[:]), '\t')
	if r.Key == [32]byte{} {
		b = append(b, '-')
	} else {
		b = hex.AppendEncode(b, r.Key[:])
	}
	p.buf = append(b, '\n')
	p.prev = r
	return p.row(p.buf)
}

// Describe returns what snapshot.json says of the file.
func (p *PairingWriter) Describe() *SnapshotPairings {
	return &SnapshotPairings{SHA256: p.Hash(), Lines: p.count}
}

// PairingReader reads ct/pairings.tsv strictly, in one pass and constant memory.
type PairingReader struct {
	tsvReader
	prev Pairing
}

// NewPairingReader returns a reader; the header is checked by the first Next.
func NewPairingReader(r io.Reader) *PairingReader {
	return &PairingReader{tsvReader: newTSVReader(r, "pairings.tsv: ", pairingsHeader, "pairings version 1", maxPairingLine)}
}

// Next returns the next line, io.EOF after the last one, or an error that names the line.
// After an error it returns the same error again.
func (p *PairingReader) Next() (Pairing, error) {
	var out Pairing
	err := p.row(func(line []byte) error {
		row, err := parsePairing(line)
		if err == nil && p.count > 0 && row.Compare(p.prev) <= 0 {
			err = fmt.Errorf("item %s is not strictly ascending", row.Item)
		}
		if err == nil {
			out, p.prev = row, row
		}
		return err
	})
	return out, err
}

func parsePairing(line []byte) (out Pairing, err error) {
	f := bytes.Split(line, []byte("\t"))
	if len(f) != 4 {
		return out, fmt.Errorf("want 4 fields, have %d", len(f))
	}
	if out.Item, err = parseItemID(f[0]); err != nil {
		return out, fmt.Errorf("bad item_id: %w", err)
	}
	switch out.Form = Form(f[1]); out.Form {
	case FormFinal, FormPrecert:
	default:
		return out, fmt.Errorf("bad form %.40q", f[1])
	}
	if out.Cert, err = parseHex32(f[2]); err != nil {
		return out, fmt.Errorf("bad cert_sha256: %w", err)
	}
	if string(f[3]) == "-" {
		return out, nil
	}
	if out.Key, err = parseHex32(f[3]); err != nil {
		return out, fmt.Errorf("bad pairing_sha256: %w", err)
	}
	if out.Key == [32]byte{} {
		return out, errors.New("bad pairing_sha256: where there is none, the field is -")
	}
	return out, nil
}
