package collect

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"slices"

	"selfaudit/internal/auditdir"
	"selfaudit/sampler/ct"
)

// unitEntries is the number of log entries in a full unit: 64 tiles. A power of two,
// so that a full unit is one complete subtree of the log.
const (
	unitLevel   = 14
	unitEntries = 1 << unitLevel
)

// A unit file is: bodies (blocks) | tree (what unitTree reads) | records | footer (JSON) |
// length of the footer (8 bytes) | unitMagic.
const unitMagic = "saunit2\n"

// footer describes a unit. Start and End are entries of a log, or blocks of a file.
type footer struct {
	Start, End uint64
	MadeFor    string // hash of what decided the content: issuers, logs' keys
	Kept       uint64
	Foreign    uint64   // same issuer name, but another key
	Nodes      []string // compact range of the leaf hashes, hex
	Tops       []string // roots of the full tiles of 256 leaf hashes, hex
	Records    uint64   // number of records
	RecordsSum string   // SHA-256 of the records section
	Bodies     uint64   // length of the bodies section
	RecordsLen uint64
	Tree       uint64 // length of the tree section
	Faults     []fault
	Unreadable []fault // the first maxUnreadable
	Marks      []mark  `json:",omitempty"` // where earlier audits' trees ended

	UnreadableCount uint64

	Rows *rowsFooter `json:",omitempty"` // of the CA's records
}

// fault is something wrong with one entry or block, by its index.
type fault struct {
	Index  uint64
	Where  string
	Reason string
}

// maxFaults bounds what one unit keeps of an endless list of faults; the first ones say it all.
const maxFaults = 100

// maxUnreadable bounds the reasons that are kept of entries and blocks that cannot be read,
// for each source; their number is always exact.
const maxUnreadable = 1000

// first returns the first left faults of the list, without holding on to the others, and
// takes them off left.
func first(list []fault, left *int) []fault {
	n := min(len(list), *left)
	*left -= n
	if n == len(list) {
		return list
	}
	return append([]fault(nil), list[:n]...)
}

// unitWriter builds one unit.
type unitWriter struct {
	out     *auditdir.Pending
	w       *bufio.Writer
	foot    footer
	bodies  bodyWriter
	nodes   treeBuilder
	tree    *ct.Range
	records []record
	marks   []*marking
	err     error
}

func newUnit(dir auditdir.Dir, name string, start uint64, madeFor string) (*unitWriter, error) {
	out, err := dir.Create(name)
	if err != nil {
		return nil, err
	}
	w := bufio.NewWriterSize(out, 1<<18)
	return &unitWriter{out: out, w: w, bodies: bodyWriter{w: w}, tree: ct.NewRange(start),
		foot: footer{Start: start, End: start, MadeFor: madeFor}}, nil
}

// tile records that the entries of a tile, or of the part of one that the tree has, were
// read; every entry of a log passes here, in order.
func (u *unitWriter) tile(leaves []ct.Hash) error {
	for _, m := range u.marks {
		m.add(u.tree, leaves)
	}
	tile := ct.NewRange(u.foot.End)
	if len(leaves) == ct.TileWidth {
		root := u.nodes.full(leaves)
		u.foot.Tops = append(u.foot.Tops, hex.EncodeToString(root[:]))
		tile.End, tile.Nodes = u.foot.End+ct.TileWidth, []ct.Hash{root}
	} else {
		u.nodes.tail = append(u.nodes.tail, leaves...)
		for _, h := range leaves {
			tile.Append(h)
		}
	}
	u.foot.End = tile.End
	return u.tree.Join(tile)
}

// keep stores a sighting with its bytes.
func (u *unitWriter) keep(r record, cert, signer, extensions []byte) {
	r.certLen, r.signerLen, r.extLen = uint32(len(cert)), uint32(len(signer)), uint32(len(extensions))
	if u.err == nil {
		r.block, r.within, u.err = u.bodies.put(cert, signer, extensions)
	}
	u.records = append(u.records, r)
	u.foot.Kept++
}

func (u *unitWriter) fault(index uint64, where string, err error) {
	if len(u.foot.Faults) < maxFaults {
		u.foot.Faults = append(u.foot.Faults, fault{index, where, err.Error()})
	}
}

func (u *unitWriter) unreadable(index uint64, where string, err error) {
	u.foot.UnreadableCount++
	if len(u.foot.Unreadable) < maxUnreadable {
		u.foot.Unreadable = append(u.foot.Unreadable, fault{index, where, err.Error()})
	}
}

