package evidence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Documents are the documents of one audit, open for reading.
type Documents struct {
	// FS holds them under the names of the audit folder, which are those below a
	// package's data/: draw/commitment.txt and so on.
	FS fs.FS
	// Package says that they come from a package, a folder or a zip, not from an audit folder.
	Package bool
	closer  io.Closer
}

// Close ends reading.
func (d *Documents) Close() error { return d.closer.Close() }

// OpenDocuments opens an audit folder, a package's folder or a package's zip for reading;
// nothing is extracted, and a package of a form that Seal does not write is refused. It
// verifies nothing beyond the form: that is Verify's.
func OpenDocuments(ctx context.Context, path string) (*Documents, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		if _, err := os.Stat(filepath.Join(path, fileBagIt)); errors.Is(err, fs.ErrNotExist) {
			return openAuditDocuments(path)
		}
	}
	pack, err := open(ctx, path, Limits{}.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("opening package %s: %w", path, err)
	}
	return &Documents{FS: pack.tree.sub(payloadFolder), Package: true, closer: pack}, nil
}

// openAuditDocuments opens an audit folder. A link in it cannot lead out of it.
func openAuditDocuments(path string) (*Documents, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	if info, err := root.Stat("draw/commitment.txt"); err != nil || !info.Mode().IsRegular() {
		root.Close()
		return nil, fmt.Errorf("opening %s: neither a package nor the folder of a frozen audit: draw/commitment.txt is not there", path)
	}
	return &Documents{FS: root.FS(), closer: root}, nil
}
