package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"selfaudit/internal/terminal"
)

// Groups of flags in the long help. A flag without a group is the command's
// own and comes first.
const (
	flagsOwn     = "Flags"
	flagsCommon  = "Common flags"
	flagsNetwork = "Network flags"
	flagsOutput  = "Output flags"
)

const flagGroupKey = "selfaudit_group"

// groupFlags puts flags of cmd, already defined, into a group of its help.
func groupFlags(cmd *cobra.Command, group string, names ...string) {
	for _, name := range names {
		f := cmd.PersistentFlags().Lookup(name)
		if f == nil {
			f = cmd.Flags().Lookup(name)
		}
		if f.Annotations == nil {
			f.Annotations = map[string][]string{}
		}
		f.Annotations[flagGroupKey] = []string{group}
	}
}

// envName is the environment variable that stands for a flag: fail-on is
// SELFAUDIT_FAIL_ON.
func envName(flag string) string {
	return "SELFAUDIT_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// applyEnvironment sets every flag of cmd that was not given from its
// environment variable. An empty variable counts as none.
func applyEnvironment(cmd *cobra.Command, getenv func(string) string) error {
	var first error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		value := getenv(envName(f.Name))
		if f.Changed || value == "" || f.Name == "help" || f.Name == "version" || first != nil {
			return
		}
		if err := cmd.Flags().Set(f.Name, value); err != nil {
			first = usageErrorf(helpLine(cmd), "environment variable %s: invalid value %q for --%s", envName(f.Name), value, f.Name)
		}
	})
	return first
}

// flagError turns what pflag says about a flag into one line with a way out.
func flagError(cmd *cobra.Command, err error) error {
	hint := helpLine(cmd)
	switch problem := err.(type) {
	case *pflag.InvalidValueError:
		return usageErrorf(hint, "invalid value %q for --%s", problem.GetValue(), problem.GetFlag().Name)
	case *pflag.ValueRequiredError:
		return usageErrorf(hint, "--%s needs a value", problem.GetFlag().Name)
	case *pflag.NotExistError:
		name := problem.GetSpecifiedName()
		shown := "--" + name
		if problem.GetSpecifiedShortnames() != "" {
			shown = "-" + name
		} else if near := nearestFlag(cmd, name); near != "" {
			hint = fmt.Sprintf("did you mean --%s? %s", near, hint)
		}
		return usageErrorf(hint, "unknown flag %s for `%s`", shown, cmd.CommandPath())
	}
	return &exitError{code: exitUsage, err: err, hint: hint}
}

func nearestFlag(cmd *cobra.Command, name string) string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return terminal.Nearest(name, names)
}

// helpLine points at one line of help instead of printing all of it.
func helpLine(cmd *cobra.Command) string {
	return fmt.Sprintf("see `%s --help`", cmd.CommandPath())
}

// unknownCommand is the root's argument check: whatever is left over there is
// a command that does not exist.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	hint := "see `selfaudit help`"
	if near := terminal.Nearest(args[0], names); near != "" {
		hint = fmt.Sprintf("did you mean `selfaudit %s`? %s", near, hint)
	}
	return usageErrorf(hint, "unknown command %q", args[0])
}

// noArgs refuses arguments: for commands that take only flags.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageErrorf(helpLine(cmd), "%s takes no arguments, got %q", cmd.CommandPath(), args[0])
	}
	return nil
}

// oneArg demands exactly one argument and names it in the error.
func oneArg(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return usageErrorf(helpLine(cmd), "%s needs a %s", cmd.CommandPath(), name)
		case len(args) > 1:
			return usageErrorf(helpLine(cmd), "%s takes one %s, got %d", cmd.CommandPath(), name, len(args))
		}
		return nil
	}
}
