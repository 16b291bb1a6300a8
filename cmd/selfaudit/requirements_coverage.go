package main

import (
	"fmt"
	"strconv"
	"strings"

	"selfaudit/lint"
	"selfaudit/lint/requirements"
)

// coverageDocument is what `requirements --coverage --json` writes.
type coverageDocument struct {
	Schema string     `json:"schema"`
	Tables tablesNote `json:"tables"`
	// Linter is the linter whose lints the table counts, Built the one in this program.
	Linter    string                          `json:"linter"`
	Built     string                          `json:"built"`
	Documents []requirements.DocumentCoverage `json:"documents"`
	Sections  []coverageOfSection             `json:"sections"`
}

type coverageOfSection struct {
	Document string   `json:"document"`
	Section  string   `json:"section"`
	Heading  string   `json:"heading"`
	Lints    []string `json:"lints"`
	Note     string   `json:"note"`
}

// coverageLimits is what everybody who reads the numbers must know.
const coverageLimits = `A section with a lint is not thereby checked: a lint looks at one certificate, CRL or OCSP
response, and only at what its rule says. Validation, CAA, revocation, logging and audits
need other evidence. Lints cite several editions; numbers that exist no longer stand apart.`

func coverageDocumentOf(t *requirements.Tables, note tablesNote) (*coverageDocument, error) {
	c, err := t.Coverage()
	if err != nil {
		return nil, err
	}
	d := &coverageDocument{
		Schema: "selfaudit.requirements-coverage/v1", Tables: note, Linter: c.Linter, Built: "zlint " + strings.TrimPrefix(lint.Modules()[0].Version, "v"),
		Documents: c.Documents(), Sections: []coverageOfSection{},
	}
	for _, s := range c.Sections {
		names := append([]string{}, s.Lints...)
		d.Sections = append(d.Sections, coverageOfSection{s.Document, s.Number, s.Heading, names, s.Note})
	}
	return d, nil
}

func (d *coverageDocument) render(e *env) {
	p := e.out()
	if d.Built != d.Linter && d.Built != "zlint unknown" {
		e.notef("the table counts the lints of %s, this program has %s", d.Linter, d.Built)
	}
	for _, c := range d.Documents {
		e.printf("%s\n", p.Bold(fmt.Sprintf("%s: %d of %d sections have at least one lint of %s (by the number it cites)", c.Document, c.WithLint, c.Sections, d.Linter)))
		t := e.table()
		t.Header("CHAPTER", "WITH", "WITHOUT", "HEADING")
		for _, ch := range c.Chapters {
			t.Row(ch.Chapter, strconv.Itoa(ch.WithLint), strconv.Itoa(ch.Sections-ch.WithLint), ch.Heading)
		}
		if t.Flush() != nil { // the program notices a failed write at its end
			return
		}
		e.printf("\n")
	}
	for _, part := range []struct {
		title string
		shows func(coverageOfSection) bool
	}{
		{"sections with lints", func(s coverageOfSection) bool { return len(s.Lints) > 0 }},
		{"sections without lints", func(s coverageOfSection) bool { return len(s.Lints) == 0 }},
	} {
		e.printf("%s\n", p.Bold(part.title))
		t := e.table()
		t.Header("DOCUMENT", "SECTION", "LINTS", "HEADING")
		for _, s := range d.Sections {
			if part.shows(s) {
				t.Row(s.Document, s.Section, strconv.Itoa(len(s.Lints)), strings.TrimSpace(s.Heading+" "+bracket(s.Note)))
			}
		}
		if t.Flush() != nil {
			return
		}
		e.printf("\n")
	}
	e.printf("%s\n%s\n", coverageLimits, d.Tables.Edition)
}

// bracket puts a note behind a heading; that a number is stable goes without saying.
func bracket(note string) string {
	if note == "" || note == "stable" {
		return ""
	}
	return "[" + note + "]"
}
