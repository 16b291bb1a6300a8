package main

import (
	"context"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// Main runs the program once and returns its exit code. args are those after
// the program's name. Only main deals with signals: they arrive as the end of
// ctx.
func Main(ctx context.Context, args []string, e *env) int {
	e.fill()
	out := &stickyWriter{w: e.Stdout}
	e.Stdout = out

	root := newRoot(e, args)
	err := root.ExecuteContext(ctx)
	if err == nil && out.err != nil {
		err = &exitError{code: exitFailed, err: fmt.Errorf("writing standard output: %w", out.err)}
	}
	if err == nil {
		return exitOK
	}
	if !e.JSON {
		// A flag error can come before cobra has seen a --json further right.
		e.JSON = wantsJSON(args, e.Getenv)
	}
	failure := classify(ctx, e, err)
	e.report(failure)
	return failure.code
}

// wantsJSON finds --json in a command line that could not be parsed.
func wantsJSON(args []string, getenv func(string) string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	if slices.Contains(args, "--json") || slices.Contains(args, "--json=true") {
		return true
	}
	return getenv(envName("json")) == "true" || getenv(envName("json")) == "1"
}

// Groups of commands in the help text.
const (
	groupAudit = "audit"
	groupOther = "other"
)

// newRoot builds the command tree. args is the raw command line, which the
// help needs to tell -h (short) from --help (all).
func newRoot(e *env, args []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "selfaudit",
		Short: "Quarterly self-audits of a CA, from CT logs to sealed evidence",
		Long: `Quarterly self-audits of a certification authority (Baseline Requirements 8.7):
prove the population from CT logs, draw the sample by public randomness, lint
it, and seal evidence that anybody can derive again.`,
		Example: `  selfaudit init --ca "Example CA"     start a workspace in this folder
  selfaudit run                        go as far as the audit can go now
  selfaudit lint cert.pem              lint one certificate, no workspace needed`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return e.settle(cmd)
		},
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       programVersion(),
	}
	// Never nil: cobra would take the process's own arguments instead.
	root.SetArgs(append([]string{}, args...))
	root.SetIn(e.Stdin)
	root.SetOut(e.Stdout)
	root.SetErr(e.Stderr)
	root.SetVersionTemplate("selfaudit {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddGroup(
		&cobra.Group{ID: groupAudit, Title: "An audit, step by step:"},
		&cobra.Group{ID: groupOther, Title: "Besides:"},
	)
	e.addGlobalFlags(root)
	addCommands(root, e)
	setHelp(root, args)
	completeFlags(root, e)
	markStart(root, e)
	return root
}

// addGlobalFlags defines the flags that every command has.
func (e *env) addGlobalFlags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.SortFlags = false
	f.StringVarP(&e.Workspace, "workspace", "C", ".", "workspace `folder` with selfaudit.toml and audits/")
	f.StringVar(&e.AuditID, "audit", "", "`id` of the audit, for example 2026-Q3 (default: the current one)")
	f.StringVar(&e.nowText, "now", "", "take this `time` (RFC 3339) instead of the machine's clock; it is recorded")
	f.BoolVar(&e.Yes, "yes", false, "go ahead without asking (for scripts)")
	groupFlags(root, flagsCommon, "workspace", "audit", "now", "yes")

	f.BoolVar(&e.JSON, "json", false, "one JSON document on standard output, errors as JSON")
	f.BoolVarP(&e.Quiet, "quiet", "q", false, "nothing on standard error but errors")
	f.BoolVarP(&e.Verbose, "verbose", "v", false, "say more on standard error")
	f.StringVar(&e.Color, "color", "auto", "`when` to use colour: auto, always or never")
	groupFlags(root, flagsOutput, "json", "quiet", "verbose", "color")
	e.addNetworkFlags(root)
}

// settle takes over the environment and checks the global flags, before any
// command's own code.
func (e *env) settle(cmd *cobra.Command) error {
	if err := applyEnvironment(cmd, e.Getenv); err != nil {
		return err
	}
	switch e.Color {
	case "auto", "always", "never":
	default:
		return usageErrorf("use --color auto, always or never", "unknown value %q for --color", e.Color)
	}
	if e.JSON && !e.Verbose {
		e.Quiet = true // standard error is for the error document alone
	}
	for _, name := range []string{"void", "exclude-log"} {
		if f := cmd.Flags().Lookup(name); f != nil && !utf8.ValidString(f.Value.String()) {
			return usageErrorf("the reason becomes part of the evidence", "--%s is not valid UTF-8", name)
		}
	}
	if e.nowText != "" {
		t, err := time.Parse(time.RFC3339, e.nowText)
		if err != nil {
			return usageErrorf("write it like 2026-10-05T09:00:00Z", "--now %q is not an RFC 3339 time", e.nowText)
		}
		t = t.UTC().Truncate(time.Second)
		e.given = &t
	}
	return e.settleNetwork()
}

// markStart notes when a command's own code begins: what cobra refuses before
// that is a usage error, whatever its Go type.
func markStart(cmd *cobra.Command, e *env) {
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			e.started = true
			return run(cmd, args)
		}
	}
	for _, sub := range cmd.Commands() {
		markStart(sub, e)
	}
}
