package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"selfaudit/internal/config"
	"selfaudit/sampler"
	"selfaudit/sampler/loglist"
)

// listSignature is where the signature of the nth list of an audit is.
func listSignature(n int) string { return strings.TrimSuffix(loglist.File(n), ".json") + ".sig" }

// docListsFrom says where the archived lists are from, so that one is not taken for another
// when the configuration changes before the collection is complete.
const docListsFrom = "work/log_lists.json"

type listOrigin struct {
	From   string `json:"from"`
	SHA256 string `json:"sha256"`
	Taken  string `json:"taken,omitempty"` // of a list without a date of its own
}

// archive writes the lists and their signatures into the audit's folder.
func (a *audit) archive(each []*logList) error {
	var origins []listOrigin
	for _, l := range each {
		o := listOrigin{From: l.from, SHA256: l.hash().String()}
		if l.list.Undated {
			o.Taken = sampler.FormatTime(l.list.Timestamp)
		}
		origins = append(origins, o)
	}
	raw, err := jsonDocument(origins)
	if err != nil {
		return err
	}
	if err := a.dir.Replace(docListsFrom, raw); err != nil {
		return err
	}
	for i, l := range each {
		// The list comes last: where it is, its signature is, however the process ends.
		if l.signature == nil {
			err = a.dir.Remove(listSignature(i + 1))
		} else {
			err = a.dir.Replace(listSignature(i+1), l.signature)
		}
		if err == nil {
			err = a.dir.Replace(loglist.File(i+1), l.raw)
		}
		if err != nil {
			return err
		}
	}
	return a.dropLists(len(each))
}

// dropLists removes the archived lists but the first ones.
func (a *audit) dropLists(keep int) error {
	var errs []error
	for n := keep + 1; n <= config.MaxLists; n++ {
		errs = append(errs, a.dir.Remove(loglist.File(n)), a.dir.Remove(listSignature(n)))
	}
	return errors.Join(errs...)
}

// archivedLists reads the audit's lists back, one for each that is configured; nil for one
// that it does not have, or, before the collection is complete, has from elsewhere.
func (w *workspace) archivedLists(a *audit, complete bool) ([]*logList, error) {
	var origins []listOrigin
	raw, err := a.dir.Read(docListsFrom)
	switch {
	case errors.Is(err, fs.ErrNotExist): // made by an older program
	case err != nil:
		return nil, err
	default:
		if err := json.Unmarshal(raw, &origins); err != nil {
			return nil, fmt.Errorf("%s: %w: remove the file, and the lists are taken anew", a.dir.Path(docListsFrom), err)
		}
	}
	var out []*logList
	for i, src := range w.cfg.LogList.Sources() {
		var from *listOrigin
		if i < len(origins) {
			from = &origins[i]
		}
		l, err := a.archivedList(i+1, src, from, complete)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

func (a *audit) archivedList(n int, src config.ListSource, from *listOrigin, complete bool) (*logList, error) {
	raw, err := a.dir.Read(loglist.File(n))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	l := &logList{raw: raw, from: listFrom(src)}
	if from != nil {
		if !complete && (from.From != l.from || from.SHA256 != l.hash().String()) {
			return nil, nil
		}
		if from.Taken != "" {
			if l.taken, err = sampler.ParseTime(from.Taken); err != nil {
				return nil, fmt.Errorf("%s: %w", a.dir.Path(docListsFrom), err)
			}
		}
	}
	if l.signature, err = a.dir.Read(listSignature(n)); errors.Is(err, fs.ErrNotExist) {
		l.signature, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := l.check(src.PublicKey); err != nil {
		return nil, fmt.Errorf("%s: %w", a.dir.Path(loglist.File(n)), err)
	}
	return l, nil
}

// listChanged says that a configured file holds another list than the audit was collected
// with. An address and the program's own list may change: the archived one counts.
func (w *workspace) listChanged(a *audit) bool {
	if !w.listed() {
		return false
	}
	for i, src := range w.cfg.LogList.Sources() {
		if src.File == "" {
			continue
		}
		now, err := readSmall(w.cfg.Resolve(src.File), loglist.MaxBytes)
		if err != nil {
			continue // gone: the archived one counts
		}
		then, err := a.dir.Read(loglist.File(i + 1))
		if err != nil || !bytes.Equal(now, then) {
			return true
		}
	}
	return false
}
