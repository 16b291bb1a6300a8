package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"

	"github.com/spf13/cobra"

	"selfaudit/internal/config"
	"selfaudit/internal/terminal"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/crtsh"
	"selfaudit/sampler/ct"
	"selfaudit/sampler/loglist"
)

// collectOptions are the flags of `selfaudit collect`.
type collectOptions struct {
	From, Until string
	ExcludeLogs []string
	FromStart   bool
	Rehearsal   bool
	Mode        string
	CrtSh       bool
	NoCrtSh     bool
}

func (o *collectOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.From, "from", "", "first `time` of the period, RFC 3339 (default: where the previous audit ended)")
	f.StringVar(&o.Until, "until", "", "first `time` after the period, RFC 3339; best the first day of a month, 00:00:00Z")
	f.StringArrayVar(&o.ExcludeLogs, "exclude-log", nil, "go on without a log that fails: `NAME=REASON`; the evidence shows it")
	f.BoolVar(&o.FromStart, "from-start", false, "read all of each log, not only what is new since the audit before or the chain's start")
	f.StringVar(&o.Mode, "mode", "", "`what` to do with logs: records looks up the certificates of the CA's records and files, logs reads the logs, both does both (default: as configured)")
	f.BoolVar(&o.CrtSh, "crtsh", false, "ask crt.sh too, as a cross-check; after an incomplete answer: ask it again")
	f.BoolVar(&o.NoCrtSh, "no-crtsh", false, "do not ask crt.sh, whatever is configured")
	f.BoolVar(&o.Rehearsal, "rehearsal", false, "practise: in no chain, never evidence")
}

func newCollectCommand(e *env) *cobra.Command {
	var o collectOptions
	cmd := &cobra.Command{
		Use:   "collect",
		Short: "Pull the certificates from logs and files; prove the logs",
		Long: `Pull the certificates of every issuer from the configured CT logs and files.

Each log is proven: its signed tree head is pinned in the audit's folder before the
first entry is read, and its root is recomputed from what is read and from the proven hashes
of what is not. The audit before says where to go on in each log; the first audit of a chain
begins where time stamps say that the chain does. A log that fails, or that has not only
grown since the audit before, stops the audit, with the reason and the entry, unless you
exclude it with a reason of yours.
Interrupt it whenever you like; run it again to go on.

With [crtsh] in the configuration, or --crtsh, crt.sh is asked for what the logs did not
show. That it does not answer never stops the audit; the evidence says how far it did.`,
		Example: `  selfaudit collect --audit 2026-Q3 --from 2026-07-01T00:00:00Z --until 2026-10-01T00:00:00Z
  selfaudit collect                                  go on with the open audit
  selfaudit collect --from-start                     every entry of every log
  selfaudit collect --exclude-log "log.example/2026h2=shut down by its operator on 2026-09-30"`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, err := openWorkspace(e, "collect")
			if err != nil {
				return err
			}
			defer w.close()
			doc, err := w.collect(cmd.Context(), o)
			return show(e, doc, err)
		},
	}
	o.flags(cmd)
	return cmd
}

// collectDocument is what `collect --json` writes.
type collectDocument struct {
	Schema   string            `json:"schema"`
	AuditID  string            `json:"audit_id"`
	Mode     string            `json:"mode"`
	Period   [2]string         `json:"period"`
	Complete bool              `json:"complete"`
	Logs     []collectLogState `json:"logs"`
	Files    []collectFile     `json:"files"`
	Records  []collectRecord   `json:"records,omitempty"` // the CA's own exports
	Index    *collectIndex     `json:"index,omitempty"`   // crt.sh, if it was asked
	Notes    []string          `json:"notes"`
	Next     string            `json:"next"`
}

type collectLogState struct {
	Name     string `json:"name"`
	LogID    string `json:"log_id"`
	Status   string `json:"status"` // proven, failed, unreachable, excluded
	Reason   string `json:"reason,omitempty"`
	Where    string `json:"where,omitempty"`
	TreeSize uint64 `json:"tree_size"`
	RootHash string `json:"root_hash,omitempty"`
	Entries  uint64 `json:"entries"`
	Kept     uint64 `json:"kept"`
	// The first entry that was read, and why reading began there.
	FirstEntry  uint64 `json:"first_entry"`
	FirstReason string `json:"first_reason,omitempty"`
	// SCTs that were looked up in the log, and how many of them were proven.
	LookedUp   uint64 `json:"looked_up,omitempty"`
	ProvenSCTs uint64 `json:"proven_scts,omitempty"`
}

