package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newManCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "man FOLDER",
		Short: "Write the manual pages into a folder",
		Example: `  selfaudit man dist/man
  selfaudit man /usr/local/share/man/man1
  selfaudit man . && man ./selfaudit-lint.1`,
		Args: oneArg("folder"),
		RunE: func(cmd *cobra.Command, args []string) error { return runMan(e, cmd.Root(), args[0]) },
	}
}

// runMan writes one page per command into dir.
func runMan(e *env, root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the folder of the manual pages: %w", err)
	}
	pages := append([]*cobra.Command{root}, root.Commands()...)
	for _, cmd := range pages {
		if cmd.Hidden {
			continue
		}
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
		file := filepath.Join(dir, name+".1")
		if err := os.WriteFile(file, manPage(cmd, name), 0o644); err != nil {
			return fmt.Errorf("writing manual page: %w", err)
		}
		e.debugf("wrote %s", file)
	}
	return nil
}

// manPage writes cmd's help as a man(7) page. It carries no date, so that the
// same program gives the same bytes.
func manPage(cmd *cobra.Command, name string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"selfaudit\"\n", roff(strings.ToUpper(name)))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(name), roff(cmd.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(usageLine(cmd)))
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	fmt.Fprintf(&b, ".SH DESCRIPTION\n%s\n", roff(strings.TrimSpace(text)))
	if cmd.Example != "" {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roff(cmd.Example))
	}
	groups := flagGroups(cmd)
	for _, group := range []string{flagsOwn, flagsNetwork, flagsCommon, flagsOutput} {
		if groups[group] == nil {
			continue
		}
		fmt.Fprintf(&b, ".SH %s\n", roff(strings.ToUpper(group)))
		groups[group].VisitAll(func(f *pflag.Flag) { writeManFlag(&b, f) })
	}
	if cmd.HasParent() {
		fmt.Fprint(&b, ".SH SEE ALSO\n.BR selfaudit (1)\n")
		return b.Bytes()
	}
	fmt.Fprintf(&b, ".SH ENVIRONMENT AND EXIT CODES\n.nf\n%s\n.fi\n.SH SEE ALSO\n", roff(strings.TrimSpace(exitHelp)))
	for _, c := range cmd.Commands() {
		if !c.Hidden {
			fmt.Fprintf(&b, ".BR selfaudit\\-%s (1)\n", roff(c.Name()))
		}
	}
	return b.Bytes()
}

func writeManFlag(b *bytes.Buffer, f *pflag.Flag) {
	value, usage := pflag.UnquoteUsage(f)
	title := "--" + f.Name
	if f.Shorthand != "" {
		title = "-" + f.Shorthand + ", " + title
	}
	if value != "" {
		title += " " + value
	}
	fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(title), roff(usage))
}

// roff escapes text for man(7): backslashes, hyphens, and lines that would
// start with a control character.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
