package reports

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
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
		if s.Source == "log" {
			logged := time.UnixMilli(int64(s.TimestampMS)).UTC().Truncate(time.Second)
			if c := &it.Certificates[i]; c.Logged.IsZero() || logged.Before(c.Logged) {
				c.Logged = logged
			}
		}
	}
	for _, it := range a.items {
		slices.SortFunc(it.Certificates, func(x, y Certificate) int {
			if x.Form != y.Form {
				return cmp.Compare(x.Form, y.Form) // "final" before "precert"
			}
			return strings.Compare(x.SHA256.String(), y.SHA256.String())
		})
		for i := range it.Certificates {
			if err := a.readCertificate(&it.Certificates[i]); err != nil {
				return err
			}
		}
		if a.Gathered && it.Sampled() && len(it.Certificates) == 0 {
			return fmt.Errorf("reading ct/sightings.jsonl: sampled item %s has no certificate there", it.ID)
		}
	}
	return nil
}

// readCertificate reads the facts of one certificate, which must hash to its name.
func (a *Audit) readCertificate(c *Certificate) error {
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
	return nil
}

// joinFindings gives every item its findings from lint results and from collecting.
// A result for a certificate that no item has is refused: it would be counted nowhere.
func (a *Audit) joinFindings() error {
	results := map[string][]lint.Finding{}
	linted := map[string]bool{}
	for _, r := range a.Results {
		results[r.SHA256] = append(results[r.SHA256], r.Findings...)
		linted[r.SHA256] = true
	}
	unknown := maps.Clone(linted)
	for _, it := range a.items {
		for i := range it.Certificates {
			c := &it.Certificates[i]
			c.Linted = linted[c.SHA256.String()]
			delete(unknown, c.SHA256.String())
			for _, f := range results[c.SHA256.String()] {
				it.add(ItemFinding{Lint: f.Lint, Severity: f.Severity, Source: f.Source, Citation: f.Citation,
					Details: f.Details, Certificates: []sampler.CertHash{c.SHA256}})
			}
		}
	}
	for _, r := range a.Results {
		if unknown[r.SHA256] {
			return fmt.Errorf("reading lint/results.jsonl: certificate %s belongs to no item of ct/sightings.jsonl", r.SHA256)
		}
	}
	for _, f := range a.ItemFindings {
		severity, _ := lint.ParseSeverity(f.Severity) // checked when the document was read
		a.byItem[f.ItemID].add(ItemFinding{Lint: f.Lint, Severity: severity, Source: f.Source, Citation: f.Citation,
			Details: f.Details, Certificates: slices.Clone(f.Certificates), FromItem: true})
	}
	for _, it := range a.items {
		slices.SortStableFunc(it.Findings, func(x, y ItemFinding) int {
			return cmp.Or(cmp.Compare(y.Severity, x.Severity), cmp.Compare(x.Lint, y.Lint))
		})
	}
	return nil
}

// add joins a finding to the item: the same lint on certificate and precertificate
// is one finding that names both, at the higher severity.
func (i *Item) add(f ItemFinding) {
	for n := range i.Findings {
		old := &i.Findings[n]
		if old.Lint != f.Lint || old.FromItem != f.FromItem {
			continue
		}
		old.Severity = max(old.Severity, f.Severity)
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
