// Package testaudit builds complete small audit folders for tests: certificates of a
// made-up CA, a Certificate Transparency log over them with its signed tree head and
// inclusion proofs, population, commitment, draw, lint results and item findings.
// Everything is real except the CA: it can be verified, drawn again and linted again.
//
// The same options give the same bytes, except lint/linter.json, which names the
// Go version of the test.
package testaudit

import (
	"time"

	"selfaudit/internal/config"
	"selfaudit/sampler"
)

// Stage is how far the audit has come.
type Stage int

// The stages, in order. The zero value is the last: a linted audit.
const (
	Linted Stage = iota
	Frozen
	Drawn
)

// Issuer is one issuing CA of the made-up trust service.
type Issuer struct {
	Label string
	Class sampler.Class // of all its certificates
	Count int           // certificates it issued in the period
	Tag   string        // label of the stratum, "" for none
}

// Options describe an audit. The zero value is a linted rehearsal of Fixture Trust Alpha with three
// issuing CAs and a few defects.
type Options struct {
	AuditID  string // default "2026-Q3"
	CA       string // default "Fixture Trust Alpha"
	Audit    bool   // mode audit with dice rolled after the commitment; default a rehearsal
	Drand    bool   // mode audit with the real quicknet round 1000; the period ends 2023-08-20T15:59:24Z
	Stage    Stage
	Issuers  []Issuer        // default: DV 210, OV 74, EV 34
	RateBP   int             // sampling rate in basis points, default 300
	Hostile  bool            // subjects with formulas, control and bidirectional characters, and endless names
	Flawless bool            // no planted defects
	OneIn    int             // each of the three planted defects is in about one certificate of so many, default 24
	Empty    bool            // nothing was issued
	Voided   bool            // an earlier commitment of the audit was given up
	Excluded bool            // a second log was excluded with a reason
	SCTs     bool            // final certificates carry an SCT of the log
	Waivers  []config.Waiver // of the CA, beside the program's own
}

func (o Options) withDefaults() Options {
	if o.AuditID == "" {
		o.AuditID = "2026-Q3"
	}
	if o.CA == "" {
		o.CA = "Fixture Trust Alpha"
	}
	if o.RateBP == 0 {
		o.RateBP = 300
	}
	if o.OneIn == 0 {
		o.OneIn = 24
	}
	if o.Issuers == nil {
		o.Issuers = []Issuer{
			{Label: "Alpha DV CA 1", Class: sampler.ClassDV, Count: 210},
			{Label: "Alpha OV CA 2", Class: sampler.ClassOV, Count: 74},
			{Label: "Alpha EV CA 1", Class: sampler.ClassEV, Count: 34},
		}
	}
	return o
}

// period returns the audited period and the times of its commitment and beacon.
func (o Options) period() (start, end, committed, beacon time.Time) {
	if o.Drand {
		end = time.Date(2023, 8, 20, 15, 59, 24, 0, time.UTC)
		return end.AddDate(0, -3, 0), end, end.Add(48 * time.Hour), sampler.Quicknet.RoundTime(1000)
	}
	start, end = time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	return start, end, end.Add(26 * time.Hour), end.Add(50 * time.Hour)
}

func (o Options) mode() string {
	if o.Audit || o.Drand {
		return sampler.ModeAudit
	}
	return sampler.ModeRehearsal
}

// ReportedAt is a fitting time for the report record of an audit with these options.
func (o Options) ReportedAt() time.Time {
	_, _, _, beacon := o.period()
	return beacon.Add(3 * time.Hour)
}
