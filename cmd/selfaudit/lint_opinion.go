package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"selfaudit/internal/config"
	"selfaudit/internal/terminal"
	"selfaudit/lint"
	"selfaudit/lint/checks"
	"selfaudit/lint/pkimetal"
	"selfaudit/sampler"
)

// opinionWorkers is how many certificates pkimetal is asked about at once; it lints them by
// several linters side by side already.
const opinionWorkers = 4

func (e *env) pkimetal(url, profile string) *pkimetal.Client {
	return &pkimetal.Client{URL: url, Profile: profile, UserAgent: e.userAgent(), Transport: e.Transport}
}

// secondOpinion asks the configured pkimetal server about the linted sample, and once more
// if it failed last time. A server that fails never fails the audit: what it did not say
// stands in the document as a failure.
func (w *workspace) secondOpinion(ctx context.Context, a *audit) error {
	if a.done(stageReport) {
		return nil
	}
	cfg, err := config.Load(a.dir.Path(docConfig))
	if err != nil {
		return err
	}
	if cfg.SecondOpinion.URL == "" {
		return a.dir.Remove(docSecondOpinion)
	}
	if old, err := a.opinions(nil); err == nil && old != nil && old.Failed == 0 {
		return nil
	}
	if err := w.askOpinions(ctx, a, cfg.SecondOpinion); err != nil {
		return err
	}
	totals, err := a.opinions(nil)
	if err != nil {
		return err
	}
	if totals.Failed > 0 {
		w.e.notef("%s", w.e.errOut().Warn(fmt.Sprintf("second opinion: %d of %d certificates have none; `selfaudit lint` asks again until the audit is reported", totals.Failed, totals.Certificates)))
	}
	return nil
}

func (w *workspace) askOpinions(ctx context.Context, a *audit, o config.SecondOpinion) error {
	out, err := a.dir.Create(docSecondOpinion)
	if err != nil {
		return err
	}
	defer out.Abort()
	lines := bufio.NewWriter(out)
	head, err := pkimetal.Line(pkimetal.Header{Schema: pkimetal.Schema, AuditID: a.id, URL: o.URL, Profile: o.Profile})
	if err != nil {
		return err
	}
	if _, err := lines.Write(head); err != nil {
		return err
	}
	var results []lint.Result
	if err := eachResult(a, docResults, func(r lint.Result) { results = append(results, r) }); err != nil {
		return err
	}
	progress := w.e.progress()
	defer progress.Close()
	line := progress.Line("second opinion", "certificates")
	line.Set(0, int64(len(results)))
	var readErr error
	certs := func(yield func(pkimetal.Judged) bool) {
		for _, r := range results {
			der, err := a.dir.Read(r.File)
			if err != nil {
				readErr = err
				return
			}
			if !yield(pkimetal.Judged{Result: r, DER: der}) {
				return
			}
		}
	}
	err = w.e.pkimetal(o.URL, o.Profile).Run(ctx, certs, opinionWorkers, func(x pkimetal.Opinion) error {
		line.Add(1)
		text, err := pkimetal.Line(x)
		if err == nil {
			_, err = lines.Write(text)
		}
		return err
	})
	if err := errors.Join(readErr, err); err != nil {
		return err
	}
	if err := lines.Flush(); err != nil {
		return err
	}
	return out.Commit()
}

// opinions reads the audit's document; nil when there is none.
func (a *audit) opinions(fn func(pkimetal.Opinion) error) (*pkimetal.Totals, error) {
	if !a.dir.Has(docSecondOpinion) {
		return nil, nil
	}
	f, err := os.Open(a.dir.Path(docSecondOpinion))
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read from: nothing is lost if closing fails
	_, totals, err := pkimetal.Read(f, fn)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.dir.Path(docSecondOpinion), err)
	}
	return totals, nil
}

// opinionDocument is what `lint --second-opinion --json` writes.
type opinionDocument struct {
	Schema   string             `json:"schema"`
	Totals   pkimetal.Totals    `json:"totals"`
	Opinions []pkimetal.Opinion `json:"opinions"`
}

