package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
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
	from           string    // "the list that comes with the program", a path or an address
	signed         string    // what is known about the signature, a half sentence
	taken          time.Time // when a list without a date of its own was taken; zero if unknown
}

// readLogList reads one list and verifies its signature.
func (e *env) readLogList(ctx context.Context, cfg *config.Config, c config.ListSource) (*logList, error) {
	l := &logList{from: listFrom(c)}
	var err error
	switch {
	case c.File != "":
		l.taken = c.Date
		if l.raw, err = readSmall(cfg.Resolve(c.File), loglist.MaxBytes); err == nil && c.Signature != "" {
			l.signature, err = readSmall(cfg.Resolve(c.Signature), loglist.MaxSignature)
		}
	case c.URL != "":
		l.taken = e.Now().UTC().Truncate(time.Second)
		if l.raw, _, err = e.fetch(ctx, c.URL, loglist.MaxBytes); err == nil && c.Signature != config.NoSignature {
			l.signature, _, err = e.fetch(ctx, c.Signature, loglist.MaxSignature)
		}
		if err != nil && ctx.Err() == nil {
			return nil, &exitError{code: exitFailed, id: "log_list_unreachable", err: fmt.Errorf("reading the CT log list: %w", err),
				hint: "run it again, or fetch the list and its signature elsewhere and name them with file and signature in [log_list]; signature = \"none\" is for a publisher who does not sign"}
		}
	default:
		l.raw, l.signature = loglist.Bundled()
	}
	if err != nil {
		return nil, usageErrorf("name the list's file in [log_list] of "+cfg.File, "reading the CT log list: %w", err)
	}
	if err := l.check(c.PublicKey); err != nil {
		return nil, err
	}
	if !c.Date.IsZero() && !l.list.Undated {
		return nil, usageErrorf("take date out of the configuration", "%s: date is set, but the list has a date of its own, %s", l.from, sampler.FormatTime(l.list.Timestamp))
	}
	return l, nil
}

// listFrom says where a list is from, for people and evidence.
func listFrom(c config.ListSource) string {
	return cmp.Or(c.File, c.URL, "the list that comes with the program")
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
	l.list, err = loglist.ParseTaken(l.raw, l.taken)
	switch {
	case errors.Is(err, loglist.ErrUndated):
		return usageErrorf("write date = \"2026-10-01T00:00:00Z\", the time at which the list was downloaded, beside its file", "%s: %w", l.from, err)
	case err != nil:
		return usageErrorf("name another list in [log_list]", "%s: %w", l.from, err)
	case l.list.Undated:
		l.signed += "; it has no date of its own, this is when it was taken"
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

// chosen is what the configuration and the lists come to, for one period.
type chosen struct {
	lists   *logLists
	roots   *loglist.RootsDocument // what logs said to get-roots; nil if none was asked
	include []string               // names of logs to read in any case
	until   time.Time              // the period's end
	window  loglist.Window
	choices []loglist.Choice // about every log of the list
	logs    []config.Log     // to be read beside the configured ones; excluded ones have a reason
}

// choose decides which logs of the lists are read for a period. A log that is configured by
// hand is left to its [[log]]. roots are the answers to get-roots, nil if none counts.
func choose(cfg *config.Config, l *logLists, from, until time.Time, roots *loglist.RootsDocument) (*chosen, error) {
	c := cfg.LogList
	o := loglist.Options{From: from, Until: until, Margin: time.Duration(c.MarginDays) * 24 * time.Hour, Include: c.Include}
	choices, err := loglist.Select(l.union, o)
	if err != nil {
		return nil, usageErrorf("see `selfaudit logs --all` for the names", "%s: [log_list] %w", cfg.File, err)
	}
	out := &chosen{lists: l, roots: roots, include: c.Include, until: until, window: o.NotAfter(), choices: choices}
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
	out.skipWithoutRoot()
	return out, nil
}

// settle gives a log of the list its settings of [log_list] and [[log_list.log]].
func settle(log *config.Log, listed *loglist.Log, cfg *config.Config) error {
	for _, own := range cfg.LogList.Logs {
		if listed.Named(own.Name) {
			log.Pace, log.Tiles = log.Pace.Or(own.Pace), log.Tiles || own.Tiles
			log.OperatedByCA = log.OperatedByCA || own.OperatedByCA
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

// describe names the list in one sentence; evidence reads its hash and date back.
func (l *logList) describe() string {
	return fmt.Sprintf("%s version %s of %s, %s %s, %s; %s", evidence.LogListNote, cmp.Or(l.list.Version, "-"), sampler.FormatTime(l.list.Timestamp),
		evidence.LogListHash, l.hash(), l.from, l.signed)
}

// notes are the sentences about the choice that stand in the snapshot: the lists, what they
// say differently, the rule, and every log of them that is not read, by reason.
func (c *chosen) notes(now time.Time) []string {
	var out []string
	for _, l := range c.lists.each {
		out = append(out, l.describe())
	}
	out = append(out, fmt.Sprintf("%s %d of %d logs are chosen: those that take certificates which end from %s to %s (issued in the period, %s)", evidence.LogListNote,
		c.count(), len(c.choices), sampler.FormatTime(c.window.From), sampler.FormatTime(c.window.Until), c.window.Source))
	for _, w := range append(c.lists.warnings(now), c.lists.lateFor(c.until)...) {
		out = append(out, evidence.LogListNote+" "+w)
	}
	for _, g := range c.lists.differing() {
		out = append(out, fmt.Sprintf("%s the lists differ: %s: %s", evidence.LogListNote, g.reason, strings.Join(g.names, "; ")))
	}
	for _, g := range c.omitted() {
		out = append(out, fmt.Sprintf("%s not read, because %s: %s", evidence.LogListNote, g.reason, strings.Join(g.names, "; ")))
	}
	return append(out, c.rootsNotes()...)
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
		case loglist.ReasonState:
			if c.lists.union.United > 1 && ch.Log.State != loglist.NoState { // Apple's list keeps all rejected logs, with a date each
				reason = fmt.Sprintf("they are %s", ch.Log.State)
			}
		case codeNoRoot:
			reason = "get-roots lists no root of the CA"
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

// listNotes are the snapshot's notes about one log: whether it came from the list, and why.
func (w *workspace) listNotes(l config.Log) []string {
	if w.chosen == nil {
		return nil
	}
	for _, ch := range w.chosen.choices {
		if ch.Code != codeByHand && bytes.Equal(ch.Log.Key, l.PublicKey) {
			return []string{fmt.Sprintf("%s %s, %s: %s%s", evidence.FromLogList, ch.Log.Description, cmp.Or(string(ch.Log.State), "no state"), ch.Reason, inLists(&ch.Log))}
		}
	}
	return nil
}
