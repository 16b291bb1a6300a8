package evidence

import (
	"selfaudit/reports/corpus"

	"selfaudit/sampler"
)

// checkMoreLint checks what may stand beside the results of the sample: the results of
// whole populations, and a second opinion. Both are held against the rest when the picture
// of the audit is read; what cannot be derived from a package is said.
func (v *verifier) checkMoreLint() {
	const population, opinion = "lint of the population", "second opinion"
	whole, second := v.data.has(corpus.Name), v.data.has("lint/second-opinion.jsonl")
	if !whole && !second {
		return
	}
	a := v.loadAudit("documents beside lint/results.jsonl")
	if a == nil {
		return
	}
	if whole {
		h := a.Corpus
		listed := 0
		for _, p := range h.Problems {
			listed += int(p.Certificates)
		}
		v.ok(population, "%s listed: items, strata and times are those of population.tsv, and for the certificates of the sample it says what lint/results.jsonl says", sampler.Counted(listed, "finding", "findings"))
		v.note(population, "the certificates outside the sample are not in the package: that they were linted, and with which result, is the CA's word (%s of %d populations)", sampler.Counted(h.Certificates(), "certificate", "certificates"), len(h.Covers))
		for _, m := range h.Missing {
			v.note(population, "the population of audit %q was not linted: %s", m.AuditID, m.Reason)
		}
	}
	if second {
		t := a.Opinion
		v.ok(opinion, "%s: our side is lint/results.jsonl's, and the %s follow from both sides", sampler.Counted(t.Certificates, "certificate", "certificates"), sampler.Counted(t.Disagree, "disagreement", "disagreements"))
		v.note(opinion, "what %q answered is the CA's word", t.By)
		if t.Failed > 0 {
			v.note(opinion, "%d certificates have none", t.Failed)
		}
	}
}
