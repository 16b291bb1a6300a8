package workbook

import (
	"fmt"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"

	"selfaudit/reports"
	"selfaudit/sampler"
)

// The Summary sheet's fixed rows.
const (
	summaryHead   = 8 // head of the table of strata
	maxChartBars  = 24
	chartWidth    = 930 // pixels: the width of the columns
	maxOnePage    = 30  // strata that fit on one page in legible print
	summaryColumn = 9
)

// summarySheet writes the result in numbers: key figures, one line for each stratum, the
// total, what is open, and the chart.
func (b *book) summarySheet() error {
	lines := b.summary.Strata
	p := page{name: sheetSummary, onePage: len(lines) <= maxOnePage, widths: []float64{30, 8, 12, 10, 10, 13, 13, 15, 17}}
	if !p.onePage {
		p.headFirst, p.headLast = summaryHead, summaryHead
	}
	s, err := b.addSheet(p, func(f *excelize.File) error { return b.chart(f) })
	if err != nil {
		return err
	}
	s.title("Summary", "The result of the audit in numbers. A problem is a drawn certificate with a finding of severity error or fatal; it counts as one until a reviewer decides otherwise.")
	b.keyFigures(s)
	s.skip(summaryHead - 1 - s.row)
	s.write(rowHead, cell{v: "Issuing CA", l: lookHead}, cell{v: "Level", l: lookHead}, cell{v: "Population", l: lookHeadNum},
		cell{v: "Sample", l: lookHeadNum}, cell{v: "Rate", l: lookHeadNum}, cell{v: "Lint findings", l: lookHeadNum},
		cell{v: "Problems, unreviewed", l: lookHeadNum}, cell{v: "Observed rate", l: lookHeadNum}, cell{v: "Upper bound (95 %)", l: lookHeadNum})
	for i, l := range lines {
		b.stratumRow(s, i, l)
	}
	if len(lines) == 0 {
		s.nothing("Nothing was issued in the period: the population is empty, and no sample is due.")
	} else {
		b.totalRow(s, len(lines))
	}
	b.summaryNotes(s)
	return s.close()
}

// keyFigures writes four figures in large print over their names.
func (b *book) keyFigures(s *sheet) {
	sum := b.summary
	sampled, triaged, problems := any("open"), any("open"), any("open")
	if sum.Sampled != nil {
		sampled = number(*sum.Sampled)
	}
	if sum.Lint != nil {
		triaged = fmt.Sprintf("%s of %s", number(sum.Review.Recorded), number(int64(sum.Lint.Findings())))
	}
	if sum.Overall.Problems != nil {
		problems = number(*sum.Overall.Problems)
	} else if sum.Population == 0 && sum.Lint != nil {
		problems = "0"
	}
	big := look{size: 20, bold: true, color: navy, fill: band, rule: ruleBanded, indent: 1}
	small := look{size: 9, color: muted, fill: band, rule: ruleBanded, indent: 1, top: true}
	blocks := [][2]int{{1, 1}, {2, 4}, {5, 7}, {8, 9}}
	row := func(height float64, l look, values ...any) {
		cells := make([]cell, summaryColumn)
		for i, block := range blocks {
			rest := l
			rest.rule = ruleNone
			for c := block[0]; c <= block[1]; c++ {
				cells[c-1].l = rest
			}
			cells[block[0]-1] = cell{v: values[i], l: l}
		}
		s.write(height, cells...)
		for _, block := range blocks {
			s.merge(block[0], block[1])
		}
	}
	row(34, big, number(sum.Population), sampled, triaged, problems)
	row(20, small, "certificates in the population", "certificates sampled", "lint findings triaged by a reviewer", "problems, not yet reviewed")
}

// level is the stratum's class with the CA's own division, if there is one.
func (b *book) level(st sampler.Stratum) (issuer, level string) {
	issuer = brief(b.audit.IssuerLabel(st.ID.Issuer), briefName, "draw/strata.tsv")
	if st.ID.Label != "" {
		issuer += " (" + brief(b.audit.Division(st.ID.Label), briefName, "draw/strata.tsv") + ")"
	}
	return issuer, reports.Level(st.ID.Class)
}

