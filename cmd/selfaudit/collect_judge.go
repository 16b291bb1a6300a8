package main

import (
	"errors"
	"fmt"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/ctlog"
	"slices"
	"strings"
)

// excludedError is the exit of a collection that is complete but for the excluded logs.
func excludedError(doc *collectDocument) error {
	for _, l := range doc.Logs {
		if l.Status == sampler.LogExcluded {
			return &exitError{code: exitIncomplete, id: "log_excluded", quiet: true, err: fmt.Errorf("log %s was excluded: %s", l.Name, l.Reason),
				hint: "the population may lack what only that log holds"}
		}
	}
	return nil
}

// judge puts every log's outcome into the documents; the error is the most serious failure.
func (w *workspace) judge(doc *collectDocument, saved *collect.Saved, logs []*logSource, results []collect.LogResult) error {
	var contradictions, failures []string
	misplaced := false
	for _, l := range logs {
		state := collectLogState{Name: l.name(), LogID: l.log.ID().String()}
		entry := sampler.SnapshotLog{LogID: state.LogID, Type: l.cfg.Type, Tiles: l.cfg.Tiles, Label: l.name(), URL: l.cfg.URL, Origin: l.cfg.Origin, PublicKey: l.cfg.PublicKey, OperatedByCA: l.cfg.OperatedByCA, Notes: w.listNotes(l.cfg)}
		i := slices.IndexFunc(results, func(r collect.LogResult) bool { return r.Log.ID() == l.log.ID() })
		switch {
		case l.exclude != "":
			state.Status, state.Reason = sampler.LogExcluded, l.exclude
			entry.Status, entry.Reason = sampler.LogExcluded, l.exclude
		case results[i].Err != nil:
			state.Status = "unreachable"
			var le *ctlog.Error
			if errors.As(results[i].Err, &le) {
				state.Where = le.Where
				if le.Kind == ctlog.Invalid {
					state.Status = "failed"
				}
			}
			misplaced = misplaced || !strings.Contains(l.cfg.URL, "://") || strings.HasPrefix(l.cfg.URL, "file:")
			state.Reason, state.TreeSize = results[i].Err.Error(), results[i].Head.Size
			if state.Status == "failed" {
				contradictions = append(contradictions, state.Reason)
			} else {
				failures = append(failures, state.Reason)
			}
		case w.scts.mode == sampler.CollectRecords:
			w.lookedUpLog(results[i], &state, &entry)
		default:
			r := results[i]
			state.Status, state.TreeSize, state.RootHash, state.Entries, state.Kept = sampler.LogProven, r.Head.Size, r.Head.Root.String(), r.Entries, r.Kept
			state.FirstEntry, state.FirstReason = r.Start.First, r.Start.Reason
			r.Describe(&entry)
		}
		w.countSCTs(l.log.ID(), &state, &entry)
		doc.Logs = append(doc.Logs, state)
		saved.Logs = append(saved.Logs, entry)
	}
	invalid := len(contradictions) > 0
	failures = append(contradictions, failures...) // what the exit code says comes first
	if len(failures) == 0 {
		return nil
	}
	out := &exitError{code: exitFailed, id: "log_unreachable", err: errors.New(strings.Join(failures, "\n")),
		hint: "run collect again: what was read is kept; a log that will not come back can be left out with --exclude-log NAME=REASON, and the evidence shows it"}
	if misplaced {
		out.hint = "check url and type of the log in selfaudit.toml: " + out.hint
	}
	if invalid {
		out.code, out.id = exitVerify, "log_failed"
		out.hint = "run collect again in case the copy was bad; else tell the log's operator, and leave the log out with --exclude-log NAME=REASON, which the evidence shows"
	}
	return out
}