// commit sorts the sightings and makes the unit visible.
func (u *unitWriter) commit() error {
	kept := make([]uint64, 0, len(u.records))
	for i := range u.records {
		kept = append(kept, u.records[i].index-u.foot.Start)
	}
	slices.Sort(kept)
	slices.SortFunc(u.records, func(a, b record) int { return a.compare(&b) })
	if u.err == nil {
		u.err = u.bodies.flush()
	}
	tree := u.nodes.encode(kept)
	u.nodes.done()
	u.foot.Bodies, u.foot.Tree = u.bodies.at, uint64(len(tree))
	for _, n := range u.tree.Nodes {
		u.foot.Nodes = append(u.foot.Nodes, hex.EncodeToString(n[:]))
	}
	for _, m := range u.marks {
		u.foot.Marks = append(u.foot.Marks, m.finish())
	}
	sum := sha256.New()
	u.foot.Records = uint64(len(u.records))
	u.write(tree)
	var b []byte
	for i := range u.records {
		b = appendRecord(b[:0], &u.records[i])
		u.foot.RecordsLen += uint64(len(b))
		sum.Write(b)
		u.write(b)
	}
	u.foot.RecordsSum = hex.EncodeToString(sum.Sum(nil))
	foot, err := json.Marshal(u.foot)
	if err != nil {
		u.err = err
	}
	u.write(foot)
	u.write(binary.BigEndian.AppendUint64(nil, uint64(len(foot))))
	u.write([]byte(unitMagic))
	if u.err == nil {
		u.err = u.w.Flush()
	}
	if u.err != nil {
		u.out.Abort()
		return u.err
	}
	return u.out.Commit()
}

func (u *unitWriter) write(b []byte) {
	if u.err == nil {
		_, u.err = u.w.Write(b)
	}
}

func (u *unitWriter) abort() { u.out.Abort() }

// unit is a finished unit, opened for reading.
type unit struct {
	path string
	foot footer
	src  *source
}

// errDamaged marks a unit that is not as it was written.
var errDamaged = errors.New("damaged: delete it and run collect again")

// openUnit reads a unit's footer. fs.ErrNotExist means that it has to be made.
func openUnit(path string) (*unit, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	tail := make([]byte, 8+len(unitMagic))
	if _, err := f.ReadAt(tail, info.Size()-int64(len(tail))); err != nil || string(tail[8:]) != unitMagic {
		return nil, fmt.Errorf("%s: not a complete unit: %w", path, errDamaged)
	}
	n := int64(binary.BigEndian.Uint64(tail))
	if n < 0 || n > info.Size()-int64(len(tail)) {
		return nil, fmt.Errorf("%s: %w", path, errDamaged)
	}
	raw := make([]byte, n)
	if _, err := f.ReadAt(raw, info.Size()-int64(len(tail))-n); err != nil {
		return nil, err
	}
	u := &unit{path: path}
	if err := json.Unmarshal(raw, &u.foot); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, errDamaged, err)
	}
	// Units used to have no count, and all of the list.
	u.foot.UnreadableCount = max(u.foot.UnreadableCount, uint64(len(u.foot.Unreadable)))
	want := u.foot.Bodies + u.foot.Tree + u.foot.RecordsLen + uint64(n) + uint64(len(tail))
	if uint64(info.Size()) != want {
		return nil, fmt.Errorf("%s: has %d bytes instead of %d: %w", path, info.Size(), want, errDamaged)
	}
	return u, nil
}

// haveUnit opens a unit that was made for these bounds and issuers, or reports that it has
// to be made: while collecting, a damaged unit is as good as none.
func haveUnit(path string, start, end uint64, madeFor string) (*unit, bool, error) {
	u, err := openUnit(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errDamaged):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	case u.foot.Start != start || u.foot.End != end || u.foot.MadeFor != madeFor:
		return nil, false, nil
	}
	return u, true, nil
}

// span returns the compact range that the unit's entries hash to.
func (u *unit) span() (*ct.Range, error) {
	nodes, err := u.hashes(u.foot.Nodes)
	return &ct.Range{Begin: u.foot.Start, End: u.foot.End, Nodes: nodes}, err
}

// tops returns the roots of the unit's full tiles.
func (u *unit) tops() ([]ct.Hash, error) { return u.hashes(u.foot.Tops) }

func (u *unit) hashes(list []string) ([]ct.Hash, error) {
	out := make([]ct.Hash, len(list))
	for i, s := range list {
		raw, err := hex.DecodeString(s)
		if err != nil || len(raw) != len(ct.Hash{}) {
			return nil, fmt.Errorf("%s: %w", u.path, errDamaged)
		}
		out[i] = ct.Hash(raw)
	}
	return out, nil
}

