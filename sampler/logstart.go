package sampler

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// RangeUnit is the number of entries at whose multiples reading of a log begins: what lies
// before consists of complete subtrees.
const RangeUnit = 16384

// MaxMergeDelay is RFC 6962's maximum merge delay as root programmes demand it: how long a
// log may take to show what it has accepted (RFC 6962 section 3; draw protocol 3.1).
const MaxMergeDelay = 24 * time.Hour

// NotBeforeSlack is how far apart notBefore and signing, and with it logging, may be (BR 7.1.2.7).
const NotBeforeSlack = 48 * time.Hour

// Why all of a log is read: what first_reason says then.
const (
	ReadAll           = "all of the log is read"
	ReadAllAsked      = "all of the log is read, as --from-start asks"
	ReadAllOwn        = "all of the log is read: the CA operates it, so its time stamps cannot say where to begin"
	ReadAllConfigured = `all of the log is read, as start = "beginning" in [collect] asks`
)

// ReadsAll says whether a first_reason is one of these.
func ReadsAll(reason string) bool {
	return reason == ReadAll || reason == ReadAllAsked || reason == ReadAllConfigured || reason == ReadAllOwn
}

// NoCursorYet is StartRule.NoCursor where no earlier audit has a cursor for the log.
const NoCursorYet = "no earlier audit of the chain has a cursor for the log"

// LogCursor is where an earlier audit left off in a log.
type LogCursor struct {
	AuditID string
	Next    uint64 // first entry that must be read again
}

// StartRule says where reading of a log may begin. The zero rule reads everything.
type StartRule struct {
	// Whole is why everything is read, for people; "" if it need not be.
	Whole string
	// Cursor is that of the newest earlier audit of the chain that has one for the log; nil
	// if there is none.
	Cursor *LogCursor
	// NoCursor is why there is none, or why it does not say enough, for people; then the
	// start is searched, and lies not after the cursor.
	NoCursor string
	// Own says that the CA operates the log. An item can hide from a search there behind the
	// log's own clock, so without a cursor everything is read.
	Own bool
	// Since is the chain's start; without a cursor, a log is read from about there.
	Since time.Time
	// MergeDelay is the log's maximum merge delay; 0 means MaxMergeDelay.
	MergeDelay time.Duration
	// Unknown says that an earlier audit may have a cursor and is not at hand, so that what
	// first_reason says of one cannot be compared.
	Unknown bool
}

// EarlierSnapshot is what an earlier audit of the chain says; Snapshot is nil if it is not at hand.
type EarlierSnapshot struct {
	AuditID  string
	Snapshot *Snapshot
}

// Follow sets what the audits before, newest first, say of a log: their cursor, and why it
// does not say enough for an audit with these issuers and this setting ("" for the same as before).
func (r *StartRule) Follow(log string, issuers []SnapshotIssuer, setting IssuanceTime, earlier []EarlierSnapshot) {
	r.Cursor, r.NoCursor = nil, NoCursorYet
	for _, e := range earlier {
		if e.Snapshot == nil {
			r.Unknown = true // what older audits say does not count before it
			return
		}
		l := e.Snapshot.HeadOf(log)
		if l == nil || l.Cursor == nil {
			continue
		}
		r.Cursor, r.NoCursor = &LogCursor{AuditID: e.AuditID, Next: l.Cursor.NextFirstEntry}, ""
		// An issuer that was not audited then has entries before the cursor that nobody looked at.
		if missing := e.Snapshot.newIssuer(issuers); missing != "" {
			r.NoCursor = fmt.Sprintf("audit %s did not look for all issuers of this one (%s), so its cursor does not say enough", e.AuditID, missing)
		} else if setting == IssuedByCT && e.Snapshot.IssuanceTime == IssuedByNotBefore {
			r.NoCursor = fmt.Sprintf("audit %s left items out by their notBefore, which this audit does not, so its cursor does not say enough", e.AuditID)
		} else if r.Own && !l.OperatedByCA {
			r.NoCursor = fmt.Sprintf("audit %s did not know that the CA operates the log, so its cursor does not say enough", e.AuditID)
		}
		return
	}
}

// newIssuer names the first certificate of the issuers that this audit did not have; "" if it had all.
func (s *Snapshot) newIssuer(issuers []SnapshotIssuer) string {
	had := map[CertHash]bool{}
	for _, i := range s.Issuers {
		for _, c := range i.Certificates {
			had[c] = true
		}
	}
	for _, i := range issuers {
		for _, c := range i.Certificates {
			if !had[c] {
				return fmt.Sprintf("certificate %s of %s", c, i.Label)
			}
		}
	}
	return ""
}

// HeadOf returns what the audit says of a log, nil if it verified no tree head of it.
func (s *Snapshot) HeadOf(log string) *SnapshotLog {
	i := slices.IndexFunc(s.Logs, func(l SnapshotLog) bool { return l.LogID == log && l.HasHead() })
	if i < 0 {
		return nil
	}
	return &s.Logs[i]
}

// Cut is the time from which on entries are wanted, with the slack that it has from Since:
// entries are not in the order of their time stamps, but no entry is later than the maximum
// merge delay.
func (r StartRule) Cut() (at time.Time, slack time.Duration) {
	slack = NotBeforeSlack + cmp.Or(max(r.MergeDelay, 0), MaxMergeDelay)
	return r.Since.Add(-slack), slack
}

// RangeStart is where an audit begins to read that goes on from a cursor.
func RangeStart(next uint64) uint64 { return next / RangeUnit * RangeUnit }

