package workbook

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"selfaudit/lint"
	"selfaudit/reports"
	"selfaudit/sampler"
)

// remark is one row of the Lint results sheet.
type remark struct {
	item *reports.Item
	f    reports.ItemFinding
}

// lintResults writes every remark on every item, worst first: those of the linter on
// the sample, and the contradictions that collecting found in the population.
func (b *book) lintResults() error {
	var remarks []remark
	for _, it := range b.audit.FindingItems() {
		for _, f := range it.Findings {
			remarks = append(remarks, remark{it, f})
		}
	}
	slices.SortStableFunc(remarks, func(x, y remark) int {
		return cmp.Or(cmp.Compare(y.f.Severity, x.f.Severity), cmp.Compare(x.f.Lint, y.f.Lint))
	})
	shown := min(len(remarks), b.limits.rows)
	p := page{name: sheetLint, widths: []float64{44, 12, 40, 10, 26, 16, 40}, headFirst: 4, headLast: 4, filter: shown}
	s, err := b.addSheet(p, nil)
	if err != nil {
		return err
	}
	s.title("Lint results", b.lintSentence())
	s.write(24, cell{v: "Serial number", l: lookHead}, cell{v: "Linter", l: lookHead}, cell{v: "Check", l: lookHead}, cell{v: "Severity", l: lookHead},
		cell{v: "Citation", l: lookHead}, cell{v: "Disposition", l: lookHead}, cell{v: "Note", l: lookHead})
	if len(remarks) == 0 {
		if b.audit.Linted {
			s.nothing("No remark on any certificate of the sample, and no contradiction in the population.")
		} else {
			s.nothing("Open: the sample is not linted yet.")
		}
	}
	for _, r := range remarks[:shown] {
		b.remarkRow(s, r)
	}
	b.cutNote(s, len(remarks), shown, "lint/results.jsonl and findings/items.jsonl")
	return s.close()
}

func (b *book) remarkRow(s *sheet, r remark) {
	check, citation := brief(r.f.Lint, briefName, "lint/results.jsonl"), brief(r.f.Citation, briefDetail, "lint/results.jsonl")
	note := b.where(r)
	if r.f.AlsoFoundBy != "" {
		note += ", found again by " + brief(r.f.AlsoFoundBy, briefName, "lint/results.jsonl")
	}
	if r.f.Details != "" {
		note += ": " + brief(r.f.Details, briefDetail, "lint/results.jsonl")
	}
	linter := "zlint"
	if r.f.FromItem {
		linter = "selfaudit"
	} else if r.f.Source == "selfaudit" {
		linter = "selfaudit"
	}
	severity, disposition, dl := lookCell, "Not counted", lookCell.ink(statusNA)
	if r.f.Severity >= lint.Error {
		severity, disposition, dl = lookCell.ink(statusFail), statusOpen.word, lookCell.as(statusOpen)
	}
	switch {
	case r.f.Aside:
		severity, disposition, dl = lookCell, "Does not apply", lookCell.ink(statusNA)
	case r.f.Waiver != "":
		disposition, dl = "Waived "+r.f.Waiver, lookCell.as(statusNA)
	}
	s.write(b.rowHeight(s, map[int]string{2: check, 4: citation, 6: note}),
		cell{v: string(r.item.ID.Serial), l: lookMono}, cell{v: linter, l: lookCell}, cell{v: check, l: lookWrap},
		cell{v: title(r.f.Severity.String()), l: severity}, cell{v: citation, l: lookWrap},
		cell{v: disposition, l: dl}, cell{v: note, l: lookWrap})
}

// where says which certificates of the item a remark is about.
func (b *book) where(r remark) string {
	if r.f.FromItem {
		if !r.item.InPopulation {
			return "Whole item, outside the population"
		}
		return "Whole item"
	}
	var finals, precerts int
	for _, h := range r.f.Certificates {
		for _, c := range r.item.Certificates {
			switch {
			case c.SHA256 != h:
			case c.Form == sampler.FormFinal:
				finals++
			default:
				precerts++
			}
		}
	}
	var parts []string
	for _, p := range []struct {
		n    int
		noun string
	}{{finals, "certificate"}, {precerts, "precertificate"}} {
		switch {
		case p.n == 1:
			parts = append(parts, p.noun)
		case p.n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", p.n, p.noun))
		}
	}
	text := strings.Join(parts, " and ")
	if !r.item.Sampled() {
		text += " (not in the sample)"
	}
	return title(text)
}

func (b *book) lintSentence() string {
	if b.summary.Lint == nil {
		return "The sample is not linted yet. Contradictions inside items, found while collecting, are listed for the whole population."
	}
	l := b.summary.Lint
	clean := 0
	for _, it := range b.audit.SampleItems() {
		if len(it.Findings) == 0 {
			clean++
		}
	}
	return fmt.Sprintf("Every remark, worst first: %s over the %s certificates and precertificates of the sample (%s of %s sampled items without any remark), and contradictions inside items over the whole population. "+
		"Citations are the linter's own words and may name sections of earlier editions. Warnings and notices do not count as problems.%s",
		l.Linter, number(int64(l.Certificates)), number(int64(clean)), number(deref(b.summary.Sampled)), b.lintedHow())
}

func deref(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// lintedHow adds what stands beside the remarks: the second judgement, and the SCTs.
func (b *book) lintedHow() string {
	l, text := b.summary.Lint, ""
	if r := l.Rechecked; r != nil {
		text += fmt.Sprintf(" %s of %s results were compared with those of zlint's own loop and are equal.", number(int64(r.Compared)), number(int64(r.Of)))
	}
	if c := l.SCTs; c != nil && c.Certificates > 0 {
		text += fmt.Sprintf(" SCTs: %s in %s, %s verified, %s of logs whose keys the audit does not have, %s wrong; %s have SCTs of one log alone.",
			number(int64(c.Embedded)), sampler.Counted(c.Certificates, "certificate", "certificates"), number(int64(c.Verified)), number(int64(c.UnknownLog)), number(int64(c.Invalid)), counted(c.OneLog, "certificate", "certificates"))
	}
	return text
}
