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
		v.ok(name, "with %d earlier audits: each previous-commitment is the hash of the one before, the periods meet, no item of this audit is in an earlier population", len(earlier))
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
	tree *tree
	io.Closer
}

// openDrawFolder opens the draw folder of a package (folder or zip), of an audit folder,
// or itself. Only commitment.txt, population.tsv and snapshot.json are read from it, and the
// chain of hashes ties them down.
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
			d = &drawFolder{tree: pack.tree.sub(payloadFolder + "/draw"), Closer: pack}
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
		files := map[string]int64{}
		for _, name := range []string{"commitment.txt", "population.tsv", "snapshot.json"} {
			if info, err := root.Lstat(name); err == nil && info.Mode().IsRegular() {
				files[name] = info.Size()
			}
		}
		if files["commitment.txt"] > 0 && files["population.tsv"] > 0 {
			t := newTree(files, func(name string) (io.ReadCloser, error) { return openIn(root, name) })
			return &drawFolder{tree: t, Closer: root}, nil
		}
		root.Close()
	}
	return nil, &formError{errors.New("neither a package nor an audit folder nor a draw folder: commitment.txt and population.tsv are not there")}
}
