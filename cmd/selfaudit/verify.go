package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"selfaudit/reports/evidence"
)

func newVerifyCommand(e *env) *cobra.Command {
	var o evidence.Options
	cmd := &cobra.Command{
		Use:   "verify PACKAGE",
		Short: "Check an evidence package by deriving everything again",
		Long: `Check an evidence package, a folder or its zip. It reads only, and needs no workspace,
no configuration and no network.

Every line is one check: ok, FAIL, skipped (with the reason; never counted as passed),
note, open, or compare: what only you can know, because keys and certificates come with the
package. Give your own copies with --log-keys and --issuers to have them compared.
Exit code 4 if any check fails, 3 for a package that is labelled incomplete.`,
		Example: `  selfaudit verify 2026-Q3.zip
  selfaudit verify 2026-Q3.zip --earlier 2026-Q2.zip --earlier 2026-Q1.zip
  selfaudit verify 2026-Q3.zip --log-keys log_list.json --issuers ca-certs.pem`,
		Args: oneArg("PACKAGE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			progress := e.progress()
			line := progress.Line("verify", "")
			o.Progress = func(_ string, done, total int64) { line.Set(done, total) }
			o.Program = programInfo()
			report, err := evidence.Verify(cmd.Context(), args[0], o)
			progress.Close()
			if err != nil {
				return err
			}
			if e.JSON {
				err = e.writeJSON(report)
			} else {
				err = report.Write(e.Stdout)
			}
			if err == nil && report.Incomplete {
				err = &exitError{code: exitIncomplete, id: "package_incomplete", quiet: true, err: fmt.Errorf("%s is not finished", args[0])}
			}
			if report.Failed() {
				err = &exitError{code: exitVerify, id: "package_failed", quiet: true, err: fmt.Errorf("%s does not check out", args[0])}
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.Earlier, "earlier", nil, "`package` of an earlier audit of the chain, newest first; may be repeated")
	f.StringArrayVar(&o.LogKeys, "log-keys", nil, "`file` with your own copies of log keys (PEM, base64 or a log list); may be repeated")
	f.StringArrayVar(&o.Issuers, "issuers", nil, "`file` with your own copies of the issuers' certificates; may be repeated")
	return cmd
}
