package evidence

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"selfaudit/internal/jsonlines"
	"selfaudit/lint"
	"selfaudit/lint/checks"
	"selfaudit/reports/auditlint"
	"selfaudit/sampler"
)

// checkLint lints the certificates again and compares with lint/results.jsonl. With the
// same linter modules every difference is a failure. With another zlint, differences are
// listed as notes: they come from the rules, and say what these rules think today.
func (v *verifier) checkLint() {
	const name = "lint"
	raw := v.read(name, "lint/linter.json")
	if raw == nil {
		return
	}
	recorded, err := parseLinter(raw)
	if err != nil {
		v.fail(name, "%v", err)
		return
	}
	options, err := v.sameOptions(recorded)
	if err != nil {
		v.fail(name, "lint/linter.json: %v", err)
		return
	}
	linter, err := lint.New(lint.Options{Document: true, Config: options.Config, RulesOn: options.RulesOn, Checks: checks.Set{}.Check})
	if err != nil {
		v.fail(name, "lint/linter.json: %v", err)
		return
	}
	own := linter.Info()
	rules := compareRules(recorded, &own)
	if rules.contradiction != "" {
		v.fail(name, "lint/linter.json: %s", rules.contradiction)
	}
	v.noteLinter(recorded, &own, rules)
	if !v.data.has("lint/results.jsonl") {
		v.missing(name, "lint/results.jsonl")
		return
	}
	v.docs.auditDay, v.docs.sameOwn = options.Day, rules.sameOwn
	v.compareLint(recorded, options, rules)
}

// parseLinter reads lint/linter.json strictly.
func parseLinter(raw []byte) (*lint.Info, error) {
	info := new(lint.Info)
	if err := jsonlines.Decode(raw, info); err != nil {
		return nil, fmt.Errorf("lint/linter.json: %w", err)
	}
	if info.Schema != lint.InfoSchema {
		return nil, fmt.Errorf("lint/linter.json: schema %q, this program reads %s", info.Schema, lint.InfoSchema)
	}
	return info, sameBytes(raw, func() ([]byte, error) { return jsonlines.Document(info) })
}

// sameOptions are the recorded options. The day of linting must be one on which the sample
// was drawn already and the package not sealed yet.
func (v *verifier) sameOptions(recorded *lint.Info) (auditlint.Options, error) {
	o := auditlint.Options{Config: recorded.Configuration, Workers: runtime.GOMAXPROCS(0)}
	var err error
	if o.RulesOn, err = time.Parse(time.DateOnly, recorded.RulesOn); err != nil {
		return o, fmt.Errorf("rules_on: %w", err)
	}
	if recorded.AuditInfo == nil {
		return o, errors.New("it does not say on which day and by which rule sets the audit was linted")
	}
	if o.Day, err = time.Parse(time.DateOnly, recorded.AuditDay); err != nil {
		return o, fmt.Errorf("audit_day: %w", err)
	}
	next := o.Day.AddDate(0, 0, 1)
	if c := v.docs.commitment; c != nil && c.Mode == sampler.ModeAudit && !next.After(c.BeaconTime) {
		return o, fmt.Errorf("audit_day %s is before the draw, whose randomness is of %s", recorded.AuditDay, sampler.FormatTime(c.BeaconTime))
	}
	if o.Day.After(v.bag.SealedAt) {
		return o, fmt.Errorf("audit_day %s is after the sealing at %s", recorded.AuditDay, sampler.FormatTime(v.bag.SealedAt))
	}
	return o, nil
}

// ruleComparison is how the recorded linter differs from this program's.
type ruleComparison struct {
	sameModules bool
	// sameOwn says that our own checks and rule sets are in the same state.
	sameOwn bool
	// treated are the lints that the two programs treat differently although the modules
	// are the same (left out, or brought into a fixed form): another version of this program.
	treated map[string]bool
	// contradiction is something that the same modules cannot have given.
	contradiction string
}

