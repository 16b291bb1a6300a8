package lint

import (
	"fmt"

	zlint "github.com/zmap/zlint/v3/lint"
)

// Severity says how bad a finding is. The zero value is not a severity, so that
// a forgotten field cannot pass for the mildest one.
type Severity int

// The severities, mildest first. Fatal means that a lint could not judge
// (broken encoding, a panic caught), not that it found something worse than an
// error: reports show it separately.
const (
	Notice Severity = iota + 1
	Warn
	Error
	Fatal
)

var severityTexts = map[Severity]string{Notice: "notice", Warn: "warn", Error: "error", Fatal: "fatal"}

// String returns "notice", "warn", "error" or "fatal".
func (s Severity) String() string {
	if text, ok := severityTexts[s]; ok {
		return text
	}
	return fmt.Sprintf("severity(%d)", int(s))
}

// MarshalText writes the severity as its text; an undefined value is an error.
func (s Severity) MarshalText() ([]byte, error) {
	text, ok := severityTexts[s]
	if !ok {
		return nil, fmt.Errorf("writing severity: %d is not a severity", int(s))
	}
	return []byte(text), nil
}

// UnmarshalText reads what MarshalText writes, and nothing else.
func (s *Severity) UnmarshalText(text []byte) error {
	parsed, err := ParseSeverity(string(text))
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}

// ParseSeverity reads one of "notice", "warn", "error", "fatal".
func ParseSeverity(text string) (Severity, error) {
	for _, s := range []Severity{Notice, Warn, Error, Fatal} {
		if severityTexts[s] == text {
			return s, nil
		}
	}
	return 0, fmt.Errorf("reading severity %q: want notice, warn, error or fatal", text)
}

// severityOf translates a status of zlint that is a finding (above pass).
func severityOf(status zlint.LintStatus) Severity {
	switch status {
	case zlint.Notice:
		return Notice
	case zlint.Warn:
		return Warn
	case zlint.Error:
		return Error
	default:
		return Fatal
	}
}
