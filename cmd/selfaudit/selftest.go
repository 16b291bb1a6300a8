package main

import (
	"strings"

	"github.com/spf13/cobra"

	"selfaudit/lint"
)

func newSelftestCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "selftest",
		Short: "Lint three known certificates and compare the results",
		Long: `Lint three certificates that are part of the program and whose findings are known:
one without any, one with a warning, one with an error; by the program's own loop and
by zlint's. A difference means that the program or one of its modules is not what was
tested: the command fails, and no result of this program can be trusted.`,
		Example: `  selfaudit selftest
  selfaudit selftest --json
  selfaudit selftest && selfaudit lint issued/`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return runSelftest(e) },
	}
}

// selftestDocument is what `selftest --json` writes.
type selftestDocument struct {
	Schema string                `json:"schema"`
	Linter []lint.Module         `json:"linter"`
	OK     bool                  `json:"ok"`
	Cases  []lint.SelfTestResult `json:"cases"`
}

func runSelftest(e *env) error {
	results, err := lint.SelfTest()
	doc := &selftestDocument{Schema: "selfaudit.selftest/v1", Linter: lint.Modules(), OK: err == nil, Cases: results}
	if err != nil {
		err = &exitError{code: exitFailed, id: "selftest_failed", err: err, hint: "do not use this build; get a released one, or build it from the released sources with the modules of go.sum"}
	}
	return show(e, doc, err)
}

func (d *selftestDocument) render(e *env) {
	p := e.out()
	for _, c := range d.Cases {
		word := p.Good("ok  ")
		if !c.OK {
			word = p.Bad("FAIL")
		}
		got := "no findings"
		if len(c.Got) > 0 {
			got = strings.Join(c.Got, ", ")
		}
		e.printf("%s  %-5s  %-10s  %s\n", word, c.Name, c.Engine, got)
		if !c.OK {
			e.printf("      known result: %s\n", strings.Join(c.Want, ", "))
		}
	}
}