func compareRules(recorded, own *lint.Info) ruleComparison {
	r := ruleComparison{treated: map[string]bool{}, sameOwn: recorded.AuditInfo != nil && recorded.OwnRevision == lint.OwnRevision}
	r.sameModules = slices.EqualFunc(recorded.Modules, own.Modules, func(x, y lint.Module) bool { return x.Path == y.Path && x.Version == y.Version })
	if !r.sameModules {
		return r
	}
	newest, err1 := jsonlines.Document(recorded.NewestRules)
	ownNewest, err2 := jsonlines.Document(own.NewestRules)
	switch {
	case recorded.ListSHA256 != own.ListSHA256:
		r.contradiction = fmt.Sprintf("list_sha256 %s, the same modules have %s", recorded.ListSHA256, own.ListSHA256)
	case recorded.Lints != own.Lints:
		r.contradiction = fmt.Sprintf("lints %v, the same modules have %v", recorded.Lints, own.Lints)
	case r.sameOwn && !slices.Equal(recorded.OwnChecks, own.OwnChecks):
		r.contradiction = "own_checks are not those of the same revision"
	case changedMark(recorded, own) != "":
		r.contradiction = "rules: the same modules say something else of " + changedMark(recorded, own)
	case err1 != nil || err2 != nil || !bytes.Equal(newest, ownNewest):
		r.contradiction = "newest_rules are not those of the same modules"
	}
	for _, pair := range [][2][]lint.Remark{{recorded.LeftOut, own.LeftOut}, {recorded.Settled, own.Settled}} {
		for i, list := range pair {
			for _, remark := range list {
				if !slices.Contains(pair[1-i], remark) {
					r.treated[remark.Lint] = true
				}
			}
		}
	}
	return r
}

// changedMark is a lint of zlint's of which the record says something else than the same modules do; "" if there is none. Our
// own checks may be worded anew without being others, and older records have no such list.
func changedMark(recorded, own *lint.Info) string {
	for _, name := range lint.Names() {
		then, there, known := recorded.RuleMark(name)
		if now, _, _ := own.RuleMark(name); known && (!there || then != now) {
			return name
		}
	}
	return ""
}

// noteLinter says which linter was recorded, and what the snapshot committed to.
func (v *verifier) noteLinter(recorded, own *lint.Info, rules ruleComparison) {
	if recorded.Configuration != "" {
		v.note("lint", "the linter was configured: %q", recorded.Configuration)
	}
	if !rules.sameModules {
		v.note("lint", "made with %s and lints again with %s: differences below come from the rules, not from tampering, unless the recorded version is a lie",
			moduleText(recorded.Modules), moduleText(own.Modules))
	}
	if !rules.sameOwn {
		v.note("lint", "made with another state of this program's own checks and rule sets (own_revision): differences of theirs are listed below")
	}
	if len(rules.treated) > 0 {
		v.note("lint", "the program that made it treated these lints otherwise than this one: %s", strings.Join(sortedKeys(rules.treated), ", "))
	}
	if s := v.docs.snapshot; s != nil && len(recorded.Modules) > 0 && s.LintPolicy.Version != recorded.Modules[0].Version {
		v.note("lint", "linted with %s, the snapshot announced version %q before the draw", moduleText(recorded.Modules[:1]), s.LintPolicy.Version)
	}
}

func moduleText(modules []lint.Module) string {
	text := ""
	for i, m := range modules {
		if i > 0 {
			text += ", "
		}
		text += m.Path + " " + m.Version
	}
	return text
}

