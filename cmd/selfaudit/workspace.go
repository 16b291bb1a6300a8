package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"selfaudit/internal/auditdir"
	"selfaudit/internal/config"
	"selfaudit/internal/jsonlines"
	"selfaudit/sampler"
)

// The documents that stages leave behind; a stage is complete when its last one exists.
const (
	docOpening    = "audit.json"
	docConfig     = "config/selfaudit.toml"
	docCollected  = "work/collected.json"
	docSnapshot   = "draw/snapshot.json"
	docPopulation = "draw/population.tsv"
	docStrata     = "draw/strata.tsv"
	docCommitment = "draw/commitment.txt"
	docBeacon     = "draw/beacon.json"
	docSeed       = "draw/seed.txt"
	docSample     = "draw/sample.tsv"
	docItems      = "findings/items.jsonl"
	docSightings  = "ct/sightings.jsonl"
	docPairings   = "ct/pairings.tsv"
	docOutside    = sampler.OutsideFile
	docAsIf       = "lint/as-if.jsonl"
	docLinter     = "lint/linter.json"
	docResults    = "lint/results.jsonl"
	docWaivers    = "config/waivers.toml"
	docFindings   = "findings/findings.json"
	docWorkbook   = "report/workbook.xlsx"
	docSummary    = "report/summary.json"
	sealedFolder  = "sealed"
)

// workspace is a locked workspace with its configuration.
type workspace struct {
	e       *env
	cfg     *config.Config
	index   bool    // this collect asks crt.sh
	scts    scts    // what this collect does with logs and SCTs
	chosen  *chosen // logs of a log list, in cfg.Logs too; nil before useLogList and without a list
	release func()

	watching *observer // of the harvest, told when a log is asked again

	readsNoLogs bool // this collect looks single certificates up, so no log is worth skipping

	noWaivers bool // `lint --no-waivers`: leave out what waivers.toml would waive
}

// openWorkspace reads the configuration and takes the workspace for this process.
func openWorkspace(e *env, command string) (*workspace, error) {
	cfg, err := e.loadConfig()
	if err != nil {
		return nil, err
	}
	if cfg.CA.Name == "" {
		return nil, cfg.Complete()
	}
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	release, err := auditdir.Lock(e.Workspace, auditdir.Holder{
		PID: os.Getpid(), Host: host, Command: command, Since: sampler.FormatTime(e.SystemTime())})
	var held *auditdir.LockedError
	if errors.As(err, &held) {
		return nil, &exitError{code: exitFailed, id: "locked", err: err, hint: "wait until it is done, or stop that process; nothing is lost"}
	}
	if err != nil {
		return nil, err
	}
	if err := e.finishVoids(); err != nil {
		release()
		return nil, err
	}
	return &workspace{e: e, cfg: cfg, release: release}, nil
}

// openPicked takes the workspace for a command that works on one audit, and shows which.
func openPicked(e *env, command string) (*workspace, *audit, error) {
	w, err := openWorkspace(e, command)
	if err != nil {
		return nil, nil, err
	}
	a, err := e.pick()
	if err != nil {
		w.close()
		return nil, nil, err
	}
	e.banner(a)
	return w, a, nil
}

