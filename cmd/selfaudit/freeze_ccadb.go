package main

import (
	"fmt"
	"os"
	"strings"

	"selfaudit/sampler"
)

// maxMissingNotes bounds the CA certificates that are named one by one; the count is exact.
const maxMissingNotes = 1000

// ccadbNotes names the CA certificates that the CCADB lists for the owner, valid at some
// moment of the period, whose keys are not audited: the issuers of an audit are all CA
// certificates under the CA's roots (draw protocol 3.1; a CA may have a reason to leave one
// out, such as another operator's own audit, so this is a note).
func (f *freezing) ccadbNotes() ([]string, error) {
	conf := f.w.cfg.CCADB
	if conf.File == "" {
		return nil, nil
	}
	path := f.w.cfg.Resolve(conf.File)
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, usageErrorf("download the report, or take [ccadb] out of the configuration", "[ccadb] file: %w", err)
	}
	from, until, err := f.a.period()
	if err != nil {
		return nil, err
	}
	records, err := readCCADB("[ccadb] file", path, conf.Owner, period{from: from, until: until})
	if err != nil {
		return nil, err
	}
	audited := map[string]bool{}
	for _, iss := range f.issuers.List() {
		for _, der := range iss.Certificates {
			audited[sampler.HashCert(der).String()] = true
		}
	}
	var missing []string
	for _, r := range records {
		// A cross-certificate of an audited CA adds nothing (requirements P-12); without the
		// certificate that cannot be told.
		if audited[r.SHA256] || r.der != nil && f.issuers.Of(r.der) != nil {
			continue
		}
		kind := "intermediate"
		if r.Root {
			kind = "root"
		}
		missing = append(missing, fmt.Sprintf("CCADB: not among the issuers: %s %q, certificate SHA-256 %s", kind, r.Name, strings.ToUpper(r.SHA256)))
	}
	notes := []string{fmt.Sprintf("CCADB: %d CA certificates of %q were valid in the period, %d of them with keys that are not audited (report %s, SHA-256 %s)",
		len(records), conf.Owner, len(missing), conf.File, sampler.HashDoc(raw))}
	shown := missing[:min(len(missing), maxMissingNotes)]
	notes = append(notes, shown...)
	if more := len(missing) - len(shown); more > 0 {
		notes = append(notes, fmt.Sprintf("CCADB: and %d more", more))
	}
	return notes, nil
}

// ccadbThere refuses a configuration whose report is missing before hours are spent on the logs.
func (w *workspace) ccadbThere() error {
	if w.cfg.CCADB.File == "" {
		return nil
	}
	if _, err := os.Stat(w.cfg.Resolve(w.cfg.CCADB.File)); err != nil {
		return usageErrorf("download the report, or take [ccadb] out of the configuration", "[ccadb] file: %w", err)
	}
	return nil
}
