package main

import (
	"errors"
	"fmt"
	"io/fs"

	"selfaudit/internal/terminal"
	"selfaudit/lint"
	"selfaudit/lint/waivers"
	"selfaudit/sampler"
)

// adHocWaivers applies --waivers to inputs that belong to no audit. The zero value applies
// nothing.
type adHocWaivers struct {
	set           *waivers.Set
	findings, off int // findings seen, and those of them that are waived
}

// newAdHocWaivers reads the file of --waivers; "" is none.
func newAdHocWaivers(e *env, path string) (*adHocWaivers, error) {
	if path == "" {
		return &adHocWaivers{}, nil
	}
	w, err := loadWaivers(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usageErrorf("name a file with [[waiver]] tables, such as an audit workspace's waivers.toml", "--waivers %s: there is no such file", path)
	}
	if err != nil {
		return nil, fmt.Errorf("--waivers: %w", err)
	}
	return &adHocWaivers{set: waivers.New(w, e.Now(), nil)}, nil
}

// apply notes at a result which of its findings are waived.
func (w *adHocWaivers) apply(r *lint.Result) {
	if w.set == nil {
		return
	}
	about := waivers.Finding{}
	if d := r.Description; d != nil && r.Kind == lint.KindCert {
		about.Issuers, about.Serial = []string{d.Issuer, d.IssuerName}, d.Serial
		about.Profiles = []string{d.Class}
		about.RuleSet, about.NotBefore = d.RuleSet, d.NotBefore
	}
	r.Waivers = make([]string, len(r.Findings))
	for i, f := range r.Findings {
		about.Lint = f.Lint
		r.Waivers[i] = w.set.Match(about)
		if w.findings++; r.Waivers[i] != "" {
			w.off++
		}
	}
}

// end says what the waivers did.
func (w *adHocWaivers) end(e *env) {
	if w.set == nil {
		return
	}
	e.notef("waivers: %s, %s of them waived", sampler.Counted(w.findings, "finding", "findings"), terminal.Count(int64(w.off)))
	for _, line := range waiverTrouble(w.set.Uses()) {
		e.notef("%s", terminal.Escape(line))
	}
}

// waivedText says by which waiver a finding is put aside; "" for none.
func waivedText(r lint.Result, i int) string {
	if id := r.Waiver(i); id != "" {
		return "waived by " + id
	}
	return ""
}
