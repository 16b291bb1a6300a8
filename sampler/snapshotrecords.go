package sampler

import (
	"errors"
	"fmt"
	"slices"
)

// SnapshotRecords is one export of the CA's own issuance records ([[records]] of the
// configuration): where it is said to come from, how it was read and what was in it.
type SnapshotRecords struct {
	Path       string                `json:"path"` // as configured
	Kind       string                `json:"kind"` // RecordsCSV or RecordsCertificates
	SHA256     DocHash               `json:"sha256"`
	Bytes      int64                 `json:"bytes"` // of the files as they lie on disk
	Provenance RecordsProvenance     `json:"provenance"`
	Mapping    *RecordsMapping       `json:"mapping,omitempty"` // only RecordsCSV
	Rows       int64                 `json:"rows"`              // of data; certificates for RecordsCertificates
	Kept       int64                 `json:"kept"`              // of the audited issuers
	Others     int64                 `json:"other_issuers"`     // of issuers that are not audited
	Unreadable int64                 `json:"unreadable"`        // rows that could not be read
	Accepted   string                `json:"accepted_unreadable,omitempty"`
	Issuers    []RecordsIssuerRows   `json:"issuers"`         // kept rows by audited issuer, ascending by key
	Foreign    []RecordsForeignRows  `json:"foreign_issuers"` // the first ones that are not audited, with their rows
	Problems   []RecordsUnreadable   `json:"unreadable_rows"` // the first ones
	Notes      []string              `json:"notes"`           // such as the encoding that was assumed
	Covers     []KeyHash             `json:"covers_issuers"`  // issuers that the export is complete for, ascending
	Certs      RecordsCertificateSum `json:"certificates"`    // certificates that came with the rows
}

// Kinds of an export.
const (
	RecordsCSV          = "csv"
	RecordsCertificates = "certificates"
)

// RecordsProvenance is what auditors ask about information that the entity produced
// (requirements 7.3): system, query, operator, time, count. Texts as the CA gave them.
type RecordsProvenance struct {
	System       string `json:"system"`
	Query        string `json:"query"`
	Operator     string `json:"operator"`
	ExtractedAt  string `json:"extracted_at"`            // FormatTime, "" if not given
	Rows         *int64 `json:"rows,omitempty"`          // as the system said; absent if not given
	CounterFirst *int64 `json:"counter_first,omitempty"` // issuance counter before or at the first row …
	CounterLast  *int64 `json:"counter_last,omitempty"`  // … and at the last, both inclusive
}

// RecordsMapping says how a CSV was read.
type RecordsMapping struct {
	Encoding     string            `json:"encoding"`
	Delimiter    string            `json:"delimiter"`
	SerialFormat string            `json:"serial_format"` // hex or decimal, as applied
	TimeFormat   string            `json:"time_format"`
	TimeZone     string            `json:"time_zone"`
	Columns      map[string]string `json:"columns"` // field to the header's text
}

// RecordsIssuerRows counts the rows of one audited issuer.
type RecordsIssuerRows struct {
	Issuer KeyHash `json:"issuer"`
	Rows   int64   `json:"rows"`
}

// RecordsForeignRows counts the rows that carry an issuer text which is no audited issuer's.
type RecordsForeignRows struct {
	Text string `json:"text"`
	Rows int64  `json:"rows"`
}

// RecordsUnreadable is one row that could not be read.
type RecordsUnreadable struct {
	Where  string `json:"where"` // file, row, line and column
	Reason string `json:"reason"`
}

// RecordsCertificateSum counts the certificates that an export brought along.
type RecordsCertificateSum struct {
	Found        int64 `json:"found"`
	Kept         int64 `json:"kept"`
	OtherIssuers int64 `json:"other_issuers"`
	Unreadable   int64 `json:"unreadable"`
}

// SnapshotExclusion is one row of the CA's records that was left out by hand. It never
// takes an item out that a log or a file shows (draw protocol section 3: no filter).
type SnapshotExclusion struct {
	Serial     Serial  `json:"serial"`
	Issuer     KeyHash `json:"issuer"`
	Reason     string  `json:"reason"`
	ApprovedBy string  `json:"approved_by"`
	Rows       int64   `json:"rows"`   // rows of the exports that it matched
	Effect     string  `json:"effect"` // one of the Exclusion constants
}

