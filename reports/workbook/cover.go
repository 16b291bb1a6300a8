package workbook

import (
	"fmt"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"

	"selfaudit/sampler"
)

// sheetLine is one line of the contents.
type sheetLine struct{ sheet, about string }

// contents is the list on the cover: every sheet and what it is for.
var contents = []sheetLine{
	{sheetSummary, "The result in numbers: strata, rates and what the sample can rule out"},
	{sheetFindings, "One problem list per lint, with every affected certificate"},
	{sheetSample, "The certificates that were drawn, in the order of the draw"},
	{sheetReview, "To be filled in: the manual review of every drawn certificate"},
	{sheetDraw, "Commitment, public randomness and sample, to derive the draw again"},
	{sheetPopulation, "Every certificate issued in the period"},
	{sheetRecords, "The population compared with the CA's own issuance records"},
	{sheetLint, "Every remark of the linter, and contradictions found while collecting"},
	{sheetToday, "What a reissue on the day of the audit would violate"},
	{sheetWaivers, "What was waived, by whose decision, and what does not apply"},
	{sheetOpinion, "Where another linter disagrees, or did not answer"},
	{sheetRequirements, "How current the rules were, and how the CA dealt with new versions"},
	{sheetCoverage, "What a clean run does not say: sections without a lint"},
	{sheetMethodology, "How it was done, by which rule, and what it does not show"},
	{sheetSignOff, "Who prepared, reviewed, approved and received this"},
}

// contents are the sheets that this workbook has.
func (b *book) contents() []sheetLine {
	var out []sheetLine
	for _, c := range contents {
		switch {
		case c.sheet == sheetRecords && b.summary.Records == nil,
			c.sheet == sheetOpinion && b.audit.Opinion == nil,
			c.sheet == sheetRequirements && b.summary.Staleness == nil,
			c.sheet == sheetCoverage && len(b.summary.Coverage) == 0:
		default:
			out = append(out, c)
		}
	}
	return out
}

var (
	lookKey      = look{size: 10, color: muted, rule: ruleHair, wrap: true}
	lookValue    = look{size: 10, rule: ruleHair, wrap: true, indent: 1}
	lookMonoText = look{font: monoFont, size: 9, rule: ruleHair, wrap: true, indent: 1}
	lookCommand  = look{font: monoFont, size: 9, fill: band, indent: 1}
	lookFillIn   = look{size: 10, fill: input, rule: ruleHair, unlock: true}
)

// cover writes the first sheet: what this is, how to check it, what is in it.
func (b *book) cover() error {
	s, err := b.addSheet(page{name: sheetCover, portrait: true, onePage: true, widths: []float64{3, 26, 34, 34, 3}}, b.coverLinks)
	if err != nil {
		return err
	}
	bar := look{size: 9.5, fill: navy}
	s.write(10, cell{l: bar}, cell{l: bar}, cell{l: bar}, cell{l: bar}, cell{l: bar})
	if b.rehearsal != "" {
		l := look{size: 12, align: "center"}.as(statusFail)
		s.wide(2, 4, b.rehearsal, l, 24)
	} else {
		s.skip(1)
	}
	s.wide(2, 4, "Self-audit of issued certificates", look{size: 24, bold: true, color: navy}, 44)
	s.wide(2, 4, b.caName()+"  ·  "+b.summary.AuditID, look{size: 13, color: ink, wrap: true}, 22)
	s.skip(1)
	b.engagement(s)
	s.skip(1)
	b.howToCheck(s)
	s.skip(1)
	s.wide(2, 4, "Contents", lookBlock, 22)
	if s.row+1 != coverContents {
		return fmt.Errorf("writing sheet %s: the contents begin in row %d, their links in row %d", sheetCover, s.row+1, coverContents)
	}
	for _, c := range b.contents() {
		s.write(rowData, cell{}, cell{v: c.sheet, l: look{size: 10, color: teal, link: true, rule: ruleHair}},
			cell{v: c.about, l: lookValue}, cell{l: lookValue})
		s.merge(3, 4)
	}
	return s.close()
}

func (b *book) caName() string {
	if b.audit.CA == "" {
		return "CA not named in the configuration"
	}
	return brief(b.audit.CA, briefName, "config/selfaudit.toml")
}

