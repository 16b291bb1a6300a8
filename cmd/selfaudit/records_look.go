package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"selfaudit/internal/config"
	"selfaudit/internal/terminal"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/records"
)

// recordsLook is one look at an export.
type recordsLook struct {
	e       *env
	cfg     *config.Config
	issuers *collect.Issuers // nil without configured issuers
	set     config.Records
	path    string
	out     *recordsExport
	rows    int
	guessed bool
	times   string // time_format that was guessed
}

// sampledRows are how many rows a mapping is guessed from.
const sampledRows = 200

// mapping takes the configured mapping, or guesses one.
func (s *recordsLook) mapping(ctx context.Context, x *records.Export) error {
	s.out.Columns = s.set.Columns
	if x.Kind != records.KindCSV {
		s.out.Columns = map[string]string{}
		if !s.out.Configured {
			s.out.Suggestion = s.suggestion(nil)
		}
		return nil
	}
	if len(s.set.Columns) > 0 {
		s.ignored()
		return nil
	}
	rows, err := x.Raw(ctx, sampledRows)
	if err != nil {
		return err
	}
	s.guessed = true
	s.out.Columns = records.Guess(x.Header, rows)
	s.set.Columns = s.out.Columns
	var comments []string
	comments = append(comments, s.guessSerial(x.Header, rows)...)
	comments = append(comments, s.guessTimes(x.Header, rows)...)
	if s.set.Issuer == "" && s.out.Columns[records.Issuer] == "" && s.out.Columns[records.Certificate] == "" {
		comments = append(comments, `no column says who issued: if all rows are of one issuer, add its label as issuer`)
	}
	s.ignored()
	s.out.Suggestion = s.suggestion(comments)
	return nil
}

// ignored are the columns that no field is mapped to.
func (s *recordsLook) ignored() {
	for _, h := range s.out.Header {
		mapped := false
		for _, text := range s.out.Columns {
			mapped = mapped || strings.EqualFold(strings.TrimSpace(text), h)
		}
		if !mapped && h != "" {
			s.out.Ignored = append(s.out.Ignored, h)
		}
	}
}

func cellsOf(header []string, rows [][]string, text string) []string {
	at := slices.Index(header, text)
	var out []string
	for _, r := range rows {
		if at >= 0 && at < len(r) {
			out = append(out, r[at])
		}
	}
	return out
}

// guessSerial says how serial numbers are written, or asks.
func (s *recordsLook) guessSerial(header []string, rows [][]string) []string {
	column, ok := s.out.Columns[records.Serial]
	if !ok || s.set.SerialFormat != "auto" {
		return nil
	}
	_, err := records.GuessSerial(cellsOf(header, rows, column))
	var ambiguous *records.AmbiguousError
	switch {
	case !errors.As(err, &ambiguous):
		return nil
	case ambiguous.Sample == "":
		return []string{err.Error()}
	}
	hex, decimal := records.Readings(ambiguous.Sample)
	return []string{fmt.Sprintf("serial_format must be set: %q is %s if it is hexadecimal, and %s if it is decimal; compare with the certificate",
		clipText(ambiguous.Sample, 60), cmp.Or(hex, "no serial number"), cmp.Or(decimal, "no serial number"))}
}

// guessTimes finds the form of times that are not read without being told.
func (s *recordsLook) guessTimes(header []string, rows [][]string) []string {
	if s.set.TimeFormat != "auto" {
		return nil
	}
	var texts []string
	for _, field := range []string{records.NotBefore, records.NotAfter, records.IssuedAt} {
		if column, ok := s.out.Columns[field]; ok {
			texts = append(texts, cellsOf(header, rows, column)...)
		}
	}
	switch formats := records.GuessTimes(texts); len(formats) {
	case 0:
		return nil
	case 1:
		s.times, s.set.TimeFormat = formats[0], formats[0]
		return []string{"times without an offset are read as UTC: set time_zone if they are local"}
	default:
		return []string{fmt.Sprintf("time_format must be set: the times fit %s", strings.Join(formats, " and "))}
	}
}

