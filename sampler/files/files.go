// Package files reads certificates from a file or a folder of files: PEM with one or many blocks, DER, and base64 of DER; zip and
// tar archives and gzip files take the place of the folders and files that they hold.
//
// What CAs hand out as an export is rarely clean: text between PEM blocks, Windows line ends, keys and CRLs in the same folder, a
// truncated last block. Every certificate found is passed on with its place; everything that is not a certificate is reported as a
// Problem with its place and reason, so that nothing is lost without a trace. Files are streamed: memory does not grow with their size.
package files

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	// MaxCertificate is the largest DER certificate that is passed on, in bytes. Real ones have 1 to 10 kB; logotypes and very
	// long subjectAltNames reach some 100 kB.
	MaxCertificate = 1 << 20
	// MaxFile is the largest file that is read, in bytes; a larger one is reported as a Problem.
	MaxFile = 64 << 30
)

// ErrNotCertificate marks a Problem about something that was read without trouble but is no certificate: a private key, a CRL, a text
// file. It was skipped on purpose. Problems without this mark are certificates, or remains of them, that could not be read.
var ErrNotCertificate = errors.New("not a certificate")

// Certificate is one DER certificate and where it was found. The DER is not parsed beyond its outer length.
type Certificate struct {
	Path   string // slash-separated, relative to the root; the base name when the root is a file
	Index  int    // position among the blocks of the file, certificates and problems alike, from 0
	Offset int64  // byte offset of the block in the file
	DER    []byte // owned by the receiver
}

// Problem is one block, or one whole file, that gave no certificate.
type Problem struct {
	Path  string // as in Certificate
	Index int    // as in Certificate; -1 when the problem concerns the file as a whole
	Type  string // PEM type of the block as written in the file (may hold any bytes), or "" when there is none
	Err   error  // the reason; errors.Is(Err, ErrNotCertificate) when it was skipped as something else
}

// String gives "path, block 3: reason" with the block counted from 1, as people do. The path is quoted when it holds control characters.
func (p Problem) String() string {
	if p.Index < 0 {
		return fmt.Sprintf("%s: %v", printable(p.Path), p.Err)
	}
	return fmt.Sprintf("%s, block %d: %v", printable(p.Path), p.Index+1, p.Err)
}

// File sums up one file after it was read to its end.
type File struct {
	Path         string   // as in Certificate
	Bytes        int64    // bytes read
	SHA256       [32]byte // of those bytes
	Certificates int
	Problems     int
}

// Visitor receives what Walk finds, in the order of the files and of the blocks in them. Nil functions are not called. An error
// from any of them ends the walk and is returned unchanged.
type Visitor struct {
	Certificate func(Certificate) error
	Problem     func(Problem) error
	File        func(File) error // after the last block of a file
}

// Read passes every certificate under root to fn and everything else to problem; see Walk.
func Read(ctx context.Context, root string, fn func(Certificate) error, problem func(Problem) error) error {
	return Walk(ctx, root, Visitor{Certificate: fn, Problem: problem})
}

// Digest gives path, size and SHA-256 of every file under root, in the order of Walk, without looking for certificates.
// The counts of certificates and problems are zero.
func Digest(ctx context.Context, root string) ([]File, error) {
	var list []File
	err := eachFile(ctx, root, nil, func(path string, r io.Reader) error {
		h := sha256.New()
		n, err := io.Copy(h, r)
		if err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
		f := File{Path: path, Bytes: n}
		h.Sum(f.SHA256[:0])
		list = append(list, f)
		return nil
	})
	return list, err
}

// Walk reads root, a file or a folder, to its end. In a folder the entries of each directory come in byte order of their names.
// Symbolic links below root are not followed: one that stays inside root is passed over, because its target is read under its own
// name; any other is a Problem. The error is non-nil when a file cannot be opened or read (the result would be incomplete and the
// user can mend it), when ctx ends, or when v says so.
func Walk(ctx context.Context, root string, v Visitor) error {
	report := func(p Problem) error {
		if v.Problem == nil {
			return nil
		}
		return v.Problem(p)
	}
	return Each(ctx, root, report, func(path string, r io.Reader) error {
		h := sha256.New()
		s := &scan{path: path, visitor: v, file: File{Path: path}}
		in := newInput(io.TeeReader(r, h))
		if err := s.read(in); err != nil {
			return err
		}
		if in.err != nil && in.err != io.EOF {
			return fmt.Errorf("reading %s: %w", printable(path), in.err)
		}
		s.file.Bytes = in.offset
		h.Sum(s.file.SHA256[:0])
		if v.File == nil {
			return nil
		}
		return v.File(s.file)
	})
}

// eachFile opens the regular files under root one after the other. Things that are not regular files go to report, if it is set.
func eachFile(ctx context.Context, root string, report func(Problem) error, fn func(path string, r io.Reader) error) error {
	info, err := os.Stat(root)
	if err != nil {
		return fmt.Errorf("opening certificate files: %w", err)
	}
	dir, single := root, ""
	if !info.IsDir() {
		dir, single = filepath.Split(root)
		if dir == "" {
			dir = "."
		}
	}
	if single != "" {
		// The user named this file himself, so a link is followed wherever it leads.
		return oneFile(single, info, report, func() (*os.File, error) { return os.Open(root) }, fn)
	}
	r, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("opening certificate files: %w", err)
	}
	defer r.Close()
	return fs.WalkDir(r.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("reading certificate files in %s: %w", root, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if d.IsDir() {
			return nil
		}
		if d.Type()&fs.ModeSymlink != 0 {
			return symlink(r, path, report)
		}
		info, err := d.Info()
		if err != nil {
			return fmt.Errorf("reading certificate files in %s: %w", root, err)
		}
		return oneFile(path, info, report, func() (*os.File, error) { return r.Open(filepath.FromSlash(path)) }, fn)
	})
}

// symlink reports a link that leads out of the folder or nowhere. os.Root refuses to follow the first kind.
func symlink(r *os.Root, path string, report func(Problem) error) error {
	if _, err := r.Stat(filepath.FromSlash(path)); err == nil || report == nil {
		return nil
	}
	return report(Problem{Path: path, Index: -1, Err: errors.New("symbolic link to a place outside the folder, not followed: copy the file into the folder or configure its own path")})
}

// oneFile checks that a file is one that can be read at all before it is opened: a FIFO would block for ever.
func oneFile(path string, info fs.FileInfo, report func(Problem) error, open func() (*os.File, error), fn func(string, io.Reader) error) error {
	var reason error
	switch {
	case !info.Mode().IsRegular():
		reason = fmt.Errorf("neither file nor folder (%s), not read", info.Mode().Type())
	case info.Size() > MaxFile:
		reason = fmt.Errorf("file of %d bytes is over the limit of %d: split it", info.Size(), int64(MaxFile))
	}
	if reason != nil {
		if report == nil {
			return nil
		}
		return report(Problem{Path: path, Index: -1, Err: reason})
	}
	f, err := open()
	if err != nil {
		return fmt.Errorf("opening certificate file %s: %w", printable(path), err)
	}
	defer f.Close()
	return fn(path, f)
}

// contextReader ends a long file when the context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
