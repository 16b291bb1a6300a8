package reports

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"selfaudit/lint"
	"selfaudit/reports/corpus"
	"selfaudit/sampler"
)

// loadPopulationLint reads the results of linting whole populations, if the audit keeps
// them, and holds them against the rest: the linter, the population's rows, and the results
// of the sample, which must say the same about the same certificates.
func (a *Audit) loadPopulationLint() error {
	f, err := a.fsys.Open(corpus.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", corpus.Name, err)
	}
	defer f.Close()
	h, err := corpus.Read(f, func(x corpus.Affected) error {
		a.corpusFound = append(a.corpusFound, x)
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading %w", err)
	}
	for _, check := range []func(*corpus.Header) error{a.fitsCorpus, a.fitsPopulation, a.fitsSample} {
		if err := check(h); err != nil {
			return fmt.Errorf("reading %s: %w", corpus.Name, err)
		}
	}
	a.Corpus = h
	return nil
}

// fitsCorpus checks the header against the audit and its linter.
func (a *Audit) fitsCorpus(h *corpus.Header) error {
	c := a.Commitment
	switch {
	case h.AuditID != c.AuditID || h.Mode != c.Mode:
		return fmt.Errorf("it is of audit %q in mode %q", h.AuditID, h.Mode)
	case (h.Notice != "") != a.Rehearsal():
		return errors.New("its mark of a rehearsal is not the audit's")
	case len(h.Covers) == 0 || h.Covers[0].AuditID != c.AuditID || h.Covers[0].Population != c.PopulationHash || h.Covers[0].Items != c.PopulationCount:
		return errors.New("it does not cover the population that draw/commitment.txt names")
	case a.Linter == nil:
		return errors.New("the sample is not linted")
	case h.Linter.ListSHA256 != a.Linter.ListSHA256 || !slices.Equal(h.Linter.Modules, a.Linter.Modules):
		return errors.New("it was made with another linter than the results of the sample; run `selfaudit lint --population --keep` again")
	}
	return nil
}

// fitsPopulation checks that what is said to be of this population is in it.
func (a *Audit) fitsPopulation(h *corpus.Header) error {
	rest := slices.DeleteFunc(slices.Clone(a.corpusFound), func(x corpus.Affected) bool { return x.AuditID != a.Commitment.AuditID })
	for row, err := range a.AllRows() {
		if err != nil {
			return err
		}
		for len(rest) > 0 && rest[0].Item == row.Item {
			if x := rest[0]; x.Stratum != row.Stratum.String() || x.Issued != sampler.FormatTime(row.Issued) {
				return fmt.Errorf("item %s: its stratum or time differs from %s", x.Item, populationName)
			}
			rest = rest[1:]
		}
	}
	if len(rest) > 0 {
		return fmt.Errorf("item %s is not in %s", rest[0].Item, populationName)
	}
	return nil
}

// fitsSample compares it with lint/results.jsonl, both ways.
func (a *Audit) fitsSample(h *corpus.Header) error {
	type key struct{ sha, rule string }
	want := map[key]lint.Severity{}
	linted := map[string]bool{}
	for _, r := range a.Results {
		linted[r.SHA256] = true
		for _, f := range r.Findings {
			if k := (key{r.SHA256, f.Lint}); h.Speaks(f.Lint, f.Severity) {
				want[k] = max(want[k], f.Severity)
			}
		}
	}
	for _, x := range a.corpusFound {
		k := key{x.SHA256, x.Lint}
		switch got, found := want[k]; {
		case linted[x.SHA256] && !found:
			return fmt.Errorf("%s on certificate %s is not in lint/results.jsonl, which has that certificate", x.Lint, x.SHA256)
		case found && got != x.Severity:
			return fmt.Errorf("%s on certificate %s has severity %s, lint/results.jsonl says %s", x.Lint, x.SHA256, x.Severity, got)
		}
		delete(want, k)
	}
	for _, r := range a.Results {
		for _, f := range r.Findings {
			if _, missing := want[key{r.SHA256, f.Lint}]; missing {
				return fmt.Errorf("%s on certificate %s is missing, which lint/results.jsonl has", f.Lint, r.SHA256)
			}
		}
	}
	return nil
}

// ofPopulation turns lists of the sample into lists of the population where the whole
// population was linted, and adds what the sample did not show.
func (a *Audit) ofPopulation(list []Problem) []Problem {
	if a.Corpus == nil {
		return list
	}
	byRule := map[string][]corpus.Affected{}
	for _, x := range a.corpusFound {
		line, _ := a.Corpus.Find(x.Lint)
		if a.appliesIn(x.RuleSet, line.Source) && !a.saidByCollecting(list, x.Lint) {
			byRule[x.Lint] = append(byRule[x.Lint], x)
		}
	}
	var rules []string
	for rule := range byRule {
		rules = append(rules, rule)
	}
	slices.Sort(rules)
	for _, rule := range rules {
		i := slices.IndexFunc(list, func(p Problem) bool { return p.Lint == rule && p.Covers == CoversSample })
		if i < 0 {
			line, _ := a.Corpus.Find(rule)
			i = len(list)
			list = append(list, Problem{Lint: rule, Source: line.Source, Citation: line.Citation, Meaning: lint.Meaning(rule)})
		}
		a.widen(&list[i], byRule[rule])
	}
	for i := range list {
		// A rule that was looked for everywhere and is on no other certificate.
		if p := &list[i]; p.Covers == CoversSample && a.Corpus.Speaks(p.Lint, p.Severity) && !a.saidByCollecting(list, p.Lint) {
			p.Covers, p.Coverage = CoversPopulation, a.corpusCoverage()
		}
	}
	return list
}

// widen puts everything that the population has into a list.
func (a *Audit) widen(p *Problem, found []corpus.Affected) {
	old := map[string]Affected{}
	for _, x := range p.Affected {
		old[x.SHA256] = x
	}
	p.Covers, p.Coverage = CoversPopulation, a.corpusCoverage()
	p.Items, p.Certificates, p.WaivedItems, p.Affected = 0, len(found), 0, make([]Affected, 0, len(found))
	p.FirstIssued, p.LastIssued = found[0].Issued, found[0].Issued
	for i, x := range found {
		p.Severity = max(p.Severity, x.Severity)
		p.FirstIssued, p.LastIssued = min(p.FirstIssued, x.Issued), max(p.LastIssued, x.Issued)
		fingerprint := strings.ToUpper(x.SHA256)
		one, known := old[fingerprint]
		if !known {
			one = Affected{ItemID: x.Item.String(), StratumID: x.Stratum, Serial: string(x.Item.Serial), SHA256: fingerprint, Form: string(x.Form), Issued: x.Issued,
				CrtSh: CrtShPrefix + fingerprint, InPopulation: x.AuditID == a.Commitment.AuditID, Waiver: a.wouldWaive(x)}
			if it, ok := a.byItem[x.Item]; ok {
				one.InSample = it.Sampled()
			}
			if !one.InPopulation {
				one.EarlierAudit = x.AuditID
			}
		}
		p.Affected = append(p.Affected, one)
		if i == 0 || found[i-1].Item != x.Item {
			p.Items++
			if one.Waiver != "" {
				p.WaivedItems++
			}
		}
	}
}

// corpusCoverage says in one sentence what the lists cover.
func (a *Audit) corpusCoverage() string {
	h := a.Corpus
	text := fmt.Sprintf("Covers the whole population: all %d items (%d certificates and precertificates) were linted", h.Covers[0].Items, h.Covers[0].Certificates)
	if n := len(h.Covers) - 1; n > 0 {
		text += fmt.Sprintf(", and those of %s with %s", count(n, "earlier audit"), sampler.Counted(h.Items()-h.Covers[0].Items, "item", "items"))
	}
	if len(h.Missing) > 0 {
		var names []string
		for _, m := range h.Missing {
			names = append(names, m.AuditID)
		}
		text += "; not linted: the populations of " + strings.Join(names, ", ")
	}
	return text + "."
}

// saidByCollecting says whether collecting has a list of the same fact, which covers the
// population anyway.
func (a *Audit) saidByCollecting(list []Problem, rule string) bool {
	return slices.ContainsFunc(list, func(p Problem) bool { return p.AlsoFoundBy == rule || slices.Contains(sameFacts[rule], p.Lint) })
}

// appliesIn is applies for a rule set that the sample need not have.
func (a *Audit) appliesIn(ruleSet, source string) bool {
	if _, described := a.ruleSets[ruleSet]; !described {
		if set, ok := lint.RuleSetNamed(ruleSet); ok {
			return set.Applies(source)
		}
	}
	return a.applies(ruleSet, source)
}

// wouldWaive says which waiver holds for a finding outside the sample.
func (a *Audit) wouldWaive(x corpus.Affected) string {
	it := &Item{ID: x.Item}
	if id, err := sampler.ParseStratumID(x.Stratum); err == nil {
		it.InPopulation, it.Row.Item, it.Row.Stratum = true, x.Item, id
		if s, ok := a.Stratum(id); ok {
			it.Row.Stratum = s.ID
		}
	}
	about := a.waivable(it)
	about.Lint, about.RuleSet = x.Lint, x.RuleSet
	if t, err := time.Parse(time.RFC3339, x.From); err == nil {
		about.NotBefore = t
	}
	return a.Waivers.Would(about)
}
