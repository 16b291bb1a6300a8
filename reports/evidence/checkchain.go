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

	"selfaudit/sampler"
	"selfaudit/sampler/draw"
)

// checkChain compares the audit with the earlier ones that the auditor gave, newest
// first (protocol 10.1).
func (v *verifier) checkChain() {
	const name = "chain"
	if v.docs.commitment == nil {
		v.refused(name, "the commitment")
		return
	}
	var earlier []fs.FS
	var folders []*drawFolder
	for _, path := range v.options.Earlier {
		dir, err := openDrawFolder(v.ctx, path, v.options.Limits)
		var form *formError
		if errors.As(err, &form) {
			v.fail(name, "%s: %v", path, err)
			return
		}
		if err != nil {
			v.fatal = fmt.Errorf("the earlier audit %s: %w", path, err)
			return
		}
		defer dir.Close()
		earlier, folders = append(earlier, dir.tree), append(folders, dir)
	}
	if !v.data.has("draw/population.tsv") {
		v.missing(name, "draw/population.tsv")
		return
	}
	notes, err := draw.CheckChain(v.data.sub("draw"), earlier...)
	if err != nil {
		v.fail(name, "%v", err)
		return
	}
	for _, d := range folders {
		e, err := readEarlier(d)
		if err != nil {
			v.fail(name, "%v", err)
			return
		}
		v.docs.earlier = append(v.docs.earlier, e)
	}
	if len(earlier) > 0 {
		v.ok(name, "with %s: each previous-commitment is the hash of the one before, the periods meet, no item of this audit is in an earlier population", sampler.Counted(len(earlier), "earlier audit", "earlier audits"))
	}
	for _, n := range notes {
		if strings.HasPrefix(n, "chain not checked") {
			v.skip(name, "%s", n)
		} else {
			v.note(name, "%s", n)
		}
	}
}

// drawFolder is the draw folder of an earlier audit.
type drawFolder struct {
	tree   *tree
	beside *tree // its folder ct, empty where the draw folder alone was given
	io.Closer
}

// openDrawFolder opens the draw folder of a package (folder or zip), of an audit folder,
// or itself. Only commitment.txt, population.tsv and snapshot.json are read from it, and the
// chain of hashes ties them down; and of the folder ct beside it what the snapshot names.
func openDrawFolder(ctx context.Context, path string, limits Limits) (*drawFolder, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	var d *drawFolder
	if info.IsDir() {
		d, err = findDrawFolder(path)
	} else {
		var pack *opened
		if pack, err = open(ctx, path, limits); err == nil {
			d = &drawFolder{tree: pack.tree.sub(payloadFolder + "/draw"), beside: pack.tree.sub(payloadFolder + "/ct"), Closer: pack}
		}
	}
	if err != nil {
		return nil, err
	}
	if size := d.tree.files["commitment.txt"]; size > 64*kib {
		d.Close()
		return nil, &formError{fmt.Errorf("commitment.txt has %d bytes", size)}
	}
	return d, nil
}

func findDrawFolder(path string) (*drawFolder, error) {
	for _, below := range []string{"", "draw", filepath.Join(payloadFolder, "draw")} {
		root, err := os.OpenRoot(filepath.Join(path, below))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		t := filesOf(root, "commitment.txt", "population.tsv", "snapshot.json")
		if t.files["commitment.txt"] == 0 || t.files["population.tsv"] == 0 {
			root.Close()
			continue
		}
		d := &drawFolder{tree: t, beside: newTree(nil, nil), Closer: root}
		if below == "" {
			return d, nil
		}
		ct, err := os.OpenRoot(filepath.Join(path, filepath.Dir(below), "ct"))
		if errors.Is(err, fs.ErrNotExist) {
			return d, nil
		}
		if err != nil {
			return nil, errors.Join(err, root.Close())
		}
		d.beside, d.Closer = filesOf(ct, "pairings.tsv", "outside.tsv"), closers{root, ct}
		return d, nil
	}
	return nil, &formError{errors.New("neither a package nor an audit folder nor a draw folder: commitment.txt and population.tsv are not there")}
}

// filesOf has those of the named files that are regular files of the folder.
func filesOf(root *os.Root, names ...string) *tree {
	files := map[string]int64{}
	for _, name := range names {
		if info, err := root.Lstat(name); err == nil && info.Mode().IsRegular() {
			files[name] = info.Size()
		}
	}
	return newTree(files, func(name string) (io.ReadCloser, error) { return openIn(root, name) })
}

// closers closes several things.
type closers []io.Closer

func (c closers) Close() error {
	var err error
	for _, x := range c {
		err = errors.Join(err, x.Close())
	}
	return err
}
