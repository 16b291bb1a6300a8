package requirements

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"
	"time"
)

// The files of a folder of tables. VersionsFile and LaterFile are one table, the second
// continues the first; so are DatesFile and HistoryFile. EditionFile holds the day on
// which the tables were the newest state known, YYYY-MM-DD, on its first line.
const (
	VersionsFile = "requirement-versions.csv"
	LaterFile    = "requirement-versions-later.csv"
	DatesFile    = "relevant-dates.csv"
	HistoryFile  = "relevant-dates-history.csv"
	EditionFile  = "edition.txt"
	// coveragePattern matches the coverage of one version of zlint.
	coveragePattern = "zlint-*-br-coverage.csv"
)

// maxTable bounds a file of a folder of tables.
const maxTable = 8 << 20

//go:embed data
var files embed.FS

// Tables are the tables of one edition. The embedded ones are read when first needed.
type Tables struct {
	date     time.Time
	origin   string // "" = embedded
	versions func() ([]Version, error)
	pending  func() ([]Pending, error)
	dates    func() ([]RelevantDate, error)
	coverage func() (*Coverage, error)
	raw      func() (map[string]string, error) // the files that the tables were read from
	edition  string                            // of kept tables: as they say; "" = made from date and origin
}

var embedded = sync.OnceValue(func() *Tables {
	data, err := fs.Sub(files, "data")
	t := &Tables{date: TableDate}
	t.versions = sync.OnceValues(func() ([]Version, error) { return readVersions(data, err) })
	t.pending = sync.OnceValues(func() ([]Pending, error) { return readPending(data, err) })
	t.dates = sync.OnceValues(func() ([]RelevantDate, error) { return readDates(data, err) })
	t.coverage = sync.OnceValues(func() (*Coverage, error) { return readCoverage(data, err) })
	t.raw = sync.OnceValues(func() (map[string]string, error) { return rawFiles(data, err, tableNames...) })
	return t
})

// Embedded returns the tables of this build. Their files are part of the program, so a
// broken one is caught by the package's tests.
func Embedded() *Tables { return embedded() }

// Load returns tables from a folder: each of the three tables (versions, dates, coverage)
// that the folder has replaces the embedded one. The folder must have at least one of
// them, and EditionFile. origin is the folder's name for Edition.
func Load(folder fs.FS, origin string) (*Tables, error) {
	first, err := readFile(folder, EditionFile)
	if err != nil {
		return nil, fmt.Errorf("reading tables from %s: the folder needs %s, with the day of the tables (YYYY-MM-DD): %w", origin, EditionFile, err)
	}
	line, _, _ := strings.Cut(strings.TrimSpace(first), "\n")
	date, err := time.Parse(time.DateOnly, strings.TrimSpace(line))
	if err != nil {
		return nil, fmt.Errorf("reading tables from %s: the first line of %s is not a date YYYY-MM-DD", origin, EditionFile)
	}
	t := *Embedded()
	t.date, t.origin = date, origin
	var replaced []string
	var files []string
	if exists(folder, VersionsFile) {
		versions, err := readVersions(folder, nil)
		if err != nil {
			return nil, fmt.Errorf("reading tables from %s: %w", origin, err)
		}
		pending, err := readPending(folder, nil)
		if err != nil {
			return nil, fmt.Errorf("reading tables from %s: %w", origin, err)
		}
		t.versions = func() ([]Version, error) { return versions, nil }
		t.pending = func() ([]Pending, error) { return pending, nil }
		replaced, files = append(replaced, "versions"), append(files, VersionsFile, LaterFile)
	}
	if exists(folder, DatesFile) {
		dates, err := readDates(folder, nil)
		if err != nil {
			return nil, fmt.Errorf("reading tables from %s: %w", origin, err)
		}
		t.dates = func() ([]RelevantDate, error) { return dates, nil }
		replaced, files = append(replaced, "dates"), append(files, DatesFile, HistoryFile)
	}
	if names, _ := fs.Glob(folder, coveragePattern); len(names) > 0 {
		coverage, err := readCoverage(folder, nil)
		if err != nil {
			return nil, fmt.Errorf("reading tables from %s: %w", origin, err)
		}
		t.coverage = func() (*Coverage, error) { return coverage, nil }
		replaced, files = append(replaced, "coverage"), append(files, coveragePattern)
	}
	if len(replaced) == 0 {
		return nil, fmt.Errorf("reading tables from %s: none of %s, %s and %s is there", origin, VersionsFile, DatesFile, coveragePattern)
	}
	t.origin += ": " + strings.Join(replaced, ", ")
	old, err := Embedded().raw()
	if err != nil {
		return nil, err
	}
	raw, err := replaceRaw(old, folder, files...)
	if err != nil {
		return nil, fmt.Errorf("reading tables from %s: %w", origin, err)
	}
	t.raw = func() (map[string]string, error) { return raw, nil }
	return &t, nil
}

// Date is the day on which the tables were the newest state known.
func (t *Tables) Date() time.Time { return t.date }

// Edition names the state of the tables for evidence and for people.
func (t *Tables) Edition() string {
	if t.edition != "" {
		return t.edition
	}
	text := editionPrefix + t.date.Format(time.DateOnly)
	if t.origin != "" {
		text += fmt.Sprintf(" (from %s; all else of this program's build, %s)", t.origin, TableDate.Format(time.DateOnly))
	}
	return text
}

// readVersions reads the table of versions; LaterFile may be missing.
func readVersions(folder fs.FS, err error) ([]Version, error) {
	var versions []Version
	err = inTwo(folder, err, "document versions", VersionsFile, LaterFile, func(name, text string) (err error) {
		versions, err = readTable(versions, name, text)
		return err
	})
	return versions, err
}

// inTwo reads a table that lies in two files, of which the second may be missing. err is
// that of opening the folder.
func inTwo(folder fs.FS, err error, table, first, second string, read func(name, text string) error) error {
	if err != nil {
		return fmt.Errorf("reading the table of %s: %w", table, err)
	}
	for _, name := range []string{first, second} {
		text, err := readFile(folder, name)
		if errors.Is(err, fs.ErrNotExist) && name == second {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading the table of %s: %w", table, err)
		}
		if err := read(name, text); err != nil {
			return err
		}
	}
	return nil
}

func exists(folder fs.FS, name string) bool {
	_, err := fs.Stat(folder, name)
	return err == nil
}

// readFile reads a file of bounded size.
func readFile(folder fs.FS, name string) (string, error) {
	f, err := folder.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxTable+1))
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", path.Base(name), err)
	}
	if len(raw) > maxTable {
		return "", fmt.Errorf("reading %s: larger than %d bytes", path.Base(name), maxTable)
	}
	return string(raw), nil
}
