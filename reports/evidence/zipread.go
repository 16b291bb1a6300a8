package evidence

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"selfaudit/sampler"
)

// A zipPackage reads the files of a canonical zip without extracting them.
type zipPackage struct {
	src     io.ReaderAt
	size    int64
	top     string               // the single top folder, "" when the files lie at the root
	entries map[string]*zipEntry // path below top -> entry
}

type zipEntry struct {
	name         string // as in the zip
	offset       int64  // of the compressed data, by the canonical layout
	compressed   int64
	uncompressed int64
	crc          uint32
}

// openZip reads the central directory of a zip of the given size and refuses every zip
// that is not byte for byte in canonical form, compressed data apart. A lying header, a
// byte before, between or after the entries, overlapping entries, an extra field, a
// comment, a second name or a folder entry therefore never get further than here. Data
// is decompressed only by scan and open.
func openZip(src io.ReaderAt, size int64, limits Limits) (*zipPackage, error) {
	if err := checkZipEnd(src, size, limits); err != nil {
		return nil, err
	}
	zr, err := zip.NewReader(src, size)
	if err != nil {
		return nil, fmt.Errorf("not a zip: %w", err)
	}
	if err := checkZipEntries(zr.File, size, limits); err != nil {
		return nil, err
	}
	z := &zipPackage{src: src, size: size, top: topFolder(zr.File), entries: make(map[string]*zipEntry, len(zr.File))}
	if err := z.layOut(zr.File); err != nil {
		return nil, err
	}
	if err := z.compareHeaders(zr.File); err != nil {
		return nil, err
	}
	return z, nil
}

// checkZipEnd looks at the end record before anything is allocated for the entries that
// it claims: the file must end with it, and the count must be within the limits.
func checkZipEnd(src io.ReaderAt, size int64, limits Limits) error {
	const endLen, locatorLen, end64Len = 22, 20, 56
	var end [endLen]byte
	if size < endLen {
		return errors.New("not a zip: too short")
	}
	if _, err := src.ReadAt(end[:], size-endLen); err != nil {
		return fmt.Errorf("reading the zip's end: %w", err)
	}
	if binary.LittleEndian.Uint32(end[:]) != 0x06054b50 {
		return errors.New("does not end with a zip end record: not a zip, or bytes follow it")
	}
	count := uint64(binary.LittleEndian.Uint16(end[10:]))
	if count == 1<<16-1 && size >= endLen+locatorLen+end64Len {
		var end64 [end64Len]byte
		if _, err := src.ReadAt(end64[:], size-endLen-locatorLen-end64Len); err != nil {
			return fmt.Errorf("reading the zip's end: %w", err)
		}
		if binary.LittleEndian.Uint32(end64[:]) == 0x06064b50 {
			count = binary.LittleEndian.Uint64(end64[32:])
		}
	}
	if count > uint64(limits.Files) {
		return fmt.Errorf("the zip claims %d files, at most %d are allowed", count, limits.Files)
	}
	return nil
}

// checkZipEntries checks names, order, sizes and ratios before any data is read.
func checkZipEntries(files []*zip.File, size int64, limits Limits) error {
	names := newNameSet()
	spent := budget{limits: limits}
	var compressed uint64
	for i, f := range files {
		if err := checkPath(f.Name); err != nil {
			return err
		}
		if f.Mode()&^0o777 != 0 {
			return fmt.Errorf("%s: not a regular file but %v", f.Name, f.Mode())
		}
		if err := names.add(f.Name); err != nil {
			return err
		}
		if i > 0 && files[i-1].Name >= f.Name {
			return fmt.Errorf("%s: entries are not in byte order", f.Name)
		}
		if f.CompressedSize64 > uint64(size) || compressed > uint64(size)-f.CompressedSize64 {
			return fmt.Errorf("%s: the entries claim more bytes than the zip has", f.Name)
		}
		compressed += f.CompressedSize64
		if f.UncompressedSize64 > uint64(limits.File) {
			return fmt.Errorf("%s: %d bytes, at most %d are allowed", f.Name, f.UncompressedSize64, limits.File)
		}
		if err := spent.add(f.Name, int64(f.UncompressedSize64), int64(f.CompressedSize64)); err != nil {
			return err
		}
	}
	return spent.end()
}

// topFolder returns the folder that all entries share, or "" when they have none.
func topFolder(files []*zip.File) string {
	if len(files) == 0 {
		return ""
	}
	top, _, found := strings.Cut(files[0].Name, "/")
	if !found {
		return ""
	}
	for _, f := range files {
		if !strings.HasPrefix(f.Name, top+"/") {
			return ""
		}
	}
	return top
}

// layOut computes where each entry's data lies when entries follow each other without a
// gap, which compareHeaders then proves.
func (z *zipPackage) layOut(files []*zip.File) error {
	offset := int64(0)
	for _, f := range files {
		e := &zipEntry{
			name:         f.Name,
			offset:       offset + 30 + int64(len(f.Name)),
			compressed:   int64(f.CompressedSize64),
			uncompressed: int64(f.UncompressedSize64),
			crc:          f.CRC32,
		}
		offset = e.offset + e.compressed + 16
		if e.isZip64() {
			offset += 8 // the data descriptor holds 64-bit sizes
		}
		name := f.Name
		if z.top != "" {
			name = strings.TrimPrefix(name, z.top+"/")
		}
		z.entries[name] = e
	}
	if offset > z.size {
		return errors.New("the entries claim more bytes than the zip has")
	}
	return nil
}

