// Package auditdir keeps one audit's folder: write-once documents, the workspace's lock,
// and the hash-chained record of operations. Which document completes which stage is
// decided by the commands, not here.
//
// Every document is written to a temporary name, synced and renamed, so a process
// that is killed at any moment leaves either no document or a whole one.
package auditdir

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrFrozen is wrapped by every refusal to change a document that exists.
var ErrFrozen = errors.New("the document exists and is never rewritten")

// tempSuffix marks files that a killed process may leave behind; they are never read.
const tempSuffix = ".partial"

// Dir is one audit's folder, audits/<audit-id>.
type Dir struct{ path string }

// At returns the folder at path, which need not exist yet.
func At(path string) Dir { return Dir{path} }

// Path returns the operating system's name of a document; name uses slashes.
func (d Dir) Path(name string) string { return filepath.Join(d.path, filepath.FromSlash(name)) }

// FS returns the folder as a file system for readers.
func (d Dir) FS() fs.FS { return os.DirFS(d.path) }

// Exists says whether the audit's folder is there at all.
func (d Dir) Exists() bool {
	info, err := os.Stat(d.path)
	return err == nil && info.IsDir()
}

// Has says whether the document exists.
func (d Dir) Has(name string) bool {
	info, err := os.Stat(d.Path(name))
	return err == nil && info.Mode().IsRegular()
}

// Read returns a document's bytes.
func (d Dir) Read(name string) ([]byte, error) { return os.ReadFile(d.Path(name)) }

// WriteOnce writes a document that is final as soon as it exists. Writing the same
// bytes again is fine, so that a repeated stage may pass over what it has done;
// other bytes are refused with ErrFrozen.
func (d Dir) WriteOnce(name string, data []byte) error {
	if done, err := d.written(name, data); done || err != nil {
		return err
	}
	return d.Replace(name, data)
}

// written says whether the document is there with these bytes; with others it is ErrFrozen.
func (d Dir) written(name string, data []byte) (bool, error) {
	old, err := d.Read(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !bytes.Equal(old, data):
		return false, fmt.Errorf("%s: %w", d.Path(name), ErrFrozen)
	}
	return true, nil
}

// Replace writes a document of a stage that is not complete yet. The caller has
// checked that the stage's completion mark does not exist.
func (d Dir) Replace(name string, data []byte) error {
	w, err := d.Create(name)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		w.Abort()
		return err
	}
	return w.Commit()
}

// Remove deletes a document of a stage that is not complete yet; one that is not there is
// no error.
func (d Dir) Remove(name string) error {
	if err := RemoveFile(d.Path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Pending is a document being written; it appears under its name with Commit.
type Pending struct {
	f    *os.File
	name string
}

// Create starts a document. Whatever an earlier process left under the temporary
// name is overwritten.
func (d Dir) Create(name string) (*Pending, error) {
	path := d.Path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path+tempSuffix, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	return &Pending{f: f, name: path}, nil
}

// Write appends to the document.
func (p *Pending) Write(b []byte) (int, error) { return fileWriter{p.f}.Write(b) }

// WriteAt and Seek let writers of binary caches patch what they wrote.
func (p *Pending) WriteAt(b []byte, off int64) (int, error) { return p.f.WriteAt(b, off) }

// Commit makes the document visible: sync, close, rename, sync of the folder.
func (p *Pending) Commit() error {
	err := change(OpSync, p.f.Name())
	if err == nil {
		err = p.f.Sync()
	}
	if err != nil {
		p.Abort()
		return err
	}
	if err := p.place(); err != nil {
		return err
	}
	return syncDir(filepath.Dir(p.name))
}

// place closes what was synced and gives it its name.
func (p *Pending) place() error {
	if err := p.f.Close(); err != nil {
		_ = RemoveFile(p.f.Name()) // what stays is swept away by the next run
		return err
	}
	if err := Rename(p.f.Name(), p.name); err != nil {
		_ = RemoveFile(p.f.Name())
		return err
	}
	return nil
}

// Abort gives the document up. It is harmless after Commit.
func (p *Pending) Abort() {
	p.f.Close()
	_ = RemoveFile(p.f.Name())
}

// syncDir makes a rename durable. Windows cannot sync a folder and does not need to.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, fs.ErrInvalid) && !isUnsupportedSync(err) {
		return fmt.Errorf("syncing %s: %w", dir, err)
	}
	return nil
}

// Sweep removes the temporary files that killed processes left in the folder.
func (d Dir) Sweep() error {
	return filepath.WalkDir(d.path, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		if e.Type().IsRegular() && strings.HasSuffix(path, tempSuffix) {
			return RemoveFile(path)
		}
		return nil
	})
}

// CopyTo streams a document into w.
func (d Dir) CopyTo(w io.Writer, name string) error {
	f, err := os.Open(d.Path(name))
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}
