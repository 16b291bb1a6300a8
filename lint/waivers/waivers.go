// Package waivers holds findings against waivers: decisions, with a paper trail, not to
// pursue a finding. A waiver is applied when reporting, never when linting; a waived finding
// is shown as waived and stays in every count that says so.
package waivers

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"selfaudit/internal/config"
	"selfaudit/lint"
)

// Finding is what a waiver is held against.
type Finding struct {
	Lint string
	// Issuers are the names of the issuing CA: label, subject, SHA-256 of its key in hex.
	Issuers []string
	// Profiles are the names of the kind of certificate: its class, the CA's own label.
	Profiles []string
	Serial   string // in hex, in any form
	// RuleSet is lint.Result's; NotBefore is the certificate's. Both are for built-in waivers.
	RuleSet   string
	NotBefore time.Time
}

// States of a waiver after a report.
const (
	StateUsed    = "used"
	StateUnused  = "unused"
	StateExpired = "expired"
)

// Use is a waiver with what it did.
type Use struct {
	// ID is "B-01" for the first of the program's own, "W-01" for the first of the file.
	ID      string `json:"id"`
	Builtin bool   `json:"builtin"`
	Lint    string `json:"lint"`
	// Scope says in words what it holds for.
	Scope    string `json:"scope"`
	Reason   string `json:"reason"`
	Approver string `json:"approver,omitempty"`
	Link     string `json:"link,omitempty"`
	Expires  string `json:"expires,omitempty"` // last day, YYYY-MM-DD
	State    string `json:"state"`
	// Findings counts those that it waives, or, when it has expired, would have waived.
	Findings int `json:"findings"`
	// Note says what is odd: the program has no lint of this name. "" for nothing.
	Note string `json:"note,omitempty"`
}

// Set are the waivers of one report. It counts what they are used for, so it is for one
// report and one goroutine.
type Set struct {
	waivers []waiver
	uses    []Use
}

type waiver struct {
	lint    string
	holds   func(Finding) bool
	expired bool
}

// New prepares waivers for a report on a day. known says whether somebody can give a finding
// of that name; nil for the lints of this program alone.
func New(w *config.Waivers, on time.Time, known func(lint string) bool) *Set {
	s := &Set{}
	today := on.UTC().Truncate(24 * time.Hour)
	for i, b := range w.BuiltinWaivers {
		scope := "certificates of type " + b.Type
		if !b.From.IsZero() {
			scope += ", valid from " + b.From.Format(time.DateOnly) + " or later"
		}
		s.add(waiver{lint: b.Lint, holds: builtin(b)}, Use{ID: fmt.Sprintf("B-%02d", i+1), Builtin: true, Lint: b.Lint, Scope: scope, Reason: b.Reason})
	}
	for i, x := range w.Waivers {
		u := Use{ID: fmt.Sprintf("W-%02d", i+1), Lint: x.Lint, Scope: scopeText(x), Reason: x.Reason, Approver: x.Approver, Link: x.Link,
			Expires: x.Expires.Format(time.DateOnly)}
		if _, ok := lint.RuleNamed(x.Lint); !ok && (known == nil || !known(x.Lint)) {
			u.Note = "this program has no lint of this name"
		}
		s.add(waiver{lint: x.Lint, holds: scoped(x), expired: today.After(x.Expires)}, u)
	}
	return s
}

// WithBuiltin fills in the program's own list where the file does not switch it off.
func WithBuiltin(w *config.Waivers) *config.Waivers {
	full := *w
	full.BuiltinWaivers = nil
	if !w.Builtin {
		return &full
	}
	for _, b := range lint.BuiltinWaivers() {
		full.BuiltinWaivers = append(full.BuiltinWaivers, config.BuiltinWaiver{Lint: b.Lint, Type: b.Type, From: b.From, Reason: b.Reason})
	}
	return &full
}

func (s *Set) add(w waiver, u Use) {
	u.State = StateUnused
	if w.expired {
		u.State = StateExpired
	}
	s.waivers, s.uses = append(s.waivers, w), append(s.uses, u)
}

// Match returns the id of the waiver of a finding: the first that holds and has not expired,
// the program's own first. "" is for none. Every waiver that would hold is counted once for
// each call, so each finding is asked about once.
func (s *Set) Match(f Finding) string {
	if s == nil {
		return ""
	}
	id := ""
	for i, w := range s.waivers {
		if w.lint != f.Lint || !w.holds(f) {
			continue
		}
		if w.expired {
			s.uses[i].Findings++
			continue
		}
		if id == "" {
			id = s.uses[i].ID
			s.uses[i].Findings++
			s.uses[i].State = StateUsed
		}
	}
	return id
}

// Uses returns every waiver with what it did so far.
func (s *Set) Uses() []Use {
	if s == nil {
		return nil
	}
	return slices.Clone(s.uses)
}

func builtin(b config.BuiltinWaiver) func(Finding) bool {
	parts := strings.Split(b.Type, "+")
	return func(f Finding) bool {
		types := strings.Split(f.RuleSet, "+")
		for _, p := range parts {
			if !slices.Contains(types, p) {
				return false
			}
		}
		return b.From.IsZero() || !f.NotBefore.IsZero() && !f.NotBefore.Before(b.From)
	}
}

func scoped(x config.Waiver) func(Finding) bool {
	among := func(want string, have []string) bool {
		return want == "" || slices.ContainsFunc(have, func(s string) bool { return strings.EqualFold(s, want) })
	}
	return func(f Finding) bool {
		serial := ""
		if x.Serial != "" {
			serial, _ = config.NormalSerial(f.Serial)
		}
		return among(x.Issuer, f.Issuers) && among(x.Profile, f.Profiles) && x.Serial == serial
	}
}

// scopeText says what a waiver of the file holds for.
func scopeText(x config.Waiver) string {
	var parts []string
	for _, p := range []struct{ word, value string }{{"issuer", x.Issuer}, {"profile", x.Profile}, {"serial number", x.Serial}} {
		if p.value != "" {
			parts = append(parts, p.word+" "+p.value)
		}
	}
	if len(parts) == 0 {
		return "every certificate"
	}
	return strings.Join(parts, ", ")
}
