package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"selfaudit/lint"
	"selfaudit/sampler"
)

// What a problem list covers.
const (
	CoversSample     = "sample"     // only sampled items were looked at
	CoversPopulation = "population" // every item was looked at, while collecting or by linting all of them
)

// Problem is one list of everything a distinct lint was found on.
type Problem struct {
	Lint         string        `json:"lint"`
	Severity     lint.Severity `json:"severity"` // the severest it was found with
	Source       string        `json:"source"`
	Citation     string        `json:"citation"`
	Meaning      string        `json:"meaning"`
	Covers       string        `json:"covers"`       // CoversSample or CoversPopulation
	Coverage     string        `json:"coverage"`     // the same as a sentence, with numbers
	Items        int           `json:"items"`        // distinct issuer keys and serials
	Certificates int           `json:"certificates"` // distinct certificates and precertificates
	FirstIssued  string        `json:"first_issued"` // UTC time; "-" if nothing is known
	LastIssued   string        `json:"last_issued"`
	// InForce are the versions of the governing documents in force when these certificates
	// were issued, oldest first, and InForceAtAudit those in force on the day of linting.
	InForce        []string `json:"in_force,omitempty"`
	InForceAtAudit []string `json:"in_force_at_audit,omitempty"`
	// Revocation are the reasons for revocation that it falls under; most have one.
	Revocation []string `json:"revocation,omitempty"`
	// AlsoFoundBy is the check by which linting found the same fact again.
	AlsoFoundBy string `json:"also_found_by,omitempty"`
	// WaivedItems counts the items whose finding is waived.
	WaivedItems int        `json:"waived_items,omitempty"`
	Affected    []Affected `json:"affected"` // by item id, final certificates first
}

// Affected is one certificate or precertificate of a problem list.
type Affected struct {
	ItemID       string `json:"item_id"`
	StratumID    string `json:"stratum_id"` // "-" outside the population
	Serial       string `json:"serial"`
	SHA256       string `json:"sha256"` // upper case, no separators: BR 8.6, CCADB Policy 5.2.3
	Form         string `json:"form"`   // "final", "precert"; "-" while the certificate is not in the folder
	Issued       string `json:"issued"` // the item's issuance time, UTC; "-" if nothing is known
	CrtSh        string `json:"crt_sh"`
	InSample     bool   `json:"in_sample"`
	InPopulation bool   `json:"in_population"`
	// InForce are the versions in force at the certificate's notBefore ("TLS-BR 2.2.6").
	InForce []string `json:"in_force,omitempty"`
	// Revocation is where the finding falls in the reasons for revocation.
	Revocation string `json:"revocation,omitempty"`
	// Waiver is the id of the waiver that holds for the finding.
	Waiver string `json:"waiver,omitempty"`
	// EarlierAudit names the earlier audit in whose population the certificate is.
	EarlierAudit string `json:"earlier_audit,omitempty"`
}

// Counts says whether the problem counts against its items (error and fatal do).
func (p Problem) Counts() bool { return p.Severity >= lint.Error }

// Fingerprint is a certificate hash as audit reports print it: SHA-256, upper case,
// without separators (BR 8.6, CCADB Policy 5.2.3).
func Fingerprint(h sampler.CertHash) string { return strings.ToUpper(h.String()) }

// CrtShLink is the page of crt.sh for a certificate, in the form of the CCADB
// Incident Reporting Guidelines.
func CrtShLink(h sampler.CertHash) string { return CrtShPrefix + Fingerprint(h) }

// CrtShPrefix is CrtShLink without the fingerprint.
const CrtShPrefix = "https://crt.sh/?sha256="

