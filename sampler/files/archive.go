package files

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// Bounds of archives. Nothing is ever extracted to a disk, so names cannot lead anywhere;
// what is left to bound is work and memory.
const (
	// MaxEntries is the most entries of an archive that are read.
	MaxEntries = 5_000_000
	// maxRatio is how many times larger than its packed form a content may be after the first
	// ratioFree bytes. Certificates in PEM pack to a half, tables to a tenth.
	maxRatio  = 200
	ratioFree = 64 << 20
)

// errBomb ends the reading of an archive that unpacks to far more than any content of
// ours does.
var errBomb = fmt.Errorf("it unpacks to more than %d times its size: not read any further", maxRatio)

// archiveKind says by the first bytes what a file is.
type archiveKind int

const (
	noArchive archiveKind = iota
	zipArchive
	gzipped
	tarArchive
)

// tarMagic is at offset 257 of a tar header (POSIX.1 and GNU).
const tarMagicAt = 257

// kindOf needs the first 262 bytes.
func kindOf(head []byte) archiveKind {
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return zipArchive
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return gzipped
	case len(head) >= tarMagicAt+5 && string(head[tarMagicAt:tarMagicAt+5]) == "ustar":
		return tarArchive
	}
	return noArchive
}

// Each passes the content of every regular file under root to fn, in a fixed order: a file
// or folder as Walk has it, and in their place the entries of zip and tar archives and what
// a gzip file holds. The path of an entry is that of the archive, a slash and the entry's
// name. An archive inside an archive is passed on as it is. What cannot be read goes to
// problem, which may be nil.
func Each(ctx context.Context, root string, problem func(Problem) error, fn func(path string, r io.Reader) error) error {
	report := func(p Problem) error {
		if problem == nil {
			return nil
		}
		return problem(p)
	}
	return eachFile(ctx, root, problem, func(path string, r io.Reader) error {
		a := &archive{ctx: ctx, path: path, report: report, fn: fn}
		return a.read(contextReader{ctx, r}, r)
	})
}

// archive reads one file that may be an archive.
type archive struct {
	ctx     context.Context
	path    string
	report  func(Problem) error
	fn      func(path string, r io.Reader) error
	entries int
}

// read looks at the first bytes. file is what r reads, for zip, which needs to seek.
func (a *archive) read(r io.Reader, file any) error {
	in := bufio.NewReaderSize(r, 64<<10)
	head, err := in.Peek(tarMagicAt + 5)
	if err != nil && err != io.EOF {
		return fmt.Errorf("reading %s: %w", printable(a.path), err)
	}
	switch kindOf(head) {
	case zipArchive:
		if f, ok := file.(*os.File); ok {
			return a.zip(f)
		}
	case gzipped:
		return a.gzip(in)
	case tarArchive:
		return a.tar(in)
	}
	return a.fn(a.path, in)
}

// gzip reads a packed tar archive, or a packed file.
func (a *archive) gzip(packed io.Reader) error {
	counted := &counter{r: packed}
	z, err := gzip.NewReader(counted)
	if err != nil {
		if ctxErr := a.ctx.Err(); ctxErr != nil {
			return ctxErr
		}
		return a.broken("gzip file", err)
	}
	limited := &unpacked{r: z, packed: func() int64 { return counted.n }}
	in := bufio.NewReaderSize(limited, 64<<10)
	head, _ := in.Peek(tarMagicAt + 5) // an error comes again when the content is read
	if kindOf(head) == tarArchive {
		return a.tar(in)
	}
	name := strings.TrimSuffix(strings.TrimSuffix(path.Base(a.path), ".gz"), ".GZ")
	return a.entry(a.path+"/"+name, in, limited)
}

// entry passes one content on and reports what made it unreadable.
func (a *archive) entry(name string, r io.Reader, u *unpacked) error {
	err := a.fn(name, r)
	var damage *damagedError
	if errors.As(err, &damage) {
		return a.report(Problem{Path: name, Index: -1, Err: fmt.Errorf("unpacking: %w", damage.err)})
	}
	if err == nil && u.failed != nil {
		return a.report(Problem{Path: name, Index: -1, Err: fmt.Errorf("unpacking: %w", u.failed)})
	}
	return err
}

// broken reports an archive that cannot be read, or not to its end.
func (a *archive) broken(what string, err error) error {
	var damage *damagedError
	if errors.As(err, &damage) {
		err = damage.err
	}
	return a.report(Problem{Path: a.path, Index: -1, Err: fmt.Errorf("%s cannot be read to its end: %w", what, err)})
}

// next counts entries.
func (a *archive) next() error {
	if err := a.ctx.Err(); err != nil {
		return err
	}
	a.entries++
	return nil
}

func (a *archive) tooMany() error {
	return a.report(Problem{Path: a.path, Index: -1, Err: fmt.Errorf("archive of more than %d entries: split it", MaxEntries)})
}

