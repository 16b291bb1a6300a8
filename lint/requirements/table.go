// Package requirements answers which version of a CA/Browser Forum document was
// in force on a day: the TLS Baseline Requirements (TLS-BR), the EV Guidelines
// (EVG), the S/MIME Baseline Requirements (SMIME-BR) and the Code Signing
// Baseline Requirements (CS-BR).
//
// The table in data/ was taken from the revision tables (section 1.2.1) of the
// documents themselves, with later versions from title pages, release notes and
// ballot pages; each row names its source. The published tables have been
// corrected afterwards more than once, so evidence must say which state of the
// table was used: Edition.
package requirements

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// TableDate is the day on which the embedded table was the newest state known.
// Versions published after it are not in the table.
var TableDate = time.Date(2026, time.November, 21, 0, 0, 0, 0, time.UTC)

// The documents of the table.
const (
	TLSBR   = "TLS-BR"
	EVG     = "EVG"
	SMIMEBR = "SMIME-BR"
	CSBR    = "CS-BR"
)

// Documents returns the documents of the table, in its order.
func Documents() []string { return []string{TLSBR, EVG, SMIMEBR, CSBR} }

// Version is one version of one document.
type Version struct {
	Document string
	// Number is the version as printed: "2.2.6", "3.10".
	Number string
	// Ballots are the ballots that made the version, in the table's order. A
	// version can have several (BR 1.6.4, 1.6.7, 1.7.1, 1.7.3, 2.2.1; EVG 1.7.3).
	Ballots []string
	// Effective is the table's effective date (00:00 UTC). For SMIME-BR it is
	// the publication date, which is all that document gives.
	Effective time.Time
	// Source says where the row was read.
	Source string
	parts  []int
}

// invalid are versions that must never be reported as in force: EVG 1.6.3
// (ballot 198) was declared invalid by the Forum.
var invalid = map[string]bool{"EVG 1.6.3": true}

// header is the first line of both files.
var header = []string{"document", "version", "ballot", "description", "adopted", "effective", "source"}

// readTable appends the rows of one file. Rows without a version or without an
// effective date are no candidates (ballots not yet published as a version);
// several rows of one version become one Version.
func readTable(versions []Version, name, text string) ([]Version, error) {
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(rows) == 0 || !slices.Equal(rows[0], header) {
		return nil, fmt.Errorf("reading %s: first line is not %s", name, strings.Join(header, ","))
	}
	for i, row := range rows[1:] {
		document, number, ballot, effective := row[0], row[1], row[2], row[5]
		if !slices.Contains(Documents(), document) {
			return nil, fmt.Errorf("reading %s row %d: document %q is not one of %s", name, i+1, document, strings.Join(Documents(), ", "))
		}
		if missing(number) || missing(effective) || invalid[document+" "+number] {
			continue
		}
		parts, err := parseNumber(number)
		if err != nil {
			return nil, fmt.Errorf("reading %s row %d: %w", name, i+1, err)
		}
		day, err := time.Parse(time.DateOnly, effective)
		if err != nil {
			return nil, fmt.Errorf("reading %s row %d: effective date %q is not YYYY-MM-DD", name, i+1, effective)
		}
		same := slices.IndexFunc(versions, func(v Version) bool { return v.Document == document && v.Number == number })
		if same >= 0 {
			if !versions[same].Effective.Equal(day) {
				return nil, fmt.Errorf("reading %s row %d: %s %s has two effective dates", name, i+1, document, number)
			}
			versions[same].Ballots = append(versions[same].Ballots, ballot)
			continue
		}
		versions = append(versions, Version{document, number, []string{ballot}, day, row[6], parts})
	}
	return versions, nil
}

func missing(field string) bool { return field == "" || field == "--" }

// parseNumber splits a version number into integers, so that 1.0.10 > 1.0.9.
func parseNumber(number string) ([]int, error) {
	var parts []int
	for text := range strings.SplitSeq(number, ".") {
		part, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("version %q: %q is not a number", number, text)
		}
		parts = append(parts, int(part))
	}
	return parts, nil
}