// Problems returns one list for each distinct lint, severest first, then by name. Findings of
// sources that do not apply to the certificate are not in them; NotApplied counts those.
func (a *Audit) Problems() []Problem {
	type key struct {
		lint     string
		fromItem bool
	}
	index := map[key]int{}
	var out []Problem
	for _, it := range a.items {
		for _, f := range it.Findings {
			if f.Aside {
				continue
			}
			k := key{f.Lint, f.FromItem}
			i, ok := index[k]
			if !ok {
				i = len(out)
				index[k] = i
				out = append(out, a.newProblem(f))
			}
			out[i].include(it, f)
		}
	}
	out = a.ofPopulation(out)
	for i := range out {
		out[i].InForce = sortVersions(out[i].InForce)
		out[i].InForceAtAudit = a.atAudit(out[i].InForce)
		slices.Sort(out[i].Revocation)
	}
	slices.SortFunc(out, func(x, y Problem) int {
		return cmp.Or(cmp.Compare(y.Severity, x.Severity), cmp.Compare(x.Lint, y.Lint), cmp.Compare(x.Covers, y.Covers))
	})
	return out
}

func (a *Audit) newProblem(f ItemFinding) Problem {
	p := Problem{Lint: f.Lint, Severity: f.Severity, Source: f.Source, Citation: f.Citation,
		FirstIssued: "-", LastIssued: "-"}
	if f.FromItem {
		p.Covers, p.Meaning = CoversPopulation, words(f.Lint)
		p.Coverage = fmt.Sprintf("Covers the whole population: all %d items were compared while collecting.", a.Population.Count)
		return p
	}
	p.Covers, p.Meaning = CoversSample, lint.Meaning(f.Lint)
	sampled := len(a.SampleItems())
	if int64(sampled) == a.Population.Count {
		p.Coverage = fmt.Sprintf("Covers the sample, which is the whole population of %d items.", sampled)
	} else {
		p.Coverage = fmt.Sprintf("Covers the sample only: %d of %d items were linted, the others may have the same problem.", sampled, a.Population.Count)
	}
	return p
}

// include adds an item's certificates to the list.
func (p *Problem) include(it *Item, f ItemFinding) {
	p.Severity = max(p.Severity, f.Severity)
	p.Items++
	if f.Waiver != "" {
		p.WaivedItems++
	}
	p.AlsoFoundBy = cmp.Or(p.AlsoFoundBy, f.AlsoFoundBy)
	p.Revocation = addDistinct(p.Revocation, f.Revocation)
	p.Certificates += len(f.Certificates)
	issued := "-"
	if t := it.Issued(); !t.IsZero() {
		issued = sampler.FormatTime(t)
		if p.FirstIssued == "-" || issued < p.FirstIssued {
			p.FirstIssued = issued
		}
		if p.LastIssued == "-" || issued > p.LastIssued {
			p.LastIssued = issued
		}
	}
	stratum := "-"
	if it.InPopulation {
		stratum = it.Row.Stratum.String()
	}
	for _, h := range f.Certificates {
		inForce := it.inForce(h)
		for _, v := range inForce {
			p.InForce = addDistinct(p.InForce, v)
		}
		p.Affected = append(p.Affected, Affected{ItemID: it.ID.String(), StratumID: stratum, Serial: string(it.ID.Serial),
			SHA256: Fingerprint(h), Form: it.form(h), Issued: issued, CrtSh: CrtShLink(h),
			InSample: it.Sampled(), InPopulation: it.InPopulation, InForce: inForce, Revocation: f.Revocation, Waiver: f.Waiver})
	}
}

// form returns the form of one of the item's certificates, "-" if it is not known.
func (i *Item) form(h sampler.CertHash) string {
	for _, c := range i.Certificates {
		if c.SHA256 == h {
			return string(c.Form)
		}
	}
	return "-"
}

// words turns the name of one of collect's checks into words: what it found on an
// item stands in the details, with numbers that differ from item to item.
func words(check string) string {
	if len(check) > 2 && check[1] == '_' {
		check = check[2:]
	}
	return strings.ReplaceAll(check, "_", " ")
}
