package main

import (
	"fmt"
	"os"
	"strings"

	"selfaudit/internal/config"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
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
	from, until, err := f.a.period()
	if err != nil {
		return nil, err
	}
	found, err := againstCCADB(f.w.cfg, f.issuers, period{from: from, until: until})
	if err != nil {
		return nil, err
	}
	notes := []string{fmt.Sprintf("CCADB: %d CA certificates of %q were valid in the period, %d of them with keys that are not audited (report %s, SHA-256 %s)",
		found.listed, conf.Owner, len(found.missing), conf.File, found.report)}
	shown := found.missing[:min(len(found.missing), maxMissingNotes)]
	for _, m := range shown {
		notes = append(notes, "CCADB: not among the issuers: "+m)
	}
	if more := len(found.missing) - len(shown); more > 0 {
		notes = append(notes, fmt.Sprintf("CCADB: and %d more", more))
	}
	return notes, nil
}

// ccadbFound is what the CCADB's report says of the owner's CA certificates of a period.
type ccadbFound struct {
	listed  int
	missing []string // those whose keys are not audited, in the order of the report
	report  sampler.DocHash
}

// againstCCADB compares the configured report with the audited issuers.
func againstCCADB(cfg *config.Config, issuers *collect.Issuers, p period) (*ccadbFound, error) {
	path := cfg.Resolve(cfg.CCADB.File)
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, usageErrorf("download the report, or take [ccadb] out of the configuration", "[ccadb] file: %w", err)
	}
	records, err := readCCADB("[ccadb] file", path, cfg.CCADB.Owner, p)
	if err != nil {
		return nil, err
	}
	audited := map[string]bool{}
	for _, iss := range issuers.List() {
		for _, der := range iss.Certificates {
			audited[sampler.HashCert(der).String()] = true
		}
	}
	found := &ccadbFound{listed: len(records), report: sampler.HashDoc(raw)}
	for _, r := range records {
		// A cross-certificate of an audited CA adds nothing (requirements P-12); without the
		// certificate that cannot be told.
		if audited[r.SHA256] || r.der != nil && issuers.Of(r.der) != nil {
			continue
		}
		kind := "intermediate"
		if r.Root {
			kind = "root"
		}
		found.missing = append(found.missing, fmt.Sprintf("%s %q, certificate SHA-256 %s", kind, r.Name, strings.ToUpper(r.SHA256)))
	}
	return found, nil
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
