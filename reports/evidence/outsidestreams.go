package evidence

import (
	"errors"
	"fmt"
	"io"

	"selfaudit/sampler"
)

// maxItemLines bounds the lines of one item that are held at a time: a document is streamed,
// but an item is judged as a whole.
const maxItemLines = 1 << 20

// stream walks through a document that is sorted by item, item by item.
type stream[T any] struct {
	name  string // for messages
	read  func() (T, error)
	item  func(T) sampler.ItemID
	about func() (sampler.DocHash, int64) // hash and lines of what was read, at its end
	want  sampler.DocHash                 // as committed
	count int64                           // lines as committed; -1 if they are not
	close func() error

	cur   T
	more  bool
	lines []T // of the item that was taken last
}

// walker is a stream of any kind of line.
type walker interface {
	advance() error
	peek() (sampler.ItemID, bool)
	take(sampler.ItemID) error
	end() error
	done() error
}

func (s *stream[T]) advance() (err error) {
	s.cur, err = s.read()
	s.more = err == nil
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	return nil
}

// peek is the next item; false at the end.
func (s *stream[T]) peek() (id sampler.ItemID, more bool) {
	if s.more {
		id = s.item(s.cur)
	}
	return id, s.more
}

// take sets lines to those of the item, none if the document has none.
func (s *stream[T]) take(id sampler.ItemID) error {
	clear(s.lines)
	for s.lines = s.lines[:0]; s.more && s.item(s.cur) == id; {
		if len(s.lines) == maxItemLines {
			return fmt.Errorf("%s: item %s has more than %d lines", s.name, id, maxItemLines)
		}
		s.lines = append(s.lines, s.cur)
		if err := s.advance(); err != nil {
			return err
		}
	}
	return nil
}

// end says whether the document, read to its end, is the committed one.
func (s *stream[T]) end() error {
	hash, count := s.about()
	if hash != s.want || s.count >= 0 && count != s.count {
		return fmt.Errorf("%s is not the committed one: %d lines with SHA-256 %s, not %s", s.name, count, hash, s.want)
	}
	return nil
}

func (s *stream[T]) done() error { return s.close() }

