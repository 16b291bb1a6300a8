package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"selfaudit/sampler"
	"selfaudit/sampler/collect"
)

// workSource searches everything that was collected.
type workSource struct {
	a          *audit
	f          *frozenAudit // nil before freeze
	saved      *collect.Saved
	collected  *collect.Collected
	membership sampler.Membership
	earlier    []*audit
	known      *knownIssuers
	prover     *prover
}

// newWorkSource opens the work folder of audit a; f is nil before freeze.
func (e *env) newWorkSource(a *audit, f *frozenAudit) (populationSource, *knownIssuers, error) {
	w := &workSource{a: a, f: f}
	raw, err := a.dir.Read(docCollected)
	if err != nil {
		return nil, nil, err
	}
	if w.saved, err = collect.ParseSaved(raw); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", a.dir.Path(docCollected), err)
	}
	if w.collected, err = collect.Reopen(a.dir, nil, w.saved); err != nil {
		return nil, nil, err
	}
	start, end, err := a.period()
	if err != nil {
		return nil, nil, err
	}
	chainStart, err := sampler.ParseTime(a.opening.ChainStart)
	if err != nil {
		return nil, nil, err
	}
	w.membership = sampler.Membership{ChainStart: chainStart, PeriodStart: start, PeriodEnd: end}
	if f != nil {
		w.membership.Setting, w.known = f.snapshot.IssuanceTime, issuersOfSnapshot(f.snapshot)
	} else if err := w.configured(e); err != nil {
		return nil, nil, err
	}
	if err := w.useRecords(e); err != nil {
		return nil, nil, err
	}
	if w.earlier, err = e.chain(a); err != nil {
		return nil, nil, err
	}
	w.prover = newProver(a.dir.FS(), w.saved.Logs)
	return w, w.known, nil
}

// configured takes from selfaudit.toml what only freeze fixes.
func (w *workSource) configured(e *env) error {
	cfg, err := e.loadConfig()
	if err != nil {
		return err
	}
	w.membership.Setting = sampler.IssuanceTime(cfg.Audit.IssuanceTime)
	set, err := loadIssuers(cfg)
	if err != nil {
		return err
	}
	w.known = &knownIssuers{labels: map[sampler.KeyHash]string{}}
	for _, i := range set.List() {
		w.known.keys = append(w.known.keys, i.Key)
		w.known.labels[i.Key] = i.Label
	}
	return nil
}

// useRecords makes the strata of items those of the CA's columns, as freeze does.
func (w *workSource) useRecords(e *env) error {
	if len(w.saved.Records) == 0 {
		return nil
	}
	rules := collect.RecordsRules{Exports: w.saved.Records}
	if w.f != nil {
		rules.StrataBy = w.f.snapshot.StrataBy
	} else {
		cfg, err := e.loadConfig()
		if err != nil {
			return err
		}
		rules.StrataBy = cfg.StrataBy
	}
	return w.collected.UseRecords(context.Background(), rules)
}

func (w *workSource) close() error { return nil }

// populationLog says what of a log an answer rests on, and what it cannot know of it.
func populationLog(l *sampler.SnapshotLog) (searched, cannot string) {
	first, read := l.First()
	entries := sampler.Counted(l.Entries, "entry", "entries")
	switch {
	case read && first == 0:
		return fmt.Sprintf("log %s, %s", l.URL, entries), ""
	case read:
		return fmt.Sprintf("log %s, %s from entry %d on", l.URL, entries, first),
			fmt.Sprintf("what is only in the entries of log %s before %d: this audit did not read them: %s", l.URL, first, l.FirstReason)
	case l.Status == sampler.LogLookedUp && l.LookedUp > 0:
		return fmt.Sprintf("log %s, %s that were looked up one by one", l.URL, sampler.Counted(l.LookedUp, "SCT", "SCTs")),
			fmt.Sprintf("what is only in log %s: it was not read, single entries of it were looked up", l.URL)
	case l.Status == sampler.LogLookedUp:
		return "", fmt.Sprintf("what is only in log %s: it was not asked, because no certificate at hand names it", l.URL)
	}
	return "", fmt.Sprintf("what is only in log %s, which was excluded: %s", l.URL, l.Reason)
}

