package main

import "github.com/spf13/cobra"

// addCommands puts every command under root, in the order of the help text.
func addCommands(root *cobra.Command, e *env) {
	audit := []*cobra.Command{
		newInitCommand(e),
		newDoctorCommand(e),
		newPlanCommand(e),
		newCollectCommand(e),
		newFreezeCommand(e),
		newDrawCommand(e),
		newLintCommand(e),
		newReportCommand(e),
		newSealCommand(e),
		newVerifyCommand(e),
		newRunCommand(e),
		newStatusCommand(e),
		newPopulationCommand(e),
	}
	other := []*cobra.Command{
		newLogsCommand(e),
		newRecordsCommand(e),
		newRequirementsCommand(e),
		newSelftestCommand(e),
		newVersionCommand(e),
		newCompletionCommand(e),
		newManCommand(e),
	}
	addGroup(root, groupAudit, audit)
	addGroup(root, groupOther, other)
}

func addGroup(root *cobra.Command, group string, cmds []*cobra.Command) {
	for _, c := range cmds {
		c.GroupID = group
		// Help lists the steps in the order one takes them.
		root.AddCommand(c)
	}
}
