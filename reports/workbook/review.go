package workbook

import (
	"fmt"

	"github.com/xuri/excelize/v2"

	"selfaudit/reports"
	"selfaudit/sampler"
)

const (
	reviewGroups  = 4 // row of the groups
	reviewHead    = 5 // row of the columns; import finds it by the text "Row key"
	reviewFirst   = 6
	reviewColumns = 15
	reviewChecks  = 5 // column of the first check
)

// checks are the columns a reviewer answers with Pass, Fail or N/A.
var checks = [...]string{
	"Domain control evidence", "Evidence age at issuance", "CAA checked", "Identity evidence",
	"Subject matches evidence", "Key and algorithm", "Validity and profile",
}

// review writes the sheet that reviewers fill in. Rows are matched by row key when
// it is read back, so it may be sorted and filtered.
func (b *book) review() error {
	items := b.audit.SampleItems()
	shown := min(len(items), b.limits.rows)
	p := page{name: sheetReview, widths: []float64{6, 21, 7, 21, 11, 11, 11, 11, 11, 11, 11, 24, 14, 12, 30},
		headFirst: reviewGroups, headLast: reviewHead, freezeCol: 4, filter: shown, tab: teal}
	s, err := b.addSheet(p, func(f *excelize.File) error { return b.reviewRules(f, shown) })
	if err != nil {
		return err
	}
	s.title("Review", "To be filled in by the reviewers: the cream cells. Answer each check with Pass, Fail or N/A; a Fail needs a comment. Rows may be sorted and filtered. The evidence stays with the CA; give its internal reference.")
	b.reviewHeads(s)
	if len(items) == 0 {
		s.nothing(b.noSample())
	}
	in := look{size: 9.5, fill: input, rule: ruleBoxed, unlock: true, wrap: true}
	answer := in
	answer.align = "center"
	in.indent = 1
	date := in
	date.format, date.wrap = "yyyy-mm-dd", false
	for _, it := range items[:shown] {
		issuer, level := b.stratumOf(it)
		cells := []cell{{v: it.Rank, l: lookInt}, {v: issuer, l: lookWrap}, {v: level, l: lookCell}, {v: it.ID.RowKey(), l: lookMono}}
		for i := range checks {
			c := cell{l: answer}
			if neverApplies(i, it) {
				c.v = statusNA.word
			}
			cells = append(cells, c)
		}
		cells = append(cells, cell{l: in}, cell{l: in}, cell{l: date}, cell{l: in})
		s.write(b.rowHeight(s, map[int]string{1: issuer}), cells...)
	}
	b.cutNote(s, len(items), shown, "draw/sample.tsv")
	return s.close()
}

// neverApplies says whether a check certainly does not apply to an item. Only what is
// certain is filled in for the reviewer: domain-validated certificates hold no
// identity (BR 7.1.2.7.2), and CAA and domain control are not part of code signing.
func neverApplies(check int, it *reports.Item) bool {
	switch classOf(it) {
	case sampler.ClassDV:
		return checks[check] == "Identity evidence"
	case sampler.ClassCS, sampler.ClassCSEV:
		return checks[check] == "Domain control evidence" || checks[check] == "CAA checked"
	}
	return false
}

func (b *book) reviewHeads(s *sheet) {
	group := func(l look, title string, n int) []cell {
		cells := []cell{{v: title, l: l}}
		for len(cells) < n {
			cells = append(cells, cell{l: l})
		}
		return cells
	}
	var groups, heads []cell
	groups = append(groups, group(lookHead, "Certificate", 4)...)
	groups = append(groups, group(lookInput, "Checks", len(checks))...)
	groups = append(groups, group(lookInput, "Record", 4)...)
	s.write(20, groups...)
	s.merge(1, 4)
	s.merge(reviewChecks, reviewChecks+len(checks)-1)
	s.merge(reviewChecks+len(checks), reviewColumns)
	heads = append(heads, cell{v: "Rank", l: lookHeadNum}, cell{v: "Issuing CA", l: lookHead}, cell{v: "Level", l: lookHead}, cell{v: "Row key", l: lookHead})
	centred := lookInput
	centred.align, centred.indent = "center", 0
	for _, c := range checks {
		heads = append(heads, cell{v: c, l: centred})
	}
	for _, c := range []string{"Evidence reference", "Reviewer", "Date", "Comment"} {
		heads = append(heads, cell{v: c, l: lookInput})
	}
	s.write(44, heads...)
}

// reviewRules sets validation, colours and protection. The protection has no password:
// it guards against accidents only.
func (b *book) reviewRules(f *excelize.File, rows int) error {
	if err := f.ProtectSheet(sheetReview, &excelize.SheetProtectionOptions{
		SelectLockedCells: true, SelectUnlockedCells: true, Sort: true, AutoFilter: true, FormatColumns: true, FormatRows: true,
	}); err != nil {
		return err
	}
	if rows == 0 {
		return nil
	}
	last := reviewFirst + rows - 1
	answers := fmt.Sprintf("%s:%s", at(reviewChecks, reviewFirst), at(reviewChecks+len(checks)-1, last))
	list := excelize.NewDataValidation(true)
	list.SetSqref(answers)
	if err := list.SetDropList([]string{statusPass.word, statusFail.word, statusNA.word}); err != nil {
		return err
	}
	list.SetError(excelize.DataValidationErrorStyleStop, "Not an answer", "Please choose Pass, Fail or N/A.")
	list.SetInput("Check", "Pass, Fail or N/A. A Fail needs a comment.")
	if err := f.AddDataValidation(sheetReview, list); err != nil {
		return err
	}
	const dateColumn = 14
	day := excelize.NewDataValidation(true)
	day.SetSqref(fmt.Sprintf("%s:%s", at(dateColumn, reviewFirst), at(dateColumn, last)))
	const from, to = 43831, 73050 // 2020-01-01, 2099-12-31
	if err := day.SetRange(from, to, excelize.DataValidationTypeDate, excelize.DataValidationOperatorBetween); err != nil {
		return err
	}
	day.SetError(excelize.DataValidationErrorStyleStop, "Not a date", "Please give the date of the review, for example 2026-10-31.")
	day.SetInput("Date", "Date of the review, for example 2026-10-31.")
	if err := f.AddDataValidation(sheetReview, day); err != nil {
		return err
	}
	var rules []excelize.ConditionalFormatOptions
	for _, s := range []status{statusPass, statusFail, statusNA} {
		format, err := f.NewConditionalStyle(&excelize.Style{Font: &excelize.Font{Color: s.ink, Bold: s.bold},
			Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{s.fill}}})
		if err != nil {
			return err
		}
		rules = append(rules, excelize.ConditionalFormatOptions{Type: "cell", Criteria: "=", Value: `"` + s.word + `"`, Format: &format})
	}
	return f.SetConditionalFormat(sheetReview, answers, rules)
}
