package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"selfaudit/internal/config"
	"selfaudit/internal/terminal"
	"selfaudit/reports/evidence"
	"selfaudit/sampler"
	"selfaudit/sampler/loglist"
)

// logList is a log list that was read and checked, with where it came from.
type logList struct {
	raw, signature []byte
	list           *loglist.List
	from           string // "the list that comes with the program", a path or an address
	signed         string // what is known about the signature, a half sentence
}

// readLogList reads the list that the configuration names and verifies its signature.
func (e *env) readLogList(ctx context.Context, cfg *config.Config) (*logList, error) {
	c := cfg.LogList
	l := &logList{}
	var err error
	switch {
	case c.File != "":
		l.from = c.File
		if l.raw, err = readSmall(cfg.Resolve(c.File), loglist.MaxBytes); err == nil && c.Signature != "" {
			l.signature, err = readSmall(cfg.Resolve(c.Signature), loglist.MaxSignature)
		}
	case c.URL != "":
		l.from = c.URL
		if l.raw, _, err = e.fetch(ctx, c.URL, loglist.MaxBytes); err == nil {
			l.signature, _, err = e.fetch(ctx, c.Signature, loglist.MaxSignature)
		}
		if err != nil && ctx.Err() == nil {
			return nil, &exitError{code: exitFailed, id: "log_list_unreachable", err: fmt.Errorf("reading the CT log list: %w", err),
				hint: "run it again, or fetch the list and its signature elsewhere and name them with file and signature in [log_list]"}
		}
	default:
		l.from = "the list that comes with the program"
		l.raw, l.signature = loglist.Bundled()
	}
	if err != nil {
		return nil, usageErrorf("name the list's file in [log_list] of "+cfg.File, "reading the CT log list: %w", err)
	}
	return l, l.check(c.PublicKey)
}

// check verifies and parses. key nil means that of Chrome's lists.
func (l *logList) check(key []byte) error {
	whose := "the configured key"
	if key == nil {
		key, whose = loglist.GoogleKey(), "the key of Chrome's lists"
	}
	l.signed = "it came without a signature"
	if l.signature != nil {
		if err := loglist.VerifySignature(l.raw, l.signature, key); err != nil {
			return &exitError{code: exitVerify, id: "log_list_signature", err: fmt.Errorf("%s: %w", l.from, err),
				hint: "fetch list and signature again, together; a list of another publisher needs its public_key in [log_list]"}
		}
		l.signed = fmt.Sprintf("its signature verifies with %s (SHA-256 %x)", whose, sha256.Sum256(key))
	}
	var err error
	if l.list, err = loglist.Parse(l.raw); err != nil {
		return usageErrorf("name another list in [log_list]", "%s: %w", l.from, err)
	}
	return nil
}

func readSmall(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(raw)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return raw, err
}

// hash is the SHA-256 of the list's bytes.
func (l *logList) hash() sampler.DocHash { return sampler.HashDoc(l.raw) }

// chosen is what the configuration and a list come to, for one period.
type chosen struct {
	list    *logList
	window  loglist.Window
	choices []loglist.Choice // about every log of the list
	logs    []config.Log     // to be read beside the configured ones; excluded ones have a reason
}

