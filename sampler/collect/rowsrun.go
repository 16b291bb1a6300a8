package collect

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
	"selfaudit/sampler/records"
)

// Records is one export of the CA's own records, opened, with the texts by which it names
// the audited issuers.
type Records struct {
	Export   *records.Export
	Issuers  *IssuerTexts
	Settings string // all that decides how rows are read, so that units made otherwise are made again
	// About is what snapshot.json will say of the export: path, kind, provenance, mapping,
	// notes, covered issuers. Records fills in what was counted.
	About sampler.SnapshotRecords
	// Covers are the issuers that the export is complete for, as configured; nil means every
	// issuer that it has a row of.
	Covers []sampler.KeyHash
}

// RecordsFound is what one export gave.
type RecordsFound struct {
	About  sampler.SnapshotRecords
	units  []*unit
	folder string
}

// maxForeignTexts bounds the issuer texts that are remembered of rows of other issuers.
const maxForeignTexts = 1000

// rowsFooter is what a unit says of the rows in it, beside its records.
type rowsFooter struct {
	Kept, Others int64
	Issuers      map[string]int64 // key hash in hex to kept rows
	Foreign      map[string]int64 // issuer text to rows
	Certificates sampler.RecordsCertificateSum
	Problems     int64
	ProblemList  []sampler.RecordsUnreadable // the first maxUnreadable
}

func newRowsFooter() *rowsFooter {
	return &rowsFooter{Issuers: map[string]int64{}, Foreign: map[string]int64{}}
}

// otherTexts counts rows whose issuer text was not remembered.
const otherTexts = "(further texts)"

func (f *rowsFooter) foreign(text string, rows int64) {
	if _, known := f.Foreign[text]; !known && len(f.Foreign) >= maxForeignTexts {
		text = otherTexts
	}
	f.Foreign[text] += rows
	f.Others += rows
}

func (f *rowsFooter) problem(where string, err error) {
	f.Problems++
	if len(f.ProblemList) < maxUnreadable {
		f.ProblemList = append(f.ProblemList, sampler.RecordsUnreadable{Where: clipFile(where), Reason: err.Error()})
	}
}

// add takes the counts of another part of the export.
func (f *rowsFooter) add(o *rowsFooter) {
	f.Kept += o.Kept
	for key, n := range o.Issuers {
		f.Issuers[key] += n
	}
	for _, text := range slices.Sorted(maps.Keys(o.Foreign)) {
		f.foreign(text, o.Foreign[text])
	}
	c, d := &f.Certificates, o.Certificates
	c.Found, c.Kept, c.OtherIssuers, c.Unreadable = c.Found+d.Found, c.Kept+d.Kept, c.OtherIssuers+d.OtherIssuers, c.Unreadable+d.Unreadable
	f.Problems += o.Problems
	f.ProblemList = append(f.ProblemList, o.ProblemList[:min(len(o.ProblemList), maxUnreadable-len(f.ProblemList))]...)
}

// Records reads the CA's exports. Their certificates are kept like those of files; every
// row of an audited issuer is kept as a row.
func (h *Harvest) Records(ctx context.Context, list []Records) ([]RecordsFound, error) {
	var out []RecordsFound
	for i, r := range list {
		found, err := h.records(ctx, i, r)
		if err != nil {
			return nil, fmt.Errorf("reading the records %s: %w", r.About.Path, err)
		}
		out = append(out, found)
	}
	return out, nil
}

func recordsFolder(number int) string {
	return path.Join("work", "records", fmt.Sprintf("%04d", number))
}

func (h *Harvest) records(ctx context.Context, number int, r Records) (RecordsFound, error) {
	folder, name := recordsFolder(number), "records "+r.About.Path
	if err := h.pinRecords(folder, r.Export.SHA256); err != nil {
		return RecordsFound{}, err
	}
	h.Observer.Begin(name, uint64(r.Export.Rows))
	run := &rowsRun{number: number, src: r, check: h.newChecker(nil), outside: newRowsFooter(),
		unitRun: unitRun{h: h, dir: folder, name: name, total: uint64(r.Export.Rows), rows: true, madeFor: fmt.Sprintf("%s rows %x %s", h.madeFor(), r.Export.SHA256, r.Settings)}}
	err := r.Export.Read(ctx, run.row, run.problem)
	if err == nil {
		err = run.finish()
	}
	if err == nil {
		// Units were made from what was read now; it must be what was looked at before.
		var sum [32]byte
		if sum, _, err = records.Digest(ctx, r.Export.Path); err == nil && sum != r.Export.SHA256 {
			err = h.filesChanged(folder)
		}
	}
	if err != nil {
		return RecordsFound{}, run.abort(err)
	}
	h.Observer.End(name, "read")
	return RecordsFound{About: run.about(), units: run.units, folder: folder}, nil
}

