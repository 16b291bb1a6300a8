package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"selfaudit/internal/config"
	"selfaudit/internal/terminal"
	"selfaudit/reports"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/ctlog"
	"selfaudit/sampler/files"
)

// userAgent names the program to those who are asked.
func userAgent() string { return "selfaudit/" + programVersion() + " (CA self-audit)" }

// userAgent is the same with whom to turn to, if that is configured: log operators throttle
// anonymous bulk readers.
func (e *env) userAgent() string {
	if e.contact == "" {
		return userAgent()
	}
	return strings.TrimSuffix(userAgent(), ")") + "; " + e.contact + ")"
}

// loadIssuers reads the certificates of the configured issuers.
func loadIssuers(cfg *config.Config) (*collect.Issuers, error) {
	var given []collect.Issuer
	for _, i := range cfg.Issuers {
		iss := collect.Issuer{Label: i.Label}
		for _, path := range i.Certificates {
			ders, err := issuerCertificates(cfg.Resolve(path))
			if err != nil {
				return nil, usageErrorf("name a PEM or DER file with the CA's certificate", "[[issuer]] certificate %q: %w", path, err)
			}
			iss.Certificates = append(iss.Certificates, ders...)
		}
		for oid, class := range i.PolicyOIDs {
			if iss.PolicyOIDs == nil {
				iss.PolicyOIDs = map[string]sampler.Class{}
			}
			iss.PolicyOIDs[oid] = sampler.Class(class)
		}
		given = append(given, iss)
	}
	set, err := collect.NewIssuers(given)
	if err != nil {
		return nil, usageErrorf("", "%w", err)
	}
	for _, iss := range set.List() {
		if iss.Label == "" {
			facts, err := reports.ReadFacts(iss.Certificates[0])
			if err != nil {
				return nil, err
			}
			iss.Label = cmp.Or(facts.CommonName, facts.Subject, iss.Key.String()[:16])
		}
	}
	return set, nil
}

func issuerCertificates(path string) ([][]byte, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	var out [][]byte
	err := files.Read(context.Background(), path,
		func(c files.Certificate) error { out = append(out, bytes.Clone(c.DER)); return nil },
		func(p files.Problem) error { return p.Err })
	if err == nil && len(out) == 0 {
		err = errors.New("no certificate in it")
	}
	return out, err
}

// issuerRules are the strata rules of the configuration.
func issuerRules(cfg *config.Config, issuers *collect.Issuers) (sampler.Rules, error) {
	r := sampler.Rules{RateBP: cfg.Audit.RateBP, Floor: cfg.Audit.Floor, EVRA: cfg.Audit.EVRA, Minimum: cfg.Audit.Minimum, Issuers: map[sampler.KeyHash]sampler.IssuerRule{}}
	for _, iss := range issuers.List() {
		r.Issuers[iss.Key] = sampler.IssuerRule{Label: iss.Label}
	}
	for _, i := range cfg.Issuers {
		ders, err := issuerCertificates(cfg.Resolve(i.Certificates[0]))
		if err != nil {
			return r, err
		}
		iss := issuers.Of(ders[0])
		rule := r.Issuers[iss.Key]
		rule.RateBP, rule.Floor = max(rule.RateBP, i.RateBP), max(rule.Floor, i.Floor)
		r.Issuers[iss.Key] = rule
	}
	strata, err := stratumRules(cfg, issuers)
	if err != nil {
		return r, err
	}
	r.Strata = strata
	return r, usageIf(r.Validate())
}

func usageIf(err error) error {
	if err == nil {
		return nil
	}
	return usageErrorf("", "%w", err)
}

// logSource is a configured log, opened, with the user's reason if it is excluded.
type logSource struct {
	cfg     config.Log
	log     *ctlog.Log
	exclude string
}

func (l *logSource) name() string {
	switch {
	case l.cfg.Label != "":
		return l.cfg.Label
	case l.cfg.Origin != "":
		return l.cfg.Origin
	}
	return l.cfg.URL
}

func (l *logSource) headFile() string {
	if l.cfg.Type == config.TypeStaticCT {
		return "ct/heads/" + l.log.ID().String() + ".checkpoint"
	}
	return "ct/heads/" + l.log.ID().String() + ".sth.json"
}

func (l *logSource) keyFile() string { return "ct/keys/" + l.log.ID().String() + ".pem" }

func (l *logSource) keyPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: l.cfg.PublicKey})
}

