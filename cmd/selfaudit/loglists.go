package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"selfaudit/internal/config"
	"selfaudit/sampler/loglist"
)

// logLists are the configured log lists in their order, and what they come to together.
type logLists struct {
	each        []*logList
	union       *loglist.List
	differences []loglist.Difference
}

// unite makes one list of several.
func unite(each []*logList) (*logLists, error) {
	l := &logLists{each: each}
	var lists []*loglist.List
	for _, one := range each {
		lists = append(lists, one.list)
	}
	var err error
	if l.union, l.differences, err = loglist.Union(lists); err != nil {
		var names []string
		for i, one := range each {
			names = append(names, fmt.Sprintf("list %d is %s", i+1, one.from))
		}
		return nil, &exitError{code: exitVerify, id: "log_lists_contradict", err: fmt.Errorf("%w (%s)", err, strings.Join(names, ", ")),
			hint: "take newer copies of the lists, ask their publishers which is right, and leave the wrong one out"}
	}
	return l, nil
}

// readLogLists reads all lists that the configuration names.
func (e *env) readLogLists(ctx context.Context, cfg *config.Config) (*logLists, error) {
	var each []*logList
	for _, src := range cfg.LogList.Sources() {
		l, err := e.readLogList(ctx, cfg, src)
		if err != nil {
			return nil, err
		}
		each = append(each, l)
	}
	return unite(each)
}

// infos describe every list where there are several; with one, info says all.
func (l *logLists) infos(e *env) (out []logListInfo) {
	if len(l.each) == 1 {
		return nil
	}
	for _, one := range l.each {
		out = append(out, *one.info(e))
	}
	return out
}

// info describes the first list.
func (l *logLists) info(e *env) *logListInfo { return l.each[0].info(e) }

// warnings name the lists that are too old; of several, by number.
func (l *logLists) warnings(now time.Time) []string {
	return l.warn(func(list *loglist.List) string { return list.Warning(now) })
}

// lateFor are the warnings about lists of long after a period's end.
func (l *logLists) lateFor(until time.Time) []string {
	return l.warn(func(list *loglist.List) string { return list.LateFor(until) })
}

func (l *logLists) warn(about func(*loglist.List) string) []string {
	var out []string
	for i, one := range l.each {
		w := about(one.list)
		if w != "" && len(l.each) > 1 {
			w = fmt.Sprintf("list %d: %s", i+1, w)
		}
		if w != "" {
			out = append(out, w)
		}
	}
	return out
}

// differing groups what the lists say differently: the same difference, and the logs.
func (l *logLists) differing() []omission {
	var out []omission
	for _, d := range l.differences {
		text := d.String()
		i := slices.IndexFunc(out, func(g omission) bool { return g.reason == text })
		if i < 0 {
			i = len(out)
			out = append(out, omission{reason: text})
		}
		out[i].names = append(out[i].names, d.Log)
	}
	return out
}

// inLists says which of several lists have a log; nothing with one list.
func inLists(l *loglist.Log) string {
	switch len(l.Lists) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf(" (only in list %d)", l.Lists[0])
	}
	var numbers []string
	for _, n := range l.Lists {
		numbers = append(numbers, strconv.Itoa(n))
	}
	return " (in lists " + strings.Join(numbers, ", ") + ")"
}

// listed says whether the configuration takes logs from a list.
func (w *workspace) listed() bool { return w.cfg.LogList.Select == config.SelectAuto }

// firstLook finds mistakes in the configuration of the logs before an audit is opened. The
// logs of a list are not known yet: they depend on the period.
func (w *workspace) firstLook(ctx context.Context, exclusions []string) ([]*logSource, error) {
	if !w.listed() {
		return w.openLogs(exclusions)
	}
	for _, src := range w.cfg.LogList.Sources() {
		if src.URL != "" {
			continue
		}
		if _, err := w.e.readLogList(ctx, w.cfg, src); err != nil {
			return nil, err
		}
	}
	if w.cfg.LogList.SkipWithoutRoot {
		if _, err := w.caCertificates(); err != nil {
			return nil, err
		}
	}
	return w.openLogs(nil)
}

// useLogList adds the logs of the lists to the configuration, as chosen for the audit's
// period. The lists are archived with the first collect: an address is not asked again, and a
// file or the program's own list is taken anew until the collection is complete. After that
// only the archived bytes count; false means that they are not what the configuration names.
func (w *workspace) useLogList(ctx context.Context, a *audit) (bool, error) {
	if w.chosen != nil || a.commitment != nil {
		return true, nil // after freeze the configuration does not count any more
	}
	complete := a.done(stageCollect)
	if !w.listed() {
		if complete {
			return true, nil // freeze notices by the sources that a list was used
		}
		return true, errors.Join(a.dropLists(0), a.dropRoots(nil))
	}
	lists, err := w.auditLists(ctx, a, complete)
	if lists == nil || err != nil {
		return false, err
	}
	from, until, err := a.period()
	if err != nil {
		return false, err
	}
	c, err := choose(w.cfg, lists, from, until, nil)
	if err != nil {
		return false, err
	}
	roots, there, err := w.logRoots(ctx, a, c, complete)
	if !there || err != nil {
		return false, err
	}
	if roots != nil {
		if c, err = choose(w.cfg, lists, from, until, roots); err != nil {
			return false, err
		}
	}
	w.chosen = c
	w.cfg.Logs = append(w.cfg.Logs[:len(w.cfg.Logs):len(w.cfg.Logs)], w.chosen.logs...)
	if !complete {
		for _, warning := range lists.warnings(w.e.Now()) {
			w.e.notef("%s %s; name a newer one in [log_list]", w.e.errOut().Warn("warning:"), warning)
		}
	}
	return true, nil
}

// auditLists returns the lists that the audit uses, archived; nil if the collection is
// complete and was made with other lists than the configuration has.
func (w *workspace) auditLists(ctx context.Context, a *audit, complete bool) (*logLists, error) {
	sources := w.cfg.LogList.Sources()
	each, err := w.archivedLists(a, complete)
	if err != nil {
		return nil, err
	}
	if complete {
		if slices.Contains(each, nil) || a.dir.Has(loglist.File(len(sources)+1)) {
			return nil, nil
		}
		return unite(each)
	}
	for i, src := range sources {
		if each[i] != nil && src.URL != "" {
			continue
		}
		if each[i], err = w.e.readLogList(ctx, w.cfg, src); err != nil {
			return nil, err
		}
	}
	if err := a.archive(each); err != nil {
		return nil, err
	}
	return unite(each)
}
