package workbook

import (
	"fmt"
	"strings"

	"selfaudit/lint"
	"selfaudit/reports"
	"selfaudit/sampler"
)

// todayLists writes the sheet of what a reissue on the audit's day would violate: one list for
// each lint, worst first, with the sampled items under those of severity error or fatal.
func (b *book) today() error {
	p := page{name: sheetToday, widths: []float64{44, 30, 12, 24, 14, 46}, headFirst: 4, headLast: 4}
	s, err := b.addSheet(p, nil)
	if err != nil {
		return err
	}
	today := b.summary.AsIf
	if today == nil {
		s.title(sheetToday, "What the drawn certificates would violate if they were issued again on the day of the audit.")
		s.nothing("Open: the sample is not linted yet.")
		return s.close()
	}
	s.title(sheetToday, fmt.Sprintf("What the drawn certificates would violate if they were issued again on %s, under %s. It judges an imagined reissue (the validity moved to that day, its length kept), not the certificates as they were issued, and enters no number of problems: %s of %s sampled items would have an error, %s of them only then. All judgements are in lint/as-if.jsonl.",
		today.Day, shortVersions(today.InForce), number(int64(today.Items)), number(deref(b.summary.Sampled)), number(int64(today.New))))
	s.write(24, cell{v: "Serial number", l: lookHead}, cell{v: "First DNS name", l: lookHead}, cell{v: "Valid from", l: lookHead},
		cell{v: "Issued under", l: lookHead}, cell{v: "As issued", l: lookHead}, cell{v: "Details", l: lookHead})
	if len(today.Lints) == 0 {
		s.nothing("No lint would have anything to say.")
	}
	items := b.audit.AsIfItems()
	for _, l := range today.Lints {
		if s.row >= b.limits.rows {
			s.nothing(fmt.Sprintf("The table ends here at %s. All judgements are in lint/as-if.jsonl.", sampler.Counted(b.limits.rows, "row", "rows")))
			break
		}
		b.todayHead(s, l)
		if l.Severity >= lint.Error {
			b.todayItems(s, l, items)
		}
	}
	return s.close()
}

func (b *book) todayHead(s *sheet, l reports.AsIfLint) {
	text := fmt.Sprintf("%s, %s: %s, of which the lint speaks about %s as issued", title(l.Severity.String()), brief(l.Lint, briefName, "lint/as-if.jsonl"),
		counted(l.Items, "item", "items"), number(int64(l.AsIssued)))
	meaning := lint.Meaning(l.Lint)
	if l.Citation != "" {
		meaning += " (" + l.Citation + ")"
	}
	if l.Severity < lint.Error {
		meaning += " Items are in lint/as-if.jsonl."
	}
	look := look{size: 9.5, fill: band, rule: ruleTotal, wrap: true, indent: 1, bold: true, color: navy}
	s.wide(1, len(s.p.widths), text, look, 22)
	look.bold, look.color, look.rule = false, ink, ruleNone
	s.wide(1, len(s.p.widths), title(brief(meaning, briefDetail, "lint/as-if.jsonl")), look, 18)
}

func (b *book) todayItems(s *sheet, l reports.AsIfLint, items []reports.AsIfItem) {
	for _, x := range items {
		for _, f := range x.Findings {
			if f.Lint != l.Lint {
				continue
			}
			if s.row >= b.limits.rows {
				return
			}
			name, from, _ := b.nameAndDates(x.Item)
			name = brief(name, briefName, "certificates/")
			versions := ""
			if c := x.Item.Main(); c != nil {
				versions = shortVersions(c.InForce)
			}
			before, look := "New", lookCell
			if f.AsIssued {
				before, look = "The same", lookCell.ink(statusNA)
			}
			details := brief(f.Details, briefDetail, "lint/as-if.jsonl")
			s.write(b.rowHeight(s, map[int]string{1: name, 3: versions, 5: details}),
				cell{v: string(x.Item.ID.Serial), l: lookMono}, cell{v: name, l: lookWrap}, cell{v: from, l: lookDate},
				cell{v: versions, l: lookWrap}, cell{v: before, l: look}, cell{v: details, l: lookWrap})
		}
	}
}

// shortVersions writes "TLS-BR 2.2.6" and the like as people say it: "BR 2.2.6".
func shortVersions(list []string) string {
	var out []string
	for _, v := range list {
		document, number, _ := strings.Cut(v, " ")
		if short := shortNames[document]; short != "" {
			document = short
		}
		out = append(out, document+" "+number)
	}
	if len(out) == 0 {
		return "versions that are not known"
	}
	return strings.Join(out, ", ")
}