// finishVoids completes what a process killed while voiding has left, before any command
// looks at the audits.
func (e *env) finishVoids() error {
	all, err := e.audits()
	if err != nil {
		return err
	}
	for _, a := range all {
		if a.dir.Has(voidMark) {
			if err := a.finishVoid(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *workspace) close() { w.release() }

// audit is one audit's folder with what is known of it.
type audit struct {
	dir        auditdir.Dir
	id         string
	opening    *sampler.Opening
	commitment *sampler.Commitment // nil before freeze
}

// audits returns the workspace's audits, by the end of their period, then by name.
func (e *env) audits() ([]*audit, error) {
	entries, err := os.ReadDir(e.auditsPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []*audit
	for _, entry := range entries {
		if !entry.IsDir() || !sampler.ValidAuditID(entry.Name()) {
			continue
		}
		a, err := e.openAudit(entry.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue // a folder that no audit was opened in
		}
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b *audit) int {
		return cmp.Or(strings.Compare(a.opening.PeriodEnd, b.opening.PeriodEnd), strings.Compare(a.id, b.id))
	})
	return out, nil
}

// openAudit reads one audit; fs.ErrNotExist when it was never opened.
func (e *env) openAudit(id string) (*audit, error) {
	a := &audit{id: id, dir: auditdir.At(filepath.Join(e.auditsPath(), id))}
	raw, err := a.dir.Read(docOpening)
	if err != nil {
		return nil, err
	}
	if a.opening, err = sampler.ParseOpening(raw); err != nil {
		return nil, fmt.Errorf("%s: %w", a.dir.Path(docOpening), err)
	}
	if a.opening.AuditID != id {
		return nil, fmt.Errorf("%s: the folder is %q but the audit is %q: give the folder its name back", a.dir.Path(docOpening), id, a.opening.AuditID)
	}
	raw, err = a.dir.Read(docCommitment)
	if errors.Is(err, fs.ErrNotExist) || a.dir.Has(voidMark) {
		return a, nil
	}
	if err != nil {
		return nil, err
	}
	if a.commitment, err = sampler.ParseCommitment(raw); err != nil {
		return nil, fmt.Errorf("%s: %w", a.dir.Path(docCommitment), err)
	}
	return a, nil
}

// pick returns the audit that a command is about: --audit, or the only one that is not
// sealed, or, when all are sealed, the latest.
func (e *env) pick() (*audit, error) {
	if e.AuditID != "" {
		if !sampler.ValidAuditID(e.AuditID) {
			return nil, usageErrorf("use letters, digits, dot, dash and underscore, at most 64", "--audit %q is not an audit's name", e.AuditID)
		}
		a, err := e.openAudit(e.AuditID)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &exitError{code: exitUsage, id: "no_audit", err: fmt.Errorf("there is no audit %s in %s", e.AuditID, e.auditsPath()),
				hint: fmt.Sprintf("begin it with `selfaudit collect --audit %s --from TIME --until TIME`", e.AuditID)}
		}
		return a, err
	}
	all, err := e.audits()
	if err != nil {
		return nil, err
	}
	var open []*audit
	for _, a := range all {
		if !a.done(stageSeal) {
			open = append(open, a)
		}
	}
	switch {
	case len(open) == 1:
		return open[0], nil
	case len(open) > 1:
		var names []string
		for _, a := range open {
			names = append(names, a.id)
		}
		return nil, usageErrorf("name one with --audit", "several audits are open: %s", strings.Join(names, ", "))
	case len(all) > 0:
		return all[len(all)-1], nil
	}
	return nil, &exitError{code: exitUsage, id: "no_audit", err: fmt.Errorf("there is no audit in %s yet", e.auditsPath()),
		hint: "begin one with `selfaudit run --audit 2026-Q3 --from 2026-07-01T00:00:00Z --until 2026-10-01T00:00:00Z`"}
}

// previous returns the chain's newest frozen audit before a, or nil. Rehearsals are in no
// chain.
func (e *env) previous(a *audit) (*audit, error) {
	all, err := e.audits()
	if err != nil {
		return nil, err
	}
	var prev *audit
	for _, b := range all {
		if b.id == a.id || b.opening.Mode != sampler.ModeAudit || b.opening.PeriodEnd > a.opening.PeriodStart && a.opening.PeriodStart != "" {
			continue
		}
		if b.commitment != nil {
			prev = b
		}
	}
	return prev, nil
}

// chain returns the frozen audits before a, newest first, following the commitments.
func (e *env) chain(a *audit) ([]*audit, error) {
	all, err := e.audits()
	if err != nil {
		return nil, err
	}
	byHash := map[sampler.DocHash]*audit{}
	for _, b := range all {
		raw, err := b.dir.Read(docCommitment)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		byHash[sampler.HashDoc(raw)] = b
	}
	prev, err := e.previous(a)
	if err != nil || a.opening.Mode != sampler.ModeAudit {
		return nil, err
	}
	var out []*audit
	for prev != nil {
		out = append(out, prev)
		next := prev.commitment.PreviousCommitment
		if next.IsZero() {
			break
		}
		older := byHash[next]
		if older == nil {
			return nil, fmt.Errorf("audit %s follows an audit with commitment %s, which is not in %s: bring that audit's folder back", prev.id, next, e.auditsPath())
		}
		prev = older
	}
	return out, nil
}

// record notes a completed stage, with the hashes of its documents.
func (a *audit) record(e *env, stage, note string, documents ...string) error {
	hashes, err := a.dir.HashDocuments(documents...)
	if err != nil {
		return err
	}
	return a.dir.Record(auditdir.Event{At: sampler.FormatTime(e.Now()), Clock: e.Clock(), Stage: stage, Note: note, Documents: hashes})
}

// rehearsal says whether nothing of this audit is evidence.
func (a *audit) rehearsal() bool { return a.opening.Mode == sampler.ModeRehearsal }

// rehearsalBanner stands on everything a rehearsal shows.
const rehearsalBanner = "REHEARSAL, NOT EVIDENCE"

// banner writes the rehearsal's warning to standard error.
func (e *env) banner(a *audit) {
	if a.rehearsal() {
		e.notef("%s", e.errOut().Warn(rehearsalBanner))
	}
}

func (a *audit) period() (start, end time.Time, err error) {
	if start, err = sampler.ParseTime(a.opening.PeriodStart); err != nil {
		return
	}
	end, err = sampler.ParseTime(a.opening.PeriodEnd)
	return
}

// jsonDocument formats a document of the audit folder.
func jsonDocument(v any) ([]byte, error) { return jsonlines.Document(v) }
