package workbook

import (
	"fmt"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"

	"selfaudit/reports"
	"selfaudit/sampler"
)

// problemLists writes the Findings sheet: one problem list after the other, each with
// a line that says what the problem is, how often and when it was issued and what was
// looked at, then every affected certificate.
type problemLists struct {
	*sheet
	problems []reports.Problem
	details  map[detailKey]string
	links    int    // links to crt.sh that were set, for the first certificates
	written  int    // certificates written
	day      string // of linting, "" if not known
}

// detailKey names what a check said about an item.
type detailKey struct {
	lint     string
	fromItem bool
	item     string
}

func (b *book) findings() error {
	w := &problemLists{details: map[detailKey]string{}}
	day, _ := b.audit.AuditDay()
	w.day = day
	w.problems = slices.DeleteFunc(b.audit.Problems(), func(p reports.Problem) bool { return !p.Counts() })
	for _, it := range b.audit.FindingItems() {
		for _, f := range it.Findings {
			w.details[detailKey{f.Lint, f.FromItem, it.ID.String()}] = f.Details
		}
	}
	s, err := b.addSheet(page{name: sheetFindings, widths: []float64{9, 14, 44, 24, 46, 14, 28, 12, 11}, headFirst: 4, headLast: 4}, w.setLinks(b.limits))
	if err != nil {
		return err
	}
	w.sheet = s
	s.title("Findings", "One problem list for each check that failed with severity error or fatal, worst first, with every affected certificate. The number of a finding links to crt.sh. Warnings and notices are on the sheet "+sheetLint+".")
	var head []cell
	for i, title := range []string{"Finding", "Severity", "Serial number, SHA-256 fingerprint", "Stratum", "What is wrong and the rule", "Detected by", "Incident / action", "Revoked", "Status"} {
		l := lookHead
		if i == 6 || i == 7 {
			l = lookInput
		}
		head = append(head, cell{v: title, l: l})
	}
	s.write(24, head...)
	if len(w.problems) == 0 {
		text := "No finding of severity error or fatal."
		if !b.audit.Linted {
			text = "Open: the sample is not linted yet. Collecting found no contradiction in the population."
		}
		s.nothing(text)
	}
	for n, p := range w.problems {
		if !w.list(fmt.Sprintf("F-%02d", n+1), p) {
			s.nothing(fmt.Sprintf("The table ends here at %s. All certificates are in findings/findings.json.", sampler.Counted(b.limits.rows, "row", "rows")))
			break
		}
	}
	return s.close()
}

// list writes one problem list; false means that the sheet is full.
func (w *problemLists) list(id string, p reports.Problem) bool {
	w.head(id, p)
	for i, c := range p.Affected {
		if w.row >= w.b.limits.rows {
			return false
		}
		w.certificate(fmt.Sprintf("%s.%d", id, i+1), p, c)
	}
	return true
}

// head writes the line over a list.
func (w *problemLists) head(id string, p reports.Problem) {
	const whole = "findings/findings.json"
	meaning := p.Meaning
	if meaning == "" {
		meaning = "The linter gives no description."
	}
	if p.Citation != "" {
		meaning += " (" + p.Citation + ")"
	}
	run := func(text string, size float64, color string, bold bool) excelize.RichTextRun {
		return excelize.RichTextRun{Text: text, Font: &excelize.Font{Family: textFont, Size: size, Color: color, Bold: bold}}
	}
	says := fmt.Sprintf("\n%s, %s, issued %s to %s. %s", counted(p.Items, "item", "items"), counted(p.Certificates, "certificate or precertificate", "certificates and precertificates"),
		yearMonthDay(p.FirstIssued), yearMonthDay(p.LastIssued), p.Coverage)
	if len(p.InForce) > 0 {
		says += fmt.Sprintf("\nIn force at issuance: %s; on the day of the audit%s: %s.", shortVersions(p.InForce), daySuffix(w.day), shortVersions(p.InForceAtAudit))
	}
	if len(p.Revocation) > 0 {
		says += "\nReason for revocation: " + brief(strings.Join(p.Revocation, "; "), briefDetail, whole) + "."
	}
	if p.WaivedItems > 0 {
		says += fmt.Sprintf("\nWaived for %s of %s (sheet %s).", number(int64(p.WaivedItems)), counted(p.Items, "item", "items"), sheetWaivers)
	}
	w.wide(1, len(w.p.widths), []excelize.RichTextRun{
		run(id+"   "+brief(p.Lint, briefName, whole), 10.5, navy, true),
		run("\n"+title(brief(meaning, briefDetail, whole)), 9.5, ink, false),
		run(says, 9.5, muted, false),
	}, look{size: 9.5, fill: band, rule: ruleTotal, wrap: true, indent: 1}, 50)
}

