package main

import (
	"encoding/xml"
	"fmt"
	"strings"

	"selfaudit/internal/terminal"
	"selfaudit/lint"
)

// junitView is --format junit: a test suite per file and a test case per finding, or one
// that passes where an artifact has none. JUnit knows failures (here: error) and errors
// (here: fatal, unreadable); warnings, notices and waived findings are cases that pass and say so.
type junitView struct {
	e     *env
	begun bool
	suite *junitSuite
}

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
	file     string
}

type junitCase struct {
	ClassName string        `xml:"classname,attr"`
	Name      string        `xml:"name,attr"`
	Failure   *junitProblem `xml:"failure,omitempty"`
	Error     *junitProblem `xml:"error,omitempty"`
	Out       string        `xml:"system-out,omitempty"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

func (v *junitView) result(a lint.Artifact, r lint.Result) error {
	if v.suite == nil || v.suite.file != r.File || a.Block == 0 {
		if err := v.flush(); err != nil {
			return err
		}
		v.suite = &junitSuite{Name: junitName(r), file: r.File}
	}
	class := string(r.Kind) + " " + r.SHA256
	if a.Block > 0 {
		class = fmt.Sprintf("block %d %s", a.Block+1, class)
	}
	if r.AsIf != "" {
		class += " as if issued on " + r.AsIf
	}
	if len(r.Findings) == 0 {
		v.suite.add(junitCase{ClassName: class, Name: "no findings"})
	}
	for i, f := range r.Findings {
		v.suite.add(junitCaseOf(class, r, f, waivedText(r, i)))
	}
	return nil
}

// junitName names a suite after its file, and says "as if".
func junitName(r lint.Result) string {
	name := quoteFile(r.File)
	if r.AsIf != "" {
		name += " [as if issued on " + r.AsIf + "]"
	}
	return name
}

func junitCaseOf(class string, r lint.Result, f lint.Finding, waived string) junitCase {
	c := junitCase{ClassName: class, Name: terminal.Escape(f.Lint)}
	lines := []string{lint.Meaning(f.Lint)}
	if f.Details != "" {
		lines = append(lines, "details: "+f.Details)
	}
	if f.Citation != "" {
		lines = append(lines, "citation: "+f.Citation)
	}
	if g := groundOf(r, f); g != nil {
		lines = append(lines, "revoke: "+groundText(g))
	}
	for i := range lines {
		lines[i] = terminal.Escape(lines[i]) // XML 1.0 has no way to write a control character
	}
	p := &junitProblem{Message: lines[0], Type: f.Severity.String(), Text: strings.Join(lines, "\n")}
	switch {
	case waived != "":
		c.Out = waived + ": " + f.Severity.String() + ": " + p.Text
	case f.Severity == lint.Fatal:
		c.Error = p
	case f.Severity == lint.Error:
		c.Failure = p
	default:
		c.Out = f.Severity.String() + ": " + p.Text
	}
	return c
}

func (s *junitSuite) add(c junitCase) {
	s.Cases = append(s.Cases, c)
	s.Tests++
	if c.Failure != nil {
		s.Failures++
	}
	if c.Error != nil {
		s.Errors++
	}
}

// flush writes the suite that is complete.
func (v *junitView) flush() error {
	if !v.begun {
		v.begun = true
		v.e.printf("%s<testsuites name=\"selfaudit lint\">\n", xml.Header)
	}
	if v.suite == nil {
		return nil
	}
	text, err := xml.MarshalIndent(v.suite, "  ", "  ")
	if err != nil {
		return fmt.Errorf("writing the results of %s: %w", v.suite.file, err)
	}
	v.suite = nil
	v.e.printf("%s\n", text)
	return nil
}

func (v *junitView) end(in *lintInputs) error {
	if err := v.flush(); err != nil {
		return err
	}
	for _, u := range in.unreadable {
		v.suite = &junitSuite{Name: quoteFile(u.File), file: u.File}
		message := terminal.Escape(u.Error)
		v.suite.add(junitCase{ClassName: "input", Name: "readable", Error: &junitProblem{Message: message, Type: "unreadable", Text: message}})
		if err := v.flush(); err != nil {
			return err
		}
	}
	v.e.printf("</testsuites>\n")
	return nil
}
