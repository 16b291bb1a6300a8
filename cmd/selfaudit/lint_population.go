package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"selfaudit/internal/terminal"
	"selfaudit/lint"
	"selfaudit/reports"
	"selfaudit/reports/corpus"
	"selfaudit/sampler"
)

// corpusOptions are the flags of `selfaudit lint` about whole populations.
type corpusOptions struct {
	Population bool
	Only       []string // rules; empty = all
	Audits     []string // populations; empty = the audit's and all earlier ones of its chain
	Keep       bool
	Relint     bool
}

func (o *corpusOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&o.Population, "population", false, "lint every certificate of this and the earlier populations, as far as their work folders are there")
	f.StringSliceVar(&o.Only, "only", nil, "with --population: only these `rules`, separated by commas")
	f.StringSliceVar(&o.Audits, "audits", nil, "with --population: the populations of these `audits` instead of the whole chain's")
	f.BoolVar(&o.Keep, "keep", false, "with --population: keep the result as a document of the audit, for its report")
	f.BoolVar(&o.Relint, "relint", false, "lint an earlier audit's certificates by today's rules and say what differs, and why")
}

// check says which flags do not go together.
func (o *corpusOptions) check(l *lintOptions, files []string) error {
	switch {
	case !o.Population && (len(o.Only) > 0 || len(o.Audits) > 0 || o.Keep):
		return usageErrorf("add --population", "--only, --audits and --keep work only with --population")
	case !o.Population && !o.Relint:
		return nil
	case o.Population && !o.Relint && len(files) > 0:
		return usageErrorf("leave FILE out", "--population lints what was collected, not files")
	case l.List || l.Explain != "" || len(l.Issuers) > 0 || !l.AsIf.IsZero() || l.Reference || l.NoWaivers:
		return usageErrorf("leave the other flags out", "--population and --relint go only with --only, --audits, --keep, --fail-on, --format and --output")
	case o.Relint && (len(o.Only) > 0 || len(o.Audits) > 0 || o.Keep):
		return usageErrorf("leave --only, --audits and --keep out", "--relint compares all rules of one audit")
	case l.Format == formatSARIF || l.Format == formatJUnit || o.Relint && l.Format != formatText && l.Format != formatJSON:
		return usageErrorf("use text, json, jsonl or csv; with --relint text or json", "--population and --relint have no form %s", l.Format)
	}
	slices.Sort(o.Only)
	o.Only = slices.Compact(o.Only)
	for _, name := range o.Only {
		if _, ok := lint.RuleNamed(name); !ok {
			var names []string
			for _, r := range lint.Rules() {
				names = append(names, r.Name)
			}
			return usageErrorf(nearestHint(name, names), "--only: there is no rule %q", name)
		}
	}
	return nil
}

func nearestHint(name string, names []string) string {
	if near := terminal.Nearest(name, names); near != "" {
		return fmt.Sprintf("did you mean %s? `selfaudit lint --list` names them all", near)
	}
	return "`selfaudit lint --list` names them all"
}

// populationLint is one run over several populations.
type populationLint struct {
	e       *env
	o       lintOptions
	w       *workspace
	a       *audit
	corpora []*corpusAudit // newest first
	header  corpus.Header
	worst   lint.Severity
}

// runLintPopulation is `lint --population`.
func runLintPopulation(ctx context.Context, e *env, o lintOptions) error {
	w, a, err := openPicked(e, "lint")
	if err != nil {
		return err
	}
	defer w.close()
	p := &populationLint{e: e, o: o, w: w, a: a}
	if err := p.open(); err != nil {
		return err
	}
	if err := p.lint(ctx); err != nil {
		return err
	}
	if o.corpus.Keep {
		err = p.keep()
	} else {
		err = o.to(e, func(e *env) error { return p.write(e) })
	}
	if err != nil {
		return err
	}
	return p.exit()
}

// open chooses the populations.
func (p *populationLint) open() error {
	audits, err := p.audits()
	if err != nil {
		return err
	}
	p.header = corpus.Header{Schema: corpus.Schema, AuditID: p.a.id, Mode: p.a.opening.Mode, Only: append([]string{}, p.o.corpus.Only...), Least: lint.Notice,
		Covers: []corpus.Covered{}, Missing: []corpus.Missing{}, Problems: []corpus.Problem{}}
	if p.a.rehearsal() {
		p.header.Notice = reports.RehearsalNotice
	}
	if p.o.corpus.Keep && len(p.o.corpus.Only) == 0 {
		p.header.Least = lint.Error // what counts as a problem; lists of every notice would be the population again
	}
	for _, a := range audits {
		c, err := p.e.openCorpus(a)
		if err != nil {
			return err
		}
		if why := c.gone(); why != "" {
			p.header.Missing = append(p.header.Missing, corpus.Missing{AuditID: a.id, Items: c.f.commitment.PopulationCount, Reason: why})
			continue
		}
		p.corpora = append(p.corpora, c)
	}
	if len(p.corpora) == 0 {
		m := p.header.Missing[0]
		return &exitError{code: exitFailed, id: "no_work_folder", err: fmt.Errorf("no population can be linted: audit %s: %s", m.AuditID, m.Reason),
			hint: "bring the work folder back; `selfaudit lint` without --population lints the sample, whose certificates are documents"}
	}
	p.header.Linter = p.corpora[0].info
	return nil
}