// suggestion is a [[records]] to paste.
func (s *recordsLook) suggestion(comments []string) string {
	var b strings.Builder
	line := func(key, value string) { fmt.Fprintf(&b, "%s = %s\n", key, config.Quote(value)) }
	b.WriteString("[[records]]\n")
	line("path", s.set.Path)
	b.WriteString("system = \"\"          # the system that keeps the records, such as \"EJBCA 9.2, production database\"\n" +
		"query = \"\"           # the query or report that gave the list\noperator = \"\"        # who ran it\n" +
		"extracted_at = \"\"    # when, such as \"2026-10-02T08:00:00Z\"\n" +
		"# rows = 0             # as the system said; or counter_first and counter_last of its issuance counter\n")
	for _, c := range comments {
		fmt.Fprintf(&b, "# %s\n", terminal.Escape(c))
	}
	if s.times != "" {
		line("time_format", s.times)
	}
	if len(s.out.Columns) > 0 {
		b.WriteString("\n[records.columns]\n")
		for _, field := range records.Fields() {
			if text, ok := s.out.Columns[field]; ok {
				line(field, text)
			}
		}
	}
	return b.String()
}

// read reads the whole export with the mapping.
func (s *recordsLook) read(ctx context.Context) error {
	o, err := recordsOptions(s.set)
	if err != nil {
		return err
	}
	x, err := records.Open(ctx, s.path, o)
	var ambiguous *records.AmbiguousError
	if errors.As(err, &ambiguous) {
		// The rest can be shown all the same; the serial numbers are then of no account.
		s.out.Error = err.Error()
		o.SerialFormat = records.SerialHex
		x, err = records.Open(ctx, s.path, o)
	}
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.out.Error = err.Error()
		return nil
	}
	if s.out.Error == "" {
		s.out.SerialFormat = x.SerialFormat
	}
	s.out.Notes = x.Notes
	if s.out.Notes == nil {
		s.out.Notes = []string{}
	}
	if err := x.Check(); err != nil {
		s.out.Error = cmp.Or(s.out.Error, err.Error())
	}
	var texts *collect.IssuerTexts
	if s.issuers != nil {
		if texts, err = issuerTexts(s.cfg, s.issuers, s.set); err != nil {
			s.out.Error = cmp.Or(s.out.Error, err.Error())
			texts = nil
		}
	}
	issuers := map[string]int64{}
	problems := map[[2]string]*recordsProblem{}
	err = x.Read(ctx, func(r records.Row) error {
		s.out.Readable++
		if len(issuers) < 1000 || issuers[r.IssuerText] > 0 {
			issuers[r.IssuerText]++
		}
		if len(s.out.Preview) < s.rows {
			s.out.Preview = append(s.out.Preview, s.preview(x, &r))
		}
		return nil
	}, func(p records.Problem) error {
		if p.Other {
			return nil
		}
		s.out.Unreadable++
		key := [2]string{p.Column, p.Field}
		if problems[key] == nil {
			problems[key] = &recordsProblem{Column: p.Column, Field: p.Field, First: p.Where() + ": " + p.Err.Error()}
		}
		problems[key].Rows++
		return nil
	})
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.out.Error = cmp.Or(s.out.Error, err.Error())
	}
	if s.out.Error == "" {
		given := sampler.SnapshotRecords{Path: s.out.Path, Rows: s.out.Rows, Provenance: provenance(s.set)}
		s.out.Notes = append(s.out.Notes, sampler.CountMismatches([]sampler.SnapshotRecords{given})...)
		if s.out.Rows == 0 {
			s.out.Notes = append(s.out.Notes, "the export has no rows")
		}
	}
	for _, text := range slices.Sorted(maps.Keys(issuers)) {
		s.out.Issuers = append(s.out.Issuers, s.issuer(texts, text, issuers[text]))
	}
	for _, p := range problems {
		s.out.Problems = append(s.out.Problems, *p)
	}
	slices.SortFunc(s.out.Problems, func(a, b recordsProblem) int {
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Field, b.Field))
	})
	return nil
}

// issuer says whose rows carry a text.
func (s *recordsLook) issuer(texts *collect.IssuerTexts, text string, rows int64) recordsIssuer {
	out := recordsIssuer{Text: text, Rows: rows}
	if texts == nil || text == "" {
		return out
	}
	key, ok, err := texts.Find(text)
	if err != nil {
		out.Error = err.Error()
		s.out.Error = cmp.Or(s.out.Error, err.Error())
	}
	if !ok {
		return out
	}
	for _, iss := range s.issuers.List() {
		if iss.Key == key {
			out.Issuer = iss.Label
		}
	}
	return out
}

func (s *recordsLook) preview(x *records.Export, r *records.Row) recordsPreview {
	p := recordsPreview{Row: r.Number, Line: r.Line, Fields: map[string]string{}}
	for field, text := range x.Texts(r) {
		p.Fields[field] = text
	}
	return p
}
