package reports

import (
	"fmt"

	"selfaudit/internal/terminal"
)

// OpenPoint is something that the audit, as it stands, does not have or does not show.
type OpenPoint struct {
	Code string `json:"code"` // stable word: "draw", "lint", "review", …
	Text string `json:"text"` // one sentence for people
}

// OpenPoints lists what is open, in the order of the stages. An audit in this program
// always has some: review, signatures and time stamps come from people.
func (a *Audit) OpenPoints() []OpenPoint {
	var out []OpenPoint
	add := func(code, format string, args ...any) {
		out = append(out, OpenPoint{code, fmt.Sprintf(format, args...)})
	}
	for _, text := range a.chainStart() {
		add("chain-start", "%s", text)
	}
	for _, l := range a.Snapshot.Logs {
		if l.Status == "excluded" {
			add("log-excluded", "Log %s was excluded from the population: %s", terminal.Escape(l.URL), terminal.Escape(l.Reason))
		}
	}
	if n := len(a.Snapshot.UnreadLogs); n > 0 {
		add("logs-unread", "%s named by embedded SCTs %s not read.", count(n, "log"), wasWere(n))
	}
	if n := a.Snapshot.Counts.Unreadable; n > 0 {
		add("unreadable", "%s could not be read and %s in no stratum.", count(int(n), "certificate"), isAre(int(n)))
	}
	a.recordsOpen(add)
	switch {
	case !a.Drawn:
		add("draw", "Draw: the sample is not drawn yet.")
	case !a.Gathered:
		add("draw", "Draw: the certificates of the sample are not gathered yet.")
	}
	if !a.Linted {
		add("lint", "Linting: the sample is not linted yet.")
	} else if n := a.unlinted(); n > 0 {
		add("lint", "Linting: %s of the sample %s no result.", count(n, "certificate"), hasHave(n))
	}
	for _, text := range a.waiverTrouble() {
		add("waivers", "%s", text)
	}
	if n := len(a.SampleItems()); n > 0 {
		add("review", "Manual review: 0 of %d sampled certificates recorded.", n)
	} else if !a.Drawn {
		add("review", "Manual review: not begun, because the sample is not drawn yet.")
	}
	add("signatures", "Signatures: none on the evidence package.")
	add("time-stamps", "Time stamps: none by an independent authority, so the commitment's time rests on the clock of the CA (assurance level C, or A with the auditor's receipt).")
	return out
}

// unlinted counts the certificates of sampled items that have no lint result.
func (a *Audit) unlinted() int {
	n := 0
	for _, it := range a.SampleItems() {
		for _, c := range it.Certificates {
			if !c.Linted {
				n++
			}
		}
	}
	return n
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func wasWere(n int) string { return pick(n, "was", "were") }
func isAre(n int) string   { return pick(n, "is", "are") }
func hasHave(n int) string { return pick(n, "has", "have") }

func pick(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