// compareLint lints every certificate of the sampled items again, as issued and as if issued
// on the day of the audit, in the order in which the lint stage does, and compares line by
// line; then what lint/linter.json says about the run.
func (v *verifier) compareLint(recorded *lint.Info, options auditlint.Options, rules ruleComparison) {
	const name = "lint"
	if v.docs.sample == nil || v.docs.items == nil {
		v.skip(name, "sample or sightings could not be read")
		return
	}
	plan, err := auditlint.Read(v.data)
	if err != nil {
		v.skip(name, "%v", err)
		return
	}
	var documents []*lintComparison
	for _, document := range []string{auditlint.ResultsName, auditlint.AsIfName} {
		if !v.data.has(document) { // checkDocuments has said so
			documents = append(documents, &lintComparison{v: v, rules: rules, plan: plan})
			continue
		}
		f, err := v.data.Open(document)
		if err != nil {
			v.fail(name, "%v", err)
			return
		}
		defer f.Close()
		documents = append(documents, &lintComparison{v: v, rules: rules, plan: plan, document: document, lines: bufio.NewReaderSize(f, 64*kib)})
	}
	issued, asIf := documents[0], documents[1]
	info, err := plan.Run(v.ctx, options, auditlint.Emit{Result: issued.compare, AsIf: asIf.compare, Progress: func(done, total int) {
		v.progress("lint")(int64(done), int64(total))
	}})
	if cause := cancelled(v.ctx); cause != nil {
		v.fatal = cause
		return
	}
	if err != nil {
		v.fail(name, "linting again: %v", err)
		return
	}
	issued.close(name, "lint again", "the result of all %d certificates and precertificates of the sample, in order")
	asIf.close("as if", "lint again as if", "the judgement as if issued on "+recorded.AuditDay+" of all %d certificates and precertificates of the sample, in order, and nothing of it is among the results")
	v.compareRun(recorded, info, rules)
}

// compareRun compares what lint/linter.json says about the run: rule sets, versions in force,
// and how many results zlint's own loop gave too. That it gave the same, only the program
// that linted can say; what it claims to have compared must be what was due.
func (v *verifier) compareRun(recorded, again *lint.Info, rules ruleComparison) {
	const name = "rule sets"
	want := *again.AuditInfo
	switch recorded.Engine {
	case "zlint-loop":
		want.Rechecked = nil
	case "own-loop":
	default:
		v.fail(name, "lint/linter.json: engine %q is neither own-loop nor zlint-loop", recorded.Engine)
		return
	}
	got, err1 := jsonlines.Document(recorded.AuditInfo)
	due, err2 := jsonlines.Document(want)
	switch {
	case err1 == nil && err2 == nil && bytes.Equal(got, due):
		compared := "all by zlint's own loop"
		if want.Rechecked != nil {
			compared = fmt.Sprintf("%d of %d results were due to be compared with zlint's own loop, and are said to have been", want.Rechecked.Compared, want.Rechecked.Of)
		}
		v.ok(name, "%d rule sets, versions in force on %s and their numbers of lints are derived again with the same result; %s", len(want.RuleSets), want.AuditDay, compared)
	case !rules.sameModules || !rules.sameOwn:
		v.skip(name, "another linter was recorded")
	default:
		v.fail(name, "lint/linter.json: what it says about the run is not what linting again gives, first in line %d of that part", firstDifference(got, due))
	}
}

// lintComparison compares recorded results with new ones as they come. Without a document it
// compares nothing.
type lintComparison struct {
	v         *verifier
	rules     ruleComparison
	plan      *auditlint.Plan
	document  string
	lines     *bufio.Reader
	done      int
	stopped   bool     // the document is broken: nothing more of it is compared
	bad       failures // of the document
	differ    failures // results that differ and should not
	explained failures // results that differ because the rules do
}

// maxResultLine bounds one line of lint/results.jsonl.
const maxResultLine = 16 * mib

// compare takes the next new result and the next recorded line.
func (c *lintComparison) compare(now lint.Result) error {
	if c.lines == nil || c.stopped {
		return nil
	}
	if err := c.next(now); err != nil {
		c.bad.add("%s: %v", c.document, err)
		c.stopped = true
	}
	return nil
}

