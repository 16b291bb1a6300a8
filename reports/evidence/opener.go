package evidence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"selfaudit/sampler"
)

// opened is a package that is open for reading, as a folder or as a zip.
type opened struct {
	tree *tree
	zip  *zipPackage // nil for a folder
	name string      // of the folder, or the top folder in the zip; "" when the zip has none
	io.Closer
}

// formError says that the package's form is refused: a verdict about the package, while
// any other error of open means that it could not be read.
type formError struct{ err error }

func (e *formError) Error() string { return e.err.Error() }
func (e *formError) Unwrap() error { return e.err }

// open opens a package folder or zip and refuses every form that Seal does not write:
// see openZip and listFolder.
func open(ctx context.Context, path string, limits Limits) (*opened, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return openFolderPackage(ctx, path, limits)
	}
	if !info.Mode().IsRegular() {
		return nil, &formError{fmt.Errorf("%s is neither a folder nor a file", path)}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	pack, err := openZipPackage(f, info.Size(), limits)
	if err != nil {
		f.Close()
		return nil, &formError{err}
	}
	pack.Closer = f
	return pack, nil
}

// openZipPackage opens a package's zip of the given size; it has no Closer yet.
func openZipPackage(src io.ReaderAt, size int64, limits Limits) (*opened, error) {
	z, err := openZip(src, size, limits)
	if err != nil {
		return nil, err
	}
	files := make(map[string]int64, len(z.entries))
	for name, e := range z.entries {
		files[name] = e.uncompressed
	}
	return &opened{tree: newTree(files, z.open), zip: z, name: z.top}, nil
}

func openFolderPackage(ctx context.Context, path string, limits Limits) (*opened, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	files, err := listFolder(ctx, root, limits, false, nil)
	if err != nil {
		root.Close()
		var perr *fs.PathError
		if errors.As(err, &perr) || ctx.Err() != nil {
			return nil, err
		}
		return nil, &formError{err}
	}
	name := ""
	if abs, err := filepath.Abs(path); err == nil {
		name = filepath.Base(abs)
	}
	return &opened{tree: newTree(files, func(name string) (io.ReadCloser, error) { return openIn(root, name) }), name: name, Closer: root}, nil
}

// hashAll returns the SHA-256 of every file. recompressed is false when some entry of a
// zip holds other compressed bytes than this program's compressor makes.
func (o *opened) hashAll(ctx context.Context, progress func(done, total int64)) (hashes map[string]sampler.DocHash, recompressed bool, err error) {
	hashes = make(map[string]sampler.DocHash, len(o.tree.files))
	recompressed = true
	buf := make([]byte, zipCopyBuffer)
	deflater := &reusedDeflater{}
	var done, total int64
	for _, size := range o.tree.files {
		total += size
	}
	for _, name := range o.tree.names() {
		if err := cancelled(ctx); err != nil {
			return nil, false, err
		}
		if o.zip != nil {
			hash, same, err := o.zip.scan(name, deflater, buf)
			if err != nil {
				return nil, false, &formError{err}
			}
			hashes[name] = hash
			recompressed = recompressed && same
		} else {
			hash, err := o.hashFile(name, buf)
			if err != nil {
				return nil, false, err
			}
			hashes[name] = hash
		}
		done += o.tree.files[name]
		if progress != nil {
			progress(done, total)
		}
	}
	return hashes, recompressed, nil
}

func (o *opened) hashFile(name string, buf []byte) (sampler.DocHash, error) {
	f, err := o.tree.open(name)
	if err != nil {
		return sampler.DocHash{}, err
	}
	defer f.Close()
	hash, n, err := hashReader(f, buf)
	if err == nil && n != o.tree.files[name] {
		err = &formError{fmt.Errorf("%s: %d bytes, %d a moment ago", name, n, o.tree.files[name])}
	}
	return hash, err
}
