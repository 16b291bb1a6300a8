package evidence

import (
	"fmt"
	"slices"

	"selfaudit/sampler"
)

// waitedOn says whether the lines are of an item that waits, for the first time or still.
func waitedOn(lines []sampler.Outside) bool {
	return len(lines) > 0 && (lines[0].Verdict == sampler.Waiting || lines[0].Verdict == sampler.Carried)
}

// samePlaces says whether the lines of two audits about one item are the same, but for the verdict.
func samePlaces(a, b []sampler.Outside) bool {
	return slices.EqualFunc(a, b, func(x, y sampler.Outside) bool {
		x.Verdict, y.Verdict = "", ""
		return x == y
	})
}

// waited checks that what waited in the audit before has not been lost: it is in this
// population, or outside. Only a row that never became a certificate may be left out by hand.
func (c *outsideCheck) waited(f *facts) error {
	if !waitedOn(f.before) || f.row != nil || f.earlier != nil || len(f.outside) > 0 {
		return nil
	}
	onlyRow := !slices.ContainsFunc(f.before, func(l sampler.Outside) bool { return l.Source != sampler.OutsideRecords })
	if onlyRow && c.left[f.id] {
		return nil
	}
	return fmt.Errorf("it waited in audit %s, and is neither in this population nor in %s: no certificate may fall between two audits", c.s.Outside.Previous, sampler.OutsideFile)
}

// carried checks an item that is said to have waited in the audit before, and to be shown
// by nothing now.
func (c *outsideCheck) carried(f *facts) error {
	excluded := func(id string) bool { return c.logs[id] != nil && c.logs[id].Status == sampler.LogExcluded }
	lost := sampler.OutsideLost(f.outside, c.issuers[f.id.Issuer], excluded)
	found := c.lost[f.id]
	delete(c.lost, f.id)
	switch {
	case c.first:
		return fmt.Errorf("it is carried on, and there is no audit before")
	case f.outside[0].Issued.Before(c.start):
		return fmt.Errorf("it is carried on with the time %s, which is before the chain's start", sampler.FormatTime(f.outside[0].Issued))
	case c.o.before != nil && !waitedOn(f.before):
		return fmt.Errorf("it is carried on, and did not wait in audit %s", c.s.Outside.Previous)
	case c.o.before != nil && !samePlaces(f.outside, f.before):
		return fmt.Errorf("it is carried on with other lines than audit %s has of it", c.s.Outside.Previous)
	case c.v.docs.findings == nil:
		return nil // its check has failed
	case lost && !found:
		return fmt.Errorf("it is carried on, because nothing shows it, and there is no finding %s", sampler.LintWaitingNotFound)
	case found && !lost:
		return fmt.Errorf("it has the finding %s, although it is known why nothing shows it", sampler.LintWaitingNotFound)
	}
	return nil
}

// entered checks what may never enter (protocol section 3.1): by notBefore alone, an item
// whose notBefore is before the chain's start; by CT, one that CT saw before it, whichever
// audit did.
func (c *outsideCheck) entered(f *facts) error {
	if c.s.IssuanceTime == sampler.IssuedByNotBefore {
		if f.row != nil && !f.row.NotBefore.IsZero() && f.row.NotBefore.Before(c.start) {
			return fmt.Errorf("it is in this population with the notBefore %s, which is before the chain's start; with issuance_time = %q that never enters",
				sampler.FormatTime(f.row.NotBefore), c.s.IssuanceTime)
		}
		return nil
	}
	old := len(f.before) > 0 && f.before[0].Verdict == sampler.TooOld && (f.before[0].Source.CT() || f.before[0].Source == sampler.OutsideEarlier) ||
		len(f.known) > 0 && f.earlier == nil && c.whole // no other line is about an item of no population
	switch {
	case !old:
		return nil
	case f.row != nil:
		return fmt.Errorf("it is in this population, and CT saw it before the chain began: an audit before says so")
	case len(f.outside) > 0 && f.outside[0].Verdict != sampler.TooOld && f.outside[0].Verdict != sampler.Carried: // carried is as it was
		return fmt.Errorf("it is %s, and CT saw it before the chain began: an audit before says so", f.outside[0].Verdict)
	}
	return nil
}