func (a *archive) tar(r io.Reader) error {
	end := &tarEnd{r: r}
	t := tar.NewReader(end)
	for {
		h, err := t.Next()
		if err == io.EOF && end.zeros >= 512 {
			return nil
		}
		if err == io.EOF { // archive/tar takes an archive that is cut between two blocks for complete
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			if ctxErr := a.ctx.Err(); ctxErr != nil {
				return ctxErr
			}
			return a.broken("tar archive", err)
		}
		if err := a.next(); err != nil {
			return err
		}
		if a.entries > MaxEntries {
			return a.tooMany()
		}
		name := a.path + "/" + h.Name
		switch h.Typeflag {
		case tar.TypeReg:
			if h.Size > MaxFile {
				err = a.report(Problem{Path: name, Index: -1, Err: fmt.Errorf("entry of %d bytes is over the limit of %d", h.Size, int64(MaxFile))})
			} else {
				u := &unpacked{r: t, packed: func() int64 { return h.Size + 1 }}
				err = a.entry(name, u, u)
			}
		case tar.TypeDir, tar.TypeXGlobalHeader:
		default:
			err = a.report(Problem{Path: name, Index: -1, Err: fmt.Errorf("entry is a link or device (type %q), not read: put the file itself into the archive", h.Typeflag)})
		}
		if err != nil {
			return err
		}
	}
}

func (a *archive) zip(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("reading %s: %w", printable(a.path), err)
	}
	if n := zipEntries(f, info.Size()); n > MaxEntries {
		return a.tooMany()
	}
	z, err := zip.NewReader(f, info.Size())
	if err != nil {
		return a.broken("zip archive", err)
	}
	for _, e := range z.File {
		if err := a.next(); err != nil {
			return err
		}
		if err := a.zipEntry(e); err != nil {
			return err
		}
	}
	return nil
}

func (a *archive) zipEntry(e *zip.File) error {
	name := a.path + "/" + e.Name
	mode := e.Mode()
	var reason error
	switch {
	case mode.IsDir():
		return nil
	case mode&fs.ModeType != 0:
		reason = fmt.Errorf("entry is a link or device (%s), not read: put the file itself into the archive", mode.Type())
	case e.Flags&1 != 0:
		reason = errors.New("entry is encrypted: unpack it first")
	case e.UncompressedSize64 > MaxFile:
		reason = fmt.Errorf("entry of %d bytes is over the limit of %d", e.UncompressedSize64, int64(MaxFile))
	}
	if reason != nil {
		return a.report(Problem{Path: name, Index: -1, Err: reason})
	}
	r, err := e.Open()
	if err != nil {
		return a.report(Problem{Path: name, Index: -1, Err: fmt.Errorf("unpacking: %w", err)})
	}
	defer r.Close()
	packed := int64(min(e.CompressedSize64, MaxFile)) + 1
	u := &unpacked{r: contextReader{a.ctx, r}, packed: func() int64 { return packed }}
	return a.entry(name, u, u)
}

// zipEntries reads the number of entries from the end of the file, before the directory is
// read into memory; 0 if it cannot be found, which zip.NewReader then says.
func zipEntries(r io.ReaderAt, size int64) uint64 {
	tail := make([]byte, min(size, 22+65535))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return 0
	}
	i := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if i < 0 || len(tail)-i < 22 {
		return 0
	}
	n := uint64(binary.LittleEndian.Uint16(tail[i+10:]))
	if n != 0xffff || i < 20 || !bytes.HasPrefix(tail[i-20:], []byte("PK\x06\x07")) {
		return n
	}
	at := binary.LittleEndian.Uint64(tail[i-12:]) // of the zip64 end of central directory record
	var end [40]byte
	if at > uint64(size) {
		return n
	}
	if _, err := r.ReadAt(end[:], int64(at)); err != nil || !bytes.HasPrefix(end[:], []byte("PK\x06\x06")) {
		return n
	}
	return binary.LittleEndian.Uint64(end[32:])
}

// damagedError marks a read error that comes from the archive's content and not from the disk.
type damagedError struct{ err error }

func (e *damagedError) Error() string { return e.err.Error() }
func (e *damagedError) Unwrap() error { return e.err }

// tarEnd counts the zero bytes that were read last: a tar archive ends in blocks of them.
type tarEnd struct {
	r     io.Reader
	zeros int
}

func (e *tarEnd) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	rest := bytes.TrimRight(p[:n], "\x00")
	if len(rest) > 0 {
		e.zeros = 0
	}
	e.zeros += n - len(rest)
	return n, err
}

// counter counts what was read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// unpacked is the content of an entry, bounded by its size in the archive.
type unpacked struct {
	r      io.Reader
	packed func() int64
	n      int64
	failed error
}

func (u *unpacked) Read(p []byte) (int, error) {
	if u.failed != nil {
		return 0, &damagedError{u.failed}
	}
	n, err := u.r.Read(p)
	u.n += int64(n)
	switch {
	case u.n > ratioFree && u.n/maxRatio > u.packed(), u.n > MaxFile:
		u.failed = errBomb
		return 0, &damagedError{u.failed}
	case err == nil || err == io.EOF:
		return n, err
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return n, err
	}
	u.failed = err
	return n, &damagedError{err}
}