type collectFile struct {
	Path         string `json:"path"`
	Certificates uint64 `json:"certificates"`
	Kept         uint64 `json:"kept"`
	OtherIssuers uint64 `json:"other_issuers"`
	Unreadable   int    `json:"unreadable"`
	Kind         string `json:"kind,omitempty"` // "index" for crt.sh
}

// collect runs the stage. The document is returned with the error too, because a log's
// failure is a result.
func (w *workspace) collect(ctx context.Context, o collectOptions) (*collectDocument, error) {
	if err := w.cfg.Complete(); err != nil {
		return nil, err
	}
	if err := w.ccadbThere(); err != nil {
		return nil, err
	}
	issuers, err := loadIssuers(w.cfg)
	if err != nil {
		return nil, err
	}
	if _, err := issuerRules(w.cfg, issuers); err != nil {
		return nil, err
	}
	logs, err := w.firstLook(ctx, o.ExcludeLogs)
	if err != nil {
		return nil, err
	}
	a, err := w.openOrBegin(o)
	if err != nil {
		return nil, err
	}
	w.readsNoLogs = modeFor(o.Mode, w.cfg, exportKinds(ctx, w.cfg)) == sampler.CollectRecords
	if _, err := w.useLogList(ctx, a); err != nil {
		return nil, err
	}
	if w.chosen != nil {
		if logs, err = w.openLogs(o.ExcludeLogs); err != nil {
			return nil, err
		}
	}
	w.e.banner(a)
	if w.index, err = w.indexWanted(a, o); err != nil {
		return nil, err
	}
	if a.done(stageCollect) {
		doc, err := w.collectedAlready(a, logs, o)
		if doc != nil || err != nil {
			return doc, err
		}
		if err := a.dir.Remove(docCollected); err != nil {
			return nil, err
		}
	}
	if err := a.dir.Sweep(); err != nil {
		return nil, err
	}
	for _, iss := range issuers.List() {
		for _, der := range iss.Certificates {
			if err := a.dir.WriteOnce(issuerFile(der), der); err != nil {
				return nil, err
			}
		}
	}
	return w.harvest(ctx, a, issuers, logs, o)
}

// collectedAlready answers a collect after the collection is complete: nothing is read
// again. Neither document nor error means that it is to be opened again for crt.sh.
func (w *workspace) collectedAlready(a *audit, logs []*logSource, o collectOptions) (*collectDocument, error) {
	doc := w.collectDocument(a)
	doc.Complete = true
	raw, err := a.dir.Read(docCollected)
	if errors.Is(err, fs.ErrNotExist) {
		return doc, nil
	}
	if err != nil {
		return nil, err
	}
	saved, err := collect.ParseSaved(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.dir.Path(docCollected), err)
	}
	if err := w.otherMode(a, o, saved); err != nil {
		return nil, err
	}
	if again, err := w.askAgain(a, o, saved); again || err != nil {
		return nil, err
	}
	if err := startedLater(a, o, saved); err != nil {
		return nil, err
	}
	doc.Index = collectIndexOf(saved.Index)
	names := map[string]string{}
	for _, l := range logs {
		names[l.log.ID().String()] = l.name()
	}
	for _, l := range saved.Logs {
		doc.Logs = append(doc.Logs, collectLogState{Name: cmp.Or(l.Label, names[l.LogID], l.URL), LogID: l.LogID, Status: l.Status, Reason: l.Reason, TreeSize: l.TreeSize,
			RootHash: l.RootHash, Entries: uint64(l.Entries), Kept: uint64(l.Kept), FirstEntry: l.FirstEntry, FirstReason: l.FirstReason, LookedUp: uint64(l.LookedUp), ProvenSCTs: uint64(l.ProvenSCTs)})
	}
	for _, f := range saved.Files {
		doc.Files = append(doc.Files, collectFile{f.Path, uint64(f.Certificates), uint64(f.Kept), uint64(f.OtherIssuers), int(f.Unreadable), f.Kind})
	}
	doc.Records = collectRecords(saved.Records)
	doc.Notes = append(doc.Notes, saved.Notes...)
	if err := a.record(w.e, "collect", "", a.collectDocuments()...); err != nil {
		return nil, err
	}
	return doc, excludedError(doc)
}

