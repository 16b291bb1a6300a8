package workbook

import (
	"fmt"

	"selfaudit/lint"
	"selfaudit/lint/waivers"
	"selfaudit/reports"
)

// waiverSheet writes what was waived and by whose decision, and what was put aside because
// its source does not apply.
func (b *book) waiverSheet() error {
	p := page{name: sheetWaivers, widths: []float64{8, 40, 34, 48, 24, 12, 11, 10}, headFirst: 4, headLast: 4}
	s, err := b.addSheet(p, nil)
	if err != nil {
		return err
	}
	s.title("Waivers", b.waiverSentence())
	s.write(24, cell{v: "Waiver", l: lookHead}, cell{v: "Check", l: lookHead}, cell{v: "Holds for", l: lookHead}, cell{v: "Reason, reference", l: lookHead},
		cell{v: "Approved by", l: lookHead}, cell{v: "Expires", l: lookHead}, cell{v: "State", l: lookHead}, cell{v: "Findings", l: lookHeadNum})
	if len(b.summary.Waivers) == 0 {
		s.nothing("No waivers.")
	}
	for _, u := range b.summary.Waivers {
		b.waiverRow(s, u)
	}
	b.notApplied(s)
	return s.close()
}

func (b *book) waiverSentence() string {
	text := "Decisions not to pursue a finding, each with its paper trail. A waived finding is shown as waived, and stays in the number of problems from which the upper bound is computed."
	if l := b.summary.Lint; l != nil && l.Waived != nil {
		waived := l.Waived.Fatal + l.Waived.Error + l.Waived.Warn + l.Waived.Notice
		text += fmt.Sprintf(" Findings before waivers: %s, after: %s.", number(int64(l.Findings())), number(int64(l.Findings()-waived)))
	}
	if o := b.summary.Overall; o.Problems != nil && o.Unwaived != nil {
		text += fmt.Sprintf(" Drawn certificates with a problem before: %s, after: %s.", number(*o.Problems), number(*o.Unwaived))
	}
	return text + " The program's own waivers are for rules that the requirements in force contradict; builtin = false in waivers.toml switches them off."
}

func (b *book) waiverRow(s *sheet, u waivers.Use) {
	const whole = "config/waivers.toml"
	reason := brief(u.Reason, briefDetail, whole)
	if u.Link != "" {
		reason += "\n" + brief(u.Link, briefDetail, whole)
	}
	if u.Note != "" {
		reason += "\n" + title(u.Note) + "."
	}
	approver, expires := brief(u.Approver, briefName, whole), u.Expires
	if u.Builtin {
		approver, expires = "Built into the program", "-"
	}
	check, scope := brief(u.Lint, briefName, whole), brief(u.Scope, briefName, whole)
	state := lookCell
	switch u.State {
	case waivers.StateExpired:
		state = state.as(statusFail)
	case waivers.StateUnused:
		state = state.ink(statusNA)
	}
	s.write(b.rowHeight(s, map[int]string{1: check, 2: scope, 3: reason, 4: approver}),
		cell{v: u.ID, l: lookCell}, cell{v: check, l: lookWrap}, cell{v: title(scope), l: lookWrap}, cell{v: reason, l: lookWrap},
		cell{v: approver, l: lookWrap}, cell{v: expires, l: lookCell}, cell{v: title(u.State), l: state}, cell{v: u.Findings, l: lookInt})
}

// notApplied lists what was put aside by type of certificate.
func (b *book) notApplied(s *sheet) {
	list := b.audit.NotApplied()
	if !b.audit.Linted {
		return
	}
	s.skip(1)
	s.wide(1, len(s.p.widths), "Findings of sources that do not apply", lookBlock, 22)
	s.wide(1, len(s.p.widths), "Every lint runs on every certificate. Which sources apply follows from the type of the certificate (rule sets in lint/linter.json); a finding of another source is none about compliance.", lookNote, 16)
	if len(list) == 0 {
		s.nothing("None.")
		return
	}
	s.write(24, cell{l: lookHead}, cell{v: "Check", l: lookHead}, cell{v: "Source", l: lookHead}, cell{v: "Meaning", l: lookHead},
		cell{v: "Severity", l: lookHead}, cell{l: lookHead}, cell{l: lookHead}, cell{v: "Items", l: lookHeadNum})
	for _, n := range list {
		b.notAppliedRow(s, n)
	}
}

func (b *book) notAppliedRow(s *sheet, n reports.NotApplied) {
	meaning := brief(lint.Meaning(n.Lint), briefDetail, "lint/results.jsonl")
	check := brief(n.Lint, briefName, "lint/results.jsonl")
	s.write(b.rowHeight(s, map[int]string{1: check, 3: meaning}),
		cell{l: lookCell}, cell{v: check, l: lookWrap}, cell{v: brief(n.Source, briefName, "lint/results.jsonl"), l: lookCell}, cell{v: meaning, l: lookWrap},
		cell{v: title(n.Severity.String()), l: lookCell}, cell{l: lookCell}, cell{l: lookCell}, cell{v: n.Items, l: lookInt})
}
