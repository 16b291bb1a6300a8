package sampler

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// ReconciliationSchema is the schema of records/reconciliation.json.
const ReconciliationSchema = "selfaudit.reconciliation/v1"

// Documents of the reconciliation.
const (
	ReconciliationFile = "records/reconciliation.json"
	RecordRowsFile     = "records/rows.jsonl"
)

// The lists of the reconciliation, records/<name>.tsv, in the order of the documents.
const (
	ListNotInRecords    = "not-in-records"            // in CT or a file, not in the CA's records
	ListNotInCT         = "not-in-ct"                 // in the records, in no log that was read
	ListOtherBytes      = "other-certificate"         // the record's fingerprint is of none of the item's certificates
	ListDuplicates      = "duplicates"                // several rows
	ListPrecertOnly     = "precertificate-only"       // no certificate was seen
	ListCertificateOnly = "certificate-only"          // with embedded SCTs, but no precertificate was seen
	ListDisagreeing     = "records-disagree-on-label" // rows that put the item into different strata
)

// What ListNotInRecords says of an item: where it was seen.
const (
	SeenInCT   = "seen in Certificate Transparency"
	SeenInFile = "seen in a certificate file"
)

// ReconciliationLists returns the names of all lists.
func ReconciliationLists() []string {
	return []string{ListNotInRecords, ListNotInCT, ListOtherBytes, ListDuplicates, ListPrecertOnly, ListCertificateOnly, ListDisagreeing}
}

// ReconciliationListFile is where a list lies.
func ReconciliationListFile(name string) string { return "records/" + name + ".tsv" }

// Reconciliation is records/reconciliation.json: the comparison of what was seen with the
// CA's records, of the population.
type Reconciliation struct {
	Schema  string                 `json:"schema"`
	AuditID string                 `json:"audit_id"`
	Mode    string                 `json:"mode"`
	Period  SnapshotPeriod         `json:"period"`
	Counts  ReconciliationCounts   `json:"counts"`
	Issuers []ReconciliationIssuer `json:"issuers"` // ascending by key
	Lists   []ReconciliationList   `json:"lists"`
	// Mismatches are the exports whose number of rows is not what the CA's system said.
	Mismatches []string `json:"row_count_mismatches"`
}

// ReconciliationIssuer is the comparison for one issuer key.
type ReconciliationIssuer struct {
	Issuer       KeyHash `json:"issuer"`
	Covered      bool    `json:"covered"` // an export is complete for it
	Population   int64   `json:"population"`
	InRecords    int64   `json:"in_records"`
	InBoth       int64   `json:"in_both"`
	NotProven    int64   `json:"not_proven"`
	NotInRecords int64   `json:"not_in_records"`
}

// Bytes returns the document.
func (r *Reconciliation) Bytes() ([]byte, error) {
	doc := *r
	doc.Schema = ReconciliationSchema
	doc.Issuers = append([]ReconciliationIssuer{}, r.Issuers...)
	doc.Lists = append([]ReconciliationList{}, r.Lists...)
	doc.Mismatches = append([]string{}, r.Mismatches...)
	if err := doc.check(); err != nil {
		return nil, fmt.Errorf("writing reconciliation.json: %w", err)
	}
	return encodeDocument(&doc)
}

// ParseReconciliation reads the document; unknown keys are refused.
func ParseReconciliation(b []byte) (*Reconciliation, error) {
	var r Reconciliation
	if err := decodeDocument(b, &r); err != nil {
		return nil, fmt.Errorf("reconciliation.json: %w", err)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("reconciliation.json: %w", err)
	}
	return &r, nil
}

func (r *Reconciliation) check() error {
	if r.Schema != ReconciliationSchema {
		return fmt.Errorf("schema is %.80q, want %s", r.Schema, ReconciliationSchema)
	}
	if err := r.Counts.check(); err != nil {
		return err
	}
	var sum ReconciliationIssuer
	for _, i := range r.Issuers {
		if min(i.InRecords, i.InBoth, i.NotProven, i.NotInRecords) < 0 || i.InRecords+i.NotInRecords > i.Population {
			return fmt.Errorf("issuer %s: the records have %d of its %d items, %d are not in them", i.Issuer, i.InRecords, i.Population, i.NotInRecords)
		}
		sum.Population += i.Population
		sum.InRecords += i.InRecords
		sum.InBoth += i.InBoth
		sum.NotProven += i.NotProven
		sum.NotInRecords += i.NotInRecords
	}
	c := r.Counts
	if sum.Population != c.Population || sum.InRecords != c.InRecords || sum.InBoth != c.InBoth || sum.NotProven != c.NotProven || sum.NotInRecords != c.NotInRecords {
		return errors.New("the issuers' counts do not add up")
	}
	return nil
}

