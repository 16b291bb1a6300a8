package auditdir

import (
	"io"
	"io/fs"
	"os"
)

// What Intercept is told is about to be done.
const (
	OpWrite  = "write"
	OpSync   = "sync"
	OpRename = "rename" // the path is the new name
	OpRemove = "remove"
)

// intercept is asked before every change; nil outside tests.
var intercept func(op, path string) error

// Intercept makes f be asked before every change of the file system that goes through this package, and its error take the place of the
// change; nil ends that. It is for tests, which fill a disk or end the program at a certain change with it, and must not be
// called while anything is being written.
func Intercept(f func(op, path string) error) { intercept = f }

func change(op, path string) error {
	if intercept == nil {
		return nil
	}
	if err := intercept(op, path); err != nil {
		return &fs.PathError{Op: op, Path: path, Err: err}
	}
	return nil
}

// Rename renames a file or folder.
func Rename(from, to string) error {
	if err := change(OpRename, to); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// RemoveFile deletes a file.
func RemoveFile(path string) error {
	if err := change(OpRemove, path); err != nil {
		return err
	}
	return os.Remove(path)
}

// Writer writes to a file that is not a document, such as a temporary one.
func Writer(f *os.File) io.Writer { return fileWriter{f} }

type fileWriter struct{ f *os.File }

func (w fileWriter) Write(b []byte) (int, error) {
	if err := change(OpWrite, w.f.Name()); err != nil {
		return 0, err
	}
	return w.f.Write(b)
}
