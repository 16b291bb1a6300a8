package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
	"time"

	"selfaudit/internal/config"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/ct"
)

// pastAudit is a frozen audit of the chain before, with its snapshot as committed.
type pastAudit struct {
	*audit
	snapshot *sampler.Snapshot
}

// past reads the snapshots of earlier audits, newest first.
func past(chain []*audit) ([]pastAudit, error) {
	var out []pastAudit
	for _, b := range chain {
		raw, err := b.dir.Read(docSnapshot)
		if err != nil {
			return nil, fmt.Errorf("reading the snapshot of audit %s: %w", b.id, err)
		}
		if sampler.HashDoc(raw) != b.commitment.SnapshotHash {
			return nil, b.changed(docSnapshot, "that audit %s committed to")
		}
		p := pastAudit{audit: b}
		if p.snapshot, err = sampler.ParseSnapshot(raw); err != nil {
			return nil, fmt.Errorf("%s: %w", b.dir.Path(docSnapshot), err)
		}
		out = append(out, p)
	}
	return out, nil
}

// changed is the error of a document of an earlier audit that is not what it was.
func (a *audit) changed(name, what string) error {
	return &exitError{code: exitVerify, id: "document_changed", err: fmt.Errorf("%s is not the one "+what, a.dir.Path(name), a.id),
		hint: "bring the original back, from that audit's package"}
}

// startRules says, from the audits before, where reading of each log may begin and what
// its tree must contain.
type startRules struct {
	past    []pastAudit
	issuers *collect.Issuers
	since   time.Time
	whole   string
	chosen  *chosen
	own     map[ct.LogID]bool    // logs that the CA operates
	setting sampler.IssuanceTime // of this audit; "" for a plan, which follows the last one
}

// startRules prepares the rules for an audit with this chain before it.
func (w *workspace) startRules(a *audit, issuers *collect.Issuers, fromStart bool) (*startRules, error) {
	chain, err := w.e.chain(a)
	if err != nil {
		return nil, err
	}
	r := &startRules{issuers: issuers, whole: wholeReason(w.cfg, fromStart), chosen: w.chosen, own: operatedByCA(w.cfg.Logs), setting: sampler.IssuanceTime(w.cfg.Audit.IssuanceTime)}
	if r.past, err = past(chain); err != nil {
		return nil, err
	}
	r.since, err = sampler.ParseTime(a.opening.ChainStart)
	return r, err
}

// wholeReason is why logs are read from their start; "" if they need not be.
func wholeReason(cfg *config.Config, fromStart bool) string {
	switch {
	case fromStart:
		return sampler.ReadAllAsked
	case cfg.Collect.Start == config.StartBeginning:
		return sampler.ReadAllConfigured
	}
	return ""
}

// rule is where reading of a log may begin.
func (r *startRules) rule(log ct.LogID) collect.StartRule {
	out := collect.StartRule{Whole: r.whole, Own: r.own[log], Since: r.since, MergeDelay: r.chosen.mergeDelay(log)}
	var earlier []sampler.EarlierSnapshot
	for _, p := range r.past {
		earlier = append(earlier, sampler.EarlierSnapshot{AuditID: p.id, Snapshot: p.snapshot})
	}
	var issuers []sampler.SnapshotIssuer
	if len(earlier) > 0 {
		issuers = issuersAsListed(r.issuers)
	}
	out.Follow(log.String(), issuers, r.setting, earlier)
	return out
}

// issuersAsListed are the issuers as snapshot.json has them, as far as a cursor depends on them.
func issuersAsListed(issuers *collect.Issuers) []sampler.SnapshotIssuer {
	var out []sampler.SnapshotIssuer
	for _, i := range issuers.List() {
		s := sampler.SnapshotIssuer{Label: i.Label}
		for _, der := range i.Certificates {
			s.Certificates = append(s.Certificates, sampler.HashCert(der))
		}
		out = append(out, s)
	}
	return out
}

// outdated says why a log must be collected again: an audit before was voided and frozen
// anew, or the setting was changed, after the log was read or looked into; "" if it need not be.
func (r *startRules) outdated(l *sampler.SnapshotLog) (string, error) {
	if !l.HasHead() {
		return "", nil
	}
	h, err := sampler.ParseDocHash(l.LogID)
	if err != nil {
		return "", err
	}
	var was *sampler.SnapshotPrevious
	for _, p := range r.past {
		if k := p.log(ct.LogID(h)); k != nil {
			was = &sampler.SnapshotPrevious{AuditID: p.id, TreeSize: k.TreeSize, RootHash: k.RootHash}
			break
		}
	}
	p := l.Previous
	if (p == nil) != (was == nil) || p != nil && (p.AuditID != was.AuditID || p.TreeSize != was.TreeSize || p.RootHash != was.RootHash) {
		return "the audits before have another tree head of it now", nil
	}
	// verify asks the same.
	if err := l.CheckStart(r.rule(ct.LogID(h))); err != nil {
		return err.Error(), nil
	}
	return "", nil
}

// log returns what the audit says of a log, nil if it has no tree head of it.
func (p *pastAudit) log(id ct.LogID) *sampler.SnapshotLog {
	return p.snapshot.HeadOf(id.String())
}

// known returns the tree heads of the log that earlier audits verified, newest first.
func (r *startRules) known(id ct.LogID) ([]collect.Known, error) {
	var out []collect.Known
	for _, p := range r.past {
		if l := p.log(id); l != nil {
			k, err := p.head(l)
			if err != nil {
				return nil, err
			}
			out = append(out, *k)
		}
	}
	return out, nil
}