const reconciliationHeader = "#selfaudit-records-list-v1\titem_id\tcert_sha256\tform\tissued\tdetail\n"

// maxListDetail bounds a line's text in bytes.
const maxListDetail = 1000

// ReconciliationItem is one line of a list of the reconciliation: an item of the
// population as population.tsv has it, and a text for people.
type ReconciliationItem struct {
	Item   ItemID
	Cert   CertHash
	Form   Form
	Issued time.Time
	Detail string
}

func (i ReconciliationItem) line() []byte {
	b := i.Item.Append(nil)
	return fmt.Appendf(b, "\t%s\t%s\t%s\t%s\n", i.Cert, i.Form, FormatTime(i.Issued), i.Detail)
}

func (i ReconciliationItem) check() error {
	if err := checkSerial(string(i.Item.Serial)); err != nil {
		return fmt.Errorf("item_id: serial number: %w", err)
	}
	if i.Form != FormFinal && i.Form != FormPrecert {
		return fmt.Errorf("bad form %.40q", i.Form)
	}
	if oneListLine(i.Detail) != i.Detail {
		return errors.New("the detail is not plain text")
	}
	return nil
}

// oneListLine escapes a text so that it fits a field: printable ASCII, never empty.
func oneListLine(s string) string {
	s = EscapeLabel(s)
	if len(s) > maxListDetail {
		s = s[:maxListDetail]
	}
	return strings.TrimSpace(s)
}

// ReconciliationWriter writes one list line by line.
type ReconciliationWriter struct {
	tsvWriter
	prev ItemID
}

// NewReconciliationWriter returns a writer whose header line is already buffered.
func NewReconciliationWriter(w io.Writer) *ReconciliationWriter {
	return &ReconciliationWriter{tsvWriter: newTSVWriter(w, "writing a list of the reconciliation", reconciliationHeader)}
}

// Write appends an item; items must come in strictly ascending order. The detail is made
// to fit.
func (w *ReconciliationWriter) Write(i ReconciliationItem) error {
	i.Detail = oneListLine(i.Detail)
	if err := i.check(); err != nil {
		return fmt.Errorf("writing a list of the reconciliation: item %s: %w", i.Item, err)
	}
	if w.count > 0 && i.Item.Compare(w.prev) <= 0 {
		return fmt.Errorf("writing a list of the reconciliation: item %s: not in order", i.Item)
	}
	w.prev = i.Item
	return w.row(i.line())
}

// ReconciliationReader reads one list line by line, as strictly as it is written.
type ReconciliationReader struct {
	tsvReader
	prev ItemID
}

// NewReconciliationReader returns a reader of a list; its errors name the line, the caller the list.
func NewReconciliationReader(r io.Reader) *ReconciliationReader {
	return &ReconciliationReader{tsvReader: newTSVReader(r, "", reconciliationHeader, "lists version 1", maxTSVLine)}
}

// Next returns the next line, io.EOF after the last one.
func (r *ReconciliationReader) Next() (ReconciliationItem, error) {
	var out ReconciliationItem
	err := r.row(func(line []byte) error {
		i, err := parseReconciliationItem(string(line))
		if err == nil && r.count > 0 && i.Item.Compare(r.prev) <= 0 {
			err = errors.New("not strictly ascending")
		}
		if err == nil {
			out, r.prev = i, i.Item
		}
		return err
	})
	return out, err
}

func parseReconciliationItem(line string) (ReconciliationItem, error) {
	f := strings.Split(line, "\t")
	if len(f) != 5 {
		return ReconciliationItem{}, fmt.Errorf("%d fields, want 5", len(f))
	}
	item, err := ParseItemID(f[0])
	if err != nil {
		return ReconciliationItem{}, err
	}
	i := ReconciliationItem{Item: item, Form: Form(f[2]), Detail: f[4]}
	if i.Cert, err = ParseCertHash(f[1]); err != nil {
		return i, err
	}
	if i.Issued, err = ParseTime(f[3]); err != nil {
		return i, err
	}
	return i, i.check()
}
