package main

import (
	"cmp"
	"fmt"
	"time"

	"selfaudit/lint"
	"selfaudit/reports"
	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// maxMergeDelay is how long a log may take to show what it has accepted (RFC 6962
// section 3): a tree head younger than that after the period's end may lack items.
const maxMergeDelay = 24 * time.Hour

// maxUnreadableNotes bounds the list of unreadable certificates in snapshot.json; the
// count is exact.
const maxUnreadableNotes = 1000

// snapshot describes how the population was obtained.
func (f *freezing) snapshot() ([]byte, error) {
	o, n := f.a.opening, f.result.Counts
	s := &sampler.Snapshot{AuditID: f.a.id, Mode: o.Mode, Period: sampler.SnapshotPeriod{Start: o.PeriodStart, End: o.PeriodEnd},
		Chain:        f.start,
		IssuanceTime: sampler.IssuanceTime(f.w.cfg.Audit.IssuanceTime), OpenedAt: o.OpenedAt, Clock: o.Clock, Program: o.Program,
		Logs: f.saved.Logs, Files: f.saved.Files, Index: f.saved.Index,
		Rules:    sampler.SnapshotRules{RateBP: f.rules.RateBP, Floor: f.rules.Floor, EVRA: f.rules.EVRA, Minimum: f.rules.Minimum, Strata: f.rules.Strata},
		Filters:  []string{},
		Findings: f.result.Findings, UnreadLogs: f.result.Unread,
		Counts: sampler.SnapshotCounts{ItemsSeen: n.ItemsSeen, Population: n.Population, Late: n.Late, Predated: n.Predated, TooOld: n.TooOld,
			Waiting: n.Waiting, InEarlier: n.InEarlier, IssuedByCT: n.ByCT, IssuedByRecord: n.ByRecord, IssuedByNotBefore: n.ByNotBefore,
			PrecertOnly: n.PrecertOnly, FinalOnly: n.FinalOnly, Both: n.Both, Unreadable: f.saved.UnreadableCount},
		LintPolicy: sampler.SnapshotLinter{Linter: "zlint", Version: lint.Modules()[0].Version, RuleSet: "all registered lints"},
	}
	for _, iss := range f.issuers.List() {
		rule := f.rules.Issuers[iss.Key]
		facts, err := reports.ReadFacts(iss.Certificates[0])
		if err != nil {
			return nil, err
		}
		entry := sampler.SnapshotIssuer{KeySHA256: iss.Key, Subject: facts.Subject, Label: iss.Label, RateBP: rule.RateBP, Floor: rule.Floor, PolicyOIDs: map[string]string{}}
		entry.Constrained = constrainedBy(iss.Certificates)
		for _, der := range iss.Certificates {
			entry.Certificates = append(entry.Certificates, sampler.HashCert(der))
		}
		for oid, class := range iss.PolicyOIDs {
			entry.PolicyOIDs[oid] = string(class)
		}
		s.Issuers = append(s.Issuers, entry)
	}
	s.Notes = append(f.chainNotes(s), f.notes()...)
	ccadb, err := f.ccadbNotes()
	if err != nil {
		return nil, err
	}
	s.Notes = append(s.Notes, ccadb...)
	f.records.describe(s)
	s.SCTs = f.result.SCTs
	if err := f.ranges(s); err != nil {
		return nil, err
	}
	s.Completeness = sampler.Completeness(s)
	return s.Bytes()
}

// notes says what an auditor has to know about the population (draw protocol 3.1).
func (f *freezing) notes() []string {
	notes := append([]string{}, f.saved.Notes...)
	_, end, err := f.a.period()
	if err != nil {
		return append(notes, err.Error()) // cannot happen: audit.json was checked when it was read
	}
	for _, l := range f.saved.Logs {
		if l.OperatedByCA {
			notes = append(notes, fmt.Sprintf("the CA operates log %s: its times alone take no item out", logName(l)))
		}
		head := time.UnixMilli(int64(l.TimestampMS)).UTC()
		switch {
		case l.Status == sampler.LogExcluded:
			notes = append(notes, fmt.Sprintf("log %s was not read: %s", logName(l), l.Reason))
		case head.Before(end.Add(maxMergeDelay)):
			notes = append(notes, fmt.Sprintf("log %s was read at a tree head of %s, less than 24 hours after the period's end: it may lack items", logName(l), sampler.FormatTime(head)))
		case head.After(f.w.e.Now().Add(time.Hour)):
			notes = append(notes, fmt.Sprintf("log %s: the tree head is dated %s, after this audit's clock (%s)", logName(l), sampler.FormatTime(head), sampler.FormatTime(f.w.e.Now())))
		}
	}
	for _, u := range f.result.Unread {
		notes = append(notes, fmt.Sprintf("log %s is named by embedded SCTs of %s and was not read", u.LogID, sampler.Counted(u.SCTs, "item", "items")))
	}
	shown := f.saved.Unreadable[:min(len(f.saved.Unreadable), maxUnreadableNotes)]
	for _, u := range shown {
		notes = append(notes, "unreadable: "+u)
	}
	if more := f.saved.UnreadableCount - int64(len(shown)); more > 0 {
		notes = append(notes, fmt.Sprintf("and %d more certificates that cannot be read", more))
	}
	if n := f.result.Counts.Predated; n > 0 {
		notes = append(notes, fmt.Sprintf("%s left out by notBefore although first seen in CT later; the CA chose these times itself", sampler.Counted(n, "item was", "items were")))
	}
	return append(notes, f.outsideNotes()...)
}

// logName is the log's name for people.
func logName(l sampler.SnapshotLog) string { return cmp.Or(l.Label, l.URL) }

// constrainedBy says by what a CA is technically constrained; "" unless every one of its
// certificates is.
func constrainedBy(certificates [][]byte) string {
	by := ""
	for _, der := range certificates {
		c, err := ct.ParseCertificate(der)
		if err != nil || c.Constrained() == "" {
			return ""
		}
		by = cmp.Or(by, c.Constrained())
	}
	return by
}