// Effects of an exclusion.
const (
	ExclusionApplied  = "left-out"  // the row has no certificate and none was found
	ExclusionNoEffect = "no-effect" // a certificate of the item is known, so it stays
	ExclusionUnused   = "unused"    // no row has this serial and issuer
)

// SnapshotLabel says which text of the CA's columns a stratum label stands for.
type SnapshotLabel struct {
	Label string `json:"label"`
	Text  string `json:"text"`
}

// SnapshotStratumRule is one [[stratum]] of the configuration; empty fields match all.
type SnapshotStratumRule struct {
	Issuer KeyHash `json:"issuer,omitzero"`
	Class  Class   `json:"class,omitempty"`
	Label  string  `json:"label,omitempty"`
	RateBP int     `json:"rate_bp,omitempty"`
	Floor  int64   `json:"floor,omitempty"`
}

// SnapshotReconciliation binds records/reconciliation.json and its lists to the commitment.
type SnapshotReconciliation struct {
	Document DocHash              `json:"document_sha256"` // of records/reconciliation.json
	Counts   ReconciliationCounts `json:"counts"`
	Lists    []ReconciliationList `json:"lists"`
}

// ReconciliationCounts compares what was seen (logs, files) with the CA's records. All
// but the first two groups are items of this population.
//
//	Population    = Covered + NotCovered
//	Covered       = InRecords + NotInRecords
//	InRecords     = InBoth + NotProven
//	NotInRecords  = OnlyInCT + OnlyInFiles
//
// and ItemsInRecords = InRecords + RecordsWaiting + RecordsTooOld + RecordsEarlier.
type ReconciliationCounts struct {
	Rows            int64 `json:"rows"` // kept rows of all exports
	RowsExcluded    int64 `json:"rows_excluded"`
	ItemsInRecords  int64 `json:"items_in_records"` // whatever their period, left-out rows not counted
	RecordsWaiting  int64 `json:"records_waiting"`  // of these: issued at or after the period's end
	RecordsTooOld   int64 `json:"records_too_old"`  // older than the chain
	RecordsEarlier  int64 `json:"records_earlier"`  // in an earlier population
	Population      int64 `json:"population"`
	NotCovered      int64 `json:"not_covered"` // items of issuers that no export covers
	Covered         int64 `json:"covered"`
	InRecords       int64 `json:"in_records"`
	NotInRecords    int64 `json:"not_in_records"` // a finding each
	InBoth          int64 `json:"in_both"`        // in the records and proven in a log
	NotProven       int64 `json:"not_proven"`     // in the records, in no log that was read
	OnlyInCT        int64 `json:"only_in_ct"`
	OnlyInFiles     int64 `json:"only_in_files"`
	OtherBytes      int64 `json:"other_certificate"`        // the record's fingerprint is of none of the item's certificates: a finding each
	Duplicates      int64 `json:"duplicates"`               // items with several rows
	Contradicting   int64 `json:"contradicting_duplicates"` // of these: rows that name different certificates: a finding each
	PrecertOnly     int64 `json:"precertificate_only"`      // no final certificate was seen
	CertificateOnly int64 `json:"certificate_only"`         // with embedded SCTs, but no precertificate was seen
}

// ReconciliationList is one list of items, records/<name>.tsv.
type ReconciliationList struct {
	Name   string  `json:"name"`
	SHA256 DocHash `json:"sha256"`
	Rows   int64   `json:"rows"` // without the header
}

