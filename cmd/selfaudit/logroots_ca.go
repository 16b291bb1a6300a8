package main

import (
	"fmt"
	"os"
	"strings"

	"selfaudit/internal/terminal"
	"selfaudit/reports"
	"selfaudit/sampler"
	"selfaudit/sampler/ccadb"
	"selfaudit/sampler/loglist"
)

// caCertificates is what is known of the certificates to which the audited issuers' own
// chain: the issuers themselves, the files of [log_list] roots, and what the CCADB's report
// lists for the owner and above. It is an error if an issuer's root is not among them: then
// no log may be skipped, because that root might be the one that it accepts.
func (w *workspace) caCertificates() (*loglist.CASet, error) {
	issuers, err := loadIssuers(w.cfg)
	if err != nil {
		return nil, err
	}
	var given []loglist.CACertificate
	for _, iss := range issuers.List() {
		for _, der := range iss.Certificates {
			given = append(given, loglist.CACertificate{SHA256: sampler.HashCert(der).String(), Source: loglist.FromIssuer, DER: der})
		}
	}
	leaves := given
	for _, path := range w.cfg.LogList.Roots {
		ders, err := issuerCertificates(w.cfg.Resolve(path))
		if err != nil {
			return nil, usageErrorf("name PEM or DER files with the certificates above the issuers", "[log_list] roots %q: %w", path, err)
		}
		for _, der := range ders {
			given = append(given, loglist.CACertificate{SHA256: sampler.HashCert(der).String(), Source: loglist.FromConfig, DER: der})
		}
	}
	listed, err := w.ccadbAbove(leaves)
	if err != nil {
		return nil, err
	}
	set, err := loglist.NewCASet(append(given, listed...))
	if err != nil {
		return nil, usageErrorf("correct [[issuer]], [log_list] roots or [ccadb]", "%w", err)
	}
	for _, c := range leaves {
		if set.Rooted(c.SHA256) {
			continue
		}
		facts, err := reports.ReadFacts(c.DER)
		if err != nil {
			return nil, err
		}
		return nil, &exitError{code: exitUsage, id: "roots_unknown",
			err:  fmt.Errorf("%s: [log_list] skip_without_root: no root is known above the issuer %s (certificate SHA-256 %s), so no log may be skipped", w.cfg.File, terminal.Escape(facts.Subject), c.SHA256),
			hint: "add roots = [\"root.pem\"] with the certificates above it to [log_list], or [ccadb] with a report that lists them, or take skip_without_root out"}
	}
	return set, nil
}

// ccadbAbove returns the CA certificates of the owner that [ccadb] names, whenever they were
// valid, and all that the report lists above these and above the issuers, whoever owns them.
func (w *workspace) ccadbAbove(issuers []loglist.CACertificate) ([]loglist.CACertificate, error) {
	conf := w.cfg.CCADB
	if conf.File == "" {
		return nil, nil
	}
	f, err := os.Open(w.cfg.Resolve(conf.File))
	if err != nil {
		return nil, usageErrorf("download the report, or take [ccadb] out of the configuration", "[ccadb] file: %w", err)
	}
	defer f.Close()
	all := map[string]loglist.CACertificate{}
	var next, order []string
	for _, c := range issuers {
		next = append(next, c.SHA256)
	}
	err = ccadb.Read(f, func(r *ccadb.Record) error {
		c := loglist.CACertificate{SHA256: sampler.CertHash(r.SHA256).String(), Source: loglist.FromCCADB, Root: r.Root, Parent: hashText(r.ParentSHA256)}
		if strings.TrimSpace(r.PEM) != "" {
			der, err := ccadb.DecodePEM(r.PEM)
			if err == nil && sampler.HashCert(der).String() == c.SHA256 {
				c.DER = der // else the fingerprint is what counts
			}
		}
		if _, twice := all[c.SHA256]; !twice {
			order = append(order, c.SHA256)
			all[c.SHA256] = c
		}
		if r.Of(conf.Owner) {
			next = append(next, c.SHA256)
		}
		return nil
	})
	if err != nil {
		return nil, usageErrorf("download the report again", "[ccadb] file %s: %w", conf.File, err)
	}
	wanted := map[string]bool{}
	for len(next) > 0 {
		hash := next[len(next)-1]
		next = next[:len(next)-1]
		c, there := all[hash]
		if !there || wanted[hash] {
			continue
		}
		wanted[hash] = true
		if c.Parent != "" {
			next = append(next, c.Parent)
		}
	}
	var out []loglist.CACertificate
	for _, hash := range order {
		if wanted[hash] {
			out = append(out, all[hash])
		}
	}
	return out, nil
}

// hashText is a fingerprint as the CCADB may write it, in lower-case hex; "" for anything else.
func hashText(s string) string {
	s = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(s), ":", ""))
	if _, err := sampler.ParseDocHash(s); err != nil {
		return ""
	}
	return s
}
