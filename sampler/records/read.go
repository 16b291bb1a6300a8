package records

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"selfaudit/sampler/files"
)

// mapped finds the columns of the mapping in a header.
func (e *Export) mapped(header []string) ([]column, error) {
	var out []column
	for _, field := range Fields() {
		text, ok := e.options.Columns[field]
		if !ok {
			continue
		}
		at, err := findColumn(header, text)
		if err != nil {
			return nil, fmt.Errorf("%s = %q: %w", field, text, err)
		}
		out = append(out, column{field, at})
	}
	return out, nil
}

// findColumn takes the header's text to the letter, else without regard to case.
func findColumn(header []string, text string) (int, error) {
	text = strings.TrimSpace(text)
	for _, same := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
		at := slices.IndexFunc(header, func(h string) bool { return same(h, text) })
		if at < 0 {
			continue
		}
		if slices.IndexFunc(header[at+1:], func(h string) bool { return same(h, text) }) >= 0 {
			return 0, errors.New("two columns have this name")
		}
		return at, nil
	}
	names := make([]string, 0, len(header))
	for _, h := range header[:min(len(header), 40)] {
		names = append(names, fmt.Sprintf("%q", clip(h)))
	}
	return 0, fmt.Errorf("there is no such column; there are %s", strings.Join(names, ", "))
}

// Check says what the mapping lacks to be of use.
func (e *Export) Check() error {
	if e.Kind == KindCertificates {
		return nil
	}
	has := func(field string) bool { _, ok := e.options.Columns[field]; return ok }
	switch {
	case !has(Serial) && !has(Certificate):
		return errors.New("[records.columns] names neither a column of serial numbers nor one of certificates")
	case !has(Issuer) && !has(Certificate) && e.options.Issuer == "":
		return errors.New(`nothing says who issued: map a column to issuer, or set issuer = "DV1" if all rows are of one`)
	}
	return nil
}

// Read passes every row on, in order, and what cannot be read to problem.
func (e *Export) Read(ctx context.Context, row func(Row) error, problem func(Problem) error) error {
	if e.Kind == KindCertificates {
		return e.readCertificates(ctx, row, problem)
	}
	var number int64
	return e.tables(ctx, func(p files.Problem) error {
		return problem(Problem{File: p.Path, Other: errors.Is(p.Err, files.ErrNotCertificate), Err: p.Err})
	}, func(name string, t *table) error {
		for {
			if number%1024 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			cells, err := t.read()
			if err == io.EOF {
				return nil
			}
			number++
			var parsing *csv.ParseError
			switch {
			case errors.As(err, &parsing):
				err = problem(Problem{File: name, Number: number, Line: parsing.StartLine + t.skipped, Err: fmt.Errorf("at line %d, character %d: %w", parsing.Line+t.skipped, parsing.Column, parsing.Err)})
			case err != nil:
				return fmt.Errorf("reading %s, row %d: %w", name, number, err)
			default:
				r := Row{File: name, Number: number, Line: t.line()}
				if p := e.parse(&r, cells); p != nil {
					p.File, p.Number, p.Line = name, number, r.Line
					err = problem(*p)
				} else {
					err = row(r)
				}
			}
			if err != nil {
				return err
			}
		}
	})
}

// readCertificates makes a row of every certificate.
func (e *Export) readCertificates(ctx context.Context, row func(Row) error, problem func(Problem) error) error {
	var number int64
	return files.Read(ctx, e.Path, func(c files.Certificate) error {
		number++
		return row(Row{File: c.Path, Number: number, Line: 0, DER: c.DER})
	}, func(p files.Problem) error {
		other := errors.Is(p.Err, files.ErrNotCertificate)
		out := Problem{File: p.Path, Other: other, Err: p.Err}
		if !other {
			number++
			out.Number = number
		}
		return problem(out)
	})
}

// parse fills in the row; nil, or what is wrong with its first bad cell.
func (e *Export) parse(r *Row, cells []string) *Problem {
	if len(cells) != len(e.Header) {
		return &Problem{Err: fmt.Errorf("the row has %d columns, the first row has %d", len(cells), len(e.Header))}
	}
	for _, c := range e.columns {
		text := cells[c.at]
		err := checkText(text)
		if err == nil && strings.TrimSpace(text) != "" {
			err = e.cell(r, c.field, text)
		}
		if err != nil {
			return &Problem{Column: e.Header[c.at], Field: c.field, Err: err}
		}
	}
	if r.IssuerText == "" {
		r.IssuerText = e.options.Issuer
	}
	if r.Serial == "" && r.DER == nil {
		return &Problem{Column: e.options.Columns[Serial], Field: Serial, Err: errors.New("the row has neither a serial number nor a certificate")}
	}
	if r.IssuerText == "" && r.DER == nil {
		return &Problem{Column: e.options.Columns[Issuer], Field: Issuer, Err: errors.New("the row does not say who issued")}
	}
	return nil
}

// cell reads one text that is not empty.
func (e *Export) cell(r *Row, field, text string) (err error) {
	if field != Certificate && len(text) > maxText {
		return fmt.Errorf("the text has %d bytes, more than %d", len(text), maxText)
	}
	switch field {
	case Serial:
		r.SerialText = strings.Clone(strings.TrimSpace(text))
		r.Serial, err = ParseSerial(text, e.SerialFormat)
	case Issuer:
		r.IssuerText = strings.Clone(strings.TrimSpace(text))
	case Fingerprint:
		r.Fingerprint, err = parseFingerprint(text)
	case NotBefore:
		r.NotBefore, err = e.clock.parse(text)
	case NotAfter:
		r.NotAfter, err = e.clock.parse(text)
	case IssuedAt:
		r.IssuedAt, err = e.clock.parse(text)
	case Certificate:
		r.DER, err = parseCertificate(text)
		if err == nil && len(r.DER) > maxCertificate {
			err = fmt.Errorf("a certificate of %d bytes, more than %d", len(r.DER), maxCertificate)
		}
		r.DER = slices.Clip(r.DER)
	default:
		i := slices.Index(FreeColumns[:], field)
		r.Free[i] = strings.Clone(strings.TrimSpace(text))
	}
	return err
}

// errEnough ends a reading early.
var errEnough = errors.New("enough")

// Raw returns the cells of the first rows, as they are written, without any mapping.
func (e *Export) Raw(ctx context.Context, rows int) ([][]string, error) {
	if e.Kind == KindCertificates {
		return nil, nil
	}
	var out [][]string
	err := e.tables(ctx, nil, func(name string, t *table) error {
		for len(out) < rows {
			cells, err := t.read()
			var parsing *csv.ParseError
			switch {
			case err == io.EOF:
				return nil
			case errors.As(err, &parsing):
				continue
			case err != nil:
				return err
			}
			row := make([]string, len(cells))
			for i, c := range cells {
				row[i] = strings.Clone(c)
			}
			out = append(out, row)
		}
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return out, err
}