// checkRecords checks what snapshot.json says of the CA's records.
func (s *Snapshot) checkRecords() error {
	for _, r := range s.Records {
		if r.Kind != RecordsCSV && r.Kind != RecordsCertificates {
			return fmt.Errorf("records %.80q: unknown kind %.40q; want csv or certificates", r.Path, r.Kind)
		}
		if r.Rows != r.Kept+r.Others+r.Unreadable {
			return fmt.Errorf("records %.80q: of %d rows, %d are accounted for", r.Path, r.Rows, r.Kept+r.Others+r.Unreadable)
		}
		if at := r.Provenance.ExtractedAt; at != "" {
			if _, err := ParseTime(at); err != nil {
				return fmt.Errorf("records %.80q: extracted_at: %w", r.Path, err)
			}
		}
	}
	if (s.Reconciliation != nil) != (len(s.Records) > 0) {
		return errors.New("records without a reconciliation, or the other way round")
	}
	if s.Reconciliation != nil {
		if err := s.Reconciliation.Counts.check(); err != nil {
			return fmt.Errorf("reconciliation: %w", err)
		}
	}
	for _, e := range s.Exclusions {
		if err := checkSerial(string(e.Serial)); err != nil {
			return fmt.Errorf("exclusion: serial number: %w", err)
		}
		if e.Effect != ExclusionApplied && e.Effect != ExclusionNoEffect && e.Effect != ExclusionUnused {
			return fmt.Errorf("exclusion of %s: unknown effect %.40q", e.Serial, e.Effect)
		}
	}
	for i, l := range s.Labels {
		if !validLabel(l.Label) || i > 0 && l.Label <= s.Labels[i-1].Label {
			return fmt.Errorf("labels: %.40q is no label, or not in ascending order", l.Label)
		}
	}
	return nil
}

func (c ReconciliationCounts) check() error {
	switch {
	case min(c.Rows, c.RowsExcluded, c.ItemsInRecords, c.RecordsWaiting, c.RecordsTooOld, c.RecordsEarlier, c.Population, c.NotCovered, c.Covered, c.InRecords,
		c.NotInRecords, c.InBoth, c.NotProven, c.OnlyInCT, c.OnlyInFiles, c.OtherBytes, c.Duplicates, c.Contradicting, c.PrecertOnly, c.CertificateOnly) < 0:
		return errors.New("a number below zero")
	case c.Population != c.Covered+c.NotCovered, c.Covered != c.InRecords+c.NotInRecords,
		c.InRecords != c.InBoth+c.NotProven, c.NotInRecords != c.OnlyInCT+c.OnlyInFiles:
		return errors.New("the counts do not add up")
	case c.ItemsInRecords != c.InRecords+c.RecordsWaiting+c.RecordsTooOld+c.RecordsEarlier:
		return fmt.Errorf("of %d items in the records, %d are accounted for", c.ItemsInRecords, c.InRecords+c.RecordsWaiting+c.RecordsTooOld+c.RecordsEarlier)
	case c.Rows-c.RowsExcluded < c.ItemsInRecords+c.Duplicates:
		return fmt.Errorf("%d rows, of which %d were left out, of %d items, %d with several", c.Rows, c.RowsExcluded, c.ItemsInRecords, c.Duplicates)
	}
	return nil
}

// completeRecords makes nil lists empty ones, in copies.
func (s *Snapshot) completeRecords() {
	s.Records = slices.Clone(s.Records)
	for i := range s.Records {
		r := &s.Records[i]
		r.Issuers, r.Foreign = append([]RecordsIssuerRows{}, r.Issuers...), append([]RecordsForeignRows{}, r.Foreign...)
		r.Problems, r.Notes = append([]RecordsUnreadable{}, r.Problems...), append([]string{}, r.Notes...)
		r.Covers = append([]KeyHash{}, r.Covers...)
	}
	if s.Reconciliation != nil {
		c := *s.Reconciliation
		c.Lists = append([]ReconciliationList{}, c.Lists...)
		s.Reconciliation = &c
	}
}

// CountMismatches compares the rows of every export with what the CA's system said.
func CountMismatches(list []SnapshotRecords) []string {
	var out []string
	for _, e := range list {
		p := e.Provenance
		if p.Rows != nil && *p.Rows != e.Rows {
			out = append(out, fmt.Sprintf("%s has %d rows, the system said %d", e.Path, e.Rows, *p.Rows))
		}
		if p.CounterFirst != nil && p.CounterLast != nil && *p.CounterLast-*p.CounterFirst+1 != e.Rows {
			out = append(out, fmt.Sprintf("%s has %d rows, the issuance counter from %d to %d counts %d", e.Path, e.Rows, *p.CounterFirst, *p.CounterLast, *p.CounterLast-*p.CounterFirst+1))
		}
	}
	return out
}