// choose decides which logs of the list are read for a period. A log that is configured by
// hand is left to its [[log]].
func choose(cfg *config.Config, l *logList, from, until time.Time) (*chosen, error) {
	c := cfg.LogList
	o := loglist.Options{From: from, Until: until, Margin: time.Duration(c.MarginDays) * 24 * time.Hour, Include: c.Include}
	choices, err := loglist.Select(l.list, o)
	if err != nil {
		return nil, usageErrorf("see `selfaudit logs --all` for the names", "%s: [log_list] %w", cfg.File, err)
	}
	out := &chosen{list: l, window: o.NotAfter(), choices: choices}
	for _, name := range slices.Sorted(maps.Keys(c.Exclude)) {
		if !slices.ContainsFunc(choices, func(ch loglist.Choice) bool { return ch.Log.Named(name) }) {
			return nil, usageErrorf("see `selfaudit logs --all` for the names", "%s: [log_list] exclude: the list has no log %q", cfg.File, name)
		}
	}
	for _, own := range c.Logs {
		if !slices.ContainsFunc(choices, func(ch loglist.Choice) bool { return ch.Log.Named(own.Name) }) {
			return nil, usageErrorf("see `selfaudit logs --all` for the names", "%s: [[log_list.log]]: the list has no log %q", cfg.File, own.Name)
		}
	}
	for i := range choices {
		ch := &choices[i]
		byHand := slices.ContainsFunc(cfg.Logs, func(x config.Log) bool { return bytes.Equal(x.PublicKey, ch.Log.Key) })
		switch {
		case byHand:
			ch.Chosen, ch.Code, ch.Reason = false, codeByHand, "it has a [[log]] of its own in the configuration"
		case ch.Chosen:
			reason := ""
			for _, name := range slices.Sorted(maps.Keys(c.Exclude)) {
				if ch.Log.Named(name) {
					reason = c.Exclude[name]
				}
			}
			log := config.Log{Type: ch.Log.Type, URL: ch.Log.URL, PublicKey: ch.Log.Key, Origin: ch.Log.Origin(), Label: ch.Log.Description, Exclude: reason}
			if err := settle(&log, &ch.Log, cfg); err != nil {
				return nil, err
			}
			out.logs = append(out.logs, log)
			if reason != "" {
				ch.Chosen, ch.Code, ch.Reason = false, codeExcluded, "excluded: "+reason
			}
		}
	}
	return out, nil
}

// settle gives a log of the list its settings of [log_list] and [[log_list.log]].
func settle(log *config.Log, listed *loglist.Log, cfg *config.Config) error {
	for _, own := range cfg.LogList.Logs {
		if listed.Named(own.Name) {
			log.Pace, log.Tiles = log.Pace.Or(own.Pace), log.Tiles || own.Tiles
		}
	}
	log.Pace = log.Pace.Or(cfg.LogList.Pace)
	if log.Tiles && log.Type == config.TypeStaticCT {
		return usageErrorf("leave tiles out: a static-ct log serves nothing else", "%s: [[log_list.log]] tiles: %s is a static-ct log", cfg.File, terminal.Escape(log.Label))
	}
	return nil
}

// Codes of a choice beside those of loglist.
const (
	codeByHand   = "by_hand"
	codeExcluded = "excluded"
)

// count returns how many logs of the list are read.
func (c *chosen) count() (n int) {
	for _, ch := range c.choices {
		if ch.Chosen {
			n++
		}
	}
	return n
}

// describe names the list in one sentence; evidence.LogListNote finds its hash in it.
func (l *logList) describe() string {
	return fmt.Sprintf("%s version %s of %s, %s %s, %s; %s", evidence.LogListNote, cmp.Or(l.list.Version, "-"), sampler.FormatTime(l.list.Timestamp),
		evidence.LogListHash, l.hash(), l.from, l.signed)
}

// notes are the sentences about the choice that stand in the snapshot: the list, the rule,
// and every log of the list that is not read, by reason.
func (c *chosen) notes(now time.Time) []string {
	out := []string{c.list.describe(),
		fmt.Sprintf("%s %d of %d logs are read: those that take certificates which end from %s to %s (issued in the period, %s)", evidence.LogListNote,
			c.count(), len(c.choices), sampler.FormatTime(c.window.From), sampler.FormatTime(c.window.Until), c.window.Source)}
	if w := c.list.list.Warning(now); w != "" {
		out = append(out, evidence.LogListNote+" "+w)
	}
	for _, g := range c.omitted() {
		out = append(out, fmt.Sprintf("%s not read, because %s: %s", evidence.LogListNote, g.reason, strings.Join(g.names, "; ")))
	}
	return out
}

type omission struct {
	reason string
	names  []string
}

// omitted groups the logs of the list that are not read by reason, in the list's order.
// Those whose interval does not fit are one group each, whatever their intervals.
func (c *chosen) omitted() []omission {
	var out []omission
	for _, ch := range c.choices {
		if ch.Chosen {
			continue
		}
		reason := ch.Reason
		switch ch.Code {
		case loglist.ReasonEnded:
			reason = "they take only certificates that end before the period begins"
		case loglist.ReasonLater:
			reason = fmt.Sprintf("they take only certificates that end later than those of the period may (%s)", c.window.Source)
		}
		i := slices.IndexFunc(out, func(g omission) bool { return g.reason == reason })
		if i < 0 {
			out = append(out, omission{reason: reason})
			i = len(out) - 1
		}
		out[i].names = append(out[i].names, ch.Log.Description)
	}
	return out
}