func (e *zipEntry) isZip64() bool { return e.compressed >= zip32Max || e.uncompressed >= zip32Max }

// compareHeaders writes the zip again from names, sizes and checksums, with the
// compressed data taken from where it must lie, and compares every byte.
func (z *zipPackage) compareHeaders(files []*zip.File) error {
	cmp := &comparer{src: bufio.NewReaderSize(io.NewSectionReader(z.src, 0, z.size), zipCopyBuffer)}
	zw := zip.NewWriter(cmp)
	buf := make([]byte, zipCopyBuffer)
	for _, f := range files {
		e := z.entries[strings.TrimPrefix(f.Name, prefixOf(z.top))]
		h := canonicalHeader(f.Name)
		h.CRC32, h.CompressedSize64, h.UncompressedSize64 = e.crc, uint64(e.compressed), uint64(e.uncompressed)
		w, err := zw.CreateRaw(h)
		if err == nil {
			_, err = io.CopyBuffer(onlyWriter{w}, io.NewSectionReader(z.src, e.offset, e.compressed), buf)
		}
		if err != nil {
			return fmt.Errorf("%s: not in canonical form: %w", f.Name, err)
		}
		if e.isZip64() {
			h.ReaderVersion = zipVersion45 // in the central directory only, as zip.Writer does
		}
	}
	if err := zw.Close(); err != nil {
		return fmt.Errorf("not in canonical form: %w", err)
	}
	if cmp.n != z.size {
		return fmt.Errorf("not in canonical form: %d bytes where the entries make %d", z.size, cmp.n)
	}
	return nil
}

func prefixOf(top string) string {
	if top == "" {
		return ""
	}
	return top + "/"
}

// comparer is a writer that fails at the first byte that differs from src.
type comparer struct {
	src io.Reader
	n   int64
	buf []byte
}

// errDiffers is returned by comparer; the offset stands in the message around it.
var errDiffers = errors.New("differs")

func (c *comparer) Write(p []byte) (int, error) {
	if cap(c.buf) < len(p) {
		c.buf = make([]byte, len(p))
	}
	got := c.buf[:len(p)]
	if _, err := io.ReadFull(c.src, got); err != nil {
		return 0, fmt.Errorf("byte %d and after: %w", c.n, errDiffers)
	}
	if !bytes.Equal(got, p) {
		i := 0
		for got[i] == p[i] {
			i++
		}
		return 0, fmt.Errorf("byte %d: %w", c.n+int64(i), errDiffers)
	}
	c.n += int64(len(p))
	return len(p), nil
}

// open decompresses one entry. The reader ends with an error when the data is longer or
// shorter than the entry says.
func (z *zipPackage) open(name string) (io.ReadCloser, error) {
	e, ok := z.entries[name]
	if !ok {
		return nil, fmt.Errorf("%s: no such entry", name)
	}
	fr := flate.NewReader(bufio.NewReader(io.NewSectionReader(z.src, e.offset, e.compressed)))
	return &sizedReader{r: fr, left: e.uncompressed}, nil
}

// sizedReader yields exactly left bytes and then io.EOF, or an error.
type sizedReader struct {
	r    io.ReadCloser
	left int64
}

func (s *sizedReader) Read(p []byte) (int, error) {
	if s.left == 0 {
		var one [1]byte
		n, err := io.ReadFull(s.r, one[:])
		if n > 0 {
			return 0, errors.New("more data than the zip entry says")
		}
		return 0, err // io.EOF when the stream ends here
	}
	if int64(len(p)) > s.left {
		p = p[:s.left]
	}
	n, err := s.r.Read(p)
	s.left -= int64(n)
	if err == io.EOF {
		if s.left > 0 {
			return n, io.ErrUnexpectedEOF
		}
		err = nil // the next Read looks for the end of the stream
	}
	return n, err
}

func (s *sizedReader) Close() error { return s.r.Close() }

// scan decompresses one entry completely and checks everything about its data: size,
// CRC, that the stream ends exactly at the entry's end, and whether this program's
// compressor gives the same bytes (recompressed). buf is scratch.
func (z *zipPackage) scan(name string, deflater *reusedDeflater, buf []byte) (hash sampler.DocHash, recompressed bool, err error) {
	e := z.entries[name]
	data := bufio.NewReader(io.NewSectionReader(z.src, e.offset, e.compressed))
	fr := &sizedReader{r: flate.NewReader(data), left: e.uncompressed}
	defer fr.Close()
	again := &comparer{src: bufio.NewReader(io.NewSectionReader(z.src, e.offset, e.compressed))}
	fw, err := deflater.open(again)
	if err != nil {
		return hash, false, err
	}
	same := true
	sum, crc := newDocHasher(), crc32.NewIEEE()
	for {
		n, rerr := fr.Read(buf)
		sum.Write(buf[:n])
		crc.Write(buf[:n])
		if same {
			_, werr := fw.Write(buf[:n])
			same = werr == nil
		}
		if rerr == io.EOF {
			break
		}
		if rerr != nil {
			return hash, false, fmt.Errorf("%s: decompressing: %w", name, rerr)
		}
	}
	if _, err := data.ReadByte(); err != io.EOF {
		return hash, false, fmt.Errorf("%s: bytes after the end of the compressed data", name)
	}
	if crc.Sum32() != e.crc {
		return hash, false, fmt.Errorf("%s: CRC-32 differs", name)
	}
	if same {
		same = fw.Close() == nil && again.n == e.compressed
	}
	return sum.docHash(), same, nil
}
