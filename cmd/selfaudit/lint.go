package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"selfaudit/lint"
	"selfaudit/lint/checks"
	"selfaudit/sampler"
)

// lintOptions are the flags of `selfaudit lint`.
type lintOptions struct {
	Format    string // one of lintFormats
	JSONL     bool   // Format is jsonl
	Output    string // -o: file instead of standard output
	NoWaivers bool   // show the plain rule set; ad hoc that is all there is
	Waivers   string // --waivers: file of waivers for FILE arguments
	Issuers   []string
	AsIf      time.Time // zero = as of issuance
	Reference bool
	List      bool
	Sources   []string
	Explain   string
	FailOn    lint.Severity // 0 = findings never fail the command
	corpus    corpusOptions
	// SecondOpinion is the address of a pkimetal server; "" = none is asked.
	SecondOpinion string
}

// The forms of output.
const (
	formatText  = "text"
	formatJSON  = "json"
	formatJSONL = "jsonl"
	formatSARIF = "sarif"
	formatJUnit = "junit"
	formatCSV   = "csv"
)

var lintFormats = []string{formatText, formatJSON, formatJSONL, formatSARIF, formatJUnit, formatCSV}

func newLintCommand(e *env) *cobra.Command {
	var o lintOptions
	var failOn, asIf string
	var jsonl bool
	cmd := &cobra.Command{
		Use:   "lint [FILE...]",
		Short: "Lint files now, or the sample of the audit",
		Long: `Lint certificates, CRLs and OCSP responses. With FILE arguments it needs no
workspace and prints what each one is and what is wrong with it. FILE is a file, a
folder, - for standard input (PEM, DER, base64, PKCS#7), https://HOST[:PORT] for the
chain a server presents, or crt.sh:ID or a SHA-256 fingerprint for a certificate that
crt.sh knows. Without FILE, it lints the audit's sample. Findings do not fail the
command unless --fail-on asks for it.`,
		Example: `  selfaudit lint cert.pem
  selfaudit lint --fail-on error issued/ chain.der
  selfaudit lint --issuer ca.pem --format junit -o lint.xml issued/
  selfaudit lint https://www.example.com
  selfaudit lint --as-if 2027-03-15 cert.pem
  selfaudit lint --list --source CABF_BR wildcard
  selfaudit lint --explain e_rsa_fermat_factorization
  openssl s_client -connect example.com:443 </dev/null | selfaudit lint --jsonl -`,
		RunE: func(cmd *cobra.Command, files []string) error {
			if err := o.settle(e, failOn, asIf, jsonl); err != nil {
				return err
			}
			if err := o.combine(files); err != nil {
				return err
			}
			switch {
			case o.corpus.Relint:
				return runLintRelint(cmd.Context(), e, o, files)
			case o.corpus.Population:
				return runLintPopulation(cmd.Context(), e, o)
			case o.Explain != "":
				return o.to(e, func(e *env) error { return runLintExplain(e, o) })
			case o.List:
				return o.to(e, func(e *env) error { return runLintList(e, o, files) })
			case o.SecondOpinion != "":
				return o.to(e, func(e *env) error { return runLintOpinion(cmd.Context(), e, o, files) })
			case len(files) == 0:
				return runLintAudit(cmd.Context(), e, o)
			}
			return o.to(e, func(e *env) error { return runLintFiles(cmd.Context(), e, o, files) })
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&failOn, "fail-on", "", "exit 10 if there are findings of this `severity` or worse: error, warn or notice")
	f.StringArrayVar(&o.Issuers, "issuer", nil, "`file` with the issuer's certificate, for the checks that need it; may be repeated")
	f.StringVar(&asIf, "as-if", "", "judge as if each certificate were issued on this `date`, such as 2027-03-15")
	f.BoolVar(&o.Reference, "reference", false, "use zlint's own loop throughout: same results, many times slower")
	f.StringVar(&o.Waivers, "waivers", "", "`file` of waivers: findings that it waives are shown as waived and do not count for --fail-on")
	f.BoolVar(&o.NoWaivers, "no-waivers", false, "show the plain rule set, whatever has been waived")
	f.BoolVar(&o.List, "list", false, "list the rules; words after it must all occur in a rule's name, meaning or citation")
	f.StringArrayVar(&o.Sources, "source", nil, "with --list: only rules of this `source`, such as CABF_BR; may be repeated")
	f.StringVar(&o.Explain, "explain", "", "explain one rule by its `name`")
	f.StringVar(&o.Format, "format", "", "`form` of the output: text, json, jsonl, sarif, junit or csv (default text)")
	f.BoolVar(&jsonl, "jsonl", false, "one JSON object per artifact and line, the same as --format jsonl")
	f.StringVarP(&o.Output, "output", "o", "", "write to this `file` instead of standard output; it appears when it is complete")
	f.StringVar(&o.SecondOpinion, "second-opinion", "", "ask the pkimetal server at this `address` too, and put both opinions side by side")
	o.corpus.flags(cmd)
	groupFlags(cmd, flagsOutput, "format", "jsonl", "output")
	setCompletion(cmd, "fail-on", oneOfWords("error", "warn", "notice"))
	setCompletion(cmd, "format", oneOfWords(lintFormats...))
	return cmd
}

// settle checks the flags one by one.
func (o *lintOptions) settle(e *env, failOn, asIf string, jsonl bool) error {
	level, err := parseFailOn(failOn)
	if err != nil {
		return err
	}
	o.FailOn = level
	if asIf != "" {
		day, err := time.Parse(time.DateOnly, asIf)
		if err != nil {
			return usageErrorf("write it like 2027-03-15", "--as-if %q is not a date", asIf)
		}
		o.AsIf = day
	}
	first, form := "", ""
	for _, f := range []struct {
		given        bool
		flag, format string
	}{{e.JSON, "--json", formatJSON}, {jsonl, "--jsonl", formatJSONL}, {o.Format != "", "--format " + o.Format, o.Format}} {
		if !f.given {
			continue
		}
		if first != "" && f.format != form {
			return usageErrorf("choose one form of output: --json is one document at the end, --jsonl one line per artifact", "%s and %s cannot both be given", first, f.flag)
		}
		first, form = f.flag, f.format
	}
	o.Format = cmp.Or(form, formatText)
	o.JSONL = o.Format == formatJSONL
	e.JSON = o.Format == formatJSON // errors are JSON then too, whichever flag asked for it
	for _, known := range lintFormats {
		if o.Format == known {
			return nil
		}
	}
	return usageErrorf("use --format "+strings.Join(lintFormats, ", "), "unknown form of output %q", o.Format)
}

// combine checks which flags go together.
func (o *lintOptions) combine(files []string) error {
	if err := o.corpus.check(o, files); err != nil || o.corpus.Population || o.corpus.Relint {
		return err
	}
	if o.Waivers != "" && (o.NoWaivers || !o.AsIf.IsZero()) {
		return usageErrorf("leave one of them out", "--waivers goes neither with --no-waivers nor with --as-if, which judges no certificate that exists")
	}
	adHoc := map[string]bool{"--issuer": len(o.Issuers) > 0, "--as-if": !o.AsIf.IsZero(), "--waivers": o.Waivers != ""}
	for _, name := range []string{"--issuer", "--as-if", "--waivers"} {
		if adHoc[name] && (len(files) == 0 || o.List || o.Explain != "") {
			return usageErrorf("name files or folders to lint", "%s works only with FILE arguments", name)
		}
	}
	browse := o.List || o.Explain != ""
	for _, arg := range files {
		if _, err := remoteOf(arg); err != nil && !browse {
			return usageErrorf("FILE is a file, a folder, -, https://HOST[:PORT], crt.sh:ID or a SHA-256 fingerprint", "%s: %w", arg, err)
		}
	}
	switch {
	case o.SecondOpinion != "" && (len(files) == 0 || browse || !o.AsIf.IsZero() || o.Reference || o.Waivers != ""):
		return usageErrorf("name files; for an audit set [second_opinion] in selfaudit.toml", "--second-opinion works only with FILE arguments")
	case o.SecondOpinion != "" && o.Format != formatText && o.Format != formatJSON && o.Format != formatJSONL:
		return usageErrorf("use text, json or jsonl", "--second-opinion has no form %s", o.Format)
	case o.List && o.Explain != "", o.Explain != "" && len(files) > 0:
		return usageErrorf("see `selfaudit lint --help`", "--explain takes one name and nothing else")
	case len(o.Sources) > 0 && !o.List:
		return usageErrorf("add --list", "--source works only with --list")
	case browse && (o.Format == formatSARIF || o.Format == formatJUnit):
		return usageErrorf("use text, json, jsonl or csv", "--list and --explain have no form %s", o.Format)
	case browse && o.FailOn > 0:
		return usageErrorf("leave --fail-on out", "--list and --explain find nothing")
	case !browse && len(files) == 0 && (o.Output != "" || o.Format != formatText && o.Format != formatJSON && o.Format != formatJSONL):
		return usageErrorf("name files or folders to lint; an audit's results are a document in its folder", "--output and --format work only with FILE arguments")
	}
	return nil
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

// lintRun is one run over inputs that belong to no audit.
type lintRun struct {
	e       *env
	o       lintOptions
	issuers *checks.Pool // of --issuer; nil without
	pairs   *checks.Pairs
	waiting artifactQueue
	waivers *adHocWaivers
	worst   lint.Severity
}

// runLintFiles lints inputs that belong to no audit.
func runLintFiles(ctx context.Context, e *env, o lintOptions, files []string) error {
	// Almost nothing lives longer than one artifact, so the collector would
	// run all the time for very little; a larger heap costs a few megabytes.
	defer debug.SetGCPercent(debug.SetGCPercent(400))

	run := &lintRun{e: e, o: o}
	var err error
	if run.issuers, err = readIssuers(o.Issuers); err != nil {
		return err
	}
	if run.waivers, err = newAdHocWaivers(e, o.Waivers); err != nil {
		return err
	}
	run.pairs = &checks.Pairs{Issuers: run.issuers}
	own := checks.Set{Issuers: run.issuers, AsIf: !o.AsIf.IsZero()}
	linter, err := lint.New(lint.Options{Reference: o.Reference, AsIf: o.AsIf, Describe: true, Checks: own.Check})
	if err != nil {
		return fmt.Errorf("starting the linter: %w", err)
	}
	in := &lintInputs{e: e, args: files, issuers: run.issuers}
	show := newLintView(e, o, linter)
	artifacts := func(yield func(lint.Artifact) bool) {
		for a := range in.artifacts(ctx) {
			run.waiting.push(a)
			if !yield(a) {
				return
			}
		}
	}
	linted := 0
	err = linter.LintAll(ctx, artifacts, runtime.GOMAXPROCS(0), func(r lint.Result) error {
		linted++
		a := run.waiting.pop()
		run.compare(a, &r)
		run.waivers.apply(&r)
		run.worst = max(run.worst, r.Worst())
		return show.result(a, r)
	})
	if err != nil {
		return err
	}
	if err := show.end(in); err != nil {
		return err
	}
	if linted == 0 {
		// Silence would look like a clean result.
		e.notef("0 artifacts linted: no certificate, CRL or OCSP response was found")
	}
	return run.end(in)
}

// compare adds what stands between this certificate and those before it. An "as if" run
// asks about one certificate on an imagined day; comparing is no part of that.
func (run *lintRun) compare(a lint.Artifact, r *lint.Result) {
	if r.Kind != lint.KindCert || a.DER == nil || !run.o.AsIf.IsZero() {
		return
	}
	beside, _ := a.Attachment.(*checks.Pool)
	if more := run.pairs.Add(whereText(a), a.DER, beside); len(more) > 0 {
		r.Findings = append(r.Findings, more...)
		lint.SortFindings(r.Findings)
	}
}

// end says what was left out and decides the exit code.
func (run *lintRun) end(in *lintInputs) error {
	e := run.e
	run.waivers.end(e)
	if n := len(in.passedOver); n > 0 {
		e.notef("passed over %s without a certificate, CRL or OCSP response (-v names them)", sampler.Counted(n, "file", "files"))
		for _, name := range in.passedOver {
			e.debugf("passed over %s", quoteFile(name))
		}
	}
	if n := run.pairs.Skipped(); n > 0 {
		e.notef("%s not compared with the others (precertificates, serial numbers): too many for one run; lint smaller folders", sampler.Counted(n, "certificate was", "certificates were"))
	}
	if err := in.problem(); err != nil {
		return &exitError{code: exitFailed, id: "unreadable_input", err: err}
	}
	if run.o.FailOn > 0 && run.worst >= run.o.FailOn {
		return &exitError{
			code: exitFindings, quiet: true,
			err: errors.New("there are findings of severity " + run.o.FailOn.String() + " or worse"),
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
