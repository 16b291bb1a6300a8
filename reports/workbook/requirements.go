package workbook

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"selfaudit/lint/requirements"
	"selfaudit/reports"
	"selfaudit/sampler"
)

// requirementsSheet shows how current tables and linter were, and which versions came into
// force in the period with the review that the CA recorded. It is left out for audits of
// programs that kept no tables.
func (b *book) requirementsSheet() error {
	st := b.summary.Staleness
	if st == nil {
		return nil
	}
	s, err := b.addSheet(page{name: sheetRequirements, widths: []float64{12, 11, 13, 13, 15, 24, 24, 40}, headFirst: 1, headLast: 3}, nil)
	if err != nil {
		return err
	}
	s.title("Requirements", "How current the rules of this audit were on the day of the report, and how the CA dealt with new versions of the requirements.")
	s.wide(1, 8, "How current", lookBlock, 22)
	for _, line := range b.currentLines(st) {
		s.wide(1, 8, line, lookWrap, rowData)
	}
	for _, w := range st.Warnings {
		s.wide(1, 8, "Open: "+brief(w.Text, briefDetail, "report/summary.json"), wrapping(lookCell.as(statusOpen)), 24)
	}
	s.skip(1)
	s.wide(1, 8, "Versions in force and the linter's rules", lookBlock, 22)
	s.heads("Document", "In force", "Effective", "Newest rule", "Linter", "Concerns this audit", "", "")
	for _, d := range st.Documents {
		state := cell{v: "up to it", l: lookCell.ink(statusPass)}
		if d.Behind {
			state = cell{v: "behind", l: lookCell.as(statusOpen)}
		}
		if st.Linter == "" {
			state = cell{v: "not run", l: lookCell.as(statusNA)}
		}
		concerns := "no certificate of this population"
		if d.InPopulation {
			concerns = "yes"
		}
		s.write(rowData, cell{v: d.Document, l: lookCell}, cell{v: dashed(d.InForce), l: lookCell}, cell{v: dashed(d.Effective), l: lookCell},
			cell{v: dashed(d.NewestRule), l: lookCell}, state, cell{v: concerns, l: lookCell}, cell{l: lookCell}, cell{l: lookCell})
	}
	s.skip(1)
	s.wide(1, 8, "Versions that came into force in the period, and their review by the CA", lookBlock, 22)
	s.wide(1, 8, b.registerText(), lookNote, rowData)
	b.reviewRows(s)
	return s.close()
}

// heads writes the head of a block's table.
func (s *sheet) heads(titles ...string) {
	cells := make([]cell, len(titles))
	for i, t := range titles {
		cells[i] = cell{v: t, l: lookHead}
	}
	s.write(24, cells...)
}

func wrapping(l look) look { l.wrap = true; return l }

