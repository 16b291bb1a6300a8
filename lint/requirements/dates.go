package requirements

import (
	"encoding/csv"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// RelevantDate is one requirement with the day from which it binds, from the tables of
// relevant dates (section 1.2.2 of the documents). A single requirement has its own day,
// which need not be that of a version.
type RelevantDate struct {
	Document string
	// Date is the day of compliance, 00:00 UTC.
	Date time.Time
	// Section is the document's own text: a section, several, or "Section 7 (and others)".
	Section     string
	Requirement string
	// First and Last are the versions that listed the requirement, for one that the newest
	// known version does not list any more; "" for one that it lists.
	First, Last string
}

var (
	datesHeader   = []string{"document", "date", "section", "requirement"}
	historyHeader = []string{"document", "date", "section", "requirement", "first_listed_version", "last_listed_version"}
)

// Dates returns all relevant dates of a document, oldest first.
func (t *Tables) Dates(document string) ([]RelevantDate, error) {
	all, err := t.dates()
	if err != nil {
		return nil, err
	}
	var dates []RelevantDate
	for _, d := range all {
		if d.Document == document {
			dates = append(dates, d)
		}
	}
	slices.SortStableFunc(dates, func(a, b RelevantDate) int { return a.Date.Compare(b.Date) })
	return dates, nil
}

// UpcomingDates returns the requirements of a document that bind from a later day on,
// soonest first. What only older versions listed has been given up and is left out.
func (t *Tables) UpcomingDates(document string, day time.Time) ([]RelevantDate, error) {
	dates, err := t.Dates(document)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(dates, func(d RelevantDate) bool { return !d.Date.After(day) || d.Last != "" }), nil
}

// readDates reads the table of relevant dates; HistoryFile may be missing.
func readDates(folder fs.FS, err error) ([]RelevantDate, error) {
	var dates []RelevantDate
	headers := map[string][]string{DatesFile: datesHeader, HistoryFile: historyHeader}
	err = inTwo(folder, err, "relevant dates", DatesFile, HistoryFile, func(name, text string) (err error) {
		dates, err = parseDates(dates, name, headers[name], text)
		return err
	})
	return dates, err
}

// parseDates appends the rows of one file.
func parseDates(dates []RelevantDate, name string, header []string, text string) ([]RelevantDate, error) {
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(rows) == 0 || !slices.Equal(rows[0], header) {
		return nil, fmt.Errorf("reading %s: first line is not %s", name, strings.Join(header, ","))
	}
	for i, row := range rows[1:] {
		day, err := time.Parse(time.DateOnly, row[1])
		if err != nil {
			return nil, fmt.Errorf("reading %s row %d: date %q is not YYYY-MM-DD", name, i+1, row[1])
		}
		if !slices.Contains(Documents(), row[0]) {
			return nil, fmt.Errorf("reading %s row %d: document %q is not one of %s", name, i+1, row[0], strings.Join(Documents(), ", "))
		}
		d := RelevantDate{Document: row[0], Date: day, Section: row[2], Requirement: row[3]}
		if len(row) > 4 {
			d.First, d.Last = row[4], row[5]
		}
		dates = append(dates, d)
	}
	return dates, nil
}
