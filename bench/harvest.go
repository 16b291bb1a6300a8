package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"selfaudit/internal/auditdir"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/ct"
	"selfaudit/sampler/ctlog"
)

// harvestSection reads one log in every way.
func harvestSection(b *bench) error {
	logs := filepath.Join(b.dir, "logs")
	dir := filepath.Join(logs, "small")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(logs)
	want, err := b.child("prepare-log", spec{Dir: dir, N: b.size, Type: "both"})
	if err != nil {
		return err
	}
	url, stop, err := b.startServer(logs)
	if err != nil {
		return err
	}
	defer stop()
	url += "/small/"
	lines := []contender{
		{label: "ct-go scanner.Scanner, issuer regexp, RFC 6962", child: "scanner", spec: spec{URL: url + "rfc6962/"}},
		{label: "ct-go scanner.Fetcher, nothing parsed, RFC 6962", child: "fetcher", spec: spec{URL: url + "rfc6962/"}},
		{label: "selfaudit, RFC 6962", child: "harvest", spec: spec{URL: url + "rfc6962/", Type: ctlog.RFC6962, Issuers: "ours"}},
		{label: "selfaudit, static-ct", child: "harvest", spec: spec{URL: url + "static/", Type: ctlog.StaticCT, Issuers: "ours"}},
		{label: "selfaudit, static-ct, gzip", child: "harvest", spec: spec{URL: url + "gzip/", Type: ctlog.StaticCT, Issuers: "ours"}},
		{label: "selfaudit, RFC 6962, no entry kept", child: "harvest", spec: spec{URL: url + "rfc6962/", Type: ctlog.RFC6962, Issuers: "absent"}},
		{label: "selfaudit, static-ct, no entry kept", child: "harvest", spec: spec{URL: url + "static/", Type: ctlog.StaticCT, Issuers: "absent"}},
		{label: "selfaudit, static-ct, gzip, no entry kept", child: "harvest", spec: spec{URL: url + "gzip/", Type: ctlog.StaticCT, Issuers: "absent"}},
	}
	if err := b.compete(lines); err != nil {
		return err
	}
	for _, c := range lines {
		for _, m := range c.samples {
			found := want.Found
			if c.spec.Issuers == "absent" || c.child == "fetcher" {
				found = 0
			}
			if m.Work != want.Work || m.Found != found {
				return fmt.Errorf("%s: read %d entries and found %d of the audited issuers, want %d and %d", c.label, m.Work, m.Found, want.Work, found)
			}
		}
	}
	b.write(fmt.Sprintf("harvest: %s entries over loopback HTTP, %d %% of the audited issuers", group(int64(b.size)), 100/oneInOurs), "entry", "entries", lines)
	return nil
}

// silent is an observer for whom progress is nothing.
type silent struct{}

func (silent) Begin(string, uint64)           {}
func (silent) Advance(string, uint64, uint64) {}
func (silent) End(string, string)             {}

// harvestOwn reads a log as `selfaudit collect` does: to the verified root, keeping what
// the audited issuers issued, with every check of it.
func harvestOwn(s spec) (sample, error) {
	h, src, err := harvester(s)
	if err != nil {
		return sample{}, err
	}
	return measure(s, func() (int64, int64, error) {
		r, err := readLog(h, src)
		return int64(r.Entries), int64(r.Kept), err
	})
}

// harvester sets up the reading of the log that s describes.
func harvester(s spec) (*collect.Harvest, collect.Source, error) {
	p := newPKI()
	cas := p.ours
	if s.Issuers == "absent" {
		cas = append(cas[:0:0], p.absent)
	}
	var given []collect.Issuer
	for _, ca := range cas {
		given = append(given, collect.Issuer{Certificates: [][]byte{ca.Cert}})
	}
	issuers, err := collect.NewIssuers(given)
	if err != nil {
		return nil, collect.Source{}, err
	}
	key := logKey().SPKI
	cfg := ctlog.Config{Type: s.Type, URL: s.URL, PublicKey: key, Transport: http.DefaultTransport, HashTiles: true, Now: time.Now,
		Sleep: pause, MaxElapsed: 5 * time.Second}
	if s.Type == ctlog.StaticCT {
		cfg.Origin = logOrigin
	}
	log, err := ctlog.Open(cfg)
	if err != nil {
		return nil, collect.Source{}, err
	}
	h := &collect.Harvest{Dir: auditdir.At(filepath.Join(s.Scratch, "audit")), Issuers: issuers,
		LogKeys: map[ct.LogID][]byte{log.ID(): key}, Observer: silent{}, Parallel: 2}
	return h, collect.Source{Log: log, HeadFile: "ct/heads/head", HashTiles: s.Type == ctlog.StaticCT}, nil
}

func readLog(h *collect.Harvest, src collect.Source) (collect.LogResult, error) {
	results, err := h.Logs(context.Background(), []collect.Source{src})
	if err != nil {
		return collect.LogResult{}, err
	}
	return results[0], results[0].Err
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