// openStream opens a document of a tree and reads its first line.
func openStream[T any, R interface {
	Next() (T, error)
	Hash() sampler.DocHash
	Count() int64
}](t *tree, name, shown string, reader func(io.Reader) R, item func(T) sampler.ItemID, want sampler.DocHash, count int64) (*stream[T], error) {
	f, err := t.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shown, err)
	}
	r := reader(f)
	s := &stream[T]{name: shown, read: r.Next, item: item, want: want, count: count, close: f.Close,
		about: func() (sampler.DocHash, int64) { return r.Hash(), r.Count() }}
	if err := s.advance(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

func openRows(t *tree, name, shown string, want sampler.DocHash, count int64) (*stream[sampler.Row], error) {
	return openStream(t, name, shown, sampler.NewPopulationReader, func(r sampler.Row) sampler.ItemID { return r.Item }, want, count)
}

func openPairings(t *tree, name, shown string, s *sampler.SnapshotPairings) (*stream[sampler.Pairing], error) {
	return openStream(t, name, shown, sampler.NewPairingReader, func(p sampler.Pairing) sampler.ItemID { return p.Item }, s.SHA256, s.Lines)
}

func openOutside(t *tree, name, shown string, s *sampler.SnapshotOutside) (*stream[sampler.Outside], error) {
	return openStream(t, name, shown, sampler.NewOutsideReader, func(o sampler.Outside) sampler.ItemID { return o.Item }, s.SHA256, s.Lines)
}

// outsideStreams are all documents that are read in step. Those of the audits before are in
// the order in which the audits were given, newest first.
type outsideStreams struct {
	rows  *stream[sampler.Row]
	pairs *stream[sampler.Pairing]
	here  *stream[sampler.Outside]

	earlierRows  []*stream[sampler.Row]
	earlierPairs []*stream[sampler.Pairing]
	before       *stream[sampler.Outside] // of the newest audit that has one; nil if it is not here

	all     []walker
	folders []io.Closer
	lacking []string // documents of the audits before that were not given with them
}

func (o *outsideStreams) close() {
	for _, w := range o.all {
		_ = w.done() // only read from: nothing is lost
	}
	for _, f := range o.folders {
		_ = f.Close()
	}
}

// add keeps a stream that was opened.
func add[T any](o *outsideStreams, s *stream[T], err error) (*stream[T], error) {
	if err == nil {
		o.all = append(o.all, s)
	}
	return s, err
}

// openOutsideStreams opens everything. An error is one of the package or of what was given.
func (v *verifier) openOutsideStreams() (o *outsideStreams, err error) {
	o = &outsideStreams{}
	c, s := v.docs.commitment, v.docs.snapshot
	rows, err := openRows(v.data, "draw/population.tsv", "draw/population.tsv", c.PopulationHash, c.PopulationCount)
	if o.rows, err = add(o, rows, err); err != nil {
		return o, err
	}
	pairs, err := openPairings(v.data, "ct/pairings.tsv", "ct/pairings.tsv", s.Pairings)
	if o.pairs, err = add(o, pairs, err); err != nil {
		return o, err
	}
	here, err := openOutside(v.data, sampler.OutsideFile, sampler.OutsideFile, s.Outside)
	if o.here, err = add(o, here, err); err != nil {
		return o, err
	}
	for i, e := range v.docs.earlier {
		if err := v.openEarlierStreams(o, v.options.Earlier[i], e); err != nil {
			return o, err
		}
	}
	return o, nil
}

func (v *verifier) openEarlierStreams(o *outsideStreams, path string, e *earlierDocs) error {
	d, err := openDrawFolder(v.ctx, path, v.options.Limits)
	if err != nil {
		return err
	}
	o.folders = append(o.folders, d)
	name := func(doc string) string { return "audit " + e.commitment.AuditID + ", " + doc }
	rows, err := openRows(d.tree, "population.tsv", name("population.tsv"), e.commitment.PopulationHash, e.commitment.PopulationCount)
	if rows, err = add(o, rows, err); err != nil {
		return err
	}
	o.earlierRows = append(o.earlierRows, rows)
	switch {
	case e.snapshot == nil:
		o.lacking = append(o.lacking, name("snapshot.json"))
		return nil
	case e.snapshot.Pairings == nil: // frozen before there were any
	case !d.beside.has("pairings.tsv"):
		o.lacking = append(o.lacking, name("ct/pairings.tsv"))
	default:
		pairs, err := openPairings(d.beside, "pairings.tsv", name("ct/pairings.tsv"), e.snapshot.Pairings)
		if pairs, err = add(o, pairs, err); err != nil {
			return err
		}
		o.earlierPairs = append(o.earlierPairs, pairs)
	}
	if e != v.newestOutside() {
		return nil
	}
	if !d.beside.has("outside.tsv") {
		o.lacking = append(o.lacking, name(sampler.OutsideFile))
		return nil
	}
	before, err := openOutside(d.beside, "outside.tsv", name(sampler.OutsideFile), e.snapshot.Outside)
	o.before, err = add(o, before, err)
	return err
}

// newestOutside is the newest audit given that left a document about what is outside; nil
// if none did.
func (v *verifier) newestOutside() *earlierDocs {
	for _, e := range v.docs.earlier {
		if e.snapshot != nil && e.snapshot.Outside != nil {
			return e
		}
	}
	return nil
}

// each calls fn for every item of any document, ascending, with the lines of all documents
// taken; then it compares the documents with what they should be.
func (o *outsideStreams) each(fn func(sampler.ItemID) error, wrong func(error)) error {
	for {
		var low sampler.ItemID
		found := false
		for _, w := range o.all {
			if id, more := w.peek(); more && (!found || id.Compare(low) < 0) {
				low, found = id, true
			}
		}
		if !found {
			break
		}
		for _, w := range o.all {
			if err := w.take(low); err != nil {
				return err
			}
		}
		if err := fn(low); err != nil {
			return err
		}
	}
	for _, w := range o.all {
		if err := w.end(); err != nil {
			wrong(err)
		}
	}
	return nil
}
