package sampler

import (
	"cmp"
	"errors"
	"fmt"
)

// SnapshotSchema is the schema of snapshot.json.
const SnapshotSchema = "selfaudit.snapshot/v1"

// States of a log in a snapshot.
const (
	LogProven   = "proven"    // tree head verified and its root recomputed from every entry read
	LogExcluded = "excluded"  // not used; the reason says why and the population may lack items
	LogLookedUp = "looked-up" // not read: single entries were looked up and proven under its tree head
)

// Snapshot is snapshot.json: how the population was obtained (protocol section
// 5, snapshot-sha256). Times are written as FormatTime does.
type Snapshot struct {
	Schema       string           `json:"schema"`
	AuditID      string           `json:"audit_id"`
	Mode         string           `json:"mode"`
	Period       SnapshotPeriod   `json:"period"`
	Chain        SnapshotChain    `json:"chain"`
	IssuanceTime IssuanceTime     `json:"issuance_time"`
	OpenedAt     string           `json:"opened_at"`
	Clock        string           `json:"clock"`
	Program      ProgramInfo      `json:"program"`
	Issuers      []SnapshotIssuer `json:"issuers"`
	Logs         []SnapshotLog    `json:"logs"`
	Files        []SnapshotFile   `json:"files"`
	Index        *SnapshotIndex   `json:"index,omitempty"` // nil: none was asked
	Rules        SnapshotRules    `json:"rules"`
	Filters      []string         `json:"filters"` // what selected items beside issuer key and time: must be nothing
	Counts       SnapshotCounts   `json:"counts"`
	UnreadLogs   []UnreadLog      `json:"unread_logs"`
	Findings     map[string]int64 `json:"findings"` // item findings by check
	LintPolicy   SnapshotLinter   `json:"lint_policy"`
	Notes        []string         `json:"notes"`
	SCTs         *SnapshotSCTs    `json:"scts,omitempty"` // nil: no SCTs were looked up
	// Completeness is what Completeness says of everything above and below.
	Completeness []string `json:"completeness,omitempty"`
	// Pairings is nil in snapshots of before ct/pairings.tsv was written.
	Pairings *SnapshotPairings `json:"pairings,omitempty"`
	// Outside is nil in snapshots of before ct/outside.tsv was written.
	Outside *SnapshotOutside `json:"outside,omitempty"`
	// What the CA's own records say, and how they compare; absent without [[records]].
	Records        []SnapshotRecords       `json:"records,omitempty"`
	Reconciliation *SnapshotReconciliation `json:"reconciliation,omitempty"`
	Exclusions     []SnapshotExclusion     `json:"exclusions,omitempty"`
	StrataBy       []string                `json:"strata_by,omitempty"` // columns that strata are divided by
	Labels         []SnapshotLabel         `json:"labels,omitempty"`    // ascending by label
}

// SnapshotPeriod is the audit's period, half open.
type SnapshotPeriod struct {
	Start string `json:"start"`
	End   string `json:"end"` // exclusive
}

// SnapshotChain says where the chain of audits starts and on what evidence.
type SnapshotChain struct {
	Start         string `json:"start"`
	PreviousAudit string `json:"previous_audit"`        // audit id, "" for the first
	Evidence      string `json:"evidence"`              // a document's name and hash as FormatEvidence writes them, or NoEvidence
	Reason        string `json:"reason"`                // why there is none, or why there is a gap
	LastSample    string `json:"last_sample,omitempty"` // when the last self-audit outside this program took its sample; "" if unknown or for a later audit
}

// SnapshotIssuer is one issuer key with the certificates it is known by.
type SnapshotIssuer struct {
	KeySHA256    KeyHash           `json:"key_sha256"`
	Subject      string            `json:"subject"`
	Label        string            `json:"label"`
	Certificates []CertHash        `json:"certificates"`
	RateBP       int               `json:"rate_bp"` // 0 = the audit's
	Floor        int64             `json:"floor"`   // 0 = the audit's
	PolicyOIDs   map[string]string `json:"policy_oids"`
	// Constrained says by what the CA is technically constrained (BR 1.6.1, 7.1.2.3,
	// 7.1.2.5; SBR 7.1.5); absent if it is not.
	Constrained string `json:"technically_constrained,omitempty"`
}

