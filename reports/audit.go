// Package reports is the read-only picture of one audit, joined from its documents,
// that every output shares: items with their findings, problem lists, statistics,
// and plain statements of what is covered and what is open.
//
// It reads an audit folder or the data/ folder of an evidence package (the names
// inside are the same) at any stage of completeness. It decides nothing and writes
// nothing; two reads of the same documents give the same picture.
package reports

import (
	"io/fs"
	"slices"
	"time"

	"selfaudit/lint"
	"selfaudit/lint/pkimetal"
	"selfaudit/lint/requirements"
	"selfaudit/lint/waivers"
	"selfaudit/reports/corpus"
	"selfaudit/sampler"
)

// Audit is one audit as its documents tell it. A document that does not exist yet
// leaves its fields zero; OpenPoints says what is missing.
type Audit struct {
	CA         string              // name of the CA from config/selfaudit.toml, made safe to show; "" if not recorded
	Opening    *sampler.Opening    // audit.json, nil if absent
	Snapshot   *sampler.Snapshot   // draw/snapshot.json
	Strata     []sampler.Stratum   // draw/strata.tsv, ascending
	Population Population          // what reading draw/population.tsv to its end told
	Commitment *sampler.Commitment // draw/commitment.txt
	// Reconciliation is records/reconciliation.json, nil without the CA's records.
	Reconciliation *sampler.Reconciliation
	CommitHash     sampler.DocHash // SHA-256 of draw/commitment.txt
	StrataHash     sampler.DocHash
	SnapHash       sampler.DocHash

	Drawn      bool                // draw/sample.tsv exists
	Randomness Randomness          // draw/seed.txt and draw/beacon.json
	Sample     []sampler.SampleRow // draw/sample.tsv: sample and reserve rows, in file order
	SampleHash sampler.DocHash

	Gathered  bool               // ct/sightings.jsonl exists: the draw stage is complete
	Sightings []sampler.Sighting // ct/sightings.jsonl

	ItemFindings []sampler.ItemFinding // findings/items.jsonl, in file order
	Linted       bool                  // lint/results.jsonl exists
	Linter       *lint.Info            // lint/linter.json, nil if absent
	Results      []lint.Result         // lint/results.jsonl, in file order
	AsIf         []lint.Result         // lint/as-if.jsonl, in file order: what a reissue would violate on the audit's day

	Waivers   *waivers.Set // config/waivers.toml, applied; nil before the first report
	WaiversOn time.Time    // the day on which they were applied

	Voided []VoidedDraw // draw/void-1, draw/void-2, …

	Tables        *requirements.Tables   // of document versions: config/requirements, else the program's own
	TablesKept    bool                   // they are of config/requirements
	Register      *requirements.Register // config/requirements-review.csv, nil if absent
	NewestZlint   string                 // [lint] newest_zlint of the configuration, "" without
	ZlintReleased string                 // [lint] released, YYYY-MM-DD

	Corpus      *corpus.Header    // line 1 of lint/population.jsonl, nil if absent
	corpusFound []corpus.Affected // its other lines

	Opinion  *pkimetal.Totals   // of lint/second-opinion.jsonl, nil if absent
	Opinions []pkimetal.Opinion // those that failed or disagree, in the order of the sample

	items    []*Item                   // every item of the sample and every item a finding names
	byItem   map[sampler.ItemID]*Item  // lookup into items
	stratums map[sampler.StratumID]int // index into Strata
	ruleSets map[string]lint.RuleSet   // of lint/linter.json, by name
	fsys     fs.FS
}

// Population is what one pass over draw/population.tsv established.
type Population struct {
	Count  int64
	SHA256 sampler.DocHash
}

// Randomness is where the seed came from. Dice have digits and no round.
type Randomness struct {
	Value        string // 64 hex digits of the beacon, or the 20 digits of the dice
	Contribution string // the auditor's revealed value, "" without one
	Seed         string // SHA-256 of draw/seed.txt, 64 hex digits
	Signature    string // the beacon's signature in hex, "" for dice
}

// VoidedDraw is a draw or commitment that was given up; its files stay on record.
type VoidedDraw struct {
	Folder     string // "draw/void-1"
	Reason     string // as given, made safe to show
	Ground     string // "before-round", or a ground of draw protocol section 9; "" if not recorded
	VoidedAt   string // UTC time, "" if not recorded
	Commitment sampler.DocHash
}

// Item is a sampled item, or one that a finding names, with all that is known about it.
type Item struct {
	ID           sampler.ItemID
	InPopulation bool
	Row          sampler.Row // the population row; zero without InPopulation
	Rank         int64       // rank in its stratum's draw, 0 if neither sample nor reserve
	Role         string      // sampler.RoleSample, sampler.RoleReserve or ""
	Certificates []Certificate
	Findings     []ItemFinding // severest first, then by lint name
}

