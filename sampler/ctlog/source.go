package ctlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Limits on object sizes in bytes, compressed and plain. In theory a data tile may have 8 GB (256 entries of 32 MiB); real ones have
// 0.3 to 2 MB, and certspotter too stops at 64 MiB.
const (
	maxHead     = 1 << 20
	maxBody     = 64 << 20
	maxIssuer   = 1 << 20
	maxHashTile = 64 << 10 // a full one has 8 kB
)

// request names one object of a log.
type request struct {
	path         string // below the log's prefix, slash-separated, with its query
	limit        int64
	exact        int64 // the size it must have, or 0 when not known
	retry400     bool  // a 400 is a front end that lags behind, not our mistake
	retryMissing bool  // a 404 may be one too
	check        func(body []byte) error
}

// source gives the objects of a log. The body is valid until b is used again. Errors are of type *failure, except when ctx ends.
type source interface {
	get(ctx context.Context, r request, b *buffer) ([]byte, error)
}

// folder is a log, or a copy of one, in a directory.
type folder struct{ dir string }

func (s folder) get(ctx context.Context, r request, b *buffer) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	body, err := s.read(r, b)
	if err != nil {
		return nil, err
	}
	if r.check != nil {
		if err := r.check(body); err != nil {
			return nil, fail(content, Invalid, "%w", err)
		}
	}
	return body, nil
}

func (s folder) read(r request, b *buffer) ([]byte, error) {
	path := filepath.Join(s.dir, filepath.FromSlash(r.path))
	// os.Root keeps symbolic links and ".." of a copied log inside its folder.
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return nil, fail(permanent, Unreachable, "opening the log's folder: %w", err)
	}
	defer root.Close()
	info, err := root.Stat(filepath.FromSlash(r.path))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nil, fail(missing, Unreachable, "file %s is missing", path)
	case err != nil:
		return nil, fail(permanent, Unreachable, "reading %s: %w", path, err)
	case !info.Mode().IsRegular(): // a FIFO would block for ever
		return nil, fail(permanent, Invalid, "%s is not a file", path)
	case info.Size() > r.limit:
		return nil, fail(permanent, Invalid, "file %s: %w: %d bytes, limit %d", path, errTooLarge, info.Size(), r.limit)
	}
	f, err := root.Open(filepath.FromSlash(r.path))
	if err != nil {
		return nil, fail(permanent, Unreachable, "reading %s: %w", path, err)
	}
	defer f.Close()
	raw, err := b.fill(f, info.Size(), r.limit)
	if err != nil {
		return nil, fail(permanent, bodyKind(err), "reading %s: %w", path, err)
	}
	body, err := b.unpack(raw, false, r.exact, r.limit)
	if err != nil {
		return nil, fail(permanent, Invalid, "unpacking %s: %w", path, truncatedGzip(err))
	}
	return body, nil
}

func bodyKind(err error) Kind {
	if errors.Is(err, errTooLarge) {
		return Invalid
	}
	return Unreachable
}

// truncatedGzip names what compress/gzip calls an unexpected EOF.
func truncatedGzip(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("gzip data ends too early: %w", err)
	}
	return err
}