// audits are the populations to lint, newest first.
func (p *populationLint) audits() ([]*audit, error) {
	if len(p.o.corpus.Audits) == 0 {
		chain, err := p.e.chain(p.a)
		return append([]*audit{p.a}, chain...), err
	}
	var out []*audit
	for _, id := range p.o.corpus.Audits {
		if !sampler.ValidAuditID(id) {
			return nil, usageErrorf("name audits of this workspace, separated by commas", "--audits: %q is not an audit's name", id)
		}
		a, err := p.e.openAudit(id)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, usageErrorf("`selfaudit status` names them", "--audits: there is no audit %s in %s", id, p.e.auditsPath())
		}
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(out, func(b *audit) bool { return b.id == id }) {
			out = append(out, a)
		}
	}
	return out, nil
}

// lint makes what results are missing, then counts.
func (p *populationLint) lint(ctx context.Context) error {
	progress := p.e.progress()
	defer progress.Close()
	for _, c := range p.corpora {
		if err := c.run(ctx, progress.Line("lint "+c.a.id, "items")); err != nil {
			return fmt.Errorf("linting the population of audit %s: %w", c.a.id, err)
		}
	}
	count := corpus.NewCounter(corpus.AboutRule)
	certificates, err := p.each(func(a corpus.Affected) error {
		p.worst = max(p.worst, a.Severity)
		count.Add(a)
		return nil
	})
	if err != nil {
		return err
	}
	for i, c := range p.corpora {
		p.header.Covers = append(p.header.Covers, corpus.Covered{AuditID: c.a.id, Population: c.f.commitment.PopulationHash,
			Items: c.f.commitment.PopulationCount, Certificates: certificates[i]})
	}
	p.header.Problems = count.Problems()
	return nil
}

// each goes through all that was found and asked for, in the document's order. It returns
// how many certificates each population has.
func (p *populationLint) each(fn func(corpus.Affected) error) ([]int64, error) {
	streams := make([]corpus.Stream, len(p.corpora))
	counts := make([]int64, len(p.corpora))
	for i, c := range p.corpora {
		streams[i] = corpus.Stream{AuditID: c.a.id, Read: func(fn func(corpus.Record) error) (err error) {
			counts[i], err = c.read(fn)
			return err
		}}
	}
	return counts, corpus.Merge(streams, &p.header, fn)
}

// keep writes the document of the audit. The report then lists the population's problems.
func (p *populationLint) keep() error {
	a := p.a
	switch {
	case a.done(stageReport):
		return &exitError{code: exitUsage, id: "out_of_order", err: fmt.Errorf("audit %s is reported: nothing is added to it any more", a.id),
			hint: "leave --keep out, and write the lists with --output"}
	case !a.done(stageLint):
		return &exitError{code: exitUsage, id: "out_of_order", err: fmt.Errorf("the sample of audit %s is not linted yet", a.id),
			hint: fmt.Sprintf("run `selfaudit lint --audit %s` first: the two must agree", a.id)}
	case p.corpora[0].a.id != a.id:
		return usageErrorf("leave --audits out, or name it there too", "--keep: the population of audit %s itself was not linted", a.id)
	}
	out, err := a.dir.Create(docPopulationLint)
	if err != nil {
		return err
	}
	defer out.Abort()
	if err := p.writeLines(out); err != nil {
		return err
	}
	if err := out.Commit(); err != nil {
		return err
	}
	// The report refuses a document that contradicts the sample; better now than then.
	if _, err := reports.Load(a.dir.FS()); err != nil {
		return errors.Join(err, a.dir.Remove(docPopulationLint))
	}
	view := p.document()
	view.Kept = a.dir.Path(docPopulationLint)
	return show(p.e, view, nil)
}

// exit decides the exit code: a population that could not be opened is a gap.
func (p *populationLint) exit() error {
	if p.o.FailOn > 0 && p.worst >= p.o.FailOn {
		return &exitError{code: exitFindings, quiet: true, err: errors.New("there are findings of severity " + p.o.FailOn.String() + " or worse")}
	}
	if len(p.header.Missing) > 0 {
		var names []string
		for _, m := range p.header.Missing {
			names = append(names, m.AuditID)
		}
		return &exitError{code: exitIncomplete, id: "incomplete", quiet: true, err: fmt.Errorf("not linted: the populations of %s", strings.Join(names, ", "))}
	}
	return nil
}
