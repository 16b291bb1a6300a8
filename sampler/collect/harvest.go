package collect

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"sync"
	"time"

	"selfaudit/internal/auditdir"
	"selfaudit/sampler"
	"selfaudit/sampler/ct"
	"selfaudit/sampler/ctlog"
)

// LogReader is what harvesting needs of a log; *ctlog.Log is one.
type LogReader interface {
	ID() ct.LogID
	Name() string
	// Head fetches and verifies the current tree head and returns it as served.
	Head(context.Context) (raw []byte, head ct.TreeHead, err error)
	// ParseHead verifies a tree head fetched earlier.
	ParseHead(raw []byte) (ct.TreeHead, error)
	// Read passes the entries of [startInclusive, endExclusive) to fn, in order.
	Read(ctx context.Context, head ct.TreeHead, startInclusive, endExclusive uint64, fn func(*ct.Entry) error) error
	// Issuer returns a chain certificate of a static-ct log by its fingerprint.
	Issuer(context.Context, ct.Fingerprint) ([]byte, error)
	// CheckHashTile compares a static-ct log's level-0 hash tile with the leaf hashes.
	CheckHashTile(ctx context.Context, tile uint64, width int, leaves []ct.Hash) error
	// CheckNodeTile does the same for a hash tile of a higher level and subtree roots.
	CheckNodeTile(ctx context.Context, level uint, tile uint64, nodes []ct.Hash) error
	// InclusionProof returns the leaf hash of an entry and its audit path in the tree of
	// head, nearest sibling first.
	InclusionProof(ctx context.Context, head ct.TreeHead, index uint64) (leaf ct.Hash, path []ct.Hash, err error)
	// ConsistencyProof returns the log's proof that a tree of size1 is the beginning of that
	// of head. It is for the caller to verify.
	ConsistencyProof(ctx context.Context, size1 uint64, head ct.TreeHead) ([]ct.Hash, error)
}

// Source is one log to be read.
type Source struct {
	Log      LogReader
	HeadFile string // document that pins the tree head
	// HashTiles says that the log serves hash tiles (static-ct). They are not needed for
	// the proof, but a log whose tiles contradict each other is broken, and the tile tells
	// which entry is wrong when the root is.
	HashTiles bool
	Origin    string // a checkpoint's first line
	// Start says where reading may begin; the zero rule reads everything.
	Start StartRule
	// Known are the tree heads at which earlier audits of the chain read the log, newest first.
	Known []Known
	// OtherKey is one that an earlier audit verified under this log's address or origin with
	// another key; nil if there is none.
	OtherKey *Known
	// Final is the tree that a log list says the log ended with; nil for a log that may grow.
	Final *FinalTree

	shown string // the source's name for the observer; "" for the log's
}

func (src *Source) name() string { return cmp.Or(src.shown, src.Log.Name()) }

// Observer is told about progress; its methods are called from several goroutines.
type Observer interface {
	// Begin announces a source and how many entries it has; again if it is read again.
	Begin(source string, total uint64)
	// Advance reports entries read (or found read already) and kept since the last call.
	Advance(source string, entries, kept uint64)
	// End says how reading a source ended: "proven", "failed", "unreachable", "read".
	End(source, outcome string)
	// State says what is done with a source while no entry is read; wait is how long it
	// waits before it asks again, 0 if it does not. It may come before Begin.
	State(source, state string, wait time.Duration)
}

// LogResult is what a look at one log proved.
type LogResult struct {
	Log        LogReader
	Head       ct.TreeHead
	HeadFile   string
	Start      Start // where reading began
	Entries    uint64
	Kept       uint64
	SameName   uint64  // certificates under an audited issuer's name that another key signed
	Unreadable []fault // entries of which no certificate could be read: the first maxUnreadable
	Err        error   // why the log is not proven; nil for a proven log
	units      []*unit
	left       *ct.Range // of the entries before Start.First

	UnreadableCount uint64 // all entries of which no certificate could be read

	// Previous is the tree of the newest earlier audit, with the proof that this one begins
	// with it; nil if no earlier audit read the log.
	Previous *sampler.SnapshotPrevious
}

