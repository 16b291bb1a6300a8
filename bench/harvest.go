package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
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
	rfc, static, gzip := url+"rfc6962/", url+"static/", url+"gzip/"
	own := func(label, url, kind, issuers string) contender {
		return contender{label: "selfaudit, " + label, child: "harvest", spec: spec{URL: url, Type: kind, Issuers: issuers}}
	}
	lines := []contender{
		{label: "ct-go scanner.Scanner, issuer regexp, RFC 6962", child: "scanner", spec: spec{URL: rfc, Issuers: "ours"}},
		{label: "ct-go scanner.Fetcher, nothing parsed, RFC 6962", child: "fetcher", spec: spec{URL: rfc}},
		own("RFC 6962, 10 % kept", rfc, ctlog.RFC6962, "ours"),
		own("RFC 6962, 1 % kept", rfc, ctlog.RFC6962, "few"),
		own("RFC 6962, none kept", rfc, ctlog.RFC6962, "absent"),
		{label: "tessera client.EntryBundles, static-ct", child: "tessera", spec: spec{URL: static, N: b.size, Issuers: "ours"}},
		own("static-ct, 10 % kept", static, ctlog.StaticCT, "ours"),
		own("static-ct, 1 % kept", static, ctlog.StaticCT, "few"),
		own("static-ct, none kept", static, ctlog.StaticCT, "absent"),
		{label: "tessera client.EntryBundles, static-ct, gzip", child: "tessera", spec: spec{URL: gzip, N: b.size, Issuers: "ours"}},
		own("static-ct, gzip, 10 % kept", gzip, ctlog.StaticCT, "ours"),
		own("static-ct, gzip, 1 % kept", gzip, ctlog.StaticCT, "few"),
		own("static-ct, gzip, none kept", gzip, ctlog.StaticCT, "absent"),
	}
	if err := b.compete(lines); err != nil {
		return err
	}
	for _, c := range lines {
		for _, m := range c.samples {
			if found := foundBy(c.spec.Issuers, b.size); m.Work != want.Work || m.Found != found {
				return fmt.Errorf("%s: read %d entries and found %d of the audited issuers, want %d and %d", c.label, m.Work, m.Found, want.Work, found)
			}
		}
	}
	b.write(fmt.Sprintf("harvest: %s entries over loopback HTTP, against a scanner that verifies nothing", group(int64(b.size))), "entry", "entries", lines)
	plain, packed := slices.Clone(lines[5:9]), slices.Clone(lines[9:13])
	b.write("the same figures, against tessera's client and nothing verified", "entry", "entries", plain)
	b.write("the same figures, gzip", "entry", "entries", packed)
	return nil
}

// transport is what every client gets, with selfaudit's own setting: connections for all
// workers are kept, where Go's default keeps two.
func transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 8
	return t
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
	switch s.Issuers {
	case "absent":
		cas = append(cas[:0:0], p.absent)
	case "few":
		cas = p.few
	case "all":
		cas = p.ours[1:]
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
	cfg := ctlog.Config{Type: s.Type, URL: s.URL, PublicKey: key, Transport: transport(), HashTiles: true, Now: time.Now,
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
