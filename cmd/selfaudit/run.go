package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"selfaudit/sampler"
)

// runOptions are the flags of `selfaudit run`: those of the stages.
type runOptions struct {
	collect collectOptions
	freeze  freezeOptions
	draw    drawOptions
}

func newRunCommand(e *env) *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Take every step that can be taken now; run again to go on",
		Long: `Take every step from collect to seal that can be taken now. A real audit stops after
freeze, because its randomness does not exist yet: the round, its time and its place are
printed, and the exit code is 5. Run the same command again after that time.

A rehearsal (--rehearsal --dice DIGITS) does everything at once, as practice. It is in no
chain, and REHEARSAL, NOT EVIDENCE stands on all it makes.`,
		Example: `  selfaudit run --audit 2026-Q3 --from 2026-07-01T00:00:00Z --until 2026-10-01T00:00:00Z
  selfaudit run                                      go on with the open audit
  selfaudit run --rehearsal --dice 58201734659120384756 --audit try-1 --from 2026-07-01T00:00:00Z --until 2026-10-01T00:00:00Z --yes`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.collect.Rehearsal && o.draw.Dice == "" {
				return usageErrorf("add --dice with 20 digits, real or made up: it is practice", "a rehearsal is drawn by dice")
			}
			w, err := openWorkspace(e, "run")
			if err != nil {
				return err
			}
			defer w.close()
			o.freeze.given(cmd)
			if err := w.raise(o.freeze); err != nil {
				return err
			}
			doc, err := w.run(cmd.Context(), o)
			return show(e, doc, err)
		},
	}
	o.collect.flags(cmd)
	o.freeze.flags(cmd)
	o.draw.flags(cmd)
	return cmd
}

// runDocument is what `run --json` writes: the documents of the stages that are complete.
type runDocument struct {
	Schema  string             `json:"schema"`
	AuditID string             `json:"audit_id"`
	Mode    string             `json:"mode"`
	Stage   string             `json:"stage"` // the last stage reached
	Collect *collectDocument   `json:"collect,omitempty"`
	Freeze  *freezeDocument    `json:"freeze,omitempty"`
	Draw    *drawDocument      `json:"draw,omitempty"`
	Lint    *lintAuditDocument `json:"lint,omitempty"`
	Report  *reportDocument    `json:"report,omitempty"`
	Seal    *sealDocument      `json:"seal,omitempty"`
	shown   bool
	before  [stageCount]bool // stages that an earlier run had completed
}

// run takes the stages in order. With text output each stage is shown as soon as it is done.
func (w *workspace) run(ctx context.Context, o runOptions) (*runDocument, error) {
	d := &runDocument{Schema: "selfaudit.run/v1"}
	var incomplete error
	var err error
	if a, err := w.e.pick(); err == nil {
		for st := stageCollect; st < stageCount; st++ {
			d.before[st] = a.done(st)
		}
	}
	if d.Collect, err = w.collect(ctx, o.collect); d.Collect != nil {
		d.step(w.e, "collect", d.Collect)
		d.AuditID, d.Mode = d.Collect.AuditID, d.Collect.Mode
	}
	var known *exitError
	if errors.As(err, &known) && known.code == exitIncomplete {
		incomplete, err = err, nil
	}
	if err != nil {
		return d.orNil(), err
	}
	a, err := w.e.openAudit(d.AuditID)
	if err != nil {
		return d, err
	}
	if o.draw.Dice != "" && !a.rehearsal() && a.commitment == nil {
		return d.orNil(), usageErrorf("freeze first, roll the dice before the auditor, then give the digits to `selfaudit draw --dice`",
			"dice digits cannot be given before the commitment exists: they would not be random to the CA")
	}
	if d.Freeze, err = w.freeze(ctx, a, o.freeze); err != nil {
		return d, err
	}
	d.step(w.e, "freeze", d.Freeze)
	if d.Draw, err = w.draw(ctx, a, o.draw); err != nil {
		return d, err
	}
	d.step(w.e, "draw", d.Draw)
	if d.Lint, err = w.lint(ctx, a, false); err != nil {
		return d, err
	}
	d.step(w.e, "lint", d.Lint)
	if d.Report, err = w.report(ctx, a); err != nil {
		return d, err
	}
	d.step(w.e, "report", d.Report)
	if d.Seal, err = w.seal(ctx, a, false); err != nil {
		return d, err
	}
	d.step(w.e, "seal", d.Seal)
	if incomplete == nil {
		incomplete = a.excluded()
	}
	return d, incomplete
}

// step notes a completed stage and shows it.
func (d *runDocument) step(e *env, name string, doc interface{ render(*env) }) {
	d.Stage = name
	if e.JSON {
		return
	}
	if slices.Contains(stageNames[:], name) && d.before[slices.Index(stageNames[:], name)] {
		e.notef("%s: done already", name)
		return
	}
	if d.shown {
		e.printf("\n")
	}
	d.shown = true
	e.printf("%s\n", e.out().Bold("== "+name+" =="))
	doc.render(e)
}

// orNil keeps an empty document from being shown.
func (d *runDocument) orNil() *runDocument {
	if d.Collect == nil {
		return nil
	}
	return d
}

// render has nothing left to show: the stages were shown as they were done.
func (d *runDocument) render(*env) {}

// excluded is the exit of an audit whose snapshot shows an excluded log.
func (a *audit) excluded() error {
	raw, err := a.dir.Read(docSnapshot)
	if err != nil {
		return err
	}
	snap, err := sampler.ParseSnapshot(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", a.dir.Path(docSnapshot), err)
	}
	for _, l := range snap.Logs {
		if l.Status == sampler.LogExcluded {
			return &exitError{code: exitIncomplete, id: "log_excluded", quiet: true, err: fmt.Errorf("log %s was excluded: %s", logName(l), l.Reason)}
		}
	}
	return nil
}
