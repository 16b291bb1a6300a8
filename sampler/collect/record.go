package collect

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// flags are what was noticed about one sighting; each becomes a finding of its item.
type flags uint32

const (
	flagSignatureUnchecked flags = 1 << iota // algorithm this program cannot verify
	flagSCTInvalid                           // an embedded SCT of a configured log does not verify
	flagPrecertSigner                        // signed by a Precertificate Signing Certificate
	flagExtensionsBroken                     // the extensions cannot be read to the end
	flagPairingFailed                        // no TBSCertificate to pair by could be built
	flagSCTList                              // the list of embedded SCTs cannot be read
	flagOwnSCT                               // no finding: ownMS is stored
)

// noTime marks a validity bound that could not be read.
const noTime = math.MinInt64

// record is the thin form of one sighting: all that merging needs, without the body.
type record struct {
	item    sampler.ItemID
	form    sampler.Form
	class   sampler.Class
	cert    sampler.CertHash
	pairing ct.Hash // SHA-256(issuer key hash || TBS without poison and SCT list), ct-harvest 1.5
	entryMS uint64  // time stamp of the log entry, 0 for a file
	sctMS   uint64  // earliest verified embedded SCT of a log that the CA does not operate, 0 for none
	ownMS   uint64  // the same of the CA's own logs
	nb, na  int64   // Unix seconds, noTime if unreadable
	index   uint64  // entry in the log, or block in the file
	flags   flags
	others  []ct.LogID // logs named by embedded SCTs that are not configured

	// Where the bytes lie in the unit: the block, and in it the certificate, then the
	// Precertificate Signing Certificate if one was used, then the entry's extensions.
	block                              uint64
	within, certLen, signerLen, extLen uint32

	row *recordsRow // of a row of the CA's records (form formRow), else nil

	unit int // position in the merged units; set on reading, not stored
}

// compare orders records by item, then final before precertificate, then certificate,
// unit and index: a total order, so a merge has one result.
func (r *record) compare(o *record) int {
	return cmp.Or(r.item.Compare(o.item), cmp.Compare(r.form, o.form), bytes.Compare(r.cert[:], o.cert[:]),
		cmp.Compare(r.unit, o.unit), cmp.Compare(r.index, o.index))
}

func unixOrZero(sec int64) time.Time {
	if sec == noTime {
		return time.Time{}
	}
	return time.Unix(sec, 0).UTC()
}

func unixOf(t time.Time) int64 {
	if t.IsZero() {
		return noTime
	}
	return t.Unix()
}

// appendRecord encodes r behind a 32-bit length.
func appendRecord(b []byte, r *record) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0)
	b = append(b, r.item.Issuer[:]...)
	b = appendString(b, string(r.item.Serial))
	b = appendString(b, string(r.form))
	b = appendString(b, string(r.class))
	b = append(b, r.cert[:]...)
	b = append(b, r.pairing[:]...)
	for _, v := range [...]uint64{r.entryMS, r.sctMS, uint64(r.nb), uint64(r.na), r.index, r.block} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	for _, v := range [...]uint32{uint32(r.flags), r.within, r.certLen, r.signerLen, r.extLen, uint32(len(r.others))} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	for _, id := range r.others {
		b = append(b, id[:]...)
	}
	if r.flags&flagOwnSCT != 0 {
		b = binary.BigEndian.AppendUint64(b, r.ownMS)
	}
	if r.form == formRow {
		b = appendRow(b, r.row)
	}
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return b
}

func appendString(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	return append(b, s...)
}

var errRecord = errors.New("damaged record in the work folder")

// decodeRecord parses what appendRecord wrote, without the length.
func decodeRecord(b []byte) (record, error) {
	d := decoder{b: b}
	var r record
	copy(r.item.Issuer[:], d.take(32))
	r.item.Serial = sampler.Serial(d.text())
	r.form = sampler.Form(d.text())
	r.class = sampler.Class(d.text())
	copy(r.cert[:], d.take(32))
	copy(r.pairing[:], d.take(32))
	r.entryMS, r.sctMS = d.u64(), d.u64()
	r.nb, r.na = int64(d.u64()), int64(d.u64())
	r.index, r.block = d.u64(), d.u64()
	r.flags = flags(d.u32())
	r.within, r.certLen, r.signerLen, r.extLen = d.u32(), d.u32(), d.u32(), d.u32()
	n := d.u32()
	for ; n > 0 && d.err == nil; n-- {
		var id ct.LogID
		copy(id[:], d.take(32))
		r.others = append(r.others, id)
	}
	if r.flags&flagOwnSCT != 0 {
		r.ownMS = d.u64()
	}
	if r.form == formRow {
		r.row = d.recordsRow()
	}
	if d.err == nil && len(d.b) != 0 {
		d.err = errRecord
	}
	if d.err != nil {
		return record{}, fmt.Errorf("%w: delete the work folder and run collect again", d.err)
	}
	return r, nil
}

type decoder struct {
	b   []byte
	err error
}

func (d *decoder) take(n int) []byte {
	if d.err != nil || len(d.b) < n {
		d.err = errRecord
		return nil
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) u64() uint64 {
	if b := d.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) u32() uint32 {
	if b := d.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) text() string {
	b := d.take(2)
	if b == nil {
		return ""
	}
	return string(d.take(int(binary.BigEndian.Uint16(b))))
}
