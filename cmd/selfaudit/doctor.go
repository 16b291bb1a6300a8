package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"selfaudit/internal/config"
	"selfaudit/internal/terminal"
	"selfaudit/sampler"
)

// doctorOptions are the flags of `selfaudit doctor`.
type doctorOptions struct {
	From, Until string
	Offline     bool
}

func newDoctorCommand(e *env) *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check that this machine can do the audit",
		Long: `Check what an audit needs: configuration, issuers, folders, lock, disk space, clock, proxy,
CA bundle, the CT log list, every CT log that would be read (its tree head is fetched and
verified), and the drand relays. One line for each check: ok, warning or FAIL with what to
do, or skipped with the reason. Exit code 1 if a check failed. Nothing is changed.

Without network say --offline; what is in folders is checked all the same.`,
		Example: `  selfaudit doctor
  selfaudit doctor --offline
  selfaudit doctor --ca-bundle proxy-ca.pem --timeout 10s --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			doc, err := e.doctor(cmd.Context(), o)
			return show(e, doc, err)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.From, "from", "", "first `time` of the period for which logs are chosen (default: the open audit's, else the last full quarter)")
	f.StringVar(&o.Until, "until", "", "first `time` after the period")
	f.BoolVar(&o.Offline, "offline", false, "ask nobody over the network")
	return cmd
}

// Outcomes of a check.
const (
	checkOK      = "ok"
	checkWarning = "warning" // the audit can be done, but somebody should look at it
	checkFailed  = "FAIL"
	checkSkipped = "skipped"
)

// doctorDocument is what `doctor --json` writes.
type doctorDocument struct {
	Schema string        `json:"schema"`
	Checks []doctorCheck `json:"checks"`
	Failed int           `json:"failed"`
}

type doctorCheck struct {
	Check  string `json:"check"`
	Status string `json:"status"` // ok, warning, FAIL or skipped
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"`
}

func (d *doctorDocument) ok(check, format string, args ...any) {
	d.Checks = append(d.Checks, doctorCheck{Check: check, Status: checkOK, Detail: fmt.Sprintf(format, args...)})
}

func (d *doctorDocument) skip(check, format string, args ...any) {
	d.Checks = append(d.Checks, doctorCheck{Check: check, Status: checkSkipped, Detail: fmt.Sprintf(format, args...)})
}

func (d *doctorDocument) warn(check, remedy, format string, args ...any) {
	d.Checks = append(d.Checks, doctorCheck{Check: check, Status: checkWarning, Detail: fmt.Sprintf(format, args...), Remedy: remedy})
}

func (d *doctorDocument) fail(check, remedy, format string, args ...any) {
	d.Checks = append(d.Checks, doctorCheck{Check: check, Status: checkFailed, Detail: fmt.Sprintf(format, args...), Remedy: remedy})
	d.Failed++
}

// failed is fail with an error, which may bring its own remedy.
func (d *doctorDocument) failed(check, remedy string, err error) {
	var known *exitError
	if errors.As(err, &known) && known.hint != "" {
		remedy = known.hint
	}
	d.fail(check, remedy, "%v", err)
}

func (e *env) doctor(ctx context.Context, o doctorOptions) (*doctorDocument, error) {
	d := &doctorDocument{Schema: "selfaudit.doctor/v1", Checks: []doctorCheck{}}
	p, err := e.lookAhead(o.From, o.Until)
	if err != nil {
		return nil, err
	}
	cfg := e.doctorConfig(ctx, d, p)
	e.doctorFolders(d)
	e.doctorNetworkSettings(d)
	n := &netDoctor{e: e, d: d, cfg: cfg, offline: o.Offline}
	n.base = e.Transport
	n.logs(ctx, p)
	n.relays(ctx)
	n.crtSh(ctx)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n.write()
	e.doctorDisk(d, n.entries)
	n.clock()
	if d.Failed > 0 {
		return d, &exitError{code: exitFailed, id: "doctor", quiet: true, err: fmt.Errorf("%d of %d checks failed", d.Failed, len(d.Checks))}
	}
	return d, nil
}

// doctorConfig checks configuration and issuers; the configuration is returned, an empty
// one if it cannot be read.
func (e *env) doctorConfig(ctx context.Context, d *doctorDocument, p period) *config.Config {
	cfg, err := e.loadConfig()
	if err != nil {
		d.failed("configuration", "correct the file", err)
		d.skip("issuers", "without a configuration there are none")
		return e.emptyConfig()
	}
	if err := cfg.Complete(); err != nil {
		d.failed("configuration", "edit "+cfg.File, err)
	} else {
		d.ok("configuration", "%s", cfg.File)
	}
	doctorContact(d, cfg)
	doctorStart(d, cfg)
	if len(cfg.Issuers) == 0 {
		d.skip("issuers", "none is configured")
		return cfg
	}
	issuers, err := loadIssuers(cfg)
	if err != nil {
		d.failed("issuers", "correct [[issuer]] in "+cfg.File, err)
		return cfg
	}
	if _, err := issuerRules(cfg, issuers); err != nil {
		d.failed("sampling rules", "correct [[stratum]] in "+cfg.File, err)
		return cfg
	}
	n := 0
	for _, iss := range issuers.List() {
		n += len(iss.Certificates)
	}
	d.ok("issuers", "%s with %s", sampler.Counted(len(issuers.List()), "key", "keys"), sampler.Counted(n, "certificate", "certificates"))
	doctorCCADB(d, cfg, issuers, p)
	for _, f := range cfg.Files {
		if _, err := readable(cfg.Resolve(f.Path)); err != nil {
			d.failed("files "+f.Path, "correct [[files]] path", err)
		} else {
			d.ok("files "+f.Path, "readable")
		}
	}
	for _, r := range cfg.Records {
		if _, err := readable(cfg.Resolve(r.Path)); err != nil {
			d.failed("records "+r.Path, "correct [[records]] path", err)
		} else {
			d.ok("records "+r.Path, "readable; `selfaudit records` shows what is made of it")
		}
	}
	kinds := exportKinds(ctx, cfg)
	if modeFor("", cfg, kinds) == sampler.CollectRecords {
		if err := nothingToLookUp(cfg, kinds, nil, nil, cfg.CrtSh.Use); err != nil {
			d.failed("certificates to look up", "", err)
		}
	}
	return cfg
}

// render writes the document for people.
func (d *doctorDocument) render(e *env) {
	p := e.out()
	for _, c := range d.Checks {
		word := fmt.Sprintf("%-8s", c.Status)
		switch c.Status {
		case checkFailed:
			word = p.Bad(word)
		case checkWarning:
			word = p.Warn(word)
		}
		// A file with several mistakes gives a line for each.
		lines := strings.Split(c.Detail, "\n")
		e.printf("%s %s: %s\n", word, terminal.Escape(c.Check), terminal.Escape(lines[0]))
		for _, line := range lines[1:] {
			e.printf("         %s\n", terminal.Escape(line))
		}
		if c.Remedy != "" {
			e.printf("         %s %s\n", p.Dim("remedy:"), terminal.Escape(c.Remedy))
		}
	}
	if d.Failed > 0 {
		e.printf("\n%s failed\n", sampler.Counted(d.Failed, "check", "checks"))
	}
}
