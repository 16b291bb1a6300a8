package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"selfaudit/internal/config"
	"selfaudit/internal/terminal"
	"selfaudit/reports/evidence"
	"selfaudit/sampler"
	"selfaudit/sampler/loglist"
)

// codeNoRoot is the code of a choice: left out, because get-roots has nothing of the CA.
const codeNoRoot = "no_root"

// The documents about get-roots; the answers of skipped logs are in the folder, by SHA-256.
const (
	docLogRoots  = evidence.LogRootsFile
	logRootsFold = "ct/roots"
)

// skipWithoutRoot leaves out the logs whose answer to get-roots has nothing of the CA. A log
// that the user names, by hand or with include, is read all the same.
func (c *chosen) skipWithoutRoot() {
	for i := range c.choices {
		ch := &c.choices[i]
		if !c.askable(ch) {
			continue
		}
		answer := c.roots.Of(ch.Log.ID.String())
		if answer == nil || answer.Outcome != loglist.RootsSkipped {
			continue
		}
		ch.Chosen, ch.Code = false, codeNoRoot
		ch.Reason = fmt.Sprintf("get-roots listed %d certificates at %s, none of them of the CA or above it", answer.Certificates, answer.AskedAt)
		c.logs = slices.DeleteFunc(c.logs, func(l config.Log) bool { return bytes.Equal(l.PublicKey, ch.Log.Key) })
	}
}

// askable says whether a log is read only if it accepts a root of the CA: it is chosen, and
// not by the user's own word.
func (c *chosen) askable(ch *loglist.Choice) bool {
	return ch.Chosen && !slices.ContainsFunc(c.include, ch.Log.Named)
}

// rootsNotes are the snapshot's sentences about logs that were asked for their roots.
func (c *chosen) rootsNotes() []string {
	if c.roots == nil {
		return nil
	}
	n := map[string]int{}
	for _, l := range c.roots.Logs {
		n[l.Outcome]++
	}
	raw, err := c.roots.Bytes()
	if err != nil {
		return []string{evidence.LogRootsNote + " " + err.Error()} // cannot happen: it was written before
	}
	out := []string{fmt.Sprintf("%s %d logs were asked for the roots that they accept: %d may take the CA's certificates, %d have none of its roots and are not read, %d gave no answer and are read; %s has %s %s",
		evidence.LogRootsNote, len(c.roots.Logs), n[loglist.RootsFound], n[loglist.RootsSkipped], n[loglist.RootsNoAnswer], docLogRoots, evidence.LogListHash, sampler.HashDoc(raw))}
	for _, ch := range c.choices {
		if ch.Code != codeNoRoot {
			continue
		}
		a := c.roots.Of(ch.Log.ID.String())
		out = append(out, fmt.Sprintf("%s not read: %s (%s): %s; the answer has %s %s", evidence.LogRootsNote, ch.Log.Description, ch.Log.ID, ch.Reason, evidence.LogListHash, a.SHA256))
	}
	return out
}

// logRoots returns what the chosen logs say to get-roots; nil if nobody wants to know. While
// the collection is not complete logs are asked; what was answered before is kept, so that a
// log is not left out half read because its roots changed since. After that only what is in
// the audit's folder counts; there is false if it no longer fits the CA's certificates.
func (w *workspace) logRoots(ctx context.Context, a *audit, c *chosen, complete bool) (doc *loglist.RootsDocument, there bool, err error) {
	if !w.cfg.LogList.SkipWithoutRoot || !complete && w.readsNoLogs {
		if complete {
			return nil, true, nil // freeze notices by the sources that logs were skipped
		}
		return nil, true, a.dropRoots(nil)
	}
	known, err := a.archivedRoots()
	if err != nil || complete && known == nil {
		return nil, err == nil, err // collected in mode records: no log was asked
	}
	ca, err := w.caCertificates()
	if err != nil {
		return nil, false, err
	}
	kept, err := a.stillSkipped(known, ca)
	if err != nil {
		return nil, false, err
	}
	if complete {
		return known, len(kept) == len(skippedIn(known)), nil
	}
	doc, err = w.askRoots(ctx, a, c, ca, func(id string) *loglist.RootsAnswer {
		if known == nil {
			return nil
		}
		old := known.Of(id)
		if old != nil && (old.Outcome == loglist.RootsFound || kept[id]) {
			return old
		}
		return nil
	})
	return doc, err == nil, err
}

// archivedRoots reads ct/log_roots.json; nil if the audit has none.
func (a *audit) archivedRoots() (*loglist.RootsDocument, error) {
	raw, err := a.dir.Read(docLogRoots)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	doc, err := loglist.ParseRootsDocument(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: remove it, and collect asks again", a.dir.Path(docLogRoots), err)
	}
	return doc, nil
}

func skippedIn(doc *loglist.RootsDocument) (out []loglist.RootsAnswer) {
	if doc == nil {
		return nil
	}
	for _, l := range doc.Logs {
		if l.Outcome == loglist.RootsSkipped {
			out = append(out, l)
		}
	}
	return out
}

