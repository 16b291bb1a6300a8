package evidence

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sort"
	"strings"
	"time"
)

// tree is a read-only file system over the files of one package, wherever their bytes
// are. It is what lets every reader of documents work on a folder and inside a zip
// alike. It implements fs.FS, fs.ReadDirFS, fs.ReadFileFS and fs.StatFS.
type tree struct {
	files   map[string]int64         // path -> size in bytes
	folders map[string][]fs.DirEntry // path -> entries, sorted by name; "." is the root
	open    func(name string) (io.ReadCloser, error)
}

// newTree builds the folders of the given files. Paths have passed checkPath and a
// nameSet, so no path is both a file and a folder.
func newTree(files map[string]int64, open func(name string) (io.ReadCloser, error)) *tree {
	t := &tree{files: files, folders: map[string][]fs.DirEntry{".": nil}, open: open}
	for name, size := range files {
		t.folders[path.Dir(name)] = append(t.folders[path.Dir(name)], nodeInfo{name: path.Base(name), size: size})
	}
	known := map[string]bool{".": true}
	var folders []string
	for name := range files {
		for dir := path.Dir(name); !known[dir]; dir = path.Dir(dir) {
			known[dir] = true
			folders = append(folders, dir)
		}
	}
	for _, dir := range folders {
		t.folders[path.Dir(dir)] = append(t.folders[path.Dir(dir)], nodeInfo{name: path.Base(dir), dir: true})
	}
	for _, entries := range t.folders {
		sort.Slice(entries, func(i, j int) bool { return entries[i].Name() < entries[j].Name() })
	}
	return t
}

// names returns all paths in byte order.
func (t *tree) names() []string {
	out := make([]string, 0, len(t.files))
	for name := range t.files {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}

// has says whether a file exists.
func (t *tree) has(name string) bool {
	_, ok := t.files[name]
	return ok
}

// in returns the names of the files directly in a folder, in byte order.
func (t *tree) in(folder string) []string {
	var out []string
	for _, e := range t.folders[folder] {
		if !e.IsDir() {
			out = append(out, folder+"/"+e.Name())
		}
	}
	return out
}

// Open implements fs.FS.
func (t *tree) Open(name string) (fs.File, error) {
	info, err := t.stat("open", name)
	if err != nil {
		return nil, err
	}
	if info.dir {
		return &openFolder{info: info, entries: t.folders[name]}, nil
	}
	r, err := t.open(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &openFile{info: info, ReadCloser: r}, nil
}

// Stat implements fs.StatFS.
func (t *tree) Stat(name string) (fs.FileInfo, error) {
	info, err := t.stat("stat", name)
	if err != nil {
		return nil, err
	}
	return info, nil
}

// ReadDir implements fs.ReadDirFS.
func (t *tree) ReadDir(name string) ([]fs.DirEntry, error) {
	info, err := t.stat("readdir", name)
	if err != nil {
		return nil, err
	}
	if !info.dir {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a folder")}
	}
	return append([]fs.DirEntry(nil), t.folders[name]...), nil
}

// ReadFile implements fs.ReadFileFS. A file longer or shorter than its recorded size
// is an error: the sizes were checked against the limits before.
func (t *tree) ReadFile(name string) ([]byte, error) {
	info, err := t.stat("read", name)
	if err != nil {
		return nil, err
	}
	if info.dir {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("is a folder")}
	}
	r, err := t.open(name)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, info.size+1))
	if err == nil && int64(len(b)) != info.size {
		err = fmt.Errorf("has not the %d bytes that were checked", info.size)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return b, nil
}

func (t *tree) stat(op, name string) (nodeInfo, error) {
	if !fs.ValidPath(name) {
		return nodeInfo{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	if size, ok := t.files[name]; ok {
		return nodeInfo{name: path.Base(name), size: size}, nil
	}
	if _, ok := t.folders[name]; ok {
		return nodeInfo{name: path.Base(name), dir: true}, nil
	}
	return nodeInfo{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

// sub returns the tree below a folder, or an empty tree when it has none.
func (t *tree) sub(folder string) *tree {
	files := map[string]int64{}
	prefix := folder + "/"
	for name, size := range t.files {
		if rel, ok := strings.CutPrefix(name, prefix); ok {
			files[rel] = size
		}
	}
	return newTree(files, func(name string) (io.ReadCloser, error) { return t.open(prefix + name) })
}

// nodeInfo describes a file or folder: fs.FileInfo and fs.DirEntry in one.
type nodeInfo struct {
	name string
	size int64
	dir  bool
}

func (n nodeInfo) Name() string               { return n.name }
func (n nodeInfo) Size() int64                { return n.size }
func (n nodeInfo) IsDir() bool                { return n.dir }
func (n nodeInfo) ModTime() time.Time         { return time.Time{} }
func (n nodeInfo) Sys() any                   { return nil }
func (n nodeInfo) Info() (fs.FileInfo, error) { return n, nil }
func (n nodeInfo) Type() fs.FileMode          { return n.Mode().Type() }
func (n nodeInfo) Mode() fs.FileMode {
	if n.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

type openFile struct {
	info nodeInfo
	io.ReadCloser
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }

type openFolder struct {
	info    nodeInfo
	entries []fs.DirEntry
}

func (f *openFolder) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFolder) Close() error               { return nil }
func (f *openFolder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: f.info.name, Err: errors.New("is a folder")}
}

// ReadDir implements fs.ReadDirFile.
func (f *openFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(f.entries) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(f.entries) {
		n = len(f.entries)
	}
	out := append([]fs.DirEntry(nil), f.entries[:n]...)
	f.entries = f.entries[n:]
	return out, nil
}
