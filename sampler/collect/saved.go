package collect

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"

	"selfaudit/internal/auditdir"
	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// SavedSchema is the schema of the document that a complete collection leaves in the
// work folder.
const SavedSchema = "selfaudit.collected/v1"

// Saved says what a complete collection consists of, so that later stages find its units
// again. Logs and Files are as they will stand in snapshot.json.
type Saved struct {
	Schema      string                 `json:"schema"`
	IssuersHash string                 `json:"issuers_hash"`
	Sources     string                 `json:"sources"` // the caller's description of what was configured
	Logs        []sampler.SnapshotLog  `json:"logs"`
	Files       []sampler.SnapshotFile `json:"files"`
	Index       *sampler.SnapshotIndex `json:"index,omitempty"` // as it will stand in snapshot.json; its certificates are in Files too
	FileUnits   []SavedFileUnits       `json:"file_units"`
	Left        []SavedLeft            `json:"left,omitempty"` // one for each log that was not read from its start
	Unreadable  []string               `json:"unreadable"`     // entries and blocks of which no certificate could be read: the first 1000 of each source
	Notes       []string               `json:"notes"`

	UnreadableCount int64 `json:"unreadable_count"` // all such entries and blocks

	Records     []sampler.SnapshotRecords `json:"records,omitempty"` // as they will stand in snapshot.json
	RecordUnits []SavedFileUnits          `json:"record_units,omitempty"`

	SCTMode string      `json:"sct_mode,omitempty"` // "" if no SCTs were looked up
	SCTs    []SavedSCTs `json:"scts,omitempty"`
}

// SavedLeft are the proven hashes of the entries of a log that were not read: the compact
// range up to the first one that was.
type SavedLeft struct {
	LogID string   `json:"log_id"`
	First uint64   `json:"first"`
	Nodes []string `json:"nodes"` // hex, left to right
}

// SavedFileUnits lists the units of one configured path, by document name.
type SavedFileUnits struct {
	Path  string   `json:"path"`
	Kind  string   `json:"kind,omitempty"` // as in SnapshotFile
	Units []string `json:"units"`
}

// Save describes the results. The caller fills in Logs, whose configuration it knows.
func (h *Harvest) Save(logs []LogResult, files []FilesResult) Saved {
	s := Saved{Schema: SavedSchema, IssuersHash: h.Issuers.hash()}
	for _, l := range logs {
		if l.left != nil && l.left.End > 0 {
			s.Left = append(s.Left, SavedLeft{l.Log.ID().String(), l.left.End, hexes(l.left.Nodes)})
		}
		s.UnreadableCount += int64(l.UnreadableCount)
		for _, u := range l.Unreadable {
			s.Unreadable = append(s.Unreadable, fmt.Sprintf("log %s, %s: %s", l.Log.Name(), u.Where, u.Reason))
		}
		if l.SameName > 0 {
			s.Notes = append(s.Notes, fmt.Sprintf("log %s: %d certificates carry an audited issuer's name but are signed by another key; they are not the issuer's", l.Log.Name(), l.SameName))
		}
	}
	for _, f := range files {
		var sum sampler.DocHash
		if _, err := hex.Decode(sum[:], []byte(f.SHA256)); err == nil {
			s.Files = append(s.Files, sampler.SnapshotFile{Path: f.Name, SHA256: sum, Bytes: int64(f.Bytes), Certificates: int64(f.Certificates),
				Kept: int64(f.Kept), OtherIssuers: int64(f.OtherIssuers), Unreadable: int64(f.UnreadableCount), Kind: f.Kind})
		}
		units := SavedFileUnits{Path: f.Name, Kind: f.Kind}
		for _, u := range f.units {
			units.Units = append(units.Units, path.Join(f.folder, filepath.Base(u.path)))
		}
		s.FileUnits = append(s.FileUnits, units)
		if f.Other > 0 {
			s.Notes = append(s.Notes, fmt.Sprintf("%s: %d files or blocks are no certificates (keys, CRLs, text) and were passed over", f.Name, f.Other))
		}
		s.UnreadableCount += int64(f.UnreadableCount)
		for _, u := range f.Unreadable {
			s.Unreadable = append(s.Unreadable, fmt.Sprintf("%s, %s: %s", f.Name, u.Where, u.Reason))
		}
	}
	return s
}

// ParseSaved reads what Save described.
func ParseSaved(raw []byte) (*Saved, error) {
	var s Saved
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	if s.Schema != SavedSchema {
		return nil, fmt.Errorf("schema is %.80q, want %s", s.Schema, SavedSchema)
	}
	// The count came later than the schema; before, the list had all of them.
	s.UnreadableCount = max(s.UnreadableCount, int64(len(s.Unreadable)))
	return &s, nil
}

// ErrOtherIssuers says that the issuers are not those that the collection was made for.
var ErrOtherIssuers = errors.New("the issuers are not those that were collected for")

// Reopen finds the units of a complete collection again. With issuers, they must be those
// that were collected for.
func Reopen(dir auditdir.Dir, issuers *Issuers, s *Saved) (*Collected, error) {
	if issuers != nil && s.IssuersHash != issuers.hash() {
		return nil, ErrOtherIssuers
	}
	c := &Collected{dir: dir, logs: map[ct.LogID][]*unit{}, sizes: map[ct.LogID]uint64{}, roots: map[ct.LogID]ct.Hash{}, left: map[ct.LogID]leftNodes{}, own: ownLogs{}}
	for _, l := range s.Logs {
		var id ct.LogID
		_, err := hex.Decode(id[:], []byte(l.LogID))
		if err != nil {
			return nil, err
		}
		c.own[id] = l.OperatedByCA
		first, read := l.First()
		if !read {
			continue
		}
		if c.left[id], err = s.leftNodes(l.LogID, first); err != nil {
			return nil, err
		}
		root, err := hex.DecodeString(l.RootHash)
		if err != nil || len(root) != len(ct.Hash{}) {
			return nil, fmt.Errorf("log %s: root hash %.80q is not 64 hex digits", l.LogID, l.RootHash)
		}
		c.roots[id] = ct.Hash(root)
		var units []*unit
		for start := first; start < l.TreeSize; start += logUnit() {
			u, err := reopenUnit(dir, unitName(id, start, min(start+logUnit(), l.TreeSize)))
			if err != nil {
				return nil, err
			}
			units = append(units, u)
		}
		c.logs[id], c.sizes[id] = units, l.TreeSize
		c.add(&source{log: id, isLog: true}, units)
	}
	for _, f := range s.FileUnits {
		var units []*unit
		for _, name := range f.Units {
			u, err := reopenUnit(dir, name)
			if err != nil {
				return nil, err
			}
			units = append(units, u)
		}
		c.add(&source{file: f.Path, kind: f.Kind}, units)
	}
	c.issuers = issuers
	if err := c.reopenRecords(s); err != nil {
		return nil, err
	}
	if err := c.reopenSCTs(s); err != nil {
		return nil, err
	}
	return c, nil
}

func reopenUnit(dir auditdir.Dir, name string) (*unit, error) {
	u, err := openUnit(dir.Path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing: the work folder must stay until the audit is sealed; bring it back", dir.Path(name))
	}
	if err != nil {
		return nil, err
	}
	u.foot.Tops, u.foot.Unreadable = nil, nil // only for collecting, and the largest parts of a footer
	return u, nil
}
