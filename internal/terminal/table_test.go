package terminal

import (
	"strings"
	"testing"
)

func build(width int) string {
	var b strings.Builder
	t := NewTable(&b, width, NewPalette(false))
	t.Header("ISSUER", "ITEMS", "NOTE")
	t.Cells(Cell{Text: "DV1"}, Cell{Text: "12", Right: true}, Cell{Text: "a rather long note that will not fit"})
	t.Cells(Cell{Text: "東京"}, Cell{Text: "3,456", Right: true}, Cell{Text: "evil\x1b[2J\ttext"})
	if err := t.Flush(); err != nil {
		panic(err)
	}
	return b.String()
}

func TestTablePiped(t *testing.T) {
	want := "ISSUER\tITEMS\tNOTE\n" +
		"DV1\t12\ta rather long note that will not fit\n" +
		"東京\t3,456\tevil\\x1b[2J\\x09text\n"
	if got := build(0); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTableOnTerminal(t *testing.T) {
	want := "ISSUER  ITEMS  NOTE\n" +
		"DV1        12  a rather long note ..\n" +
		"東京    3,456  evil\\x1b[2J\\x09text\n"
	if got := build(36); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTableFitsWhenItCan(t *testing.T) {
	for width := 30; width < 80; width++ {
		for line := range strings.Lines(build(width)) {
			if n := Columns(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("width %d: line of %d columns: %q", width, n, line)
			}
		}
	}
}

func TestTableKeepsLeastWidth(t *testing.T) {
	got := shrink([]int{8, 40, 3}, 10)
	if got[0] != 8 || got[1] != minColumn || got[2] != 3 {
		t.Errorf("shrink = %v", got)
	}
}

func TestColumnsAndShorten(t *testing.T) {
	if got := Columns("a東u\u0308"); got != 4 {
		t.Errorf("Columns = %d, want 4", got)
	}
	for text, want := range map[string]string{"abcdef": "abc..", "abcde": "abcde", "東京都庁": "東.."} {
		if got := Shorten(text, 5); got != want {
			t.Errorf("Shorten(%q, 5) = %q, want %q", text, got, want)
		}
	}
	if got := Shorten("abcdef", 1); got != "." {
		t.Errorf("Shorten to one column = %q", got)
	}
}
