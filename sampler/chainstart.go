package sampler

import (
	"fmt"
	"strings"
	"time"
)

// NoEvidence is SnapshotChain.Evidence where no document shows the chain's start.
const NoEvidence = "none"

// NoChainReason is SnapshotChain.Reason of a first audit to which the CA gave neither a
// document nor a reason.
const NoChainReason = "first audit of the chain; no document about the last self-audit outside this program was given"

// FirstAuditReason is SnapshotChain.Reason of a first audit to which the CA gave a document
// and no reason. Like NoChainReason it is the program's word, not the CA's.
const FirstAuditReason = "first audit of the chain"

const evidenceHash = " sha256:"

// FormatEvidence writes SnapshotChain.Evidence: "<name> sha256:<64 hex>" (protocol
// section 3.1, "a document's name and hash"). name is the file's name without folders.
func FormatEvidence(name string, h DocHash) string { return name + evidenceHash + h.String() }

// ParseEvidence splits what FormatEvidence wrote; ok is false for every other text.
func ParseEvidence(s string) (name string, h DocHash, ok bool) {
	i := strings.LastIndex(s, evidenceHash)
	if i < 1 {
		return "", DocHash{}, false
	}
	h, err := ParseDocHash(s[i+len(evidenceHash):])
	return s[:i], h, err == nil
}

// ChainRemark is one sentence about how the start of a chain is shown.
type ChainRemark struct {
	Open bool // something is missing that the auditor has to settle, not only to know
	Text string
}

// ChainRemarks says on what the start of the chain rests, and shows a gap between the
// CA's last self-audit outside this program and chain-start (BR 8.7: "during the period
// commencing immediately after the previous self-audit sample was taken"). It is for the
// first audit of a chain; a later one follows a commitment and needs none. The text is
// not escaped: names and reasons are the CA's.
func (s *Snapshot) ChainRemarks() []ChainRemark {
	c := s.Chain
	var out []ChainRemark
	add := func(open bool, format string, args ...any) {
		out = append(out, ChainRemark{open, fmt.Sprintf(format, args...)})
	}
	name, hash, ok := ParseEvidence(c.Evidence)
	switch {
	case ok:
		add(false, "the chain starts at %s on the evidence of the document %q (SHA-256 %s), which is not in the package", c.Start, name, hash)
	case c.Evidence != NoEvidence && c.Evidence != "":
		add(true, "the chain starts at %s on the evidence %q, which is no document's name and hash", c.Start, c.Evidence)
	case c.Reason == "" || c.Reason == NoChainReason || c.Reason == FirstAuditReason:
		add(true, "the chain starts at %s WITHOUT EVIDENCE: neither a document about the last self-audit outside this program nor a reason for its absence was given, so whether certificates issued before were ever audited cannot be seen here", c.Start)
	default:
		add(false, "the chain starts at %s without a document about an earlier self-audit; the CA's reason: %s", c.Start, c.Reason)
	}
	start, err := ParseTime(c.Start)
	if err != nil {
		return out // check refuses such a snapshot
	}
	last, err := ParseTime(c.LastSample)
	switch {
	case c.LastSample == "" && ok:
		add(false, "when the last self-audit outside this program took its sample is not recorded, so a gap before %s would not show", c.Start)
	case c.LastSample == "":
	case err != nil:
		add(true, "the time of the last self-audit's sample, %q, cannot be read", c.LastSample)
	case last.Before(start):
		add(true, "GAP of %s: the last self-audit outside this program took its sample at %s, the chain starts at %s; certificates issued between are in no audit (BR 8.7)%s",
			span(start.Sub(last)), c.LastSample, c.Start, because(c.Reason))
	case start.Before(last):
		add(false, "overlap of %s: the last self-audit outside this program took its sample at %s, the chain starts at %s already; certificates issued between are in both", span(last.Sub(start)), c.LastSample, c.Start)
	default:
		add(false, "the last self-audit outside this program took its sample at %s, where the chain starts: no gap", c.LastSample)
	}
	return out
}

func because(reason string) string {
	if reason == "" || reason == NoChainReason || reason == FirstAuditReason {
		return "; the CA gives no reason"
	}
	return "; the CA's reason: " + reason
}

// span words a duration in days, or below two days in hours, minutes or seconds.
func span(d time.Duration) string {
	for _, unit := range []struct {
		least, size time.Duration
		name        string
	}{{48 * time.Hour, 24 * time.Hour, "days"}, {2 * time.Hour, time.Hour, "hours"}, {2 * time.Minute, time.Minute, "minutes"}} {
		if d >= unit.least {
			return fmt.Sprintf("%d %s", d/unit.size, unit.name)
		}
	}
	if d == time.Second {
		return "1 second"
	}
	return fmt.Sprintf("%d seconds", d/time.Second)
}
