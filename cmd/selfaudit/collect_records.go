package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"selfaudit/internal/config"
	"selfaudit/internal/terminal"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/ct"
)

// modes are the values of --mode and of [collect] mode.
var modes = []string{sampler.CollectRecords, sampler.CollectLogs, sampler.CollectBoth}

// collectMode says what this collect does with logs: the flag decides, then the configuration. Otherwise the CA's records come
// first if their certificates are there to be looked up, because that takes minutes where reading the logs takes days.
func (w *workspace) collectMode(o collectOptions, exports []collect.Records) (string, error) {
	if o.Mode != "" && !slices.Contains(modes, o.Mode) {
		return "", noSuchMode(o.Mode)
	}
	var kinds []string
	for _, r := range exports {
		kinds = append(kinds, r.Export.Kind)
	}
	mode := modeFor(o.Mode, w.cfg, kinds)
	if mode != sampler.CollectLogs && len(exports) == 0 && len(w.cfg.Files) == 0 {
		return "", nothingGiven(mode)
	}
	return mode, nil
}

func noSuchMode(mode string) error {
	return usageErrorf("the modes are records (look up the certificates of the CA's records in the logs), logs (read the logs) and both",
		"--mode: no mode is called %q", mode)
}

func nothingGiven(mode string) error {
	return usageErrorf("add [[records]] or [[files]] with the CA's certificates, or use --mode logs",
		"mode %s looks up certificates that the CA gives, and there is no [[records]] and no [[files]]", mode)
}

// modeFor decides the mode: given on the command line, configured, or by what the exports of these kinds are.
func modeFor(given string, cfg *config.Config, kinds []string) string {
	if mode := cmp.Or(given, cfg.Collect.Mode); mode != "" {
		return mode
	}
	for i, r := range cfg.Records {
		if !bringsCertificates(kinds[i], r) {
			return sampler.CollectLogs
		}
	}
	if len(cfg.Records) == 0 {
		return sampler.CollectLogs
	}
	return sampler.CollectRecords
}

// scts is what collect found out by looking up SCTs.
type scts struct {
	mode    string
	results []collect.SCTResult // none in mode logs
}

func (s *scts) of(id ct.LogID) collect.SCTResult {
	if i := slices.IndexFunc(s.results, func(r collect.SCTResult) bool { return r.Log.ID() == id }); i >= 0 {
		return s.results[i]
	}
	return collect.SCTResult{}
}

// lookUp looks up the SCTs of everything harvested, if the mode says so. What the logs answered with a fault stands in the results
// that are returned, as for logs that were read.
func (w *workspace) lookUp(ctx context.Context, a *audit, h *collect.Harvest, logs []*logSource, starts *startRules, all collect.Harvested) ([]collect.LogResult, error) {
	failed := slices.ContainsFunc(all.Logs, func(r collect.LogResult) bool { return r.Err != nil })
	if w.scts.mode == sampler.CollectLogs || failed {
		return all.Logs, nil // a log that could not be read stops the stage anyway
	}
	var sources []collect.SCTLog
	for _, l := range logs {
		chain, err := starts.source(l)
		if err != nil {
			return nil, err
		}
		sources = append(sources, collect.SCTLog{Log: l.log, HeadFile: l.headFile(), Indexed: l.cfg.Type == config.TypeStaticCT, Excluded: l.exclude,
			Origin: chain.Origin, Known: chain.Known, OtherKey: chain.OtherKey, Final: chain.Final})
	}
	var err error
	if w.scts.results, err = h.SCTs(ctx, sources, all); err != nil {
		return nil, err
	}
	results := slices.Clone(all.Logs)
	for i, l := range logs {
		r := w.scts.results[i]
		at := slices.IndexFunc(results, func(read collect.LogResult) bool { return read.Log.ID() == l.log.ID() })
		switch {
		case l.exclude != "":
		case at >= 0:
			results[at].Err = r.Err
		default:
			results = append(results, collect.LogResult{Log: l.log, Head: r.Head, HeadFile: r.HeadFile, Err: r.Err, Previous: r.Previous})
		}
		if w.scts.mode == sampler.CollectRecords && r.HeadFile != "" {
			if err := a.dir.WriteOnce(l.keyFile(), l.keyPEM()); err != nil {
				return nil, err
			}
		}
	}
	return results, nil
}

// lookedUpLog describes a log that was not read. One that no certificate names was not even asked for its tree head.
func (w *workspace) lookedUpLog(r collect.LogResult, state *collectLogState, entry *sampler.SnapshotLog) {
	state.Status, entry.Status, entry.Coverage = sampler.LogLookedUp, sampler.LogLookedUp, sampler.CoverageEntries
	if r.HeadFile != "" {
		state.TreeSize, state.RootHash = r.Head.Size, r.Head.Root.String()
		entry.TreeSize, entry.RootHash, entry.TimestampMS, entry.HeadFile = r.Head.Size, r.Head.Root.String(), r.Head.Timestamp, r.HeadFile
		entry.Previous = r.Previous
	}
}

// countSCTs adds how many SCTs were looked up in the log.
func (w *workspace) countSCTs(id ct.LogID, state *collectLogState, entry *sampler.SnapshotLog) {
	r := w.scts.of(id)
	state.LookedUp, state.ProvenSCTs = r.LookedUp, r.Proven
	entry.LookedUp, entry.ProvenSCTs = int64(r.LookedUp), int64(r.Proven)
}

// notAsked says whether nothing at all was asked of a log, so that nothing of it is evidence.
func (w *workspace) notAsked(l *logSource) bool {
	return l.exclude != "" || w.scts.mode == sampler.CollectRecords && w.scts.of(l.log.ID()).HeadFile == ""
}

// otherMode refuses a flag --mode that is not the mode an audit was collected in. The configuration's mode is for
// audits that begin: a flag may have decided otherwise for this one.
func (w *workspace) otherMode(a *audit, o collectOptions, saved *collect.Saved) error {
	done := cmp.Or(saved.SCTMode, sampler.CollectLogs)
	if want := o.Mode; want != "" && want != done {
		return usageErrorf(fmt.Sprintf("leave the mode out, or remove %s and collect again (what was read of the same logs is kept)", a.dir.Path(docCollected)),
			"audit %s was collected in mode %s, not %s", a.id, done, want)
	}
	return nil
}

// writeSCTs shows what was looked up.
func (d *collectDocument) writeSCTs(e *env) {
	for _, l := range d.Logs {
		if l.LookedUp > 0 {
			e.printf("%s: %s of %s SCTs that were looked up are proven\n", terminal.Escape(l.Name), terminal.Count(int64(l.ProvenSCTs)), terminal.Count(int64(l.LookedUp)))
		}
	}
}
