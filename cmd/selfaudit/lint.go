package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/spf13/cobra"

	"selfaudit/lint"
)

// lintOptions are the flags of `selfaudit lint`.
type lintOptions struct {
	JSONL     bool
	NoWaivers bool          // show the plain rule set; ad hoc that is all there is
	FailOn    lint.Severity // 0 = findings never fail the command
}

func newLintCommand(e *env) *cobra.Command {
	var o lintOptions
	var failOn string
	cmd := &cobra.Command{
		Use:   "lint [FILE...]",
		Short: "Lint files now, or the sample of the audit",
		Long: `Lint certificates, CRLs and OCSP responses. With FILE arguments (files, folders,
- for standard input; PEM, DER or base64) it needs no workspace and prints what
each one is and what is wrong with it. Without, it lints the audit's sample.
Findings do not fail the command unless --fail-on asks for it.`,
		Example: `  selfaudit lint cert.pem
  selfaudit lint --fail-on error issued/ chain.der
  openssl s_client -connect example.com:443 </dev/null | selfaudit lint --jsonl -`,
		RunE: func(cmd *cobra.Command, files []string) error {
			level, err := parseFailOn(failOn)
			if err != nil {
				return err
			}
			o.FailOn = level
			if e.JSON && o.JSONL {
				return usageErrorf("--json is one document at the end, --jsonl one line per artifact", "--json and --jsonl cannot both be given")
			}
			if len(files) == 0 {
				return runLintAudit(cmd.Context(), e, o)
			}
			return runLintFiles(cmd.Context(), e, o, files)
		},
	}
	f := cmd.Flags()
	f.StringVar(&failOn, "fail-on", "", "exit 10 if there are findings of this `severity` or worse: error, warn or notice")
	f.BoolVar(&o.NoWaivers, "no-waivers", false, "show the plain rule set, whatever has been waived")
	f.BoolVar(&o.JSONL, "jsonl", false, "one JSON object per artifact and line")
	groupFlags(cmd, flagsOutput, "jsonl")
	setCompletion(cmd, "fail-on", oneOfWords("error", "warn", "notice"))
	return cmd
}

// parseFailOn reads --fail-on. fatal (a lint could not judge) counts as error
// does: both mean that the artifact is not known to be good.
func parseFailOn(text string) (lint.Severity, error) {
	if text == "" {
		return 0, nil
	}
	level, err := lint.ParseSeverity(text)
	if err != nil || level == lint.Fatal {
		return 0, usageErrorf("use --fail-on error, warn or notice", "unknown severity %q for --fail-on", text)
	}
	return level, nil
}

// runLintFiles lints inputs that belong to no audit.
func runLintFiles(ctx context.Context, e *env, o lintOptions, files []string) error {
	// Almost nothing lives longer than one artifact, so the collector would
	// run all the time for very little; a larger heap costs a few megabytes.
	defer debug.SetGCPercent(debug.SetGCPercent(400))

	linter, err := lint.New(lint.Options{})
	if err != nil {
		return fmt.Errorf("starting the linter: %w", err)
	}
	in := &lintInputs{e: e, args: files}
	show := newLintView(e, o, linter)
	var waiting artifactQueue
	artifacts := func(yield func(lint.Artifact) bool) {
		for a := range in.artifacts(ctx) {
			waiting.push(a)
			if !yield(a) {
				return
			}
		}
	}
	var worst lint.Severity
	err = linter.LintAll(ctx, artifacts, runtime.GOMAXPROCS(0), func(r lint.Result) error {
		worst = max(worst, r.Worst())
		return show.result(waiting.pop(), r)
	})
	if err != nil {
		return err
	}
	if err := show.end(in); err != nil {
		return err
	}
	if n := len(in.passedOver); n > 0 {
		e.notef("passed over %d files without a certificate, CRL or OCSP response (-v names them)", n)
		for _, name := range in.passedOver {
			e.debugf("passed over %s", quoteFile(name))
		}
	}
	if err := in.problem(); err != nil {
		return &exitError{code: exitFailed, id: "unreadable_input", err: err}
	}
	if o.FailOn > 0 && worst >= o.FailOn {
		return &exitError{
			code: exitFindings, quiet: true,
			err: errors.New("there are findings of severity " + o.FailOn.String() + " or worse"),
		}
	}
	return nil
}

// artifactQueue hands each artifact from the reading side of LintAll to its
// result on the emitting side; both keep the order of the input.
type artifactQueue struct {
	mu   sync.Mutex
	list []lint.Artifact
}

func (q *artifactQueue) push(a lint.Artifact) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = append(q.list, a)
}

func (q *artifactQueue) pop() lint.Artifact {
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.list[0]
	q.list[0] = lint.Artifact{} // the bytes may be large; let them go
	q.list = q.list[1:]
	return a
}
