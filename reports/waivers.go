package reports

import (
	"fmt"
	"slices"
	"strings"

	"selfaudit/internal/config"
	"selfaudit/lint/waivers"
	"selfaudit/sampler"
)

// WaiversName is the document that keeps the waivers as the report applied them.
const WaiversName = "config/waivers.toml"

// loadWaivers reads the waivers that the report has captured. Before the first report there
// are none, and nothing is waived.
func (a *Audit) loadWaivers() error {
	data, ok, err := a.read(WaiversName)
	if err != nil || !ok {
		return err
	}
	w, err := config.ParseCapturedWaivers(data, WaiversName)
	if err != nil {
		return fmt.Errorf("reading %w", err)
	}
	a.WaiversOn = w.AppliedOn
	a.Waivers = waivers.New(w, w.AppliedOn, a.FoundWhileCollecting)
	return nil
}

// Preview applies waivers that are not captured yet, to show what a report would say. It may
// be called once, on an audit without captured waivers.
func (a *Audit) Preview(w *waivers.Set) {
	a.Waivers = w
	a.waive()
}

// FoundWhileCollecting says whether a check is one of collecting's, as far as the audit shows.
func (a *Audit) FoundWhileCollecting(check string) bool {
	if slices.ContainsFunc(a.ItemFindings, func(f sampler.ItemFinding) bool { return f.Lint == check }) {
		return true
	}
	for _, names := range sameFacts {
		if slices.Contains(names, check) {
			return true
		}
	}
	return false
}

// waive holds every finding whose source applies against the waivers.
func (a *Audit) waive() {
	for _, it := range a.items {
		about := a.waivable(it)
		for n := range it.Findings {
			f := &it.Findings[n]
			if f.Waiver = ""; f.Aside {
				continue
			}
			about.Lint = f.Lint
			f.Waiver = a.Waivers.Match(about)
		}
	}
}

// waivable is what the scope of a waiver is compared with, for all findings of an item.
func (a *Audit) waivable(it *Item) waivers.Finding {
	f := waivers.Finding{Serial: string(it.ID.Serial), Issuers: []string{it.ID.Issuer.String()}}
	for _, i := range a.Snapshot.Issuers {
		if i.KeySHA256 == it.ID.Issuer {
			f.Issuers = append(f.Issuers, i.Label, i.Subject)
		}
	}
	if it.InPopulation {
		class := it.Row.Stratum.Class
		f.Profiles = []string{string(class), Level(class), it.Row.Stratum.Label}
	}
	f.Issuers = slices.DeleteFunc(f.Issuers, func(s string) bool { return s == "" })
	f.Profiles = slices.DeleteFunc(f.Profiles, func(s string) bool { return s == "" })
	if c := it.Main(); c != nil {
		f.RuleSet, f.NotBefore = c.RuleSet, c.Facts.NotBefore
	}
	return f
}

// waiverTrouble lists what is wrong with the waivers, as one sentence each.
func (a *Audit) waiverTrouble() []string {
	var expired, unused []string
	for _, u := range a.Waivers.Uses() {
		switch {
		case u.Builtin:
		case u.State == waivers.StateExpired:
			expired = append(expired, fmt.Sprintf("%s (%s, until %s, %s)", u.ID, u.Lint, u.Expires, count(u.Findings, "finding")))
		case u.State == waivers.StateUnused:
			text := u.ID + " (" + u.Lint
			if u.Note != "" {
				text += ": " + u.Note
			}
			unused = append(unused, text+")")
		}
	}
	var out []string
	if len(expired) > 0 {
		out = append(out, fmt.Sprintf("Waivers: %s expired and waived nothing: %s.", count(len(expired), "waiver")+" "+hasHave(len(expired)), strings.Join(expired, ", ")))
	}
	if len(unused) > 0 {
		out = append(out, fmt.Sprintf("Waivers: no finding was waived by %s.", strings.Join(unused, ", ")))
	}
	return out
}