// CursorReason is first_reason of a log that is read on from a cursor.
func (r StartRule) CursorReason() string {
	return fmt.Sprintf("audit %s read the log and has decided all entries before %d; reading begins at the multiple of %d below", r.Cursor.AuditID, r.Cursor.Next, uint64(RangeUnit))
}

const searchWords = "searched by time stamp: from about entry "

// SearchReason is first_reason of a log in which entries are early enough up to about entry found.
func (r StartRule) SearchReason(found uint64) string {
	cut, slack := r.Cut()
	s := fmt.Sprintf(searchWords+"%d on entries are of %s or later, the chain's start less 48 hours and the log's maximum merge delay of %s; reading begins at a multiple of %d below",
		found, FormatTime(cut), hours(slack-NotBeforeSlack), uint64(RangeUnit))
	if r.NoCursor != "" {
		s = r.NoCursor + "; " + s
	}
	return s
}

// NotAfter is what first_reason says besides if reading begins earlier than its rule says,
// because the tree that an audit before knew must be recomputed from what is read.
func NotAfter(auditID string, size uint64) string {
	return fmt.Sprintf("; and not after the %d entries that audit %s knew", size, auditID)
}

// hours writes a merge delay for people.
func hours(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return fmt.Sprintf("%d seconds", d/time.Second)
}

// CheckStart checks that a log was read from where the rule says, and that first_reason says
// so. Documents of before ranges were read say nothing.
func (l *SnapshotLog) CheckStart(rule StartRule) error {
	first, read := l.First()
	if !read || l.Coverage == "" {
		return nil
	}
	bound, boundAt := "", l.TreeSize
	if p := l.Previous; p != nil {
		bound, boundAt = NotAfter(p.AuditID, p.TreeSize), RangeStart(p.TreeSize)
	}
	switch {
	case l.FirstReason == ReadAllOwn && !rule.Own:
		return fmt.Errorf("first_reason says %q, and no log of the CA is meant", l.FirstReason)
	case first%RangeUnit != 0:
		return fmt.Errorf("first_entry %d is no multiple of %d", first, RangeUnit)
	case first > boundAt:
		return fmt.Errorf("it is read from entry %d on, which is after the %d entries that audit %s knew", first, l.Previous.TreeSize, l.Previous.AuditID)
	case ReadsAll(l.FirstReason):
		if first != 0 {
			return fmt.Errorf("it is read from entry %d on, and first_reason says %q", first, l.FirstReason)
		}
		return nil
	}
	reason, bounded := l.FirstReason, false
	if bound != "" {
		reason, bounded = strings.CutSuffix(reason, bound)
	}
	if bounded && first != boundAt {
		return fmt.Errorf("it is read from entry %d on, and first_reason says %q", first, l.FirstReason)
	}
	from, err := rule.says(reason)
	switch {
	case err != nil:
		return err
	case bounded && from.at <= boundAt:
		return fmt.Errorf("first_reason says %q, and reading would have begun at entry %d anyway", l.FirstReason, from.at)
	case !bounded && (first > from.at || from.exact && first != from.at):
		return fmt.Errorf("it is read from entry %d on, first_reason (%q) gives %d", first, l.FirstReason, from.at)
	}
	return nil
}

// startsAt is where reading begins; not after it, if that is not exact.
type startsAt struct {
	at    uint64
	exact bool
}

// says returns where a first_reason that follows from the rule says that reading begins.
func (r StartRule) says(reason string) (startsAt, error) {
	before, after, searched := strings.Cut(reason, searchWords)
	switch {
	case searched && r.Own:
		return startsAt{}, fmt.Errorf("first_reason is %q, but the CA operates the log: its time stamps cannot say where to begin", reason)
	case searched:
	case r.Cursor == nil && r.Unknown:
		return r.saysOther(reason)
	case r.Cursor == nil:
		return startsAt{}, fmt.Errorf("first_reason is %q, but %s", reason, r.NoCursor)
	case r.NoCursor != "":
		return startsAt{}, fmt.Errorf("first_reason is %q, but %s", reason, r.NoCursor)
	case reason != r.CursorReason():
		return startsAt{}, fmt.Errorf("first_reason is %q, the audits before give %q", reason, r.CursorReason())
	default:
		return startsAt{RangeStart(r.Cursor.Next), true}, nil
	}
	if r.Cursor != nil && r.NoCursor == "" {
		return startsAt{}, fmt.Errorf("first_reason is %q, the audits before give %q", reason, r.CursorReason())
	}
	number, _, _ := strings.Cut(after, " ")
	found, err := strconv.ParseUint(number, 10, 63)
	if err != nil {
		return startsAt{}, fmt.Errorf("first_reason is %q, whose entry is no number", reason)
	}
	if r.Cursor == nil && r.Unknown { // an audit that is not at hand may be why
		r.NoCursor = strings.TrimSuffix(before, "; ")
	}
	if want := r.SearchReason(found); reason != want {
		return startsAt{}, fmt.Errorf("first_reason is %q, the chain's start and the audits before give %q", reason, want)
	}
	out := startsAt{at: RangeStart(found)}
	if r.Cursor != nil {
		out.at = min(out.at, RangeStart(r.Cursor.Next))
	}
	return out, nil
}

// saysOther reads the cursor of an audit that is not at hand.
func (r StartRule) saysOther(reason string) (startsAt, error) {
	var c LogCursor
	if _, err := fmt.Sscanf(reason, "audit %s read the log and has decided all entries before %d;", &c.AuditID, &c.Next); err == nil && ValidAuditID(c.AuditID) {
		if r.Cursor = &c; r.CursorReason() == reason {
			return startsAt{RangeStart(c.Next), true}, nil
		}
	}
	return startsAt{}, errors.New("first_reason is not one that this program writes: " + strconv.Quote(reason))
}
