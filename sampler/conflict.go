package sampler

import (
	"errors"
	"fmt"
)

// ConflictSchema is the schema of ct/conflicts/<log_id>/conflict.json.
const ConflictSchema = "selfaudit.conflict/v1"

// Kinds of a conflict between two signed tree heads of one log.
const (
	ConflictFork         = "fork"         // the tree does not contain the one that an earlier audit read
	ConflictRollback     = "rollback"     // the log signed a smaller tree, and not before the larger one
	ConflictEquivocation = "equivocation" // the tree was another one when the log was asked again in the same audit
	ConflictKey          = "changed-key"  // the log's address or origin now stands for another key
)

// Conflict is conflict.json: two tree heads that one log has signed and that cannot both
// be true of an append-only log, kept as evidence (RFC 6962 section 5.4).
type Conflict struct {
	Schema string       `json:"schema"`
	Kind   string       `json:"kind"`   // one of the Conflict constants
	LogID  string       `json:"log_id"` // 64 hex, of the log as configured
	Reason string       `json:"reason"` // one sentence
	Known  ConflictHead `json:"known"`  // what was verified before
	Served ConflictHead `json:"served"` // what the log said later
	// Proof proves a fork or an equivocation of trees of different size; absent where the
	// heads alone contradict each other.
	Proof *ConflictProof `json:"proof,omitempty"`
}

// ConflictHead is one of the two tree heads; the document itself lies beside conflict.json.
type ConflictHead struct {
	File        string `json:"file"`       // known.checkpoint, served.sth.json and the like
	From        string `json:"from"`       // where and when it was obtained, for people
	Origin      string `json:"origin"`     // of a checkpoint
	PublicKey   []byte `json:"public_key"` // SubjectPublicKeyInfo that its signature verifies with
	TreeSize    uint64 `json:"tree_size"`
	RootHash    string `json:"root_hash"` // 64 hex
	TimestampMS uint64 `json:"timestamp_ms"`
}

// ConflictProof proves that the larger tree begins with another tree than the smaller head
// says: a consistency proof (RFC 6962 section 2.1.2) from the root that the larger tree has
// at that size.
type ConflictProof struct {
	ImpliedRoot string   `json:"implied_root"` // 64 hex: of the larger tree's first entries
	Consistency [][]byte `json:"consistency"`
}

// Bytes returns conflict.json after checking it by the rules of ParseConflict.
func (c *Conflict) Bytes() ([]byte, error) {
	doc := *c
	doc.Schema = ConflictSchema
	if doc.Proof != nil {
		p := *doc.Proof
		p.Consistency = append([][]byte{}, p.Consistency...)
		doc.Proof = &p
	}
	if err := doc.check(); err != nil {
		return nil, fmt.Errorf("writing conflict.json: %w", err)
	}
	return encodeDocument(&doc)
}

// ParseConflict reads conflict.json; unknown keys are refused. Whether the heads verify
// and contradict each other is for the caller to check.
func ParseConflict(b []byte) (*Conflict, error) {
	var c Conflict
	err := decodeDocument(b, &c)
	if err == nil {
		err = c.check()
	}
	if err != nil {
		return nil, fmt.Errorf("conflict.json: %w", err)
	}
	return &c, nil
}

func (c *Conflict) check() error {
	if c.Schema != ConflictSchema {
		return fmt.Errorf("schema is %.80q, want %s", c.Schema, ConflictSchema)
	}
	switch c.Kind {
	case ConflictFork, ConflictEquivocation:
	case ConflictRollback, ConflictKey:
		if c.Proof != nil {
			return fmt.Errorf("a proof with kind %s", c.Kind)
		}
	default:
		return fmt.Errorf("unknown kind %.40q", c.Kind)
	}
	if len(c.LogID) != 64 || !isLowerHex(c.LogID) {
		return fmt.Errorf("log_id %.80q is not 64 lowercase hex digits", c.LogID)
	}
	if c.Reason == "" {
		return errors.New("no reason")
	}
	for _, h := range []struct {
		name string
		head *ConflictHead
	}{{"known", &c.Known}, {"served", &c.Served}} {
		if err := h.head.check(h.name); err != nil {
			return fmt.Errorf("%s: %w", h.name, err)
		}
	}
	p := c.Proof
	switch {
	case c.Kind == ConflictRollback && (c.Served.TreeSize >= c.Known.TreeSize || c.Served.TimestampMS < c.Known.TimestampMS):
		// RFC 6962 section 3.5: a front end that lags behind may serve an older tree head.
		return fmt.Errorf("a rollback from %d entries at %d ms to %d at %d ms: only a smaller tree that was signed later contradicts", c.Known.TreeSize, c.Known.TimestampMS, c.Served.TreeSize, c.Served.TimestampMS)
	case p == nil:
		return nil
	case c.Known.TreeSize >= c.Served.TreeSize:
		return fmt.Errorf("a proof from a tree of %d to one of %d", c.Known.TreeSize, c.Served.TreeSize)
	case len(p.ImpliedRoot) != 64 || !isLowerHex(p.ImpliedRoot):
		return fmt.Errorf("proof: implied_root %.80q is not 64 lowercase hex digits", p.ImpliedRoot)
	}
	return checkProof("proof.consistency", p.Consistency)
}

func (h *ConflictHead) check(name string) error {
	if h.File != name+".checkpoint" && h.File != name+".sth.json" {
		return fmt.Errorf("file %.80q, want %s.checkpoint or %s.sth.json", h.File, name, name)
	}
	if len(h.RootHash) != 64 || !isLowerHex(h.RootHash) {
		return fmt.Errorf("root_hash %.80q is not 64 lowercase hex digits", h.RootHash)
	}
	if h.From == "" {
		return errors.New("does not say where it is from")
	}
	return nil
}
