package sampler

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// OutsideFile is where the items lie that were seen and are in no population so far.
const OutsideFile = "ct/outside.tsv"

// LintWaitingNotFound is the finding of an item that waited in the audit before and that no
// source shows now: no certificate may fall between two audits (draw protocol section 3.1).
const LintWaitingNotFound = "e_waiting_certificate_not_found"

// Carried is the verdict, in ct/outside.tsv alone, on an item that waited in the audit
// before and that no source shows now: it waits on.
const Carried Verdict = "carried"

const outsideHeader = "#selfaudit-outside-v1\titem_id\tverdict\tissued\tsource\tentry\n"

// maxOutsideLine bounds one line of ct/outside.tsv. The longest valid one has 443 bytes.
const maxOutsideLine = 1024

// OutsideSource says what showed an item: one of the constants, the id of a log (64 hex
// digits) that has it as an entry, or OutsideSCT, a colon and the id of a log that one of
// its SCTs was looked up in and proven.
type OutsideSource string

// The sources that have no log.
const (
	OutsideFiles   OutsideSource = "files"   // certificates in files, those in the CA's exports too
	OutsideRecords OutsideSource = "records" // a row of the CA's records, which is no certificate
	OutsideIndex   OutsideSource = "crtsh"   // an answer of crt.sh
	OutsideSCT     OutsideSource = "sct"     // a verified SCT in one of its certificates
	OutsideEarlier OutsideSource = "earlier" // ct/pairings.tsv of an earlier audit
	OutsideOwn     OutsideSource = "own"     // logs that the CA operates, and what else it says; never a place where an item waits
)

// OutsideLog is the source of an entry that was read of a log.
func OutsideLog(logID string) OutsideSource { return OutsideSource(logID) }

// OutsideProvenSCT is the source of an entry that an SCT names and a log proved.
func OutsideProvenSCT(logID string) OutsideSource { return OutsideSCT + ":" + OutsideSource(logID) }

// Log returns the log's id; "" for a source without one. read says that the entry was read
// with the log, not looked up by an SCT.
func (s OutsideSource) Log() (id string, read bool) {
	if id, found := strings.CutPrefix(string(s), string(OutsideSCT)+":"); found {
		return id, false
	}
	if len(s) == 64 {
		return string(s), true
	}
	return "", false
}

// CT says whether a log's time dates the item: the time of an entry, or of an SCT.
func (s OutsideSource) CT() bool { return s == OutsideSCT || s.hasEntry() }

func (s OutsideSource) hasEntry() bool {
	id, _ := s.Log()
	return id != ""
}

func (s OutsideSource) valid() bool {
	switch s {
	case OutsideFiles, OutsideRecords, OutsideIndex, OutsideSCT, OutsideEarlier, OutsideOwn:
		return true
	}
	id, _ := s.Log()
	return len(id) == 64 && isLowerHex(id)
}

// Outside is one line of ct/outside.tsv: where an item was seen that belongs to an audited
// issuer and to no population so far. An item that waits has a line for each place; one that
// never enters has a single line, of what decided that.
type Outside struct {
	Item    ItemID
	Verdict Verdict   // Waiting, Carried, TooOld or Predated
	Issued  time.Time // zero, written "-", where it never enters and no time of it can be written
	Source  OutsideSource
	Entry   uint64 // in the source's log; 0 for a source without one
}

// Where words the place of the line.
func (o Outside) Where() string {
	id, read := o.Source.Log()
	switch {
	case read:
		return fmt.Sprintf("log %s, entry %d", id, o.Entry)
	case id != "":
		return fmt.Sprintf("log %s, entry %d, by an SCT", id, o.Entry)
	}
	return map[OutsideSource]string{OutsideFiles: "files", OutsideRecords: "the CA's records", OutsideIndex: "crt.sh", OutsideSCT: "an embedded SCT",
		OutsideEarlier: "ct/pairings.tsv of an earlier audit", OutsideOwn: "logs that the CA operates"}[o.Source]
}

// Compare orders lines as their bytes: by item, source and entry.
func (o Outside) Compare(p Outside) int {
	return cmp.Or(o.Item.Compare(p.Item), strings.Compare(string(o.Source), string(p.Source)), strings.Compare(o.entry(), p.entry()))
}

func (o Outside) entry() string {
	if !o.Source.hasEntry() {
		return "-"
	}
	return strconv.FormatUint(o.Entry, 10)
}

// check refuses a line that cannot follow prev, nil for the first one.
func (o Outside) check(prev *Outside) error {
	switch {
	case o.Verdict != Waiting && o.Verdict != Carried && o.Verdict != TooOld && o.Verdict != Predated:
		return fmt.Errorf("bad verdict %.40q", o.Verdict)
	case !o.Source.valid():
		return fmt.Errorf("bad source %.80q", o.Source)
	case !o.Source.hasEntry() && o.Entry != 0:
		return fmt.Errorf("an entry with the source %s", o.Source)
	case !o.Issued.IsZero() && !expressible(o.Issued), o.Issued.IsZero() && o.Verdict != TooOld && o.Verdict != Predated:
		return errors.New("no issuance time that the format can hold")
	case prev == nil:
		return nil
	case o.Compare(*prev) <= 0:
		return fmt.Errorf("not strictly ascending: comes after %s, %s", prev.Item, prev.Source)
	case o.Item != prev.Item:
		return nil
	case o.Verdict != prev.Verdict || !o.Issued.Equal(prev.Issued):
		return errors.New("another verdict or time than in the item's line before")
	case o.Verdict == TooOld || o.Verdict == Predated:
		return fmt.Errorf("a second line of an item that is %s", o.Verdict)
	}
	return nil
}

