package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"selfaudit/internal/config"
	"selfaudit/internal/terminal"
	"selfaudit/sampler"
)

// initOptions are the flags of `selfaudit init`.
type initOptions struct {
	CA          string
	FromCert    []string
	CCADB       string
	Owner       string
	Certs       []string
	From, Until string
	SkipMissing bool
}

func newInitCommand(e *env) *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Start a workspace: selfaudit.toml and an empty audits/",
		Long: `Start a workspace: a selfaudit.toml whose comments say what to fill in, and an
empty audits/ folder. Nothing that exists is overwritten.

With --from-cert the issuers are filled in from CA certificates. With --ccadb and --owner
they are all CA certificates that the CCADB lists for the owner and that were valid at any
moment of the period, roots, revoked and technically constrained ones included. The public
report has no certificates in it; they are read from --certs, a folder or the CCADB's
report with PEM data. What is missing is listed with links, and nothing else is written.`,
		Example: `  selfaudit init --ca "Example CA"
  selfaudit init --ca "Example CA" --from-cert dv1.pem --from-cert ov2.pem
  selfaudit init --ca "Example CA" --ccadb AllCertificateRecordsCSVFormat.csv --owner "Example, Inc." --certs cas/
  selfaudit init -C ~/audits/example --ca "Example CA" --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runInit(cmd.Context(), e, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.CA, "ca", "", "`name` of the CA, as it shall stand in the evidence (default: --owner, or the certificate's organization)")
	f.StringArrayVar(&o.FromCert, "from-cert", nil, "`file` with CA certificates whose issuance is audited; may be repeated")
	f.StringVar(&o.CCADB, "ccadb", "", "`file` with the CCADB's report AllCertificateRecordsCSVFormat")
	f.StringVar(&o.Owner, "owner", "", "with --ccadb: the CA Owner's `name` in the report")
	f.StringArrayVar(&o.Certs, "certs", nil, "with --ccadb: `folder` or report with the certificates; may be repeated")
	f.StringVar(&o.From, "from", "", "with --ccadb: issuers valid at or after this `time` (default: the last full quarter)")
	f.StringVar(&o.Until, "until", "", "with --ccadb: issuers valid before this `time` (default: now)")
	f.BoolVar(&o.SkipMissing, "skip-missing", false, "with --ccadb: go on without the certificates that are missing")
	return cmd
}

// initDocument is what `init --json` writes.
type initDocument struct {
	Schema    string        `json:"schema"`
	Workspace string        `json:"workspace"`
	Created   []string      `json:"created"`
	Next      []string      `json:"next"`
	Issuers   int           `json:"issuers"` // keys
	Period    *[2]string    `json:"period,omitempty"`
	Missing   []ccadbRecord `json:"missing"`
}

func runInit(ctx context.Context, e *env, o initOptions) error {
	if terminal.Escape(o.CA) != o.CA {
		return usageErrorf("", "--ca %s contains a character that cannot be shown", terminal.Escape(o.CA))
	}
	if _, err := os.Lstat(e.configPath()); err == nil {
		return workspaceExists(e.configPath())
	}
	found, missing, p, err := e.gatherIssuers(ctx, &o)
	if err != nil {
		return err
	}
	issuers, comments, files, err := workspaceIssuers(found)
	if err != nil {
		return err
	}
	o.CA = cmp.Or(o.CA, terminal.Escape(strings.TrimSpace(o.Owner)), organization(found))
	doc := &initDocument{Schema: "selfaudit.init/v1", Workspace: e.Workspace, Issuers: len(issuers), Missing: append([]ccadbRecord{}, missing...)}
	if o.CCADB != "" {
		texts := p.texts()
		doc.Period = &texts
	}
	if len(missing) > 0 {
		if err := e.listMissing(doc, o, missing); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(e.auditsPath(), 0o755); err != nil {
		return fmt.Errorf("making the workspace: %w", err)
	}
	if len(issuers) > 0 {
		if err := e.writeIssuers(files, slices.Sorted(maps.Keys(files))); err != nil {
			return err
		}
	}
	text := config.Filled(o.CA, issuers, comments)
	if o.CCADB != "" {
		file, err := e.fromWorkspace(o.CCADB)
		if err != nil {
			return err
		}
		text = append(text, config.CCADBTable(file, o.Owner)...)
	}
	if err := writeNew(e.configPath(), text); err != nil {
		return err
	}
	doc.Created = append(doc.Created, e.configPath(), e.auditsPath())
	if len(issuers) > 0 {
		cfg, err := e.loadConfig()
		if err == nil && o.CA != "" {
			_, err = loadIssuers(cfg)
		}
		if err != nil && o.CA != "" {
			return fmt.Errorf("the new configuration does not load: %w", err)
		}
		doc.Created = append(doc.Created, filepath.Join(e.Workspace, issuersFolder))
	}
	return doc.finish(e, o)
}

// finish says what was made and what comes next.
func (d *initDocument) finish(e *env, o initOptions) error {
	d.Next = []string{"edit " + e.configPath(), "selfaudit status"}
	if d.Issuers > 0 {
		d.Next = []string{"read " + e.configPath(), "selfaudit doctor", "selfaudit plan"}
	}
	if e.JSON {
		return e.writeJSON(d)
	}
	p := e.out()
	e.printf("Created %s and %s\n", p.Bold(terminal.Escape(e.configPath())), p.Bold(terminal.Escape(e.auditsPath())))
	if d.Issuers > 0 {
		e.printf("%s, their certificates in %s; CT logs from the list that comes with the program\n", sampler.Counted(d.Issuers, "issuer", "issuers"), terminal.Escape(filepath.Join(e.Workspace, issuersFolder)))
	}
	if d.Period != nil {
		e.printf("issuers that were valid between %s and %s\n", d.Period[0], d.Period[1])
	}
	if len(d.Missing) > 0 {
		e.printf("%s %s missing in the configuration: see %s\n", p.Warn("warning:"), sampler.Counted(len(d.Missing), "issuer is", "issuers are"), terminal.Escape(filepath.Join(e.Workspace, missingFile)))
	}
	e.printf("\n")
	what := "name the issuers to audit and the logs to read"
	switch {
	case d.Issuers > 0 && o.CA == "":
		what = "fill in the CA's name"
	case d.Issuers > 0:
		what = "read what was filled in"
	case o.CA == "":
		what = "fill in the CA's name, the issuers to audit and the logs to read"
	}
	if d.Issuers > 0 {
		e.printf("Next:\n  1. open %s: %s\n  2. %s: can this machine do it?\n  3. %s: what will it cost?\n", terminal.Escape(e.configPath()), what, p.Mark("selfaudit doctor"), p.Mark("selfaudit plan"))
		return nil
	}
	e.printf("Next:\n  1. open %s: %s\n  2. %s\n", terminal.Escape(e.configPath()), what, p.Mark("selfaudit run"))
	return nil
}

// listMissing writes the list of certificates to fetch. Without --skip-missing that is
// all: a configuration with a hole would be forgotten.
func (e *env) listMissing(doc *initDocument, o initOptions, missing []ccadbRecord) error {
	if err := os.MkdirAll(e.Workspace, 0o755); err != nil {
		return fmt.Errorf("making the workspace: %w", err)
	}
	path := filepath.Join(e.Workspace, missingFile)
	if err := os.WriteFile(path, missingText(missing), 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	doc.Created = append(doc.Created, path)
	if o.SkipMissing {
		return nil
	}
	doc.Next = []string{"download the certificates listed in " + path, "run the same command with --certs FOLDER"}
	if e.JSON {
		if err := e.writeJSON(doc); err != nil {
			return err
		}
	}
	return &exitError{code: exitIncomplete, id: "issuers_missing",
		err:  fmt.Errorf("%d CA certificates are missing; %s lists them with links", len(missing), path),
		hint: "download them, or the CCADB's report with PEM data, and run the same command with --certs FOLDER; --skip-missing goes on without them"}
}

// workspaceExists refuses to begin where a workspace is.
func workspaceExists(path string) error {
	return &exitError{
		code: exitUsage, id: "exists", err: fmt.Errorf("%s exists: this is already a workspace", path),
		hint: "go on with `selfaudit status`, or name another folder with -C",
	}
}

// writeNew creates a file and refuses one that exists, whoever made it and
// however shortly before.
func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return workspaceExists(path)
	}
	if err != nil {
		return fmt.Errorf("creating %s: %w", path, err)
	}
	_, err = f.Write(data)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