// engagement is the block of facts that every workpaper opens with.
func (b *book) engagement(s *sheet) {
	c, sum := b.audit.Commitment, b.summary
	s.wide(2, 4, "Engagement", lookBlock, 22)
	kv := func(key, value string, l look) {
		width := s.p.widths[2] + s.p.widths[3]
		s.write(max(rowData, height(wrapped(value, l, width), l.size)), cell{}, cell{v: key, l: lookKey}, cell{v: value, l: l}, cell{l: l})
		s.merge(3, 4)
	}
	kv("CA", b.caName(), lookValue)
	kv("Requirement", b.requirement()+"; "+b.versions(), lookValue)
	kv("Period", fmt.Sprintf("%s to %s (end not included)", utc(sum.Period.Start), utc(sum.Period.End)), lookValue)
	previous := "none: the first audit of the chain, which starts " + utc(sum.ChainStart)
	if !c.PreviousCommitment.IsZero() {
		previous = "commitment " + c.PreviousCommitment.String()
	}
	kv("Previous audit", previous, lookValue)
	kv("Population", fmt.Sprintf("%s in %s", sampler.Counted(sum.Population, "certificate", "certificates"), counted(len(sum.Strata), "stratum", "strata")), lookValue)
	if sum.Sampled != nil {
		kv("Sample", fmt.Sprintf("%s, %s", sampler.Counted(*sum.Sampled, "certificate", "certificates"), b.drawnHow()), lookValue)
	} else {
		kv("Sample", "not drawn yet", lookValue.as(statusOpen))
	}
	small := lookMonoText
	small.size = 8.5
	kv("Commitment", sum.Commitment, small)
	kv("Report", fmt.Sprintf("%s by %s%s", utc(sum.ReportedAt), b.program, clockNote(sum.Clock)), lookValue)
	state, l := b.state()
	kv("Status", state, l)
	for _, role := range []string{"Prepared by", "Reviewed by"} {
		s.write(20, cell{}, cell{v: role, l: lookKey}, cell{l: lookFillIn}, cell{l: lookFillIn})
		s.merge(3, 4)
	}
}

// drawnHow says in a few words where the randomness came from.
func (b *book) drawnHow() string {
	switch {
	case b.audit.Commitment.Beacon != sampler.BeaconDice:
		return "drawn by a public randomness beacon"
	case b.rehearsal != "":
		return "drawn by digits known in advance, as only a rehearsal may"
	}
	return "drawn by dice rolled after the commitment"
}

// state is the audit's status in words: what is open, one line for each point.
func (b *book) state() (string, look) {
	const most = 8
	open := b.summary.Open
	if len(open) == 0 {
		return "Nothing is open.", lookValue.as(statusPass)
	}
	lines := []string{"Open: " + counted(len(open), "point", "points")}
	for i, o := range open {
		if i == most {
			lines = append(lines, fmt.Sprintf("and %d more, see report/summary.json", len(open)-most))
			break
		}
		lines = append(lines, brief(o.Text, briefDetail, "report/summary.json"))
	}
	return strings.Join(lines, "\n"), lookValue.as(statusOpen)
}

// clockNote marks a report whose time was not the machine's.
func clockNote(clock string) string {
	if clock == sampler.ClockGiven {
		return " (time given by the user)"
	}
	return ""
}

// requirement cites the rules that the strata are sampled by.
func (b *book) requirement() string {
	var cited []string
	for _, st := range b.audit.Strata {
		for _, c := range strings.Split(st.ID.Class.Citation(), "; ") {
			if !slices.Contains(cited, c) {
				cited = append(cited, c)
			}
		}
	}
	if len(cited) == 0 {
		return "BR 8.7"
	}
	return strings.Join(cited, ", ")
}

// versions names the documents' versions in force at the end of the period.
func (b *book) versions() string {
	var parts []string
	for _, r := range b.summary.Requirements {
		if b.concerns(r) {
			parts = append(parts, shortNames[r.Document]+" "+r.PeriodEnd)
		}
	}
	return "in force at the end of the period: " + strings.Join(parts, ", ")
}

// shortNames are the usual short names of the requirement documents.
var shortNames = map[string]string{"TLS-BR": "BR", "EVG": "EVG", "SMIME-BR": "SBR", "CS-BR": "CSBR"}

// howToCheck lists the commands an auditor runs in the unpacked package.
func (b *book) howToCheck(s *sheet) {
	s.wide(2, 4, "How to check this workbook", lookBlock, 22)
	s.wide(2, 4, "Every number here is derived from the documents beside it. In the folder of the evidence package:", look{size: 9.5, color: muted, wrap: true}, 20)
	for _, c := range []struct{ command, about string }{
		{"sha256sum --quiet -c tagmanifest-sha256.txt", "the package's own lists are unchanged"},
		{"sha256sum --quiet -c manifest-sha256.txt", "every file is unchanged, this one too"},
		{"sha256sum data/draw/commitment.txt", "equals the commitment received before the draw"},
		{"python3 data/draw/draw_reference.py verify data/draw", "the draw, by an independent program"},
		{"selfaudit verify .", "everything, with the numbers in this workbook"},
	} {
		s.write(rowData, cell{}, cell{v: c.command, l: lookCommand}, cell{l: lookCommand},
			cell{v: c.about, l: look{size: 9, color: muted, fill: band}})
		s.merge(2, 3)
	}
	s.wide(2, 4, "The manifest covers this workbook, so its hash cannot stand here. Take it from the hand-over letter.", lookNote, 16)
}

// The rows of the cover are fixed in number (only their heights vary), because links
// must be set before the first row is written.
const coverContents = 29 // the row of the first line under "Contents"

// coverLinks makes the names of the sheets in the contents links.
func (b *book) coverLinks(f *excelize.File) error {
	for i, c := range b.contents() {
		if err := f.SetCellHyperLink(sheetCover, at(2, coverContents+i), fmt.Sprintf("'%s'!A1", c.sheet), "Location"); err != nil {
			return err
		}
	}
	return nil
}
