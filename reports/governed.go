package reports

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"selfaudit/lint"
	"selfaudit/lint/requirements"
	"selfaudit/sampler"
)

// govern finds out which requirements govern a certificate that is not linted, or not only.
func (c *Certificate) govern(der []byte, tables *requirements.Tables) {
	d := lint.Describe(lint.Artifact{Kind: lint.KindCert, DER: der})
	if d.Err != nil || d.Holder.Role == "" {
		return
	}
	c.holder = &d.Holder
	for _, v := range d.Holder.InForceIn(tables, d.NotBefore) {
		c.InForce = append(c.InForce, v.Document+" "+v.Number)
	}
}

// ground says where a contradiction inside the item falls in the reasons for revocation: the
// certificate was not issued in accordance with the requirements.
func (i *Item) ground(severity lint.Severity) string {
	if severity != lint.Error {
		return ""
	}
	for _, c := range i.Certificates {
		if c.holder == nil {
			continue
		}
		if g, ok := lint.IssuedGround(*c.holder); ok {
			return g.Text()
		}
	}
	return ""
}

// AuditDay is the day of linting (YYYY-MM-DD), and InForceThen are the versions of all documents
// in force on it; "" and nil before linting.
func (a *Audit) AuditDay() (day string, inForce []string) {
	if a.Linter == nil || a.Linter.AuditInfo == nil {
		return "", nil
	}
	return a.Linter.AuditDay, a.Linter.InForce
}

// inForce returns the versions in force at the notBefore of one of the item's certificates.
func (i *Item) inForce(h sampler.CertHash) []string {
	for _, c := range i.Certificates {
		if c.SHA256 == h {
			return c.InForce
		}
	}
	return nil
}

// atAudit returns the versions on the audit's day of the documents among some versions.
func (a *Audit) atAudit(issued []string) []string {
	_, all := a.AuditDay()
	var out []string
	for _, v := range all {
		document, _, _ := strings.Cut(v, " ")
		if slices.ContainsFunc(issued, func(s string) bool { return strings.HasPrefix(s, document+" ") }) {
			out = append(out, v)
		}
	}
	return out
}

func addDistinct(list []string, s string) []string {
	if s == "" || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// sortVersions brings "TLS-BR 2.2.6" and the like into order: by document as the requirements
// package lists them, then by number.
func sortVersions(list []string) []string {
	documents := requirements.Documents()
	slices.SortFunc(list, func(x, y string) int {
		dx, vx, _ := strings.Cut(x, " ")
		dy, vy, _ := strings.Cut(y, " ")
		return cmp.Or(cmp.Compare(slices.Index(documents, dx), slices.Index(documents, dy)),
			slices.CompareFunc(strings.Split(vx, "."), strings.Split(vy, "."), compareNumbers), cmp.Compare(x, y))
	})
	return list
}

func compareNumbers(x, y string) int {
	a, err1 := strconv.Atoi(x)
	b, err2 := strconv.Atoi(y)
	if err1 != nil || err2 != nil {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(a, b)
}

// NotApplied is one lint whose findings are put aside because its source does not apply to
// the types of the certificates.
type NotApplied struct {
	Lint     string        `json:"lint"`
	Severity lint.Severity `json:"severity"` // the severest
	Source   string        `json:"source"`
	Items    int           `json:"items"`
}

// NotApplied counts the findings that are no findings about compliance, by lint: they are in
// lint/results.jsonl and nowhere else.
func (a *Audit) NotApplied() []NotApplied {
	index := map[string]int{}
	out := []NotApplied{}
	for _, it := range a.items {
		for _, f := range it.Findings {
			if !f.Aside {
				continue
			}
			i, ok := index[f.Lint]
			if !ok {
				i = len(out)
				index[f.Lint] = i
				out = append(out, NotApplied{Lint: f.Lint, Source: f.Source})
			}
			out[i].Severity = max(out[i].Severity, f.Severity)
			out[i].Items++
		}
	}
	slices.SortFunc(out, func(x, y NotApplied) int { return cmp.Compare(x.Lint, y.Lint) })
	return out
}