func (w *workspace) collectDocument(a *audit) *collectDocument {
	return &collectDocument{Schema: "selfaudit.collect/v1", AuditID: a.id, Mode: a.opening.Mode,
		Period: [2]string{a.opening.PeriodStart, a.opening.PeriodEnd}, Logs: []collectLogState{}, Files: []collectFile{}, Notes: []string{},
		Next: "selfaudit freeze --audit " + a.id}
}

// harvest reads all sources and, if every log is proven or excluded, writes the stage's mark.
func (w *workspace) harvest(ctx context.Context, a *audit, issuers *collect.Issuers, logs []*logSource, o collectOptions) (*collectDocument, error) {
	h := &collect.Harvest{Dir: a.dir, Issuers: issuers, LogKeys: map[ct.LogID][]byte{}, OwnLogs: operatedByCA(w.cfg.Logs), Parallel: max(2, runtime.NumCPU()), Sleep: w.e.Sleep}
	progress := w.e.progress()
	defer progress.Close()
	w.watching = newObserver(w.e, progress)
	h.Observer = w.watching
	// The CA's records first: an export that cannot be used is better known before hours of reading.
	exports, err := openRecords(ctx, w.cfg, issuers)
	if err != nil {
		return nil, err
	}
	if w.scts.mode, err = w.collectMode(o, exports); err != nil {
		return nil, err
	}
	if err := w.mustBring(exports, nil); err != nil {
		return nil, err
	}
	starts, err := w.startRules(a, issuers, o.FromStart)
	if err != nil {
		return nil, err
	}
	var read []collect.Source
	for _, l := range logs {
		h.LogKeys[l.log.ID()] = l.cfg.PublicKey
		if l.exclude != "" || w.scts.mode == sampler.CollectRecords {
			continue
		}
		if err := a.dir.WriteOnce(l.keyFile(), l.keyPEM()); err != nil {
			return nil, err
		}
		source, err := starts.source(l)
		if err != nil {
			return nil, err
		}
		read = append(read, source)
		w.watching.waits(source.Log.Name())
	}
	fromRecords, err := h.Records(ctx, exports)
	if err != nil {
		return nil, err
	}
	if err := w.mustBring(exports, fromRecords); err != nil {
		return nil, err
	}
	results, err := h.Logs(ctx, read)
	if err != nil {
		return nil, err
	}
	var readers []collect.FileReader
	for _, f := range w.cfg.Files {
		readers = append(readers, fileSource{f.Path, w.cfg.Resolve(f.Path)})
	}
	var answer *crtsh.Answer
	if w.index {
		if answer, err = w.askCrtSh(ctx, a, issuers, progress); err != nil {
			return nil, err
		}
		readers = append(readers, indexSource{answer})
		if !answer.Complete {
			w.watching.ends(crtsh.Name, "incomplete: crt.sh could not be asked to the end")
		}
	}
	fromFiles, err := h.Files(ctx, readers)
	if err != nil {
		return nil, err
	}
	results, err = w.lookUp(ctx, a, h, logs, starts, collect.Harvested{Logs: results, Files: fromFiles, Records: fromRecords})
	if err != nil {
		return nil, err
	}
	progress.Close()
	doc := w.collectDocument(a)
	saved := h.Save(results, fromFiles)
	w.saveIndex(doc, &saved, issuers, answer)
	saved.SaveRecords(fromRecords)
	saved.SaveSCTs(w.scts.mode, w.scts.results)
	doc.Records = collectRecords(saved.Records)
	for _, f := range fromFiles {
		doc.Files = append(doc.Files, collectFile{f.Name, f.Certificates, f.Kept, f.OtherIssuers, int(f.UnreadableCount), f.Kind})
	}
	failure := w.judge(doc, &saved, logs, results)
	if w.chosen != nil {
		saved.Notes = append(saved.Notes, w.chosen.notes(w.e.Now())...)
	}
	doc.Notes = append(append(doc.Notes, saved.Notes...), saved.Unreadable...)
	if more := saved.UnreadableCount - int64(len(saved.Unreadable)); more > 0 {
		doc.Notes = append(doc.Notes, fmt.Sprintf("and %d more certificates that cannot be read", more))
	}
	if failure != nil {
		doc.Next = fmt.Sprintf("selfaudit collect --audit %s", a.id)
		return doc, failure
	}
	doc.Complete = true
	if err := w.dropForeign(a, issuers, logs); err != nil {
		return nil, err
	}
	saved.Sources = sourcesText(logs, w.cfg)
	raw, err := jsonDocument(saved)
	if err != nil {
		return nil, err
	}
	if err := a.dir.WriteOnce(docCollected, raw); err != nil {
		return nil, err
	}
	if err := a.record(w.e, "collect", "", a.collectDocuments()...); err != nil {
		return nil, err
	}
	return doc, excludedError(doc)
}