// listed says whether the configuration takes logs from a list.
func (w *workspace) listed() bool { return w.cfg.LogList.Select == config.SelectAuto }

// firstLook finds mistakes in the configuration of the logs before an audit is opened. The
// logs of a list are not known yet: they depend on the period.
func (w *workspace) firstLook(ctx context.Context, exclusions []string) ([]*logSource, error) {
	if !w.listed() {
		return w.openLogs(exclusions)
	}
	if w.cfg.LogList.URL == "" {
		if _, err := w.e.readLogList(ctx, w.cfg); err != nil {
			return nil, err
		}
	}
	return w.openLogs(nil)
}

// useLogList adds the logs of the list to the configuration, as chosen for the audit's
// period. The list is archived with the first collect: an address is not asked again, and a
// file or the program's own list is taken anew until the collection is complete. After that
// only the archived bytes count; false means that there are none.
func (w *workspace) useLogList(ctx context.Context, a *audit) (bool, error) {
	if w.chosen != nil || a.commitment != nil {
		return true, nil // after freeze the configuration does not count any more
	}
	if !w.listed() {
		if a.done(stageCollect) {
			return true, nil // freeze notices by the sources that a list was used
		}
		return true, errors.Join(a.dir.Remove(docLogList), a.dir.Remove(docLogListSig))
	}
	l, err := w.archivedList(a)
	if err != nil {
		return false, err
	}
	complete := a.done(stageCollect)
	switch {
	case complete && l == nil:
		return false, nil
	case complete, l != nil && w.cfg.LogList.URL != "":
	default:
		if l, err = w.e.readLogList(ctx, w.cfg); err != nil {
			return false, err
		}
		if err := a.archive(l); err != nil {
			return false, err
		}
	}
	from, until, err := a.period()
	if err != nil {
		return false, err
	}
	if w.chosen, err = choose(w.cfg, l, from, until); err != nil {
		return false, err
	}
	w.cfg.Logs = append(w.cfg.Logs[:len(w.cfg.Logs):len(w.cfg.Logs)], w.chosen.logs...)
	if warning := l.list.Warning(w.e.Now()); warning != "" && !complete {
		w.e.notef("%s %s; name a newer one in [log_list]", w.e.errOut().Warn("warning:"), warning)
	}
	return true, nil
}

// archive writes the list and its signature into the audit's folder.
func (a *audit) archive(l *logList) error {
	// The list comes last: where it is, its signature is, however the process ends.
	var err error
	if l.signature == nil {
		err = a.dir.Remove(docLogListSig)
	} else {
		err = a.dir.Replace(docLogListSig, l.signature)
	}
	if err != nil {
		return err
	}
	return a.dir.Replace(docLogList, l.raw)
}

// archivedList reads the audit's list back; nil if it has none.
func (w *workspace) archivedList(a *audit) (*logList, error) {
	raw, err := a.dir.Read(docLogList)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	l := &logList{raw: raw, from: cmp.Or(w.cfg.LogList.File, w.cfg.LogList.URL, "the list that comes with the program")}
	if l.signature, err = a.dir.Read(docLogListSig); errors.Is(err, fs.ErrNotExist) {
		l.signature, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := l.check(w.cfg.LogList.PublicKey); err != nil {
		return nil, fmt.Errorf("%s: %w", a.dir.Path(docLogList), err)
	}
	return l, nil
}

// listChanged says that the configured file holds another list than the audit was
// collected with. An address and the program's own list may change: the archived one counts.
func (w *workspace) listChanged(a *audit) bool {
	if !w.listed() || w.cfg.LogList.File == "" {
		return false
	}
	now, err := readSmall(w.cfg.Resolve(w.cfg.LogList.File), loglist.MaxBytes)
	if err != nil {
		return false // gone: the archived one counts
	}
	then, err := a.dir.Read(docLogList)
	return err != nil || !bytes.Equal(now, then)
}

// listNotes are the snapshot's notes about one log: whether it came from the list, and why.
func (w *workspace) listNotes(l config.Log) []string {
	if w.chosen == nil {
		return nil
	}
	for _, ch := range w.chosen.choices {
		if ch.Code != codeByHand && bytes.Equal(ch.Log.Key, l.PublicKey) {
			return []string{fmt.Sprintf("%s %s, %s: %s", evidence.FromLogList, ch.Log.Description, cmp.Or(string(ch.Log.State), "no state"), ch.Reason)}
		}
	}
	return nil
}
