package requirements

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
)

// editionPrefix begins every Edition.
const editionPrefix = "CA/Browser Forum document versions, table of "

// maxEdition bounds the text of an edition; it names a folder of the user's.
const maxEdition = 4096

// Files returns the tables as files, by name, so that evidence can hold them and LoadFiles
// can read them again in any later program: the same names and bytes that the tables were
// read from, and EditionFile with the day and, on its second line, the text of Edition.
func (t *Tables) Files() (map[string][]byte, error) {
	text, err := t.raw()
	if err != nil {
		return nil, err
	}
	out := make(map[string][]byte, len(text)+1)
	for name, content := range text {
		out[name] = []byte(content)
	}
	out[EditionFile] = []byte(t.date.Format(time.DateOnly) + "\n" + t.Edition() + "\n")
	return out, nil
}

// LoadFiles reads what Files wrote, strictly: all tables are there, and nothing of this
// program's own is used.
func LoadFiles(folder fs.FS) (*Tables, error) {
	first, err := readFile(folder, EditionFile)
	if err != nil {
		return nil, fmt.Errorf("reading kept tables: %w", err)
	}
	lines := strings.Split(first, "\n")
	if len(lines) != 3 || lines[2] != "" || len(lines[1]) > maxEdition || strings.ContainsFunc(lines[1], func(r rune) bool { return !unicode.IsPrint(r) }) {
		return nil, fmt.Errorf("reading kept tables: %s is not two lines of text, the day and the edition", EditionFile)
	}
	date, err := time.Parse(time.DateOnly, lines[0])
	if err != nil || !strings.HasPrefix(lines[1], editionPrefix+lines[0]) {
		return nil, fmt.Errorf("reading kept tables: %s does not name the day and the edition of the tables", EditionFile)
	}
	t := &Tables{date: date, edition: lines[1]}
	versions, err := readVersions(folder, nil)
	if err != nil {
		return nil, fmt.Errorf("reading kept tables: %w", err)
	}
	pending, err := readPending(folder, nil)
	if err != nil {
		return nil, fmt.Errorf("reading kept tables: %w", err)
	}
	dates, err := readDates(folder, nil)
	if err != nil {
		return nil, fmt.Errorf("reading kept tables: %w", err)
	}
	coverage, err := readCoverage(folder, nil)
	if err != nil {
		return nil, fmt.Errorf("reading kept tables: %w", err)
	}
	raw, err := rawFiles(folder, nil, tableNames...)
	if err != nil {
		return nil, fmt.Errorf("reading kept tables: %w", err)
	}
	t.versions = func() ([]Version, error) { return versions, nil }
	t.pending = func() ([]Pending, error) { return pending, nil }
	t.dates = func() ([]RelevantDate, error) { return dates, nil }
	t.coverage = func() (*Coverage, error) { return coverage, nil }
	t.raw = func() (map[string]string, error) { return raw, nil }
	return t, nil
}

// KeptFolder is where freeze keeps the tables that an audit goes by.
const KeptFolder = "config/requirements"

// OfAudit reads the tables that an audit's folder keeps. An audit of an older program keeps
// none: then they are this program's own, and kept is false.
func OfAudit(audit fs.FS) (t *Tables, kept bool, err error) {
	folder, err := fs.Sub(audit, KeptFolder)
	if err != nil {
		return nil, false, fmt.Errorf("reading %s: %w", KeptFolder, err)
	}
	if _, err := fs.Stat(folder, EditionFile); errors.Is(err, fs.ErrNotExist) {
		return Embedded(), false, nil
	}
	if t, err = LoadFiles(folder); err != nil {
		return nil, false, fmt.Errorf("reading %s: %w", KeptFolder, err)
	}
	return t, true, nil
}

// tableNames are the files of all tables, coverage by its pattern.
var tableNames = []string{VersionsFile, LaterFile, DatesFile, HistoryFile, coveragePattern}

// rawFiles reads those of the named files that a folder has, byte for byte.
func rawFiles(folder fs.FS, err error, names ...string) (map[string]string, error) {
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, pattern := range names {
		found, err := fs.Glob(folder, pattern)
		if err != nil {
			return nil, err
		}
		for _, name := range found {
			if out[name], err = readFile(folder, name); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// replaceRaw replaces the files of one table by those of a folder.
func replaceRaw(old map[string]string, folder fs.FS, names ...string) (map[string]string, error) {
	fresh, err := rawFiles(folder, nil, names...)
	if err != nil {
		return nil, err
	}
	out := maps.Clone(old)
	for _, name := range slices.Collect(maps.Keys(out)) {
		if slices.Contains(names, name) || slices.Contains(names, coveragePattern) && strings.HasSuffix(name, "-br-coverage.csv") {
			delete(out, name)
		}
	}
	maps.Copy(out, fresh)
	return out, nil
}
