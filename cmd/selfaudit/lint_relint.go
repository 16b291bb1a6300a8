package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"

	"selfaudit/lint"
	"selfaudit/lint/requirements"
	"selfaudit/reports/auditlint"
	"selfaudit/reports/corpus"
)

// relintDocument is what `lint --relint --json` writes: what today's rules say otherwise
// about certificates of an earlier audit.
type relintDocument struct {
	Schema  string `json:"schema"`
	AuditID string `json:"audit_id"`
	Covers  string `json:"covers"` // "sample" or "population"
	// Then and Now describe the linters.
	Then         relintLinter   `json:"then"`
	Now          relintLinter   `json:"now"`
	SameRules    bool           `json:"same_rules"` // same modules, own checks and configuration
	Certificates int64          `json:"certificates"`
	Changed      int64          `json:"changed"` // certificates with another result
	Rules        []relintRule   `json:"rules"`
	Differences  []relintChange `json:"differences"`
}

type relintLinter struct {
	Zlint       string `json:"zlint"`
	Lints       int    `json:"lints"`
	ListSHA256  string `json:"list_sha256"`
	OwnRevision int    `json:"own_revision"`
}

// relintRule sums up one rule.
type relintRule struct {
	Lint     string `json:"lint"`
	New      int64  `json:"new"`      // certificates with a finding that was not there
	Vanished int64  `json:"vanished"` // certificates without one that was
	Changed  int64  `json:"changed"`  // another severity or wording
	Why      string `json:"why"`
}

// relintChange is one difference.
type relintChange struct {
	SHA256 string        `json:"sha256"`
	Lint   string        `json:"lint"`
	Kind   string        `json:"kind"` // "new", "vanished", "changed"
	Then   lint.Severity `json:"then,omitzero"`
	Now    lint.Severity `json:"now,omitzero"`
}

// maxRelint bounds the differences that are listed; all are counted.
const maxRelint = 100_000

// relinting compares two sets of findings certificate by certificate.
type relinting struct {
	d     *relintDocument
	then  lint.Info
	now   lint.Info
	known map[string]bool // rules of which the audit shows that its linter had them
	rules map[string]*relintRule
}

// runLintRelint is `lint --relint`.
func runLintRelint(ctx context.Context, e *env, o lintOptions, args []string) error {
	if len(args) > 1 {
		return usageErrorf("name one package, or an audit with --audit", "--relint takes one PACKAGE at most, got %d", len(args))
	}
	f, close, err := e.relintSource(ctx, args)
	if err != nil {
		return err
	}
	defer close() // only read from: nothing is lost if closing fails
	r, err := newRelinting(f)
	if err != nil {
		return err
	}
	if o.corpus.Population {
		err = r.population(ctx, e, o, f)
	} else {
		err = r.sample(ctx, e, f)
	}
	if err != nil {
		return err
	}
	r.end()
	return o.to(e, func(e *env) error { return show(e, r.d, nil) })
}

// relintSource opens the package, or the audit of the workspace.
func (e *env) relintSource(ctx context.Context, args []string) (*frozenAudit, func() error, error) {
	if len(args) == 1 {
		f, err := e.openFrozen(ctx, args[0])
		if err != nil {
			return nil, nil, err
		}
		return f, f.close, nil
	}
	a, err := e.pick()
	if err != nil {
		return nil, nil, err
	}
	e.banner(a)
	f, err := readFrozen(a.dir.FS(), a.dir.Path(""))
	return f, func() error { return nil }, err
}

func newRelinting(f *frozenAudit) (*relinting, error) {
	r := &relinting{known: map[string]bool{}, rules: map[string]*relintRule{}}
	raw, err := f.read(docLinter)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &exitError{code: exitUsage, id: "out_of_order", err: fmt.Errorf("%s: the audit has not been linted: there is nothing to compare with", f.where),
			hint: "run `selfaudit lint` for it first"}
	}
	if err == nil {
		err = json.Unmarshal(raw, &r.then)
	}
	if err != nil {
		return nil, f.broken(docLinter, err)
	}
	r.d = &relintDocument{Schema: "selfaudit.relint/v1", AuditID: f.commitment.AuditID, Covers: "sample", Then: aboutLinter(r.then), Rules: []relintRule{}, Differences: []relintChange{}}
	r.knownByTables(f)
	return r, nil
}

