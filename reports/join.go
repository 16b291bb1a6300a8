package reports

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"selfaudit/lint"
	"selfaudit/sampler"
)

// item returns the item of that identity, making it when it is first named.
func (a *Audit) item(id sampler.ItemID) *Item {
	it, ok := a.byItem[id]
	if !ok {
		it = &Item{ID: id}
		a.byItem[id] = it
		a.items = append(a.items, it)
	}
	return it
}

// loadCertificates takes the certificates of every named item from the sightings
// and reads their facts from certificates/. It needs all items to be known.
func (a *Audit) loadCertificates() error {
	slices.SortFunc(a.items, func(x, y *Item) int { return x.ID.Compare(y.ID) })
	for _, s := range a.Sightings {
		it, ok := a.byItem[s.ItemID]
		if !ok {
			return fmt.Errorf("reading ct/sightings.jsonl: item %s is neither drawn nor named by a finding", s.ItemID)
		}
		i := slices.IndexFunc(it.Certificates, func(c Certificate) bool { return c.SHA256 == s.Cert })
		if i < 0 {
			i = len(it.Certificates)
			it.Certificates = append(it.Certificates, Certificate{SHA256: s.Cert, Form: s.Form})
		}
		if s.Source == sampler.SightingLog || s.Source == sampler.SightingSCT {
			logged := time.UnixMilli(int64(s.TimestampMS)).UTC().Truncate(time.Second)
			if c := &it.Certificates[i]; c.Logged.IsZero() || logged.Before(c.Logged) {
				c.Logged = logged
			}
		}
	}
	contradicted := map[sampler.ItemID]bool{}
	for _, f := range a.ItemFindings {
		contradicted[f.ItemID] = true
	}
	for _, it := range a.items {
		slices.SortFunc(it.Certificates, func(x, y Certificate) int {
			if x.Form != y.Form {
				return cmp.Compare(x.Form, y.Form) // "final" before "precert"
			}
			return strings.Compare(x.SHA256.String(), y.SHA256.String())
		})
		for i := range it.Certificates {
			if err := a.readCertificate(&it.Certificates[i], contradicted[it.ID]); err != nil {
				return err
			}
		}
		if a.Gathered && it.Sampled() && len(it.Certificates) == 0 {
			return fmt.Errorf("reading ct/sightings.jsonl: sampled item %s has no certificate there", it.ID)
		}
	}
	return nil
}

