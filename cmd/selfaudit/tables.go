package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"

	"selfaudit/internal/config"
	"selfaudit/lint/requirements"
)

// docTables is the folder with the tables of document versions that an audit goes by, kept
// by freeze: whoever verifies uses these, whatever his own program knows.
const docTables = requirements.KeptFolder

// configuredTables returns the tables that the configuration names, else the program's own.
func configuredTables(cfg *config.Config) (*requirements.Tables, error) {
	name := cfg.Requirements.Tables
	if name == "" {
		return requirements.Embedded(), nil
	}
	return loadTables(cfg.Resolve(name), name, "requirements.tables")
}

// loadTables reads a folder of tables. name is how the user wrote it, what where he did.
func loadTables(folder, name, what string) (*requirements.Tables, error) {
	info, err := os.Stat(folder)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is no folder", folder)
	}
	var t *requirements.Tables
	if err == nil {
		t, err = requirements.Load(os.DirFS(folder), name)
	}
	if err != nil {
		return nil, usageErrorf("the files have the names and columns of the program's own tables; see docs/linting.md", "%s: %w", what, err)
	}
	return t, nil
}

// keepTables writes the tables into the audit's folder, in place of those of a voided freeze.
func (w *workspace) keepTables(a *audit) error {
	t, err := configuredTables(w.cfg)
	if err != nil {
		return err
	}
	files, err := t.Files()
	if err != nil {
		return err
	}
	old, err := a.tableDocuments()
	if err != nil {
		return err
	}
	for _, name := range old {
		if _, stays := files[path.Base(name)]; !stays {
			if err := a.dir.Remove(name); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := a.dir.Replace(docTables+"/"+name, files[name]); err != nil {
			return err
		}
	}
	return nil
}

// tableDocuments are the documents of the kept tables; none in an audit of an older program.
func (a *audit) tableDocuments() ([]string, error) {
	entries, err := fs.ReadDir(a.dir.FS(), docTables)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var out []string
	for _, e := range entries {
		if e.Type().IsRegular() && path.Ext(e.Name()) != ".partial" {
			out = append(out, docTables+"/"+e.Name())
		}
	}
	return out, err
}
