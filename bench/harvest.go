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
	// certspotter's client looks at no certificate, and verifies that the leaves give the tree head's root.
	certspotter := func(label, url, kind string) []contender {
		if b.certspotter == "" {
			return nil
		}
		id := ct.LogIDOf(logKey().SPKI)
		return []contender{{label: "certspotter ctclient, leaf hashes, " + label, child: "certspotter", program: b.certspotter, spec: spec{URL: url, Type: kind, LogID: id[:]}}}
	}
	lines := append([]contender{
		{label: "ct-go scanner.Scanner, issuer regexp, RFC 6962", child: "scanner", spec: spec{URL: rfc, Issuers: "ours"}},
		{label: "ct-go scanner.Fetcher, nothing parsed, RFC 6962", child: "fetcher", spec: spec{URL: rfc}},
	}, certspotter("RFC 6962", rfc, ctlog.RFC6962)...)
	lines = append(lines,
		own("RFC 6962, 10 % kept", rfc, ctlog.RFC6962, "ours"),
		own("RFC 6962, 1 % kept", rfc, ctlog.RFC6962, "few"),
		own("RFC 6962, none kept", rfc, ctlog.RFC6962, "absent"))
	fromTiles := func(form, url string) []contender {
		return slices.Concat([]contender{{label: "tessera client.EntryBundles, " + form, child: "tessera", spec: spec{URL: url, N: b.size, Issuers: "ours"}}},
			certspotter(form, url, ctlog.StaticCT), []contender{
				own(form+", 10 % kept", url, ctlog.StaticCT, "ours"),
				own(form+", 1 % kept", url, ctlog.StaticCT, "few"),
				own(form+", none kept", url, ctlog.StaticCT, "absent"),
			})
	}
	tiles := len(lines)
	lines = append(lines, fromTiles("static-ct", static)...)
	packed := len(lines)
	lines = append(lines, fromTiles("static-ct, gzip", gzip)...)
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
	b.write("the same figures, against tessera's client and nothing verified", "entry", "entries", slices.Clone(lines[tiles:packed]))
	b.write("the same figures, gzip", "entry", "entries", slices.Clone(lines[packed:]))
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

func (silent) State(string, string, time.Duration) {}

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