// pinRecords remembers the export, so that a resumed collect notices that it has changed.
func (h *Harvest) pinRecords(folder string, sum [32]byte) error {
	name := path.Join(folder, "pin.json")
	want := hex.EncodeToString(sum[:])
	raw, err := h.Dir.Read(name)
	if errors.Is(err, fs.ErrNotExist) {
		if raw, err = json.Marshal(map[string]string{"SHA256": want}); err != nil {
			return err
		}
		return h.Dir.WriteOnce(name, raw)
	}
	if err != nil {
		return err
	}
	var pin struct{ SHA256 string }
	if err := json.Unmarshal(raw, &pin); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if pin.SHA256 != want {
		return h.filesChanged(folder)
	}
	return nil
}

// rowsRun turns the rows of one export into units.
type rowsRun struct {
	unitRun
	number  int
	src     Records
	check   *checker
	n       uint64      // rows passed
	outside *rowsFooter // what is no row: damaged entries of an archive
}

// step opens the unit of the next row. skip says that it is there already.
func (r *rowsRun) step() (index uint64, skip bool, err error) {
	if r.n >= r.total {
		return 0, false, r.h.filesChanged(r.dir)
	}
	if err := r.next(r.n); err != nil {
		return 0, false, err
	}
	index = r.n
	r.n++
	if r.skip {
		return index, true, nil
	}
	r.cur.foot.End++
	return index, false, nil
}

func (r *rowsRun) problem(p records.Problem) error {
	if p.Number == 0 {
		if !p.Other {
			r.outside.problem(p.Where(), p.Err)
		}
		return nil
	}
	_, skip, err := r.step()
	if err == nil && !skip {
		r.cur.foot.Rows.problem(p.Where(), p.Err)
		r.h.Observer.Advance(r.name, 1, 0)
	}
	return err
}

func (r *rowsRun) row(row records.Row) error {
	index, skip, err := r.step()
	if err != nil || skip {
		return err
	}
	before := r.cur.foot.Rows.Kept
	err = r.keep(index, &row)
	r.h.Observer.Advance(r.name, 1, uint64(r.cur.foot.Rows.Kept-before))
	if err != nil {
		var bad *badRowError
		if !errors.As(err, &bad) {
			return err
		}
		r.cur.foot.Rows.problem(row.Where(), bad.err)
	}
	return r.cur.err
}

// badRowError marks a row that contradicts itself.
type badRowError struct{ err error }

func (e *badRowError) Error() string { return e.err.Error() }

// keep stores the row and the certificate that came with it.
func (r *rowsRun) keep(index uint64, row *records.Row) error {
	foot := r.cur.foot.Rows
	carried, err := r.certificate(row)
	if err != nil {
		foot.Certificates.Unreadable++
		return &badRowError{err}
	}
	iss, err := r.issuer(row, carried)
	if err != nil {
		return err
	}
	if iss == nil {
		foot.foreign(cmp.Or(clipFile(row.IssuerText), "(a certificate of another issuer)"), 1)
		return nil
	}
	if carried != nil {
		switch serial := carried.rec.item.Serial; {
		case row.Serial == "":
			row.Serial = serial
		case row.Serial != serial:
			return &badRowError{fmt.Errorf("the row's serial number is %s, that of its certificate %s: check serial_format", row.Serial, serial)}
		}
		if row.Fingerprint.IsZero() {
			row.Fingerprint = carried.rec.cert
		}
		carried.rec.index = index
		r.cur.keep(carried.rec, carried.cert, carried.signer, []byte(fmt.Sprintf("%s\x00%d", clipFile(row.File), row.Number)))
		foot.Certificates.Kept++
	}
	if row.Serial == "" {
		return &badRowError{errors.New("the row has no serial number, and its certificate is of another issuer")}
	}
	rec := record{item: sampler.ItemID{Issuer: iss.Key, Serial: row.Serial}, form: formRow, cert: row.Fingerprint, index: index,
		nb: unixOf(row.NotBefore), na: unixOf(row.NotAfter),
		row: &recordsRow{export: uint32(r.number), number: uint64(row.Number), line: uint64(row.Line), issued: unixOf(row.IssuedAt), carried: carried != nil,
			file: clipFile(row.File), serial: clipFile(row.SerialText), issuer: clipFile(row.IssuerText), free: row.Free}}
	r.cur.keep(rec, nil, nil, nil)
	foot.Kept++
	foot.Issuers[iss.Key.String()]++
	return nil
}

