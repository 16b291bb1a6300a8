package collect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"sync"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
	"selfaudit/sampler/ctlog"
)

// LeafProver is a LogReader that proves single entries; *ctlog.Log is one.
type LeafProver interface {
	LogReader
	// InclusionProof returns the leaf hash of an entry and its verified audit path.
	InclusionProof(ctx context.Context, head ct.TreeHead, index uint64) (ct.Hash, []ct.Hash, error)
	// FindLeaf returns where a leaf is, verified; ctlog.ErrNoSuchLeaf if the log has none.
	FindLeaf(ctx context.Context, head ct.TreeHead, leaf ct.Hash) (uint64, []ct.Hash, error)
}

// SCTLog is a configured log whose SCTs are looked up.
type SCTLog struct {
	Log      LeafProver
	HeadFile string
	Indexed  bool   // its SCTs name the entry (static-ct); else the log finds the leaf by its hash
	Excluded string // why the log is not used; then nothing is asked of it

	Origin   string  // as in Source, like what follows
	Known    []Known // tree heads of earlier audits, newest first
	OtherKey *Known
	Final    *FinalTree
}

// SCTResult is what looking up the SCTs of one log gave.
type SCTResult struct {
	Log      LeafProver
	Head     ct.TreeHead // zero if no certificate names the log
	HeadFile string
	Previous *sampler.SnapshotPrevious // as in LogResult; the log itself has proven it
	LookedUp uint64                    // SCTs
	Proven   uint64
	Err      error // why the log could not answer, a *ctlog.Error; nil if it did
	units    []*unit
}

const (
	// sctUnit is how many SCTs share a unit: what a killed process may lose.
	sctUnit = 1024
	// sctChunk is how many are held in memory and asked for in the order of their entries, so
	// that those near each other share hash tiles.
	sctChunk = 64 * sctUnit
	// sctWorkers is how many SCTs of one log are looked up at the same time.
	sctWorkers = 4
)

// Harvested is what was read, of every kind of source.
type Harvested struct {
	Logs    []LogResult
	Files   []FilesResult
	Records []RecordsFound
}

