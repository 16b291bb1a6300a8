package terminal

// Style is one of the six ways to set text apart. A style never carries
// meaning alone: the words say it too.
type Style int

// The styles; Plain is the absence of one.
const (
	Plain Style = iota
	Strong
	Faint
	OK
	Caution
	Alarm
	Accent
)

var styleCodes = [...]string{Strong: "1", Faint: "2", OK: "32", Caution: "33", Alarm: "1;31", Accent: "36"}

// Palette colours text, or does not: one switch for a whole stream.
type Palette struct{ on bool }

// NewPalette makes a palette that colours only if on.
func NewPalette(on bool) Palette { return Palette{on} }

// On reports whether the palette colours at all.
func (p Palette) On() bool { return p.on }

// Paint sets s in a style. s must already be escaped.
func (p Palette) Paint(style Style, s string) string {
	if !p.on || s == "" || style <= Plain || int(style) >= len(styleCodes) {
		return s
	}
	return "\x1b[" + styleCodes[style] + "m" + s + "\x1b[0m"
}

// Bold is for headings and the thing itself.
func (p Palette) Bold(s string) string { return p.Paint(Strong, s) }

// Dim is for what may be skipped.
func (p Palette) Dim(s string) string { return p.Paint(Faint, s) }

// Good is for what checked out.
func (p Palette) Good(s string) string { return p.Paint(OK, s) }

// Warn is for what needs a look.
func (p Palette) Warn(s string) string { return p.Paint(Caution, s) }

// Bad is for what failed.
func (p Palette) Bad(s string) string { return p.Paint(Alarm, s) }

// Mark is for names and commands to copy.
func (p Palette) Mark(s string) string { return p.Paint(Accent, s) }

// UseColor decides whether a stream is coloured. mode is the --color flag:
// "always" and "never" win. With "auto" CLICOLOR_FORCE (not empty, not "0")
// forces colour; else the stream must be a terminal, NO_COLOR unset or empty
// and TERM not "dumb".
func UseColor(mode string, tty bool, getenv func(string) string) bool {
	switch mode {
	case "always":
		return true
	case "never":
		return false
	}
	if getenv("NO_COLOR") != "" {
		return false
	}
	if force := getenv("CLICOLOR_FORCE"); force != "" && force != "0" {
		return true
	}
	return tty && getenv("TERM") != "dumb"
}