func (c *lintComparison) next(now lint.Result) error {
	line, err := jsonlines.ReadLine(c.lines, maxResultLine)
	if err == io.EOF {
		return fmt.Errorf("ends after %d results, %d are due", c.done, len(c.plan.Files))
	}
	if err != nil {
		return err
	}
	c.done++
	var was lint.Result
	if err := jsonlines.Exact(line, &was); err != nil {
		return fmt.Errorf("line %d: %w", c.done, err)
	}
	if was.File != now.File || was.SHA256 != now.SHA256 || was.Kind != now.Kind || was.AsIf != now.AsIf {
		return fmt.Errorf("line %d: result of %s %s%s, due is that of %s %s%s", c.done, was.Kind, was.File, asIfText(was), now.Kind, now.File, asIfText(now))
	}
	fresh, err := jsonlines.Line(now)
	if err == nil && bytes.Equal(fresh, line) {
		return nil
	}
	lints, words := describeDifference(was.Findings, now.Findings)
	if len(lints) == 0 {
		words = besideFindings(was, now, words)
	}
	if c.explains(lints) {
		c.explained.add("%s: %s", now.File, words)
	} else {
		c.differ.add("%s: %s", now.File, words)
	}
	return nil
}

func asIfText(r lint.Result) string {
	if r.AsIf == "" {
		return ""
	}
	return " as if issued on " + r.AsIf
}

// explains says whether differences in some lints, or in what stands beside the findings if
// there are none, come from other rules than those of this program.
func (c *lintComparison) explains(lints []string) bool {
	if !c.rules.sameModules || len(lints) == 0 {
		return !c.rules.sameModules || !c.rules.sameOwn
	}
	return !slices.ContainsFunc(lints, func(l string) bool {
		own := strings.Contains(l, "_selfaudit_") && !c.rules.sameOwn
		return !c.rules.treated[l] && !own
	})
}

// besideFindings says which other field of a result differs.
func besideFindings(was, now lint.Result, otherwise string) string {
	switch {
	case was.RuleSet != now.RuleSet:
		return fmt.Sprintf("rule set %q, derived again %q", was.RuleSet, now.RuleSet)
	case !slices.Equal(was.InForce, now.InForce):
		return fmt.Sprintf("versions in force %q, derived again %q", was.InForce, now.InForce)
	case (was.SCTs == nil) != (now.SCTs == nil) || was.SCTs != nil && *was.SCTs != *now.SCTs:
		return "the count of its SCTs is not that of verifying them again"
	}
	return otherwise
}

// close checks that nothing follows the last result, and reports.
func (c *lintComparison) close(name, again, whole string) {
	v := c.v
	if c.lines == nil {
		return
	}
	if !c.stopped {
		if _, err := c.lines.ReadByte(); err != io.EOF {
			c.bad.add("%s: more than the %d results that are due", c.document, len(c.plan.Files))
		}
	}
	complete := c.bad.close(v, name, c.document+" has "+whole, len(c.plan.Files))
	for _, d := range c.explained.list {
		v.note(again, "%s", d)
	}
	switch {
	case !complete:
		v.skip(again, "%s is not complete", c.document)
	case c.rules.sameModules:
		c.differ.close(v, again, "linted again with the same result: %d certificates and precertificates", len(c.plan.Files)-c.explained.total)
	default:
		v.skip(again, "another linter was recorded; %d of %d results differ", c.explained.total, len(c.plan.Files))
	}
}

// describeDifference names the lints that only one side has, or that the two word
// differently.
func describeDifference(was, now []lint.Finding) (lints []string, words string) {
	before, after := map[string]lint.Finding{}, map[string]lint.Finding{}
	for _, f := range was {
		before[f.Lint] = f
	}
	for _, f := range now {
		after[f.Lint] = f
	}
	var parts []string
	differs := func(lint, how string) {
		lints = append(lints, lint)
		parts = append(parts, how+" "+lint)
	}
	for _, name := range sortedKeys(before) {
		if f, there := after[name]; !there {
			differs(name, "recorded but not found again:")
		} else if f != before[name] {
			differs(name, "found with other words or severity:")
		}
	}
	for _, name := range sortedKeys(after) {
		if _, there := before[name]; !there {
			differs(name, "found but not recorded:")
		}
	}
	if len(parts) == 0 {
		return nil, "the findings are the same, but their order or number is not"
	}
	return lints, strings.Join(parts, "; ")
}
