package collect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
	"selfaudit/sampler/ctlog"
)

// StartRule says where reading of a log may begin. The zero rule reads everything.
type StartRule = sampler.StartRule

// Cursor is where an earlier audit left off in a log.
type Cursor = sampler.LogCursor

// notBeforeSlack is how far apart notBefore and logging may be.
const notBeforeSlack = sampler.NotBeforeSlack

// Reading begins between two units: neither difference is below zero.
const (
	_ = uint(sampler.RangeUnit - unitEntries)
	_ = uint(unitEntries - sampler.RangeUnit)
)

// ruleKey is the same for equal rules and the same tree of the audit before.
func (src *Source) ruleKey() string {
	s := src.Start
	text := fmt.Sprintf("%q %q %s %d", s.Whole, s.NoCursor, sampler.FormatTime(s.Since), s.MergeDelay)
	if s.Own {
		text += " of the CA"
	}
	if s.Cursor != nil {
		text += fmt.Sprintf(" %q %d", s.Cursor.AuditID, s.Cursor.Next)
	}
	if len(src.Known) > 0 {
		text += fmt.Sprintf(" after %q %d", src.Known[0].AuditID, src.Known[0].Head.Size)
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Start is where reading of a log begins.
type Start struct {
	First  uint64 // a multiple of 16,384, or 0
	Reason string // one sentence
}

// FindStart chooses where to begin in the tree of head. A search reads about 20 blocks of
// entries of a large log, and the entry before the start is proven to be an early one: nobody
// else has proven what was searched.
func FindStart(ctx context.Context, log LogReader, head ct.TreeHead, rule StartRule) (Start, error) {
	switch {
	case rule.Whole != "":
		return Start{Reason: rule.Whole}, nil
	case rule.Cursor != nil && rule.NoCursor == "":
		if rule.Cursor.Next > head.Size {
			return Start{}, fmt.Errorf("log %s: the cursor of audit %s is entry %d, outside a tree of %d", log.Name(), rule.Cursor.AuditID, rule.Cursor.Next, head.Size)
		}
		return Start{unitFloor(rule.Cursor.Next), rule.CursorReason()}, nil
	case rule.Own:
		return Start{Reason: sampler.ReadAllOwn}, nil
	case rule.Since.IsZero():
		return Start{Reason: sampler.ReadAll}, nil
	}
	return searchStart(ctx, log, head, rule)
}

// searches says whether FindStart reads time stamps for a rule, which takes a while.
func searches(rule StartRule) bool {
	return rule.Whole == "" && (rule.Cursor == nil || rule.NoCursor != "") && !rule.Own && !rule.Since.IsZero()
}

// unitFloor is sampler.RangeStart, in the units that logs are read in.
func unitFloor(index uint64) uint64 { return index / logUnit() * logUnit() }

// searchStart finds the start by time stamp.
func searchStart(ctx context.Context, log LogReader, head ct.TreeHead, rule StartRule) (Start, error) {
	cut, _ := rule.Cut()
	cutMS := uint64(max(0, cut.UnixMilli()))
	blocks := (head.Size + ct.TileWidth - 1) / ct.TileWidth
	lo, hi := uint64(0), blocks // the first block with an entry at or after cut
	for lo < hi {
		mid := lo + (hi-lo)/2
		latest, err := latestOf(ctx, log, head, mid)
		if err != nil {
			return Start{}, err
		}
		if latest < cutMS {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	found := min(lo*ct.TileWidth, head.Size)
	s := Start{First: unitFloor(found)}
	if rule.Cursor != nil {
		s.First = min(s.First, unitFloor(rule.Cursor.Next))
	}
	for ; s.First > 0; s.First -= logUnit() {
		at, err := provenTime(ctx, log, head, s.First-1)
		if err != nil {
			return Start{}, err
		}
		if at < cutMS {
			break
		}
	}
	s.Reason = rule.SearchReason(found)
	return s, nil
}

// latestOf returns the latest time stamp in a block of 256 entries, which a static-ct log
// has in one tile. Single entries are not in order.
func latestOf(ctx context.Context, log LogReader, head ct.TreeHead, block uint64) (latest uint64, err error) {
	from := block * ct.TileWidth
	err = readLeaves(ctx, log, head, from, min(from+ct.TileWidth, head.Size), func(e *ct.Entry) { latest = max(latest, e.Timestamp) })
	return latest, err
}

// readLeaves reads entries of which nothing but the leaf is looked at.
func readLeaves(ctx context.Context, log LogReader, head ct.TreeHead, start, end uint64, fn func(*ct.Entry)) error {
	each := func(e *ct.Entry) error { fn(e); return nil }
	if s, ok := log.(selective); ok {
		return s.ReadFor(ctx, head, start, end, func([32]byte) bool { return false }, each)
	}
	return log.Read(ctx, head, start, end, each)
}

// provenTime returns the time stamp of an entry that was proven to be in the tree.
func provenTime(ctx context.Context, log LogReader, head ct.TreeHead, index uint64) (timestamp uint64, err error) {
	leaf, path, err := log.InclusionProof(ctx, head, index)
	if err != nil {
		return 0, err
	}
	where := fmt.Sprintf("entry %d", index)
	if err := ct.VerifyInclusion(leaf, index, head.Size, path, head.Root); err != nil {
		return 0, &ctlog.Error{Log: log.Name(), Kind: ctlog.Invalid, Where: where, Err: err}
	}
	var read ct.Hash
	err = readLeaves(ctx, log, head, index, index+1, func(e *ct.Entry) { timestamp, read = e.Timestamp, e.LeafHash() })
	if err == nil && read != leaf {
		err = &ctlog.Error{Log: log.Name(), Kind: ctlog.Invalid, Where: where, Err: fmt.Errorf("its leaf hash is %s, the one that the log proves is %s", read, leaf)}
	}
	return timestamp, err
}

// leftOf returns the compact range of the entries before first: the left siblings in the
// audit path of entry first, verified under the signed root. For first = size the last
// entry itself completes it.
func leftOf(ctx context.Context, log LogReader, head ct.TreeHead, first uint64) (*ct.Range, error) {
	if first == 0 {
		return ct.NewRange(0), nil
	}
	index := min(first, head.Size-1)
	leaf, path, err := log.InclusionProof(ctx, head, index)
	if err != nil {
		return nil, err
	}
	if err = ct.VerifyInclusion(leaf, index, head.Size, path, head.Root); err != nil {
		return nil, &ctlog.Error{Log: log.Name(), Kind: ctlog.Invalid, Where: fmt.Sprintf("entry %d", index), Err: err}
	}
	left, err := ct.LeftRange(index, head.Size, path)
	if err == nil && index < first {
		left.Append(leaf)
	}
	return left, err
}

// startDocument is work/logs/<log id>/start.json: the choice, so that a run that goes on
// begins where the first one did.
type startDocument struct {
	Rule   string   `json:"rule"` // Source.ruleKey
	First  uint64   `json:"first"`
	Reason string   `json:"reason"`
	Left   []string `json:"left"` // compact range [0, first), hex
}

func startName(log ct.LogID) string { return path.Join("work", "logs", log.String(), "start.json") }

// begin fixes where reading begins: as an earlier run of this audit did, else by the rule.
func (r *logRun) begin(ctx context.Context) error {
	name := startName(r.src.Log.ID())
	if raw, err := r.h.Dir.Read(name); err == nil && r.resume(raw) {
		return nil
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if searches(r.src.Start) {
		r.h.Observer.State(r.src.name(), "searching by time stamp", 0)
	}
	start, err := FindStart(ctx, r.src.Log, r.head, r.src.Start)
	if err != nil {
		return err
	}
	// The tree of the newest audit before must be recomputed from what is read.
	if len(r.src.Known) > 0 && start.First > unitFloor(r.src.Known[0].Head.Size) {
		start.First = unitFloor(r.src.Known[0].Head.Size)
		start.Reason += sampler.NotAfter(r.src.Known[0].AuditID, r.src.Known[0].Head.Size)
	}
	left, err := leftOf(ctx, r.src.Log, r.head, start.First)
	if err != nil {
		return err
	}
	r.start, r.left = start, left
	doc := startDocument{Rule: r.src.ruleKey(), First: start.First, Reason: start.Reason, Left: hexes(left.Nodes)}
	raw, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	return r.h.Dir.Replace(name, raw)
}

// resume takes over the choice of an earlier run. That to read everything, whatever the audits
// before say, holds whatever the rule is now; any other only for its rule.
func (r *logRun) resume(raw []byte) bool {
	var doc startDocument
	if err := json.Unmarshal(raw, &doc); err != nil {
		return false // damaged: chosen anew, and the choice is the same
	}
	nodes, err := parseHexes(doc.Left)
	if err != nil || doc.Reason == "" || doc.First > r.head.Size || doc.First%logUnit() != 0 || doc.Rule != r.src.ruleKey() && !(doc.First == 0 && sampler.ReadsAll(doc.Reason)) {
		return false
	}
	left := ct.NewRange(0)
	if err := left.Join(&ct.Range{End: doc.First, Nodes: nodes}); err != nil {
		return false
	}
	r.start, r.left = Start{doc.First, doc.Reason}, left
	return true
}

func hexes(list []ct.Hash) []string {
	out := make([]string, len(list))
	for i, h := range list {
		out[i] = hex.EncodeToString(h[:])
	}
	return out
}

func parseHexes(list []string) ([]ct.Hash, error) {
	out := make([]ct.Hash, len(list))
	for i, s := range list {
		raw, err := hex.DecodeString(s)
		if err != nil || len(raw) != len(ct.Hash{}) {
			return nil, errDamaged
		}
		out[i] = ct.Hash(raw)
	}
	return out, nil
}
