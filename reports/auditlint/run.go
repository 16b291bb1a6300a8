package auditlint

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"selfaudit/internal/jsonlines"
	"selfaudit/lint"
	"selfaudit/lint/checks"
	"selfaudit/lint/requirements"
)

// Options choose how a sample is linted. Nothing in them changes a result but Day, Config and
// RulesOn.
type Options struct {
	// Day is the day of linting by the audit's clock; its time of day does not count.
	Day time.Time
	// Config and RulesOn are those of lint.Options.
	Config  string
	RulesOn time.Time
	// Reference runs zlint's own loop throughout.
	Reference bool
	// Recheck judges the chosen certificates and all with findings by zlint's own loop too.
	Recheck bool
	Workers int
}

// Emit takes what a run gives, line by line in the order of Plan.Files: first all results
// as issued, then all as if issued on the day of the audit. An error ends the run.
type Emit struct {
	Result, AsIf func(lint.Result) error
	// Progress is told how many of both judgements are done; nil for nobody.
	Progress func(done, total int)
}

// DifferenceError says that zlint's own loop judges a certificate otherwise than the fast one:
// then no result of this build can be trusted.
type DifferenceError struct {
	File string `json:"file"`
	// Difference is lint.DescribeDifference of the two lists of findings.
	Difference string `json:"difference"`
	// Result is what the fast loop gave.
	Result lint.Result `json:"result"`
}

// Error names the certificate and the difference.
func (e *DifferenceError) Error() string {
	return fmt.Sprintf("linting %s: the program's own loop and zlint's disagree: %s", e.File, e.Difference)
}

// Run lints the sample in both ways and returns what lint/linter.json says about it.
func (p *Plan) Run(ctx context.Context, o Options, emit Emit) (*lint.Info, error) {
	day := o.Day.UTC().Truncate(24 * time.Hour)
	r := &run{plan: p, o: o, emit: emit, sets: map[string]int{}}
	own := lint.Options{Document: true, Config: o.Config, RulesOn: o.RulesOn, Reference: o.Reference, Tables: p.tables, Checks: checks.Set{}.Check}
	if o.Recheck && !o.Reference {
		own.Recheck = func(a lint.Artifact, res lint.Result) bool { return len(res.Findings) > 0 || p.Chosen(a.File) }
	}
	linter, err := lint.New(own)
	if err != nil {
		return nil, fmt.Errorf("starting the linter: %w", err)
	}
	if err := r.all(ctx, linter, r.asIssued); err != nil {
		return nil, err
	}
	own.Recheck, own.AsIf, own.Checks = nil, day, checks.Set{AsIf: true}.Check
	today, err := lint.New(own)
	if err != nil {
		return nil, fmt.Errorf("starting the linter: %w", err)
	}
	if err := r.all(ctx, today, r.asIf); err != nil {
		return nil, err
	}
	info := linter.Info()
	info.AuditInfo = r.auditInfo(day, today.Info().Masked)
	return &info, nil
}

// run is one Run.
type run struct {
	plan    *Plan
	o       Options
	emit    Emit
	done    int
	sets    map[string]int // certificates by rule set
	recheck lint.Recheck
}

// all lints every file with one linter.
func (r *run) all(ctx context.Context, linter *lint.Linter, emit func(lint.Result) error) error {
	var failed error
	err := linter.LintAll(ctx, r.plan.artifacts(&failed), r.o.Workers, func(res lint.Result) error {
		if err := emit(res); err != nil {
			return err
		}
		r.done++
		if r.emit.Progress != nil {
			r.emit.Progress(r.done, 2*len(r.plan.Files))
		}
		return nil
	})
	return errors.Join(failed, err)
}

func (r *run) asIssued(res lint.Result) error {
	if res.Difference != "" {
		return &DifferenceError{res.File, res.Difference, res}
	}
	if around, ok := res.Attachment.(*checks.Surroundings); ok {
		res.SCTs = around.SCTs
	}
	if res.RuleSet != "" {
		r.sets[res.RuleSet]++
	}
	chosen := r.plan.Chosen(res.File)
	r.recheck.Of++
	if chosen {
		r.recheck.Chosen++
	}
	if len(res.Findings) > 0 {
		r.recheck.WithFindings++
	}
	if chosen || len(res.Findings) > 0 {
		r.recheck.Compared++
	}
	return r.emit.Result(res)
}

func (r *run) asIf(res lint.Result) error { return r.emit.AsIf(res) }

func (r *run) auditInfo(day time.Time, masked []lint.Remark) *lint.AuditInfo {
	info := &lint.AuditInfo{OwnRevision: lint.OwnRevision, AuditDay: day.Format(time.DateOnly), InForce: []string{}, RequirementsEdition: r.plan.tables.Edition(),
		RuleSets: []lint.RuleSet{}, KnownLogs: r.plan.known, Today: lint.AsIfInfo{Document: AsIfName, Masked: masked}}
	for _, document := range requirements.Documents() {
		if v, ok := r.plan.tables.InForce(document, day); ok {
			info.InForce = append(info.InForce, document+" "+v.Number)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.sets)) {
		set, _ := lint.RuleSetNamed(name) // the linter has just given the name
		set.Certificates = r.sets[name]
		info.RuleSets = append(info.RuleSets, set)
	}
	if !r.o.Reference {
		info.Rechecked = &r.recheck
	}
	return info
}

// Line writes a result as a line of a document.
func Line(r lint.Result) ([]byte, error) {
	line, err := jsonlines.Line(r)
	if err != nil {
		return nil, fmt.Errorf("the result of %s: %w", r.File, err)
	}
	return line, nil
}
