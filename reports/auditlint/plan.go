// Package auditlint lints the sample of an audit: which certificates, in which order, with
// what beside them, and by which rule sets. The command that writes the documents and the
// verification that derives them again both call it, so that they cannot drift apart.
package auditlint

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"time"

	"selfaudit/lint"
	"selfaudit/lint/checks"
	"selfaudit/lint/requirements"
	"selfaudit/sampler"
	"selfaudit/sampler/ct"
	"selfaudit/sampler/draw"
	"selfaudit/sampler/loglist"
)

// The documents of the lint stage, in the order in which it writes them.
const (
	AsIfName    = "lint/as-if.jsonl"
	LinterName  = "lint/linter.json"
	ResultsName = "lint/results.jsonl"
)

// File is one certificate or precertificate to be linted.
type File struct {
	Name   string // certificates/<cert_sha256>.der
	Item   sampler.ItemID
	Cert   sampler.CertHash
	Form   sampler.Form
	signer sampler.CertHash // Precertificate Signing Certificate, zero for none
}

// Plan is what of an audit is to be linted. It is read only once made.
type Plan struct {
	// Files are the certificates of the sampled items, in the order of draw/sample.tsv,
	// within an item final certificates first, then by hash.
	Files []File

	fsys    fs.FS
	seed    string // of the draw, 64 hex digits
	lowest  string // the file that is chosen for a second judgement in any case
	issuers map[sampler.KeyHash]*checks.Pool
	logs    *checks.Logs
	known   int // logs in logs
	tables  *requirements.Tables
}

// Read makes the plan from the documents of an audit folder, or of the data/ folder of a
// package: snapshot, sample, seed, sightings, issuers' certificates, and the log list if
// there is one. The error names the document.
func Read(fsys fs.FS) (*Plan, error) {
	p := &Plan{fsys: fsys, issuers: map[sampler.KeyHash]*checks.Pool{}}
	raw, err := fs.ReadFile(fsys, "draw/snapshot.json")
	if err != nil {
		return nil, fmt.Errorf("reading draw/snapshot.json: %w", err)
	}
	snapshot, err := sampler.ParseSnapshot(raw)
	if err != nil {
		return nil, fmt.Errorf("reading draw/%w", err)
	}
	if raw, err = fs.ReadFile(fsys, "draw/seed.txt"); err != nil {
		return nil, fmt.Errorf("reading draw/seed.txt: %w", err)
	}
	p.seed = draw.SeedHex(raw)
	if err := p.readTables(); err != nil {
		return nil, err
	}
	if err := p.readIssuers(snapshot); err != nil {
		return nil, err
	}
	if err := p.readLogs(snapshot); err != nil {
		return nil, err
	}
	if err := p.readFiles(); err != nil {
		return nil, err
	}
	lowest := uint64(math.MaxUint64)
	for _, f := range p.Files {
		if n := p.lot(f.Name); n <= lowest {
			lowest, p.lowest = n, f.Name
		}
	}
	return p, nil
}

// readTables takes the tables of document versions that freeze kept, else the program's own.
func (p *Plan) readTables() (err error) {
	p.tables, _, err = requirements.OfAudit(p.fsys)
	return err
}

func (p *Plan) readIssuers(s *sampler.Snapshot) error {
	for _, i := range s.Issuers {
		var ders [][]byte
		for _, hash := range i.Certificates {
			name := "issuers/" + hash.String() + ".der"
			der, err := fs.ReadFile(p.fsys, name)
			if err != nil {
				return fmt.Errorf("reading %s: %w", name, err)
			}
			ders = append(ders, der)
		}
		p.issuers[i.KeySHA256] = checks.NewIssuers(ders)
	}
	return nil
}

// readLogs takes the logs whose keys the audit has: those of the snapshot, and those of the
// log list, which also names operators.
func (p *Plan) readLogs(s *sampler.Snapshot) error {
	var keys []checks.LogKey
	seen := map[ct.LogID]bool{}
	for n := 1; ; n++ {
		list, err := p.logList(loglist.File(n), s)
		if err != nil {
			return err
		}
		if list == nil {
			break
		}
		for _, l := range list.Logs {
			if !seen[l.ID] {
				seen[l.ID] = true
				keys = append(keys, checks.LogKey{SPKI: l.Key, Name: l.Description, Operator: l.Operator})
			}
		}
	}
	for _, l := range s.Logs {
		if id := ct.LogIDOf(l.PublicKey); len(l.PublicKey) > 0 && !seen[id] {
			seen[id] = true
			keys = append(keys, checks.LogKey{SPKI: l.PublicKey, Name: cmp.Or(l.Label, l.URL)})
		}
	}
	p.known = len(keys)
	var err error
	if p.logs, err = checks.NewLogs(keys); err != nil {
		return fmt.Errorf("reading draw/snapshot.json: %w", err)
	}
	return nil
}

