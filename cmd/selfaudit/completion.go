package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func newCompletionCommand(e *env) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Write the completion script for bash, zsh, fish or powershell",
		Example: `  selfaudit completion bash > /etc/bash_completion.d/selfaudit
  selfaudit completion zsh > "${fpath[1]}/_selfaudit"
  selfaudit completion fish > ~/.config/fish/completions/selfaudit.fish`,
		Args:      oneArg("shell"),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(e.Stdout, true)
			case "zsh":
				return root.GenZshCompletion(e.Stdout)
			case "fish":
				return root.GenFishCompletion(e.Stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(e.Stdout)
			}
			return usageErrorf("there are bash, zsh, fish and powershell", "no completion for %q", args[0])
		},
	}
}

// completeFlags teaches the shell the values of flags that have a fixed set or
// that the workspace knows.
func completeFlags(root *cobra.Command, e *env) {
	setCompletion(root, "color", oneOfWords("auto", "always", "never"))
	setCompletion(root, "audit", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		// Without a workspace there is nothing to offer, and no place to say so.
		entries, _ := os.ReadDir(e.auditsPath())
		var ids []string
		for _, entry := range entries {
			if entry.IsDir() {
				ids = append(ids, entry.Name())
			}
		}
		return ids, cobra.ShellCompDirectiveNoFileComp
	})
}

// setCompletion teaches the shell one flag. cobra only refuses flags that do
// not exist or are taught twice: a defect that every test of the program finds.
func setCompletion(cmd *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(fmt.Sprintf("completion of --%s: %v", flag, err))
	}
}

func oneOfWords(words ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}
