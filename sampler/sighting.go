package sampler

import (
	"errors"
	"fmt"
	"io"
)

// Sources of a sighting.
const (
	SightingLog  = "log"
	SightingFile = "file"
	// SightingSCT is an SCT embedded in a certificate: its entry, the precertificate's, was
	// rebuilt from the certificate and proven to be in the log.
	SightingSCT = "sct"
)

// Sighting is one line of ct/sightings.jsonl: one place where a certificate or
// precertificate of an item was seen. A log's sighting carries what proves it:
// the leaf and its inclusion proof under the pinned tree head.
type Sighting struct {
	ItemID        ItemID
	Cert          CertHash
	Form          Form
	Source        string   // SightingLog, SightingFile or SightingSCT, which has the fields of a log's
	LogID         string   // log: 64 hex
	Index         uint64   // log: leaf index
	TimestampMS   uint64   // log: milliseconds since 1970
	Leaf          []byte   // log: MerkleTreeLeaf (RFC 6962 section 3.4); of an SCT, that of the precertificate
	Proof         [][]byte // log: audit path, 32 bytes each, leaf to root
	PrecertSigner CertHash // Precertificate Signing Certificate, zero if none
	File          string   // file: path relative to the audited folder, with slashes
	Block         int      // file: number of the certificate in the file, from 0
}

// sightingJSON is the line's layout: a log's sighting has no file keys and the
// other way round, but index 0 and block 0 are written.
type sightingJSON struct {
	ItemID        ItemID   `json:"item_id"`
	Cert          CertHash `json:"cert_sha256"`
	Form          Form     `json:"form"`
	Source        string   `json:"source"`
	LogID         string   `json:"log_id,omitempty"`
	Index         *uint64  `json:"index,omitempty"`
	TimestampMS   *uint64  `json:"timestamp_ms,omitempty"`
	Leaf          []byte   `json:"leaf,omitempty"`
	Proof         [][]byte `json:"proof,omitzero"`
	PrecertSigner CertHash `json:"precert_signer,omitzero"`
	File          string   `json:"file,omitempty"`
	Block         *int     `json:"block,omitempty"`
}

// MarshalJSON writes the sighting as one compact object, keys in the order of
// the document, without HTML escaping.
func (s Sighting) MarshalJSON() ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("writing sighting of item %s: %w", s.ItemID, err)
	}
	j := sightingJSON{ItemID: s.ItemID, Cert: s.Cert, Form: s.Form, Source: s.Source}
	j.PrecertSigner = s.PrecertSigner
	if s.Source == SightingFile {
		j.File, j.Block = s.File, &s.Block
	} else {
		j.LogID, j.Index, j.TimestampMS = s.LogID, &s.Index, &s.TimestampMS
		j.Leaf, j.Proof = s.Leaf, s.Proof
		if j.Proof == nil {
			j.Proof = [][]byte{} // a tree of one leaf: the empty path proves it
		}
	}
	b, err := encodeLine(j)
	if err != nil {
		return nil, err
	}
	return b[:len(b)-1], nil
}

// UnmarshalJSON reads one object; keys that the source does not have, or lacks,
// are refused.
func (s *Sighting) UnmarshalJSON(b []byte) error {
	var j sightingJSON
	if err := decodeStrict(b, &j); err != nil {
		return err
	}
	log := j.LogID != "" || j.Index != nil || j.TimestampMS != nil || j.Leaf != nil || j.Proof != nil
	file := j.File != "" || j.Block != nil
	switch {
	case (j.Source == SightingLog || j.Source == SightingSCT) && (file || j.Index == nil || j.TimestampMS == nil || j.Proof == nil):
		return errors.New("a log's sighting has index, timestamp_ms and proof and no file or block")
	case j.Source == SightingFile && (log || j.Block == nil):
		return errors.New("a file's sighting has block and no keys of a log")
	}
	*s = Sighting{
		ItemID: j.ItemID, Cert: j.Cert, Form: j.Form, Source: j.Source,
		LogID: j.LogID, Leaf: j.Leaf, Proof: j.Proof, PrecertSigner: j.PrecertSigner, File: j.File,
	}
	if j.Source != SightingFile && j.Index != nil && j.TimestampMS != nil {
		s.Index, s.TimestampMS = *j.Index, *j.TimestampMS
	} else if j.Block != nil {
		s.Block = *j.Block
	}
	return s.check()
}

// Line returns the sighting as its JSONL line, LF included.
func (s Sighting) Line() ([]byte, error) {
	b, err := s.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return append(b, '\n'), nil
}

func (s Sighting) check() error {
	if err := checkSerial(string(s.ItemID.Serial)); err != nil {
		return fmt.Errorf("item_id: serial number: %w", err)
	}
	if s.Form != FormFinal && s.Form != FormPrecert {
		return fmt.Errorf("bad form %.40q", s.Form)
	}
	switch s.Source {
	case SightingLog, SightingSCT:
		if s.Source == SightingSCT && (s.Form != FormFinal || !s.PrecertSigner.IsZero()) {
			return errors.New("an SCT is seen in a final certificate")
		}
		if len(s.LogID) != 64 || !isLowerHex(s.LogID) {
			return fmt.Errorf("log_id %.80q is not 64 lowercase hex digits", s.LogID)
		}
		if len(s.Leaf) == 0 {
			return errors.New("a log's sighting without its leaf")
		}
		if len(s.Proof) > 64 {
			return fmt.Errorf("proof of %d hashes; no tree is deeper than 64", len(s.Proof))
		}
		for _, h := range s.Proof {
			if len(h) != 32 {
				return fmt.Errorf("proof hash of %d bytes; want 32", len(h))
			}
		}
	case SightingFile:
		if s.File == "" || s.Block < 0 {
			return errors.New("a file's sighting without path and block")
		}
	default:
		return fmt.Errorf("unknown source %.40q; want log, file or sct", s.Source)
	}
	return nil
}

// ReadSightings calls fn with each sighting of ct/sightings.jsonl in turn and
// stops at the first error, which names the line.
func ReadSightings(r io.Reader, fn func(Sighting) error) error {
	return readLines(r, "sightings.jsonl", func(line []byte) error {
		var s Sighting
		if err := s.UnmarshalJSON(line); err != nil {
			return err
		}
		return fn(s)
	})
}

// ParseSightings reads all of ct/sightings.jsonl into memory.
func ParseSightings(r io.Reader) ([]Sighting, error) {
	var out []Sighting
	err := ReadSightings(r, func(s Sighting) error {
		out = append(out, s)
		return nil
	})
	return out, err
}