// logList reads a log list for its keys; nil if there is none. When a list without a date
// was taken does not matter to that.
func (p *Plan) logList(name string, s *sampler.Snapshot) (*loglist.List, error) {
	raw, err := fs.ReadFile(p.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var opened time.Time
	if err == nil {
		opened, err = sampler.ParseTime(s.OpenedAt)
	}
	var list *loglist.List
	if err == nil {
		list, err = loglist.ParseTaken(raw, opened)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return list, nil
}

// readFiles lists the certificates of the sampled items.
func (p *Plan) readFiles() error {
	raw, err := fs.ReadFile(p.fsys, "draw/sample.tsv")
	if err != nil {
		return fmt.Errorf("reading draw/sample.tsv: %w", err)
	}
	rows, err := sampler.ParseSample(raw)
	if err != nil {
		return fmt.Errorf("reading draw/sample.tsv: %w", err)
	}
	items := map[sampler.ItemID][]File{}
	for _, r := range rows {
		if r.Role == sampler.RoleSample {
			items[r.Item] = nil
		}
	}
	f, err := p.fsys.Open("ct/sightings.jsonl")
	if err != nil {
		return fmt.Errorf("reading ct/sightings.jsonl: %w", err)
	}
	defer f.Close()
	err = sampler.ReadSightings(f, func(s sampler.Sighting) error {
		list, sampled := items[s.ItemID]
		i := slices.IndexFunc(list, func(x File) bool { return x.Cert == s.Cert })
		switch {
		case !sampled:
		case i < 0:
			items[s.ItemID] = append(list, File{"certificates/" + s.Cert.String() + ".der", s.ItemID, s.Cert, s.Form, s.PrecertSigner})
		case list[i].signer.IsZero():
			list[i].signer = s.PrecertSigner
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading ct/%w", err)
	}
	for _, r := range rows {
		if r.Role != sampler.RoleSample {
			continue
		}
		list := items[r.Item]
		if len(list) == 0 {
			return fmt.Errorf("reading ct/sightings.jsonl: it names no certificate of sampled item %s", r.Item)
		}
		slices.SortFunc(list, func(a, b File) int {
			return cmp.Or(cmp.Compare(a.Form, b.Form), cmp.Compare(a.Name, b.Name)) // "final" is before "precert"
		})
		p.Files = append(p.Files, list...)
	}
	return nil
}

// lot is a number that nobody could know before the draw, for choosing what is judged twice.
func (p *Plan) lot(name string) uint64 {
	sum := sha256.Sum256([]byte("selfaudit-recheck-v1\n" + p.seed + "\n" + name))
	return binary.BigEndian.Uint64(sum[:8])
}

// Chosen says whether a file is among the pseudo-random hundredth that zlint's own loop
// judges too: the first eight octets of SHA-256 over "selfaudit-recheck-v1", the draw's
// seed and the file's name, joined by line feeds, are below 2^64 / 100; and the file with
// the lowest such number.
func (p *Plan) Chosen(name string) bool {
	return name == p.lowest || p.lot(name) < math.MaxUint64/100
}

// artifacts streams the certificates with their surroundings. fail takes the first error.
func (p *Plan) artifacts(fail *error) func(yield func(lint.Artifact) bool) {
	return func(yield func(lint.Artifact) bool) {
		for begin := 0; begin < len(p.Files); {
			end := begin + 1
			for end < len(p.Files) && p.Files[end].Item == p.Files[begin].Item {
				end++
			}
			list, err := p.item(p.Files[begin:end])
			if err != nil {
				*fail = err
				return
			}
			for _, a := range list {
				if !yield(a) {
					return
				}
			}
			begin = end
		}
	}
}

// item makes the artifacts of one item.
func (p *Plan) item(files []File) ([]lint.Artifact, error) {
	ders := make([][]byte, len(files))
	var signers [][]byte
	for i, f := range files {
		var err error
		if ders[i], err = p.certificate(f.Cert); err != nil {
			return nil, err
		}
		if !f.signer.IsZero() {
			der, err := p.certificate(f.signer)
			if err != nil {
				return nil, err
			}
			signers = append(signers, der)
		}
	}
	pool := p.issuers[files[0].Item.Issuer]
	if pool == nil {
		return nil, fmt.Errorf("reading draw/snapshot.json: it lists no issuer with key %s", files[0].Item.Issuer)
	}
	if len(signers) > 0 {
		pool = pool.Beside(signers)
	}
	list := make([]lint.Artifact, len(files))
	for i, f := range files {
		around := &checks.Surroundings{Issuers: pool, Logs: p.logs}
		for j, other := range files {
			if j != i {
				around.Others = append(around.Others, checks.Other{Name: other.Name, DER: ders[j]})
			}
		}
		list[i] = lint.Artifact{File: f.Name, Kind: lint.KindCert, DER: ders[i], Attachment: around}
	}
	return list, nil
}

// certificate reads one, which must hash to its name.
func (p *Plan) certificate(hash sampler.CertHash) ([]byte, error) {
	name := "certificates/" + hash.String() + ".der"
	der, err := fs.ReadFile(p.fsys, name)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if sum := sha256.Sum256(der); sum != [32]byte(hash) {
		return nil, fmt.Errorf("reading %s: its SHA-256 is %s; the document was changed", name, hex.EncodeToString(sum[:]))
	}
	return der, nil
}
