package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"selfaudit/internal/config"
	"selfaudit/internal/terminal"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/records"
)

// planSources are the exports of a plan, as far as they had to be looked at.
type planSources struct {
	exports []*records.Export // nil where it cannot be used
	kinds   []string
	rows    []int64
}

// planMode decides what collect would do with logs, and looks at the exports as far as that takes.
func (e *env) planMode(ctx context.Context, cfg *config.Config, d *planDocument, o planOptions) (*planSources, error) {
	if o.Mode != "" && !slices.Contains(modes, o.Mode) {
		return nil, noSuchMode(o.Mode)
	}
	n := len(cfg.Records)
	s := &planSources{exports: make([]*records.Export, n), kinds: exportKinds(ctx, cfg), rows: make([]int64, n)}
	d.Mode = modeFor(o.Mode, cfg, s.kinds)
	if d.Mode == sampler.CollectLogs {
		d.Notes = append(d.Notes, recordsPlan(cfg)...)
		return s, nil
	}
	if n == 0 && len(cfg.Files) == 0 {
		return nil, nothingGiven(d.Mode)
	}
	for i, r := range cfg.Records {
		x, err := openPlanned(ctx, cfg, r)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			d.broken = append(d.broken, fmt.Sprintf("records %s: %v", r.Path, err))
			continue
		}
		s.exports[i], s.kinds[i], s.rows[i] = x, x.Kind, x.Rows
		d.Notes = append(d.Notes, fmt.Sprintf("records %s: %s, %s; `selfaudit records` shows what is made of it", r.Path, bytesText(uint64(x.Bytes)), rowsText(x.Rows)))
	}
	return s, nil
}

// exportKinds are the kinds of the configured exports; what cannot be looked at is none.
func exportKinds(ctx context.Context, cfg *config.Config) []string {
	kinds := make([]string, len(cfg.Records))
	for i, r := range cfg.Records {
		if kinds[i] = r.Kind; r.Kind != records.KindCSV && r.Kind != records.KindCertificates {
			kinds[i], _ = records.KindOf(ctx, cfg.Resolve(r.Path)) // why it cannot be read is said when it is
		}
	}
	return kinds
}

func openPlanned(ctx context.Context, cfg *config.Config, r config.Records) (*records.Export, error) {
	o, err := recordsOptions(r)
	if err != nil {
		return nil, err
	}
	x, err := records.Open(ctx, cfg.Resolve(r.Path), o)
	if err != nil {
		return nil, err
	}
	return x, x.Check()
}

// forecast counts the SCTs of the certificates that the CA gives.
func (s *planSources) forecast(ctx context.Context, cfg *config.Config, d *planDocument, during period) (*collect.SCTForecast, error) {
	issuers, err := loadIssuers(cfg)
	if err != nil {
		return nil, err
	}
	f, p := collect.NewSCTForecast(issuers, during.from, during.until), d.LookUp
	add := func(der []byte, where string) {
		switch f.Add(der) {
		case collect.CertificateWithoutSCT:
			p.without(where)
		case collect.CertificateListUnreadable:
			p.without(where + ": the list of SCTs cannot be read")
		}
	}
	failed := func(what, path string, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			d.broken = append(d.broken, fmt.Sprintf("%s %s: %v", what, path, err))
		}
		return nil
	}
	found := make([]int64, len(s.exports))
	for i, x := range s.exports {
		path := cfg.Records[i].Path
		if x == nil || !bringsCertificates(x.Kind, cfg.Records[i]) {
			continue
		}
		err := x.Read(ctx, func(r records.Row) error {
			if r.DER != nil {
				found[i]++
				add(r.DER, fmt.Sprintf("%s, %s", path, r.Where()))
			}
			return nil
		}, func(pr records.Problem) error {
			if !pr.Other {
				p.Unreadable++
			}
			return nil
		})
		if err := failed("records", path, err); err != nil {
			return nil, err
		}
	}
	for _, fl := range cfg.Files {
		err := fileSource{fl.Path, cfg.Resolve(fl.Path)}.Read(ctx, func(c collect.FileCertificate) error {
			add(c.DER, fmt.Sprintf("%s, %s block %d", fl.Path, c.Path, c.Block))
			return nil
		}, func(pr collect.FileProblem) error {
			if !pr.Other {
				p.Unreadable++
			}
			return nil
		})
		if err := failed("files", fl.Path, err); err != nil {
			return nil, err
		}
	}
	p.Certificates, p.NoSCT, p.BadLists, p.Precerts, p.OtherIssuers = f.Certificates, f.NoSCT, f.BadList, f.Precerts, f.OtherIssuers
	p.Unreadable += f.Unreadable
	s.warn(cfg, d, found)
	return f, nil
}

// warn says beforehand what collect would refuse: mode records without a certificate to look up.
func (s *planSources) warn(cfg *config.Config, d *planDocument, found []int64) {
	if d.Mode != sampler.CollectRecords || len(d.broken) > 0 {
		return
	}
	err := nothingToLookUp(cfg, s.kinds, s.rows, found, cfg.CrtSh.Use)
	var known *exitError
	if errors.As(err, &known) {
		d.Notes = append(d.Notes, fmt.Sprintf("warning: %s; collect will refuse this. Remedy: %s", strings.ReplaceAll(err.Error(), ":\n", ": "), known.hint))
	}
}

