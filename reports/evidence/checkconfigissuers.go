package evidence

import (
	"cmp"
	"maps"
	"slices"

	"selfaudit/internal/config"
	"selfaudit/reports"
	"selfaudit/sampler"
)

// issuers compares the [[issuer]] tables with the snapshot's issuers. A table names files,
// not keys, so which belongs to which is found by what both say: label, rate, floor and
// policy OIDs. Usually each issuer has its table. But tables of certificates with one key
// are merged, and a file with several certificates makes several issuers of one table;
// then each must be explained by the other side, and a note says that the numbers differ.
func (c *configCheck) issuers(s *sampler.Snapshot) {
	fit := &issuerFit{tables: c.cfg.Issuers, issuers: s.Issuers}
	for i := range s.Issuers {
		fit.names = append(fit.names, c.v.defaultLabel(&s.Issuers[i]))
	}
	if fit.oneToOne() {
		return
	}
	before := c.bad.total
	for n, t := range fit.tables {
		if !fit.hasIssuer(t) {
			c.bad.add("[[issuer]] number %d (label %q, rate %s, floor %d, %d policy OIDs) is no issuer of snapshot.json",
				n+1, t.Label, config.FormatRate(t.RateBP), t.Floor, len(t.PolicyOIDs))
		}
	}
	for i, x := range fit.issuers {
		if !fit.hasTable(i) {
			c.bad.add("issuer %s (label %q, rate %s, floor %d, %d policy OIDs) of snapshot.json is no [[issuer]]",
				x.KeySHA256, x.Label, config.FormatRate(x.RateBP), x.Floor, len(x.PolicyOIDs))
		}
	}
	if c.bad.total == before {
		c.notef("%d [[issuer]] tables for %s: a file must hold certificates of several keys, or several tables those of one; the package does not show which, ask if an issuer seems to be missing or added",
			len(fit.tables), sampler.Counted(len(fit.issuers), "issuer", "issuers"))
	}
}

// defaultLabel is the label of an issuer to which the configuration gives none.
func (v *verifier) defaultLabel(i *sampler.SnapshotIssuer) string {
	if len(i.Certificates) == 0 {
		return ""
	}
	der, err := v.data.ReadFile("issuers/" + i.Certificates[0].String() + ".der")
	if err != nil {
		return "" // checkIssuers has said so
	}
	facts, err := reports.ReadFacts(der)
	if err != nil {
		return ""
	}
	return cmp.Or(facts.CommonName, facts.Subject, i.KeySHA256.String()[:16])
}

// issuerFit looks for the tables that issuers were made of.
type issuerFit struct {
	tables  []config.Issuer
	issuers []sampler.SnapshotIssuer
	names   []string // the issuers' labels if they were given none
}

// oneToOne says whether every table fits an issuer of its own, and no issuer is left.
func (f *issuerFit) oneToOne() bool {
	if len(f.tables) != len(f.issuers) {
		return false
	}
	taken := make([]bool, len(f.issuers))
	take := func(t config.Issuer, may func(i int) bool) bool {
		for i, x := range f.issuers {
			if !taken[i] && may(i) && t.RateBP == x.RateBP && t.Floor == x.Floor && maps.Equal(t.PolicyOIDs, x.PolicyOIDs) {
				taken[i] = true
				return true
			}
		}
		return false
	}
	// Tables with a label first, and rather on issuers that no table without a label could
	// belong to: so a fit is found whenever there is one.
	var plain []config.Issuer
	for _, t := range f.tables {
		switch {
		case t.Label == "":
			plain = append(plain, t)
		case take(t, func(i int) bool { return f.issuers[i].Label == t.Label && f.names[i] != t.Label }):
		case take(t, func(i int) bool { return f.issuers[i].Label == t.Label }):
		default:
			return false
		}
	}
	return !slices.ContainsFunc(plain, func(t config.Issuer) bool {
		return !take(t, func(i int) bool { return f.issuers[i].Label == f.names[i] })
	})
}

// may says whether table t can be one of those that issuer i was made of.
func (f *issuerFit) may(t config.Issuer, i int) bool {
	x := f.issuers[i]
	if t.Label != x.Label && (t.Label != "" || x.Label != f.names[i] && len(f.tables) <= len(f.issuers)) {
		return false
	}
	for oid, class := range t.PolicyOIDs {
		if x.PolicyOIDs[oid] != class {
			return false
		}
	}
	return true
}

// hasIssuer says whether some issuer can have come from the table.
func (f *issuerFit) hasIssuer(t config.Issuer) bool {
	for i, x := range f.issuers {
		if f.may(t, i) && t.RateBP <= x.RateBP && t.Floor <= x.Floor {
			return true
		}
	}
	return false
}

// hasTable says whether everything about an issuer can have come from tables.
func (f *issuerFit) hasTable(i int) bool {
	x := f.issuers[i]
	rate, floor, any := x.RateBP == 0, x.Floor == 0, false
	policies := map[string]string{}
	for _, t := range f.tables {
		if !f.may(t, i) {
			continue
		}
		any = true
		rate = rate || t.RateBP == x.RateBP
		floor = floor || t.Floor == x.Floor
		for oid, class := range t.PolicyOIDs {
			policies[oid] = class
		}
	}
	return any && rate && floor && maps.Equal(policies, x.PolicyOIDs)
}
