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

	"selfaudit/lint"
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
	linter, err := sameLinter(recorded)
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
	v.compareLint(linter, rules)
}

// parseLinter reads lint/linter.json strictly.
func parseLinter(raw []byte) (*lint.Info, error) {
	info := new(lint.Info)
	if err := strictJSON(raw, info); err != nil {
		return nil, fmt.Errorf("lint/linter.json: %w", err)
	}
	if info.Schema != lint.InfoSchema {
		return nil, fmt.Errorf("lint/linter.json: schema %q, this program reads %s", info.Schema, lint.InfoSchema)
	}
	return info, sameBytes(raw, func() ([]byte, error) { return documentBytes(info) })
}

// sameLinter makes a linter with the recorded options.
func sameLinter(recorded *lint.Info) (*lint.Linter, error) {
	day, err := time.Parse(time.DateOnly, recorded.RulesOn)
	if err != nil {
		return nil, fmt.Errorf("rules_on: %w", err)
	}
	return lint.New(lint.Options{Document: true, Config: recorded.Configuration, RulesOn: day})
}

// ruleComparison is how the recorded linter differs from this program's.
type ruleComparison struct {
	sameModules bool
	// treated are the lints that the two programs treat differently although the modules
	// are the same (left out, or brought into a fixed form): another version of this program.
	treated map[string]bool
	// contradiction is something that the same modules cannot have given.
	contradiction string
}

