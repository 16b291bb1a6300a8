package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"time"

	"selfaudit/internal/config"
	"selfaudit/internal/terminal"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/crtsh"
	"selfaudit/sampler/ct"
)

// indexWanted decides whether a collect asks crt.sh: as the flags say; else as an earlier
// run of this audit's collect began; else as configured.
func (w *workspace) indexWanted(a *audit, o collectOptions) (bool, error) {
	switch {
	case o.CrtSh && o.NoCrtSh:
		return false, usageErrorf("keep one of them", "--crtsh and --no-crtsh contradict each other")
	case o.CrtSh:
		return true, nil
	case o.NoCrtSh:
		return false, nil
	}
	return w.cfg.CrtSh.Use || crtsh.Begun(a.dir), nil
}

// askAgain says whether a complete collection is to be opened again, because the user wants
// crt.sh and it did not answer to the end, or was not asked. After freeze it is too late.
func (w *workspace) askAgain(a *audit, o collectOptions, saved *collect.Saved) (bool, error) {
	switch {
	case !o.CrtSh || saved.Index != nil && saved.Index.Complete:
		return false, nil
	case a.commitment == nil:
		return true, nil
	case saved.Index == nil:
		return false, usageErrorf("leave --crtsh out; the next audit can use it", "audit %s is frozen without crt.sh", a.id)
	}
	return false, nil
}

// crtShConfig says where and how to ask.
func (e *env) crtShConfig(c config.CrtSh) (crtsh.Config, error) {
	out := crtsh.Config{Host: c.Host, Port: c.Port, User: c.User, Database: c.Database, SSLMode: c.SSLMode, Application: userAgent(),
		StatementTimeout: c.StatementTimeout, Window: c.Window, MaxBytes: c.MaxGigabytes * 1e9, ConnectTimeout: e.Timeout,
		Sleep: e.Sleep, Jitter: rand.Float64, Now: e.SystemTime,
		OnRetry: func(what string, err error, wait time.Duration) {
			e.debugf("crt.sh: %s: %s; again in %s", what, terminal.Escape(err.Error()), wait.Round(time.Second))
		}}
	if e.CABundle != "" {
		var err error
		if out.RootCAs, _, err = readBundle(e.CABundle); err != nil {
			return out, usageErrorf("name a file with PEM certificates", "--ca-bundle: %w", err)
		}
	}
	return out, nil
}

// askCrtSh asks for everything that crt.sh knows of the audited issuers in the period.
func (w *workspace) askCrtSh(ctx context.Context, a *audit, issuers *collect.Issuers, progress *terminal.Progress) (*crtsh.Answer, error) {
	cfg, err := w.e.crtShConfig(w.cfg.CrtSh)
	if err != nil {
		return nil, err
	}
	start, end, err := a.period()
	if err != nil {
		return nil, err
	}
	q := crtsh.Question{Server: w.cfg.CrtSh.Address, AskedAt: sampler.FormatTime(w.e.Now()), From: start.Add(-crtsh.Margin), Until: end.Add(crtsh.Margin)}
	for _, iss := range issuers.List() {
		asked := crtsh.Issuer{Key: iss.Key}
		for _, der := range iss.Certificates {
			cert, err := ct.ParseCertificate(der)
			if err != nil {
				return nil, err
			}
			asked.Keys = append(asked.Keys, sha256.Sum256(cert.RawSPKI))
			asked.Certificates = append(asked.Certificates, sha256.Sum256(der))
		}
		q.Issuers = append(q.Issuers, asked)
	}
	line := progress.Line("asking crt.sh", "days")
	cfg.OnProgress = func(p crtsh.Progress) {
		line.Set(int64(p.Done/(24*time.Hour)), int64(p.Total/(24*time.Hour)))
		line.SetKept(p.Certificates)
	}
	debug := cfg.OnRetry
	cfg.OnRetry = func(what string, err error, wait time.Duration) {
		debug(what, err, wait)
		line.State(briefly(err), w.e.SystemTime().Add(wait))
	}
	ans, err := crtsh.Ask(ctx, a.dir, cfg, q)
	switch {
	case err != nil:
		line.Done("stopped")
		return nil, err
	case !ans.Complete:
		line.Done("incomplete")
		w.e.notef("%s", w.e.errOut().Warn("crt.sh could not be asked to the end: "+terminal.Escape(ans.Reason)))
	default:
		line.Done("asked")
	}
	return ans, nil
}

// indexSource is what crt.sh answered, as a source of certificates. A certificate's path is
// its crt.sh id, so that https://crt.sh/?id=… shows it.
type indexSource struct{ ans *crtsh.Answer }

func (s indexSource) Name() string { return crtsh.Name }

// Kind tells collect that this is no file.
func (s indexSource) Kind() string { return sampler.FileIndex }

func (s indexSource) Read(ctx context.Context, cert func(collect.FileCertificate) error, problem func(collect.FileProblem) error) error {
	return s.ans.Read(ctx,
		func(id int64, der []byte) error {
			return cert(collect.FileCertificate{Path: strconv.FormatInt(id, 10), DER: der})
		},
		func(id int64, err error) error {
			return problem(collect.FileProblem{Path: strconv.FormatInt(id, 10), Block: -1, Err: err})
		})
}

