package evidence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// listFolder returns the regular files below root with their sizes. It refuses
// symbolic links, devices, sockets and every other thing that is not a file or folder,
// names that checkPath or a nameSet refuses, and more than the limits allow; with
// emptyFolders false also a folder without any file below it. skip, which may be nil,
// says which paths are not looked at.
func listFolder(ctx context.Context, root *os.Root, limits Limits, emptyFolders bool, skip func(name string, folder bool) bool) (map[string]int64, error) {
	files := map[string]int64{}
	names := newNameSet()
	spent := budget{limits: limits}
	folders := map[string]bool{}
	err := fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil {
			err = cancelled(ctx)
		}
		if err != nil || name == "." {
			return err
		}
		if skip != nil && skip(name, entry.IsDir()) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if err := checkPath(name); err != nil {
			return err
		}
		if entry.IsDir() {
			if len(folders) >= limits.Files {
				return fmt.Errorf("more than %d folders", limits.Files)
			}
			folders[name] = false
			return nil
		}
		if !entry.Type().IsRegular() {
			return fmt.Errorf("%s: not a regular file but %s", name, describeType(entry.Type()))
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if err := names.add(name); err != nil {
			return err
		}
		if err := spent.add(name, info.Size(), -1); err != nil {
			return err
		}
		files[name] = info.Size()
		markParents(folders, name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !emptyFolders {
		for _, name := range sortedKeys(folders) {
			if !folders[name] {
				return nil, fmt.Errorf("%s: a folder without files, which no package has", name)
			}
		}
	}
	return files, nil
}

// markParents notes that the folders above name hold a file.
func markParents(folders map[string]bool, name string) {
	for i := strings.LastIndexByte(name, '/'); i > 0; i = strings.LastIndexByte(name[:i], '/') {
		if folders[name[:i]] {
			return
		}
		folders[name[:i]] = true
	}
}

func describeType(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "something else"
}

// openIn opens a regular file below root. It does not follow a symbolic link in the
// last place, and os.Root lets none lead out of root.
func openIn(root *os.Root, name string) (io.ReadCloser, error) {
	info, err := root.Lstat(filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", name, errors.New("no longer a regular file"))
	}
	return root.Open(filepath.FromSlash(name))
}