// certificate writes one row of a list.
func (w *problemLists) certificate(id string, p reports.Problem, c reports.Affected) {
	linked := lookCell
	if w.written++; w.written <= w.links {
		linked.color, linked.link = teal, true
	}
	mono := lookMono
	mono.wrap = true
	stratum := "outside the population"
	if c.EarlierAudit != "" {
		stratum = "population of " + brief(c.EarlierAudit, briefName, "lint/population.jsonl")
	}
	if c.InPopulation {
		if id, err := sampler.ParseStratumID(c.StratumID); err == nil {
			stratum = brief(w.b.audit.StratumName(id), briefName, "draw/strata.tsv")
		}
	}
	stratum += "\nissued " + yearMonthDay(c.Issued)
	if len(c.InForce) > 0 {
		stratum += ", " + shortVersions(c.InForce)
	}
	status, statusLook := statusOpen.word, lookWrap.as(statusOpen)
	if c.Waiver != "" {
		status, statusLook = "Waived "+c.Waiver, lookWrap.as(statusNA)
	}
	serial := c.Serial + "\n" + c.SHA256
	what := formWord(c.Form)
	d := w.details[detailKey{p.Lint, p.Covers == reports.CoversPopulation, c.ItemID}]
	if d == "" { // a list of linting can cover the population too
		d = w.details[detailKey{p.Lint, false, c.ItemID}]
	}
	if d != "" {
		what += ": " + brief(d, briefDetail, "lint/results.jsonl")
	}
	lines := max(wrapped(serial, mono, w.p.widths[2]), wrapped(stratum, lookWrap, w.p.widths[3]), wrapped(what, lookWrap, w.p.widths[4]))
	fillIn := look{size: 9.5, fill: input, rule: ruleBoxed, wrap: true, indent: 1}
	w.write(max(rowData, height(lines, lookWrap.size)),
		cell{v: id, l: linked}, cell{v: title(p.Severity.String()), l: lookCell.ink(statusFail)}, cell{v: serial, l: mono},
		cell{v: stratum, l: lookWrap}, cell{v: what, l: lookWrap}, cell{v: brief(p.Source, briefName, "findings/findings.json"), l: lookWrap},
		cell{l: fillIn}, cell{l: fillIn}, cell{v: status, l: statusLook})
}

// daySuffix is a day in brackets, if it is known.
func daySuffix(day string) string {
	if day == "" {
		return ""
	}
	return " (" + day + ")"
}

// setLinks sets the links to crt.sh. Their rows follow from the lists: a head line,
// then one row for each certificate. The address is a fixed prefix and a hash.
func (w *problemLists) setLinks(lim limits) func(f *excelize.File) error {
	return func(f *excelize.File) error {
		row := 4
		for _, p := range w.problems {
			row++
			for _, c := range p.Affected {
				row++
				if w.links >= lim.links || row > lim.rows {
					return nil
				}
				if err := f.SetCellHyperLink(sheetFindings, at(1, row), c.CrtSh, "External"); err != nil {
					return err
				}
				w.links++
			}
		}
		return nil
	}
}

// formWord is a form in words for people.
func formWord(form string) string {
	switch sampler.Form(form) {
	case sampler.FormFinal:
		return "Certificate"
	case sampler.FormPrecert:
		return "Precertificate"
	}
	return "Certificate not gathered"
}

// title is a word with a capital letter.
func title(word string) string {
	if word == "" || word[0] < 'a' || word[0] > 'z' {
		return word
	}
	return string(word[0]-'a'+'A') + word[1:]
}