func (b *book) stratumRow(s *sheet, i int, l reports.StratumLine) {
	issuer, level := b.level(b.audit.Strata[i])
	h := max(rowData, height(wrapped(issuer, lookWrap, s.p.widths[0]), lookWrap.size))
	open := lookCell.as(statusOpen)
	open.align, open.indent = "right", 0
	cells := []cell{{v: issuer, l: lookWrap}, {v: level, l: lookCell}, {v: l.Population, l: lookInt}, {v: l.Sample, l: lookInt},
		{v: float64(l.RateBP) / 10000, l: lookRate}}
	if l.Problems == nil {
		cells = append(cells, cell{v: "Open", l: open}, cell{v: "Open", l: open}, cell{v: "Open", l: open}, cell{v: "Open", l: open})
	} else {
		problems := lookInt
		if *l.Problems > 0 {
			problems = problems.as(statusFail)
			problems.format, problems.align = lookInt.format, "right"
		}
		cells = append(cells, cell{v: *l.Findings, l: lookInt}, cell{v: *l.Problems, l: problems},
			cell{v: *l.Observed, l: lookRate}, cell{v: *l.UpperRate, l: lookRate})
	}
	s.write(h, cells...)
}

// totalRow adds the strata up by formula, with the values in place for readers that
// do not calculate. Rates of different strata are weighted, never pooled.
func (b *book) totalRow(s *sheet, n int) {
	first, last, o := summaryHead+1, summaryHead+n, b.summary.Overall
	sum := func(column string) string { return fmt.Sprintf("SUM(%s%d:%s%d)", column, first, column, last) }
	row := last + 1
	cells := []cell{{v: "All strata", l: lookCell.total()}, {l: lookCell.total()},
		{v: o.Population, l: lookInt.total(), f: sum("C")}, {v: o.Sample, l: lookInt.total(), f: sum("D")},
		{v: float64(o.Sample) / float64(o.Population), l: lookRate.total(), f: fmt.Sprintf("D%d/C%d", row, row)}}
	if o.Problems == nil {
		open := lookCell.total()
		open.align, open.indent = "right", 0
		for range 4 {
			cells = append(cells, cell{v: "Open", l: open})
		}
	} else {
		var findings int64
		for _, l := range b.summary.Strata {
			findings += *l.Findings
		}
		cells = append(cells, cell{v: findings, l: lookInt.total(), f: sum("F")}, cell{v: *o.Problems, l: lookInt.total(), f: sum("G")},
			cell{v: *o.Estimate, l: lookRate.total(), f: fmt.Sprintf("SUMPRODUCT(C%d:C%d,H%d:H%d)/C%d", first, last, first, last, row)},
			cell{v: *o.UpperRate, l: lookRate.total()})
	}
	s.write(rowData+2, cells...)
}