// runLintOpinion lints files and asks pkimetal about the certificates among them.
func runLintOpinion(ctx context.Context, e *env, o lintOptions, files []string) error {
	url, err := pkimetal.CheckURL(o.SecondOpinion)
	if err != nil {
		return usageErrorf("write it like http://127.0.0.1:8080", "--second-opinion: %w", err)
	}
	run := &lintRun{e: e, o: o, waivers: &adHocWaivers{}, pairs: &checks.Pairs{}} // a second opinion is about all findings
	if run.issuers, err = readIssuers(o.Issuers); err != nil {
		return err
	}
	linter, err := lint.New(lint.Options{Checks: checks.Set{Issuers: run.issuers}.Check})
	if err != nil {
		return fmt.Errorf("starting the linter: %w", err)
	}
	in := &lintInputs{e: e, args: files, issuers: run.issuers}
	passed := 0
	certs := func(yield func(pkimetal.Judged) bool) {
		for a := range in.artifacts(ctx) {
			r := linter.Lint(a)
			run.worst = max(run.worst, r.Worst())
			if r.Kind != lint.KindCert || a.DER == nil {
				passed++
				continue
			}
			r.File = whereText(a)
			if !yield(pkimetal.Judged{Result: r, DER: a.DER}) {
				return
			}
		}
	}
	doc := &opinionDocument{Schema: "selfaudit.second-opinions/v1", Totals: pkimetal.Totals{URL: url, By: []string{}}, Opinions: []pkimetal.Opinion{}}
	err = e.pkimetal(url, "").Run(ctx, certs, min(opinionWorkers, runtime.GOMAXPROCS(0)), func(x pkimetal.Opinion) error {
		doc.Totals.Add(x)
		if o.Format == formatJSONL {
			return e.writeJSONLine(x)
		}
		doc.Opinions = append(doc.Opinions, x)
		return nil
	})
	if err != nil {
		return err
	}
	if o.Format != formatJSONL {
		if err := show(e, doc, nil); err != nil {
			return err
		}
	}
	if passed > 0 {
		e.notef("%s: a second opinion is about certificates only", sampler.Counted(passed, "artifact is no certificate", "artifacts are no certificates"))
	}
	if doc.Totals.Failed > 0 {
		return errors.Join(run.end(in), &exitError{code: exitIncomplete, id: "no_second_opinion", err: fmt.Errorf("%d of %d certificates have no second opinion", doc.Totals.Failed, doc.Totals.Certificates),
			hint: "see the error beside each of them; is pkimetal running at " + url + "?"})
	}
	return run.end(in)
}

func (d *opinionDocument) render(e *env) {
	t := e.table()
	t.Header("CERTIFICATE", "OURS", "SECOND", "SAYS")
	for _, o := range d.Opinions {
		second, says := o.TheirWorst, o.Disagree
		if o.Error != "" {
			second, says = "none", "FAILED: "+o.Error
		}
		t.Row(terminal.Escape(o.File), o.Ours, second, terminal.Escape(says))
	}
	if t.Flush() != nil { // the program notices a failed write at its end
		return
	}
	for _, o := range d.Opinions {
		if o.Disagree == "" && len(o.OnlyOurs) == 0 && len(o.OnlyTheirs) == 0 {
			continue
		}
		e.printf("\n%s\n", e.out().Bold(terminal.Escape(o.File)))
		e.printf("  ours:   %s\n", dash(strings.Join(o.OurLints, ", ")))
		for _, f := range o.Theirs {
			if f.Level() > 0 {
				e.printf("  second: %s %s: %s\n", f.Severity, f.Linter, terminal.Escape(strings.TrimSpace(f.Code+" "+f.Finding)))
			}
		}
		if len(o.OnlyOurs)+len(o.OnlyTheirs) > 0 {
			e.printf("  zlint, found here only: %s; there only: %s\n", dash(strings.Join(o.OnlyOurs, ", ")), dash(strings.Join(o.OnlyTheirs, ", ")))
		}
	}
	by := ""
	if len(d.Totals.By) > 0 {
		by = " (" + strings.Join(d.Totals.By, " | ") + ")"
	}
	e.printf("\n%s certificates, %s with a second opinion%s, %s disagreements\n", strconv.Itoa(d.Totals.Certificates), strconv.Itoa(d.Totals.Answered), by, strconv.Itoa(d.Totals.Disagree))
}
