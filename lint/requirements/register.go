package requirements

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"selfaudit/internal/terminal"
)

// RegisterFile is the register's name in a workspace.
const RegisterFile = "requirements-review.csv"

// Review is one row of the register: that somebody looked at a version of a document and
// said what it means for the CA. The control is the CA's own (Camerfirma WBR-1, 2018: "no
// sufficient controls to ensure that the CA implements the latest version").
type Review struct {
	Document   string `json:"document"`
	Version    string `json:"version"`
	Effective  string `json:"effective"` // YYYY-MM-DD, the table's
	ReviewedBy string `json:"reviewed_by"`
	ReviewedOn string `json:"reviewed_on"` // YYYY-MM-DD
	Impact     string `json:"impact"`
	Change     string `json:"change"` // what was changed in CPS or profiles, or "none"
	ApprovedBy string `json:"approved_by"`
}

// Register is the file as it was read: its rows in order, and the form in which a
// spreadsheet left it, which Bytes keeps.
type Register struct {
	Reviews []Review
	comma   rune
	bom     bool
	crlf    bool
}

// registerHeader is the first line; it names the columns of Review.
var registerHeader = []string{"document", "version", "effective", "reviewed_by", "reviewed_on", "impact", "change", "approved_by"}

const (
	maxRegister = 4 << 20
	maxCell     = 4096
)

var byteOrderMark = []byte("\xef\xbb\xbf")

// NewRegister returns an empty register. A new file begins with a byte order mark, because
// without one Excel takes UTF-8 for something else.
func NewRegister() *Register { return &Register{comma: ',', bom: true} }

// ParseRegister reads a register, also one that a spreadsheet has saved: with byte order
// mark, with ; or TAB between the cells, with CR LF. It is strict about everything else:
// columns, dates YYYY-MM-DD, known documents, version numbers, no empty cell but change and
// approved_by, no control characters, no row twice. Errors name the line.
func ParseRegister(data []byte) (*Register, error) {
	if len(data) > maxRegister {
		return nil, fmt.Errorf("larger than %d bytes", maxRegister)
	}
	r := &Register{comma: ',', bom: bytes.HasPrefix(data, byteOrderMark)}
	data = bytes.TrimPrefix(data, byteOrderMark)
	if !utf8.Valid(data) {
		return nil, errors.New("not UTF-8: save it as \"CSV UTF-8\"")
	}
	first, _, _ := bytes.Cut(data, []byte("\n"))
	r.crlf = bytes.HasSuffix(first, []byte("\r"))
	for _, comma := range []rune{';', '\t'} {
		if bytes.ContainsRune(first, comma) && !bytes.ContainsRune(first, ',') {
			r.comma = comma
		}
	}
	in := csv.NewReader(bytes.NewReader(data))
	in.Comma, in.FieldsPerRecord = r.comma, len(registerHeader)
	for n := 0; ; n++ {
		row, err := in.Read()
		if errors.Is(err, io.EOF) && n > 0 {
			return r, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w; each line has the %d cells %s", err, len(registerHeader), strings.Join(registerHeader, ", "))
		}
		line, _ := in.FieldPos(0)
		if n == 0 {
			if !slices.Equal(row, registerHeader) {
				return nil, fmt.Errorf("line 1 is not %s", strings.Join(registerHeader, ","))
			}
			continue
		}
		if strings.Join(row, "") == "" {
			continue // spreadsheets leave empty rows behind
		}
		review, err := readReview(row)
		if err == nil && slices.Contains(r.Reviews, review) {
			err = errors.New("the same row stands there already")
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		r.Reviews = append(r.Reviews, review)
	}
}

// readReview reads one row.
func readReview(row []string) (Review, error) {
	for i := range row {
		cell := strings.TrimSpace(row[i])
		// Bytes puts ' in front of what a spreadsheet would run as a formula.
		if len(cell) > 1 && cell[0] == '\'' && strings.ContainsRune("=+-@", rune(cell[1])) {
			cell = cell[1:]
		}
		row[i] = cell
	}
	v := Review{row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7]}
	return v, v.check()
}

// check says what is wrong with a review in itself, whatever the tables know.
func (v Review) check() error {
	cells := []string{v.Document, v.Version, v.Effective, v.ReviewedBy, v.ReviewedOn, v.Impact, v.Change, v.ApprovedBy}
	for i, cell := range cells {
		name := registerHeader[i]
		switch {
		case cell == "" && name != "change" && name != "approved_by":
			return fmt.Errorf("%s is empty", name)
		case len(cell) > maxCell:
			return fmt.Errorf("%s is longer than %d bytes", name, maxCell)
		case terminal.Escape(cell) != cell:
			return fmt.Errorf("%s contains a character that cannot be shown: %s", name, terminal.Escape(cell))
		}
	}
	if !slices.Contains(Documents(), v.Document) {
		return fmt.Errorf("document %q is not one of %s", v.Document, strings.Join(Documents(), ", "))
	}
	if _, err := parseNumber(v.Version); err != nil {
		return err
	}
	for i, day := range []string{v.Effective, v.ReviewedOn} {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return fmt.Errorf("%s: %q is not a date YYYY-MM-DD; format the column as text, so that the spreadsheet leaves it alone", []string{"effective", "reviewed_on"}[i], day)
		}
	}
	return nil
}

// Add records a review and keeps the rows sorted: by document in the order of Documents,
// by version number, by day, by reviewer. The version and its effective date must be the
// table's: a register does not invent versions.
func (r *Register) Add(v Review, t *Tables) error {
	if err := v.check(); err != nil {
		return err
	}
	if why := t.Unknown(v); why != "" {
		return errors.New(why)
	}
	if slices.Contains(r.Reviews, v) {
		return fmt.Errorf("the review of %s %s by %s on %s stands there already", v.Document, v.Version, v.ReviewedBy, v.ReviewedOn)
	}
	r.Reviews = append(r.Reviews, v)
	slices.SortStableFunc(r.Reviews, func(a, b Review) int {
		x, _ := parseNumber(a.Version) // checked above and when read
		y, _ := parseNumber(b.Version)
		return cmp.Or(cmp.Compare(slices.Index(Documents(), a.Document), slices.Index(Documents(), b.Document)), slices.Compare(x, y),
			cmp.Compare(a.ReviewedOn, b.ReviewedOn), cmp.Compare(a.ReviewedBy, b.ReviewedBy))
	})
	return nil
}

// Bytes writes the register in the form in which it was read.
func (r *Register) Bytes() ([]byte, error) {
	var b bytes.Buffer
	if r.bom {
		b.Write(byteOrderMark)
	}
	w := csv.NewWriter(&b)
	w.Comma, w.UseCRLF = r.comma, r.crlf
	rows := [][]string{registerHeader}
	for _, v := range r.Reviews {
		row := []string{v.Document, v.Version, v.Effective, v.ReviewedBy, v.ReviewedOn, v.Impact, v.Change, v.ApprovedBy}
		for i, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
				row[i] = "'" + cell
			}
		}
		rows = append(rows, row)
	}
	if err := w.WriteAll(rows); err != nil {
		return nil, fmt.Errorf("writing %s: %w", RegisterFile, err)
	}
	return b.Bytes(), nil
}

// Of returns the reviews of one version, oldest first.
func (r *Register) Of(document, version string) []Review {
	var out []Review
	for _, v := range r.Reviews {
		if v.Document == document && v.Version == version {
			out = append(out, v)
		}
	}
	slices.SortStableFunc(out, func(a, b Review) int { return cmp.Compare(a.ReviewedOn, b.ReviewedOn) })
	return out
}