func (b *book) summaryNotes(s *sheet) {
	note := "Upper bound: the largest share of the stratum that the sample does not rule out, one-sided 95 %, exact (hypergeometric)."
	if len(b.summary.Strata) > 1 {
		note += " All strata: observed rates weighted by population; the bounds of the strata at 5 % divided by their number, added up, so that they hold together."
	}
	note += " A small sample proves little: the sampling rate is a duty, not a statistical assurance."
	s.wide(1, summaryColumn, note, lookNote, 14)
	if n := b.summary.Late; n > 0 {
		s.wide(1, summaryColumn, fmt.Sprintf("%s in the population from an earlier period, first seen now.", counted(int(n), "certificate is", "certificates are")), lookNote, 14)
	}
	if o := b.summary.Overall; o.Problems != nil && o.Unwaived != nil && *o.Unwaived != *o.Problems {
		s.wide(1, summaryColumn, fmt.Sprintf("Waived findings count here: without them there are %s instead of %s problems (sheet %s).", number(*o.Unwaived), number(*o.Problems), sheetWaivers), lookNote, 14)
	}
	if t := b.summary.AsIf; t != nil {
		s.wide(1, summaryColumn, fmt.Sprintf("If issued again on %s, %s of the drawn certificates would violate a rule, %s of them only then (sheet %s); this counts nowhere here.", t.Day, number(int64(t.Items)), number(int64(t.New)), sheetToday), lookNote, 14)
	}
	if n := b.contradictions(); n > 0 {
		s.wide(1, summaryColumn, fmt.Sprintf("In the whole population, while collecting: %s with a contradiction inside (sheet %s).", counted(n, "item", "items"), sheetFindings), lookNote, 14)
	}
	if len(b.summary.Open) > 0 {
		var texts []string
		for _, o := range b.summary.Open {
			texts = append(texts, brief(o.Text, briefDetail, "report/summary.json"))
		}
		s.skip(1)
		l := look{size: 9.5, wrap: true}.as(statusOpen)
		s.wide(1, summaryColumn, "Open.  "+strings.Join(texts, "  "), l, 22)
	}
}

// contradictions counts the items of any audit's population or none that collecting
// found a contradiction in, of any severity.
func (b *book) contradictions() int {
	n := 0
	for _, it := range b.audit.FindingItems() {
		if slices.ContainsFunc(it.Findings, func(f reports.ItemFinding) bool { return f.FromItem }) {
			n++
		}
	}
	return n
}

// chart draws observed rate and upper bound of every stratum. It must be placed
// before the first row is written, so its row is computed, not measured.
func (b *book) chart(f *excelize.File) error {
	n := len(b.summary.Strata)
	if n == 0 || n > maxChartBars || b.summary.Overall.Problems == nil {
		return nil
	}
	first, last := summaryHead+1, summaryHead+n
	series := func(column, color string) excelize.ChartSeries {
		return excelize.ChartSeries{
			Name:       fmt.Sprintf("'%s'!$%s$%d", sheetSummary, column, summaryHead),
			Categories: fmt.Sprintf("'%s'!$A$%d:$A$%d", sheetSummary, first, last),
			Values:     fmt.Sprintf("'%s'!$%s$%d:$%s$%d", sheetSummary, column, first, column, last),
			Fill:       excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{color}},
			DataLabel:  excelize.ChartDataLabel{Font: excelize.Font{Family: textFont, Size: 8.5, Color: ink}},
		}
	}
	zero, one, gap, overlap, vary := 0.0, 1.0, uint(60), -5, false
	axis := excelize.Font{Family: textFont, Size: 9, Color: muted}
	return f.AddChart(sheetSummary, at(1, last+7), &excelize.Chart{
		Type:      excelize.Bar,
		Series:    []excelize.ChartSeries{series("H", red), series("I", barBound)},
		Title:     excelize.ChartTitle{Paragraph: []excelize.RichTextRun{{Text: "Observed problem rate, and the most the sample can rule out", Font: &excelize.Font{Family: textFont, Size: 11, Bold: true, Color: navy}}}},
		Legend:    excelize.ChartLegend{Position: "bottom", Font: &axis},
		Dimension: excelize.ChartDimension{Width: chartWidth, Height: uint(120 + 46*n)},
		XAxis:     excelize.ChartAxis{ReverseOrder: true, Font: axis},
		YAxis: excelize.ChartAxis{Minimum: &zero, Maximum: &one, MajorUnit: 0.2, MajorGridLines: true, Font: axis,
			NumFmt: excelize.ChartNumFmt{CustomNumFmt: "0%"}},
		PlotArea: excelize.ChartPlotArea{ShowVal: true, NumFmt: excelize.ChartNumFmt{CustomNumFmt: "0.0%"}},
		GapWidth: &gap, Overlap: &overlap, VaryColors: &vary,
		Border: excelize.LineOptions{Type: excelize.LineNone},
		Format: excelize.GraphicOptions{AltText: "Bars of the observed problem rate and its upper bound for every stratum"},
	})
}