// SCTs looks up the embedded SCTs of every final certificate that was harvested: rebuilds the
// entry that each promises and proves that it is in the log, under the log's pinned tree head.
// Nothing that was found out is asked for again. The results are in the order of logs; a log
// that cannot answer does not stop the others.
func (h *Harvest) SCTs(ctx context.Context, logs []SCTLog, harvested Harvested) ([]SCTResult, error) {
	from := h.gather(harvested)
	spills := make([]*sctSpill, len(logs))
	defer func() {
		for _, s := range spills {
			if s != nil {
				s.close()
			}
		}
	}()
	byID := map[ct.LogID]*sctSpill{}
	for i, l := range logs {
		s, err := newSCTSpill(h.Dir)
		if err != nil {
			return nil, err
		}
		spills[i], byID[l.Log.ID()] = s, s
		s.log = l
	}
	if err := h.spillSCTs(ctx, from, byID); err != nil {
		return nil, err
	}
	results, errs := make([]SCTResult, len(logs)), make([]error, len(logs))
	slots := make(chan struct{}, max(1, h.Parallel))
	var wg sync.WaitGroup
	for i := range logs {
		if spills[i].count > 0 {
			h.Observer.State(sctLine(logs[i]), "waits", 0)
		}
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			run := &sctRun{h: h, from: from, log: logs[i], tasks: spills[i], res: SCTResult{Log: logs[i].Log}}
			errs[i] = run.all(ctx)
			results[i] = run.res
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return results, errors.Join(errs...)
}

// gather makes what was harvested ready to be merged.
func (h *Harvest) gather(all Harvested) *Collected {
	c := &Collected{dir: h.Dir}
	for _, r := range all.Logs {
		if r.Err == nil {
			c.add(&source{log: r.Log.ID(), isLog: true}, r.units)
		}
	}
	for _, f := range all.Files {
		c.add(&source{file: f.Name, kind: f.Kind}, f.units)
	}
	for _, f := range all.Records {
		c.add(&source{file: f.About.Path, isRecords: true}, f.units)
	}
	return c
}

// sctLine names the look-ups in a log to the observer.
func sctLine(l SCTLog) string { return l.Log.Name() + ", SCTs" }

// sctRun looks up the SCTs of one log.
type sctRun struct {
	h     *Harvest
	from  *Collected
	log   SCTLog
	tasks *sctSpill
	res   SCTResult
	name  string // of the progress line
}

// all works through the tasks. Faults of the log end up in the result, all else in the error.
func (r *sctRun) all(ctx context.Context) error {
	if r.tasks.count == 0 {
		return nil
	}
	r.name = sctLine(r.log)
	r.h.Observer.Begin(r.name, r.tasks.count)
	outcome, err := "looked up", r.units(ctx)
	var le *ctlog.Error
	if errors.As(err, &le) {
		r.res.Err, err = le, nil
		if outcome = "unreachable"; le.Kind == ctlog.Invalid {
			outcome = "failed"
		}
	}
	if err == nil {
		r.h.Observer.End(r.name, outcome)
	}
	return err
}

func (r *sctRun) units(ctx context.Context) error {
	if r.log.Excluded == "" {
		head, previous, err := r.h.pinGrown(ctx, Source{Log: r.log.Log, HeadFile: r.log.HeadFile, Origin: r.log.Origin, Known: r.log.Known, OtherKey: r.log.OtherKey, Final: r.log.Final, shown: r.name})
		if err != nil {
			return err
		}
		r.res.Head, r.res.HeadFile, r.res.Previous = head, r.log.HeadFile, previous
	}
	tasks, err := r.tasks.reader()
	if err != nil {
		return err
	}
	for start := uint64(0); start < r.tasks.count; {
		chunk, err := tasks.next(sctChunk)
		if err != nil {
			return err
		}
		sortTasks(chunk, r.log.Indexed)
		for len(chunk) > 0 {
			part := chunk[:min(len(chunk), sctUnit)]
			chunk = chunk[len(part):]
			u, err := r.unit(ctx, start, part)
			if err != nil {
				return err
			}
			r.res.units = append(r.res.units, u)
			start += uint64(len(part))
		}
	}
	return nil
}

func sctUnitName(log ct.LogID, start uint64) string {
	return path.Join("work", "scts", log.String(), fmt.Sprintf("%012d.unit", start))
}

// unit returns the unit of these tasks, looking them up if it is not there yet.
func (r *sctRun) unit(ctx context.Context, start uint64, tasks []sctTask) (*unit, error) {
	name, madeFor := sctUnitName(r.log.Log.ID(), start), r.madeFor(tasks)
	end := start + uint64(len(tasks))
	u, ok, err := haveUnit(r.h.Dir.Path(name), start, end, madeFor)
	if err != nil {
		return nil, err
	}
	if !ok {
		found, err := r.lookUp(ctx, tasks)
		if err != nil {
			return nil, err
		}
		if err := r.write(name, madeFor, start, tasks, found); err != nil {
			return nil, err
		}
		if u, err = openUnit(r.h.Dir.Path(name)); err != nil {
			return nil, err
		}
	} else {
		r.h.Observer.Advance(r.name, end-start, u.foot.Foreign)
	}
	r.res.LookedUp += uint64(len(tasks)) - u.foot.UnreadableCount
	r.res.Proven += u.foot.Foreign
	return u, nil
}

// madeFor identifies all that decides what a unit of looked-up SCTs holds.
func (r *sctRun) madeFor(tasks []sctTask) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "scts %s\nexcluded %q\nhead %d %s %d\n", r.h.madeFor(), r.log.Excluded, r.res.Head.Size, r.res.Head.Root, r.res.Head.Timestamp)
	for i := range tasks {
		t := &tasks[i]
		fmt.Fprintf(sum, "%s %d %s %d\n", t.rec.cert, t.number, t.decided, t.index)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// write makes the unit. Its footer's Foreign counts the proven SCTs, UnreadableCount those
// that were not looked up.
func (r *sctRun) write(name, madeFor string, start uint64, tasks []sctTask, found []sctFound) error {
	w, err := newUnit(r.h.Dir, name, start, madeFor)
	if err != nil {
		return err
	}
	w.foot.End = start + uint64(len(tasks))
	for i := range tasks {
		cert, _, _, err := r.from.units[tasks[i].rec.unit].bytes(&tasks[i].rec)
		if err != nil {
			w.abort()
			return err
		}
		switch found[i].outcome {
		case sampler.SCTProven:
			w.foot.Foreign++
		case sampler.SCTInvalid, sampler.SCTExcluded:
			w.foot.UnreadableCount++
		}
		w.keep(found[i].record(&tasks[i]), cert, nil, found[i].body(&tasks[i]))
	}
	return w.commit()
}

// SavedSCTs lists the units of one log's SCTs, by document name.
type SavedSCTs struct {
	LogID string   `json:"log_id"`
	Units []string `json:"units"`
}

// SaveSCTs adds the results to what Save described; mode is what collect did, as in SnapshotSCTs.
func (s *Saved) SaveSCTs(mode string, results []SCTResult) {
	if mode == sampler.CollectLogs {
		return
	}
	s.SCTMode = mode
	for _, r := range results {
		saved := SavedSCTs{LogID: r.Log.ID().String(), Units: []string{}}
		for _, u := range r.units {
			saved.Units = append(saved.Units, path.Join("work", "scts", saved.LogID, filepath.Base(u.path)))
		}
		s.SCTs = append(s.SCTs, saved)
	}
}

// reopenSCTs finds the units again. They come after all others, so that a certificate's first
// sighting is one that holds it.
func (c *Collected) reopenSCTs(s *Saved) error {
	c.sctMode = s.SCTMode
	for _, saved := range s.SCTs {
		id, err := ct.ParseLogID(saved.LogID)
		if err != nil {
			return err
		}
		var units []*unit
		for _, name := range saved.Units {
			u, err := reopenUnit(c.dir, name)
			if err != nil {
				return err
			}
			units = append(units, u)
		}
		c.add(&source{log: id, isSCT: true}, units)
	}
	return nil
}

// removeFile is for temporary files: what is left of one does no harm.
func removeFile(f *os.File) {
	_ = f.Close()
	_ = os.Remove(f.Name())
}
