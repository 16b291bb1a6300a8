package sampler

import "fmt"

// OpeningSchema is the schema of audit.json.
const OpeningSchema = "selfaudit.audit/v1"

// Values of the clock fields: where the document's times came from.
const (
	ClockSystem = "system"
	ClockGiven  = "given" // by the user, for repeatable runs
)

// ProgramInfo names the program that wrote a document.
type ProgramInfo struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Go       string `json:"go"`
}

// Opening is audit.json: what an audit is, fixed when it is opened. Times are
// written as FormatTime does.
type Opening struct {
	Schema        string      `json:"schema"`
	AuditID       string      `json:"audit_id"`
	Mode          string      `json:"mode"`
	PeriodStart   string      `json:"period_start"`
	PeriodEnd     string      `json:"period_end"` // exclusive
	ChainStart    string      `json:"chain_start"`
	PreviousAudit string      `json:"previous_audit"` // audit id, "" for the first of a chain
	OpenedAt      string      `json:"opened_at"`
	Clock         string      `json:"clock"` // ClockSystem or ClockGiven
	Program       ProgramInfo `json:"program"`
}

// Bytes returns audit.json after checking it by the rules of ParseOpening. An
// empty Schema is filled in.
func (o *Opening) Bytes() ([]byte, error) {
	doc := *o
	if doc.Schema == "" {
		doc.Schema = OpeningSchema
	}
	if err := doc.check(); err != nil {
		return nil, fmt.Errorf("writing audit.json: %w", err)
	}
	return encodeDocument(doc)
}

// ParseOpening reads audit.json; unknown keys are refused.
func ParseOpening(b []byte) (*Opening, error) {
	var o Opening
	if err := decodeDocument(b, &o); err != nil {
		return nil, fmt.Errorf("audit.json: %w", err)
	}
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("audit.json: %w", err)
	}
	return &o, nil
}

func (o *Opening) check() error {
	if o.Schema != OpeningSchema {
		return fmt.Errorf("schema is %.80q, want %s", o.Schema, OpeningSchema)
	}
	if o.PreviousAudit != "" && !ValidAuditID(o.PreviousAudit) {
		return fmt.Errorf("bad previous_audit %.80q", o.PreviousAudit)
	}
	return checkHead(o.AuditID, o.Mode, o.ChainStart, o.PeriodStart, o.PeriodEnd, o.OpenedAt, o.Clock)
}

// checkHead checks what audit.json and snapshot.json have in common.
func checkHead(auditID, mode, chainStart, periodStart, periodEnd, openedAt, clock string) error {
	if !ValidAuditID(auditID) {
		return fmt.Errorf("bad audit_id %.80q; want [A-Za-z0-9][A-Za-z0-9._-]{0,63}", auditID)
	}
	if mode != ModeAudit && mode != ModeRehearsal {
		return fmt.Errorf("unknown mode %.40q", mode)
	}
	if clock != ClockSystem && clock != ClockGiven {
		return fmt.Errorf("unknown clock %.40q; want system or given", clock)
	}
	for _, s := range []string{chainStart, periodStart, periodEnd, openedAt} {
		if _, err := ParseTime(s); err != nil {
			return err
		}
	}
	// In this format byte order is the order of the times.
	if chainStart > periodStart || periodStart >= periodEnd {
		return fmt.Errorf("chain start %s, period %s to %s are out of order", chainStart, periodStart, periodEnd)
	}
	return nil
}

func decodeDocument(b []byte, v any) error {
	if len(b) > maxJSONDocument {
		return fmt.Errorf("larger than %d bytes", maxJSONDocument)
	}
	return decodeStrict(b, v)
}
