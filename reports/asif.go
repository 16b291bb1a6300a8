package reports

import (
	"cmp"
	"slices"

	"selfaudit/lint"
)

// AsIf is what the sample would violate if its certificates were issued again on the audit's
// day: "against the current version". It is no judgement of a certificate that exists, and
// nothing of it enters a count of problems.
type AsIf struct {
	Day     string   `json:"day"`      // YYYY-MM-DD
	InForce []string `json:"in_force"` // versions of all documents on that day
	// Certificates were judged; Items are the sampled items that a reissue would make wrong:
	// with an error or fatal finding, of which New have none of severity error or fatal as
	// they were issued.
	Certificates int        `json:"certificates"`
	Items        int        `json:"items_with_errors"`
	New          int        `json:"items_with_new_errors"`
	Lints        []AsIfLint `json:"lints"` // severest first, then by name
}

// AsIfLint is one lint in the judgements "as if".
type AsIfLint struct {
	Lint     string        `json:"lint"`
	Severity lint.Severity `json:"severity"` // the severest
	Source   string        `json:"source"`
	Citation string        `json:"citation"`
	Items    int           `json:"items"`
	// AsIssued counts the items where the same lint speaks about the certificate as it was
	// issued; the rest is new.
	AsIssued int `json:"items_as_issued"`
}

// AsIfItem is a sampled item with the findings that a reissue on the audit's day would have.
type AsIfItem struct {
	Item     *Item
	Findings []AsIfFinding // severest first, then by name
}

// AsIfFinding is one of them.
type AsIfFinding struct {
	lint.Finding
	AsIssued bool // the same lint speaks about the certificate as it was issued
}

// AsIfItems returns the sampled items that a reissue on the audit's day would have findings,
// in the order of the sample. Findings of sources that do not apply are left out.
func (a *Audit) AsIfItems() []AsIfItem {
	byHash := map[string]*lint.Result{}
	for i := range a.AsIf {
		byHash[a.AsIf[i].SHA256] = &a.AsIf[i]
	}
	var out []AsIfItem
	for _, it := range a.SampleItems() {
		x := AsIfItem{Item: it}
		for _, c := range it.Certificates {
			r := byHash[c.SHA256.String()]
			if r == nil {
				continue
			}
			for _, f := range r.Findings {
				if a.applies(r.RuleSet, f.Source) {
					x.add(f)
				}
			}
		}
		if len(x.Findings) > 0 {
			slices.SortStableFunc(x.Findings, func(x, y AsIfFinding) int {
				return cmp.Or(cmp.Compare(y.Severity, x.Severity), cmp.Compare(x.Lint, y.Lint))
			})
			out = append(out, x)
		}
	}
	return out
}

// add joins what is said about certificate and precertificate.
func (x *AsIfItem) add(f lint.Finding) {
	for i := range x.Findings {
		if x.Findings[i].Lint == f.Lint {
			x.Findings[i].Severity = max(x.Findings[i].Severity, f.Severity)
			return
		}
	}
	same := func(old ItemFinding) bool { return old.Lint == f.Lint || old.AlsoFoundBy == f.Lint }
	x.Findings = append(x.Findings, AsIfFinding{f, slices.ContainsFunc(x.Item.Findings, same)})
}

// asIf sums up; nil where the audit has no such judgements.
func (a *Audit) asIf() *AsIf {
	day, inForce := a.AuditDay()
	if !a.Linted || day == "" {
		return nil
	}
	s := &AsIf{Day: day, InForce: inForce, Certificates: len(a.AsIf), Lints: []AsIfLint{}}
	index := map[string]int{}
	for _, x := range a.AsIfItems() {
		if x.Findings[0].Severity >= lint.Error {
			if s.Items++; !x.Item.HasProblem() {
				s.New++
			}
		}
		for _, f := range x.Findings {
			i, ok := index[f.Lint]
			if !ok {
				i = len(s.Lints)
				index[f.Lint] = i
				s.Lints = append(s.Lints, AsIfLint{Lint: f.Lint, Source: f.Source, Citation: f.Citation})
			}
			l := &s.Lints[i]
			l.Severity = max(l.Severity, f.Severity)
			if l.Items++; f.AsIssued {
				l.AsIssued++
			}
		}
	}
	slices.SortFunc(s.Lints, func(x, y AsIfLint) int {
		return cmp.Or(cmp.Compare(y.Severity, x.Severity), cmp.Compare(x.Lint, y.Lint))
	})
	return s
}
