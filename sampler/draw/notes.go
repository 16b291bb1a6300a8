package draw

import (
	"fmt"
	"time"

	"selfaudit/sampler"
)

// Notes lists everything that the CA chose otherwise than the protocol's
// default (section 10.1), word for word as draw_reference.py does; late is the
// number of items issued before period-start. Notes are never failures.
func Notes(c *sampler.Commitment, strata []sampler.Stratum, late int64) []string {
	var notes []string
	note := func(when bool, format string, args ...any) {
		if when {
			notes = append(notes, fmt.Sprintf(format, args...))
		}
	}
	note(c.PreviousCommitment.IsZero() && c.Mode == sampler.ModeAudit,
		"first audit of a chain starting %s: nothing links it to earlier audits", sampler.FormatTime(c.ChainStart))
	note(!c.Replaces.IsZero(), "repeats the voided commitment %s: its files and the reason belong here", c.Replaces)
	note(!startsMonth(c.PeriodEnd), "period-end is not the first of a month, 00:00:00 UTC")
	note(c.Beacon == sampler.BeaconDice || c.BeaconChain != sampler.Quicknet.Hash, "beacon is not drand quicknet")
	note(c.Beacon == sampler.BeaconDrand && c.DrawLeadDays != sampler.DefaultLeadDays, "draw-lead-days is not %d", sampler.DefaultLeadDays)
	note(c.Contribution != "", "an auditor's contribution: counts only if the signed receipt contains it")
	note(late > 0, "%d late items (issued before period-start)", late)
	return append(notes, strataNotes(strata)...)
}

func startsMonth(t time.Time) bool {
	t = t.UTC()
	return t.Equal(time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC))
}

func strataNotes(strata []sampler.Stratum) []string {
	var notes []string
	labelled := 0
	var smime, smimeDrawn int64
	for _, s := range strata {
		if s.ID.Label != "" {
			labelled++
		}
		if s.ID.Class == sampler.ClassSMIME {
			smime += s.Population
			smimeDrawn += s.Sample
		}
	}
	if labelled > 0 {
		notes = append(notes, fmt.Sprintf("%d strata with a label of the CA's own", labelled))
	}
	for _, usual := range []struct {
		class sampler.Class
		rate  int
	}{{sampler.ClassEV, 600}, {sampler.ClassCSEV, 600}, {sampler.ClassOther, 10000}} {
		low := 0
		for _, s := range strata {
			if s.ID.Class == usual.class && s.RateBP < usual.rate {
				low++
			}
		}
		if low > 0 {
			notes = append(notes, fmt.Sprintf("%d strata of class %s below %d basis points", low, usual.class, usual.rate))
		}
	}
	if smimeDrawn < min(30, smime) {
		notes = append(notes, "fewer than 30 S/MIME certificates drawn")
	}
	return notes
}

// CodeSigningNotes notes Non-EV code signing certificates that are drawn at less than six
// percent, which CSBR 8.7 asks of each kind where a registration authority does the final
// cross-correlation. Section 10.1 has this note for ev and csev only, and Notes says no
// more than draw_reference.py does, so it stands apart.
func CodeSigningNotes(strata []sampler.Stratum) []string {
	low := 0
	for _, s := range strata {
		if s.ID.Class == sampler.ClassCS && s.RateBP < 600 {
			low++
		}
	}
	if low == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d strata of class cs below 600 basis points", low)}
}

// ClosingNotes lists what a verifier says at the end, after the notes on
// choices and on the chain: dice rest on a statement, a draw more than 14 days
// late, a rehearsal.
func ClosingNotes(c *sampler.Commitment) []string {
	var notes []string
	if c.Beacon == sampler.BeaconDice {
		notes = append(notes, "dice seed: rests on the witness statement")
	}
	if lag := c.BeaconTime.Sub(c.PeriodEnd); lag > 14*24*time.Hour {
		notes = append(notes, fmt.Sprintf("drawn %.0f days after the period ended", lag.Hours()/24))
	}
	if c.Mode == sampler.ModeRehearsal {
		notes = append(notes, "REHEARSAL: this is not evidence of a self-audit")
	}
	return notes
}
