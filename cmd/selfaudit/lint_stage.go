package main

import (
	"bufio"
	"context"
	"errors"
	"runtime"
	"runtime/debug"

	"selfaudit/internal/auditdir"
	"selfaudit/lint"
	"selfaudit/reports/auditlint"
)

// docDifference keeps what the two loops of the linter disagree about. It is no part of the
// evidence: an audit with such a difference has no results.
const docDifference = "work/engine-difference.json"

// lintNow lints the sample of audit a as issued and as if issued today, and writes the
// stage's documents. Where the two loops of the linter disagree, it writes none of them.
func (w *workspace) lintNow(ctx context.Context, a *audit, reference bool) error {
	// Almost nothing lives longer than one certificate, so the collector would run all
	// the time for very little; a larger heap costs a few megabytes.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	plan, err := auditlint.Read(a.dir.FS())
	if err != nil {
		return err
	}
	results, err := newLines(a.dir, docResults)
	if err != nil {
		return err
	}
	defer results.out.Abort()
	asIf, err := newLines(a.dir, docAsIf)
	if err != nil {
		return err
	}
	defer asIf.out.Abort()
	progress := w.e.progress()
	defer progress.Close()
	line := progress.Line("lint", "judgements")
	info, err := plan.Run(ctx, auditlint.Options{Day: w.e.Now(), Reference: reference, Recheck: true, Workers: runtime.GOMAXPROCS(0)},
		auditlint.Emit{Result: results.write, AsIf: asIf.write, Progress: func(done, total int) { line.Set(int64(done), int64(total)) }})
	var differ *auditlint.DifferenceError
	if errors.As(err, &differ) {
		return a.enginesDiffer(differ)
	}
	if err != nil {
		return err
	}
	doc, err := jsonDocument(info)
	if err != nil {
		return err
	}
	if err := asIf.commit(); err != nil {
		return err
	}
	if err := a.dir.Replace(docLinter, doc); err != nil {
		return err
	}
	return results.commit()
}

// enginesDiffer keeps the difference for whoever looks into it, and ends the stage.
func (a *audit) enginesDiffer(differ *auditlint.DifferenceError) error {
	doc, err := jsonDocument(struct {
		Schema string `json:"schema"`
		*auditlint.DifferenceError
		Modules []lint.Module `json:"modules"`
	}{"selfaudit.engine-difference/v1", differ, lint.Modules()})
	if err == nil {
		err = a.dir.Replace(docDifference, doc)
	}
	return errors.Join(&exitError{code: exitFailed, id: "engines_differ", err: differ,
		hint: "nothing was written but " + a.dir.Path(docDifference) + ": report it with that file; `selfaudit lint --reference` lints this audit by zlint's own loop throughout"}, err)
}

// lineDocument is a JSON-lines document of the lint stage being written.
type lineDocument struct {
	out   *auditdir.Pending
	lines *bufio.Writer
}

func newLines(dir auditdir.Dir, name string) (*lineDocument, error) {
	out, err := dir.Create(name)
	if err != nil {
		return nil, err
	}
	return &lineDocument{out, bufio.NewWriter(out)}, nil
}

func (d *lineDocument) write(r lint.Result) error {
	line, err := auditlint.Line(r)
	if err != nil {
		return err
	}
	_, err = d.lines.Write(line)
	return err
}

func (d *lineDocument) commit() error {
	if err := d.lines.Flush(); err != nil {
		return err
	}
	return d.out.Commit()
}
