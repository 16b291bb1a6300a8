package sampler

import (
	"errors"
	"fmt"
	"io"
)

// ItemFinding is one line of findings/items.jsonl: a contradiction inside one
// item, found while collecting (protocol section 3). These findings cover the
// whole population, not the sample.
type ItemFinding struct {
	ItemID       ItemID     `json:"item_id"`
	Lint         string     `json:"lint"`     // name of the check
	Severity     string     `json:"severity"` // notice, warn, error or fatal
	Source       string     `json:"source"`   // "selfaudit"
	Citation     string     `json:"citation"` // document and section
	Details      string     `json:"details"`
	Certificates []CertHash `json:"certificates"`  // all that the finding is about
	InPopulation bool       `json:"in_population"` // whether the item is in this audit's population
}

// Line returns the finding as its JSONL line, LF included.
func (f ItemFinding) Line() ([]byte, error) {
	if f.Certificates == nil {
		f.Certificates = []CertHash{}
	}
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("writing finding %.80q of item %s: %w", f.Lint, f.ItemID, err)
	}
	return encodeLine(f)
}

func (f ItemFinding) check() error {
	if err := checkSerial(string(f.ItemID.Serial)); err != nil {
		return fmt.Errorf("item_id: serial number: %w", err)
	}
	switch f.Severity {
	case "notice", "warn", "error", "fatal":
	default:
		return fmt.Errorf("unknown severity %.40q; want notice, warn, error or fatal", f.Severity)
	}
	if f.Lint == "" {
		return errors.New("finding without a lint name")
	}
	return nil
}

// ParseItemFindings reads findings/items.jsonl; errors name the line.
func ParseItemFindings(r io.Reader) ([]ItemFinding, error) {
	var out []ItemFinding
	err := readLines(r, "items.jsonl", func(line []byte) error {
		var f ItemFinding
		if err := decodeStrict(line, &f); err != nil {
			return err
		}
		if err := f.check(); err != nil {
			return err
		}
		out = append(out, f)
		return nil
	})
	return out, err
}
