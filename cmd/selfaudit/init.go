package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"selfaudit/internal/config"
	"selfaudit/internal/terminal"
)

// initOptions are the flags of `selfaudit init`.
type initOptions struct {
	CA string
}

func newInitCommand(e *env) *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Start a workspace: selfaudit.toml and an empty audits/",
		Long: `Start a workspace: a selfaudit.toml whose comments say what to fill in, and an
empty audits/ folder. Nothing that exists is overwritten.`,
		Example: `  selfaudit init --ca "Example CA"
  selfaudit init --ca "Example CA" -C ~/audits/example
  selfaudit init --ca "Example CA" --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runInit(cmd.Context(), e, o) },
	}
	cmd.Flags().StringVar(&o.CA, "ca", "", "`name` of the CA, as it shall stand in the evidence")
	return cmd
}

// initDocument is what `init --json` writes.
type initDocument struct {
	Schema    string   `json:"schema"`
	Workspace string   `json:"workspace"`
	Created   []string `json:"created"`
	Next      []string `json:"next"`
}

func runInit(_ context.Context, e *env, o initOptions) error {
	if terminal.Escape(o.CA) != o.CA {
		return usageErrorf("", "--ca %s contains a character that cannot be shown", terminal.Escape(o.CA))
	}
	if err := os.MkdirAll(e.auditsPath(), 0o755); err != nil {
		return fmt.Errorf("making the workspace: %w", err)
	}
	if err := writeNew(e.configPath(), config.Template(o.CA)); err != nil {
		return err
	}
	doc := initDocument{
		Schema:    "selfaudit.init/v1",
		Workspace: e.Workspace,
		Created:   []string{e.configPath(), e.auditsPath()},
		Next:      []string{"edit " + e.configPath(), "selfaudit status"},
	}
	if e.JSON {
		return e.writeJSON(doc)
	}
	what := "name the issuers to audit and the logs to read"
	if o.CA == "" {
		what = "fill in the CA's name, the issuers to audit and the logs to read"
	}
	p := e.out()
	e.printf("Created %s and %s\n\n", p.Bold(terminal.Escape(e.configPath())), p.Bold(terminal.Escape(e.auditsPath())))
	e.printf("Next:\n  1. open %s: %s\n  2. %s\n", terminal.Escape(e.configPath()), what, p.Mark("selfaudit run"))
	return nil
}

// writeNew creates a file and refuses one that exists, whoever made it and
// however shortly before.
func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return &exitError{
			code: exitUsage, id: "exists", err: fmt.Errorf("%s exists: this is already a workspace", path),
			hint: "go on with `selfaudit status`, or name another folder with -C",
		}
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