// collectIndex is crt.sh in what `collect --json` writes.
type collectIndex struct {
	Server        string `json:"server"`
	Complete      bool   `json:"complete"`
	Reason        string `json:"reason,omitempty"`
	Certificates  int64  `json:"certificates"`
	Kept          int64  `json:"kept"`
	Interruptions int    `json:"interruptions"` // of this run; no part of the evidence
}

func collectIndexOf(x *sampler.SnapshotIndex) *collectIndex {
	if x == nil {
		return nil
	}
	return &collectIndex{Server: x.Server, Complete: x.Complete, Reason: x.Reason, Certificates: x.Certificates, Kept: x.Kept}
}

// saveIndex puts crt.sh's part into what is kept of the collection, and into the document.
func (w *workspace) saveIndex(doc *collectDocument, saved *collect.Saved, issuers *collect.Issuers, ans *crtsh.Answer) {
	if ans == nil {
		if w.cfg.CrtSh.Use {
			saved.Notes = append(saved.Notes, "crt.sh is configured but was not asked: --no-crtsh")
		}
		return
	}
	x := &sampler.SnapshotIndex{Name: crtsh.Name, Server: w.cfg.CrtSh.Address, AskedAt: ans.AskedAt, NotBeforeFrom: sampler.FormatTime(ans.From),
		NotBeforeUntil: sampler.FormatTime(ans.Until), Certificates: ans.Certificates(), Complete: ans.Complete, Reason: ans.Reason}
	for _, f := range saved.Files {
		if f.Kind == sampler.FileIndex {
			x.Kept = f.Kept
		}
	}
	for _, iss := range ans.Issuers {
		entry := sampler.SnapshotIndexIssuer{KeySHA256: iss.Key, CAs: []sampler.SnapshotIndexCA{}}
		for _, ca := range iss.CAs {
			entry.CAs = append(entry.CAs, sampler.SnapshotIndexCA{ID: ca.ID, Certificates: ca.Certificates, AskedUntil: sampler.FormatTime(ca.Until)})
		}
		x.Issuers = append(x.Issuers, entry)
	}
	saved.Index = x
	saved.Notes = append(saved.Notes, indexNotes(x, issuers, ans.Found)...)
	doc.Index = collectIndexOf(x)
	doc.Index.Interruptions = ans.Interruptions
}

// maxIndexNotes bounds the CAs that a note names.
const maxIndexNotes = 20

// indexNotes says what an auditor has to know about crt.sh. found says that its CAs are known.
func indexNotes(x *sampler.SnapshotIndex, issuers *collect.Issuers, found bool) []string {
	const worth = "it is a cross-check: what it does not know proves nothing, and its times are not used"
	var notes []string
	if x.Complete {
		notes = append(notes, fmt.Sprintf("crt.sh (%s) was asked on %s for all certificates of the issuers with notBefore from %s to %s: it has %d, of which %d are the issuers'; %s",
			x.Server, x.AskedAt, x.NotBeforeFrom, x.NotBeforeUntil, x.Certificates, x.Kept, worth))
	} else {
		var covered []string
		for _, iss := range x.Issuers {
			for _, ca := range iss.CAs {
				if len(covered) < maxIndexNotes {
					covered = append(covered, fmt.Sprintf("CA %d to %s", ca.ID, ca.AskedUntil))
				}
			}
		}
		what := "nothing was answered"
		if len(covered) > 0 {
			what = fmt.Sprintf("answered with %d certificates are, for notBefore from %s on: %s", x.Certificates, x.NotBeforeFrom, strings.Join(covered, ", "))
		}
		notes = append(notes, fmt.Sprintf("crt.sh (%s) could not be asked to the end: %s; %s; %s", x.Server, x.Reason, what, worth))
	}
	if !found {
		return notes
	}
	for i, iss := range x.Issuers {
		if len(iss.CAs) == 0 {
			notes = append(notes, fmt.Sprintf("crt.sh knows no CA with the key %s (%s)", iss.KeySHA256, issuers.List()[i].Label))
		}
	}
	return notes
}

// crtShPlan says how often crt.sh will have to be asked.
func crtShPlan(cfg *config.Config, p period) string {
	span, c := p.until.Sub(p.from)+2*crtsh.Margin, cfg.CrtSh
	windows := (span + c.Window - 1) / c.Window
	return fmt.Sprintf("crt.sh is asked too, over port %d: at least %s for each name that an issuer's key has there, and one more for every 1000 certificates", c.Port, sampler.Counted(int64(windows), "question", "questions"))
}

// crtSh checks crt.sh's port and schema, where it is a source. No proxy passes port 5432.
func (n *netDoctor) crtSh(ctx context.Context) {
	c := n.cfg.CrtSh
	if !c.Use {
		n.d.skip("crt.sh, port 5432", "it is no source of this configuration")
		return
	}
	r := netResult{check: fmt.Sprintf("crt.sh, %s", net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))), optional: true,
		remedy: "PostgreSQL goes through no proxy: let the firewall pass this port, or set use = false in [crtsh]; the audit does not need it"}
	if n.offline {
		r.skipped, r.err = true, errOffline
		n.results = append(n.results, r)
		return
	}
	cfg, err := n.e.crtShConfig(c)
	if err == nil {
		cfg.ConnectTimeout, cfg.StatementTimeout = n.patience(), n.patience()
		err = crtsh.Try(ctx, cfg)
	}
	if r.err = err; err == nil {
		r.detail = "it answers, and its tables are the known ones"
	}
	n.results = append(n.results, r)
}