// stillSkipped says by log id which archived answers have nothing of the CA as it is known now.
func (a *audit) stillSkipped(doc *loglist.RootsDocument, ca *loglist.CASet) (map[string]bool, error) {
	out := map[string]bool{}
	for _, l := range skippedIn(doc) {
		raw, err := a.dir.Read(rootsFile(l.SHA256))
		if errors.Is(err, fs.ErrNotExist) {
			continue // a process was killed before it was written
		}
		if err != nil {
			return nil, err
		}
		roots, err := loglist.ParseRoots(raw)
		out[l.LogID] = err == nil && sampler.HashDoc(raw).String() == l.SHA256 && ca.Match(roots) < 0
		if !out[l.LogID] {
			delete(out, l.LogID)
		}
	}
	return out, nil
}

func rootsFile(hash string) string { return logRootsFold + "/" + hash + ".json" }

// askRoots asks the chosen logs that were not asked before, and archives what they answer.
func (w *workspace) askRoots(ctx context.Context, a *audit, c *chosen, ca *loglist.CASet, before func(id string) *loglist.RootsAnswer) (*loglist.RootsDocument, error) {
	doc := &loglist.RootsDocument{CA: ca.List()}
	var ask []*loglist.Log
	for i := range c.choices {
		ch := &c.choices[i]
		if !c.askable(ch) {
			continue
		}
		if old := before(ch.Log.ID.String()); old != nil {
			doc.Logs = append(doc.Logs, *old)
			continue
		}
		ask = append(ask, &ch.Log)
	}
	if len(ask) > 0 {
		w.e.notef("asking %d logs for the roots that they accept", len(ask))
	}
	answers, bodies := make([]loglist.RootsAnswer, len(ask)), make([][]byte, len(ask))
	each(len(ask), probeAtOnce, func(i int) { answers[i], bodies[i] = w.askLog(ctx, ask[i], ca) })
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	for i, answer := range answers {
		if answer.Outcome == loglist.RootsSkipped {
			if err := a.dir.Replace(rootsFile(answer.SHA256), bodies[i]); err != nil {
				return nil, err
			}
		}
		if answer.Outcome == loglist.RootsNoAnswer {
			w.e.notef("%s log %s does not say which roots it accepts, so it is read: %s", w.e.errOut().Warn("warning:"), terminal.Escape(ask[i].Description), answer.Error)
		}
	}
	doc.Logs = append(doc.Logs, answers...)
	slices.SortFunc(doc.Logs, func(x, y loglist.RootsAnswer) int { return strings.Compare(x.LogID, y.LogID) })
	raw, err := doc.Bytes()
	if err != nil {
		return nil, err
	}
	if err := a.dir.Replace(docLogRoots, raw); err != nil {
		return nil, err
	}
	return doc, a.dropRoots(doc)
}

// askLog asks one log. A failure is an outcome: then the log is read.
func (w *workspace) askLog(ctx context.Context, l *loglist.Log, ca *loglist.CASet) (answer loglist.RootsAnswer, body []byte) {
	prefix := l.Prefix()
	answer = loglist.RootsAnswer{LogID: l.ID.String(), URL: prefix, AskedAt: sampler.FormatTime(w.e.Now())}
	p := w.e.probe(w.cfg, config.Log{Type: l.Type, URL: prefix, PublicKey: l.Key, Origin: l.Origin(), Label: l.Description}, w.e.Transport, planPatience)
	var roots [][]byte
	err := p.err
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, 2*planPatience)
		defer cancel()
		body, err = p.log.Roots(ctx, func(raw []byte) (err error) {
			roots, err = loglist.ParseRoots(raw)
			return err
		})
	}
	if err != nil {
		answer.Outcome, answer.Error = loglist.RootsNoAnswer, clipText(terminal.Escape(err.Error()), 300)
		return answer, nil
	}
	answer.SHA256, answer.Certificates, answer.Outcome = sampler.HashDoc(body).String(), len(roots), loglist.RootsSkipped
	if i := ca.Match(roots); i >= 0 {
		answer.Outcome, answer.Match = loglist.RootsFound, sampler.HashCert(roots[i]).String()
	}
	return answer, body
}

// dropRoots removes the answers that a document does not name; with nil the document too.
func (a *audit) dropRoots(doc *loglist.RootsDocument) error {
	keep := map[string]bool{}
	for _, l := range skippedIn(doc) {
		keep[rootsFile(l.SHA256)] = true
	}
	var errs []error
	if doc == nil {
		errs = append(errs, a.dir.Remove(docLogRoots))
	}
	entries, err := fs.ReadDir(a.dir.FS(), logRootsFold)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	for _, entry := range entries {
		if name := path.Join(logRootsFold, entry.Name()); !keep[name] {
			errs = append(errs, a.dir.Remove(name))
		}
	}
	return errors.Join(errs...)
}