// Harvest reads logs and keeps the entries of the audited issuers.
type Harvest struct {
	Dir     auditdir.Dir
	Issuers *Issuers
	LogKeys map[ct.LogID][]byte // every configured log's key, excluded ones too: for SCTs
	// OwnLogs are the configured logs that the CA operates: their times are the CA's word.
	OwnLogs  map[ct.LogID]bool
	Observer Observer
	Parallel int // logs read at the same time
	// Sleep waits before a log is asked again for a tree head that is not older than one
	// known; nil asks once.
	Sleep func(context.Context, time.Duration) error
}

// Logs reads every log to its pinned tree head. The results are in the order of the
// sources; a log that fails does not stop the others. The error is for what is not a
// log's fault: cancellation, a full disk.
func (h *Harvest) Logs(ctx context.Context, sources []Source) ([]LogResult, error) {
	results := make([]LogResult, len(sources))
	errs := make([]error, len(sources))
	slots := make(chan struct{}, max(1, h.Parallel))
	var wg sync.WaitGroup
	for i, src := range sources {
		wg.Add(1)
		go func() {
			defer wg.Done()
			slots <- struct{}{}
			defer func() { <-slots }()
			results[i], errs[i] = h.log(ctx, src)
		}()
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return results, errors.Join(errs...)
}

// log reads one log and says how it ended.
func (h *Harvest) log(ctx context.Context, src Source) (LogResult, error) {
	h.Observer.State(src.Log.Name(), "asking for the tree head", 0)
	res, err := h.readLog(ctx, src)
	var le *ctlog.Error
	switch {
	case err != nil:
	case res.Err == nil:
		h.Observer.End(src.Log.Name(), "proven")
	case errors.As(res.Err, &le) && le.Kind == ctlog.Invalid:
		h.Observer.End(src.Log.Name(), "failed")
	default:
		h.Observer.End(src.Log.Name(), "unreachable")
	}
	return res, err
}

// readLog reads one log. Faults of the log end up in the result, all else in the error.
func (h *Harvest) readLog(ctx context.Context, src Source) (LogResult, error) {
	res := LogResult{Log: src.Log, HeadFile: src.HeadFile}
	if err := h.keptConflict(src); err != nil {
		return fail(res, err)
	}
	head, err := h.pin(ctx, src)
	if err != nil {
		return fail(res, err)
	}
	res.Head = head
	run := &logRun{h: h, src: src, head: head, madeFor: h.madeFor(),
		check: h.newChecker(src.Log.Issuer)}
	units, err := run.read(ctx)
	res.Start, res.left, res.Previous = run.start, run.left, run.previous
	if err != nil {
		return fail(res, err)
	}
	res.units = units
	for _, u := range units {
		u.foot.Tops = nil // only for proving, and the largest part of a footer
		res.Entries += u.foot.End - u.foot.Start
		res.Kept += u.foot.Kept
		res.SameName += u.foot.Foreign
		res.Unreadable = append(res.Unreadable, u.foot.Unreadable...)
		res.UnreadableCount += u.foot.UnreadableCount
	}
	return res, nil
}

// fail sorts an error: a *ctlog.Error is the log's own, everything else is ours.
func fail(res LogResult, err error) (LogResult, error) {
	var le *ctlog.Error
	if errors.As(err, &le) {
		res.Err = err
		return res, nil
	}
	return res, err
}

// pin returns the tree head that this audit reads the log to. It is fetched once, before
// the first entry, and never again: the population must not follow the log's growth.
func (h *Harvest) pin(ctx context.Context, src Source) (ct.TreeHead, error) {
	raw, err := h.Dir.Read(src.HeadFile)
	if err == nil {
		head, err := src.Log.ParseHead(raw)
		if err != nil {
			// It was verified before it was pinned, so this is not the log's doing.
			return head, &ctlog.Error{Log: src.Log.Name(), Kind: ctlog.Invalid, Where: src.HeadFile,
				Err: fmt.Errorf("the pinned tree head does not verify any more: restore the file, or the log's key and origin in the configuration: %w", err)}
		}
		// An audit before that was repeated since this one was pinned may have a larger tree.
		if largestAhead(src.Known, head, func(Known) bool { return true }) == nil {
			return head, src.Final.check(src.Log.Name(), head)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return ct.TreeHead{}, err
	}
	raw, head, err := h.freshHead(ctx, src)
	if err == nil {
		err = src.Final.check(src.Log.Name(), head)
	}
	if err != nil {
		return ct.TreeHead{}, err
	}
	return head, h.Dir.Replace(src.HeadFile, raw)
}

// madeFor identifies all that decides what a unit holds, so that units made for other
// issuers, or with other logs' keys to verify embedded SCTs with, are made again.
func (h *Harvest) madeFor() string {
	sum := sha256.New()
	fmt.Fprintf(sum, "issuers %s\n", h.Issuers.hash())
	for _, id := range slices.SortedFunc(maps.Keys(h.LogKeys), func(a, b ct.LogID) int { return slices.Compare(a[:], b[:]) }) {
		fmt.Fprintf(sum, "log %s\n", id)
		if h.OwnLogs[id] {
			fmt.Fprintf(sum, "of the CA\n")
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// logRun is the state of reading one log.
type logRun struct {
	h       *Harvest
	src     Source
	head    ct.TreeHead
	madeFor string
	check   *checker

	start    Start
	left     *ct.Range // [0, start.First), proven
	previous *sampler.SnapshotPrevious
}

// read fixes the start, reads from there to the pinned tree head, and holds the tree
// against those that earlier audits read and against what the log says afterwards.
func (r *logRun) read(ctx context.Context) ([]*unit, error) {
	if _, err := r.grown(ctx, false); err != nil {
		return nil, err
	}
	if err := r.begin(ctx); err != nil {
		return nil, err
	}
	units, err := r.proven(ctx)
	if err != nil {
		return nil, err
	}
	if r.previous, err = r.contains(units); err != nil {
		return nil, err
	}
	if err := r.secondLook(ctx); err != nil {
		return nil, err
	}
	return units, r.h.resolved(r.src)
}

func unitName(log ct.LogID, start, end uint64) string {
	return path.Join("work", "logs", log.String(), fmt.Sprintf("%012d-%012d.unit", start, end))
}

// unit returns the unit [start, end), reading it from the log if it is not there yet.
func (r *logRun) unit(ctx context.Context, start, end uint64) (*unit, error) {
	name := unitName(r.src.Log.ID(), start, end)
	u, ok, err := haveUnit(r.h.Dir.Path(name), start, end, r.madeFor)
	if err != nil {
		return nil, err
	}
	if ok && u.marked(r.places()) {
		r.h.Observer.Advance(r.src.Log.Name(), end-start, u.foot.Kept)
		return u, nil
	}
	w, err := newUnit(r.h.Dir, name, start, r.madeFor)
	if err != nil {
		return nil, err
	}
	w.marks = newMarkings(r.places(), start, end)
	if err := r.fill(ctx, w, start, end); err != nil {
		w.abort()
		return nil, err
	}
	if err := w.commit(); err != nil {
		return nil, err
	}
	return openUnit(r.h.Dir.Path(name))
}

// selective is a LogReader that spares the work on what only a foreign issuer's
// precertificate entries have besides their leaf; *ctlog.Log is one.
type selective interface {
	ReadFor(ctx context.Context, head ct.TreeHead, startInclusive, endExclusive uint64, want func(issuerKeyHash [32]byte) bool, fn func(*ct.Entry) error) error
}

// entry keeps the entry if an audited issuer issued it.
func (r *logRun) entry(ctx context.Context, w *unitWriter, j *judged) error {
	e, k, err := &j.entry, j.k, j.err
	var le *ctlog.Error
	var unreadable *unreadableError
	switch {
	case err == nil:
		k.rec.entryMS, k.rec.index = e.Timestamp, e.Index
		w.keep(k.rec, k.cert, k.signer, leafTail(e))
	case errors.Is(err, errSameName):
		w.foot.Foreign++
	case errors.Is(err, errNotOurs):
	case errors.As(err, &unreadable):
		w.unreadable(e.Index, r.where(e.Index), err)
	case errors.As(err, &le) && le.Kind == ctlog.Unreachable:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &le):
		w.fault(e.Index, fmt.Sprintf("%s, %s", r.where(e.Index), le.Where), le.Err)
	default:
		w.fault(e.Index, r.where(e.Index), err)
	}
	return nil
}

// leafTail is what of the MerkleTreeLeaf cannot be rebuilt from the certificate: the
// extensions, and for a precertificate the issuer key hash, because a key may have
// several encodings.
func leafTail(e *ct.Entry) []byte {
	if e.Type == ct.PrecertEntry {
		return append(e.IssuerKeyHash[:len(e.IssuerKeyHash):len(e.IssuerKeyHash)], e.Extensions...)
	}
	return e.Extensions
}

func (r *logRun) where(index uint64) string { return fmt.Sprintf("entry %d", index) }
