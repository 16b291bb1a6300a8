package requirements

import (
	"encoding/csv"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Pending is a ballot that changes a document from a day that the table does not know yet.
type Pending struct {
	Document    string
	Ballot      string
	Description string
	// Source says where the row was read, and often what is still missing.
	Source string
	number string
}

// Pending returns the ballots of a document whose version or effective date is not known,
// unless a newer version is known, which then holds them.
func (t *Tables) Pending(document string) ([]Pending, error) {
	all, err := t.pending()
	if err != nil {
		return nil, err
	}
	newest, known := t.Newest(document)
	var pending []Pending
	for _, p := range all {
		if p.Document != document {
			continue
		}
		if parts, err := parseNumber(p.number); known && !missing(p.number) && err == nil && slices.Compare(parts, newest.parts) <= 0 {
			continue
		}
		pending = append(pending, p)
	}
	return pending, nil
}

// readPending reads the rows of the table of versions that readVersions passes over
// because they have no effective date.
func readPending(folder fs.FS, err error) ([]Pending, error) {
	var pending []Pending
	err = inTwo(folder, err, "document versions", VersionsFile, LaterFile, func(name, text string) error {
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		for _, row := range rows {
			if len(row) == len(header) && missing(row[5]) && slices.Contains(Documents(), row[0]) {
				pending = append(pending, Pending{row[0], row[2], row[3], row[6], row[1]})
			}
		}
		return nil
	})
	return pending, err
}
