package workbook

import (
	"fmt"

	"selfaudit/lint"
	"selfaudit/reports"
	"selfaudit/sampler"
)

// sample writes the drawn certificates in the order of the draw.
func (b *book) sample() error {
	items := b.audit.SampleItems()
	shown := min(len(items), b.limits.rows)
	p := page{name: sheetSample, widths: []float64{6, 24, 7, 44, 30, 12, 12, 9, 9, 9}, headFirst: 4, headLast: 4, filter: shown}
	s, err := b.addSheet(p, nil)
	if err != nil {
		return err
	}
	sentence := "The certificates drawn for review, by stratum and rank of the draw. Fail in the last column: a finding of severity error or fatal, until a reviewer decides otherwise."
	if b.summary.Reserve != nil {
		sentence += fmt.Sprintf(" %s more are ranked in reserve for replacement (draw/sample.tsv).", number(*b.summary.Reserve))
	}
	s.title("Sample", sentence)
	s.write(24, cell{v: "Rank", l: lookHeadNum}, cell{v: "Issuing CA", l: lookHead}, cell{v: "Level", l: lookHead}, cell{v: "Serial number", l: lookHead},
		cell{v: "First DNS name", l: lookHead}, cell{v: "Valid from", l: lookHead}, cell{v: "Valid to", l: lookHead},
		cell{v: "Lint", l: lookHead}, cell{v: "Review", l: lookHead}, cell{v: "Result", l: lookHead})
	if len(items) == 0 {
		s.nothing(b.noSample())
	}
	for _, it := range items[:shown] {
		issuer, level := b.stratumOf(it)
		name, from, to := b.nameAndDates(it)
		lintWord, lintLook, result, resultLook := b.lintState(it)
		name = brief(name, briefName, "certificates/")
		s.write(b.rowHeight(s, map[int]string{1: issuer, 4: name}),
			cell{v: it.Rank, l: lookInt}, cell{v: issuer, l: lookWrap}, cell{v: level, l: lookCell},
			cell{v: string(it.ID.Serial), l: lookMono}, cell{v: name, l: lookWrap},
			cell{v: from, l: lookDate}, cell{v: to, l: lookDate}, cell{v: lintWord, l: lintLook},
			cell{v: statusOpen.word, l: lookCell.as(statusOpen)}, cell{v: result, l: resultLook})
	}
	b.cutNote(s, len(items), shown, "draw/sample.tsv")
	return s.close()
}

// noSample says why there is no sample.
func (b *book) noSample() string {
	if b.audit.Drawn {
		return "Nothing was issued in the period, so nothing is drawn."
	}
	return "Open: the sample is not drawn yet. The round of the public randomness is on the sheet " + sheetDraw + "."
}

// cutNote says that a table was capped.
func (b *book) cutNote(s *sheet, all, shown int, document string) {
	if shown < all {
		s.nothing(fmt.Sprintf("The table ends here: %s of %s rows. All are in %s.", number(int64(shown)), number(int64(all)), document))
	}
}

// stratumOf names an item's issuing CA (with the CA's own division) and level.
func (b *book) stratumOf(it *reports.Item) (issuer, level string) {
	if st, ok := b.audit.Stratum(it.Row.Stratum); ok {
		return b.level(st)
	}
	return brief(b.audit.IssuerLabel(it.ID.Issuer), briefName, "draw/snapshot.json"), "-"
}

// nameAndDates are the facts a reader recognises a certificate by.
func (b *book) nameAndDates(it *reports.Item) (name string, from, to any) {
	if c := it.Main(); c != nil {
		return c.Facts.Name(), dateCell(c.Facts.NotBefore), dateCell(c.Facts.NotAfter)
	}
	return "-", dateCell(it.Row.NotBefore), dateCell(it.Row.NotAfter)
}

// lintState gives the words of the columns Lint and Result.
func (b *book) lintState(it *reports.Item) (word string, l look, result string, r look) {
	if !b.audit.Linted {
		return statusOpen.word, lookCell.as(statusOpen), statusOpen.word, lookCell.as(statusOpen)
	}
	worst, found := it.Worst()
	switch {
	case !found:
		return statusPass.word, lookCell.ink(statusPass), statusOpen.word, lookCell.as(statusOpen)
	case worst >= lint.Error:
		return title(worst.String()), lookCell.ink(statusFail), statusFail.word, lookCell.as(statusFail)
	}
	return title(worst.String()), lookCell, statusOpen.word, lookCell.as(statusOpen)
}

// rowHeight is the height that the wrapped texts of a row need; keys are columns from 0.
func (b *book) rowHeight(s *sheet, texts map[int]string) float64 {
	h := rowData
	for col, text := range texts {
		if lines := wrapped(text, lookWrap, s.p.widths[col]); lines > 1 {
			h = max(h, height(lines, lookWrap.size))
		}
	}
	return h
}

// classOf is the class of an item's stratum.
func classOf(it *reports.Item) sampler.Class { return it.Row.Stratum.Class }
