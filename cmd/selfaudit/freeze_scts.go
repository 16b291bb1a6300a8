package main

import (
	"errors"

	"selfaudit/internal/auditdir"
	"selfaudit/sampler"
)

// sctsFreeze is the part of a freeze that is about SCTs that were looked up; if none were, its methods do nothing.
type sctsFreeze struct {
	f   *freezing
	out *auditdir.Pending
	w   *sampler.NotProvenWriter
}

// useSCTs opens the list of what CT does not prove.
func (f *freezing) useSCTs() (*sctsFreeze, error) {
	s := &sctsFreeze{f: f}
	if f.saved.SCTMode == "" {
		if !f.a.dir.Has(sampler.NotProvenFile) {
			return s, nil
		}
		return s, f.a.dir.Remove(sampler.NotProvenFile) // of a freeze after another collect
	}
	var err error
	if s.out, err = f.a.dir.Create(sampler.NotProvenFile); err != nil {
		return s, err
	}
	s.w = sampler.NewNotProvenWriter(s.out)
	f.collected.NotProven = s.w.Write
	return s, nil
}

// abort drops what was not committed.
func (s *sctsFreeze) abort() {
	if s != nil && s.out != nil {
		s.out.Abort()
	}
}

// finish writes the list and ties it to the summary.
func (s *sctsFreeze) finish() error {
	if s.out == nil {
		return nil
	}
	if err := errors.Join(s.w.Flush(), s.out.Commit()); err != nil {
		return err
	}
	s.f.result.SCTs.List, s.f.result.SCTs.ListRows = s.w.Hash(), s.w.Count()
	return nil
}
