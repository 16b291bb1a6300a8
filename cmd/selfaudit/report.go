package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"selfaudit/internal/auditdir"
	"selfaudit/internal/terminal"
	"selfaudit/reports"
	"selfaudit/reports/workbook"
	"selfaudit/sampler"
)

func newReportCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "report",
		Short: "Write the workbook, the problem lists and the summary",
		Long: `Write report/workbook.xlsx for reviewers and auditors, findings/findings.json with one
list per distinct problem, and report/summary.json. Every number in them is derived from
the audit's documents; two runs give the same bytes.`,
		Example: `  selfaudit report
  selfaudit report --audit 2026-Q3
  selfaudit report --json | jq .workbook`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, a, err := openPicked(e, "report")
			if err != nil {
				return err
			}
			defer w.close()
			doc, err := w.report(cmd.Context(), a)
			return show(e, doc, err)
		},
	}
}

// reportDocument is what `report --json` writes.
type reportDocument struct {
	Schema   string           `json:"schema"`
	Workbook string           `json:"workbook"`
	Findings string           `json:"findings"`
	Summary  *reports.Summary `json:"summary"`
	Next     string           `json:"next"`
}

// report runs the stage on audit a. The summary, last, completes it.
func (w *workspace) report(_ context.Context, a *audit) (*reportDocument, error) {
	if err := a.need(stageReport); err != nil {
		return nil, err
	}
	if err := w.reportNow(a); err != nil {
		return nil, err
	}
	if err := a.record(w.e, "report", "", a.reportDocuments()...); err != nil {
		return nil, err
	}
	raw, err := a.dir.Read(docSummary)
	if err != nil {
		return nil, err
	}
	summary, err := reports.ParseSummary(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.dir.Path(docSummary), err)
	}
	return &reportDocument{Schema: "selfaudit.report/v1", Workbook: a.dir.Path(docWorkbook), Findings: a.dir.Path(docFindings),
		Summary: summary, Next: "selfaudit seal --audit " + a.id}, nil
}

// reportNow derives the three documents. Made again, as of the time of the first, they must
// come out the same; one that was moved away is written again.
func (w *workspace) reportNow(a *audit) error {
	at, clock := w.e.Now(), w.e.Clock()
	if raw, err := a.dir.Read(docSummary); err == nil {
		old, err := reports.ParseSummary(raw)
		if err != nil {
			return fmt.Errorf("%s: %w", a.dir.Path(docSummary), err)
		}
		if at, err = sampler.ParseTime(old.ReportedAt); err != nil {
			return fmt.Errorf("%s: %w", a.dir.Path(docSummary), err)
		}
		clock = old.Clock
	}
	if err := w.keepRegister(a); err != nil {
		return err
	}
	if err := w.keepWaivers(a, at); err != nil {
		return err
	}
	picture, err := reports.Load(a.dir.FS())
	if err != nil {
		return err
	}
	summary := picture.Summary(at, clock)
	findings, err := reports.FindingsDocument(picture)
	if err != nil {
		return err
	}
	book, err := workbook.Write(picture, summary, a.program())
	if err != nil {
		return err
	}
	text, err := reports.SummaryDocument(summary)
	if err != nil {
		return err
	}
	for _, d := range []struct {
		name string
		data []byte
	}{{docFindings, findings}, {docWorkbook, book}, {docSummary, text}} {
		if !a.done(stageReport) {
			err = a.dir.Replace(d.name, d.data)
		} else if err = a.dir.WriteOnce(d.name, d.data); errors.Is(err, auditdir.ErrFrozen) {
			err = &exitError{code: exitVerify, id: "report_changed", err: fmt.Errorf("%s is not what the audit's documents give: it was changed", a.dir.Path(d.name)),
				hint: "move your copy elsewhere; `selfaudit report` then writes the file again"}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// program names the program that opened the audit, as the workbook shows it.
func (a *audit) program() string { return a.opening.Program.Name + " " + a.opening.Program.Version }

// render writes the document for people.
func (d *reportDocument) render(e *env) {
	s := d.Summary
	t := e.table()
	t.Header("stratum", "population", "sample", "with problems", "at most (95 %)")
	for _, line := range s.Strata {
		problems, bound := "-", "-"
		if line.Problems != nil {
			problems = terminal.Count(*line.Problems)
		}
		if line.Upper != nil && line.UpperRate != nil {
			bound = fmt.Sprintf("%s (%.1f%%)", terminal.Count(*line.Upper), 100**line.UpperRate)
		}
		t.Row(terminal.Escape(line.Label), terminal.Count(line.Population), terminal.Count(line.Sample), problems, bound)
	}
	_ = t.Flush() // a failed write shows at the end, in Main
	if len(s.Problems) > 0 {
		e.printf("\nproblems found (by linting and by contradictions; a reviewer decides):\n")
		for _, p := range s.Problems {
			waived := ""
			if p.WaivedItems > 0 {
				waived = fmt.Sprintf(", waived for %d", p.WaivedItems)
			}
			e.printf("  %-7s %s: %s, issued %s to %s, in the %s%s\n", p.Severity, terminal.Escape(p.Lint), sampler.Counted(p.Items, "item", "items"), p.FirstIssued, p.LastIssued, p.Covers, waived)
		}
	}
	for _, line := range s.Completeness {
		e.printf("%s\n", terminal.Escape(line))
	}
	for _, line := range lintSentences(s) {
		e.printf("%s\n", terminal.Escape(line))
	}
	if st := s.Staleness; st != nil {
		e.printf("%s\n", terminal.Escape(st.Text()))
	}
	for _, o := range s.Open {
		e.printf("open: %s\n", terminal.Escape(o.Text))
	}
	e.printf("\nopen this file: %s\n", terminal.Escape(shownPath(d.Workbook)))
	e.printf("next: %s\n", d.Next)
}

// shownPath is a path as short as it can be named from where the user stands.
func shownPath(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(wd, abs); err == nil && len(rel) < len(abs) {
		return rel
	}
	return path
}
