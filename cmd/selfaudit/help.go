package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// setHelp installs the two helps: -h is short (what it does, examples, the
// command's own flags), --help and `help COMMAND` add every flag by group and
// the exit codes.
func setHelp(root *cobra.Command, args []string) {
	cobra.EnableCommandSorting = false
	short := slices.Contains(args, "-h") && !slices.Contains(args, "--help")
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		writeHelp(cmd.OutOrStdout(), cmd, !short)
	})
	root.SetHelpCommand(&cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Explain a command",
		GroupID: groupOther,
		RunE: func(_ *cobra.Command, names []string) error {
			cmd, rest, err := root.Find(names)
			if err != nil || len(rest) > 0 {
				return unknownCommand(root, names)
			}
			writeHelp(root.OutOrStdout(), cmd, true)
			return nil
		},
	})
}

// writeHelp writes the help of cmd.
func writeHelp(w io.Writer, cmd *cobra.Command, long bool) {
	text := cmd.Long
	if text == "" {
		text = cmd.Short
	}
	fmt.Fprintf(w, "%s\n\nUsage:\n  %s\n", strings.TrimSpace(text), usageLine(cmd))
	if cmd.Example != "" {
		fmt.Fprintf(w, "\nExamples:\n%s\n", strings.TrimRight(cmd.Example, "\n"))
	}
	writeCommands(w, cmd)
	groups := flagGroups(cmd)
	for _, group := range []string{flagsOwn, flagsNetwork, flagsCommon, flagsOutput} {
		set := groups[group]
		if set == nil || !long && group != flagsOwn {
			continue
		}
		fmt.Fprintf(w, "\n%s:\n%s", group, set.FlagUsages())
	}
	if !long {
		fmt.Fprintf(w, "\nAll flags: %s --help\n", cmd.CommandPath())
		return
	}
	if !cmd.HasParent() {
		fmt.Fprint(w, exitHelp)
	}
}

// exitHelp closes the program's help; every command uses the same codes.
const exitHelp = `
Every flag can also be set in the environment: --fail-on is SELFAUDIT_FAIL_ON.

Exit codes:
  0    done, nothing to report
  1    the command failed
  2    usage or configuration error
  3    done, but incomplete (a log was excluded, a package is unfinished)
  4    verification failed (a log, a package, a beacon)
  5    not yet (the beacon round is still to come); run again later
  10   findings at or above --fail-on
  130  interrupted; run again to go on
`

func usageLine(cmd *cobra.Command) string {
	if !cmd.HasParent() {
		return "selfaudit COMMAND [flags]"
	}
	return cmd.UseLine()
}

func writeCommands(w io.Writer, cmd *cobra.Command) {
	for _, group := range cmd.Groups() {
		fmt.Fprintf(w, "\n%s\n", group.Title)
		for _, c := range cmd.Commands() {
			if c.GroupID == group.ID && !c.Hidden {
				fmt.Fprintf(w, "  %-12s  %s\n", c.Name(), c.Short)
			}
		}
	}
}

// flagGroups sorts the visible flags of cmd, inherited ones included, by group.
func flagGroups(cmd *cobra.Command) map[string]*pflag.FlagSet {
	groups := map[string]*pflag.FlagSet{}
	add := func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" || f.Name == "version" {
			return
		}
		name := flagsOwn
		if g := f.Annotations[flagGroupKey]; len(g) > 0 {
			name = g[0]
		}
		if groups[name] == nil {
			groups[name] = pflag.NewFlagSet(name, pflag.ContinueOnError)
			groups[name].SortFlags = false
		}
		if groups[name].Lookup(f.Name) == nil {
			groups[name].AddFlag(f)
		}
	}
	cmd.LocalFlags().SortFlags = false
	cmd.LocalFlags().VisitAll(add)
	cmd.InheritedFlags().VisitAll(add)
	return groups
}