func compareRules(recorded, own *lint.Info) ruleComparison {
	r := ruleComparison{treated: map[string]bool{}}
	r.sameModules = slices.EqualFunc(recorded.Modules, own.Modules, func(x, y lint.Module) bool { return x.Path == y.Path && x.Version == y.Version })
	if !r.sameModules {
		return r
	}
	newest, err1 := documentBytes(recorded.NewestRules)
	ownNewest, err2 := documentBytes(own.NewestRules)
	switch {
	case recorded.ListSHA256 != own.ListSHA256:
		r.contradiction = fmt.Sprintf("list_sha256 %s, the same modules have %s", recorded.ListSHA256, own.ListSHA256)
	case recorded.Lints != own.Lints:
		r.contradiction = fmt.Sprintf("lints %v, the same modules have %v", recorded.Lints, own.Lints)
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

// noteLinter says which linter was recorded, and what the snapshot committed to.
func (v *verifier) noteLinter(recorded, own *lint.Info, rules ruleComparison) {
	if recorded.Configuration != "" {
		v.note("lint", "the linter was configured: %q", recorded.Configuration)
	}
	if !rules.sameModules {
		v.note("lint", "made with %s and lints again with %s: differences below come from the rules, not from tampering, unless the recorded version is a lie",
			moduleText(recorded.Modules), moduleText(own.Modules))
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

// compareLint lints every certificate of the sampled items, in the order in which the
// lint stage does, and compares line by line with lint/results.jsonl.
func (v *verifier) compareLint(linter *lint.Linter, rules ruleComparison) {
	const name = "lint"
	files, err := v.sampledFiles()
	if err != nil {
		v.skip(name, "%v", err)
		return
	}
	f, err := v.data.Open("lint/results.jsonl")
	if err != nil {
		v.fail(name, "%v", err)
		return
	}
	defer f.Close()
	c := &lintComparison{v: v, rules: rules, files: files, lines: bufio.NewReaderSize(f, 64*kib)}
	err = linter.LintAll(v.ctx, c.artifacts, runtime.GOMAXPROCS(0), c.compare)
	if cause := cancelled(v.ctx); cause != nil {
		v.fatal = cause
		return
	}
	if err == nil {
		err = c.end()
	}
	if err = errors.Join(c.readErr, err); err != nil {
		c.bad.add("lint/results.jsonl: %v", err)
	}
	complete := c.bad.close(v, name, "lint/results.jsonl has the result of all %d certificates and precertificates of the sample, in order", len(files))
	for _, d := range c.explained.list {
		v.note("lint again", "%s", d)
	}
	switch {
	case !complete:
		v.skip("lint again", "lint/results.jsonl is not complete")
	case rules.sameModules:
		c.differ.close(v, "lint again", "linted again with the same result: %d certificates and precertificates", len(files)-c.explained.total)
	default:
		v.skip("lint again", "another linter was recorded; %d of %d results differ", c.explained.total, len(files))
	}
}

// sampledFiles lists the certificates of the sampled items as the lint stage does: in the
// order of the sample, within an item final certificates first, then by hash.
func (v *verifier) sampledFiles() ([]string, error) {
	if v.docs.sample == nil || v.docs.items == nil {
		return nil, errors.New("sample or sightings could not be read")
	}
	var out []string
	for _, r := range v.docs.sample {
		it := v.docs.items[r.Item]
		if r.Role != sampler.RoleSample || it == nil {
			continue
		}
		finals, precerts := v.split(it)
		for _, list := range [][]sampler.CertHash{finals, precerts} {
			slices.SortFunc(list, func(a, b sampler.CertHash) int { return bytes.Compare(a[:], b[:]) })
			for _, h := range list {
				out = append(out, "certificates/"+h.String()+".der")
			}
		}
	}
	return out, nil
}

// lintComparison compares recorded results with new ones as they come.
type lintComparison struct {
	v         *verifier
	rules     ruleComparison
	files     []string
	lines     *bufio.Reader
	done      int
	bad       failures // of the document
	differ    failures // results that differ and should not
	explained failures // results that differ because the rules do
	readErr   error    // of artifacts
}

// maxResultLine bounds one line of lint/results.jsonl.
const maxResultLine = 16 * mib

// artifacts yields the certificates to lint.
func (c *lintComparison) artifacts(yield func(lint.Artifact) bool) {
	for _, name := range c.files {
		der, err := c.v.data.ReadFile(name)
		if err != nil {
			c.readErr = err
			return
		}
		if !yield(lint.Artifact{File: name, Kind: lint.KindCert, DER: der}) {
			return
		}
	}
}

// compare takes the next new result and the next recorded line.
func (c *lintComparison) compare(now lint.Result) error {
	line, err := readLine(c.lines, maxResultLine)
	if err == io.EOF {
		return fmt.Errorf("ends after %d results, %d are due", c.done, len(c.files))
	}
	if err != nil {
		return err
	}
	c.done++
	c.v.progress("lint")(int64(c.done), int64(len(c.files)))
	var was lint.Result
	if err := strictJSON(line, &was); err != nil {
		return fmt.Errorf("line %d: %w", c.done, err)
	}
	again, err := lineBytes(was)
	if err != nil || !bytes.Equal(again, line) {
		return fmt.Errorf("line %d: not written the way this program writes it", c.done)
	}
	if was.File != now.File || was.SHA256 != now.SHA256 || was.Kind != now.Kind {
		return fmt.Errorf("line %d: result of %s %s, due is that of %s %s", c.done, was.Kind, was.File, now.Kind, now.File)
	}
	fresh, err := lineBytes(now)
	if err == nil && bytes.Equal(fresh, line) {
		return nil
	}
	lints, words := describeDifference(was.Findings, now.Findings)
	treated := len(lints) > 0 && !slices.ContainsFunc(lints, func(l string) bool { return !c.rules.treated[l] })
	if treated || !c.rules.sameModules {
		c.explained.add("%s: %s", now.File, words)
	} else {
		c.differ.add("%s: %s", now.File, words)
	}
	return nil
}

// end checks that nothing follows the last result.
func (c *lintComparison) end() error {
	if _, err := c.lines.ReadByte(); err != io.EOF {
		return fmt.Errorf("more than the %d results that are due", len(c.files))
	}
	return nil
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

// readLine returns the next line with its line feed, or io.EOF.
func readLine(r *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > limit:
			return nil, fmt.Errorf("a line of more than %d bytes", limit)
		case err == nil:
			return line, nil
		case err == io.EOF && len(line) > 0:
			return nil, errors.New("the last line has no line feed")
		case err != bufio.ErrBufferFull:
			return nil, err
		}
	}
}