// Sampled says whether the item is in the sample (the reserve is not).
func (i *Item) Sampled() bool { return i.Role == sampler.RoleSample }

// Issued returns the item's issuance time: the population's; outside the population
// the earliest log time stamp, else notBefore; zero when nothing is known.
func (i *Item) Issued() time.Time {
	if i.InPopulation {
		return i.Row.Issued
	}
	var first time.Time
	for _, c := range i.Certificates {
		if !c.Logged.IsZero() && (first.IsZero() || c.Logged.Before(first)) {
			first = c.Logged
		}
	}
	if first.IsZero() && len(i.Certificates) > 0 {
		first = i.Certificates[0].Facts.NotBefore
	}
	return first
}

// Main returns the certificate that stands for the item: a final one if there is
// one, else a precertificate. Nil if no certificate is in the folder yet.
func (i *Item) Main() *Certificate {
	if len(i.Certificates) == 0 {
		return nil
	}
	return &i.Certificates[0]
}

// Worst returns the severest finding of the item whose source applies to it, waived or not;
// ok is false without any.
func (i *Item) Worst() (s lint.Severity, ok bool) {
	for _, f := range i.Findings {
		if !f.Aside && (!ok || f.Severity > s) {
			s, ok = f.Severity, true
		}
	}
	return s, ok
}

// HasProblem says whether the item counts as a problem: it has a finding of severity error or
// fatal whose source applies to it, until a reviewer decides otherwise. A waiver is the CA's
// own opinion and changes nothing here: the bound of the statistics stays on the safe side.
func (i *Item) HasProblem() bool {
	s, ok := i.Worst()
	return ok && s >= lint.Error
}

// HasUnwaivedProblem is HasProblem without the findings that are waived.
func (i *Item) HasUnwaivedProblem() bool {
	return slices.ContainsFunc(i.Findings, func(f ItemFinding) bool { return f.Counts() && f.Waiver == "" })
}

// Certificate is one certificate or precertificate of an item.
type Certificate struct {
	SHA256   sampler.CertHash
	Form     sampler.Form
	Logged   time.Time // earliest log time stamp, whole seconds; zero if seen in files only
	Facts    Facts
	Readable bool // false if the DER has not even the outline of a certificate
	Linted   bool // a result for it is in lint/results.jsonl
	// RuleSet is the certificate's in lint/results.jsonl, and InForce are the versions of the
	// documents that govern it at its notBefore; empty where neither linting nor a finding
	// asked for it.
	RuleSet string
	InForce []string

	holder *lint.Holder // for contradictions found while collecting; nil without any
}

// ItemFinding is one lint or contradiction that holds for an item, whether in its
// certificate, its precertificate or both.
type ItemFinding struct {
	Lint, Source, Citation, Details string
	Severity                        lint.Severity
	Certificates                    []sampler.CertHash // where it was found, in the order of Item.Certificates
	FromItem                        bool               // a contradiction inside the item, found while collecting
	// Revocation is where it falls in the reasons for revocation, "" where nothing has to be
	// revoked for it.
	Revocation string
	// Aside says that its source applies to none of the certificates, by their types: it is
	// no finding about compliance.
	Aside bool
	// Waiver is the id of the waiver that holds for it, "" for none.
	Waiver string
	// AlsoFoundBy is the check by which linting found the same fact again, "" for none.
	AlsoFoundBy string
}

// Counts says whether the finding makes its item a problem: severity error or fatal, and
// of a source that applies. A waived finding counts.
func (f ItemFinding) Counts() bool { return f.Severity >= lint.Error && !f.Aside }

// SampleItems returns the items of the sample in the order of draw/sample.tsv.
func (a *Audit) SampleItems() []*Item {
	var out []*Item
	for _, r := range a.Sample {
		if r.Role == sampler.RoleSample {
			out = append(out, a.byItem[r.Item])
		}
	}
	return out
}

// FindingItems returns every item that has a finding, in the order of item ids.
func (a *Audit) FindingItems() []*Item {
	var out []*Item
	for _, it := range a.items {
		if len(it.Findings) > 0 {
			out = append(out, it)
		}
	}
	return out
}

// Stratum returns the stratum of that identity.
func (a *Audit) Stratum(id sampler.StratumID) (sampler.Stratum, bool) {
	i, ok := a.stratums[id]
	if !ok {
		return sampler.Stratum{}, false
	}
	return a.Strata[i], true
}

// Rehearsal says whether the audit is a practice run, which is never evidence.
func (a *Audit) Rehearsal() bool {
	switch {
	case a.Commitment != nil:
		return a.Commitment.Mode == sampler.ModeRehearsal
	case a.Opening != nil:
		return a.Opening.Mode == sampler.ModeRehearsal
	}
	return false
}

// RehearsalNotice is the mark on every output of a rehearsal.
const RehearsalNotice = "REHEARSAL, NOT EVIDENCE"