func aboutLinter(i lint.Info) relintLinter {
	l := relintLinter{Lints: i.Lints.Total, ListSHA256: i.ListSHA256}
	if len(i.Modules) > 0 {
		l.Zlint = i.Modules[0].Version
	}
	if i.AuditInfo != nil {
		l.OwnRevision = i.OwnRevision
	}
	return l
}

// knownByTables takes the rules that the audit's kept table of coverage counts, if that
// table is of the linter that the audit used.
func (r *relinting) knownByTables(f *frozenAudit) {
	folder, err := fs.Sub(f.fsys, docTables)
	if err != nil {
		return
	}
	tables, err := requirements.LoadFiles(folder)
	if err != nil {
		return // an audit without kept tables
	}
	c, err := tables.Coverage()
	if err != nil || c.Linter != "zlint "+trimV(r.d.Then.Zlint) {
		return
	}
	for _, s := range c.Sections {
		for _, name := range s.Lints {
			r.known[name] = true
		}
	}
}

// sample lints the audit's sample again and compares with lint/results.jsonl.
func (r *relinting) sample(ctx context.Context, e *env, f *frozenAudit) error {
	then := map[string][]lint.Finding{}
	raw, err := f.read(docResults)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(raw)) {
		var res lint.Result
		if err := json.Unmarshal([]byte(line), &res); err != nil {
			return f.broken(docResults, err)
		}
		then[res.SHA256] = res.Findings
		for _, x := range res.Findings {
			r.known[x.Lint] = true
		}
	}
	plan, err := auditlint.Read(f.fsys)
	if err != nil {
		return err
	}
	progress := e.progress()
	defer progress.Close()
	line := progress.Line("lint again", "judgements")
	info, err := plan.Run(ctx, auditlint.Options{Day: e.Now(), Config: r.then.Configuration, Workers: runtime.GOMAXPROCS(0)}, auditlint.Emit{
		Result: func(res lint.Result) error {
			r.d.Certificates++
			r.compare(res.SHA256, then[res.SHA256], res.Findings, true)
			return nil
		},
		AsIf:     func(lint.Result) error { return nil },
		Progress: func(done, total int) { line.Set(int64(done), int64(total)) },
	})
	if err == nil {
		r.now, r.d.Now = *info, aboutLinter(*info)
	}
	return err
}

// population lints the whole population again and compares with what the audit kept of it.
func (r *relinting) population(ctx context.Context, e *env, o lintOptions, f *frozenAudit) error {
	file, err := f.fsys.Open(corpus.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return usageErrorf("leave --population out to compare the sample; `selfaudit lint --population --keep` keeps such results for the next time",
			"audit %s has kept no results of its whole population", f.commitment.AuditID)
	}
	if err != nil {
		return err
	}
	defer file.Close() // only read from: nothing is lost if closing fails
	then := map[string][]lint.Finding{}
	header, err := corpus.Read(file, func(x corpus.Affected) error {
		if r.known[x.Lint] = true; x.AuditID == f.commitment.AuditID {
			then[x.SHA256] = append(then[x.SHA256], lint.Finding{Lint: x.Lint, Severity: x.Severity})
		}
		return nil
	})
	if err != nil {
		return f.broken(corpus.Name, err)
	}
	a, err := e.openAudit(f.commitment.AuditID)
	if err != nil {
		return fmt.Errorf("--relint --population needs the audit's folder in the workspace, with its work folder: %w", err)
	}
	w, err := openWorkspace(e, "lint")
	if err != nil {
		return err
	}
	defer w.close()
	o.corpus.Audits = []string{a.id}
	p := &populationLint{e: e, o: o, w: w, a: a}
	if err := p.open(); err != nil {
		return err
	}
	p.header.Only, p.header.Least = header.Only, header.Least
	if err := p.lint(ctx); err != nil {
		return err
	}
	r.then, r.d.Then = header.Linter, aboutLinter(header.Linter)
	r.now, r.d.Now, r.d.Covers = p.header.Linter, aboutLinter(p.header.Linter), "population"
	r.d.Certificates = p.header.Certificates()
	now := map[string][]lint.Finding{}
	if _, err := p.each(func(x corpus.Affected) error {
		now[x.SHA256] = append(now[x.SHA256], lint.Finding{Lint: x.Lint, Severity: x.Severity})
		return nil
	}); err != nil {
		return err
	}
	var all []string
	for sha := range then {
		all = append(all, sha)
	}
	for sha := range now {
		if then[sha] == nil {
			all = append(all, sha)
		}
	}
	slices.Sort(all)
	for _, sha := range all {
		r.compare(sha, then[sha], now[sha], false)
	}
	return nil
}
