package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// table is aligned text: the first column to the left, the others to the right.
type table struct{ rows [][]string }

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

// write puts the table under a heading.
func (t *table) write(w io.Writer, heading string) {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	fmt.Fprintf(w, "\n%s\n", heading)
	for _, row := range t.rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				line.WriteString("  " + cell + pad)
			} else {
				line.WriteString("   " + pad + cell)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// write shows contenders: CPU per unit, units per CPU second, wall time per unit, and how
// many times less CPU than the line compared with.
func (b *bench) write(heading, unit, units string, lines []contender) {
	var t table
	head := []string{"", "CPU/" + unit, units + "/CPU s", "wall/" + unit}
	if anyCompared(lines) {
		head = append(head, "times less CPU", "(rounds)")
	}
	t.row(head...)
	for i := range lines {
		c := &lines[i]
		row := []string{c.label, micro(c.cpu()), count(int64(float64(time.Second) / float64(c.cpu()))), micro(c.wall())}
		if c.base != i {
			mid, low, high := c.against(&lines[c.base])
			row = append(row, times(mid), fmt.Sprintf("(%s-%s)", times(low), times(high)))
		} else if anyCompared(lines) {
			row = append(row, "1")
		}
		t.row(row...)
	}
	t.write(b.out, heading)
}

// anyCompared says whether any line is compared with another.
func anyCompared(lines []contender) bool {
	for i := range lines {
		if lines[i].base != i {
			return true
		}
	}
	return false
}

func micro(d time.Duration) string {
	us := float64(d) / float64(time.Microsecond)
	if us < 100 {
		return fmt.Sprintf("%.2f us", us)
	}
	return fmt.Sprintf("%.0f us", us)
}

func times(r float64) string {
	if r < 20 {
		return fmt.Sprintf("%.1f", r)
	}
	return fmt.Sprintf("%.0f", r)
}

// count writes a number with its thousands apart, to three digits from 10,000 on: no more is measured.
func count(n int64) string {
	unit := int64(1)
	for n/unit >= 1000 {
		unit *= 10
	}
	return group((n + unit/2) / unit * unit)
}

// group writes a number with its thousands apart.
func group(n int64) string {
	digits := fmt.Sprint(n)
	var out []byte
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out = append(out, ',')
		}
		out = append(out, digits[i])
	}
	return string(out)
}

func mebi(kb int64) string {
	if kb == 0 {
		return "unknown"
	}
	return fmt.Sprintf("%.0f MiB", float64(kb)/1024)
}
