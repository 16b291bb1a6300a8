package sampler

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// RecordRow is one line of records/rows.jsonl: what the CA's own records say of a sampled
// or finding-named item. Texts are as the CA wrote them.
type RecordRow struct {
	ItemID      ItemID            `json:"item_id"`
	Export      int               `json:"export"` // position in snapshot.records, from 0
	File        string            `json:"file"`   // inside the export
	Row         int64             `json:"row"`    // in the export, from 1
	Line        int64             `json:"line,omitempty"`
	Serial      string            `json:"serial"` // as written
	Issuer      string            `json:"issuer"` // as written
	Fingerprint CertHash          `json:"fingerprint,omitzero"`
	Carried     bool              `json:"certificate,omitempty"` // a certificate came with the row
	NotBefore   string            `json:"not_before,omitempty"`
	NotAfter    string            `json:"not_after,omitempty"`
	IssuedAt    string            `json:"issued_at,omitempty"`
	Columns     map[string]string `json:"columns,omitempty"` // the CA's other columns, empty ones left out
}

// JSON returns the row as its JSONL line, LF included.
func (r RecordRow) JSON() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("writing the records' row of item %s: %w", r.ItemID, err)
	}
	return encodeLine(r)
}

// Issued is the issuance time that the row states, zero if it states none.
func (r RecordRow) Issued() time.Time {
	at, _ := parseTime(r.IssuedAt)
	return at
}

// Values are the row's texts in the given columns, "" where it has none.
func (r RecordRow) Values(columns []string) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = r.Columns[c]
	}
	return out
}

// Compare orders rows by item, export and row.
func (r RecordRow) Compare(o RecordRow) int {
	if c := r.ItemID.Compare(o.ItemID); c != 0 {
		return c
	}
	if r.Export != o.Export {
		return r.Export - o.Export
	}
	switch {
	case r.Row < o.Row:
		return -1
	case r.Row > o.Row:
		return 1
	}
	return 0
}

func (r RecordRow) check() error {
	if err := checkSerial(string(r.ItemID.Serial)); err != nil {
		return fmt.Errorf("item_id: serial number: %w", err)
	}
	if r.Export < 0 || r.Row < 1 || r.Line < 0 {
		return fmt.Errorf("export %d, row %d, line %d", r.Export, r.Row, r.Line)
	}
	for _, text := range []string{r.NotBefore, r.NotAfter, r.IssuedAt} {
		if text == "" {
			continue
		}
		if _, err := ParseTime(text); err != nil {
			return err
		}
	}
	return nil
}

// ParseRecordRows reads records/rows.jsonl; errors name the line.
func ParseRecordRows(r io.Reader) ([]RecordRow, error) {
	var out []RecordRow
	err := readLines(r, "rows.jsonl", func(line []byte) error {
		var row RecordRow
		if err := decodeStrict(line, &row); err != nil {
			return err
		}
		if err := row.check(); err != nil {
			return err
		}
		if n := len(out); n > 0 && out[n-1].Compare(row) >= 0 {
			return errors.New("not in order of item, export and row")
		}
		out = append(out, row)
		return nil
	})
	return out, err
}
