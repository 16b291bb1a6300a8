package sampler

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
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
	w     *bufio.Writer
	h     hash.Hash
	prev  Pairing
	count int64
	buf   []byte
	err   error
}

// NewPairingWriter returns a writer whose header line is already buffered.
func NewPairingWriter(w io.Writer) *PairingWriter {
	p := &PairingWriter{w: bufio.NewWriterSize(w, 1<<16), h: sha256.New()}
	p.buf = append(p.buf, pairingsHeader...)
	p.emit()
	return p
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
	p.emit()
	p.prev = r
	p.count++
	return p.err
}

func (p *PairingWriter) emit() {
	p.h.Write(p.buf)
	if _, err := p.w.Write(p.buf); err != nil {
		p.err = fmt.Errorf("writing pairings: %w", err)
	}
}

// Flush hands everything written so far to the underlying writer.
func (p *PairingWriter) Flush() error {
	if p.err != nil {
		return p.err
	}
	if err := p.w.Flush(); err != nil {
		p.err = fmt.Errorf("writing pairings: %w", err)
	}
	return p.err
}

// Describe returns what snapshot.json says of the file.
func (p *PairingWriter) Describe() *SnapshotPairings {
	return &SnapshotPairings{SHA256: DocHash(p.h.Sum(nil)), Lines: p.count}
}

// PairingReader reads ct/pairings.tsv strictly, in one pass and constant memory.
type PairingReader struct {
	r     *bufio.Reader
	h     hash.Hash
	line  int
	count int64
	prev  Pairing
	err   error // sticky, io.EOF included
}

// NewPairingReader returns a reader; the header is checked by the first Next.
func NewPairingReader(r io.Reader) *PairingReader {
	return &PairingReader{r: bufio.NewReaderSize(r, 1<<16), h: sha256.New()}
}

// Next returns the next line, io.EOF after the last one, or an error that names the line.
// After an error it returns the same error again.
func (p *PairingReader) Next() (Pairing, error) {
	if p.err != nil {
		return Pairing{}, p.err
	}
	out, err := p.next()
	if err != nil {
		if err != io.EOF {
			err = fmt.Errorf("pairings.tsv: line %d: %w", p.line, err)
		}
		p.err = err
		return Pairing{}, err
	}
	p.count++
	p.prev = out
	return out, nil
}

func (p *PairingReader) next() (Pairing, error) {
	if p.line == 0 {
		header, err := p.readLine()
		if err == io.EOF {
			return Pairing{}, errors.New("empty file; not even a header line")
		} else if err != nil {
			return Pairing{}, err
		}
		if string(header) != pairingsHeader[:len(pairingsHeader)-1] {
			return Pairing{}, errors.New("header differs from that of pairings version 1")
		}
	}
	line, err := p.readLine()
	if err != nil {
		return Pairing{}, err
	}
	out, err := parsePairing(line)
	if err != nil {
		return Pairing{}, err
	}
	if p.count > 0 && out.Compare(p.prev) <= 0 {
		return Pairing{}, fmt.Errorf("item %s is not strictly ascending", out.Item)
	}
	return out, nil
}

// readLine returns the next line without its LF; it is valid until the next call.
func (p *PairingReader) readLine() ([]byte, error) {
	b, err := p.r.ReadSlice('\n')
	if err == io.EOF && len(b) == 0 {
		return nil, io.EOF
	}
	p.line++
	switch {
	case err == io.EOF:
		return nil, errors.New("last line does not end in LF")
	case errors.Is(err, bufio.ErrBufferFull) || err == nil && len(b) > maxPairingLine:
		return nil, fmt.Errorf("line is longer than %d bytes", maxPairingLine)
	case err != nil:
		return nil, err
	}
	p.h.Write(b)
	return b[:len(b)-1], nil
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

// Count returns the number of lines read so far, without the header.
func (p *PairingReader) Count() int64 { return p.count }

// Hash returns the SHA-256 of the lines read so far: after io.EOF that of the whole file.
func (p *PairingReader) Hash() DocHash { return DocHash(p.h.Sum(nil)) }