func (w *workSource) about() populationAbout {
	d := populationAbout{Schema: "selfaudit.population/v1", AuditID: w.a.id, Mode: w.a.opening.Mode, Source: sourceWork, Frozen: w.f != nil, Cannot: []string{}, Searched: []string{}}
	for _, l := range w.saved.Logs {
		searched, cannot := populationLog(&l)
		if searched != "" {
			d.Searched = append(d.Searched, searched)
		}
		if cannot != "" {
			d.Cannot = append(d.Cannot, cannot)
		}
	}
	for _, f := range w.saved.Files {
		if f.Kind == sampler.FileIndex {
			d.Searched = append(d.Searched, fmt.Sprintf("%s as an index, %s", f.Path, sampler.Counted(f.Certificates, "certificate", "certificates")))
			continue
		}
		d.Searched = append(d.Searched, fmt.Sprintf("files %s, %s", f.Path, sampler.Counted(f.Certificates, "certificate", "certificates")))
	}
	for _, r := range w.saved.Records {
		d.Searched = append(d.Searched, fmt.Sprintf("records %s, %s", r.Path, sampler.Counted(r.Rows, "row", "rows")))
	}
	if n := w.saved.UnreadableCount; n > 0 {
		d.Cannot = append(d.Cannot, fmt.Sprintf("%d entries and file blocks of which no certificate could be read", n))
	}
	if w.f == nil {
		d.Cannot = append(d.Cannot, "what the population will be: the audit is not frozen, and every status here is preliminary")
		return d
	}
	d.Drawn, d.Population, d.outside = w.f.drawn, &w.f.commitment.PopulationCount, w.f.snapshot.Outside != nil
	if d.outside {
		d.Searched = append(d.Searched, docOutside)
	}
	return d
}

// each walks through the collection and, in step, the frozen population and what was left
// outside: some of that only an earlier audit or the CA's records show.
func (w *workSource) each(ctx context.Context, q *populationQuery, fn func(*populationItem) error) error {
	out, err := w.f.outside()
	if err != nil {
		return err
	}
	defer out.close()
	left := func(lines []sampler.Outside) error {
		if v := lines[0].Verdict; v != sampler.Carried && lines[0].Source != sampler.OutsideRecords {
			return w.f.differs(lines[0].Item, docOutside)
		}
		if !q.wantsOutside(lines) {
			return nil
		}
		return fn(outsideItem(lines, w.known))
	}
	err = w.found(ctx, func(found *collect.Found, status string) error {
		lines, err := out.below(&found.Row.Item, left)
		if err != nil {
			return err
		}
		if !out.agrees(lines, status) {
			return w.f.differs(found.Row.Item, docOutside)
		}
		it, err := w.item(q, found, status)
		if err != nil || it == nil {
			return err
		}
		return fn(it)
	})
	if err != nil {
		return err
	}
	_, err = out.below(nil, left)
	return err
}

// found calls fn with everything that was collected and what became of it, checked against
// the frozen population if there is one.
func (w *workSource) found(ctx context.Context, fn func(found *collect.Found, status string) error) error {
	var earlier []io.Reader
	var sums []hash.Hash
	for _, b := range w.earlier {
		file, err := os.Open(b.dir.Path(docPopulation))
		if err != nil {
			return fmt.Errorf("reading the population of audit %s: %w", b.id, err)
		}
		defer file.Close() // only read from: nothing is lost if closing fails
		sum := sha256.New()
		sums, earlier = append(sums, sum), append(earlier, io.TeeReader(file, sum))
	}
	step, err := w.frozenRows()
	if err != nil {
		return err
	}
	before, err := past(w.earlier)
	if err != nil {
		return err
	}
	pairings, compared, err := pairingsBefore(before)
	if err != nil {
		return err
	}
	w.collected.Pairings(pairings, nil)
	err = w.collected.Query(ctx, w.membership, earlier, func(found *collect.Found) error {
		status, err := step.status(found)
		if err != nil {
			return err
		}
		return fn(found, status)
	})
	if err != nil {
		return err
	}
	for _, r := range pairings {
		if _, err := io.Copy(io.Discard, r); err != nil {
			return fmt.Errorf("reading the pairings of earlier audits: %w", err)
		}
	}
	if err := compared(); err != nil {
		return err
	}
	for i, b := range w.earlier {
		if _, err := io.Copy(io.Discard, earlier[i]); err != nil {
			return fmt.Errorf("reading the population of audit %s: %w", b.id, err)
		}
		if sampler.DocHash(sums[i].Sum(nil)) != b.commitment.PopulationHash {
			return &exitError{code: exitVerify, id: "not_committed", err: fmt.Errorf("%s is not the population that audit %s committed to", b.dir.Path(docPopulation), b.id),
				hint: "bring the original back, from that audit's package"}
		}
	}
	return step.end()
}