// certificate reads the certificate that came with the row; nil if there is none, or if no
// audited issuer signed it.
func (r *rowsRun) certificate(row *records.Row) (*kept, error) {
	if row.DER == nil {
		return nil, nil
	}
	sum := &r.cur.foot.Rows.Certificates
	sum.Found++
	cert, err := ct.ParseCertificate(row.DER)
	if err != nil {
		return nil, fmt.Errorf("the certificate cannot be read: %w", err)
	}
	k, err := r.h.fromFile(r.check, cert, nil)
	if err == nil && k == nil {
		sum.OtherIssuers++
	}
	return k, err
}

// issuer decides whose row it is: by the signature on its certificate, else by the text.
// Nil means that nobody audited issued it.
func (r *rowsRun) issuer(row *records.Row, carried *kept) (*Issuer, error) {
	var named *Issuer
	if row.IssuerText != "" {
		var err error
		if named, err = r.src.Issuers.find(row.IssuerText); err != nil {
			return nil, &badRowError{err}
		}
	}
	switch {
	case carried == nil && row.DER != nil && named != nil:
		return nil, &badRowError{fmt.Errorf("the row names the audited issuer %q, but that key did not sign the row's certificate", clipFile(row.IssuerText))}
	case carried == nil:
		return named, nil
	}
	signed := r.h.Issuers.byKey[carried.rec.item.Issuer]
	if named != nil && named != signed {
		return nil, &badRowError{fmt.Errorf("the row names the issuer %q, but the key of %q signed its certificate", clipFile(row.IssuerText), signed.Label)}
	}
	return signed, nil
}

// maxRowText bounds the texts of a row that are not columns of their own.
const maxRowText = 4096

func clipFile(s string) string {
	if len(s) <= maxRowText {
		return s
	}
	return s[:maxRowText-3] + "..."
}

// about sums up what the units and the archive itself gave.
func (r *rowsRun) about() sampler.SnapshotRecords {
	sum := newRowsFooter()
	for _, u := range r.units {
		sum.add(u.foot.Rows)
		u.foot.Rows = nil
	}
	sum.add(r.outside)
	a := r.src.About
	a.SHA256, a.Bytes = sampler.DocHash(r.src.Export.SHA256), r.src.Export.Bytes
	a.Kept, a.Others, a.Unreadable = sum.Kept, sum.Others, sum.Problems
	a.Rows = a.Kept + a.Others + a.Unreadable
	a.Problems, a.Certs = sum.ProblemList, sum.Certificates
	a.Covers = r.src.Covers
	for _, key := range slices.Sorted(maps.Keys(sum.Issuers)) {
		hash, err := sampler.ParseKeyHash(key)
		if err != nil {
			continue // cannot be: it was written from a key hash
		}
		a.Issuers = append(a.Issuers, sampler.RecordsIssuerRows{Issuer: hash, Rows: sum.Issuers[key]})
		if r.src.Covers == nil {
			a.Covers = append(a.Covers, hash)
		}
	}
	slices.SortFunc(a.Covers, func(x, y sampler.KeyHash) int { return slices.Compare(x[:], y[:]) })
	a.Covers = slices.Compact(a.Covers)
	for _, text := range slices.Sorted(maps.Keys(sum.Foreign)) {
		a.Foreign = append(a.Foreign, sampler.RecordsForeignRows{Text: text, Rows: sum.Foreign[text]})
	}
	return a
}

// SaveRecords describes the exports for later stages.
func (s *Saved) SaveRecords(list []RecordsFound) {
	for _, f := range list {
		s.Records = append(s.Records, f.About)
		units := SavedFileUnits{Path: f.About.Path}
		for _, u := range f.units {
			units.Units = append(units.Units, path.Join(f.folder, filepath.Base(u.path)))
		}
		s.RecordUnits = append(s.RecordUnits, units)
	}
}

// reopenRecords finds the units of the exports again.
func (c *Collected) reopenRecords(s *Saved) error {
	for _, f := range s.RecordUnits {
		var units []*unit
		for _, name := range f.Units {
			u, err := reopenUnit(c.dir, name)
			if err != nil {
				return err
			}
			u.foot.Rows = nil
			units = append(units, u)
		}
		c.add(&source{file: f.Path, isRecords: true}, units)
	}
	return nil
}
