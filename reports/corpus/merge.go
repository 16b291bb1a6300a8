package corpus

import (
	"errors"
	"fmt"
	"iter"
	"slices"
)

// Stream gives the results of one population in the order of its items.
type Stream struct {
	AuditID string
	Read    func(fn func(Record) error) error
}

// Merge goes through several populations at once and calls fn with everything that the
// header asks for, in the order of the document. Read of each stream is called once and, as
// long as fn returns no error, read to its end.
func Merge(streams []Stream, h *Header, fn func(Affected) error) error {
	type source struct {
		Stream
		next func() (Record, error, bool)
		cur  Record
		more bool
	}
	sources := make([]*source, len(streams))
	advance := func(s *source) error {
		var err error
		s.cur, err, s.more = s.next()
		return err
	}
	for i, st := range streams {
		next, stop := iter.Pull2(pull(st))
		defer stop()
		sources[i] = &source{Stream: st, next: next}
		if err := advance(sources[i]); err != nil {
			return err
		}
	}
	for {
		var first *source
		for _, s := range sources {
			if !s.more {
				continue
			}
			if c := -1; first != nil {
				c = s.cur.Item.Compare(first.cur.Item)
				if c > 0 || c == 0 && s.AuditID > first.AuditID {
					continue
				}
			}
			first = s
		}
		if first == nil {
			return nil
		}
		for _, a := range first.cur.affected(first.AuditID, h) {
			if err := fn(a); err != nil {
				return err
			}
		}
		if err := advance(first); err != nil {
			return err
		}
	}
}

var errEnough = errors.New("enough")

// pull turns a stream around.
func pull(s Stream) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		err := s.Read(func(r Record) error {
			if !yield(r, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(Record{}, fmt.Errorf("reading the results of audit %s: %w", s.AuditID, err))
		}
	}
}

// affected lists the record's findings that the header asks for, by rule.
func (r Record) affected(audit string, h *Header) []Affected {
	var out []Affected
	for _, f := range r.Findings {
		if !h.Speaks(f.Lint, f.Severity) || slices.ContainsFunc(out, func(a Affected) bool { return a.Lint == f.Lint }) {
			continue
		}
		out = append(out, Affected{Lint: f.Lint, Severity: f.Severity, AuditID: audit, Item: r.Item, Stratum: r.Stratum, SHA256: r.SHA256, Form: r.Form,
			Issued: r.Issued, From: r.From, Until: r.Until, RuleSet: r.RuleSet, Details: f.Details})
	}
	slices.SortFunc(out, compare)
	return out
}