// item builds the item if the query wants it, else nil.
func (w *workSource) item(q *populationQuery, found *collect.Found, status string) (*populationItem, error) {
	if !q.wants(found.Row, status) || q.cert != nil && !found.Has(*q.cert) {
		return nil, nil
	}
	earlier := ""
	if found.Earlier >= 0 {
		earlier = w.earlier[found.Earlier].id
	}
	it := newItem(found.Row, status, whyOf(status, earlier), w.known)
	it.DatedBy = found.DatedBy
	if found.DatedBy == sampler.SourceCT {
		it.CTSource = found.CTSource()
	}
	it.drawn(w.f, found.Row.Item, found.Row.Stratum)
	der, err := found.Certificate()
	if err != nil {
		return nil, err
	}
	it.describe(der)
	if q.name == "" && !q.detail {
		return it, nil
	}
	if q.name != "" {
		// Names first: a proof costs more.
		err := found.Sightings(false, func(_ sampler.Sighting, cert []byte) error { it.keep(cert); return nil })
		if err != nil {
			return nil, err
		}
		if !q.named(it.namesOf()) {
			return nil, nil
		}
		if !q.detail {
			return it, nil
		}
	}
	return it, found.Sightings(q.proof, func(s sampler.Sighting, cert []byte) error {
		it.keep(cert)
		seen := it.sighted(s, w.prover.logs)
		if q.proof && s.Source != sampler.SightingFile {
			var err error
			seen.Proof, err = w.prover.proof(s)
			return err
		}
		return nil
	})
}

// frozenStep walks through population.tsv in step with the collection: the committed file
// says what is in the population, and the two must agree.
type frozenStep struct {
	f    *frozenAudit // nil before freeze
	rows *sampler.PopulationReader
	done func() error
	cur  sampler.Row
	eof  bool
}

func (w *workSource) frozenRows() (*frozenStep, error) {
	s := &frozenStep{f: w.f}
	if w.f == nil {
		return s, nil
	}
	var err error
	if s.rows, s.done, err = w.f.population(); err != nil {
		return nil, err
	}
	return s, s.next()
}

func (s *frozenStep) next() error {
	row, err := s.rows.Next()
	if errors.Is(err, io.EOF) {
		s.eof = true
		return nil
	}
	s.cur = row
	return err
}

// status says what became of a found item.
func (s *frozenStep) status(found *collect.Found) (string, error) {
	status := string(found.Verdict)
	if found.Earlier >= 0 {
		status = statusEarlier
	}
	if s.f == nil {
		return status, nil
	}
	member := status == string(sampler.Current) || status == string(sampler.Late)
	in := !s.eof && s.cur.Item == found.Row.Item
	behind := !s.eof && s.cur.Item.Compare(found.Row.Item) < 0
	if in != member || behind || in && !sameRow(s.cur, found.Row) {
		return "", s.f.differs(found.Row.Item, "population")
	}
	if in {
		return status, s.next()
	}
	return status, nil
}

// sameRow compares what identifies a row; a validity that the file cannot hold is "-" there.
func sameRow(a, b sampler.Row) bool {
	return a.Item == b.Item && a.Stratum == b.Stratum && a.Form == b.Form && a.Cert == b.Cert && a.Issued.Equal(b.Issued)
}

// differs says that the work folder is not that of the frozen audit.
func (f *frozenAudit) differs(id sampler.ItemID, what string) error {
	return &exitError{code: exitVerify, id: "not_committed",
		err:  fmt.Errorf("%s: at item %s the work folder and the frozen %s differ: it is not the collection that was frozen", f.where, id, what),
		hint: "bring back the work folder, or move it away to search the documents alone"}
}

func (s *frozenStep) end() error {
	switch {
	case s.f == nil:
		return nil
	case !s.eof:
		return s.f.differs(s.cur.Item, "population")
	}
	return s.done()
}