// SnapshotLog is one CT log and the tree head it was read at.
type SnapshotLog struct {
	LogID       string `json:"log_id"` // 64 hex
	Type        string `json:"type"`   // static-ct or rfc6962
	Label       string `json:"label"`  // the log's name for people
	URL         string `json:"url"`
	Origin      string `json:"origin"`
	PublicKey   []byte `json:"public_key"` // SubjectPublicKeyInfo DER
	Status      string `json:"status"`     // LogProven or LogExcluded
	Reason      string `json:"reason"`     // of the exclusion
	TreeSize    uint64 `json:"tree_size"`
	RootHash    string `json:"root_hash"` // 64 hex, "" if no tree head was obtained
	TimestampMS uint64 `json:"timestamp_ms"`
	HeadFile    string `json:"head_file"`
	Entries     int64  `json:"entries"` // read
	Kept        int64  `json:"kept"`    // of the audited issuers
	// Tiles says that an RFC 6962 log was read from its data tiles, and with get-entries what
	// they lacked. The tree covers the same bytes either way.
	Tiles bool     `json:"tiles,omitempty"`
	Notes []string `json:"notes"`
	// OperatedByCA says that the log is the CA's own: its times alone take no item out
	// (protocol section 3.1).
	OperatedByCA bool `json:"operated_by_ca,omitempty"`

	// What of the log was read, and what ties it to the chain's audits before and after.
	Coverage    string            `json:"coverage,omitempty"`
	FirstEntry  uint64            `json:"first_entry,omitempty"`  // the first one that was read
	FirstReason string            `json:"first_reason,omitempty"` // why reading began there, one sentence
	LookedUp    int64             `json:"looked_up,omitempty"`    // SCTs that were looked up in it, one by one
	ProvenSCTs  int64             `json:"proven_scts,omitempty"`  // of these: proven
	Cursor      *SnapshotCursor   `json:"cursor,omitempty"`
	Previous    *SnapshotPrevious `json:"previous,omitempty"` // of the newest earlier audit that has a tree head of the log
}

// SnapshotFile is one file of certificates.
type SnapshotFile struct {
	Path         string  `json:"path"`
	SHA256       DocHash `json:"sha256"`
	Bytes        int64   `json:"bytes"`
	Certificates int64   `json:"certificates"`
	Kept         int64   `json:"kept"`
	OtherIssuers int64   `json:"other_issuers"`
	Unreadable   int64   `json:"unreadable"`
	// Kind is "" for a file or folder, FileIndex for what an index answered.
	Kind string `json:"kind,omitempty"`
}

// SnapshotRules are the sampling rules; zero values mean the protocol's defaults.
type SnapshotRules struct {
	RateBP int    `json:"rate_bp"`
	Floor  int64  `json:"floor"`
	EVRA   string `json:"ev_ra"`
	// Minimum is Rules.Minimum; absent if the CA set none.
	Minimum int64 `json:"minimum,omitempty"`
	// Strata are Rules.Strata; absent if the CA set none.
	Strata []SnapshotStratumRule `json:"strata,omitempty"`
}

// SnapshotCounts reconciles what was seen with what is in the population. The
// counts issued_by, precert_only, final_only and both are of the population's items.
type SnapshotCounts struct {
	ItemsSeen         int64 `json:"items_seen"`
	Population        int64 `json:"population"`
	Late              int64 `json:"late"`
	Predated          int64 `json:"predated"`
	TooOld            int64 `json:"too_old"`
	Waiting           int64 `json:"waiting"`
	InEarlier         int64 `json:"in_earlier"`
	IssuedByCT        int64 `json:"issued_by_ct"`
	IssuedByRecord    int64 `json:"issued_by_record"`
	IssuedByNotBefore int64 `json:"issued_by_not_before"`
	PrecertOnly       int64 `json:"precert_only"`
	FinalOnly         int64 `json:"final_only"`
	Both              int64 `json:"both"`
	Unreadable        int64 `json:"unreadable"`
}

func (n SnapshotCounts) check() error {
	if min(n.ItemsSeen, n.Population, n.Late, n.Predated, n.TooOld, n.Waiting, n.InEarlier, n.IssuedByCT, n.IssuedByRecord, n.IssuedByNotBefore,
		n.PrecertOnly, n.FinalOnly, n.Both, n.Unreadable) < 0 {
		return errors.New("counts: a number below zero")
	}
	return nil
}

// UnreadLog is a log that embedded SCTs name and that was not read.
type UnreadLog struct {
	LogID string `json:"log_id"` // 64 hex
	SCTs  int64  `json:"scts"`
}

// SnapshotLinter is the lint policy fixed before the draw.
type SnapshotLinter struct {
	Linter  string `json:"linter"`
	Version string `json:"version"`
	RuleSet string `json:"rule_set"`
}

// Bytes returns snapshot.json after checking it by the rules of ParseSnapshot.
// An empty Schema is filled in, and missing lists become empty ones.
func (s *Snapshot) Bytes() ([]byte, error) {
	doc := s.complete()
	if err := doc.check(); err != nil {
		return nil, fmt.Errorf("writing snapshot.json: %w", err)
	}
	return encodeDocument(doc)
}

