package evidence

import (
	"bufio"
	"fmt"
	"io"

	"selfaudit/internal/terminal"
	"selfaudit/sampler"
)

// Status is the outcome of one check.
type Status string

// The outcomes. Only OK says that something was shown.
const (
	OK      Status = "ok"      // derived again, and it agrees
	Fail    Status = "FAIL"    // it does not agree: the package does not check out
	Skipped Status = "skipped" // not looked at; Detail says why
	Compare Status = "compare" // only the auditor can know: compare on another way
	Note    Status = "note"    // a choice or circumstance that the auditor should know, no failure
	Open    Status = "open"    // a part of the audit that has not happened yet
)

// Check is one line of a Report. Detail is raw text, possibly from a hostile package:
// escape it before it reaches a terminal, as Report.Write does.
type Check struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
}

// ReportSchema names the JSON form of a Report.
const ReportSchema = "selfaudit.verify/v1"

// rehearsalLine is the last line about every package of a rehearsal.
const rehearsalLine = "REHEARSAL, NOT EVIDENCE"

// Report is what Verify found out about one package, in the order of the checks.
type Report struct {
	Schema     string  `json:"schema"`
	Package    string  `json:"package"` // the path given to Verify
	AuditID    string  `json:"audit_id"`
	CA         string  `json:"ca"`
	Verified   bool    `json:"verified"`   // no check failed and the checks reached their end
	Incomplete bool    `json:"incomplete"` // the package says that stages are open
	Rehearsal  bool    `json:"rehearsal"`
	Checks     []Check `json:"checks"`
}

// Failed says whether any check failed; exit code 4.
func (r *Report) Failed() bool {
	for _, c := range r.Checks {
		if c.Status == Fail {
			return true
		}
	}
	return false
}

// Count returns how many checks ended with the status.
func (r *Report) Count(s Status) int {
	n := 0
	for _, c := range r.Checks {
		if c.Status == s {
			n++
		}
	}
	return n
}

// Write prints one line per check and a verdict, with hostile text escaped. The last
// line about a rehearsal is REHEARSAL, NOT EVIDENCE, whatever else was found.
func (r *Report) Write(w io.Writer) error {
	out := bufio.NewWriter(w)
	for _, c := range r.Checks {
		line := c.Name
		if c.Detail != "" {
			line += ": " + c.Detail
		}
		word := string(c.Status)
		if c.Status != OK && c.Status != Fail {
			word += ":"
		}
		fmt.Fprintf(out, "%-8s %s\n", word, terminal.Escape(line))
	}
	fmt.Fprintf(out, "\n%s\n", terminal.Escape(r.Verdict()))
	if r.Rehearsal {
		fmt.Fprintln(out, rehearsalLine)
	}
	return out.Flush()
}

// Verdict sums the report up in one sentence; raw text like Check.Detail.
func (r *Report) Verdict() string {
	name := "package"
	if r.AuditID != "" {
		name = fmt.Sprintf("audit %s of %s", r.AuditID, r.CA)
	}
	switch failed := r.Count(Fail); {
	case failed > 0:
		return fmt.Sprintf("FAILED: %d of %d checks on %s failed", failed, failed+r.Count(OK), name)
	case r.Incomplete:
		return fmt.Sprintf("INCOMPLETE: %s is not finished; %s hold, %d were skipped", name, sampler.Counted(r.Count(OK), "check", "checks"), r.Count(Skipped))
	default:
		return fmt.Sprintf("%s: all %d checks hold, %d skipped; %s to compare, %d notes, %d points open",
			name, r.Count(OK), r.Count(Skipped), sampler.Counted(r.Count(Compare), "line", "lines"), r.Count(Note), r.Count(Open))
	}
}

func (r *Report) add(name string, status Status, format string, args ...any) {
	r.Checks = append(r.Checks, Check{Name: name, Status: status, Detail: fmt.Sprintf(format, args...)})
}
