package sampler

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// NotProvenFile is where the list of certificates that CT does not prove lies.
const NotProvenFile = "records/not-proven.tsv"

const notProvenHeader = "#selfaudit-not-proven-v1\titem_id\tproven\tcert_sha256\tlog_id\toutcome\tdetail\n"

// maxNotProvenDetail bounds a line's text in bytes; it may quote what a server said.
const maxNotProvenDetail = 1000

// NotProven is one line of records/not-proven.tsv: an SCT of a certificate that no SCT proves, or one
// whose outcome is a contradiction whatever the others prove.
type NotProven struct {
	Item    ItemID
	Proven  bool // a log proves the item all the same, by another SCT or certificate; the same in all its lines
	Cert    CertHash
	LogID   string // 64 hex, or NoLog
	Outcome SCTOutcome
	Detail  string // for people; control characters are written as spaces
}

// Compare orders lines as the document has them.
func (n NotProven) Compare(o NotProven) int {
	return cmp.Or(n.Item.Compare(o.Item), bytes.Compare(n.Cert[:], o.Cert[:]),
		SCTOutcomeCount{LogID: n.LogID, Outcome: n.Outcome}.Compare(SCTOutcomeCount{LogID: o.LogID, Outcome: o.Outcome}), strings.Compare(n.Detail, o.Detail))
}

func (n NotProven) check() error {
	if err := checkSerial(string(n.Item.Serial)); err != nil {
		return fmt.Errorf("item_id: serial number: %w", err)
	}
	if !validLogOrNone(n.LogID) {
		return fmt.Errorf("log_id %.80q is neither 64 lowercase hex digits nor %s", n.LogID, NoLog)
	}
	if !n.Outcome.valid() || n.Outcome == SCTProven {
		return fmt.Errorf("outcome %.40q is none of this list", n.Outcome)
	}
	return nil
}

// NotProvenWriter writes records/not-proven.tsv line by line.
type NotProvenWriter struct {
	tsvWriter
	prev NotProven
}

// NewNotProvenWriter returns a writer whose header line is already buffered.
func NewNotProvenWriter(w io.Writer) *NotProvenWriter {
	return &NotProvenWriter{tsvWriter: newTSVWriter(w, "writing "+NotProvenFile, notProvenHeader)}
}

// Write appends a line; lines must come in order, none twice.
func (w *NotProvenWriter) Write(n NotProven) error {
	n.Detail = oneLine(n.Detail)
	if err := n.check(); err != nil {
		return fmt.Errorf("writing %s: item %s: %w", NotProvenFile, n.Item, err)
	}
	if w.count > 0 {
		if err := n.follows(w.prev); err != nil {
			return fmt.Errorf("writing %s: item %s, certificate %s: %w", NotProvenFile, n.Item, n.Cert, err)
		}
	}
	w.prev = n
	return w.row(n.line())
}

// follows checks a line against the one before it.
func (n NotProven) follows(prev NotProven) error {
	switch {
	case n.Compare(prev) <= 0:
		return errors.New("not in order")
	case n.Item == prev.Item && n.Proven != prev.Proven:
		return errors.New("proven in one line of the item and not in another")
	}
	return nil
}

// yesNo are the words of the field proven.
var yesNo = map[bool]string{true: "yes", false: "no"}

func (n NotProven) line() []byte {
	b := n.Item.Append(nil)
	b = fmt.Appendf(b, "\t%s\t", yesNo[n.Proven])
	b = hex.AppendEncode(b, n.Cert[:])
	return fmt.Appendf(b, "\t%s\t%s\t%s\n", n.LogID, n.Outcome, n.Detail)
}

// oneLine makes text fit a field: printable, on one line, within bounds, never empty.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	return cmp.Or(strings.TrimSpace(s[:min(len(s), maxNotProvenDetail)]), "-")
}

// ReadNotProven calls fn with each line of records/not-proven.tsv and stops at the first error, which
// names the line.
func ReadNotProven(r io.Reader, fn func(NotProven) error) error {
	in := newTSVReader(r, NotProvenFile+": ", notProvenHeader, "not-proven version 1", maxTSVLine)
	var prev NotProven
	for {
		err := in.row(func(line []byte) error {
			row, err := parseNotProven(string(line))
			if err == nil && in.count > 0 {
				err = row.follows(prev)
			}
			if err == nil {
				prev = row
				err = fn(row)
			}
			return err
		})
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// parseNotProven reads a line without its LF; only the form that Write gives is accepted.
func parseNotProven(line string) (NotProven, error) {
	f := strings.Split(line, "\t")
	if len(f) != 6 {
		return NotProven{}, fmt.Errorf("%d fields, want 6", len(f))
	}
	item, err := ParseItemID(f[0])
	if err != nil {
		return NotProven{}, err
	}
	row := NotProven{Item: item, Proven: f[1] == yesNo[true], LogID: f[3], Outcome: SCTOutcome(f[4]), Detail: f[5]}
	if f[1] != yesNo[row.Proven] {
		return NotProven{}, fmt.Errorf("proven is %.40q, want yes or no", f[1])
	}
	if row.Cert, err = ParseCertHash(f[2]); err != nil {
		return NotProven{}, err
	}
	if err := row.check(); err != nil {
		return NotProven{}, err
	}
	if oneLine(row.Detail) != row.Detail {
		return NotProven{}, errors.New("the detail is not plain text")
	}
	return row, nil
}