// complete returns a copy in which no list or map is nil: null and [] would be
// two spellings of nothing.
func (s *Snapshot) complete() *Snapshot {
	doc := *s
	if doc.Schema == "" {
		doc.Schema = SnapshotSchema
	}
	doc.Issuers = append([]SnapshotIssuer{}, s.Issuers...)
	for i := range doc.Issuers {
		doc.Issuers[i].Certificates = append([]CertHash{}, doc.Issuers[i].Certificates...)
		if doc.Issuers[i].PolicyOIDs == nil {
			doc.Issuers[i].PolicyOIDs = map[string]string{}
		}
	}
	doc.Logs = append([]SnapshotLog{}, s.Logs...)
	for i := range doc.Logs {
		doc.Logs[i].Notes = append([]string{}, doc.Logs[i].Notes...)
		doc.Logs[i].PublicKey = append([]byte{}, doc.Logs[i].PublicKey...)
		doc.Logs[i].completeRange()
	}
	doc.Files = append([]SnapshotFile{}, s.Files...)
	doc.completeRecords()
	doc.Index = s.Index.complete()
	doc.SCTs = s.SCTs.complete()
	doc.Filters = append([]string{}, s.Filters...)
	doc.UnreadLogs = append([]UnreadLog{}, s.UnreadLogs...)
	doc.Notes = append([]string{}, s.Notes...)
	if doc.Findings == nil {
		doc.Findings = map[string]int64{}
	}
	return &doc
}

// ParseSnapshot reads snapshot.json; unknown keys are refused.
func ParseSnapshot(b []byte) (*Snapshot, error) {
	var s Snapshot
	if err := decodeDocument(b, &s); err != nil {
		return nil, fmt.Errorf("snapshot.json: %w", err)
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("snapshot.json: %w", err)
	}
	return &s, nil
}

func (s *Snapshot) check() error {
	if s.Schema != SnapshotSchema {
		return fmt.Errorf("schema is %.80q, want %s", s.Schema, SnapshotSchema)
	}
	if err := checkHead(s.AuditID, s.Mode, s.Chain.Start, s.Period.Start, s.Period.End, s.OpenedAt, s.Clock); err != nil {
		return err
	}
	if s.IssuanceTime != IssuedByCT && s.IssuanceTime != IssuedByNotBefore {
		return fmt.Errorf("unknown issuance_time %.40q; want ct or not_before", s.IssuanceTime)
	}
	if s.Chain.PreviousAudit != "" && !ValidAuditID(s.Chain.PreviousAudit) {
		return fmt.Errorf("bad chain.previous_audit %.80q", s.Chain.PreviousAudit)
	}
	if s.Chain.LastSample != "" {
		if _, err := ParseTime(s.Chain.LastSample); err != nil {
			return fmt.Errorf("chain.last_sample: %w", err)
		}
	}
	for _, l := range s.Logs {
		if err := l.check(); err != nil {
			return fmt.Errorf("log %.80q: %w", l.URL, err)
		}
	}
	if err := cmp.Or(s.Index.check(), s.checkIndexIssuers()); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	if err := s.Counts.check(); err != nil {
		return err
	}
	for _, u := range s.UnreadLogs {
		if len(u.LogID) != 64 || !isLowerHex(u.LogID) {
			return fmt.Errorf("unread log: log_id %.80q is not 64 lowercase hex digits", u.LogID)
		}
	}
	if err := cmp.Or(s.checkSCTs(), s.Outside.check()); err != nil {
		return err
	}
	return s.checkRecords()
}

func (l *SnapshotLog) check() error {
	if l.Tiles && l.Type == "static-ct" {
		return errors.New("tiles is for rfc6962 logs: a static-ct log has nothing else")
	}
	if len(l.LogID) != 64 || !isLowerHex(l.LogID) {
		return fmt.Errorf("log_id %.80q is not 64 lowercase hex digits", l.LogID)
	}
	if l.RootHash != "" && (len(l.RootHash) != 64 || !isLowerHex(l.RootHash)) {
		return fmt.Errorf("root_hash %.80q is not 64 lowercase hex digits", l.RootHash)
	}
	switch {
	case l.Status == LogProven && l.RootHash == "":
		return errors.New("proven without a root hash")
	case l.Status == LogExcluded && l.Reason == "":
		return errors.New("excluded without a reason")
	case l.Status != LogProven && l.Status != LogExcluded && l.Status != LogLookedUp:
		return fmt.Errorf("unknown status %.40q; want proven, looked-up or excluded", l.Status)
	}
	if err := l.checkLookedUp(); err != nil {
		return err
	}
	return l.checkRange()
}