func dashed(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (b *book) currentLines(st *reports.Staleness) []string {
	lines := []string{fmt.Sprintf("Table of document versions: %s, %s old on %s.", brief(st.Tables.Edition, briefDetail, "config/requirements/edition.txt"),
		counted(st.Tables.AgeDays, "day", "days"), st.AsOf)}
	if v := st.NewestVersion; v != nil {
		lines = append(lines, fmt.Sprintf("Newest version in it: %s %s, effective %s.", v.Document, v.Version, v.Effective))
	}
	if r := st.NewestRule; r != nil {
		lines = append(lines, fmt.Sprintf("Newest rule that %s knows: of %s (%s, %s old): %s.", brief(st.Linter, briefName, "lint/linter.json"), r.Effective,
			brief(r.Source, briefName, "lint/linter.json"), counted(r.AgeDays, "day", "days"), brief(strings.Join(r.Lints, ", "), briefDetail, "lint/linter.json")))
	}
	if r := st.Release; r != nil {
		lines = append(lines, fmt.Sprintf("Newest release of zlint as the CA states it: %s of %s; used: %s. An update has to be planned by %s (BR 6.6.1).", r.Newest, r.Released, dashed(r.Used), r.Deadline))
	} else {
		lines = append(lines, "Newest release of zlint: not stated by the CA ([lint] newest_zlint in the configuration), so nothing is said about it (BR 6.6.1).")
	}
	return lines
}

func (b *book) registerText() string {
	r := b.summary.Register
	if r == nil || !r.Kept {
		return "The CA keeps no register (requirements-review.csv): no review of any version is recorded."
	}
	text := fmt.Sprintf("From the CA's register, %s; that the reviews took place is the CA's word.", counted(r.Rows, "row", "rows"))
	if n := len(r.Unknown); n > 0 {
		text += fmt.Sprintf(" %s not believed: %s.", counted(n, "row is", "rows are"), brief(strings.Join(r.Unknown, "; "), briefDetail, "report/summary.json"))
	}
	return text
}

func (b *book) reviewRows(s *sheet) {
	s.heads("Document", "Version", "Effective", "Reviewed on", "State", "Reviewed by", "Approved by", "Impact; change of CPS or profiles")
	if len(b.summary.Reviews) == 0 {
		s.nothing("No version of any document came into force in the period.")
	}
	const whole = "config/requirements-review.csv"
	for _, v := range b.summary.Reviews {
		head := []cell{{v: v.Document, l: lookCell}, {v: v.Version, l: lookCell}, {v: v.Effective, l: lookCell}}
		if len(v.Reviews) == 0 {
			state := cell{v: "none recorded", l: lookCell.as(statusOpen)}
			if !v.InPopulation {
				state = cell{v: "none recorded", l: lookCell.as(statusNA)}
			}
			s.write(rowData, append(head, cell{v: "-", l: lookCell}, state, cell{v: "-", l: lookCell}, cell{v: "-", l: lookCell}, cell{v: "-", l: lookCell})...)
		}
		for _, r := range v.Reviews {
			state := cell{v: "after it was in force", l: lookCell.as(statusNA)}
			if r.ReviewedOn < r.Effective {
				state = cell{v: "in time", l: lookCell.ink(statusPass)}
			}
			impact := r.Impact
			if r.Change != "" {
				impact += "; " + r.Change
			}
			by, approved, impact := brief(r.ReviewedBy, briefName, whole), brief(dashed(r.ApprovedBy), briefName, whole), brief(impact, briefDetail, whole)
			s.write(b.rowHeight(s, map[int]string{5: by, 6: approved, 7: impact}), append(head, cell{v: r.ReviewedOn, l: lookCell}, state,
				cell{v: by, l: lookWrap}, cell{v: approved, l: lookWrap}, cell{v: impact, l: lookWrap})...)
		}
	}
}

// coverage shows which sections of the requirements have a lint at all: what a clean run of
// the linter does not say.
func (b *book) coverage() error {
	if len(b.summary.Coverage) == 0 {
		return nil
	}
	s, err := b.addSheet(page{name: sheetCoverage, portrait: true, widths: []float64{22, 11, 11, 11, 60}, headFirst: 1, headLast: 3}, nil)
	if err != nil {
		return err
	}
	s.title("Coverage", "What a clean run does not say: sections of the requirements with and without a lint of "+brief(b.summary.Counted, briefName, "report/summary.json")+", by the section numbers that lints cite.")
	s.wide(1, 5, "A section with a lint is not thereby checked: a lint looks at one certificate and only at what its rule says. Validation, CAA, revocation, logging and audits need other evidence. Lints cite several editions of the documents.", lookNote, rowData)
	s.wide(1, 5, "A version beside a document's name is the one whose list of sections the lints were counted against; which version was in force is on the sheet "+sheetRequirements+".", lookNote, rowData)
	for _, d := range b.summary.Coverage {
		s.skip(1)
		s.wide(1, 5, fmt.Sprintf("%s: %s of %s sections have at least one lint", d.Document, number(int64(d.WithLint)), number(int64(d.Sections))), lookBlock, 22)
		s.heads("Chapter", "Sections", "With lint", "Without", "Heading")
		for _, c := range d.Chapters {
			s.write(rowData, chapterCells(c)...)
		}
	}
	b.sections(s)
	return s.close()
}

func chapterCells(c requirements.ChapterCoverage) []cell {
	n := func(v int) cell { return cell{v: v, l: lookInt} }
	return []cell{{v: c.Chapter, l: lookCell}, n(c.Sections), n(c.WithLint), n(c.Sections - c.WithLint), {v: brief(c.Heading, briefName, "config/requirements"), l: lookCell}}
}

// sections lists every section that a lint cites.
func (b *book) sections(s *sheet) {
	c, err := b.audit.Tables.Coverage()
	if err != nil {
		s.fail = err
		return
	}
	s.skip(1)
	s.wide(1, 5, "Sections that lints cite; all others have none", lookBlock, 22)
	s.heads("Document", "Section", "Lints", "", "Heading, and how far the number can be trusted")
	for _, x := range c.Sections {
		if len(x.Lints) == 0 {
			continue
		}
		about := cmp.Or(x.Heading, x.Note)
		if x.Heading != "" && x.Note != "" {
			about += " (" + x.Note + ")"
		}
		about = brief(strings.TrimSuffix(about, " ()"), briefDetail, "config/requirements")
		s.write(b.rowHeight(s, map[int]string{4: about}), cell{v: x.Document, l: lookCell}, cell{v: x.Number, l: lookCell},
			cell{v: strconv.Itoa(len(x.Lints)), l: lookInt}, cell{l: lookCell}, cell{v: about, l: lookWrap})
	}
}

// secondOpinion lists the certificates on which the second linter disagrees or said nothing.
func (b *book) secondOpinion() error {
	t := b.audit.Opinion
	if t == nil {
		return nil
	}
	shown := min(len(b.audit.Opinions), b.limits.rows)
	s, err := b.addSheet(page{name: sheetOpinion, widths: []float64{44, 10, 10, 40, 46, 46}, headFirst: 4, headLast: 4, filter: shown}, nil)
	if err != nil {
		return err
	}
	s.title("Second opinion", fmt.Sprintf("The sample as %s judged it: %s of %s certificates answered, %s without an answer, %s (%s where the second opinion is worse). Rules of different linters have no common names, so what is compared is how bad each side found a certificate.",
		brief(dashed(strings.Join(t.By, " | ")), briefDetail, "lint/second-opinion.jsonl"), number(int64(t.Answered)), number(int64(t.Certificates)), number(int64(t.Failed)), sampler.Counted(t.Disagree, "disagreement", "disagreements"), number(int64(t.Worse))))
	s.write(24, cell{v: "SHA-256 fingerprint", l: lookHead}, cell{v: "Ours", l: lookHead}, cell{v: "Second", l: lookHead}, cell{v: "What differs", l: lookHead}, cell{v: "Our findings", l: lookHead}, cell{v: "Second opinion's findings", l: lookHead})
	if len(b.audit.Opinions) == 0 {
		s.nothing("No disagreement, and an answer for every certificate of the sample.")
	}
	const whole = "lint/second-opinion.jsonl"
	mono := lookMono
	mono.wrap = true
	for _, o := range b.audit.Opinions[:shown] {
		var theirs []string
		for _, f := range o.Theirs {
			if f.Level() > 0 {
				theirs = append(theirs, strings.TrimSpace(f.Severity+" "+f.Linter+" "+f.Code)+": "+f.Finding)
			}
		}
		says, look := o.Disagree, lookWrap
		if o.Error != "" {
			says, look = "Open: no second opinion: "+o.Error, wrapping(lookCell.as(statusOpen))
		}
		fingerprint := strings.ToUpper(o.SHA256)
		says, ours, second := brief(says, briefDetail, whole), brief(strings.Join(o.OurLints, ", "), briefDetail, whole), brief(strings.Join(theirs, "; "), briefDetail, whole)
		s.write(max(b.rowHeight(s, map[int]string{3: says, 4: ours, 5: second}), height(wrapped(fingerprint, mono, s.p.widths[0]), lookWrap.size)),
			cell{v: fingerprint, l: mono}, cell{v: o.Ours, l: lookCell}, cell{v: dashed(o.TheirWorst), l: lookCell}, cell{v: says, l: look}, cell{v: ours, l: lookWrap}, cell{v: second, l: lookWrap})
	}
	b.cutNote(s, len(b.audit.Opinions), shown, whole)
	return s.close()
}
