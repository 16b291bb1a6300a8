package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"selfaudit/sampler"
)

// firstOfChain says whether the audit begins a chain: then what [chain] says counts.
func (a *audit) firstOfChain() bool { return !a.rehearsal() && a.opening.PreviousAudit == "" }

// chainStart returns the snapshot's account of where the chain starts and on what
// evidence (draw protocol 3.1). Only the first audit of a chain reads [chain].
func (f *freezing) chainStart() (sampler.SnapshotChain, error) {
	o, cfg := f.a.opening, f.w.cfg.Chain
	c := sampler.SnapshotChain{Start: o.ChainStart, PreviousAudit: o.PreviousAudit, Evidence: sampler.NoEvidence}
	switch {
	case f.a.rehearsal():
		c.Reason = "a rehearsal is in no chain"
		return c, nil
	case o.PreviousAudit != "":
		c.Reason = "follows audit " + o.PreviousAudit
		return c, nil
	}
	c.Reason = cfg.Reason
	if !cfg.LastSample.IsZero() {
		c.LastSample = sampler.FormatTime(cfg.LastSample)
	}
	switch {
	case cfg.StartEvidence != "":
		hash, err := hashFile(f.w.cfg.Resolve(cfg.StartEvidence))
		if err != nil {
			return c, usageErrorf("name the document about the last self-audit outside this program, or give a reason in [chain]",
				"[chain] start_evidence %q: %w", cfg.StartEvidence, err)
		}
		c.Evidence = sampler.FormatEvidence(filepath.Base(filepath.FromSlash(cfg.StartEvidence)), hash)
		if c.Reason == "" {
			c.Reason = sampler.FirstAuditReason
		}
	case cfg.Reason == "":
		c.Reason = sampler.NoChainReason
	}
	return c, nil
}

// chainNotes are the snapshot's notes about the chain's start.
func (f *freezing) chainNotes(s *sampler.Snapshot) []string {
	if !f.a.firstOfChain() {
		return nil
	}
	var out []string
	for _, r := range s.ChainRemarks() {
		out = append(out, r.Text)
	}
	return out
}

// hashFile returns the SHA-256 of a file of any size.
func hashFile(path string) (h sampler.DocHash, err error) {
	f, err := os.Open(path)
	if err != nil {
		return h, err
	}
	defer f.Close() // only read from: nothing is lost if closing fails
	info, err := f.Stat()
	switch {
	case err != nil:
		return h, err
	case !info.Mode().IsRegular():
		return h, errors.New("is not a file")
	case info.Size() == 0:
		return h, errors.New("is empty: it shows nothing")
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return h, fmt.Errorf("reading %s: %w", path, err)
	}
	return sampler.DocHash(sum.Sum(nil)), nil
}
