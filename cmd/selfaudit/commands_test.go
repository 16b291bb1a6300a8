package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestCommandsTeach holds every command to the same shape of help.
func TestCommandsTeach(t *testing.T) {
	e := &env{}
	e.fill()
	root := newRoot(e, nil)
	for _, cmd := range root.Commands() {
		if cmd.Hidden || cmd.Name() == "help" {
			continue
		}
		if cmd.RunE == nil || cmd.Run != nil {
			t.Errorf("%s: RunE is how a command reports its error", cmd.Name())
		}
		if cmd.GroupID == "" {
			t.Errorf("%s: in no group, so the help does not list it", cmd.Name())
		}
		if n := len(cmd.Short); n == 0 || n > 65 || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: short description %q: one line, no full stop", cmd.Name(), cmd.Short)
		}
		if n := examples(cmd); n < 3 {
			t.Errorf("%s: %d examples, want three", cmd.Name(), n)
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s: --%s says nothing about itself", cmd.Name(), f.Name)
			}
		})
	}
}

// examples counts the example lines that call the command.
func examples(cmd *cobra.Command) int {
	n := 0
	for line := range strings.Lines(cmd.Example) {
		if strings.Contains(line, cmd.CommandPath()) {
			n++
		}
	}
	return n
}
