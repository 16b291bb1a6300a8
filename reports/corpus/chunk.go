package corpus

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"selfaudit/internal/jsonlines"
	"selfaudit/lint"
	"selfaudit/sampler"
)

// ChunkItems is the number of items whose results lie in one chunk: what a killed run loses
// at most.
const ChunkItems = 2048

// Record is what linting one certificate gave, as a chunk keeps it. Certificates without
// findings have no record; ChunkHead counts them.
type Record struct {
	Item     sampler.ItemID `json:"item_id"`
	Stratum  string         `json:"stratum_id"`
	SHA256   string         `json:"sha256"`
	Form     sampler.Form   `json:"form"`
	Issued   string         `json:"issued"`
	From     string         `json:"not_before"`
	Until    string         `json:"not_after"`
	RuleSet  string         `json:"rule_set,omitempty"`
	Findings []Finding      `json:"findings"`
}

// Finding is one finding of a Record; source and citation follow from the rule.
type Finding struct {
	Lint     string        `json:"lint"`
	Severity lint.Severity `json:"severity"`
	Details  string        `json:"details,omitempty"`
}

// maxDetails bounds what a list says about one certificate.
const maxDetails = 300

// NewFinding takes a finding over.
func NewFinding(f lint.Finding) Finding {
	details := []rune(f.Details)
	if len(details) > maxDetails {
		details = append(details[:maxDetails], '…')
	}
	return Finding{f.Lint, f.Severity, string(details)}
}

// ChunkHead is the last line of a chunk: a chunk without it is not complete.
type ChunkHead struct {
	Number       int64 `json:"chunk"`
	Items        int64 `json:"items"`
	Certificates int64 `json:"certificates"`
	Records      int64 `json:"records"`
}

// WriteChunk writes a chunk, compressed: its records, then its head.
func WriteChunk(w io.Writer, head ChunkHead, records []Record) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return fmt.Errorf("writing a chunk: %w", err)
	}
	head.Records = int64(len(records))
	out := bufio.NewWriter(z)
	for _, r := range records {
		line, err := Line(r)
		if err != nil {
			return err
		}
		if _, err := out.Write(line); err != nil {
			return fmt.Errorf("writing a chunk: %w", err)
		}
	}
	line, err := Line(struct {
		Head ChunkHead `json:"head"`
	}{head})
	if err != nil {
		return err
	}
	_, err = out.Write(line)
	if err := errors.Join(err, out.Flush(), z.Close()); err != nil {
		return fmt.Errorf("writing a chunk: %w", err)
	}
	return nil
}

// ReadChunk reads a chunk, record by record.
func ReadChunk(r io.Reader, fn func(Record) error) (ChunkHead, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return ChunkHead{}, fmt.Errorf("reading a chunk: %w", err)
	}
	lines := bufio.NewReaderSize(z, 64<<10)
	var seen int64
	for {
		line, err := jsonlines.ReadLine(lines, maxLine)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return ChunkHead{}, fmt.Errorf("reading a chunk: %w", err)
		}
		var head struct {
			Head ChunkHead `json:"head"`
		}
		if len(line) > 9 && string(line[:9]) == `{"head":{` {
			if err := jsonlines.Exact(line, &head); err != nil {
				return ChunkHead{}, fmt.Errorf("reading a chunk: %w", err)
			}
			if _, err := lines.ReadByte(); !errors.Is(err, io.EOF) {
				return ChunkHead{}, fmt.Errorf("reading a chunk: something follows its end: %w", errors.Join(err, errDamaged))
			}
			if head.Head.Records != seen {
				return ChunkHead{}, fmt.Errorf("reading a chunk: %d records, its end says %d: %w", seen, head.Head.Records, errDamaged)
			}
			return head.Head, nil
		}
		var rec Record
		if err := jsonlines.Exact(line, &rec); err != nil {
			return ChunkHead{}, fmt.Errorf("reading a chunk: %w", err)
		}
		seen++
		if fn != nil {
			if err := fn(rec); err != nil {
				return ChunkHead{}, err
			}
		}
	}
}

var errDamaged = errors.New("damaged on disk: delete the folder and lint the population again")