// readCertificate reads the facts of one certificate, which must hash to its name. For one of
// an item with a contradiction it also finds out what governs it.
func (a *Audit) readCertificate(c *Certificate, contradicted bool) error {
	name := "certificates/" + c.SHA256.String() + ".der"
	der, err := fs.ReadFile(a.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading %s: no such document, but ct/sightings.jsonl names it", name)
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	if h := sampler.HashCert(der); h != c.SHA256 {
		return fmt.Errorf("reading %s: its SHA-256 is %s; the document was changed", name, h)
	}
	facts, err := ReadFacts(der)
	c.Facts, c.Readable = facts, err == nil // an unreadable certificate is the linter's finding
	if contradicted {
		c.govern(der, a.Tables)
	}
	return nil
}

// joinFindings gives every item its findings from collecting and from lint results. A result
// for a certificate that no item has is refused: it would be counted nowhere.
func (a *Audit) joinFindings() error {
	for _, f := range a.ItemFindings {
		severity, _ := lint.ParseSeverity(f.Severity) // checked when the document was read
		it := a.byItem[f.ItemID]
		it.add(ItemFinding{Lint: f.Lint, Severity: severity, Source: f.Source, Citation: f.Citation,
			Details: f.Details, Certificates: slices.Clone(f.Certificates), FromItem: true, Revocation: it.ground(severity)})
	}
	results, err := a.resultsByCertificate(a.Results, resultsName)
	if err != nil {
		return err
	}
	if _, err := a.resultsByCertificate(a.AsIf, asIfName); err != nil {
		return err
	}
	for _, it := range a.items {
		for i := range it.Certificates {
			c := &it.Certificates[i]
			for _, r := range results[c.SHA256.String()] {
				c.Linted, c.RuleSet, c.InForce = true, r.RuleSet, r.InForce
				for _, f := range r.Findings {
					it.add(ItemFinding{Lint: f.Lint, Severity: f.Severity, Source: f.Source, Citation: f.Citation, Details: f.Details,
						Certificates: []sampler.CertHash{c.SHA256}, Revocation: f.Revocation, Aside: !a.applies(r.RuleSet, f.Source)})
				}
			}
		}
		slices.SortStableFunc(it.Findings, func(x, y ItemFinding) int {
			return cmp.Or(cmp.Compare(y.Severity, x.Severity), cmp.Compare(x.Lint, y.Lint))
		})
	}
	return nil
}

// resultsByCertificate finds the results of each certificate by its hash, and refuses one
// that belongs to no item or has a rule set that lint/linter.json does not describe.
func (a *Audit) resultsByCertificate(list []lint.Result, name string) (map[string][]lint.Result, error) {
	known := map[string]bool{}
	for _, it := range a.items {
		for _, c := range it.Certificates {
			known[c.SHA256.String()] = true
		}
	}
	results := map[string][]lint.Result{}
	for _, r := range list {
		if !known[r.SHA256] {
			return nil, fmt.Errorf("reading %s: certificate %s belongs to no item of ct/sightings.jsonl", name, r.SHA256)
		}
		if _, described := a.ruleSets[r.RuleSet]; r.RuleSet != "" && !described {
			return nil, fmt.Errorf("reading %s: certificate %s has the rule set %q, which lint/linter.json does not describe", name, r.SHA256, r.RuleSet)
		}
		results[r.SHA256] = append(results[r.SHA256], r)
	}
	return results, nil
}

// applies says whether findings of a source are about compliance for certificates of a rule
// set. Where no rule set is known (what cannot be parsed), everything applies.
func (a *Audit) applies(ruleSet, source string) bool {
	set, ok := a.ruleSets[ruleSet]
	return !ok || set.Applies(source)
}

// sameFacts names the checks of collecting that say the same as a check of linting. Such a
// fact is reported once, under the name that covers the whole population.
var sameFacts = map[string][]string{
	lint.CheckPrecertificate:     {"e_certificate_does_not_match_precertificate"},
	lint.CheckSerialReused:       {"e_several_certificates_with_one_serial", "e_several_precertificates_with_one_serial"},
	lint.CheckSCT:                {"e_embedded_sct_invalid"},
	lint.CheckSignatureUnchecked: {"w_issuer_signature_not_checked"},
}

// foundBefore joins a finding of linting to the contradiction that says the same.
func (i *Item) foundBefore(f ItemFinding) bool {
	if f.FromItem {
		return false
	}
	for n := range i.Findings {
		old := &i.Findings[n]
		if !old.FromItem || !slices.Contains(sameFacts[f.Lint], old.Lint) {
			continue
		}
		if f.Details != "" && !strings.Contains(old.Details, f.Details) {
			old.Details += "; " + f.Details
		}
		old.AlsoFoundBy = f.Lint
		return true
	}
	return false
}

// add joins a finding to the item: the same lint on certificate and precertificate
// is one finding that names both, at the higher severity.
func (i *Item) add(f ItemFinding) {
	if i.foundBefore(f) {
		return
	}
	for n := range i.Findings {
		old := &i.Findings[n]
		if old.Lint != f.Lint || old.FromItem != f.FromItem {
			continue
		}
		if old.Severity = max(old.Severity, f.Severity); old.Revocation == "" {
			old.Revocation = f.Revocation
		}
		old.Aside = old.Aside && f.Aside
		if old.Details == "" {
			old.Details = f.Details
		}
		for _, c := range f.Certificates {
			if !slices.Contains(old.Certificates, c) {
				old.Certificates = append(old.Certificates, c)
			}
		}
		return
	}
	i.Findings = append(i.Findings, f)
}