// planLookUp is what mode records asks of the logs.
type planLookUp struct {
	Certificates uint64 `json:"certificates"` // distinct final ones of the audited issuers
	SCTs         uint64 `json:"scts"`
	NoSCT        uint64 `json:"without_sct"`
	BadLists     uint64 `json:"sct_list_unreadable"`
	Precerts     uint64 `json:"precertificates"`
	OtherIssuers uint64 `json:"other_issuers"`
	Unreadable   uint64 `json:"unreadable"`

	Without       []string        `json:"without_sct_first"` // the first ones: where they are
	Logs          []planLookUpLog `json:"logs"`
	NotConfigured []planOtherLog  `json:"not_configured"` // logs that SCTs name
	Excluded      []planOtherLog  `json:"excluded"`
	Requests      uint64          `json:"requests"`
	Bytes         uint64          `json:"bytes"`
	Seconds       *float64        `json:"seconds"`
	LimitedBy     string          `json:"limited_by,omitempty"`
	AtLeast       bool            `json:"seconds_at_least"` // a log did not answer, or its speed is not known
}

type planLookUpLog struct {
	Name      string      `json:"name"`
	LogID     string      `json:"log_id"`
	Type      string      `json:"type"`
	URL       string      `json:"url"`
	SCTs      uint64      `json:"scts"`
	Entries   *uint64     `json:"entries"` // of the tree now
	Requests  *uint64     `json:"requests"`
	Bytes     *uint64     `json:"bytes"`
	Limits    []planLimit `json:"limits"` // requests a second
	LimitedBy string      `json:"limited_by,omitempty"`
	Seconds   *float64    `json:"seconds"`
	Error     string      `json:"error,omitempty"`
}

type planOtherLog struct {
	LogID  string `json:"log_id"`
	Name   string `json:"name,omitempty"` // as the log list has it
	SCTs   uint64 `json:"scts"`
	Reason string `json:"reason"`
}

// maxNamedWithout is how many certificates without SCT a plan names.
const maxNamedWithout = 20

func (p *planLookUp) without(where string) {
	if len(p.Without) < maxNamedWithout {
		p.Without = append(p.Without, where)
	}
}

// duration writes seconds for people.
func duration(seconds *float64) string {
	switch {
	case seconds == nil:
		return "unknown"
	case *seconds < 1:
		return "less than a second"
	case *seconds < 90:
		return fmt.Sprintf("%.0f s", *seconds)
	case *seconds < 90*60:
		return fmt.Sprintf("%.0f min", *seconds/60)
	}
	return fmt.Sprintf("%.1f h", *seconds/3600)
}

// renderLookUp writes for people what will be looked up.
func (d *planDocument) renderLookUp(e *env) {
	p := d.LookUp
	if p == nil {
		return
	}
	e.printf("\n%s of the audited issuers to look up, with %s\n", sampler.Counted(p.Certificates, "certificate", "certificates"), sampler.Counted(p.SCTs, "SCT", "SCTs"))
	if len(p.Logs) > 0 {
		t := e.table()
		t.Header("log", "SCTs", "requests", "bytes", "requests/s", "limited by", "time")
		for _, l := range p.Logs {
			by, speed := cmp.Or(l.LimitedBy, "-"), "unknown"
			if l.Error != "" {
				by = "no answer: " + l.Error
			} else if i := tightest(l.Limits); i >= 0 {
				speed = fmt.Sprintf("%.3g", l.Limits[i].Rate)
			}
			if !strings.Contains(l.URL, "://") || strings.HasPrefix(l.URL, "file:") {
				by, speed = "a folder", "-"
			}
			if l.SCTs == 0 {
				by, speed = "no certificate names it", "-"
			}
			t.Row(terminal.Escape(l.Name), terminal.Count(int64(l.SCTs)), count(l.Requests), byteRange(l.Bytes, l.Bytes), speed, terminal.Escape(by), duration(l.Seconds))
		}
		_ = t.Flush() // a failed write shows at the end, in Main
	}
	for _, l := range slices.Concat(p.Excluded, p.NotConfigured) {
		e.printf("not looked up: %s of log %s: %s\n", sampler.Counted(l.SCTs, "SCT", "SCTs"), terminal.Escape(join(l.Name, l.LogID)), terminal.Escape(l.Reason))
	}
	if n := p.NoSCT + p.BadLists; n > 0 {
		e.printf("%s no SCT that can be read, so no log can prove %s:\n", sampler.Counted(n, "certificate has", "certificates have"), map[bool]string{true: "it", false: "them"}[n == 1])
		for _, w := range p.Without {
			e.printf("  %s\n", terminal.Escape(w))
		}
		if more := n - uint64(len(p.Without)); more > 0 {
			e.printf("  and %s more\n", terminal.Count(int64(more)))
		}
	}
	for _, x := range []struct {
		n         uint64
		one, many string
	}{{p.Precerts, "precertificate: it names no log, and is proven by its certificate only", "precertificates: they name no log, and are proven by their certificates only"},
		{p.OtherIssuers, "certificate of another issuer", "certificates of other issuers"}, {p.Unreadable, "row or block that cannot be read", "rows or blocks that cannot be read"}} {
		if x.n > 0 {
			e.printf("not looked up: %s\n", sampler.Counted(x.n, x.one, x.many))
		}
	}
	least := ""
	if p.AtLeast {
		least = "at least "
	}
	by := ""
	if p.LimitedBy != "" {
		by = ", limited by " + p.LimitedBy
	}
	e.printf("%s%s, %s%s, %s%s%s\n", least, sampler.Counted(p.Requests, "request", "requests"), least, bytesText(p.Bytes), least, duration(p.Seconds), terminal.Escape(by))
}

// join puts a name before an id, where there is one.
func join(name, id string) string {
	if name == "" {
		return id
	}
	return name + " (" + id + ")"
}
