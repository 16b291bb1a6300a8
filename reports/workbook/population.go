package workbook

import (
	"fmt"
	"time"

	"selfaudit/reports"
	"selfaudit/sampler"
)

// population writes every issued item, up to the cap; above it the sheet names the
// document that has them all.
func (b *book) population() error {
	total := b.audit.Population.Count
	shown := int(min(total, int64(b.limits.population)))
	s, err := b.addSheet(page{name: sheetPopulation, widths: []float64{26, 7, 44, 20, 20, 20, 9}, headFirst: 4, headLast: 4, filter: shown}, nil)
	if err != nil {
		return err
	}
	sentence := "Every certificate issued in the period: one row for each issuing key and serial number, in the order of the committed file. Times are UTC."
	if int64(shown) < total {
		sentence = fmt.Sprintf("The first %s of %s rows. All are in draw/population.tsv, whose hash is in the commitment. Times are UTC.", number(int64(shown)), number(total))
	}
	s.title("Population", sentence)
	s.write(24, cell{v: "Issuing CA", l: lookHead}, cell{v: "Level", l: lookHead}, cell{v: "Serial number", l: lookHead},
		cell{v: "Issued", l: lookHead}, cell{v: "Valid from", l: lookHead}, cell{v: "Valid to", l: lookHead}, cell{v: "Form", l: lookHead})
	if total == 0 {
		s.nothing("Nothing was issued in the period.")
		return s.close()
	}
	names := map[sampler.StratumID][2]string{}
	n := 0
	for row, err := range b.audit.AllRows() {
		if err != nil {
			return err
		}
		if n++; n > shown {
			break
		}
		name, ok := names[row.Stratum]
		if !ok {
			name[0], name[1] = brief(b.audit.IssuerLabel(row.Stratum.Issuer), briefName, "draw/population.tsv"), reports.Level(row.Stratum.Class)
			if row.Stratum.Label != "" {
				name[0] += " (" + brief(b.audit.Division(row.Stratum.Label), briefName, "draw/strata.tsv") + ")"
			}
			names[row.Stratum] = name
		}
		s.write(rowData, cell{v: name[0], l: lookCell}, cell{v: name[1], l: lookCell}, cell{v: string(row.Item.Serial), l: lookMono},
			cell{v: timeText(row.Issued), l: lookCell}, cell{v: timeText(row.NotBefore), l: lookCell}, cell{v: timeText(row.NotAfter), l: lookCell},
			cell{v: string(row.Form), l: lookCell})
	}
	b.cutNote(s, int(total), shown, "draw/population.tsv")
	return s.close()
}

// timeText is a time as the documents write it, "-" for none.
func timeText(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return sampler.FormatTime(t)
}