// collectDocuments are the documents of the collect stage that stay in the evidence.
func (a *audit) collectDocuments() []string {
	out := []string{docOpening}
	for n := 1; n <= config.MaxLists; n++ {
		for _, name := range []string{loglist.File(n), listSignature(n)} {
			if a.dir.Has(name) {
				out = append(out, name)
			}
		}
	}
	if a.dir.Has(docLogRoots) {
		out = append(out, docLogRoots)
	}
	for _, folder := range []string{"ct/heads", "ct/keys", "issuers", "ct/conflicts", logRootsFold} {
		// A folder that is not there has no documents: no log, or no head yet.
		_ = fs.WalkDir(a.dir.FS(), folder, func(name string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				out = append(out, name)
			}
			return nil
		})
	}
	return out
}

// dropForeign removes tree heads, keys and issuers that earlier attempts left and that are
// not part of the collection: of logs excluded since, of issuers no longer configured.
func (w *workspace) dropForeign(a *audit, issuers *collect.Issuers, logs []*logSource) error {
	keep := map[string]bool{}
	for _, l := range logs {
		if !w.notAsked(l) {
			keep[l.headFile()], keep[l.keyFile()] = true, true
		}
	}
	for _, iss := range issuers.List() {
		for _, der := range iss.Certificates {
			keep[issuerFile(der)] = true
		}
	}
	for _, folder := range []string{"ct/heads", "ct/keys", "issuers"} {
		entries, err := fs.ReadDir(a.dir.FS(), folder)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, entry := range entries {
			if name := folder + "/" + entry.Name(); !keep[name] {
				if err := a.dir.Remove(name); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func issuerFile(der []byte) string { return "issuers/" + sampler.HashCert(der).String() + ".der" }

// render writes the document for people.
func (d *collectDocument) render(e *env) {
	t := e.table()
	t.Header("log", "state", "entries", "kept", "signed root")
	for _, l := range d.Logs {
		root := "-"
		if l.RootHash != "" {
			root = e.hash(l.RootHash)
		}
		t.Row(terminal.Escape(l.Name), l.Status, terminal.Count(int64(l.Entries)), terminal.Count(int64(l.Kept)), root)
	}
	for _, f := range d.Files {
		t.Row(terminal.Escape(f.Path), cmp.Or(f.Kind, "files"), terminal.Count(int64(f.Certificates)), terminal.Count(int64(f.Kept)), "-")
	}
	for _, r := range d.Records {
		t.Row(terminal.Escape(r.Path), "records", terminal.Count(r.Rows), terminal.Count(r.Kept), "-")
	}
	if len(d.Logs)+len(d.Files)+len(d.Records) > 0 {
		_ = t.Flush() // a failed write shows at the end, in Main
	}
	for _, l := range d.Logs {
		if l.Status == sampler.LogProven && l.FirstReason != "" {
			e.printf("%s: entries %s to %s: %s\n", terminal.Escape(l.Name), terminal.Count(int64(l.FirstEntry)), terminal.Count(int64(l.TreeSize)), terminal.Escape(l.FirstReason))
		}
	}
	d.writeSCTs(e)
	for _, l := range d.Logs {
		if l.Status == sampler.LogExcluded {
			e.printf("excluded: %s: %s\n", terminal.Escape(l.Name), terminal.Escape(l.Reason))
		}
	}
	for _, r := range d.Records {
		if r.Unreadable > 0 {
			e.printf("records %s: %s cannot be read; which freeze will refuse: see selfaudit records\n", terminal.Escape(r.Path), sampler.Counted(r.Unreadable, "row", "rows"))
		}
	}
	for _, n := range d.Notes {
		e.printf("note: %s\n", terminal.Escape(n))
	}
	if d.Complete {
		e.printf("audit %s: collected for %s to %s\nnext: %s\n", d.AuditID, d.Period[0], d.Period[1], d.Next)
	}
}
