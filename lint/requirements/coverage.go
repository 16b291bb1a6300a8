package requirements

import (
	"encoding/csv"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// Coverage says which sections of the requirements have lints: what a clean run does not
// say is everything else.
type Coverage struct {
	// Linter is the linter whose lints were counted, "zlint 3.7.3".
	Linter string
	// Sections are in the order of the documents.
	Sections []Section
}

// Section is one section of a document, or a section number that lints cite and the
// document no longer has.
type Section struct {
	// Document is the document and its version: "BR 2.2.6", "EVG", "BR <2.0 numbering".
	Document string
	Number   string
	// Heading is the heading now; "" for a number that exists no longer.
	Heading string
	// Lints are the names of the lints that cite the number.
	Lints []string
	// Note says how far the number can be trusted: "stable", "2.x numbering", or that it
	// meant another section before.
	Note string
}

// Gone says that the document has no section of this number any more.
func (s Section) Gone() bool { return strings.Contains(s.Document, "<") }

// Chapter is the number of the chapter that the section belongs to.
func (s Section) Chapter() string {
	chapter, _, _ := strings.Cut(s.Number, ".")
	return chapter
}

// DocumentCoverage sums up how many sections of a document have lints.
type DocumentCoverage struct {
	Document string            `json:"document"` // with its version: "BR 2.2.6"
	Sections int               `json:"sections"`
	WithLint int               `json:"with_lints"`
	Chapters []ChapterCoverage `json:"chapters"`
}

// ChapterCoverage is the same for one chapter.
type ChapterCoverage struct {
	Chapter  string `json:"chapter"`
	Heading  string `json:"heading"`
	Sections int    `json:"sections"`
	WithLint int    `json:"with_lints"`
}

// Documents sums the sections up, document by document and chapter by chapter. Section
// numbers that a document has no more are not counted.
func (c *Coverage) Documents() []DocumentCoverage {
	out := []DocumentCoverage{}
	for _, s := range c.Sections {
		if s.Gone() {
			continue
		}
		if n := len(out); n == 0 || out[n-1].Document != s.Document {
			out = append(out, DocumentCoverage{Document: s.Document, Chapters: []ChapterCoverage{}})
		}
		out[len(out)-1].add(s)
	}
	return out
}

// add counts a section.
func (d *DocumentCoverage) add(s Section) {
	at := slices.IndexFunc(d.Chapters, func(ch ChapterCoverage) bool { return ch.Chapter == s.Chapter() })
	if at < 0 {
		at = len(d.Chapters)
		d.Chapters = append(d.Chapters, ChapterCoverage{Chapter: s.Chapter()})
	}
	chapter := &d.Chapters[at]
	if s.Number == s.Chapter() && chapter.Heading == "" { // appendices count from 1 again
		chapter.Heading = s.Heading
	}
	d.Sections++
	chapter.Sections++
	if len(s.Lints) > 0 {
		d.WithLint++
		chapter.WithLint++
	}
}

// Coverage returns the table of sections.
func (t *Tables) Coverage() (*Coverage, error) {
	c, err := t.coverage()
	if err != nil {
		return nil, err
	}
	return &Coverage{Linter: c.Linter, Sections: slices.Clone(c.Sections)}, nil
}

var coverageHeader = []string{"document", "section", "heading_now", "lints", "lint_names", "note"}

// readCoverage reads the one file that matches coveragePattern.
func readCoverage(folder fs.FS, err error) (*Coverage, error) {
	if err != nil {
		return nil, fmt.Errorf("reading the table of coverage: %w", err)
	}
	names, err := fs.Glob(folder, coveragePattern)
	if err != nil {
		return nil, fmt.Errorf("reading the table of coverage: %w", err)
	}
	if len(names) != 1 {
		return nil, fmt.Errorf("reading the table of coverage: %d files match %s, want one", len(names), coveragePattern)
	}
	text, err := readFile(folder, names[0])
	if err != nil {
		return nil, fmt.Errorf("reading the table of coverage: %w", err)
	}
	version := strings.TrimSuffix(strings.TrimPrefix(names[0], "zlint-"), "-br-coverage.csv")
	if _, err := parseNumber(version); err != nil {
		return nil, fmt.Errorf("reading %s: its name does not hold zlint's version, as in zlint-3.7.3-br-coverage.csv", names[0])
	}
	return parseCoverage(names[0], "zlint "+version, text)
}

func parseCoverage(name, linter, text string) (*Coverage, error) {
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(rows) == 0 || !slices.Equal(rows[0], coverageHeader) {
		return nil, fmt.Errorf("reading %s: first line is not %s", name, strings.Join(coverageHeader, ","))
	}
	c := &Coverage{Linter: linter, Sections: make([]Section, 0, len(rows)-1)}
	for i, row := range rows[1:] {
		s := Section{Document: row[0], Number: row[1], Heading: row[2], Note: row[5]}
		if row[4] != "" {
			s.Lints = splitNames(row[4])
		}
		if s.Note == "" && s.Document == "EVG" && s.Chapter() == "9" && len(s.Lints) > 0 {
			// EVG 2.0.0 moved the certificate's content from chapter 9 to section 7.1; what is
			// cited there is older, whatever has the number now.
			s.Note = "exists now but renumbered in 2.0.0: check"
		}
		if n, err := strconv.Atoi(row[3]); err != nil || n != len(s.Lints) {
			return nil, fmt.Errorf("reading %s row %d: says %q lints and names %d", name, i+1, row[3], len(s.Lints))
		}
		c.Sections = append(c.Sections, s)
	}
	return c, nil
}

// splitNames splits names at spaces. One lint of zlint has a space in its name.
func splitNames(text string) []string {
	const odd, safe = "e_excessively backdated", "e_excessively\x00backdated"
	names := strings.Fields(strings.ReplaceAll(text, odd, safe))
	for i := range names {
		names[i] = strings.ReplaceAll(names[i], "\x00", " ")
	}
	return names
}