// treeNodes reads what the unit keeps of its tree, and compares it with what was proven.
func (u *unit) treeNodes() (*unitTree, error) {
	raw, err := u.read(int64(u.foot.Bodies), int(u.foot.Tree))
	if err != nil {
		return nil, err
	}
	tree, err := parseUnitTree(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: the tree is %w", u.path, err)
	}
	kept, err := tree.span(u.foot.Start)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", u.path, err)
	}
	span, err := u.span()
	if err == nil && (kept.End != span.End || !slices.Equal(kept.Nodes, span.Nodes)) {
		err = fmt.Errorf("%s: the tree is %w", u.path, errDamaged)
	}
	return tree, err
}

// bytes returns the certificate, signer and extensions of one of the unit's records.
func (u *unit) bytes(r *record) (cert, signer, ext []byte, err error) {
	f, err := os.Open(u.path)
	if err != nil {
		return nil, nil, nil, err
	}
	defer f.Close()
	raw, err := readBlock(f, r.block, u.foot.Bodies)
	if size := uint64(r.certLen) + uint64(r.signerLen) + uint64(r.extLen); err == nil && uint64(len(raw)) < uint64(r.within)+size {
		err = errDamaged
	} else if err == nil {
		raw = raw[r.within : uint64(r.within)+size : uint64(r.within)+size]
	}
	if err != nil {
		return nil, nil, nil, fmt.Errorf("reading %s: %w", u.path, err)
	}
	cert, raw = raw[:r.certLen], raw[r.certLen:]
	if got := sha256.Sum256(cert); !bytes.Equal(got[:], r.cert[:]) {
		return nil, nil, nil, fmt.Errorf("%s: certificate %s is damaged on disk: delete the work folder and run collect again", u.path, r.cert)
	}
	return cert, raw[:r.signerLen], raw[r.signerLen:], nil
}

func (u *unit) read(off int64, n int) ([]byte, error) {
	f, err := os.Open(u.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw := make([]byte, n)
	if _, err := f.ReadAt(raw, off); err != nil {
		return nil, fmt.Errorf("reading %s: %w", u.path, err)
	}
	return raw, nil
}

// records opens the unit's sorted records.
func (u *unit) records(position int) (*recordReader, error) {
	f, err := os.Open(u.path)
	if err != nil {
		return nil, err
	}
	sec := io.NewSectionReader(f, int64(u.foot.Bodies+u.foot.Tree), int64(u.foot.RecordsLen))
	sum := sha256.New()
	return &recordReader{f: f, r: bufio.NewReaderSize(io.TeeReader(sec, sum), 32<<10), unit: position, left: u.foot.Records,
		path: u.path, sum: sum, want: u.foot.RecordsSum}, nil
}

// unitInRecord is the unit of a recordReader whose records each say theirs before them.
const unitInRecord = -1

// recordReader walks through a sorted sequence of records.
type recordReader struct {
	f    *os.File
	r    *bufio.Reader
	buf  []byte
	unit int
	left uint64
	path string
	sum  hash.Hash
	want string
	cur  record
}

// next moves to the next record; false at the end or on error.
func (rr *recordReader) next() (bool, error) {
	if rr.left == 0 {
		if got := hex.EncodeToString(rr.sum.Sum(nil)); got != rr.want {
			return false, fmt.Errorf("reading %s: %w: delete the work folder and run collect again", rr.path, errRecord)
		}
		return false, nil
	}
	rr.left--
	var n [4]byte
	unit := rr.unit
	if unit == unitInRecord {
		if _, err := io.ReadFull(rr.r, n[:]); err != nil {
			return false, fmt.Errorf("reading %s: %w", rr.path, err)
		}
		unit = int(binary.BigEndian.Uint32(n[:]))
	}
	if _, err := io.ReadFull(rr.r, n[:]); err != nil {
		return false, fmt.Errorf("reading %s: %w", rr.path, err)
	}
	size := int(binary.BigEndian.Uint32(n[:]))
	if size > 1<<20 {
		return false, fmt.Errorf("reading %s: %w", rr.path, errRecord)
	}
	if cap(rr.buf) < size {
		rr.buf = make([]byte, size)
	}
	rr.buf = rr.buf[:size]
	if _, err := io.ReadFull(rr.r, rr.buf); err != nil {
		return false, fmt.Errorf("reading %s: %w", rr.path, err)
	}
	var err error
	if rr.cur, err = decodeRecord(rr.buf); err != nil {
		return false, fmt.Errorf("reading %s: %w", rr.path, err)
	}
	rr.cur.unit = unit
	return true, nil
}

func (rr *recordReader) close() { rr.f.Close() }