// openLogs opens the configured logs. exclusions are NAME=REASON as given on the command
// line; a name is a log's label, origin, url or the beginning of its log id.
func (w *workspace) openLogs(exclusions []string) ([]*logSource, error) {
	var out []*logSource
	for _, l := range w.cfg.Logs {
		log, err := ctlog.Open(ctlog.Config{Type: l.Type, URL: l.URL, Label: l.Label, Origin: l.Origin, PublicKey: l.PublicKey, BaseDir: w.cfg.Dir,
			Tiles: l.Tiles, RateLimit: l.RateLimit, Concurrency: l.Concurrency,
			Transport: w.e.Transport, UserAgent: w.e.userAgent(), StallTimeout: w.e.Timeout, Sleep: w.e.Sleep, Jitter: rand.Float64, Now: w.e.SystemTime, HashTiles: true,
			OnRetry: func(where string, err error, wait time.Duration) {
				w.e.debugf("%s: %s: %s; again in %s", l.URL, where, terminal.Escape(err.Error()), wait)
				if w.watching != nil {
					w.watching.retry(cmp.Or(l.Label, l.Origin, l.URL), err, wait)
				}
			}})
		if err != nil {
			return nil, usageErrorf("", "%w", err)
		}
		out = append(out, &logSource{cfg: l, log: log, exclude: l.Exclude})
	}
	for _, x := range exclusions {
		name, reason, _ := strings.Cut(x, "=")
		if reason = strings.TrimSpace(reason); reason == "" {
			return nil, usageErrorf("write --exclude-log NAME=REASON; the reason becomes part of the evidence", "--exclude-log %q gives no reason", x)
		}
		i := slices.IndexFunc(out, func(l *logSource) bool { return l.is(name) })
		if i < 0 {
			var names []string
			for _, l := range out {
				names = append(names, l.name())
			}
			return nil, usageErrorf("the configured logs are: "+strings.Join(names, ", "), "--exclude-log: no log is called %q", name)
		}
		if old := out[i].cfg.Exclude; old != "" && old != reason {
			return nil, usageErrorf("leave the flag out, or change the reason in selfaudit.toml", "--exclude-log: log %q is excluded in the configuration already: %s", name, old)
		}
		out[i].exclude = reason
	}
	return out, nil
}

func (l *logSource) is(name string) bool {
	id := l.log.ID()
	return name == l.cfg.Label || name == l.cfg.Origin || strings.TrimRight(name, "/") == l.cfg.URL ||
		len(name) >= 8 && strings.HasPrefix(hex.EncodeToString(id[:]), name)
}

// fileSource reads a configured file or folder.
type fileSource struct{ name, path string }

func (f fileSource) Name() string { return f.name }

func (f fileSource) Read(ctx context.Context, cert func(collect.FileCertificate) error, problem func(collect.FileProblem) error) error {
	return files.Read(ctx, f.path,
		func(c files.Certificate) error {
			return cert(collect.FileCertificate{Path: c.Path, Block: c.Index, DER: c.DER})
		},
		func(p files.Problem) error {
			return problem(collect.FileProblem{Path: p.Path, Block: p.Index, Err: p.Err, Other: errors.Is(p.Err, files.ErrNotCertificate)})
		})
}

// sourcesText describes the logs and files of the configuration, with all that the
// evidence will say of them, so that freeze notices a configuration that is not the one
// collected for.
func sourcesText(logs []*logSource, cfg *config.Config) string {
	var b strings.Builder
	for _, l := range logs {
		fmt.Fprintf(&b, "log %s %s %q %q %q %q", l.log.ID(), l.cfg.Type, l.cfg.URL, l.cfg.Origin, l.name(), l.cfg.Exclude)
		if l.cfg.Tiles {
			b.WriteString(" tiles")
		}
		if l.cfg.OperatedByCA {
			b.WriteString(" operated by the CA")
		}
		b.WriteByte('\n')
	}
	if cfg.Collect.Start == config.StartBeginning {
		b.WriteString("start beginning\n")
	}
	for _, f := range cfg.Files {
		fmt.Fprintf(&b, "files %q\n", f.Path)
	}
	for _, r := range cfg.Records {
		fmt.Fprintf(&b, "records %s\n", recordsText(r))
	}
	if cfg.CrtSh.Use {
		fmt.Fprintf(&b, "index %q\n", cfg.CrtSh.Address)
	}
	return b.String()
}