// otherKey returns the newest tree head that an earlier audit verified at this log's
// address, or under its origin, with another key; nil if there is none.
func (r *startRules) otherKey(cfg config.Log) (*collect.Known, error) {
	id := ct.LogIDOf(cfg.PublicKey)
	for _, p := range r.past {
		for i := range p.snapshot.Logs {
			l := &p.snapshot.Logs[i]
			same := l.URL == cfg.URL || l.Origin != "" && l.Origin == cfg.Origin
			if !l.HasHead() || !same {
				continue
			}
			if l.LogID == id.String() {
				return nil, nil
			}
			return p.head(l)
		}
	}
	return nil, nil
}

// head reads a log's tree head again from the audit's folder.
func (p *pastAudit) head(l *sampler.SnapshotLog) (*collect.Known, error) {
	raw, err := p.dir.Read(l.HeadFile)
	if err != nil {
		return nil, fmt.Errorf("reading a tree head of audit %s: %w", p.id, err)
	}
	k := &collect.Known{AuditID: p.id, Raw: raw, PublicKey: l.PublicKey, Origin: l.Origin, File: l.HeadFile}
	if strings.HasSuffix(l.HeadFile, ".checkpoint") {
		k.Head, err = ct.ParseCheckpoint(raw, l.Origin, l.PublicKey)
	} else {
		k.Head, err = ct.ParseSTH(raw, l.PublicKey)
	}
	if err != nil || k.Head.Size != l.TreeSize || k.Head.Root.String() != l.RootHash {
		return nil, p.changed(l.HeadFile, "that audit %s read the log at")
	}
	return k, nil
}

// source completes what collecting needs to know of a log.
func (r *startRules) source(l *logSource) (collect.Source, error) {
	s := collect.Source{Log: l.log, HeadFile: l.headFile(), HashTiles: l.cfg.Type == config.TypeStaticCT, Origin: l.cfg.Origin, Start: r.rule(l.log.ID()), Final: r.chosen.final(l.log.ID())}
	var err error
	if s.Known, err = r.known(l.log.ID()); err != nil {
		return s, err
	}
	s.OtherKey, err = r.otherKey(l.cfg)
	return s, err
}

// mergeDelay is the log's maximum merge delay by the log list; 0 if it is not known.
func (c *chosen) mergeDelay(log ct.LogID) time.Duration {
	if c == nil {
		return 0
	}
	for i := range c.choices {
		if ct.LogIDOf(c.choices[i].Log.Key) == log {
			return c.choices[i].Log.MMD
		}
	}
	return 0
}

// final is the tree that the log list says a read-only log ended with; nil if it says nothing.
func (c *chosen) final(log ct.LogID) *collect.FinalTree {
	if c == nil {
		return nil
	}
	for i := range c.choices {
		if l := c.choices[i].Log; ct.LogIDOf(l.Key) == log && l.FinalRoot != nil {
			return &collect.FinalTree{Size: l.FinalSize, Root: ct.Hash(l.FinalRoot)}
		}
	}
	return nil
}

// startSearched says whether the log's entries before some point were read by no audit of
// the chain: that point was found by time stamp.
func startSearched(l sampler.SnapshotLog, before []pastAudit) bool {
	first, read := l.First()
	if !read || first == 0 {
		return false
	}
	id, err := hex.DecodeString(l.LogID)
	if err != nil || len(id) != len(ct.LogID{}) {
		return true
	}
	for _, p := range before {
		was := p.log(ct.LogID(id))
		if was == nil || was.Cursor == nil {
			continue
		}
		if first != sampler.RangeStart(was.Cursor.NextFirstEntry) {
			return true // searched anew
		}
		if first, _ = was.First(); first == 0 {
			return false
		}
	}
	return true
}

// pairingsBefore opens ct/pairings.tsv of earlier audits. The function given back compares
// them with what those audits committed to, once they are read to the end.
func pairingsBefore(before []pastAudit) (readers []io.Reader, finish func() error, err error) {
	var files []*os.File
	var sums []hash.Hash
	var of []pastAudit
	finish = func() error {
		var err error
		for i, f := range files {
			f.Close() // only read from: nothing is lost if closing fails
			if sampler.DocHash(sums[i].Sum(nil)) != of[i].snapshot.Pairings.SHA256 {
				err = cmp.Or(err, of[i].changed(docPairings, "that audit %s committed to"))
			}
		}
		return err
	}
	for _, p := range before {
		if p.snapshot.Pairings == nil {
			continue // frozen before there were any; its logs have no cursors either
		}
		f, err := os.Open(p.dir.Path(docPairings))
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("reading the pairings of audit %s: %w", p.id, err), closeAll(files))
		}
		sum := sha256.New()
		files, sums, of = append(files, f), append(sums, sum), append(of, p)
		readers = append(readers, io.TeeReader(f, sum))
	}
	return readers, finish, nil
}

func closeAll(files []*os.File) error {
	var err error
	for _, f := range files {
		err = errors.Join(err, f.Close())
	}
	return err
}

// startedLater refuses --from-start for logs that were read from a later entry already.
func startedLater(a *audit, o collectOptions, saved *collect.Saved) error {
	for _, l := range saved.Logs {
		if first, _ := l.First(); first > 0 && o.FromStart {
			return usageErrorf(fmt.Sprintf("remove %s and collect again (what was read of the same logs is kept)", a.dir.Path(docCollected)),
				"audit %s is collected: log %s was read from entry %d on; --from-start comes too late", a.id, logName(l), first)
		}
	}
	return nil
}
