package main

import (
	"fmt"
	"slices"
	"time"

	"selfaudit/reports"
	"selfaudit/sampler"
	"selfaudit/sampler/draw"
)

// populationItem is one item of a result: a line of --format jsonl.
type populationItem struct {
	ItemID       string               `json:"item_id"`
	Serial       string               `json:"serial"`
	Issuer       string               `json:"issuer"`
	IssuerKey    string               `json:"issuer_key_sha256"`
	InPopulation bool                 `json:"in_population"`
	Status       string               `json:"status"`
	Why          string               `json:"why"`
	StratumID    string               `json:"stratum_id"`
	Stratum      string               `json:"stratum"`
	Form         string               `json:"form"`
	SHA256       string               `json:"sha256"`
	Issued       string               `json:"issued"`
	DatedBy      string               `json:"dated_by"` // ct, record, not_before, unknown; "" if not told
	CTSource     string               `json:"ct_source,omitempty"`
	NotBefore    string               `json:"not_before"` // "-" if unreadable
	NotAfter     string               `json:"not_after"`
	Name         string               `json:"name"`    // "" if the certificate is not at hand
	Subject      string               `json:"subject"` // the same
	Sample       *populationSample    `json:"sample"`  // null before the draw and outside the population
	Sightings    []populationSighting `json:"sightings,omitempty"`
	Seen         []string             `json:"seen,omitempty"` // where, in words, by ct/outside.tsv

	ders [][]byte // distinct certificates of the item, if asked for
}

// populationSample says whether an item was drawn.
type populationSample struct {
	Role   string `json:"role"`           // sample, reserve or none
	Rank   int64  `json:"rank,omitempty"` // of the sample or the reserve
	Ticket string `json:"ticket"`
	// LastSampled is the ticket of the stratum's last sampled item: every ticket that was
	// not drawn is above it.
	LastSampled string `json:"last_sampled_ticket"`
}

// populationSighting is one place where a certificate of the item was seen.
type populationSighting struct {
	Form   string           `json:"form"`
	SHA256 string           `json:"sha256"`
	Source string           `json:"source"` // log or file
	LogID  string           `json:"log_id,omitempty"`
	Log    string           `json:"log,omitempty"` // its address
	Index  *uint64          `json:"index,omitempty"`
	Logged string           `json:"logged,omitempty"` // the entry's time stamp
	File   string           `json:"file,omitempty"`
	Block  *int             `json:"block,omitempty"`
	Proof  *populationProof `json:"proof,omitempty"`
}

// newItem fills in what a row and its status tell.
func newItem(row sampler.Row, status, why string, known *knownIssuers) *populationItem {
	return &populationItem{ItemID: row.Item.String(), Serial: string(row.Item.Serial), Issuer: known.labels[row.Item.Issuer], IssuerKey: row.Item.Issuer.String(),
		InPopulation: status == string(sampler.Current) || status == string(sampler.Late), Status: status, Why: why,
		StratumID: row.Stratum.String(), Stratum: known.stratum(row.Stratum), Form: string(row.Form), SHA256: row.Cert.String(),
		Issued: timeOrDash(row.Issued), NotBefore: timeOrDash(row.NotBefore), NotAfter: timeOrDash(row.NotAfter)}
}

func timeOrDash(t time.Time) string {
	if t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return "-"
	}
	return sampler.FormatTime(t)
}

// whyOf words a status. earlier names the earlier audit, if one has the item.
func whyOf(status, earlier string) string {
	switch status {
	case string(sampler.Current):
		return "issued in the period"
	case string(sampler.Late):
		return "issued before the period's start, in no earlier population: late"
	case string(sampler.Waiting):
		return "issued at or after the period's end: it waits for the next audit"
	case string(sampler.Carried):
		return "it waited in the audit before, and nothing that this audit read shows it: it waits on, for the audit that sees it"
	case string(sampler.TooOld):
		return "issued before the chain's start: older than the chain of audits"
	case string(sampler.Predated):
		return "left out by its notBefore, which is before the chain's start, although CT first saw it later"
	case statusEarlier:
		if earlier != "" {
			return "in the population of audit " + earlier + " already"
		}
		return "in no row of this population; a finding names it, so an earlier audit of the chain has it"
	}
	return ""
}

// drawn adds whether the item was sampled.
func (it *populationItem) drawn(f *frozenAudit, id sampler.ItemID, stratum sampler.StratumID) {
	if f == nil || !f.drawn || !it.InPopulation {
		return
	}
	ticket := draw.Ticket(f.seed, id)
	it.Sample = &populationSample{Role: "none", Ticket: fmt.Sprintf("%x", ticket), LastSampled: fmt.Sprintf("%x", f.last[stratum].Ticket)}
	if row, ok := f.sample[id]; ok {
		it.Sample.Role, it.Sample.Rank = row.Role, row.Rank
	}
}

// describe reads the names of the item's main certificate.
func (it *populationItem) describe(der []byte) {
	facts, err := reports.ReadFacts(der)
	if err != nil {
		return // a certificate without an outline has no names to show
	}
	it.Name, it.Subject = facts.Name(), facts.Subject
}

// keep remembers a certificate of the item, each once.
func (it *populationItem) keep(der []byte) {
	if len(der) > 0 && !slices.ContainsFunc(it.ders, func(d []byte) bool { return string(d) == string(der) }) {
		it.ders = append(it.ders, slices.Clone(der))
	}
}

// namesOf returns the names of the certificates kept.
func (it *populationItem) namesOf() []string {
	var out []string
	for _, der := range it.ders {
		names, err := reports.Names(der)
		if err == nil {
			out = append(out, names...)
		}
	}
	return out
}

// sighted adds a sighting; logs gives the logs' addresses.
func (it *populationItem) sighted(s sampler.Sighting, logs map[string]sampler.SnapshotLog) *populationSighting {
	out := populationSighting{Form: string(s.Form), SHA256: s.Cert.String(), Source: s.Source}
	if s.Source != sampler.SightingFile {
		index := s.Index
		out.LogID, out.Log, out.Index = s.LogID, logs[s.LogID].URL, &index
		out.Logged = timeOrDash(time.UnixMilli(int64(min(s.TimestampMS, 1<<53))).UTC())
	} else {
		block := s.Block
		out.File, out.Block = s.File, &block
	}
	it.Sightings = append(it.Sightings, out)
	return &it.Sightings[len(it.Sightings)-1]
}
