package records

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Bounds of a table.
const (
	maxRow     = 4 << 20 // bytes of one row; a certificate in PEM has some thousand
	maxColumns = 1000
	maxText    = 4096 // bytes of a free column
)

// ErrRowTooLong says that a row does not end: most likely a quotation mark was never closed.
var ErrRowTooLong = fmt.Errorf("a row of more than %d bytes: is a quotation mark not closed?", maxRow)

// Delimiters are the names of the delimiters that can be configured.
var Delimiters = map[string]rune{"comma": ',', "semicolon": ';', "tab": '\t', "pipe": '|'}

func delimiterName(r rune) string {
	for name, d := range Delimiters {
		if d == r {
			return name
		}
	}
	return string(r)
}

// table reads the rows of one CSV text, which is UTF-8.
type table struct {
	budget    *budget
	csv       *csv.Reader
	delimiter rune
	header    []string
	skipped   int // lines before what csv counts
}

// budget bounds what is read for one row: encoding/csv would take a file without line
// ends, or with an open quotation mark, into memory as a whole.
type budget struct {
	r    io.Reader
	left int
}

func (b *budget) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, ErrRowTooLong
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// newTable reads the header. delimiter 0 means that it is found in the header.
func newTable(r io.Reader, delimiter rune) (*table, error) {
	t := &table{budget: &budget{r: r, left: maxRow}}
	in := bufio.NewReaderSize(t.budget, 64<<10)
	line, err := in.Peek(32 << 10)
	if err != nil && err != io.EOF {
		return nil, err
	}
	first, _, _ := strings.Cut(string(line), "\n")
	first = strings.TrimRight(first, "\r")
	if name, ok := strings.CutPrefix(strings.ToLower(first), "sep="); ok && utf8.RuneCountInString(name) == 1 {
		// Excel's own mark.
		if _, err := in.ReadString('\n'); err != nil && err != io.EOF {
			return nil, err
		}
		t.skipped = 1
		if delimiter == 0 {
			delimiter, _ = utf8.DecodeRuneInString(name)
		}
		_, rest, _ := strings.Cut(string(line), "\n")
		first, _, _ = strings.Cut(rest, "\n")
	}
	if delimiter == 0 {
		delimiter = guessDelimiter(first)
	}
	t.delimiter = delimiter
	t.csv = csv.NewReader(in)
	t.csv.Comma, t.csv.FieldsPerRecord, t.csv.ReuseRecord = delimiter, -1, true
	header, err := t.read()
	if err == io.EOF {
		return nil, errors.New("the file is empty: it needs a first row with the names of the columns")
	}
	if err != nil {
		return nil, fmt.Errorf("the first row: %w", err)
	}
	if len(header) > maxColumns {
		return nil, fmt.Errorf("the first row has %d columns, more than %d", len(header), maxColumns)
	}
	for _, h := range header {
		t.header = append(t.header, strings.TrimSpace(strings.Clone(h)))
	}
	return t, nil
}

// guessDelimiter takes the one that is most often in the header outside quotation marks.
func guessDelimiter(header string) rune {
	best, most := ',', 0
	for _, d := range []rune{',', ';', '\t', '|'} {
		n, quoted := 0, false
		for _, c := range header {
			switch {
			case c == '"':
				quoted = !quoted
			case c == d && !quoted:
				n++
			}
		}
		if n > most {
			best, most = d, n
		}
	}
	return best
}

// read returns the next row; it is valid until the next call.
func (t *table) read() ([]string, error) {
	t.budget.left = maxRow
	return t.csv.Read()
}

// line is where the row that was read last begins.
func (t *table) line() int {
	line, _ := t.csv.FieldPos(0)
	return line + t.skipped
}

// checkText says why a cell is no text.
func checkText(s string) error {
	switch {
	case !utf8.ValidString(s):
		return errors.New("it is not UTF-8: set encoding to what the file is in")
	case strings.ContainsRune(s, utf8.RuneError):
		return errors.New("it has characters that were lost in a conversion (U+FFFD): set encoding, or export it again")
	case strings.IndexByte(s, 0) >= 0:
		return errors.New("it has a zero byte")
	}
	return nil
}
