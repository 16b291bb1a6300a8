package sampler

import "time"

// IssuanceTime is the CA's choice of the clock that dates its items (protocol
// section 3.1, setting issuance_time).
type IssuanceTime string

// The two settings.
const (
	IssuedByCT        IssuanceTime = "ct"         // default: the logs' clocks
	IssuedByNotBefore IssuanceTime = "not_before" // the earlier of notBefore and the CT time
)

// Sources of an item's issuance time, as Membership.Decide names them.
const (
	SourceCT        = "ct"
	SourceRecord    = "record"
	SourceNotBefore = "not_before"
	SourceUnknown   = "unknown" // no time of the item could be read
)

// Times are the times known of one item; zero means not known.
type Times struct {
	CT        time.Time // earliest of log entry time stamps and verified embedded SCTs, of logs that the CA does not operate
	Record    time.Time // issuance time in the CA's own records
	NotBefore time.Time
	OwnCT     time.Time // like CT, from logs that the CA operates itself
}

// Verdict says in which audit an item belongs, seen from one audit.
type Verdict string

// The verdicts. Current and Late items are in the population unless an earlier
// population of the chain has them; that the caller must look up.
const (
	Current  Verdict = "current"  // issued in the period
	Late     Verdict = "late"     // issued in an earlier period of the chain
	TooOld   Verdict = "too-old"  // older than the chain
	Predated Verdict = "predated" // left out by its notBefore although its CT time is not before chain-start
	Waiting  Verdict = "waiting"  // issued at or after period-end
)

// Membership decides which items belong to an audit (protocol section 3.1). The
// period is [PeriodStart, PeriodEnd).
type Membership struct {
	ChainStart, PeriodStart, PeriodEnd time.Time
	Setting                            IssuanceTime // "" means IssuedByCT
}

// Decide returns the item's issuance time in whole seconds, rounded down, where
// that time came from, and the verdict. For Current and Late the time is in
// [ChainStart, PeriodEnd). An item of which no time could be read is Current
// with the period's start as its time and SourceUnknown: leaving it out would
// let a certificate fall between two audits.
func (m Membership) Decide(t Times) (issued time.Time, source string, v Verdict) {
	if v := m.excluded(t); v != "" {
		issued, source = earliest(m.candidates(t), time.Time{})
		return issued, source, v
	}
	// A time before chain-start does not take out an item that was not
	// excluded; it is passed over, and the next one is the item's.
	issued, source = earliest(m.candidates(t), m.ChainStart)
	if issued.IsZero() && !t.NotBefore.IsZero() {
		issued, source = earliest([]candidate{{t.NotBefore, SourceNotBefore}}, m.ChainStart)
	}
	switch {
	case issued.IsZero():
		return m.PeriodStart.UTC().Truncate(time.Second), SourceUnknown, Current
	case !issued.Before(m.PeriodEnd):
		return issued, source, Waiting
	case issued.Before(m.PeriodStart):
		return issued, source, Late
	}
	return issued, source, Current
}

// excluded returns TooOld or Predated for an item that never enters this
// chain, "" for every other.
func (m Membership) excluded(t Times) Verdict {
	before := func(x time.Time) bool { return !x.IsZero() && x.Before(m.ChainStart) }
	if m.Setting == IssuedByNotBefore && !t.NotBefore.IsZero() {
		if !before(t.NotBefore) {
			return ""
		}
		ct := t.CT
		if ct.IsZero() {
			ct = t.OwnCT
		}
		if !ct.IsZero() && !before(ct) {
			return Predated
		}
		return TooOld
	}
	if !t.CT.IsZero() {
		if before(t.CT) {
			return TooOld
		}
		return ""
	}
	// Without an independent CT time the CA's own word, its own log
	// included, counts only if all of it agrees.
	ownWordOld := (t.Record.IsZero() || before(t.Record)) && (t.OwnCT.IsZero() || before(t.OwnCT))
	if before(t.NotBefore) && ownWordOld {
		return TooOld
	}
	return ""
}

type candidate struct {
	at     time.Time
	source string
}

// candidates lists the times that may date the item. In equal times the first counts.
func (m Membership) candidates(t Times) []candidate {
	if m.Setting == IssuedByNotBefore && !t.NotBefore.IsZero() {
		return []candidate{{t.CT, SourceCT}, {t.OwnCT, SourceCT}, {t.NotBefore, SourceNotBefore}}
	}
	if t.CT.IsZero() && t.OwnCT.IsZero() && t.Record.IsZero() {
		return []candidate{{t.NotBefore, SourceNotBefore}}
	}
	return []candidate{{t.CT, SourceCT}, {t.OwnCT, SourceCT}, {t.Record, SourceRecord}}
}

// earliest returns the first known time not before notBefore, if that is given, in whole seconds.
func earliest(list []candidate, notBefore time.Time) (time.Time, string) {
	var best candidate
	for _, c := range list {
		if c.at.IsZero() || !notBefore.IsZero() && c.at.Before(notBefore) { // zero is no limit: there is a year 0
			continue
		}
		if best.at.IsZero() || c.at.Before(best.at) {
			best = c
		}
	}
	if best.at.IsZero() {
		return time.Time{}, SourceUnknown
	}
	return best.at.UTC().Truncate(time.Second), best.source
}
