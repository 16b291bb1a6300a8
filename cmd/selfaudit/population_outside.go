package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"selfaudit/sampler"
)

// outsideStep walks through ct/outside.tsv of a frozen audit, item by item: what was seen
// and is in no population.
type outsideStep struct {
	f    *frozenAudit
	file fs.File
	r    *sampler.OutsideReader
	cur  sampler.Outside
	more bool
}

// outside opens the walk; one without items if the audit has no such document.
func (f *frozenAudit) outside() (*outsideStep, error) {
	s := &outsideStep{f: f}
	if f == nil || f.snapshot.Outside == nil {
		return s, nil
	}
	file, err := f.fsys.Open(docOutside)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.where, err)
	}
	s.file, s.r = file, sampler.NewOutsideReader(file)
	if err := s.next(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return s, nil
}

func (s *outsideStep) next() error {
	var err error
	s.cur, err = s.r.Next()
	s.more = err == nil
	if err == nil {
		return nil
	}
	if !errors.Is(err, io.EOF) {
		return s.f.broken(docOutside, err)
	}
	if s.r.Hash() != s.f.snapshot.Outside.SHA256 {
		return s.f.broken(docOutside, errors.New("is not the one that the snapshot names"))
	}
	return nil
}

// take returns the lines of the item at hand.
func (s *outsideStep) take() (lines []sampler.Outside, err error) {
	for id := s.cur.Item; err == nil && s.more && s.cur.Item == id; err = s.next() {
		if len(lines) == maxSightings {
			return nil, s.f.broken(docOutside, fmt.Errorf("item %s has more than %d lines", id, maxSightings))
		}
		lines = append(lines, s.cur)
	}
	return lines, err
}

// below calls fn with the items before id, all that are left if it is nil, and returns the
// lines of id itself.
func (s *outsideStep) below(id *sampler.ItemID, fn func([]sampler.Outside) error) ([]sampler.Outside, error) {
	for s.more && (id == nil || s.cur.Item.Compare(*id) <= 0) {
		lines, err := s.take()
		if err != nil {
			return nil, err
		}
		if id != nil && lines[0].Item == *id {
			return lines, nil
		}
		if err := fn(lines); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// agrees says whether the lines of an item that was found fit what became of it.
func (s *outsideStep) agrees(lines []sampler.Outside, status string) bool {
	if s.r == nil {
		return true // of before there was the document, or not frozen
	}
	switch sampler.Verdict(status) {
	case sampler.Waiting, sampler.TooOld, sampler.Predated:
		return len(lines) > 0 && string(lines[0].Verdict) == status
	}
	return lines == nil
}

func (s *outsideStep) close() {
	if s != nil && s.file != nil {
		s.file.Close() // only read from: nothing is lost if closing fails
	}
}

// outsideRow is what the lines of an item tell of a row.
func outsideRow(lines []sampler.Outside) sampler.Row {
	l := lines[0]
	return sampler.Row{Item: l.Item, Stratum: sampler.StratumID{Issuer: l.Item.Issuer, Class: sampler.ClassOther}, Issued: l.Issued}
}

// outsideItem is an item of which no certificate is at hand.
func outsideItem(lines []sampler.Outside, known *knownIssuers) *populationItem {
	status := string(lines[0].Verdict)
	it := newItem(outsideRow(lines), status, whyOf(status, ""), known)
	it.Form, it.SHA256, it.Stratum, it.StratumID = "", "", "-", "-" // no document says
	it.Seen = seenIn(lines)
	return it
}

func seenIn(lines []sampler.Outside) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = l.Where()
	}
	return out
}

// wantsOutside says whether the query may be about an item of which only its lines are known.
func (q *populationQuery) wantsOutside(lines []sampler.Outside) bool {
	return q.cert == nil && q.name == "" && q.stratum == "" && q.stratumID == nil && q.wants(outsideRow(lines), string(lines[0].Verdict))
}
