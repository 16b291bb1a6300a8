package config

import "time"

// Chain is [chain]: what is known of the last self-audit outside this program. Only the
// first audit of a workspace reads it (sampling protocol 3.1).
type Chain struct {
	// StartEvidence is the path, as written, of the document about that self-audit. Its
	// name and hash go into the evidence, the document does not.
	StartEvidence string
	// LastSample is when that self-audit took its sample (BR 8.7 counts from then); zero
	// if it is not known.
	LastSample time.Time
	// Reason says why there is no document, or why there is a gap.
	Reason string
}

func (c *Config) readChain(top *table) {
	t := top.sub("chain")
	if t == nil {
		return
	}
	if _, there := t.value["start_evidence"]; there {
		c.Chain.StartEvidence, _ = t.required("start_evidence", "docs/last-self-audit-2026-Q2.pdf")
	} else {
		t.known = append(t.known, "start_evidence")
	}
	if _, there := t.value["reason"]; there {
		c.Chain.Reason, _ = t.required("reason", "first self-audit of a new CA")
	} else {
		t.known = append(t.known, "reason")
	}
	c.Chain.LastSample = t.moment("last_sample")
	t.close()
}

// moment reads a time in whole seconds: a TOML date-time with its offset, or the same as
// text in RFC 3339. Zero if the key is missing or wrong.
func (t *table) moment(key string) time.Time {
	const example = "write it like " + `"2026-07-01T00:00:00Z"`
	v, there := t.get(key)
	if !there {
		return time.Time{}
	}
	at, ok := v.(time.Time)
	if s, isText := v.(string); isText {
		parsed, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.problem(key, "%s = %s is not an RFC 3339 time: %s", key, quote(s), example)
			return time.Time{}
		}
		at, ok = parsed, true
	}
	switch {
	case !ok:
		t.problem(key, "%s must be a time with its offset from UTC, not %s: %s", key, typeName(v), example)
	case at.Nanosecond() != 0:
		t.problem(key, "%s has fractions of a second: whole seconds only", key)
	case at.UTC().Year() < 1 || at.UTC().Year() > 9999:
		t.problem(key, "%s is outside the years 1 to 9999", key)
	default:
		return at.UTC()
	}
	return time.Time{}
}