// OutsideLost says whether an item that is carried counts as not found, by the lines of the
// places where it was seen: it does not if its issuer is not audited any more, or if all logs
// that it was an entry of are excluded and nothing else showed it.
func OutsideLost(lines []Outside, audited bool, excluded func(logID string) bool) bool {
	if !audited {
		return false
	}
	logs := false
	for _, l := range lines {
		id, read := l.Source.Log()
		switch {
		case l.Source == OutsideSCT || id != "" && !read: // of a certificate that something else showed
		case !read || !excluded(id):
			return true
		default:
			logs = true
		}
	}
	return !logs
}

// OutsideWriter writes ct/outside.tsv line by line.
type OutsideWriter struct {
	tsvWriter
	prev Outside
	buf  []byte
}

// NewOutsideWriter returns a writer whose header line is already buffered.
func NewOutsideWriter(w io.Writer) *OutsideWriter {
	return &OutsideWriter{tsvWriter: newTSVWriter(w, "writing outside items", outsideHeader)}
}

// Write appends one line. Lines must come strictly ascending; after any error everything
// that follows is refused too.
func (w *OutsideWriter) Write(o Outside) error {
	if w.err != nil {
		return w.err
	}
	if o.Issued = o.Issued.UTC().Truncate(time.Second); !expressible(o.Issued) {
		o.Issued = time.Time{}
	}
	err := checkSerial(string(o.Item.Serial))
	if err == nil {
		err = o.check(w.before())
	}
	if err != nil {
		w.err = fmt.Errorf("writing outside item %s: %w", o.Item, err)
		return w.err
	}
	b := append(o.Item.Append(w.buf[:0]), '\t')
	b = append(append(b, o.Verdict...), '\t')
	b = append(appendValidity(b, o.Issued), '\t')
	b = append(append(b, o.Source...), '\t')
	w.buf = append(append(b, o.entry()...), '\n')
	w.prev = o
	return w.row(w.buf)
}

func (w *OutsideWriter) before() *Outside {
	if w.count == 0 {
		return nil
	}
	return &w.prev
}

// Describe returns what snapshot.json says of the file; who carried what is the caller's to add.
func (w *OutsideWriter) Describe() *SnapshotOutside {
	return &SnapshotOutside{SHA256: w.Hash(), Lines: w.count}
}

// OutsideReader reads ct/outside.tsv strictly, in one pass and constant memory.
type OutsideReader struct {
	tsvReader
	prev Outside
}

// NewOutsideReader returns a reader; the header is checked by the first Next.
func NewOutsideReader(r io.Reader) *OutsideReader {
	return &OutsideReader{tsvReader: newTSVReader(r, "outside.tsv: ", outsideHeader, "outside items version 1", maxOutsideLine)}
}

// Next returns the next line, io.EOF after the last one, or an error that names the line.
// After an error it returns the same error again.
func (r *OutsideReader) Next() (Outside, error) {
	var out Outside
	err := r.row(func(line []byte) error {
		o, err := parseOutside(line)
		if err == nil {
			prev := &r.prev
			if r.count == 0 {
				prev = nil
			}
			err = o.check(prev)
		}
		if err == nil {
			out, r.prev = o, o
		}
		return err
	})
	return out, err
}

func parseOutside(line []byte) (o Outside, err error) {
	f := bytes.Split(line, []byte("\t"))
	if len(f) != 5 {
		return o, fmt.Errorf("want 5 fields, have %d", len(f))
	}
	if o.Item, err = parseItemID(f[0]); err != nil {
		return o, fmt.Errorf("bad item_id: %w", err)
	}
	o.Verdict, o.Source = Verdict(f[1]), OutsideSource(f[3])
	if string(f[2]) != "-" {
		var ok bool
		if o.Issued, ok = parseTime(f[2]); !ok || o.Issued.IsZero() {
			return o, fmt.Errorf("bad issued %.40q", f[2])
		}
	}
	if o.Source.hasEntry() {
		if o.Entry, err = strconv.ParseUint(string(f[4]), 10, 64); err != nil {
			return o, fmt.Errorf("bad entry %.40q", f[4])
		}
	}
	if o.entry() != string(f[4]) { // leading zeros, a sign, or an entry where there is none
		return o, fmt.Errorf("bad entry %.40q with the source %.80q", f[4], f[3])
	}
	return o, nil
}

// SnapshotOutside ties ct/outside.tsv to the commitment.
type SnapshotOutside struct {
	SHA256 DocHash `json:"sha256"`
	Lines  int64   `json:"lines"` // without the header
	// Previous is the newest earlier audit that has the document: what waited in it was looked
	// for. "" if there is none.
	Previous string `json:"previous_audit,omitempty"`
	Carried  int64  `json:"carried,omitempty"` // items with that verdict
}

func (o *SnapshotOutside) check() error {
	switch {
	case o == nil:
		return nil
	case min(o.Lines, o.Carried) < 0:
		return errors.New("outside: a number below zero")
	case o.Previous != "" && !ValidAuditID(o.Previous):
		return fmt.Errorf("bad outside.previous_audit %.80q", o.Previous)
	case o.Previous == "" && o.Carried > 0:
		return fmt.Errorf("outside: %d items are carried on from no audit", o.Carried)
	}
	return nil
}
